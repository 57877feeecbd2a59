"""The dose model's file: the bundled one, and those that are refused."""

from __future__ import annotations

import json
import math
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from dose_scans import MODEL

from CTDoseSegLib.dosimetry.fast.model import TERMS, load_model, parse_model
from CTDoseSegLib.errors import ModelError

BUNDLED = Path(str(files("CTDoseSegLib.models"))) / "dose"


@pytest.mark.parametrize("term", TERMS[1:])
def test_the_bundled_model_has_no_positive_wed_coefficient(term):
    for region in MODEL.regions.values():
        for organ in region.organs.values():
            assert organ.coefficients[term] <= 0


def copy_of_the_model(folder: Path) -> Path:
    for name in ("model.json", "model_card.md"):
        shutil.copy(BUNDLED / name, folder / name)
    return folder


def test_a_model_file_that_was_changed_is_refused(tmp_path):
    folder = copy_of_the_model(tmp_path)
    assert load_model(folder).card == MODEL.card
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text.replace("-0.", "-1.", 1))
    with pytest.raises(ModelError, match="SHA-256"):
        load_model(folder)


def test_a_model_without_its_card_is_refused(tmp_path):
    folder = copy_of_the_model(tmp_path)
    (folder / "model_card.md").unlink()
    with pytest.raises(ModelError, match=r"model_card\.md"):
        load_model(folder)


def test_line_ends_of_windows_do_not_change_the_model(tmp_path):
    folder = copy_of_the_model(tmp_path)
    for name in ("model.json", "model_card.md"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content.replace(b"\n", b"\r\n"))
    assert load_model(folder).card == MODEL.card


AORTA = ("regions", "chest", "organs", "aorta")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("schema_version",), 99, "schema version"),
        *(((*AORTA, "coefficients", term), 0.1, "positive") for term in TERMS[1:]),
        ((*AORTA, "coefficients"), {}, "not a dose model"),
        ((*AORTA, "beam"), {}, "not a dose model"),
        ((*AORTA, "wed_cap_mm"), [1.0], "not a dose model"),
        ((*AORTA, "kernels", "large", "below"), [0.9, 0.9, 0.9, 0.9], "add up to 1"),
        ((*AORTA, "kernels", "large", "above"), [-0.1, 0.1, 0.1, 0.1], "0 or more"),
        ((*AORTA, "kernels", "small", "below"), [0.5, 0.5], "each length"),
        ((*AORTA, "body_model_log"), math.nan, "NaN is no number"),
        ((*AORTA, "law_log_q90", "adults"), math.inf, "Infinity is no number"),
        ((*AORTA, "kernels"), {}, "not a dose model"),
        ((*AORTA, "law_log_q90"), {"adults": 0.1}, "not a dose model"),
        (("kernel_lengths_mm",), [10.0, 40.0], "kernel_lengths_mm"),
        (("regions", "chest", "size_kernels", 0, "lengths_mm"), [-20.0], "must be positive"),
        (("regions",), None, "not a dose model"),
    ],
)
def test_a_model_file_of_another_form_is_refused(path, value, says):
    data = json.loads((BUNDLED / "model.json").read_text())
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(ModelError, match=says):
        parse_model(json.dumps(data).encode(), "0" * 64)
