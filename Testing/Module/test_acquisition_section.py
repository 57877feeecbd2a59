"""The section "Acquisition": files that go with a CT, marks of values, presets, checks."""

from __future__ import annotations

import json

import pytest
from module_steps import SMALL
from scanned_phantom import change, load_scan, report_of, write_scan


@pytest.fixture
def scan(tmp_path):
    """Files of a scan whose images lack CTDIvol, its phantom and the pitch."""
    return write_scan(tmp_path / "scan")


@pytest.fixture
def opened(host, panel, scan):
    """The panel with such a scan chosen, its dose report in the database, the section open."""
    panel._parameterNode.inputVolume = load_scan(host, scan)
    panel.ui.acquisitionCollapsibleButton.collapsed = False
    host.process_events()
    return panel


def choose(host, panel, button: str, path) -> None:
    host.answers.files.append(path)
    host.click(getattr(panel.ui, button))


# Dose report


def test_values_of_the_report_are_marked_with_it_and_can_be_left_out(host, opened):
    ui = opened.ui
    assert ui.doseReportText.text == "Found with the images"
    assert ui.ctdivol_mGy_source.text == "dose report"
    assert ui.ctdivol_mGy_source.toolTip == "From the dose report."
    assert ui.kvp_kV_source.text == "read"
    assert float(ui.ctdivol_mGy_edit.placeholderText) > 0
    host.click(ui.leaveOutReportButton)
    assert (ui.doseReportText.text, ui.leaveOutReportButton.text) == ("Left out", "Use")
    assert ui.ctdivol_mGy_source.text == "unknown"
    assert "SSDE needs CTDIvol" in ui.acquisitionLabel.text
    assert not ui.acquisitionCollapsibleButton.collapsed
    host.click(ui.leaveOutReportButton)
    assert ui.ctdivol_mGy_source.text == "dose report"


def test_what_is_chosen_is_what_the_analysis_takes(host, opened):
    task = opened.method.prepare()
    assert task.series.acquisition.sources["ctdivol_mGy"] == "rdsr"
    task.clear()
    host.click(opened.ui.leaveOutReportButton)
    task = opened.method.prepare()
    assert task.series.acquisition.ctdivol_mGy is None
    task.clear()


@pytest.mark.parametrize("kind", ["another patient", "no dose report"])
def test_a_wrong_file_is_a_sentence_and_gives_no_value(host, panel, scan, tmp_path, kind):
    panel._parameterNode.inputVolume = load_scan(host, scan, report=False)
    host.process_events()
    path = report_of(scan)
    if kind == "another patient":
        change(path, PatientID="SOMEBODY-ELSE")
    else:
        path = tmp_path / "notes.dcm"
        path.write_text("not a DICOM file, but long enough to have a preamble " * 9)
    choose(host, panel, "doseReportButton", path)
    assert (kind if "patient" in kind else "not DICOM") in panel.ui.doseReportText.text
    assert panel._parameterNode.doseReportFile == ""
    assert panel.ui.ctdivol_mGy_source.text == "unknown"
    assert panel.ui.applyButton.enabled


def test_a_chosen_file_is_kept_with_the_scene_and_missed_where_it_is_gone(
    host, panel, scan, tmp_path
):
    import slicer

    panel._parameterNode.inputVolume = load_scan(host, scan, report=False)
    host.process_events()
    assert panel.ui.doseReportText.text == "None found in the DICOM database"
    choose(host, panel, "doseReportButton", report_of(scan))
    assert panel.ui.doseReportText.text == "dose_report.dcm"
    assert panel.ui.ctdivol_mGy_source.text == "dose report"
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    report_of(scan).unlink()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    assert "not on this computer" in panel.ui.doseReportText.text
    assert "dose_report.dcm" in panel.ui.acquisitionLabel.text
    assert not panel.ui.applyButton.enabled
    assert panel.ui.kvp_kV_source.text == "read"
    panel.ui.acquisitionCollapsibleButton.collapsed = False
    host.process_events()
    host.click(panel.ui.leaveOutReportButton)
    assert panel.ui.applyButton.enabled


def test_a_report_that_is_not_of_these_images_is_named_and_not_used(host, panel, scan, tmp_path):
    import pydicom

    other = write_scan(tmp_path / "other", seed=2)
    own = pydicom.dcmread(report_of(scan), stop_before_pixels=True)
    change(
        report_of(other), PatientID=own.PatientID, StudyInstanceUID=own.StudyInstanceUID
    )  # the study's report, but of other events
    host.database.index_folder(other / "rdsr")
    panel._parameterNode.inputVolume = load_scan(host, scan, report=False)
    host.process_events()
    assert panel.ui.doseReportText.text.startswith("Found, not used: ")
    assert panel.ui.ctdivol_mGy_source.text == "unknown"


def test_another_volume_forgets_the_file_of_a_report_and_keeps_the_profile(host, opened, tmp_path):
    from module_steps import volume

    node = opened._parameterNode
    node.doseReportFile, node.scannerProfileFile = "report.dcm", "profile.json"
    host.process_events()
    import numpy as np

    node.inputVolume = volume(np.zeros((4, 8, 8), np.int16))
    host.process_events()
    assert (node.doseReportFile, node.useDoseReport) == ("", True)
    assert node.scannerProfileFile == "profile.json"


def test_without_a_database_the_section_shows_what_is_missing(host, panel, scan, monkeypatch):
    import slicer

    node = load_scan(host, scan)
    monkeypatch.setattr(slicer, "dicomDatabase", None)
    panel._parameterNode.inputVolume = node
    host.process_events()
    assert panel.ui.kvp_kV_source.text == "unknown"
    assert "no DICOM tags" in panel.ui.acquisitionLabel.text
    assert panel.ui.applyButton.enabled
    monkeypatch.undo()


# Scanner profile


def test_a_scanner_profile_is_shown_by_name_and_can_be_taken_away(host, opened, scan, tmp_path):
    acquisition = opened.logic.series(opened._parameterNode.inputVolume).acquisition
    values = {"manufacturer": acquisition.manufacturer, "model": acquisition.model}
    values |= {"ctdivol_check_ratio": 0.9, "ctdivol_check_date": "2026-01-15"}
    path = tmp_path / "room_2.json"
    path.write_text(json.dumps(values))
    choose(host, opened, "scannerProfileButton", path)
    assert opened.ui.scannerProfileText.text == "room_2.json: CTDIvol times 0.9"
    task = opened.method.prepare()
    assert task.series.scanner.ctdivol_ratio == 0.9
    task.clear()
    path.write_text(json.dumps({**values, "model": "Another"}))
    other = tmp_path / "room_3.json"
    path.rename(other)
    choose(host, opened, "scannerProfileButton", other)
    assert "give the profile of that scanner" in opened.ui.scannerProfileText.text
    assert opened._parameterNode.scannerProfileFile == str(path)
    opened.acquisition.show(opened._parameterNode.inputVolume)
    assert "room_2.json is not on this computer" in opened.ui.acquisitionLabel.text
    host.click(opened.ui.removeProfileButton)
    assert opened.ui.scannerProfileText.text == "None"
    assert "not on this computer" not in opened.ui.acquisitionLabel.text


def test_without_a_ct_nothing_can_be_chosen_left_out_or_dragged(host, panel):
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    ui = panel.ui
    files = (ui.doseReportButton, ui.leaveOutReportButton, ui.scannerProfileButton)
    buttons = (*files, ui.removeProfileButton, ui.imageRangeButton, ui.dragRangeButton)
    assert not any(button.enabled for button in buttons)
    panel._parameterNode.inputVolume = load_phantom(**SMALL)[0]
    host.process_events()
    assert ui.scannerProfileButton.enabled
    assert ui.dragRangeButton.enabled
    panel._parameterNode.scannerProfileFile = "room_2.json"
    host.process_events()
    assert ui.removeProfileButton.enabled
    panel._parameterNode.inputVolume = None
    host.process_events()
    assert not any(button.enabled for button in buttons)


# Marks and checks


def test_read_values_are_as_plain_as_typed_ones(host, opened):
    import qt

    palette = opened.ui.kvp_kV_edit.palette
    text, unknown = palette.color(qt.QPalette.Text), opened.ui.age_years_edit.palette
    assert palette.color(qt.QPalette.PlaceholderText) == text
    host.click(opened.ui.leaveOutReportButton)
    unknown = opened.ui.ctdivol_mGy_edit.palette
    assert unknown.color(qt.QPalette.PlaceholderText) != text


def test_each_mark_has_a_word_a_colour_and_a_shape_of_its_own(host, panel):
    import qt

    from CTDoseSegLib.ctdoseseg_ui.panel.value_marks import Mark, _icon

    marks = [mark for mark in Mark if mark is not Mark.NONE]
    assert len({mark.word() for mark in marks}) == len(marks)
    for dark in (False, True):
        assert len({mark.colour(dark=dark) for mark in marks}) == len(marks)
        ground = qt.QColor("#202020" if dark else "#ffffff")
        for mark in marks:
            assert contrast(qt.QColor(mark.colour(dark=dark)), ground) > 4.5
    pictures = [_icon(mark, "#000000").pixmap(16, 16).toImage() for mark in marks]
    for n, picture in enumerate(pictures):
        assert all(picture != other for other in pictures[:n])


def contrast(a, b) -> float:
    """Contrast ratio of two colours by WCAG 2."""

    def luminance(colour) -> float:
        parts = [getattr(colour, name)() / 255 for name in ("red", "green", "blue")]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("kvp_kV", "12000", "from 40 to 200. Check the unit."),
        ("ctdivol_mGy", "-3", "from 0.01 to 2000"),
        ("pitch", "one", "not a number"),
        ("phantom_cm", "20", "16 or 32"),
        ("irradiated_range_mm", "200, -100", "[low, high]"),
    ],
)
def test_an_impossible_value_is_marked_while_it_is_typed(host, panel, phantom, name, text, reason):
    getattr(panel.ui, f"{name}_edit").text = text
    host.process_events()
    assert getattr(panel.ui, f"{name}_source").text == "impossible"
    label = getattr(panel.ui, f"{name}_label").text.rstrip(":")
    for shown in (
        getattr(panel.ui, f"{name}_source").toolTip,
        getattr(panel.ui, f"{name}_edit").toolTip,
        panel.ui.acquisitionLabel.text,
    ):
        assert shown.startswith(label)
        assert reason in shown
    host.click(panel.ui.applyButton)
    assert reason in panel.ui.statusLabel.text
    assert panel.task.job is None
    getattr(panel.ui, f"{name}_edit").text = ""
    host.process_events()
    assert getattr(panel.ui, f"{name}_source").text == "unknown"
    assert reason not in panel.ui.acquisitionLabel.text


def test_each_impossible_value_has_a_line_of_its_own(host, panel, phantom):
    panel.ui.kvp_kV_edit.text, panel.ui.pitch_edit.text = "12000", "one"
    host.process_events()
    first, second = panel.ui.acquisitionLabel.text.splitlines()
    assert first.startswith(panel.ui.kvp_kV_label.text.rstrip(":"))
    assert second.startswith(panel.ui.pitch_label.text.rstrip(":"))


@pytest.mark.parametrize(
    "text", ["-120.5, 230.5", "-120,5; 230,5", "-120,5 230,5", "-120,5, 230,5", "-120.5,230.5"]
)
def test_a_range_is_taken_as_it_is_usually_written(host, panel, phantom, text):
    panel.ui.irradiated_range_mm_edit.text = text
    host.process_events()
    assert panel.acquisition.typed()["irradiated_range_mm"] == [-120.5, 230.5]


def test_the_phantom_that_the_analysis_infers_is_marked_as_inferred(host, panel, scan):
    from CTDoseSegLib.reading.dose_report_file import read_dose_report

    event = read_dose_report(report_of(scan)).events[-1]
    for path in (scan / "dicom").iterdir():
        change(path, CTDIvol=event.ctdivol_mGy, SpiralPitchFactor=event.pitch)
    panel._parameterNode.inputVolume = load_scan(host, scan, report=False)
    host.process_events()
    series = panel.logic.series(panel._parameterNode.inputVolume)
    from CTDoseSegLib.measurement.ctdi_check import with_checked_ctdivol

    inferred = with_checked_ctdivol(series).acquisition.phantom_cm
    assert inferred is not None
    assert panel.ui.phantom_cm_edit.placeholderText == str(inferred)
    assert panel.ui.phantom_cm_source.text == "inferred"


# Presets


def test_typed_values_are_kept_by_scanner_and_protocol(host, opened):
    ui, node = opened.ui, opened._parameterNode
    assert not ui.savePresetButton.enabled
    proposed = ui.presetComboBox.lineEdit().placeholderText
    model = opened.logic.series(node.inputVolume).acquisition.model
    assert proposed.startswith(model)
    node.ctdivol_mGy, node.phantom_cm, node.age_years = "7,5", "32", "61"
    node.irradiated_range_mm = "-100, 200"
    host.process_events()
    host.click(ui.savePresetButton)
    from CTDoseSegLib.ctdoseseg_ui.panel.presets import read_presets

    assert read_presets() == {proposed: {"ctdivol_mGy": "7,5", "phantom_cm": "32"}}
    for name in ("ctdivol_mGy", "phantom_cm", "age_years", "irradiated_range_mm"):
        setattr(node, name, "")
    host.process_events()
    ui.presetComboBox.setCurrentIndex(0)
    ui.presetComboBox.activated.emit(0)
    host.process_events()
    assert (node.ctdivol_mGy, node.phantom_cm, node.age_years) == ("7,5", "32", "")
    assert ui.ctdivol_mGy_source.text == "typed"
    host.click(ui.deletePresetButton)
    assert read_presets() == {}
    assert ui.presetComboBox.count == 0


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 3}', '{"a": {"age_years": "61", "pitch": 1}}'])
def test_settings_that_were_edited_by_hand_break_nothing(host, panel, text):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel.presets import KEY, read_presets

    slicer.app.userSettings().setValue(KEY, text)
    assert not any(read_presets().values())
    host.reload("CTDoseSeg")


def test_the_report_of_sample_data_is_shown_as_what_it_is(host, panel, scan):
    from CTDoseSegLib.ctdoseseg_ui.nodes.volumes import keep_stated
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom
    from CTDoseSegLib.reading.reader import read_series

    volume, _organs = load_phantom(shape=(64, 64, 24), spacing_mm=(6.8, 6.8, 23.0))
    keep_stated(volume, read_series(scan / "dicom", rdsr=report_of(scan)))
    panel._parameterNode.inputVolume = volume
    host.process_events()
    assert panel.ui.doseReportText.text == "Found with the images"
    assert not panel.ui.leaveOutReportButton.enabled
    assert panel.logic.series(volume).dose_report is not None
