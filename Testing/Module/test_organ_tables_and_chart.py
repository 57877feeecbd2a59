"""The tables and the chart of organ doses: names, order, what is not known, clicks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest


@pytest.fixture
def chart(analysed):
    """The organ chart of the layout, filled."""
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    return layout.organ_chart()


def column(table, name):
    """Texts of a column of a table node."""
    values = table.GetTable().GetColumnByName(name)
    return [values.GetValue(n) for n in range(values.GetNumberOfValues())]


def click_row(host, chart, organ):
    """Press on a row of the chart where the user sees it."""
    from PySide6 import QtCore, QtTest

    chart.choose(organ)  # scrolls there
    host.process_events()
    chart.choose("")
    body = chart.findChild(QtCore.QObject, "organs")
    n = [row.organ for row in chart.rows].index(organ)
    place = QtCore.QPoint(60, round((n + 0.5) * body.height / max(len(chart.rows), 1)))
    QtTest.QTest.mouseMove(body, place)
    QtTest.QTest.mouseClick(body, QtCore.Qt.MouseButton.LeftButton, pos=place)
    host.process_events()
    return body


def shown_slice(results):
    """Index of the slice that the red view shows."""
    import slicer

    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    return int(np.argmin(np.abs(results.result.slices.z_mm - red.GetSliceOffset())))


def largest_slice(results, organ):
    """Index of the slice in which the organ is largest."""
    return int(np.argmax(results.result.structures[organ].count))


def test_the_chart_names_every_organ_with_a_dose_in_the_tables_order(analysed, chart):
    table = analysed.results.results.doseTable
    assert chart.visible
    assert [row.title for row in chart.rows] == column(table, "organ")
    assert "Left lung" in [row.title for row in chart.rows]
    assert chart.legend() == "dose, 90 % interval"


def test_a_click_on_a_row_of_the_chart_goes_to_the_organ_and_chooses_it_in_the_table(
    host, analysed, chart
):
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    results = analysed.results.results
    body = click_row(host, chart, "colon")
    assert shown_slice(results) == largest_slice(results, "colon")
    assert chart.chosen == "colon"
    view = layout.table_view()
    (chosen,) = view.selectionModel().selectedRows()
    assert chosen.row() == column(results.doseTable, "name").index("colon")
    dose = results.result.dose_of("colon")
    assert body.toolTip.startswith(f"Colon: {dose.dose_mGy:#.3g} mGy")
    assert f"90 % from {dose.total_low_mGy:#.3g}" in body.toolTip


def test_a_click_on_a_row_of_the_panels_table_goes_to_the_organ(host, analysed, chart):
    results = analysed.results.results
    host.click(analysed.ui.restoreLayoutButton)
    for organ, spoken in (("kidney_left", "Left kidney"), ("lung", "Lung")):
        row = column(results.doseTable, "organ").index(spoken)
        host.click_cell(analysed.ui.doseTableView, row)
        assert shown_slice(results) == largest_slice(results, organ)
        assert chart.chosen == organ


def test_every_order_has_the_organs_without_its_number_last(host):
    from tiny_analysis import tiny_result

    from CTDoseSegLib.ctdoseseg_ui.nodes.organ_order import in_order
    from CTDoseSegLib.ctdoseseg_ui.parameters import OrganOrder

    result = tiny_result()
    one = replace(result.organs[0], flags=())
    organs = (
        replace(one, organ="skin", region="trunk", volume_ml=9.0, total_high_mGy=None),
        replace(one, organ="lung_left", region="chest", volume_ml=None, total_high_mGy=50.0),
        replace(one, organ="thyroid_gland", region="head", volume_ml=10.0, total_high_mGy=40.0),
        replace(one, organ="lens_right", region="head", volume_ml=0.2, dose_mGy=None),
    )
    found = {
        order: [dose.organ for dose in in_order(replace(result, organs=organs), order)]
        for order in OrganOrder
    }
    thyroid, lung, skin = "thyroid_gland", "lung_left", "skin"
    assert found[OrganOrder.BODY] == [thyroid, lung, skin]  # the lens has no dose
    assert found[OrganOrder.NAME] == [lung, skin, thyroid]
    assert found[OrganOrder.UPPER] == [lung, thyroid, skin]
    assert found[OrganOrder.VOLUME] == [thyroid, skin, lung]


def test_the_order_that_is_chosen_is_that_of_table_and_chart(host, analysed, chart):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.parameters import OrganOrder

    table = analysed.results.results.doseTable
    first = column(table, "name")
    assert first.index("lung") < first.index("liver") < first.index("colon")
    analysed.results.go_to_organ("liver")
    analysed.ui.organOrderComboBox.setCurrentText("Highest dose first")
    host.process_events()
    assert analysed._parameterNode.organOrder == OrganOrder.DOSE
    doses = slicer.util.arrayFromTableColumn(table, "dose_mGy")
    assert (np.diff(doses) <= 0).all()
    assert [row.organ for row in chart.rows] == column(table, "name") != first
    view = analysed.ui.doseTableView
    assert view.currentIndex().row() == column(table, "name").index("liver")
    assert view.horizontalHeader().sortIndicatorSection() == table.GetColumnIndex("dose_mGy")


def test_another_order_begins_at_its_first_organ(host, analysed, chart):
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    bars = [chart._area.verticalScrollBar(), layout.table_view().verticalScrollBar()]
    for bar in bars:
        bar.value = bar.maximum
    assert all(bar.value > 0 for bar in bars)
    analysed.results.table_filled()  # the same order, as after an edit
    assert bars[0].value > 0
    analysed.ui.organOrderComboBox.setCurrentText("Highest dose first")
    host.process_events()
    assert [bar.value for bar in bars] == [0, 0]


def test_a_click_on_a_title_sorts_numbers_as_numbers_and_stays_after_an_edit(host, analysed):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout
    from CTDoseSegLib.ctdoseseg_ui.parameters import OrganOrder

    results = analysed.results.results
    before = shown_slice(results)
    host.click_header(layout.table_view(), results.doseTable.GetColumnIndex("volume_ml"))
    assert analysed._parameterNode.organOrder == OrganOrder.VOLUME
    volumes = slicer.util.arrayFromTableColumn(results.doseTable, "volume_ml")
    assert np.isnan(volumes[-1])  # of red marrow there is none
    assert volumes[-2] < 100 < volumes[0]
    assert (np.diff(volumes[:-1]) <= 0).all()
    assert shown_slice(results) == before  # a title is no organ
    analysed.logic.session(results).finish()
    analysed.logic.publish(results)
    again = slicer.util.arrayFromTableColumn(results.doseTable, "volume_ml")
    assert again == pytest.approx(volumes, nan_ok=True)


def test_a_number_that_is_not_known_is_a_dash_to_the_eye_and_nan_to_the_console(host, analysed):
    import qt
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.scene import show_doses
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    results = analysed.results.results
    ends = ("total_low_mGy", "total_high_mGy")
    organs = tuple(
        replace(dose, **dict.fromkeys(ends)) if dose.organ == "liver" else dose
        for dose in results.result.organs
    )
    results.write(replace(results.result, organs=organs))
    show_doses(results)
    host.process_events()
    table = results.doseTable
    row, wanted = column(table, "name").index("liver"), table.GetColumnIndex("total_low_mGy")
    values = slicer.util.arrayFromTableColumn(table, "total_low_mGy")
    assert values.dtype == float
    assert np.flatnonzero(np.isnan(values)).tolist() == [row]
    for view in (layout.table_view(), analysed.ui.doseTableView):
        index = view.model().index(row, wanted)
        shown = view.itemDelegate().displayText(index.data(), qt.QLocale())
        assert shown == "\N{EN DASH}"
        assert "A dash: not known" in index.data(qt.Qt.ToolTipRole)
        assert view.itemDelegate().displayText("Nasal cavity", qt.QLocale()) == "Nasal cavity"
    (liver,) = [one for one in layout.organ_chart().rows if one.organ == "liver"]
    assert "interval is not known" in liver.words()


def test_a_chart_of_240_pixels_scrolls_to_the_organ_that_is_chosen(host, analysed, chart):
    from PySide6 import QtCore

    from CTDoseSegLib.ctdoseseg_ui.panel.organ_chart import LOWEST_ROW

    chart.setFixedHeight(240)
    host.process_events()
    body = chart.findChild(QtCore.QObject, "organs")
    assert body.height >= LOWEST_ROW * len(chart.rows) > 240
    chart.choose(chart.rows[-1].organ)
    host.process_events()
    assert body.y < 0
    chart.setMinimumHeight(0)
    chart.setMaximumHeight(16777215)


def test_scrolling_through_the_slices_redraws_the_charts_once_at_its_end(host, analysed):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    results = analysed.results.results
    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    marker = slicer.util.arrayFromTableColumn(results.get("markerTable"), "z_mm")
    z_mm = results.result.slices.z_mm
    host.wait_until(lambda: not analysed.results.marker.pending, 5)
    draws = []
    chart = layout.plot_views()[layout.SIZE_VIEW].mrmlPlotViewNode().GetPlotChartNode()
    chart.AddObserver("ModifiedEvent", lambda *_: draws.append(marker[0]))
    for z in z_mm[1:]:
        red.SetSliceOffset(float(z))
    assert not draws
    host.wait_until(lambda: not analysed.results.marker.pending, 5)
    assert set(draws) == {z_mm[-1]}
    assert marker.tolist() == [z_mm[-1]] * 2


def test_the_lower_chart_can_be_ssde_and_the_organs_come_back(host, analysed, chart):
    from CTDoseSegLib.ctdoseseg_ui.panel import layout
    from CTDoseSegLib.ctdoseseg_ui.parameters import LowerChart

    parameters = analysed._parameterNode
    parameters.lowerChart = LowerChart.SSDE
    host.process_events()
    assert layout.shown()
    assert not chart.visible
    view = layout.plot_views()[layout.LOWER_VIEW]
    assert view.mrmlPlotViewNode().GetPlotChartNode() is analysed.results.results.get("ssdeChart")
    host.click_chart(view, analysed.results.results.series("ssde", ""), 4)
    assert shown_slice(analysed.results.results) == 4
    parameters.lowerChart = LowerChart.DOSES
    host.process_events()
    assert chart.visible
    host.click(analysed.ui.restoreLayoutButton)
    assert not layout.shown()
    assert not chart.visible


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [(11.2, [0, 2, 4, 6, 8, 10, 12]), (0.3, [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]), (0.0, [0, 1])],
)
def test_the_axis_of_the_chart_ends_at_a_round_number_that_holds_every_mark(host, highest, ticks):
    from CTDoseSegLib.ctdoseseg_ui.panel.organ_rows import ticks_to

    assert ticks_to(highest) == pytest.approx(ticks)


def test_what_is_in_the_images_reads_as_no_grade_of_quality(analysed):
    from CTDoseSegLib.ctdoseseg_ui.nodes.scene import DOSE_COLUMNS, show_doses

    results = analysed.results.results
    given = {"liver": 1.0, "lung": 0.996, "stomach": 0.43, "colon": None}
    organs = tuple(
        replace(dose, coverage=given[dose.organ]) if dose.organ in given else dose
        for dose in results.result.organs
    )
    results.write(replace(results.result, organs=organs))
    show_doses(results)
    table = results.doseTable
    shown = dict(zip(column(table, "name"), column(table, "in_images"), strict=True))
    assert [shown[organ] for organ in given] == ["whole", "whole", "43 %", "cut"]
    assert "100 %" not in shown.values()
    assert "does not say that it is drawn completely" in DOSE_COLUMNS["in_images"].description


def test_flags_are_whole_sentences_all_of_them_one_click_away(host, analysed):
    label = analysed.ui.resultLabel
    result = analysed.results.results.result
    analysed.results.go_to_organ("liver")
    flags = result.all_flags()
    shown = {flag.code for flag in flags}
    assert shown
    few = label.text
    label.linkActivated.emit("all")
    for text in (few, label.text):
        assert "result.json" not in text
        assert not [code for code in shown if "_" in code and code in text]
    assert label.text.count("<li>") > few.count("<li>")
    counts = analysed.results.results.doseTable.GetTable().GetColumnByName("n_flags")
    row = column(analysed.results.results.doseTable, "name").index("liver")
    assert counts.GetValue(row) == len(result.dose_of("liver").flags)
