"""Isodose lines over the CT: where they lie, what names them, when they come and go."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import legend_of, settled, show_simulation


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
