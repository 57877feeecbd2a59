"""A trained network goes into the package with a card that says how it came about."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

TRAINING = Path(__file__).resolve().parents[2] / "Training"
sys.path.insert(0, str(TRAINING))

from bundle_unet import main  # noqa: E402
from bundled_unet import FORMER, short  # noqa: E402
from bundled_unet import main as train_bundled  # noqa: E402

from CTDoseSegLib.learning.unet.config import read_config  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import (  # noqa: E402
    UNet,
    load_unet,
    sha256,
    weights_bytes,
)
from CTDoseSegLib.segmentation.unet.spec import UNetSpec  # noqa: E402

SPEC = UNetSpec(
    classes=("body_rest", "liver", "brain"), widths=(4, 8), context=0, single=("liver", "brain")
)
RECIPE = """[network]
classes = ["body_rest", "liver", "brain"]
widths = [4, 8]
context = 0

[[data]]
kind = "volumes"
folder = "abdomen"
weight = 3.0

[[data]]
kind = "bodies"
count = 12
weight = 1.0

[training]
epochs = 2
steps = 5
batch = 4
start_from = "former"
"""


def write_network(folder, seed):
    torch.manual_seed(seed)
    content = weights_bytes(UNet(SPEC))
    folder.mkdir(parents=True)
    (folder / "unet.safetensors").write_bytes(content)
    (folder / "unet.json").write_text(SPEC.to_json())
    (folder / "model_card.md").write_text(f"name: CTDoseSeg UNet\nsha256: {sha256(content)}\n")
    return sha256(content)


@pytest.fixture
def run(tmp_path):
    write_network(tmp_path / "work" / "run", 1)
    (tmp_path / "work" / "abdomen" / "images").mkdir(parents=True)
    (tmp_path / "work" / "abdomen" / "images" / "a.nii.gz").touch()
    (tmp_path / "work" / "bundled_unet.toml").write_text(RECIPE)
    (tmp_path / "work" / "run" / "history.csv").write_text(
        "epoch,loss,seconds\n1,0.5,3600.0\n2,0.4,5400.0\n"
    )
    return tmp_path / "work" / "run"


def test_the_card_says_what_it_was_trained_on_how_long_and_why_a_class_is_left_out(run, tmp_path):
    former = write_network(tmp_path / "work" / "former", 2)
    figures = tmp_path / "figures.md"
    figures.write_text("| figure | target |\n")
    out = tmp_path / "shipped"
    why = "brain: 0.61 on phantoms, target 0.93"
    main([str(run), "--out", str(out), "--drop", why, "--figures", str(figures)])
    card = (out / "model_card.md").read_text()
    for words in (
        f"SHA-256 {former[:12]}",
        "2 epochs of 5 batches of 4 slices, 1.5 h on two cores",
        "1 real CT (abdomen), 75 % of the slices shown",
        "12 people of any age",
        "| brain | 0.61 on phantoms, target 0.93 |",
        "| figure | target |",
    ):
        assert words in card
    assert "brain: no real scan" not in card  # of what does not ship nothing is said


def test_a_dropped_class_stays_in_the_network_and_is_withheld_from_label_maps(run, tmp_path):
    write_network(tmp_path / "work" / "former", 2)
    main([str(run), "--out", str(tmp_path / "shipped"), "--drop", "liver: 0.5, target 0.93"])
    _, spec, digest = load_unet(tmp_path / "shipped")
    assert digest == load_unet(run)[2]
    assert spec.classes == load_unet(run)[1].classes
    assert spec.shown == ("body_rest", "brain")


@pytest.mark.parametrize("argument", ["heart: 0.5", "brain", "brain:"])
def test_a_class_is_dropped_by_name_and_with_a_reason(run, tmp_path, argument):
    with pytest.raises(SystemExit, match=r"no such class: heart|say why brain"):
        main([str(run), "--out", str(tmp_path / "shipped"), "--drop", argument])


def test_a_run_that_leaves_a_scan_out_is_shorter_and_begins_at_random(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(short((TRAINING / "bundled_unet.toml").read_text(encoding="utf-8"), 4))
    config = read_config(path)
    assert config.training.epochs == 4
    assert config.training.start_from == ""
    assert [source.count for source in config.data if not source.folder] == [48, 8]


def test_a_folder_that_holds_the_scan_is_refused_for_judging_it(tmp_path, monkeypatch, capsys):
    (tmp_path / FORMER).mkdir()
    (tmp_path / "abdomen" / "images").mkdir(parents=True)
    (tmp_path / "abdomen" / "images" / "example_ct.nii.gz").touch()
    monkeypatch.setattr("os.execve", lambda *_: pytest.fail("it was trained"))
    arguments = ["bundled_unet.py", "data", str(tmp_path), "--leave-out", "example_ct"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        train_bundled()
    assert "give another folder" in capsys.readouterr().err
