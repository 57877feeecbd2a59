"""Every input of the corpus goes through the command line and does what its table says."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from Corpus.base import IDENTITY, Base, shipped
from Corpus.cases import CASES, FAMILIES, table
from development import development_data

from CTDoseSegLib import result_folder
from CTDoseSegLib.cli import command_line
from CTDoseSegLib.errors import DependencyError
from CTDoseSegLib.flags import FLAGS
from CTDoseSegLib.reporting import figure

README = Path(__file__).resolve().parents[1] / "Corpus" / "README.md"
OUTPUT = "output"
FILES = (
    *("slices.csv", "organ_slices.csv", "organ_doses.csv", "result.json"),
    *("segmentation.nii.gz", "labels.csv", "groups.csv"),
)
PICTURES = ("wed.png", "organ_doses.png", "overlay.png", "hu_histogram.png")
# Cases whose pictures are odd; drawing those of all would take most of the time.
DRAWN = {
    *("single_slice", "single_slice_without_thickness", "two_slices", "coronal", "sagittal"),
    *("missing_slice", "tilted", "tall_pixels", "no_ctdivol", "no_tube_current", "no_exposure"),
    *("head", "truncated_body", "child", "organ_of_one_voxel", "one_value", "metal", "nifti"),
    *("coronal_volume", "climbing_labels", "formula_in_description"),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory, request):
    """The material; the development data only for the cases that need it."""
    unpack = request.getfixturevalue("unpack") if development_data() else None
    return Base(tmp_path_factory.mktemp("phantoms"), development_data(), unpack)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    """Small pictures."""
    monkeypatch.setattr(figure, "DPI", 30)


def without_pictures(*_):
    raise DependencyError("Pictures need the package matplotlib; install it.")


@pytest.fixture(scope="module")
def plain_wed(base, tmp_path_factory):
    """Water-equivalent diameters of the phantom as it is."""
    from Corpus.base import write

    folder = tmp_path_factory.mktemp("plain")
    write(base.slices(), folder / "ct")
    assert run([folder / "ct"], folder / OUTPUT) == 0
    return result_of(folder / OUTPUT)["slices"]["wed_mm"]


def run(arguments, output: Path) -> int:
    return command_line.main(
        ["analyze", *map(str, arguments), "--output", str(output), "--events", "none"]
    )


def result_of(output: Path) -> dict:
    """`result.json`, read strictly."""

    def refuse(constant: str):
        raise AssertionError(f"{constant} in result.json")

    text = (output / "result.json").read_text(encoding="utf-8")
    return json.loads(text, parse_constant=refuse)


def flags_in(value) -> set[str]:
    """Codes of all flags anywhere in a result."""
    if isinstance(value, dict):
        if {"code", "severity", "message"} <= value.keys():
            return {value["code"]}
        return set().union(*map(flags_in, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(flags_in, value)) if value else set()
    return set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}-{case.name}")
def test_the_input_does_what_the_table_says(case, base, tmp_path, capfd, monkeypatch, request):
    if case.data:
        request.getfixturevalue("data_dir")
    source = tmp_path / "_".join(IDENTITY[:2]) / "input"
    source.mkdir(parents=True)
    output = tmp_path / OUTPUT
    arguments = list(case.make(base, source))
    pictures = case.name in DRAWN
    if not pictures:
        monkeypatch.setattr(result_folder, "write_charts", without_pictures)
    capfd.readouterr()
    code = run(arguments, output)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert not identity_in(printed.err.encode())
    assert "Traceback" not in printed.err
    assert sorted(tmp_path.iterdir()) in ([source.parent], [source.parent, output])
    if case.says:
        assert code == 3, f"a result with {sorted(flags_in(result_of(output)))}"
        assert_one_sentence(printed.err)
        for words in case.says:
            assert re.search(words, printed.err), printed.err
        assert not output.exists()
        return
    assert code == 0, printed.err
    assert_whole(output, pictures)
    result = result_of(output)
    found = flags_in(result)
    for wanted in case.flags:
        assert found & set(wanted.split("|")), f"{wanted} is not among {sorted(found)}"
    assert not found & set(case.without)
    given = [organ["dose_mGy"] for organ in result["organs"] if organ["dose_mGy"] is not None]
    if case.doses is not None:
        assert bool(given) is case.doses, (given, sorted(found))
    if case.same_size:
        plain = request.getfixturevalue("plain_wed")
        # A network draws a patient who is turned over not quite the same; rules do.
        network = result["segmentation"]["engine"].startswith("unet")
        tolerance = 4e-3 if network else 1e-3
        np.testing.assert_allclose(result["slices"]["wed_mm"], plain, rtol=tolerance)
    if case.check is not None:
        case.check(output, result)


def assert_one_sentence(printed: str) -> None:
    """One line, one sentence, of a length that a person reads."""
    assert printed.startswith("ctdoseseg: ")
    assert printed.count("\n") == 1
    sentence = printed.removeprefix("ctdoseseg: ").strip()
    assert sentence.endswith("."), sentence
    assert not re.search(r"[a-z)][.!?] [A-Z]", sentence), f"more than one sentence: {sentence}"
    assert 15 < len(sentence) < 1200


def assert_whole(output: Path, pictures: bool = True) -> None:
    """All files are there, and whatever they say is possible."""
    result = result_of(output)
    doubt = ("doubt.nii.gz",) if "unet" in result["segmentation"]["engine"] else ()
    wanted = {*FILES, *doubt, *(PICTURES if pictures else ())}
    assert {path.name for path in output.iterdir()} == wanted
    assert flags_in(result) <= FLAGS.keys()
    for name in ("slices.csv", "organ_slices.csv", "organ_doses.csv"):
        assert_possible(output / name)
    refused = [flag for flag in result["dose_flags"] if flag["severity"] == "refusal"]
    for organ in result["organs"]:
        if organ["dose_mGy"] is None:
            why = (*organ["flags"], *refused)
            assert any(f["severity"] == "refusal" or f["code"] == "no_dose_model" for f in why)
        else:
            assert not refused
            ends = [
                organ[f"{which}_{end}_mGy"]
                for which in ("model", "total")
                for end in ("low", "high")
            ]
            assert ends[2] <= ends[0] <= organ["dose_mGy"] <= ends[1] <= ends[3]
    for path in output.iterdir():
        assert not identity_in(path.read_bytes()), path.name


def assert_possible(path: Path) -> None:
    """Numbers are finite, sizes and doses positive, and no cell is run by a spreadsheet."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows or path.name != "slices.csv"
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("=", "+", "@")), (name, cell)
            if name.endswith(("_mm", "_mGy", "_hu", "_mm2", "_mA", "_ml")) and cell:
                assert math.isfinite(float(cell)), (name, cell)
            if name.endswith(("mGy", "wed_mm", "area_mm2", "sd_hu", "volume_ml")) and cell:
                assert float(cell) >= 0, (name, cell)
        if "wed_mm" in row and not row["wed_mm"]:
            assert row["flags"]


def identity_in(content: bytes) -> list[str]:
    """Which parts of the identity a file holds, packed or not, in any case."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    if content.startswith(b"\x89PNG"):
        for packed in re.findall(rb"(?:zTXt|iTXt)(.{0,4096})", content, re.DOTALL):
            content += zlib.decompressobj().decompress(packed) if packed[:1] == b"x" else packed
    return [part for part in IDENTITY if part.lower().encode() in content.lower()]


SHIPPED = sorted(
    str(path.relative_to(shipped("")))
    for path in shipped("").rglob("*")
    if path.is_file() and path.suffix not in (".txt", ".json", ".dump", ".icc", ".gz", ".py")
)


@pytest.mark.parametrize("name", SHIPPED)
def test_files_that_come_with_pydicom_give_a_result_or_a_sentence(
    name, tmp_path, capfd, monkeypatch
):
    monkeypatch.setattr(result_folder, "write_charts", without_pictures)
    code = run([shipped(name)], tmp_path / OUTPUT)
    printed = capfd.readouterr().err
    if code == 0:
        assert_whole(tmp_path / OUTPUT, pictures=False)
        return
    assert code == 3
    assert_one_sentence(printed)
    assert not (tmp_path / OUTPUT).exists()


def test_every_transfer_syntax_gives_the_same_size(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(result_folder, "write_charts", without_pictures)
    sizes, lossy = {}, set()
    for path in sorted((data_dir / "ct" / "transfer_syntaxes").glob("CTImage.dcm_*")):
        assert run([path], tmp_path / path.name) == 0
        result = result_of(tmp_path / path.name)
        assert "single_slice" in flags_in(result)
        sizes[path.name] = result["slices"]["wed_mm"][0]
        lossy |= {path.name} if "lossy" in flags_in(result) else set()
    assert len(sizes) == 15
    middle = np.median(list(sizes.values()))
    assert {name for name, v in sizes.items() if abs(v / middle - 1) > 1e-3} <= lossy
    np.testing.assert_allclose(list(sizes.values()), middle, rtol=0.01)


def test_the_table_in_the_readme_is_the_corpus():
    assert table() in README.read_text(encoding="utf-8")


def test_names_of_cases_are_unique_and_every_family_has_some():
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.family for case in CASES} == set(FAMILIES)
    assert {case.name for case in CASES} >= DRAWN


def test_flags_that_the_table_names_exist():
    named = {
        code for case in CASES for flag in (*case.flags, *case.without) for code in flag.split("|")
    }
    assert named <= FLAGS.keys()
