"""A result leaves Slicer: a report to read and save, DICOM objects in the study of its CT."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_study import groups_of, numbers_of
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
    assert "DICOM objects are in Slicer's database" in panel.ui.statusLabel.text
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
