"""A scene in which something is missing, was altered, or goes while it is in use."""

from __future__ import annotations

import json

import pytest
from module_steps import SMALL, show_result, warm


def panel_state(panel):
    return panel.ui.statusLabel.text


def test_nothing_chosen_is_a_sentence_on_the_console_too(host, panel):
    from CTDoseSegLib.errors import InputError

    with pytest.raises(InputError, match="No volume is chosen; load a CT"):
        panel.logic.analyze(None)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda content: content | {"schema_version": "99.0"}, "reads versions"),
        (lambda content: content | {"organs": "none"}, "altered"),
        (None, "cut off"),
    ],
    ids=["newer schema", "edited by hand", "cut off"],
)
def test_a_result_that_cannot_be_read_is_a_sentence_and_apply_replaces_it(
    host, analysed, tmp_path, change, word
):
    import re

    import slicer

    node = analysed.results.results.node
    text = node.GetText()
    node.SetText(json.dumps(change(json.loads(text))) if change else text[: len(text) // 2])
    host.wait(0.3)
    assert re.search(word, panel_state(analysed)), panel_state(analysed)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    host.process_events()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    assert analysed.results.results is None
    assert re.search(word, panel_state(analysed)), panel_state(analysed)
    assert analysed.ui.applyButton.enabled
    show_result(host, analysed)
    assert panel_state(analysed) == "Done."
    assert analysed.results.results.doses()["liver"] > 0


@pytest.mark.parametrize("role", ["doseTable", "sliceTable", "markerTable"])
def test_a_table_that_is_deleted_comes_back_with_the_next_edit_or_apply(host, analysed, role):
    import slicer

    warm(host, analysed)
    results = analysed.results.results
    slicer.mrmlScene.RemoveNode(results.get(role))
    host.process_events()
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: results.get(role) is not None, 20)
    slicer.mrmlScene.RemoveNode(results.get(role))
    host.process_events()
    show_result(host, analysed)
    assert panel_state(analysed) == "Done."
    assert analysed.results.results.get(role) is not None


def test_a_segmentation_that_is_deleted_amid_an_edit_is_no_error(host, analysed):
    import slicer

    warm(host, analysed)
    results = analysed.results.results
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    slicer.mrmlScene.RemoveNode(results.segmentation)
    host.wait(0.6)
    assert analysed.results.results is None
    assert analysed.ui.applyButton.enabled


def test_a_scene_that_is_closed_amid_an_edit_is_no_error(host, analysed):
    import slicer

    warm(host, analysed)
    analysed.results.results.segmentation.GetSegmentation().RemoveSegment("spleen")
    slicer.mrmlScene.Clear(False)
    host.wait(0.6)
    assert analysed.results.results is None


def test_a_scene_that_is_saved_while_the_task_runs_is_whole_and_the_task_goes_on(
    host, use_organs, tmp_path
):
    import slicer

    host.click(use_organs.ui.applyButton)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    host.wait_until(lambda: not use_organs.task.job.active, 300)
    host.process_events()
    assert panel_state(use_organs) == "Done."
    slicer.mrmlScene.Clear(False)
    host.process_events()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    assert use_organs.results.results is None  # as when it was saved
    assert panel_state(use_organs) == "Ready: press Apply."


def test_of_two_volumes_of_one_name_the_chosen_one_is_analysed(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    first = analysed.results.results
    volume, organs = load_phantom(**{**SMALL, "seed": 4})
    assert volume.GetName().startswith(first.volume.GetName())
    volume.SetName(first.volume.GetName())
    organs.SetName("Phantom organs")
    parameters = analysed._parameterNode
    parameters.inputVolume, parameters.inputSegmentation = volume, organs
    parameters.ctdivol_mGy, parameters.phantom_cm = "4", "32"
    host.process_events()
    assert analysed.results.results is None  # not that of the other
    task = analysed._prepareAnalysis()
    assert task.volume is volume
    assert task.givenID == organs.GetID()
    task.clear()
    assert first.doses()["liver"] > 0


def test_without_a_dicom_database_values_are_typed(host, panel, monkeypatch, tmp_path):
    import slicer

    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    volume = host.load_dicom(tmp_path / "dicom")
    monkeypatch.setattr(slicer, "dicomDatabase", None)
    panel._parameterNode.inputVolume = volume
    host.process_events()
    assert panel.ui.kvp_kV_source.text == "unknown"
    assert "This volume has no DICOM tags: type what you know." in panel.ui.acquisitionLabel.text
    panel.ui.ctdivol_mGy_edit.text = "8"
    host.process_events()
    assert panel.ui.applyButton.enabled


def test_an_installation_that_fails_is_a_sentence_and_changes_nothing(host, panel, phantom):
    from CTDoseSegLib.ctdoseseg_ui import packages
    from CTDoseSegLib.errors import DependencyError

    host.packages.outcome = "failed"
    host.packages.installed.add("torch")
    host.packages.missing.add("safetensors")
    with pytest.raises(DependencyError, match=r"Installing safetensors.* failed; nothing was"):
        packages.ensure("unet")
