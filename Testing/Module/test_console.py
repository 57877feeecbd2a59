"""CTDoseSegLogic from the Python console, without the panel."""

from __future__ import annotations

import json

import numpy as np
import pytest
from module_steps import SMALL

EXPOSURE = {"ctdivol_mGy": 8.1, "phantom_cm": 32}


def test_the_documented_way_works(host, panel, phantom, tmp_path):
    import slicer

    logic = slicer.util.getModuleLogic("CTDoseSeg")
    events = []
    results = logic.analyze(*phantom, acquisition=EXPOSURE, onEvent=events.append)
    assert results.doses()["liver"] > 0
    assert events[0]["event"] == "started"
    assert results.volume is phantom[0]
    folder = logic.export(results, tmp_path / "out")
    assert (folder / "organ_doses.csv").is_file()


def test_files_after_an_edit_hold_the_numbers_shown(host, panel, phantom, tmp_path):
    logic = panel.logic
    results = logic.analyze(*phantom, acquisition=EXPOSURE)
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    folder = logic.export(results, tmp_path / "out")
    written = json.loads((folder / "result.json").read_text())
    exported = {o["organ"]: o["dose_mGy"] for o in written["organs"]}
    assert "spleen" not in exported
    assert exported["liver"] == pytest.approx(results.doses()["liver"], rel=1e-9)
    assert written["slices"]["wed_mm"] == pytest.approx(results.result.slices.wed_mm)


def test_doses_of_the_published_models_are_never_mixed_with_the_bundled(
    host, panel, published_models, tmp_path
):
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom
    from CTDoseSegLib.errors import InputError
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    # They need SliceLocation, which only DICOM has.
    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    volume, organs = host.load_dicom(tmp_path / "dicom"), load_phantom(**SMALL)[1]
    logic = panel.logic
    results = logic.analyze(volume, organs, doseModel=str(published_models))
    doses = results.doses()
    assert doses["liver"] > 0
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    with pytest.raises(InputError, match="do not follow edits"):
        logic.recompute(results)
    assert results.doses() == doses
    folder = logic.export(results, tmp_path / "out")
    written = json.loads((folder / "result.json").read_text())
    exported = {o["organ"]: o["dose_mGy"] for o in written["organs"] if o["route"] == "published"}
    # The files are those of the numbers shown, whatever was edited since.
    assert exported["liver"] == pytest.approx(doses["liver"])
    assert exported["spleen"] == pytest.approx(doses["spleen"])
    logic.forget(results)  # as after a scene was loaded
    with pytest.raises(InputError, match="choose it under Advanced"):
        logic.export(results, tmp_path / "again")


def test_doses_of_a_model_of_your_own_are_never_mixed_with_the_bundled(
    host, panel, phantom, tmp_path
):
    from dose_folders import trained_folder

    from CTDoseSegLib.errors import InputError

    logic = panel.logic
    folder = trained_folder(tmp_path / "mine", factor=2.0)
    bundled = logic.analyze(*phantom, acquisition=EXPOSURE).doses()
    results = logic.analyze(*phantom, acquisition=EXPOSURE, doseModel=str(folder))
    assert results.doses() == pytest.approx({organ: 2 * bundled[organ] for organ in bundled})
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    with pytest.raises(InputError, match="do not follow edits"):
        logic.recompute(results)
    exported = logic.export(results, tmp_path / "out")
    written = json.loads((exported / "result.json").read_text())
    liver = next(o["dose_mGy"] for o in written["organs"] if o["organ"] == "liver")
    assert liver == pytest.approx(2 * bundled["liver"])
    logic.forget(results)  # as after a scene was loaded
    with pytest.raises(InputError, match="choose it under Advanced"):
        logic.export(results, tmp_path / "again")


def test_results_stand_beside_the_volume_in_the_subject_hierarchy(host, panel, phantom):
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(phantom[0]), study)
    results = panel.logic.analyze(*phantom, acquisition=EXPOSURE)
    folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(results.segmentation))
    assert hierarchy.GetItemParent(folder) == study
    assert hierarchy.GetItemName(folder) == f"{phantom[0].GetName()} doses"
    for node in results.nodes():
        item = hierarchy.GetItemByDataNode(node)
        assert not item or hierarchy.GetItemParent(item) == folder, node.GetName()


def test_a_result_goes_with_its_ct_and_leaves_the_segmentation(host, panel, phantom):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    exposure = {"ctdivol_mGy": 8.1}
    volume, organs = phantom
    other, others = load_phantom(**SMALL)
    kept = panel.logic.analyze(other, others, acquisition=exposure)
    kept.node.SetNodeReferenceID("CTDoseSeg.volume", None)  # as in a scene that lost its CT
    results = panel.logic.analyze(volume, organs, acquisition=exposure)
    drawn = results.segmentation
    nodes = [node.GetID() for node in results.nodes() if node is not drawn]
    slicer.mrmlScene.RemoveNode(volume)
    host.wait(0.2)
    assert [n for n in nodes if slicer.mrmlScene.GetNodeByID(n) is not None] == []
    assert drawn.GetScene() is not None
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert hierarchy.GetItemByDataNode(drawn)
    assert [one.node for one in Results.all()] == [kept.node]
    assert kept.doseTable is not None


def test_a_scene_that_is_added_to_itself_has_a_folder_for_each_result(
    host, panel, phantom, tmp_path
):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.hierarchy import folder_of, place
    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results

    volume, organs = phantom
    panel.logic.analyze(volume, organs, acquisition={"ctdivol_mGy": 8.1})
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {"clear": False})
    host.process_events()
    folders = [folder_of(results) for results in Results.all()]
    assert len(folders) == 2
    assert all(folders)
    for results in Results.all():
        place(results)
    assert [folder_of(results) for results in Results.all()] == folders


def test_an_edit_by_numpy_is_measured_slice_by_slice(host, panel, phantom):
    import slicer

    logic = panel.logic
    results = logic.analyze(*phantom, acquisition=EXPOSURE)
    segmentation = results.segmentation.GetSegmentation()
    voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(results.segmentation, "liver")
    liver = segmentation.GetSegment("liver").GetLabelValue()
    k = int((voxels == liver).sum(axis=(1, 2)).argmax())
    voxels[k][voxels[k] == liver] = 0
    segmentation.GetSegment("liver").Modified()
    assert logic.recompute(results) == 1
    assert results.result.structures["liver"].count[k] == 0
    assert logic.recompute(results) == 0


def test_a_segment_named_couch_leaves_the_body(host, panel, phantom):
    logic = panel.logic
    results = logic.analyze(*phantom, acquisition=EXPOSURE)
    before = np.array(results.result.structures["body"].count)
    segmentation = results.segmentation.GetSegmentation()
    segmentation.RemoveSegment("couch")
    spleen = np.array(results.result.structures["spleen"].count)
    segmentation.GetSegment("spleen").SetName("couch")
    assert logic.recompute(results)
    after = np.array(results.result.structures["body"].count)
    assert np.array_equal(after, before - spleen)
    logic.forget()
    logic.look(results)
    whole = logic.session(results).analysis()
    assert whole.size.wed_mm == pytest.approx(np.array(results.result.slices.wed_mm))


def test_a_new_segment_is_an_organ_by_its_name(host, panel, phantom):
    import slicer

    logic = panel.logic
    phantom[1].GetSegmentation().RemoveSegment("spleen")
    results = logic.analyze(*phantom, acquisition=EXPOSURE)
    assert "spleen" not in results.doses()
    identifier = results.segmentation.GetSegmentation().AddEmptySegment("", "Spleen")
    shape = slicer.util.arrayFromVolume(phantom[0]).shape
    block = np.zeros(shape, np.uint8)
    block[8:12, 30:36, 20:26] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        block, results.segmentation, identifier, phantom[0]
    )
    assert logic.recompute(results)
    assert "spleen" in results.doses()


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Right kidney", "kidney_right"),
        ("kidney left", "kidney_left"),
        ("Liver", "liver"),
        ("Small bowel", "small_bowel"),
    ],
)
def test_names_as_people_write_them_are_understood(host, panel, name, known):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import segment_names

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.GetSegmentation().AddEmptySegment("a", name)
    assert segment_names(node) == {"a": known}


def test_a_terminology_code_with_its_side_names_an_organ(host, panel):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import segment_names, terminology
    from CTDoseSegLib.segmentation.atoms import named_atom

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.GetSegmentation().AddEmptySegment("a", "Niere rechts")
    segment = node.GetSegmentation().GetSegment("a")
    entry = terminology(named_atom(1, "kidney_right", "test"))
    segment.SetTag(segment.GetTerminologyEntryTagName(), entry)
    assert segment_names(node) == {"a": "kidney_right"}


def test_a_folder_is_analysed_case_by_case_under_numbers(host, panel, tmp_path):
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path / "in" / "Mustermann")
    (tmp_path / "in" / "broken").mkdir()
    (tmp_path / "in" / "broken" / "x.dcm").write_bytes(b"nothing")
    states = panel.logic.analyzeFolder(tmp_path / "in", tmp_path / "out", engine="classical")
    assert sorted(states) == ["case_0001", "case_0002"]
    done = [name for name, state in states.items() if state == "done"]
    assert len(done) == 1
    text = (tmp_path / "out" / done[0] / "result.json").read_text()
    assert "Mustermann" not in text
    assert json.loads(text)["slices"]["wed_mm"]


def test_what_the_files_of_a_sample_state_is_kept_with_its_volume(host, panel, tmp_path):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.exposures import stated_series
    from CTDoseSegLib.ctdoseseg_ui.nodes.volumes import STATED, keep_stated
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom
    from CTDoseSegLib.errors import InputError
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom
    from CTDoseSegLib.reading.reader import read_series

    write_dicom(Phantom(seed=1, **SMALL), tmp_path / "made")
    series = read_series(
        tmp_path / "made" / "dicom", rdsr=tmp_path / "made" / "rdsr" / "dose_report.dcm"
    )
    volume, _organs = load_phantom(**SMALL)
    assert not stated_series(volume).acquisition.sources
    keep_stated(volume, series)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    back = slicer.util.getNode("Phantom CT")
    stated = stated_series(back)
    assert stated.acquisition == series.acquisition
    assert [s.tube_current_mA for s in stated.slices] == [s.tube_current_mA for s in series.slices]
    assert stated.dose_report == series.dose_report.without_identity()
    for text, word in (("{", "cannot be read"), ('{"slices": [{"z_mm": 1.0}]}', "describes 1")):
        back.SetAttribute(STATED, text)
        with pytest.raises(InputError, match=word):
            stated_series(back)


def test_the_layout_is_known_before_the_module_is_opened(host):
    import slicer
    from module_steps import MODULE

    host.load_module(MODULE)
    node = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    assert node.IsLayoutDescription(5820)


def test_a_result_of_the_console_is_shown_in_the_open_panel(host, panel, phantom):
    import slicer

    volume, organs = phantom
    assert panel.results.results is None
    logic = slicer.util.getModuleLogic("CTDoseSeg")
    exposure = {"ctdivol_mGy": 8.1, "phantom_cm": 32, "kvp_kV": 120}
    logic.analyze(volume, organs, acquisition=exposure)
    host.wait_until(lambda: panel.results.results is not None, 5)
    assert "8.10 mGy" in panel.ui.resultLabel.text
    logic.analyze(volume, organs, acquisition={**exposure, "ctdivol_mGy": 4.0})
    host.wait_until(lambda: "4.00 mGy" in panel.ui.resultLabel.text, 5)


def test_a_ct_that_is_loaded_while_the_panel_is_open_is_chosen(host, panel):
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    assert panel._parameterNode.inputVolume is None
    volume, _organs = load_phantom(**SMALL)
    host.wait_until(lambda: panel._parameterNode.inputVolume is volume, 5)
    load_phantom(**SMALL)
    host.wait(0.3)
    assert panel._parameterNode.inputVolume is volume  # a choice is left alone


def test_a_result_that_was_made_while_another_module_was_open_is_shown_on_return(
    host, panel, phantom
):
    logic, exposure = panel.logic, {"ctdivol_mGy": 8.1, "phantom_cm": 32, "kvp_kV": 120}
    host.open("Data")
    logic.analyze(*phantom, acquisition=exposure)
    host.wait(0.3)  # while it is away the panel follows nothing
    host.open("CTDoseSeg")
    assert panel.results.results is not None
    assert "8.10 mGy" in panel.ui.resultLabel.text
    host.open("Data")
    logic.analyze(*phantom, acquisition={**exposure, "ctdivol_mGy": 4.0})
    host.wait(0.3)
    host.open("CTDoseSeg")
    assert "4.00 mGy" in panel.ui.resultLabel.text
