"""`ctdoseseg phantom --age`: a body by its options, and one sentence where there is none."""

from __future__ import annotations

import json

import pydicom
import pytest

from CTDoseSegLib.cli import command_line

pytestmark = pytest.mark.slow


def phantom(*arguments: object) -> int:
    return command_line.main(["phantom", *map(str, arguments), "--events", "none"])


def test_a_childs_head_is_written_with_its_truth(tmp_path):
    head = ("--age", 1, "--region", "head", "--pixels", 64, "--slice-mm", 20)
    assert phantom(tmp_path / "head", *head) == 0
    images = sorted((tmp_path / "head" / "dicom").iterdir())
    image = pydicom.dcmread(images[0])
    assert (image.Rows, image.Columns, image.BodyPartExamined) == (64, 64, "HEAD")
    assert (image.PatientAge, image.PatientSex, float(image.SliceThickness)) == ("012M", "F", 20.0)
    truth = json.loads((tmp_path / "head" / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert len(images) == len(truth["wed_mm"])
    assert 100 < max(truth["wed_mm"]) < 170
    labels = (tmp_path / "head" / "truth" / "labels.csv").read_text(encoding="utf-8")
    assert all(f",{name}," in labels for name in ("brain", "eye_lens_left", "skull_cortex"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--age 95", "age must be 0 to 90"),
        ("--age nan", "age must be 0 to 90"),
        ("--age 5 --height 200", "it must be 92.3 to 125.8 cm"),
        ("--age 5 --weight 70", "the body mass index must be"),
        ("--age 5 --bmi nan", "the body mass index must be"),
        ("--age 5 --kvp 0", "70 to 150 kV"),
        ("--age 5 --seed -1", "whole number from 0"),
        ("--age 5 --pixels 0", "at least 8 pixels"),
        ("--age 5 --pixels 100000", "too many"),
        ("--age 5 --slice-mm 0", "slices of 0.1 mm or more"),
        ("--age 5 --variant head", "give --region"),
        ("--age 30 --sex male --pregnancy-week 20", "give a woman"),
        ("--age 30 --pregnancy-week 50", "5 to 41 weeks"),
        ("--age 30 --implants tail,pacemaker", "'tail'; choose among hip_prosthesis_right"),
        ("--age 2 --implants pacemaker", "from 10 years"),
        ("--sex male", "--sex is for bodies; give --age"),
        ("--kvp 0", "--kvp is for bodies; give --age"),
        ("--pregnancy-week 20", "--pregnancy-week is for bodies"),
        ("--reference", "--reference is for bodies"),
        ("--arms left_up", "choose up, down"),
    ],
)
def test_what_cannot_be_ends_with_3_and_a_sentence(arguments, sentence, tmp_path, capsys):
    assert phantom(tmp_path / "made", *arguments.split()) == 3
    printed = capsys.readouterr().err
    assert printed.startswith("ctdoseseg: ")
    assert printed.count("\n") == 1
    assert sentence in printed
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "arguments",
    ["--age x", "--age 5 --weight 18 --bmi 15", "--age 5 --region foot", "--age 30 --implants ,"],
)
def test_wrong_usage_ends_with_2(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        phantom(tmp_path / "made", *arguments.split())
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_folder_that_has_a_phantom_is_refused(tmp_path, capsys):
    (tmp_path / "dicom").mkdir()
    assert phantom(tmp_path, "--age", 1) == 3
    assert "give another folder" in capsys.readouterr().err
