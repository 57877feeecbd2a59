"""The views show the real nodes."""

from __future__ import annotations

import numpy as np
import pytest


def pixels(widget) -> np.ndarray:
    """Picture of a widget as [row, column, RGB]."""
    import qt

    image = widget.grab().toImage().convertToFormat(qt.QImage.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8)
    rows = flat.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
    return rows.reshape(image.height(), image.width(), 3).astype(int)


@pytest.fixture
def segmentation(ct):
    import slicer

    label = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    slicer.util.updateVolumeFromArray(label, (slicer.util.arrayFromVolume(ct) > 0).astype(np.uint8))
    label.CopyOrientation(ct)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    logic = slicer.modules.segmentations.logic()
    logic.ImportLabelmapToSegmentationNode(label, node)
    slicer.mrmlScene.RemoveNode(label)
    node.GetSegmentation().GetNthSegment(0).SetColor(1, 0, 0)
    return node


@pytest.fixture
def chart(host):
    import slicer

    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    slicer.util.updateTableFromArray(table, [np.arange(5.0), np.arange(5.0) ** 2], ["x", "y"])
    series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "curve")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("x")
    series.SetYColumnName("y")
    series.SetPlotType(series.PlotTypeScatter)
    series.SetMarkerStyle(series.MarkerStyleSquare)
    series.SetColor(1, 0, 0)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    node.AddAndObservePlotSeriesNodeID(series.GetID())
    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView)
    view = manager.plotWidget(0)
    view.mrmlPlotViewNode().SetPlotChartNodeID(node.GetID())
    host.process_events()
    return view.plotView(), series, table


def red_part(picture) -> float:
    """Part of the picture that is clearly red."""
    return float(((picture[..., 0] - picture[..., 1:].max(axis=-1)) > 60).mean())


def test_a_segment_appears_on_the_slice(host, ct, segmentation):
    import slicer

    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    assert red_part(pixels(view)) > 0.1
    segmentation.GetDisplayNode().SetVisibility(False)
    host.process_events()
    assert red_part(pixels(view)) == 0


def test_slices_follow_their_node(host, ct):
    import slicer

    widget = slicer.app.layoutManager().sliceWidget("Red")
    assert pixels(widget.sliceView()).max() > 100
    widget.sliceLogic().SetSliceOffset(500.0)
    host.process_events()
    assert pixels(widget.sliceView()).max() < 10


def test_the_wheel_moves_to_the_next_slice(host, ct):
    import slicer

    widget = slicer.app.layoutManager().sliceWidget("Red")
    before = widget.sliceLogic().GetSliceOffset()
    host.scroll(widget.sliceView(), 2)
    assert abs(widget.sliceLogic().GetSliceOffset() - before - 10) < 0.01


def test_a_surface_appears_in_space(host, ct, segmentation):
    import slicer

    view = slicer.app.layoutManager().threeDWidget(0).threeDView()
    before = red_part(pixels(view))
    segmentation.CreateClosedSurfaceRepresentation()
    slicer.app.layoutManager().resetThreeDViews()
    host.process_events()
    assert red_part(pixels(view)) > before + 0.01


def test_a_chart_draws_its_series_and_follows_the_table(host, chart):
    import slicer

    view, series, table = chart
    first = pixels(view)
    assert red_part(first) > 0
    slicer.util.arrayFromTableColumn(table, "y")[:] = 1.0
    slicer.util.arrayFromTableColumnModified(table, "y")
    host.process_events()
    assert np.abs(pixels(view) - first).max() > 100
    series.SetXColumnName("nothing")
    host.process_events()
    assert view.chart().GetNumberOfPlots() == 0


def test_a_click_on_a_point_is_told(host, chart):
    view, series, _table = chart
    seen = []

    def on_selected(identifiers, collection):
        if collection.GetNumberOfItems():
            seen.append((identifiers.GetValue(0), collection.GetItemAsObject(0).GetValue(0)))

    view.connect("dataSelected(vtkStringArray*, vtkCollection*)", on_selected)
    host.click_chart(view, series, 3)
    assert seen[-1] == (series.GetID(), 3)


def test_a_table_shows_and_tells(host, chart):
    import slicer

    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    table = manager.tableWidget(0)
    table.mrmlTableViewNode().SetTableNodeID(chart[2].GetID())
    host.process_events()
    view = table.tableView()
    seen = []
    view.connect("selectionChanged()", lambda: seen.append(view.currentIndex().row()))
    host.click_cell(view, 2, 1)
    assert seen[-1] == 2
    assert view.model().index(2, 1).data() == "4"


def test_titles_and_cells_of_a_table_name_the_unit_as_slicer_does(host, chart):
    import qt
    import slicer

    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    table = chart[2]
    table.SetUseColumnTitleAsColumnHeader(True)
    table.SetColumnTitle("y", "Dose")
    table.SetColumnUnitLabel("y", "mGy")
    table.SetColumnDescription("y", "Of the organ.")
    manager.tableWidget(0).mrmlTableViewNode().SetTableNodeID(table.GetID())
    host.process_events()
    model = manager.tableWidget(0).tableView().model()
    column = table.GetColumnIndex("y")
    assert model.headerData(column, qt.Qt.Horizontal) == "Dose [mGy]"
    tooltip = model.index(0, column).data(qt.Qt.ToolTipRole)
    assert tooltip == "<b>Dose</b> <code>&lt;y&gt;</code><p>Unit: mGy<p>Of the organ."


def test_a_click_on_a_title_is_told(host, chart):
    import slicer

    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView)
    manager.tableWidget(0).mrmlTableViewNode().SetTableNodeID(chart[2].GetID())
    host.process_events()
    view = manager.tableWidget(0).tableView()
    seen = []
    view.horizontalHeader().connect("sectionClicked(int)", seen.append)
    host.click_header(view, 1)
    assert seen == [1]


def test_a_widget_of_a_module_stands_in_a_layout_and_goes_with_it(host):
    import qt
    import slicer

    manager = slicer.app.layoutManager()
    node = manager.layoutLogic().GetLayoutNode()
    xml = '<layout type="vertical"><item><{}></{}></item></layout>'
    node.AddLayoutDescription(4712, xml.format("ownview", "ownview"))
    factory, widget = slicer.qSlicerSingletonViewFactory(), qt.QLabel("own")
    factory.setTagName("ownview")
    factory.setWidget(widget)
    manager.registerViewFactory(factory)
    former = manager.layout
    manager.setLayout(4712)
    host.process_events()
    assert widget.visible
    manager.setLayout(former)
    host.process_events()
    assert not widget.visible
    node.AddLayoutDescription(4713, xml.format("nobody", "nobody"))
    manager.setLayout(4713)
    (problem,) = host.take_problems()
    assert "<nobody>" in str(problem)


def test_an_own_layout_has_two_charts_and_a_table(host, demo, ct):
    import slicer

    host.load_module(demo)
    widget = host.open("HostDemo")
    manager = slicer.app.layoutManager()
    former = manager.layout
    host.click(widget.ui.applyButton)
    assert manager.plotViewCount >= 2
    assert all(manager.plotWidget(index).isVisible() for index in range(2))
    manager.setLayout(former)
    host.process_events()
    assert not manager.plotWidget(0).isVisible()
    assert manager.sliceWidget("Green").isVisible()


def test_an_unknown_layout_raises(host):
    import slicer

    with pytest.raises(ValueError, match="4711"):
        slicer.app.layoutManager().setLayout(4711)


def test_render_blocking_keeps_the_picture(host, ct):
    import slicer

    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    before = pixels(view)
    with slicer.util.RenderBlocker():
        slicer.app.layoutManager().sliceWidget("Red").sliceLogic().SetSliceOffset(500.0)
        host.process_events()
        assert np.array_equal(pixels(view), before)
    host.process_events()
    assert not np.array_equal(pixels(view), before)


def test_the_dark_theme_is_dark(tmp_path):
    from slicerhost import Host

    with Host(size=(500, 300), theme="dark") as host:
        assert pixels(host.window)[150, 20].max() < 80


def test_hosts_follow_each_other_with_empty_scenes(demo):
    import slicer
    from slicerhost import Host

    counts = []
    for _ in range(3):
        with Host(size=(400, 300)) as host:
            counts.append(slicer.mrmlScene.GetNumberOfNodes())
            host.load_module(demo)
            host.open("HostDemo")
            slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert len(set(counts)) == 1
    assert not hasattr(slicer, "mrmlScene")
