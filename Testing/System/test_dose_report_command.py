"""The phantom's dose report through the command line: written, found, used, told."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import pydicom
import pytest

from CTDoseSegLib import result_folder
from CTDoseSegLib.cli import command_line
from CTDoseSegLib.phantom import phantom as phantoms
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.reading.dose_report_file import read_dose_report

SMALL = {"shape": (96, 96, 24), "spacing_mm": (4.5, 4.5, 20.0)}


@pytest.fixture(scope="module")
def monkeymodule():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def demo(tmp_path_factory, monkeymodule):
    """What `ctdoseseg phantom` writes, with fewer and coarser slices."""
    monkeymodule.setattr(phantoms, "Phantom", partial(phantoms.Phantom, **SMALL))
    monkeymodule.setattr(result_folder, "write_charts", lambda *_: [])
    folder = tmp_path_factory.mktemp("phantom") / "demo"
    assert command_line.main(["phantom", str(folder), "--events", "none"]) == 0
    return folder


def analyze(demo: Path, output: Path, *arguments: object, listener: str = "none") -> dict:
    organs = demo / "truth" / "segmentation.nii.gz"
    arguments = (*arguments, "--segmentation", organs, "--output", output, "--events", listener)
    assert command_line.main(["analyze", *map(str, arguments)]) == 0
    return json.loads((output / "result.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def results(demo, tmp_path_factory):
    """One run without a report, one with it given, one on the folder that holds both."""
    folder = tmp_path_factory.mktemp("results")
    report = demo / "rdsr" / "dose_report.dcm"
    return {
        "without": analyze(demo, folder / "without", demo / "dicom"),
        "given": analyze(demo, folder / "given", demo / "dicom", "--rdsr", report),
        "found": analyze(demo, folder / "found", demo),
        "folder": folder,
    }


def test_the_phantoms_report_holds_two_events_without_images(demo):
    report = read_dose_report(demo / "rdsr" / "dose_report.dcm")
    assert [event.kind for event in report.events] == ["localizer", "stationary", "spiral"]
    assert report.flags == ()
    assert all(event.flags == () for event in report.events)
    assert report.dlp_total_mGy_cm == pytest.approx(sum(e.dlp_mGy_cm for e in report.events))
    images = {pydicom.dcmread(f).IrradiationEventUID for f in (demo / "dicom").iterdir()}
    assert [event.uid in images for event in report.events] == [False, False, True]


def test_the_report_states_the_truth(demo):
    truth = json.loads((demo / "truth" / "truth.json").read_text())
    spiral = read_dose_report(demo / "rdsr" / "dose_report.dcm").events[2]
    assert spiral.scan_range_mm == pytest.approx(truth["irradiated_range_mm"])
    assert min(truth["ctdivol_mGy"]) < spiral.ctdivol_mGy < max(truth["ctdivol_mGy"])
    assert spiral.dlp_mGy_cm == pytest.approx(spiral.ctdivol_mGy * spiral.scanning_length_mm / 10)
    assert spiral.tube_current_max_mA == max(truth["tube_current_mA"])


def test_every_file_of_the_report_is_dicom_without_a_slip(demo, recwarn):
    data = pydicom.dcmread(demo / "rdsr" / "dose_report.dcm")
    data.walk(lambda _, element: element.value)
    assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.67"
    assert not [w for w in recwarn if "Invalid value" in str(w.message)]


def test_without_the_report_there_is_no_examination(results):
    assert results["without"]["examination"] is None
    assert results["without"]["acquisition"]["dlp_mGy_cm"]["value"] is None
    with (results["folder"] / "without" / "organ_doses.csv").open(encoding="utf-8") as stream:
        cells = [row["examination_dose_mGy"] for row in csv.DictReader(stream)]
    assert set(cells) == {""}


def test_with_the_report_the_range_is_the_truth_and_not_widened(demo, results):
    truth = json.loads((demo / "truth" / "truth.json").read_text())
    stated = results["given"]["acquisition"]["irradiated_range_mm"]
    assert stated["value"] == pytest.approx(truth["irradiated_range_mm"])
    assert stated["source"].startswith("rdsr z range")
    flags = {flag["code"] for flag in results["given"]["dose_flags"]}
    assert "irradiated_range_widened" not in flags
    before = {flag["code"] for flag in results["without"]["dose_flags"]}
    assert "irradiated_range_widened" in before


def test_dlp_and_doses_are_the_same_without_the_report(results):
    agree(results["without"], results["given"])


def test_a_chest_has_the_same_dlp_and_doses_without_its_report(tmp_path, monkeypatch):
    monkeypatch.setattr(result_folder, "write_charts", lambda *_: [])
    shape, spacing_mm = (64, 64, 16), (6.5, 6.5, 20.0)
    chest = phantoms.Phantom(variant="chest", shape=shape, spacing_mm=spacing_mm)
    write_dicom(chest, tmp_path)
    without = analyze(tmp_path, tmp_path / "without", tmp_path / "dicom")
    agree(without, analyze(tmp_path, tmp_path / "given", tmp_path))
    # 16 slices of 20 mm, and half of 38.4 mm at each end.
    assert without["effective_dose"]["dlp"]["length_mm"] == pytest.approx(358.4, abs=1.0)


def agree(without: dict, given: dict) -> None:
    """Assert that images alone, and with their dose report, give one DLP and the same doses."""
    assert given["acquisition"]["dlp_mGy_cm"]["source"] == "rdsr"
    dlp = [result["effective_dose"]["dlp"]["value_mGy_cm"] for result in (without, given)]
    assert dlp[0] == pytest.approx(dlp[1], rel=0.005)
    alone, reported = (
        {(o["organ"], o["region"]): o["dose_mGy"] for o in result["organs"] if o["dose_mGy"]}
        for result in (without, given)
    )
    assert len(alone) > 15
    assert alone == pytest.approx(reported, rel=0.005)


def test_bolus_tracking_is_in_the_total_and_the_localizer_is_not(results):
    examination = results["given"]["examination"]
    assert [e["in_total"] for e in examination["events"]] == [False, True, True]
    assert examination["events"][0]["how"] == "a localizer"
    assert not examination["complete"]
    own = {(o["organ"], o["region"]): o for o in results["given"]["organs"]}
    added = {
        total["organ"]: total["examination_dose_mGy"]
        - own[(total["organ"], total["region"])]["dose_mGy"]
        for total in examination["organs"]
        if total["examination_dose_mGy"] is not None
    }
    assert len(added) > 10
    assert all(value > 0 for value in added.values())
    # Bolus tracking lies in the chest.
    assert added["heart_atrium_left"] > 5 * added["colon"]


def test_a_report_in_the_folder_gives_what_the_same_report_by_option_does(results):
    given, found = results["given"], results["found"]
    assert found["examination"] == given["examination"]
    assert found["organs"] == given["organs"]
    assert found["acquisition"] == given["acquisition"]


def test_the_table_has_the_totals_of_the_result(results):
    with (results["folder"] / "given" / "organ_doses.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row, total in zip(rows, results["given"]["examination"]["organs"], strict=True):
        assert row["organ"] == total["organ"]
        for name in ("examination_dose_mGy", "examination_low_mGy", "examination_high_mGy"):
            value = total[name]
            known = pytest.approx(value, rel=1e-5) if value is not None else None
            assert (float(row[name]) if row[name] else None) == known


def test_the_report_is_in_the_provenance_by_its_hash_alone(demo, results):
    from CTDoseSegLib.provenance import file_sha256

    digest = file_sha256(demo / "rdsr" / "dose_report.dcm")
    provenance = results["given"]["provenance"]
    assert provenance["parameters"]["rdsr"] == f"sha256:{digest}"
    assert provenance["series"]["dose_reports_sha256"] == [digest]
    assert results["found"]["provenance"]["series"]["dose_reports_sha256"] == [digest]
    text = json.dumps(results["given"])
    for event in read_dose_report(demo / "rdsr" / "dose_report.dcm").events:
        assert event.uid not in text
        assert event.frame_of_reference_uid not in text


def test_the_screen_has_one_line_for_the_examination(demo, tmp_path, capsys):
    analyze(demo, tmp_path / "output", demo, listener="rich")
    (line,) = [s for s in capsys.readouterr().out.splitlines() if s.startswith("Examination:")]
    assert "organ doses of 2 of the 3 events in the dose report added up; " in line
    assert "DLP of the whole report " in line
    assert "the other events add" in line
