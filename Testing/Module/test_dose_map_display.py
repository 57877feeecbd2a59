"""How doses lie over the CT: one scale, isodose lines, the dose under the mouse, histograms."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import show_simulation, warm

RED = "vtkMRMLSliceNodeRed"


def settled(host, panel):
    """Wait until the isodose lines are there."""
    host.wait_until(lambda: panel.results.results.get("isodoses") is not None, 20)


def legend_of(node):
    import slicer

    return slicer.modules.colors.logic().GetColorLegendDisplayNode(node)


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


# Isodose lines ---------------------------------------------------------------------------


def lines_shown(results):
    node = results.get("isodoses")
    return node is not None and bool(node.GetDisplayNode().GetVisibility())


def test_isodose_lines_come_and_go_with_the_dose_map(host, simulated):
    results, parameters = simulated.results.results, simulated._parameterNode
    assert simulated.ui.isodosesCheckBox.enabled
    assert not lines_shown(results)
    parameters.showDoseMap = True
    settled(host, simulated)
    node = results.get("isodoses")
    display = node.GetDisplayNode()
    assert lines_shown(results)
    assert display.GetVisibility2D()
    assert not display.GetVisibility3D()
    assert node.GetPolyData().GetNumberOfPolys() > 100
    parameters.showIsodoses = False
    host.process_events()
    assert not lines_shown(results)
    assert not legend_of(node).GetVisibility()
    parameters.showIsodoses = True
    host.process_events()
    assert lines_shown(results)
    parameters.showOverlay = True  # an organ's mean has no isodose lines
    host.process_events()
    assert not lines_shown(results)


def test_the_legend_of_the_lines_names_their_doses(host, simulated):
    from CTDoseSegLib.dosimetry.round_doses import isodose_levels_mGy

    results = simulated.results.results
    simulated._parameterNode.showDoseMap = True
    settled(host, simulated)
    levels = isodose_levels_mGy(simulated.ui.doseScaleSpinBox.value)
    colors = results.get("isodoseColors")
    names = [colors.GetColorName(n) for n in range(colors.GetNumberOfColors())]
    assert names == [f"{level:g}" for level in levels]
    legend = legend_of(results.get("isodoses"))
    assert legend.GetUseColorNamesForLabels()
    assert legend.GetTitleText() == "Isodoses (mGy)"
    simulated.ui.doseScaleSpinBox.value = 40.0
    settled(host, simulated)
    colors = results.get("isodoseColors")
    assert colors.GetColorName(colors.GetNumberOfColors() - 1) == "40"


def test_lines_are_made_anew_where_the_scale_was_changed_while_they_were_hidden(host, simulated):
    results, parameters = simulated.results.results, simulated._parameterNode
    parameters.showDoseMap = True
    settled(host, simulated)
    parameters.showIsodoses = False
    host.process_events()
    simulated.ui.doseScaleSpinBox.value = 40.0
    host.process_events()
    parameters.showIsodoses = True
    host.wait_until(lambda: lines_shown(results), 20)
    colors = results.get("isodoseColors")
    assert colors.GetColorName(colors.GetNumberOfColors() - 1) == "40"


def test_the_lines_of_another_simulation_are_others(host, simulated):
    results = simulated.results.results
    simulated._parameterNode.showDoseMap = True
    settled(host, simulated)
    before = results.get("isodoses").GetID()
    show_simulation(host, simulated)
    host.wait_until(lambda: lines_shown(results), 20)
    assert results.get("isodoses").GetID() != before


def test_lines_lie_in_the_results_folder_and_go_with_the_result(host, simulated):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.hierarchy import folder_of

    results = simulated.results.results
    simulated._parameterNode.showDoseMap = True
    settled(host, simulated)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    node = results.get("isodoses")
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == folder_of(results)
    slicer.mrmlScene.RemoveNode(results.volume)
    host.wait(0.2)
    nodes = slicer.util.getNodesByClass("vtkMRMLNode")
    assert not [node.GetName() for node in nodes if "isodose" in (node.GetName() or "")]
    assert not slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")


def surfaces(dose, levels):
    from CTDoseSegLib.ctdoseseg_ui.nodes.isodoses import isodose_surfaces

    affine = np.diag([-2.0, -2.0, 3.0, 1.0])
    return list(isodose_surfaces(np.asarray(dose, np.float32), affine, levels))


def test_a_line_lies_where_the_dose_is(host):
    # 1 mGy more with each of the voxels along i, which are 2 mm wide and run to the left.
    dose = np.tile(np.arange(1.0, 21.0), (8, 8, 1))
    *smoothing, five, ten, thirty = surfaces(dose, (5.0, 10.0, 30.0))
    assert smoothing == [None, None]
    found = [five, ten, thirty]
    assert [one and one.number for one in found] == [0, 1, None]
    for one, dose_mGy in zip(found, (5.0, 10.0), strict=False):
        assert one.points[:, 0] == pytest.approx(-2.0 * (dose_mGy - 1.0), abs=1e-3)


def test_lines_end_where_the_body_does(host):
    dose = np.tile(np.arange(1.0, 21.0), (8, 30, 1))
    dose[:, :10] = 0.0
    *_, line = surfaces(dose, (10.0,))
    used = line.points[np.unique(line.triangles)]
    # Rows of 2 mm run to the back; the first with a dose is row 10.
    assert used[:, 1].max() == pytest.approx(-2.0 * 9.5, abs=1.01)
    assert used[:, 1].min() == pytest.approx(-2.0 * 29)
    assert used[:, 0] == pytest.approx(-18.0, abs=1e-3)  # the edge does not bend it


def test_a_map_that_is_smoothed_slab_by_slab_has_the_lines_of_one_smoothed_at_once(
    host, monkeypatch
):
    from CTDoseSegLib.ctdoseseg_ui.nodes import isodoses

    dose = np.random.default_rng(1).uniform(0.0, 20.0, (11, 12, 13))
    *_, at_once = surfaces(dose, (10.0,))
    monkeypatch.setattr(isodoses, "_STEP_VOXELS", 2 * 12 * 13)
    *smoothing, by_slab = surfaces(dose, (10.0,))
    assert len(smoothing) == 6 + 1
    assert np.array_equal(by_slab.points, at_once.points)
    assert np.array_equal(by_slab.triangles, at_once.triangles)


def test_a_map_that_was_removed_by_hand_leaves_scale_and_layout_alone(host, simulated):
    import slicer

    results = simulated.results.results
    simulated._parameterNode.showDoseMap = True
    settled(host, simulated)
    slicer.mrmlScene.RemoveNode(results.doseMap)
    simulated.ui.doseScaleSpinBox.value = 33.0
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    host.process_events()
    simulated.results.refresh()
    simulated._parameterNode.overlayOpacity = 0.3
    host.process_events()
    assert not simulated.ui.doseMapCheckBox.enabled
    assert not simulated.ui.doseProbeLabel.visible
    assert not lines_shown(results)


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


# Histograms ------------------------------------------------------------------------------


def choose_histograms(host, panel):
    from CTDoseSegLib.ctdoseseg_ui.parameters import LowerChart

    warm(host, panel)
    panel._parameterNode.lowerChart = LowerChart.HISTOGRAMS
    host.process_events()


def curves(results):
    """Names of the curves, and the columns that they show."""
    import slicer

    chart = results.get("dvhChart")
    nodes = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    table = slicer.util.arrayFromTableColumn
    return {
        node.GetYColumnName(): (node.GetName(), table(node.GetTableNode(), node.GetYColumnName()))
        for node in nodes
    }


def can_be_chosen(panel):
    box = panel.ui.lowerChartComboBox
    row = box.findText("Dose-volume histograms")
    return bool(box.model().flags(box.model().index(row, 0)).value & 32)


def test_histograms_are_a_lower_chart_where_there_is_a_map(host, simulated):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    assert can_be_chosen(simulated)
    choose_histograms(host, simulated)
    results = simulated.results.results
    host.wait_until(lambda: bool(curves(results)), 20)
    view = slicer.mrmlScene.GetSingletonNode(layout.LOWER_VIEW, "vtkMRMLPlotViewNode")
    assert view.GetPlotChartNodeID() == results.get("dvhChart").GetID()
    shown = curves(results)
    assert 1 < len(shown) <= 6
    for name, column in shown.values():
        assert "noise" in name
        assert column[0] == pytest.approx(100.0)
        assert column[-1] == 0.0
        assert (np.diff(column) <= 1e-9).all()


def test_the_chosen_organ_has_the_first_curve_whatever_its_dose(host, simulated):
    choose_histograms(host, simulated)
    results = simulated.results.results
    host.wait_until(lambda: bool(curves(results)), 20)
    lowest = min(results.result.structures.keys() & results.doses(), key=results.doses().get)
    assert lowest not in curves(results)
    simulated.results.go_to_organ(lowest)
    host.wait_until(lambda: next(iter(curves(results))) == lowest, 20)


def test_a_curve_follows_an_edit_of_its_organ(host, simulated):
    import slicer

    choose_histograms(host, simulated)
    results = simulated.results.results
    simulated.results.go_to_organ("liver")
    host.wait_until(lambda: "liver" in curves(results), 20)
    before = curves(results)["liver"][1].copy()
    get = slicer.util.arrayFromSegmentBinaryLabelmap
    mask = get(results.segmentation, "liver", results.volume) > 0
    k = int(mask.sum(axis=(1, 2)).argmax())
    mask[:k] = False
    put = slicer.util.updateSegmentBinaryLabelmapFromArray
    put(mask.astype(np.uint8), results.segmentation, "liver", results.volume)

    def changed():
        now = curves(results).get("liver")
        return now is not None and (len(now[1]) != len(before) or (now[1] != before).any())

    host.wait_until(changed, 20)


def test_without_a_simulation_histograms_cannot_be_chosen_and_say_what_is_missing(host, analysed):
    assert not can_be_chosen(analysed)
    choose_histograms(host, analysed)  # as a saved scene may
    results = analysed.results.results
    assert not curves(results)
    assert "only Monte Carlo" in results.get("dvhChart").GetTitle()


def test_a_map_that_was_cropped_by_hand_is_a_problem_in_words(host, simulated):
    import slicer

    choose_histograms(host, simulated)
    results = simulated.results.results
    host.wait_until(lambda: bool(curves(results)), 20)
    cropped = slicer.util.arrayFromVolume(results.doseMap)[1:].copy()
    slicer.util.updateVolumeFromArray(results.doseMap, cropped)
    simulated.results.refresh()
    assert "dose map in the scene was altered" in simulated.ui.statusLabel.text
