"""Dose-volume histograms in the lower chart: which curves, and how they follow edits."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import warm


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
