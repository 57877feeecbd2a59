"""The configuration of a training run: what is wrong in it is named."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.errors import InputError  # noqa: E402
from CTDoseSegLib.learning.unet.config import read_config  # noqa: E402

NETWORK = '[network]\nclasses = ["bone"]\nwidths = [4, 8]\ncontext = 0\npixel_mm = 0\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NETWORK, "needs the tables"),
        (NETWORK + '[[data]]\nkind = "tapes"\n', "kind 'tapes'"),
        (NETWORK + '[[data]]\nkind = "phantoms"\nnot_drawn = ["heart"]\n', "names heart"),
        (NETWORK + '[[data]]\nkind = "phantoms"\n[training]\nepoch = 3\n', "has no epoch"),
        (
            NETWORK + '[[data]]\nkind = "phantoms"\n[training]\nworkers = -1\n',
            "workers, print_every",
        ),
        ('[network]\nclasses = []\n[[data]]\nkind = "phantoms"\n', "no classes"),
        ("[network\n", "not valid TOML"),
    ],
)
def test_a_wrong_configuration_is_refused_by_table_and_key(tmp_path, text, said):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_config(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("table", "line", "said"),
    [
        ("training", 'steps = "4,5"', r'\[training\] of c.toml: steps = "4,5" .* as steps = 4'),
        ("training", "epochs = 4.5", "epochs = 4.5 .* a whole number without quotes"),
        ("training", "batch = true", "batch = true .* a whole number"),
        ("training", 'learning_rate = "0,002"', 'learning_rate = "0,002" .* with a point'),
        ("training", "learning_rate = nan", "learning_rate = NaN"),
        ("training", 'augment = "no"', "true or false without quotes"),
        ("training", "start_from = 3", "start_from = 3 .* a text in quotes"),
        ("training", 'class_weights = { bone = "2" }', "class_weights = .* numbers between"),
        ("data", "kind = 3", "kind = 3 .* a text in quotes"),
        ("data", 'validate = "a"', r'validate = "a" .* as validate = \["a", "b"\]'),
        ("data", "values = { 1 = 2 }", "values = .* texts in quotes"),
        ("network", 'context = "1"', r"\[network\] of c.toml: context"),
        ("network", "windows = [[0, 1, 2]]", "windows = .* pairs of numbers"),
    ],
)
def test_a_value_of_another_kind_is_named_with_what_to_write(tmp_path, table, line, said):
    key = line.split(" = ")[0]
    tables = {
        "network": 'classes = ["body_rest", "bone"]\n',
        "data": 'kind = "phantoms"\n' * (key != "kind"),
        "training": "",
    }
    tables[table] += f"{line}\n"
    head = {"network": "[network]", "data": "[[data]]", "training": "[training]"}
    text = "".join(f"{head[name]}\n{tables[name]}" for name in head)
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_config(tmp_path / "c.toml")
