"""What a user may have in the scene that is no CT, no organs, or gone when the task ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from module_steps import SMALL, apply
from processes import is_alive


def volume(array, name="volume", affine=None):
    import slicer

    node = slicer.util.addVolumeFromArray(
        np.asarray(array), np.diag([-6.8, -6.8, 23.0, 1.0]) if affine is None else affine, name
    )
    node.CreateDefaultDisplayNodes()
    return node


def press_apply(host, panel, node, method="CLASSICAL"):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.inputVolume = node
    panel._parameterNode.method = Method[method]
    host.process_events()
    apply(host, panel)
    return panel.ui.statusLabel.text


def test_a_volume_without_dicom_shows_which_results_wait(host, panel, phantom):
    panel._parameterNode.ctdivol_mGy = ""
    host.process_events()
    text = panel.ui.acquisitionLabel.text
    assert "no DICOM" in text
    assert "SSDE needs CTDIvol" in text
    assert "organ doses wait" in text
    assert panel.acquisition.mark_of("ctdivol_mGy") == "unknown"
    panel.ui.ctdivol_mGy_edit.text = "9"
    host.process_events()
    assert panel.acquisition.mark_of("ctdivol_mGy") == "typed"
    assert "waits" not in panel.ui.acquisitionLabel.text


def test_without_exposure_there_is_size_and_no_dose(host, panel, phantom):
    panel._parameterNode.ctdivol_mGy = ""
    host.process_events()
    apply(host, panel)
    result = panel.results.results.result
    assert np.isfinite(result.slices.wed_mm).all()
    assert panel.results.results.doses() == {}
    assert "No organ dose" in panel.results.results.get("doseChart").GetTitle()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("kvp_kV", "abc", "not a number"),
        ("ctdivol_mGy", "-3", "0.01"),
        ("phantom_cm", "20", "16 or 32"),
        ("irradiated_range_mm", "5", "low, high"),
    ],
)
def test_an_impossible_value_is_refused_before_anything_runs(
    host, panel, phantom, name, text, said
):
    getattr(panel.ui, f"{name}_edit").text = text
    host.process_events()
    host.click(panel.ui.applyButton)
    assert said in panel.ui.statusLabel.text
    assert panel.task.job is None


def test_a_decimal_comma_is_understood(host, panel, phantom):
    panel.ui.ctdivol_mGy_edit.text = "8,1"
    host.process_events()
    assert panel.acquisition.typed()["ctdivol_mGy"] == 8.1


def test_air_alone_has_no_body(host, panel):
    text = press_apply(host, panel, volume(np.full((6, 48, 48), -1000, np.int16)))
    assert "No body" in text
    assert panel.results.results is None


def test_values_that_are_no_hu_are_refused_or_flagged(host, panel):
    picture = np.random.default_rng(0).integers(0, 256, (6, 48, 48)).astype(np.uint8)
    press_apply(host, panel, volume(picture, "MR"))
    results = panel.results.results
    codes = [f.code for f in results.result.flags] if results else []
    assert "not_hu" in codes or "Problem" in panel.ui.statusLabel.text


def test_a_label_map_cannot_be_chosen(host, panel):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    assert node not in [
        panel.ui.inputVolumeSelector.nodeFromIndex(n)
        for n in range(panel.ui.inputVolumeSelector.nodeCount())
    ]


def test_a_volume_without_voxels_is_refused_with_a_sentence(host, panel):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    panel._parameterNode.inputVolume = node
    host.process_events()
    assert "no voxels" in panel.ui.statusLabel.text
    assert not panel.ui.applyButton.enabled


def test_one_slice_is_analysed_and_flagged(host, panel, phantom):
    import slicer

    whole = slicer.util.arrayFromVolume(phantom[0])
    text = press_apply(host, panel, volume(whole[12:13]))
    assert text == "Done."
    codes = {f.code for f in panel.results.results.result.flags}
    assert "single_slice" in codes


def test_a_nonlinear_transform_gives_results_per_slice_alone(host, use_organs, phantom):
    import slicer
    import vtk

    grid = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    spline = slicer.vtkOrientedBSplineTransform()
    coefficients = vtk.vtkImageData()
    coefficients.SetDimensions(6, 6, 6)
    coefficients.SetSpacing(400, 400, 400)
    coefficients.SetOrigin(-1000, -1000, -1000)
    coefficients.AllocateScalars(vtk.VTK_DOUBLE, 3)
    for n in range(3):
        coefficients.GetPointData().GetScalars().FillComponent(n, 3.0)
    spline.SetCoefficientData(coefficients)
    grid.SetAndObserveTransformFromParent(spline)
    for node in phantom:
        node.SetAndObserveTransformNodeID(grid.GetID())
    apply(host, use_organs)
    result = use_organs.results.results.result
    assert "nonlinear_transform" in {f.code for f in result.flags}
    assert result.geometry.regular is False
    assert np.isfinite(result.slices.wed_mm).all()
    assert all(o.volume_ml is None for o in result.organs)


def test_a_segmentation_of_another_grid_is_resampled_and_flagged(host, use_organs, phantom):
    import slicer

    coarse = volume(
        slicer.util.arrayFromVolume(phantom[0])[::2, ::2, ::2],
        "coarse",
        affine=np.diag([2.0, 2.0, 2.0, 1.0]),
    )
    matrix = np.array(slicer.util.arrayFromVTKMatrix(_ijk_to_ras(phantom[0])))
    coarse.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix @ np.diag([2.0, 2.0, 2.0, 1.0])))
    organs = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "coarse organs")
    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import fill_segmentation, labelmap_of

    logic = use_organs.logic
    truth = labelmap_of(phantom[1], phantom[0], logic.series(phantom[0]))
    from dataclasses import replace

    small = replace(truth, labels=np.ascontiguousarray(truth.labels[::2, ::2, ::2]))
    fill_segmentation(organs, small, coarse)
    back = labelmap_of(organs, phantom[0], logic.series(phantom[0]))
    assert "segments_resampled" in {f.code for f in back.flags}
    same = back.mask("liver") & truth.mask("liver")
    assert same.sum() > 0.7 * truth.mask("liver").sum()


def _ijk_to_ras(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def test_overlapping_segments_count_once_and_are_flagged(host, use_organs, phantom):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import labelmap_of

    series = use_organs.logic.series(phantom[0])
    liver = labelmap_of(phantom[1], phantom[0], series).mask("liver")
    ball = np.zeros(liver.shape, np.uint8)
    inside = np.argwhere(liver)[: int(liver.sum()) // 10]
    ball[tuple(inside.T)] = 1
    node = phantom[1]
    identifier = node.GetSegmentation().AddEmptySegment("tumor", "tumor")
    slicer.util.updateSegmentBinaryLabelmapFromArray(ball, node, identifier, phantom[0])
    back = labelmap_of(node, phantom[0], series)
    assert "segments_overlap" in {f.code for f in back.flags}
    assert int(back.mask("tumor").sum()) == int(ball.sum())
    assert int(back.mask("liver").sum()) == int(liver.sum() - ball.sum())


def test_an_empty_segmentation_is_refused(host, use_organs):
    import slicer

    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    use_organs._parameterNode.inputSegmentation = empty
    host.process_events()
    host.click(use_organs.ui.applyButton)
    assert "no segments" in use_organs.ui.statusLabel.text
    assert use_organs.task.job is None


def test_unknown_names_are_kept_and_have_no_dose(host, use_organs, phantom):
    segmentation = phantom[1].GetSegmentation()
    segmentation.GetSegment("liver").SetName("=<b>thing</b>")
    segmentation.GetSegment("liver").RemoveTag("CTDoseSeg.Name")
    segmentation.GetSegment("liver").RemoveTag("TerminologyEntry")
    apply(host, use_organs)
    results = use_organs.results.results
    assert any("<b>thing</b>" in name for name in results.result.structures)
    assert "liver" not in results.doses()
    assert "spleen" in results.doses()


def test_existing_segmentation_must_be_chosen(host, panel, phantom):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    slicer.mrmlScene.RemoveNode(phantom[1])
    panel._parameterNode.method = Method.EXISTING
    panel._parameterNode.inputSegmentation = None
    host.process_events()
    assert not panel.ui.applyButton.enabled
    assert "Choose the segmentation" in panel.ui.statusLabel.text


def test_a_volume_deleted_while_the_task_runs_ends_in_a_sentence(host, use_organs, phantom):
    import slicer

    host.click(use_organs.ui.applyButton)
    slicer.mrmlScene.RemoveNode(phantom[0])
    host.wait_until(lambda: not use_organs.task.job.active, 60)
    assert use_organs.task.job.state == "done"
    assert use_organs.results.results is None
    assert not slicer.util.getNodesByClass("vtkMRMLTableNode")


def test_a_segmentation_deleted_while_the_task_runs_changes_nothing(host, use_organs, phantom):
    import slicer

    host.click(use_organs.ui.applyButton)
    slicer.mrmlScene.RemoveNode(phantom[1])
    host.wait_until(lambda: not use_organs.task.job.active, 60)
    assert "liver" in use_organs.results.results.doses()


def test_deleting_the_result_or_the_volume_later_empties_the_panel(host, analysed):
    import slicer

    slicer.mrmlScene.RemoveNode(analysed.results.results.volume)
    host.process_events()
    assert analysed.results.results is None


def handed_over(job):
    """The folder with the voxels that a task was given."""
    return Path(job._arguments[1]).parent


def running(host, panel):
    """The task that Apply starts, once its process runs."""
    host.click(panel.ui.applyButton)
    job = panel.task.job
    host.wait_until(lambda: job.pid is not None, 20)
    return job


def assert_ended(host, job):
    host.wait(0.3)
    assert not is_alive(job.pid)
    assert not handed_over(job).exists()


def test_closing_the_scene_ends_the_task(host, use_organs):
    import slicer

    job = running(host, use_organs)
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert_ended(host, job)
    assert use_organs.task.job is None
    assert "Load a CT" in use_organs.ui.statusLabel.text


def test_reloading_the_module_ends_the_task(host, use_organs):
    job = running(host, use_organs)
    host.reload("CTDoseSeg")
    assert_ended(host, job)


def test_quitting_ends_the_task(host, use_organs):
    job = running(host, use_organs)
    host.close_module("CTDoseSeg")
    assert_ended(host, job)


def test_apply_is_cancel_while_a_task_runs_so_that_there_are_never_two(host, use_organs):
    host.click(use_organs.ui.applyButton)
    job = use_organs.task.job
    assert use_organs.ui.applyButton.text == "Cancel"
    host.click(use_organs.ui.applyButton)
    host.wait_until(lambda: not job.active, 5)
    assert use_organs.task.job is job


def test_a_silent_worker_is_reported_to_the_user(host, use_organs):
    host.click(use_organs.ui.applyButton)
    use_organs.task.job.last_sign -= 100
    use_organs.task.check_signs()
    assert "No sign of life" in use_organs.ui.statusLabel.text
    host.click(use_organs.ui.applyButton)
    host.wait_until(lambda: not use_organs.task.job.active, 5)


def test_a_network_that_is_not_there_is_a_sentence_and_no_traceback(host, panel, phantom, tmp_path):
    # TotalSegmentator is asked for: test_totalsegmentator_method.py.
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.method = Method.UNET
    panel._parameterNode.unetFolder = str(tmp_path)
    host.process_events()
    host.click(panel.ui.applyButton)
    assert panel.ui.statusLabel.text.startswith("Problem: ")
    assert "lassical" in panel.ui.statusLabel.text
    assert "unet.safetensors" in panel.ui.statusLabel.text
    assert panel.task.job is None


def test_dicom_files_that_left_the_database_are_flagged(host, panel, phantom):
    phantom[0].SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    series = panel.logic.series(phantom[0])
    assert "dicom_not_found" in {f.code for f in series.flags}


def test_a_dicom_folder_brings_its_exposure(host, panel, tmp_path):
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    import slicer
    from DICOMLib import DICOMUtils

    (uid,) = host.database.index_folder(tmp_path / "dicom")
    (identifier,) = DICOMUtils.loadSeriesByUID([uid])
    node = slicer.mrmlScene.GetNodeByID(identifier)
    panel._parameterNode.inputVolume = node
    host.process_events()
    assert panel.acquisition.mark_of("kvp_kV") == "read"
    assert panel.acquisition.mark_of("ctdivol_mGy") == "read"
    assert "0018,0060" in panel.ui.kvp_kV_source.toolTip
    from CTDoseSegLib.reading.reader import read_series

    scene, files = panel.logic.series(node), read_series(tmp_path / "dicom")
    assert np.array_equal(scene.hu, files.hu)
    assert np.allclose(scene.affine, files.affine, atol=1e-4)
    assert scene.slices == files.slices
    assert scene.acquisition == files.acquisition
    assert {f.code for f in scene.flags} == {f.code for f in files.flags}


def test_mr_by_its_dicom_modality_is_refused(host, panel, tmp_path):
    import pydicom

    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    for path in (tmp_path / "dicom").iterdir():
        data = pydicom.dcmread(path)
        data.Modality = "MR"
        data.save_as(path)
    import slicer
    from DICOMLib import DICOMUtils

    (uid,) = host.database.index_folder(tmp_path / "dicom")
    (identifier,) = DICOMUtils.loadSeriesByUID([uid])
    panel._parameterNode.inputVolume = slicer.mrmlScene.GetNodeByID(identifier)
    host.process_events()
    assert "MR, not CT" in panel.ui.statusLabel.text
    assert not panel.ui.applyButton.enabled


def test_an_irregular_dicom_series_keeps_its_slices_positions(host, panel, tmp_path):
    from slicerhost.dicom.loading import load_series

    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path)
    sorted((tmp_path / "dicom").iterdir())[5].unlink()
    (uid,) = host.database.index_folder(tmp_path / "dicom")
    series = panel.logic.series(load_series(uid, irregular=True))
    codes = {f.code for f in series.flags}
    assert {"nonlinear_transform", "missing_slices"} <= codes
    assert not series.regular
    steps = np.diff(series.z_mm)
    assert steps.max() == pytest.approx(2 * steps.min())


def test_without_a_main_window_the_module_opens_and_analyses(host, panel, phantom, monkeypatch):
    monkeypatch.setattr(host.app, "_layouts", None)
    host.reload("CTDoseSeg")
    import slicer

    results = slicer.modules.CTDoseSegWidget.logic.analyze(
        *phantom, acquisition={"ctdivol_mGy": 8.1}
    )
    slicer.modules.CTDoseSegWidget._showResults(results)
    assert results.doses()
    monkeypatch.undo()
