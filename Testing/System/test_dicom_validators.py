"""Programs of others read what we write: validators find no error, readers the same values."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_study import dicom_analysis
from tiny_analysis import organ_dose

pytest.importorskip("highdicom", reason="DICOM objects need highdicom")

from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.outputs.dicom_objects.kinds import FILES
from CTDoseSegLib.outputs.dicom_objects.writing import write_dicom_objects
from CTDoseSegLib.reporting.report.content import report_of
from CTDoseSegLib.reporting.report.writing import (
    make_pdf_report,
    write_report,
)
from CTDoseSegLib.result import Result

pytestmark = pytest.mark.system
SLICES = 4


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True, errors="replace", **options)


def program(name: str) -> str:
    """Return a program of this machine or of this Python, or skip."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    analysis = dicom_analysis(folder / "ct", SLICES)
    result = Result.of(analysis)
    dose = np.linspace(1, 20, 60, dtype=np.float32).reshape(3, 4, 5)
    affine = np.diag([-40.0, -40, 6, 1])
    affine[:3, 3] = 120, 80, -41
    write_dicom_objects(
        analysis.series,
        analysis.labelmap,
        result,
        folder,
        dose_map=DoseMap(dose, affine, 0.01 * dose, 1000),
        pdf=make_pdf_report(result, analysis.series, analysis.labelmap),
    )
    return folder, analysis, result


@pytest.mark.parametrize(
    ("kind", "iod"),
    [
        ("seg", "Segmentation"),
        ("sr", "Comprehensive3DSR"),
        ("rtdose", "RTDose"),
        ("pdf", "EncapsulatedPDF"),
    ],
)
def test_dciodvfy_finds_no_error(objects, kind, iod):
    said = run(program("dciodvfy"), str(objects[0] / FILES[kind]))
    text = said.stdout + said.stderr
    assert iod in text.splitlines()
    assert not re.findall(r"^Error.*", text, re.MULTILINE)


def test_dcmqi_reads_the_same_voxels_codes_and_colours(objects, tmp_path):
    import SimpleITK as sitk

    folder, analysis, _result = objects
    said = run(
        *(program("segimage2itkimage"), "--inputDICOM", str(folder / FILES["seg"])),
        *("--outputDirectory", str(tmp_path), "--outputType", "nii", "--prefix", "s"),
        "--mergeSegments",
    )
    assert said.returncode == 0, said.stderr
    (image,) = tmp_path.glob("s-*.nii*")
    cut = sitk.ReadImage(str(image))
    read = sitk.GetArrayFromImage(cut)
    meta = json.loads((tmp_path / "s-meta.json").read_text())
    segments = {one["labelID"]: one for group in meta["segmentAttributes"] for one in group}
    assert read.shape[1:] == analysis.labelmap.labels.shape[1:]
    named = {one["SegmentLabel"]: label for label, one in segments.items()}
    assert set(named) == {"liver", "lung_left"}
    own = analysis.labelmap
    # The image holds the slices with segments alone; its origin says which.
    left, back, up = cut.GetOrigin()
    first = np.linalg.solve(own.affine, (-left, -back, up, 1))[:3]
    np.testing.assert_allclose(first, first.round(), atol=1e-3)
    i, j, k = first.round().astype(int)
    assert (i, j) == (0, 0)
    placed = np.zeros_like(own.labels)
    placed[k : k + len(read)] = read
    for atom in own.atoms:
        if atom.name in named:
            here = own.labels == atom.value
            np.testing.assert_array_equal(placed == named[atom.name], here)
            colour = segments[named[atom.name]]["recommendedDisplayRGBValue"]
            expected = list(bytes.fromhex(atom.color[1:]))
            assert np.abs(np.subtract(colour, expected)).max() <= 1
    lung = segments[named["lung_left"]]
    assert lung["SegmentedPropertyTypeCodeSequence"]["CodeMeaning"] == "Lung"
    assert lung["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "39607008"
    assert lung["SegmentedPropertyTypeModifierCodeSequence"]["CodeValue"] == "7771000"


def test_tid1500reader_gives_groups_and_doses(objects, tmp_path):
    folder, _analysis, result = objects
    path = tmp_path / "m.json"
    said = run(
        *(program("tid1500reader"), "--inputDICOM", str(folder / FILES["sr"])),
        *("--outputMetadata", str(path)),
    )
    assert said.returncode == 0, said.stderr
    groups = json.loads(path.read_text())["Measurements"]
    organs = ("Liver", "Left lung", "Lung")
    assert len(groups) == len(organs) + SLICES + 1
    (lung,) = (group for group in groups if group["TrackingIdentifier"] == "Lung")
    (dose,) = (
        item
        for item in lung["measurementItems"]
        if item["quantity"]["CodeMeaning"] == "Absorbed Dose"
    )
    assert float(dose["value"]) == pytest.approx(result.dose_of("lung").dose_mGy, abs=0.01)
    assert dose["units"]["CodeValue"] == "mGy"


def test_dsrdump_reads_the_report(objects):
    said = run(program("dsrdump"), str(objects[0] / FILES["sr"]))
    assert said.returncode == 0
    assert "Absorbed Dose" in said.stdout


def pages_of(pdf: Path) -> int:
    found = re.search(r"Pages:\s+(\d+)", run(program("pdfinfo"), str(pdf)).stdout)
    assert found
    return int(found[1])


def text_of(pdf: Path) -> str:
    return " ".join(run(program("pdftotext"), "-layout", str(pdf), "-").stdout.split())


@pytest.fixture(scope="module")
def report(objects, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    _, analysis, result = objects
    write_report(result, folder, analysis.series, analysis.labelmap)
    return folder, result


def numbers_of(result: Result) -> list[str]:
    stated = report_of(result)
    return [
        *(row.value for row in stated.answer),
        *(text for organ in stated.organs for text in (organ.dose, organ.interval)),
    ]


def printed(page: Path, pdf: Path) -> Path:
    browser = program("chromium")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer")
    run(browser, *options, f"--print-to-pdf={pdf}", page.as_uri(), timeout=120)
    assert pdf.exists()
    return pdf


def test_chromium_prints_the_report_on_one_page_with_every_number(report):
    folder, result = report
    pdf = printed(folder / "report.html", folder / "printed.pdf")
    assert pages_of(pdf) == 1
    text = text_of(pdf)
    for one in numbers_of(result):
        assert one in text, one


def test_the_pdf_has_one_page_and_the_same_numbers(report):
    folder, result = report
    assert pages_of(folder / "report.pdf") == 1
    text = text_of(folder / "report.pdf")
    for one in numbers_of(result):
        assert one in text, one


def test_a_report_of_two_hundred_organs_breaks_between_rows(tmp_path):
    from tiny_analysis import tiny_result

    organs = tuple(organ_dose(f"organ_{n}", 30.0 - n / 10) for n in range(200))
    result = tiny_result(organs=organs)
    write_report(result, tmp_path)
    stated = report_of(result).organs
    assert len(stated) == len(organs)
    for pdf in (printed(tmp_path / "report.html", tmp_path / "p.pdf"), tmp_path / "report.pdf"):
        assert pages_of(pdf) > 1
        lines = run(program("pdftotext"), "-layout", str(pdf), "-").stdout.splitlines()
        for organ in stated:
            row = rf"(^|\s){organ.name}\s+{organ.dose}\s+{organ.interval}(\s|$)"
            assert len([line for line in lines if re.search(row, line)]) == 1, (pdf.name, row)
