"""The section "Compare": two engines, before and after an edit, two phases; never stale."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import SMALL, shift, show_result, warm


@pytest.fixture
def kept(host, analysed):
    """The panel after the numbers of the result were kept; the section is open."""
    press_keep(host, analysed)
    wait_for_table(host, analysed)
    return analysed


def press_keep(host, panel):
    panel.ui.editCollapsibleButton.collapsed = False
    host.click(panel.ui.keepButton)


def wait_for_table(host, panel):
    host.wait_until(lambda: panel.ui.compareTableView.mrmlTableNode() is not None, 5)


def columns(panel):
    """The table as it is shown: name of an organ to its row."""
    table = panel.ui.compareTableView.mrmlTableNode().GetTable()
    rows = [
        {
            table.GetColumnName(n): table.GetValue(row, n).ToString()
            for n in range(table.GetNumberOfColumns())
        }
        for row in range(table.GetNumberOfRows())
    ]
    return {row["name"]: row for row in rows}


def erase(panel, organ):
    panel.results.results.segmentation.GetSegmentation().RemoveSegment(organ)


def upper_chart():
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel.layout import SIZE_VIEW

    view = slicer.mrmlScene.GetSingletonNode(SIZE_VIEW, "vtkMRMLPlotViewNode")
    return slicer.mrmlScene.GetNodeByID(view.GetPlotChartNodeID())


def test_the_section_is_hidden_while_there_is_nothing_to_compare_with(host, analysed):
    assert not analysed.ui.compareCollapsibleButton.visible
    press_keep(host, analysed)
    assert analysed.ui.compareCollapsibleButton.visible
    assert not analysed.ui.compareCollapsibleButton.collapsed


def test_a_kept_copy_shows_what_an_edit_changes(host, kept):
    before = kept.results.results.doses()
    assert all(row["difference_mGy"] == "0" for row in columns(kept).values())
    warm(host, kept)
    erase(kept, "spleen")
    host.wait_until(lambda: columns(kept)["spleen"]["shown_mGy"] == "nan", 20)
    row = columns(kept)["spleen"]
    assert float(row["other_mGy"]) == pytest.approx(before["spleen"], rel=1e-3)
    assert row["organ"] == "Spleen"
    assert "Only one of the results" in row["notes"]


def test_a_kept_copy_is_no_result_and_brings_no_second_segmentation(host, kept):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results

    assert len(Results.all()) == 1
    copy = kept.results.results.get("kept")
    assert copy.GetNodeReference("CTDoseSeg.segmentation") is None
    assert kept.ui.compareSelector.currentNode() is copy
    assert kept.ui.resultSelector.nodeCount() == 1
    segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    # The user's and ours; the surfaces of the 3D view are hidden.
    assert len([node for node in segmentations if not node.GetHideFromEditors()]) == 2


def test_numbers_are_numbers_with_units(kept):
    import slicer

    table = kept.ui.compareTableView.mrmlTableNode()
    ratio = slicer.util.arrayFromTableColumn(table, "ratio")
    assert ratio == pytest.approx(np.ones(len(ratio)))
    assert table.GetColumnUnitLabel("difference_mGy") == "mGy"
    assert table.GetColumnUnitLabel("other_ml") == "ml"


def test_a_small_window_shows_both_doses_and_whether_they_differ(host, kept):
    import qt

    host.resize(1366, 768)
    view = kept.ui.compareTableView
    model = view.model()
    titles = [model.headerData(n, qt.Qt.Horizontal) for n in range(model.columnCount())]
    assert titles[1:5] == ["The other", "This result", "Change [%]", "Differs"]
    assert view.columnViewportPosition(4) + view.columnWidth(4) <= view.viewport().width


def test_both_diameters_stand_in_the_upper_chart_in_dashes_and_marks_of_their_own(host, kept):
    chart = upper_chart()
    assert chart is kept.results.results.get("comparisonChart")
    curves = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert len({(c.GetLineStyle(), c.GetMarkerStyle(), c.GetColor()) for c in curves}) == 2
    kept.ui.compareCollapsibleButton.collapsed = True
    host.process_events()
    assert upper_chart() is kept.results.results.get("sizeChart")
    assert kept.results.results.get("comparisonTable") is None


def test_two_engines_are_compared(host, analysed):
    user = analysed.results.results
    made = analysed.logic.analyze(
        user.volume,
        engine="classical",
        acquisition={"ctdivol_mGy": 8.1, "phantom_cm": 32},
        newResult=True,
    )
    host.wait_until(lambda: analysed.results.results.node is made.node, 5)
    assert analysed.ui.compareCollapsibleButton.visible
    analysed.ui.compareCollapsibleButton.collapsed = False
    wait_for_table(host, analysed)
    assert analysed._parameterNode.comparedResult is user.node
    rows = columns(analysed)
    assert float(rows["lung"]["other_mGy"]) == pytest.approx(user.doses()["lung"], rel=1e-3)
    assert rows["liver"]["shown_mGy"] == "nan"
    assert "have a dose in one result alone" in analysed.ui.compareLabel.text
    comparison = analysed.logic.compare(made, user)
    assert "scan" in comparison.shared


def test_slices_of_two_phases_are_matched_where_a_registration_put_them(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.nodes.comparison import compare_nodes
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    first = analysed.results.results
    volume, organs = load_phantom(**{**SMALL, "seed": 4})
    analysed._parameterNode.inputVolume = volume
    analysed._parameterNode.inputSegmentation = organs
    show_result(host, analysed)
    second = analysed.results.results
    assert second.node is not first.node
    own = compare_nodes(second, first).slices.z_mm
    shift(second.volume, 46.0)  # two slices up
    slices = compare_nodes(second, first).slices
    assert slices.z_mm == pytest.approx(own)
    assert slices.index_b[:4].tolist() == [-1, -1, 0, 1]


def test_a_deleted_result_is_not_compared_with(host, kept):
    import slicer

    slicer.mrmlScene.RemoveNode(kept.results.results.get("kept"))
    host.wait(0.5)
    assert not kept.ui.compareCollapsibleButton.visible
    assert kept.results.results.get("comparisonTable") is None
    assert kept.ui.compareTableView.mrmlTableNode() is None


def test_a_scene_is_saved_loaded_and_closed_with_a_comparison(host, kept, tmp_path):
    import slicer

    path = tmp_path / "scene.mrb"
    slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    host.wait(0.5)
    assert not kept.ui.compareCollapsibleButton.visible
    assert kept.ui.compareTableView.mrmlTableNode() is None
    slicer.util.loadScene(str(path))
    host.process_events()
    assert kept.ui.compareCollapsibleButton.visible
    kept.ui.compareCollapsibleButton.collapsed = False
    wait_for_table(host, kept)
    assert columns(kept)["liver"]["difference_mGy"] == "0"


def test_a_comparison_that_was_saved_open_is_not_left_stale(host, kept, tmp_path):
    import slicer

    path = tmp_path / "scene.mrb"
    slicer.util.saveScene(str(path))
    kept.ui.compareCollapsibleButton.collapsed = True
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(path))
    host.wait(0.5)
    assert kept.results.results.get("comparisonTable") is None
    assert upper_chart() is None or "both results" not in upper_chart().GetTitle()


def test_a_result_that_was_altered_gives_a_sentence(host, kept):
    copy = kept.results.results.get("kept")
    copy.SetText(copy.GetText().replace('"schema_version": "2', '"schema_version": "9'))
    host.wait_until(lambda: "cannot be compared" in kept.ui.compareLabel.text, 5)
    assert "schema version" in kept.ui.compareLabel.text
    assert kept.results.results.get("comparisonTable") is None


def test_nothing_is_compared_while_the_section_is_closed(host, kept, monkeypatch):
    from CTDoseSegLib.ctdoseseg_ui.nodes import comparison

    kept.ui.compareCollapsibleButton.collapsed = True
    host.process_events()
    monkeypatch.setattr(comparison, "show_comparison", lambda *_: pytest.fail("compared"))
    warm(host, kept)
    erase(kept, "spleen")
    host.wait_until(lambda: "slices changed" in kept.ui.liveLabel.text, 20)
    host.wait(0.5)


def test_the_copy_goes_with_its_ct(host, kept):
    import slicer

    copy = kept.results.results.get("kept")
    slicer.mrmlScene.RemoveNode(kept.results.results.volume)
    host.wait(0.3)
    assert copy.GetScene() is None


def test_what_changed_stands_first(host, kept):
    warm(host, kept)
    erase(kept, "spleen")
    host.wait_until(lambda: columns(kept)["spleen"]["shown_mGy"] == "nan", 20)
    rows = list(columns(kept).values())
    place = [row["name"] for row in rows].index("spleen")
    assert all(row["difference_mGy"] == "0" for row in rows[place + 1 :])
    assert all(float(row["difference_percent"]) != 0 for row in rows[:place])


def test_the_order_is_by_change_then_what_one_result_has_alone_then_what_is_the_same():
    from types import SimpleNamespace

    from CTDoseSegLib.ctdoseseg_ui.nodes.comparison import in_order
    from CTDoseSegLib.result.organ_comparison import OrganComparison

    doses_mGy = {
        "same": (10.0, 10.0),
        "alone": (None, 10.0),
        "higher": (10.0, 10.5),
        "neither": (None, None),
        "lower": (10.0, 8.0),
    }
    organs = tuple(OrganComparison(name, "chest", *pair) for name, pair in doses_mGy.items())
    order = [one.organ for one in in_order(SimpleNamespace(organs=organs))]
    assert order == ["lower", "higher", "alone", "same"]


def test_a_reload_of_the_module_leaves_no_comparison_behind(host, kept):
    node = kept.results.results.node
    host.reload("CTDoseSeg")
    panel = host.open("CTDoseSeg")
    host.wait(0.5)
    assert panel.results.results.node is node
    assert panel.results.results.get("comparisonTable") is None
    panel.ui.compareCollapsibleButton.collapsed = False
    wait_for_table(host, panel)
    assert columns(panel)["liver"]["difference_mGy"] == "0"
