"""A result leaves Slicer: a report to read and save, DICOM objects in the study of its CT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_study import groups_of, numbers_of
from module_steps import warm
from scanned_phantom import change, load_scan, write_scan

from CTDoseSegLib import NOTICE
from CTDoseSegLib.reporting.numbers import number

PATIENT = {"PatientName": "Doe^Jane", "PatientID": "ID-4711"}


@pytest.fixture
def scanned(host, panel, tmp_path):
    """The panel with a result of a CT of the DICOM database, by thresholds."""
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    folder = write_scan(tmp_path / "scan")
    for path in (folder / "dicom").iterdir():
        change(path, SeriesDescription=" ".join(("Thorax", *PATIENT.values())), **PATIENT)
    panel._parameterNode.inputVolume = load_scan(host, folder)
    host.process_events()
    panel._parameterNode.method = Method.CLASSICAL
    host.process_events()
    host.click(panel.ui.applyButton)
    host.wait_until(lambda: panel.task.job is not None and not panel.task.job.active, 300)
    host.process_events()
    assert panel.results.results is not None
    panel.ui.exportCollapsibleButton.collapsed = False
    host.process_events()
    return panel


def saved(host, panel) -> dict[str, pydicom.Dataset]:
    """Press the button; what the database has then, by modality."""
    host.click(panel.ui.dicomButton)
    host.wait_until(lambda: not panel.task.job.active, 120)
    host.process_events()
    for label in (panel.ui.statusLabel, panel.ui.exportLinkLabel):  # also beside the button
        assert "DICOM objects are in Slicer's database" in label.text
    assert panel.ui.applyButton.text == "Apply"
    assert panel.ui.inputVolumeSelector.enabled
    files = [pydicom.dcmread(file) for file in panel.leaving._saved]
    return {data.Modality: data for data in files}


def test_the_report_shows_the_doses_and_no_patient(host, scanned, tmp_path):
    host.click(scanned.ui.reportButton)
    text = scanned.leaving.dialog.text.plainText
    result = scanned.results.results.result
    assert NOTICE in text
    for organ in result.organs:
        if organ.dose_mGy is not None:
            assert number(organ.dose_mGy) in text
    assert "Thorax" in text
    for particular in ("Doe", "Jane", PATIENT["PatientID"]):
        assert particular not in text
    host.answers.files.append(tmp_path / "report.pdf")
    host.click(scanned.leaving.dialog.saveButton)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    scanned.leaving.stop()


def test_a_report_that_cannot_be_written_is_an_error_though_an_old_one_is_there(
    host, analysed, tmp_path, monkeypatch
):
    from CTDoseSegLib.ctdoseseg_ui.panel import report_dialog

    old = tmp_path / "report.pdf"
    old.write_bytes(b"old")
    # As Qt does where it cannot write.
    monkeypatch.setattr(report_dialog.qt.QTextDocument, "print_", lambda *_args: None)
    dialog = report_dialog.ReportDialog(analysed.results.results.result)
    dialog.show()
    host.answers.files.append(old)
    host.expect_error("report cannot be written to report.pdf")
    host.click(dialog.saveButton)
    assert "report cannot be written to report.pdf" in host.messages[-1].text
    assert [path.name for path in tmp_path.iterdir()] == ["report.pdf"]
    assert old.read_bytes() == b"old"
    dialog.close()


def test_markup_in_a_description_arrives_as_text():
    from dataclasses import replace

    from tiny_analysis import tiny_result

    from CTDoseSegLib.reporting.report.content import report_of
    from CTDoseSegLib.reporting.report.plain_page import plain_page

    result = tiny_result()
    series = replace(result.provenance.series, description="<b>1</b>")
    hostile = replace(result, provenance=replace(result.provenance, series=series))
    assert "&lt;b&gt;1&lt;/b&gt;" in plain_page(report_of(hostile))


def test_what_is_saved_is_in_the_study_of_the_ct_and_holds_its_segments_and_doses(host, scanned):
    pytest.importorskip("highdicom", reason="writes the objects")
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.exposures import series_of
    from CTDoseSegLib.segmentation.user import read_labelmap

    objects = saved(host, scanned)
    assert set(objects) == {"SEG", "SR", "DOC"}
    results = scanned.results.results
    files = slicer.dicomDatabase.fileForInstance(
        results.volume.GetAttribute("DICOM.instanceUIDs").split()[0]
    )
    study = str(pydicom.dcmread(files, stop_before_pixels=True).StudyInstanceUID)
    assert {str(data.StudyInstanceUID) for data in objects.values()} == {study}
    assert objects["DOC"].EncapsulatedDocument.startswith(b"%PDF")

    series = series_of(results.volume)
    file = slicer.dicomDatabase.fileForInstance(objects["SEG"].SOPInstanceUID)
    read = read_labelmap(file, series)
    own = scanned.logic.session(results).labelmap
    for atom in read.atoms:
        if atom.name != "body_rest":
            value = next(a.value for a in own.atoms if a.name == atom.name)
            np.testing.assert_array_equal(read.labels == atom.value, own.labels == value)

    numbers = {organ: numbers_of(group) for organ, group in groups_of(objects["SR"]).items()}
    doses = {
        organ: own["Absorbed Dose"][0] for organ, own in numbers.items() if "Absorbed Dose" in own
    }
    assert doses["Left lung"] == pytest.approx(results.doses()["lung_left"], abs=0.01)
    assert len(doses) == len(results.doses())


def test_what_was_saved_is_sent_by_slicers_own_dialog_until_it_is_old(host, scanned):
    pytest.importorskip("highdicom", reason="writes the objects")
    import DICOMLib

    assert not scanned.ui.sendButton.enabled
    saved(host, scanned)
    host.click(scanned.ui.sendButton)
    assert DICOMLib.DICOMSendDialog.opened[-1] == scanned.leaving._saved
    scanned.logic.publish(scanned.results.results)
    scanned._refresh()
    assert not scanned.ui.sendButton.enabled


def test_a_second_save_that_fails_does_not_repeat_the_first_ones_success(
    host, scanned, monkeypatch
):
    pytest.importorskip("highdicom", reason="writes the objects")
    from CTDoseSegLib.ctdoseseg_ui import leaving
    from CTDoseSegLib.errors import OutputError

    def refuse(folder):
        raise OutputError("Slicer's DICOM database has not taken all objects.")

    saved(host, scanned)
    monkeypatch.setattr(leaving, "put_into_database", refuse)
    host.click(scanned.ui.dicomButton)
    host.wait_until(lambda: not scanned.task.job.active, 120)
    assert "has not taken all objects" in scanned.ui.statusLabel.text
    assert not scanned.ui.exportLinkLabel.text
    assert not scanned.ui.sendButton.enabled


def test_the_report_has_the_doses_of_the_edited_segmentation_as_the_objects_have(
    host, scanned, monkeypatch
):
    pytest.importorskip("highdicom", reason="writes the objects")
    from CTDoseSegLib.ctdoseseg_ui.panel import report_dialog

    reported = []

    def draw(result):
        reported.append({one.organ: one.dose_mGy for one in result.organs})
        return b"%PDF"

    warm(host, scanned)
    results = scanned.results.results
    results.segmentation.GetSegmentation().RemoveSegment("lung_left")
    monkeypatch.setattr(report_dialog, "report_pdf", draw)
    host.click(scanned.ui.dicomButton)
    scanned.task.end()
    assert reported == [{one.organ: one.dose_mGy for one in results.result.organs}]
    assert "lung_left" not in reported[0]


def staged(host):
    """The folders with the input of tasks that are there now."""
    import slicer

    return set(Path(slicer.app.temporaryPath).glob("ctdoseseg-*"))


def test_input_that_cannot_be_staged_leaves_no_folder(host, scanned, monkeypatch):
    from CTDoseSegLib.ctdoseseg_ui import packages
    from CTDoseSegLib.errors import InputError
    from CTDoseSegLib.outputs import tables

    def refuse(labelmap, folder):
        raise InputError("altered")

    before = staged(host)
    monkeypatch.setattr(packages, "ensure", lambda *_args: None)
    monkeypatch.setattr(tables, "write_label_tables", refuse)
    with pytest.raises(InputError, match="altered"):
        scanned.logic.prepareDICOM(scanned.results.results)
    assert staged(host) == before


def test_the_console_saves_too(scanned):
    pytest.importorskip("highdicom", reason="writes the objects")
    files = scanned.logic.saveToDICOM(scanned.results.results)
    assert sorted(pydicom.dcmread(file).Modality for file in files) == ["SEG", "SR"]


def test_a_ct_that_is_not_of_the_database_gives_a_sentence(host, analysed):
    analysed.ui.exportCollapsibleButton.collapsed = False
    host.process_events()
    host.click(analysed.ui.dicomButton)
    host.process_events()
    assert "not loaded from Slicer's DICOM database" in analysed.ui.statusLabel.text
