"""Nothing long runs between two turns of the event loop: headers, doses after edits, overlay."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from module_steps import SMALL, warm


def volume_ml(results, organ):
    return next(o.volume_ml for o in results.result.organs if o.organ == organ)


def take_slice(results, organ, which=0):
    """Give one slice of an organ to the rest of the body, as a user does."""
    import slicer

    segmentation = results.segmentation.GetSegmentation()
    voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(results.segmentation, organ)
    own = voxels == segmentation.GetSegment(organ).GetLabelValue()
    k = np.flatnonzero(own.any(axis=(1, 2)))[which]
    voxels[k][own[k]] = segmentation.GetSegment("body_rest").GetLabelValue()
    segmentation.GetSegment(organ).Modified()


@pytest.fixture
def folder(tmp_path):
    """A DICOM series of the phantom."""
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(**SMALL), tmp_path)
    return tmp_path / "dicom"


@pytest.fixture
def slowly(monkeypatch):
    """As many turns of the event loop as there are headers."""
    from CTDoseSegLib.ctdoseseg_ui.nodes import headers

    monkeypatch.setattr(headers, "STEP_S", -1.0)


def test_headers_are_read_while_the_window_lives(host, panel, folder, slowly):
    from CTDoseSegLib.ctdoseseg_ui.nodes import headers

    volume = host.load_dicom(folder)
    panel._parameterNode.inputVolume = volume
    assert "Reading the DICOM headers of the volume: 0 of 24" in panel.ui.statusLabel.text
    assert not panel.ui.applyButton.enabled
    host.wait_until(lambda: panel.ui.applyButton.enabled, 10)
    assert panel.acquisition.has_dicom
    assert "120 kV" in panel.ui.acquisitionCollapsibleButton.text
    assert len(headers._kept) == 24


def test_another_choice_ends_the_reading_of_headers(host, panel, folder, slowly):
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    volume = host.load_dicom(folder)
    panel._parameterNode.inputVolume = volume
    assert "Reading" in panel.ui.statusLabel.text
    other, _organs = load_phantom(**SMALL)
    panel._parameterNode.inputVolume = other
    host.wait(0.3)
    assert not panel.acquisition.has_dicom
    assert panel.ui.applyButton.enabled


@pytest.mark.parametrize("gone", ["volume", "scene"])
def test_what_goes_while_headers_are_read_ends_it(host, panel, folder, slowly, gone):
    import slicer

    volume = host.load_dicom(folder)
    panel._parameterNode.inputVolume = volume
    if gone == "volume":
        slicer.mrmlScene.RemoveNode(volume)
    else:
        slicer.mrmlScene.Clear(False)
    host.wait(0.3)
    assert "Load a CT" in panel.ui.statusLabel.text


def test_each_header_is_read_once_from_the_choice_to_apply(host, panel, folder, monkeypatch):
    from CTDoseSegLib.ctdoseseg_ui.nodes import headers
    from CTDoseSegLib.dicom import header_file

    headers._kept.clear()
    read, real = [], header_file.read_header
    monkeypatch.setattr(header_file, "read_header", lambda file: read.append(file) or real(file))
    volume = host.load_dicom(folder)
    read.clear()
    panel._parameterNode.inputVolume = volume
    host.wait_until(lambda: panel.ui.applyButton.enabled, 10)
    panel.logic.series(volume)
    assert len(read) == len(set(read)) == 24


@pytest.fixture
def held(host, analysed, monkeypatch):
    """A result whose doses after an edit are there no sooner than the event is set."""
    from CTDoseSegLib.ctdoseseg_ui import live

    warm(host, analysed)
    let, real = threading.Event(), live._result_of

    def result_of(session):
        result = real(session)
        let.wait(30)
        return result

    monkeypatch.setattr(live, "_result_of", result_of)
    yield analysed, let
    let.set()


def test_the_window_lives_while_doses_are_worked_out(host, held):
    panel, let = held
    results = panel.results.results
    before = volume_ml(results, "liver")
    take_slice(results, "liver")
    host.wait_until(lambda: panel.live._doses is not None, 10)
    host.wait(0.3)  # turns the event loop
    assert volume_ml(results, "liver") == before
    let.set()
    host.wait_until(lambda: volume_ml(results, "liver") < before, 10)


def test_an_edit_while_doses_are_worked_out_is_not_lost(host, held):
    panel, let = held
    results = panel.results.results
    liver, spleen = (volume_ml(results, organ) for organ in ("liver", "spleen"))
    take_slice(results, "liver")
    host.wait_until(lambda: panel.live._doses is not None, 10)
    take_slice(results, "spleen")
    let.set()
    host.wait_until(lambda: volume_ml(results, "spleen") < spleen, 10)
    assert volume_ml(results, "liver") < liver


def test_doses_of_an_older_state_never_replace_those_of_the_console(host, held):
    panel, let = held
    results = panel.results.results
    take_slice(results, "liver")
    host.wait_until(lambda: panel.live._doses is not None, 10)
    take_slice(results, "liver")
    panel.logic.recompute(results)
    latest = volume_ml(results, "liver")
    let.set()
    host.wait_until(lambda: panel.live._doses is None, 10)
    host.wait(0.5)
    assert volume_ml(results, "liver") == latest


@pytest.mark.parametrize("gone", ["scene", "volume", "segmentation"])
def test_what_goes_while_doses_are_worked_out_ends_it(host, held, gone):
    import slicer

    panel, let = held
    results = panel.results.results
    take_slice(results, "liver")
    host.wait_until(lambda: panel.live._doses is not None, 10)
    if gone == "scene":
        slicer.mrmlScene.Clear(False)
    else:
        slicer.mrmlScene.RemoveNode(results.get(gone))
    let.set()
    host.wait(0.5)
    assert panel.results.results is None


@pytest.fixture
def slice_by_slice(monkeypatch):
    """The overlay is filled one slice at each turn of the event loop."""
    from CTDoseSegLib.ctdoseseg_ui.nodes import scene

    monkeypatch.setattr(scene, "STEP_VOXELS", 1)


def test_the_overlay_is_shown_when_it_is_whole(host, analysed, slice_by_slice):
    import slicer

    results = analysed.results.results
    analysed._parameterNode.showOverlay = True
    assert results.overlay is None
    host.wait_until(lambda: results.overlay is not None, 10)
    whole = slicer.util.arrayFromVolume(results.overlay).copy()
    assert whole.max() > 0
    analysed.logic.showOverlay(results)
    assert (slicer.util.arrayFromVolume(results.overlay) == whole).all()


@pytest.mark.parametrize("gone", ["tick", "scene", "volume", "result"])
def test_an_overlay_that_is_being_filled_goes_with_what_it_is_of(
    host, analysed, slice_by_slice, gone
):
    import slicer

    results = analysed.results.results
    analysed._parameterNode.showOverlay = True
    if gone == "tick":
        analysed._parameterNode.showOverlay = False
    elif gone == "scene":
        slicer.mrmlScene.Clear(False)
    else:
        slicer.mrmlScene.RemoveNode(results.node if gone == "result" else results.volume)
    host.wait(0.4)
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert not [node for node in nodes if "overlay" in node.GetName()]
