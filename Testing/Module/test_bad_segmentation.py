"""Segmentations that do not fit the volume, overlap, are empty or name nothing."""

from __future__ import annotations

import numpy as np
from module_steps import apply, volume


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
