"""What is known of a volume's exposure: its images, its dose report, its scanner's profile."""

from __future__ import annotations

import json

import pydicom
import pytest
from module_steps import shift
from scanned_phantom import change, load_scan, report_of, write_scan


@pytest.fixture
def scan(tmp_path):
    """Files of a scan whose images lack CTDIvol, its phantom and the pitch."""
    return write_scan(tmp_path / "scan")


def refused(panel, node, report) -> str:
    """The sentence with which a file is refused as the dose report of a volume."""
    from CTDoseSegLib.errors import DoseReportError

    with pytest.raises(DoseReportError) as caught:
        panel.logic.series(node, doseReport=str(report))
    return str(caught.value)


def test_the_dose_report_of_the_study_is_found_in_the_database(host, panel, scan):
    from CTDoseSegLib.reading.reader import read_series

    series = panel.logic.series(load_scan(host, scan))
    files = read_series(scan / "dicom", rdsr=report_of(scan))
    assert series.acquisition == files.acquisition
    assert series.acquisition.sources["ctdivol_mGy"] == "rdsr"
    assert series.dose_report == files.dose_report
    assert {f.code for f in series.flags} == {f.code for f in files.flags}


def test_a_dose_report_can_be_left_out(host, panel, scan):
    series = panel.logic.series(load_scan(host, scan), doseReport="none")
    assert series.acquisition.ctdivol_mGy is None
    assert series.dose_report is None


def test_a_file_gives_what_the_database_does_not_have(host, panel, scan):
    node = load_scan(host, scan, report=False)
    assert panel.logic.series(node).acquisition.ctdivol_mGy is None
    series = panel.logic.series(node, doseReport=str(report_of(scan)))
    assert series.acquisition.ctdivol_mGy > 0


def test_the_report_of_another_patient_gives_nothing(host, panel, scan):
    change(report_of(scan), PatientID="SOMEBODY-ELSE")
    node = load_scan(host, scan)
    assert panel.logic.series(node).dose_report is None
    sentence = refused(panel, node, report_of(scan))
    assert "another patient" in sentence
    assert "SOMEBODY" not in sentence


def test_the_report_of_another_study_gives_nothing(host, panel, scan, tmp_path):
    other = write_scan(tmp_path / "other", seed=2)
    own = pydicom.dcmread(report_of(scan), stop_before_pixels=True).PatientID
    change(report_of(other), PatientID=own)
    node = load_scan(host, scan, report=False)
    host.database.index_folder(other)
    assert panel.logic.series(node).dose_report is None
    assert "not that of these images" in refused(panel, node, report_of(other))


@pytest.mark.parametrize("kind", ["image", "text", "missing"])
def test_a_file_that_is_no_dose_report_is_refused_without_its_name(
    host, panel, scan, tmp_path, kind
):
    node = load_scan(host, scan, report=False)
    path = tmp_path / "Secret_Person.dcm"
    if kind == "image":
        path.write_bytes(next((scan / "dicom").iterdir()).read_bytes())
    elif kind == "text":
        path.write_text("no DICOM at all, and long enough to have a preamble" * 10)
    assert "Secret" not in refused(panel, node, path)


def test_without_a_database_nothing_breaks(host, panel, scan, monkeypatch):
    import slicer

    node = load_scan(host, scan)
    monkeypatch.setattr(slicer, "dicomDatabase", None)
    series = panel.logic.series(node)
    assert series.dose_report is None
    assert "dicom_not_found" in {f.code for f in series.flags}
    monkeypatch.undo()
    monkeypatch.setattr(type(host.database), "isOpen", False)
    assert panel.logic.series(node).dose_report is None


def test_a_transform_moves_the_irradiated_range_with_the_slices(host, panel, scan):
    node = load_scan(host, scan)
    before = panel.logic.series(node)
    shift(node, 100.0)
    after = panel.logic.series(node)
    assert after.z_mm == pytest.approx(before.z_mm + 100)
    low, high = before.acquisition.irradiated_range_mm
    assert after.acquisition.irradiated_range_mm == pytest.approx((low + 100, high + 100))
    own = [placed.range_mm for placed in after.dose_report.own]
    assert own[0] == pytest.approx((low + 100, high + 100))


@pytest.fixture
def profile(tmp_path):
    """A profile of the phantom's scanner: CTDIvol is 0.9 times the one displayed."""

    def write(node, panel, **values):
        acquisition = panel.logic.series(node).acquisition
        made = {"manufacturer": acquisition.manufacturer, "model": acquisition.model}
        check = {"ctdivol_check_ratio": 0.9, "ctdivol_check_date": "2026-01-15"}
        path = tmp_path / "profile.json"
        path.write_text(json.dumps({**made, **check, **values}))
        return str(path)

    return write


def test_a_scanner_profile_corrects_typed_and_read_ctdivol(host, panel, scan, profile):
    node = load_scan(host, scan)
    path = profile(node, panel)
    read = panel.logic.series(node).acquisition.ctdivol_mGy
    series = panel.logic.series(node, scannerProfile=path)
    assert series.acquisition.ctdivol_mGy == pytest.approx(0.9 * read)
    typed = panel.logic.series(node, {"ctdivol_mGy": 10.0}, scannerProfile=path)
    assert typed.acquisition.ctdivol_mGy == pytest.approx(9.0)
    assert typed.scanner.ctdivol_ratio == 0.9


def test_the_profile_of_another_scanner_is_refused(host, panel, scan, profile):
    from CTDoseSegLib.errors import AcquisitionError

    node = load_scan(host, scan)
    with pytest.raises(AcquisitionError, match="give the profile of that scanner"):
        panel.logic.series(node, scannerProfile=profile(node, panel, model="Another"))


def test_report_and_profile_hold_after_an_edit_and_in_a_scene_loaded_again(
    host, use_organs, scan, profile, phantom, tmp_path
):
    import slicer

    node = load_scan(host, scan)
    choices = {"doseReport": "auto", "scannerProfile": profile(node, use_organs)}
    results = use_organs.logic.analyze(node, phantom[1], **choices)
    before = results.result
    assert before.scanner_profile.ctdivol_ratio == 0.9
    assert before.examination is not None
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    use_organs.logic.recompute(results)
    assert_holds(before, results)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(False)
    host.database.removeSeries(host.database.seriesForFile(str(report_of(scan))))
    slicer.util.loadScene(path)
    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results

    (results,) = [one for one in Results.all() if one.result]
    results.segmentation.GetSegmentation().RemoveSegment("gallbladder")
    use_organs.logic.recompute(results)
    assert "gallbladder" not in results.doses()
    assert_holds(before, results)


def assert_holds(before, results) -> None:
    """The edited result has the report and the profile of the one before."""
    after = results.result
    assert "spleen" not in results.doses()
    assert after.acquisition.ctdivol_mGy == pytest.approx(before.acquisition.ctdivol_mGy)
    assert after.scanner_profile == before.scanner_profile
    assert len(after.examination.events) == len(before.examination.events)
    assert after.dose_of("liver").dose_mGy == pytest.approx(before.dose_of("liver").dose_mGy)
