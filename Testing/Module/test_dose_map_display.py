"""How doses lie over the CT: one scale, and the dose under the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import legend_of, settled, show_simulation, warm

RED = "vtkMRMLSliceNodeRed"


def colors_of(node):
    """Colour node, and where the colours begin and end."""
    display = node.GetDisplayNode()
    return display.GetColorNodeID(), display.GetWindowLevelMin(), display.GetWindowLevelMax()


def point_at(host, panel, ras):
    """Let the mouse be over a point of a slice view."""
    import slicer

    crosshair = slicer.mrmlScene.GetSingletonNode("default", "vtkMRMLCrosshairNode")
    crosshair.SetCursorPositionRAS(list(ras))
    host.wait(0.15)
    return panel.ui.doseProbeLabel.text


def centre_of(results, organ):
    """A point in RAS that lies in an organ, k, j, i of the CT."""
    import slicer
    import vtk

    mask = slicer.util.arrayFromSegmentBinaryLabelmap(results.segmentation, organ, results.volume)
    k = int((mask > 0).sum(axis=(1, 2)).argmax())
    places = np.argwhere(mask[k] > 0)
    j, i = places[np.abs(places - places.mean(axis=0)).sum(axis=1).argmin()]
    matrix = vtk.vtkMatrix4x4()
    results.volume.GetIJKToRASMatrix(matrix)
    return matrix.MultiplyPoint((float(i), float(j), float(k), 1.0))[:3], k


# The scale -------------------------------------------------------------------------------


def test_organ_means_and_dose_map_have_the_same_colours_from_0_to_a_round_dose(host, simulated):
    results, parameters = simulated.results.results, simulated._parameterNode
    parameters.showDoseMap = True
    host.process_events()
    of_map = colors_of(results.doseMap)
    parameters.showOverlay = True
    host.process_events()
    assert colors_of(results.overlay) == of_map
    color, lowest, highest = of_map
    assert color == "vtkMRMLColorTableNodeFilePlasma.txt"
    assert (lowest, highest) == (0.0, simulated.ui.doseScaleSpinBox.value)
    assert highest == float(f"{highest:.2g}")


def test_the_overlay_has_its_colours_before_its_voxels(host, analysed, monkeypatch):
    """Else Slicer looks through all of them for a window of its own: 0.5 s of a whole CT."""
    from CTDoseSegLib.ctdoseseg_ui.nodes import scene

    had_voxels, color = [], scene.color_doses

    def colored(node, *arguments, **options):
        had_voxels.append(node.GetImageData() is not None)
        color(node, *arguments, **options)

    monkeypatch.setattr(scene, "color_doses", colored)
    analysed._parameterNode.showOverlay = True
    host.wait_until(lambda: analysed.results.results.get("overlay") is not None, 20)
    assert had_voxels == [False]
    assert analysed.results.results.overlay.GetImageData() is not None


def test_the_scale_stays_when_doses_become_others(host, simulated):
    import slicer

    results, parameters = simulated.results.results, simulated._parameterNode
    parameters.showOverlay = True
    host.process_events()
    before = colors_of(results.overlay)
    warm(host, simulated)
    # Half of all doses: as after a correction of CTDIvol.
    slicer.util.arrayFromVolume(results.doseMap)[:] *= 0.5
    simulated.results.made_anew()
    parameters.showDoseMap = True
    host.process_events()
    assert colors_of(results.doseMap) == before
    show_simulation(host, simulated)
    assert colors_of(results.doseMap) == before


def test_the_user_changes_the_scale_for_all_that_is_shown_of_the_ct(host, simulated):
    results, parameters = simulated.results.results, simulated._parameterNode
    parameters.showDoseMap = True
    settled(host, simulated)
    fitting = simulated.ui.doseScaleSpinBox.value
    simulated.ui.doseScaleSpinBox.value = 3 * fitting
    host.process_events()
    assert colors_of(results.doseMap)[2] == pytest.approx(3 * fitting)
    parameters.showOverlay = True
    host.process_events()
    assert colors_of(results.overlay)[2] == pytest.approx(3 * fitting)
    parameters.showDoseMap = True
    host.process_events()
    host.click(simulated.ui.doseScaleButton)
    assert colors_of(results.doseMap)[2] == pytest.approx(fitting)
    assert "% of what is shown has more" in simulated.ui.doseScaleButton.toolTip


def test_a_saved_scene_keeps_the_scale(host, simulated, tmp_path):
    import slicer

    simulated._parameterNode.showDoseMap = True
    host.process_events()
    simulated.ui.doseScaleSpinBox.value = 77.0
    settled(host, simulated)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    assert colors_of(simulated.results.results.doseMap)[2] == 77.0
    assert simulated.ui.doseScaleSpinBox.value == 77.0


def test_a_scale_that_was_edited_by_hand_is_made_anew(host, simulated):
    results = simulated.results.results
    results.volume.SetAttribute("CTDoseSeg.DoseScale", "none")
    simulated._parameterNode.showDoseMap = True
    host.process_events()
    assert colors_of(results.doseMap)[2] > 0


def test_the_legend_says_whether_colours_are_means_of_organs_or_doses_of_voxels(host, simulated):
    results, parameters = simulated.results.results, simulated._parameterNode
    parameters.showOverlay = True
    host.process_events()
    assert legend_of(results.overlay).GetTitleText().startswith("Organ means (mGy)")
    parameters.showDoseMap = True
    host.process_events()
    assert legend_of(results.doseMap).GetTitleText().startswith("Dose (mGy)")


def test_the_legend_says_so_where_the_top_colour_stands_for_more(host, analysed):
    analysed._parameterNode.showOverlay = True
    host.process_events()
    legend = legend_of(analysed.results.results.overlay)
    analysed.ui.doseScaleSpinBox.value = 5.0
    host.process_events()
    assert legend.GetTitleText() == "Organ means (mGy)\ntop: 5 or more"
    analysed.ui.doseScaleSpinBox.value = 500.0
    host.process_events()
    assert legend.GetTitleText() == "Organ means (mGy)"


def test_in_the_modules_layout_only_the_largest_slice_view_has_legends(host, simulated):
    import slicer

    results = simulated.results.results
    simulated._parameterNode.showDoseMap = True
    settled(host, simulated)
    legends = [legend_of(results.doseMap), legend_of(results.get("isodoses"))]
    assert [legend.GetViewNodeIDs() for legend in legends] == [(RED,), (RED,)]
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpGreenSliceView)
    host.process_events()
    assert [legend.GetViewNodeIDs() for legend in legends] == [(), ()]


# Under the mouse -------------------------------------------------------------------------


def test_over_the_dose_map_the_line_tells_voxel_and_organ(host, simulated):
    import slicer
    import vtk

    results = simulated.results.results
    simulated._parameterNode.showDoseMap = True
    host.process_events()
    assert "Point at an organ" in simulated.ui.doseProbeLabel.text
    ras, _ = centre_of(results, "liver")
    text = point_at(host, simulated, ras)
    liver = results.result.dose_of("liver")
    ends = f"{liver.dose_mGy:.3g} mGy ({liver.total_low_mGy:.3g} to {liver.total_high_mGy:.3g})"
    assert text.startswith("Liver: ")
    assert f"organ {ends}" in text
    # By Slicer's own way to the voxel.
    matrix = vtk.vtkMatrix4x4()
    results.doseMap.GetRASToIJKMatrix(matrix)
    i, j, k = (round(one) for one in matrix.MultiplyPoint((*ras, 1.0))[:3])
    here = slicer.util.arrayFromVolume(results.doseMap)[k, j, i]
    noise = slicer.util.arrayFromVolume(results.get("doseMapSD"))[k, j, i]
    assert f"{here:.3g} mGy here (statistical sd {100 * noise / here:.0f} %)" in text


def test_with_the_fast_law_the_line_tells_the_organ_and_its_mean_in_the_slice(host, analysed):
    results = analysed.results.results
    analysed._parameterNode.showOverlay = True
    host.process_events()
    ras, k = centre_of(results, "liver")
    liver = results.result.dose_of("liver")
    assert point_at(host, analysed, ras) == (
        f"Liver: mean {liver.dose_mGy:.3g} mGy ({liver.total_low_mGy:.3g} to "
        f"{liver.total_high_mGy:.3g}); in this slice {liver.slice_dose_mGy[k]:.3g} mGy on average."
    )


def test_off_the_body_and_without_a_shown_dose_there_is_no_dose(host, analysed):
    results, label = analysed.results.results, analysed.ui.doseProbeLabel
    analysed._parameterNode.showOverlay = True
    host.process_events()
    assert point_at(host, analysed, (0.0, 0.0, 9999.0)) == "No organ is drawn here."
    analysed._parameterNode.showOverlay = False
    host.process_events()
    assert not label.visible
    before = label.text
    point_at(host, analysed, centre_of(results, "liver")[0])
    assert label.text == before


def test_where_segments_overlap_the_smallest_is_under_the_mouse_as_in_the_doses(host, analysed):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.dose_at import organ_at
    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import labelmap_of

    results = analysed.results.results
    ras, k = centre_of(results, "liver")
    get, put = (
        slicer.util.arrayFromSegmentBinaryLabelmap,
        slicer.util.updateSegmentBinaryLabelmapFromArray,
    )
    liver = get(results.segmentation, "liver", results.volume) > 0
    one_slice = np.zeros_like(liver)
    one_slice[k] = liver[k]
    for organ, mask in (("spleen", one_slice), ("liver", liver)):  # the larger one lies on top
        put(mask.astype(np.uint8), results.segmentation, organ, results.volume)
    assert organ_at(results, ras) == "spleen"
    series = analysed.logic.session(results).series
    labelmap = labelmap_of(results.segmentation, results.volume, series)
    assert np.array_equal(labelmap.mask("spleen"), one_slice)


def test_many_moves_of_the_mouse_are_one_line(host, analysed, monkeypatch):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes import dose_at

    analysed._parameterNode.showOverlay = True
    host.process_events()
    asked = []
    monkeypatch.setattr(dose_at, "dose_at", lambda *given: asked.append(given))
    crosshair = slicer.mrmlScene.GetSingletonNode("default", "vtkMRMLCrosshairNode")
    for x in range(50):
        crosshair.SetCursorPositionRAS([float(x), 0.0, 0.0])
    assert not asked
    host.wait(0.2)
    assert [ras for _, ras in asked] == [(49.0, 0.0, 0.0)]


def test_a_transform_of_the_ct_moves_what_is_under_the_mouse(host, simulated):
    import slicer
    import vtk

    results = simulated.results.results
    simulated._parameterNode.showDoseMap = True
    host.process_events()
    ras, _ = centre_of(results, "liver")
    before = point_at(host, simulated, ras)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 1000.0)
    transform.SetMatrixTransformToParent(matrix)
    for node in (results.volume, results.segmentation, *map(results.get, ("doseMap", "doseMapSD"))):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert point_at(host, simulated, (ras[0] + 1000.0, ras[1], ras[2])) == before
