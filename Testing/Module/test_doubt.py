"""The network's doubt over the slice views: placed, taken away again, kept with the scene."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import SMALL, show_result, warm


@pytest.fixture
def doubted(host, use_organs):
    """The panel as after Apply with a network that doubts a block of voxels."""
    from CTDoseSegLib.ct.volume_files import write_volume
    from CTDoseSegLib.segmentation.doubt_map import DoubtMap

    def add_doubt(folder, task):
        columns, rows, slices = SMALL["shape"]
        values = np.zeros((slices, rows // 2, columns // 2), np.uint8)
        values[8:12, 10:14, 4:8] = 153
        own = DoubtMap.of(values, (slices, rows, columns), task.series.affine)
        write_volume(folder, "doubt", values, own.affine)

    show_result(host, use_organs, add_doubt)
    return use_organs


def views():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def extra_layers():
    return [view.GetNumberOfAdditionalLayers() for view in views()]


def tick(host, panel, name, value):
    setattr(panel._parameterNode, name, value)
    host.process_events()


def test_without_a_network_there_is_no_doubt_to_show(host, analysed):
    assert not analysed.ui.doubtCheckBox.enabled
    assert "UNet" in analysed.ui.doubtCheckBox.toolTip
    tick(host, analysed, "showDoubt", True)
    assert set(extra_layers()) == {0}


def test_the_doubt_lies_on_the_ct_in_percent(host, doubted):
    import slicer

    results = doubted.results.results
    node = results.get("doubt")
    assert doubted.ui.doubtCheckBox.enabled
    bounds, whole = np.zeros(6), np.zeros(6)
    node.GetRASBounds(bounds)
    results.volume.GetRASBounds(whole)
    assert bounds == pytest.approx(whole)
    values = slicer.util.arrayFromVolume(node)
    assert set(np.unique(values)) == {0, 60}
    # The block's corner, by the CT's own voxels.
    corner = slicer.util.arrayFromVTKMatrix(_matrix(results.volume)) @ (7.5, 19.5, 7.5, 1)
    at = slicer.util.arrayFromVTKMatrix(_matrix(node)) @ (3.5, 9.5, 7.5, 1)
    assert at == pytest.approx(corner)


def _matrix(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def test_showing_and_hiding_leaves_the_views_as_the_user_had_them(host, doubted):
    import slicer

    other = slicer.util.addVolumeFromArray(np.zeros((4, 4, 4), np.int16), name="PET")
    slicer.util.setSliceViewerLayers(foreground=other, foregroundOpacity=0.3)
    display = doubted.results.results.segmentation.GetDisplayNode()
    display.SetOpacity2DFill(0.2)
    doubt = doubted.results.results.get("doubt")

    def state():
        return [
            (v.GetBackgroundVolumeID(), v.GetForegroundVolumeID(), v.GetForegroundOpacity())
            for v in views()
        ]

    before = state()
    tick(host, doubted, "showDoubt", True)
    assert {view.GetNthLayerVolumeID(3) for view in views()} == {doubt.GetID()}
    assert display.GetOpacity2DFill() == 0.0
    assert state() == before
    tick(host, doubted, "showDoubt", False)
    assert set(extra_layers()) == {0}
    assert display.GetOpacity2DFill() == 0.2
    assert state() == before


def test_the_dose_overlay_and_the_doubt_can_be_shown_together(host, doubted):
    display = doubted.results.results.segmentation.GetDisplayNode()
    tick(host, doubted, "showDoubt", True)
    tick(host, doubted, "showOverlay", True)
    overlay = doubted.results.results.overlay
    assert {view.GetForegroundVolumeID() for view in views()} == {overlay.GetID()}
    tick(host, doubted, "showOverlay", False)
    assert set(extra_layers()) == {1}
    assert display.GetOpacity2DFill() == 0.0
    tick(host, doubted, "showDoubt", False)
    assert display.GetOpacity2DFill() > 0.0


def test_what_the_user_draws_is_tinted_no_more(host, doubted):
    import slicer

    results = doubted.results.results
    warm(host, doubted)
    node = results.get("doubt")
    before = slicer.util.arrayFromVolume(node).copy()
    segmentation = results.segmentation
    liver = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "liver", results.volume)
    liver[9, 20:28, 8:12] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(liver, segmentation, "liver", results.volume)
    host.wait_until(lambda: "slices changed" in doubted.ui.liveLabel.text, 20)
    after = slicer.util.arrayFromVolume(node)
    gone = np.argwhere(before != after)
    assert gone.min(axis=0).tolist() == [9, 10, 4]
    assert gone.max(axis=0).tolist() == [9, 13, 5]
    assert (after[9, 10:14, 4:6] == 0).all()


def test_a_new_segmentation_without_a_network_takes_the_doubt_away(host, doubted):
    from module_steps import show_result

    tick(host, doubted, "showDoubt", True)
    show_result(host, doubted)
    assert doubted.results.results.get("doubt") is None
    assert not doubted.ui.doubtCheckBox.enabled
    assert set(extra_layers()) == {0}
    assert doubted.results.results.segmentation.GetDisplayNode().GetOpacity2DFill() > 0.0


def test_a_saved_scene_keeps_the_doubt_and_that_it_was_shown(host, doubted, tmp_path):
    import slicer

    tick(host, doubted, "showDoubt", True)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert not doubted.ui.doubtCheckBox.enabled
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    node = doubted.results.results.get("doubt")
    assert set(np.unique(slicer.util.arrayFromVolume(node))) == {0, 60}
    assert doubted.ui.doubtCheckBox.enabled
    assert {view.GetNthLayerVolumeID(3) for view in views()} == {node.GetID()}
    assert set(extra_layers()) == {1}
    tick(host, doubted, "showDoubt", False)
    assert set(extra_layers()) == {0}


def test_the_doubt_is_never_taken_for_a_ct(host, doubted):
    from CTDoseSegLib.errors import InputError

    with pytest.raises(InputError, match="doubt"):
        doubted.logic.analyze(doubted.results.results.get("doubt"))
