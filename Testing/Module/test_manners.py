"""What a user of Slicer expects of every module: selectors, tab order, layout, status bar."""

from __future__ import annotations

import itertools

import pytest
from module_steps import BATCH, MODULE, TRAINING, warm


def offered(selector):
    return [selector.nodeFromIndex(n) for n in range(selector.nodeCount())]


def test_only_volumes_that_can_be_a_ct_are_offered_as_input(host, panel, phantom):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.results import OVERLAY

    selector = panel.ui.inputVolumeSelector
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    dose_map = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT dose map (mGy)")
    dose_map.SetAttribute(OVERLAY, "1")
    host.wait(0.3)
    assert offered(selector) == [phantom[0]]
    assert not dose_map.GetHideFromEditors()  # the Volumes module offers it


def test_neither_overlay_nor_tint_of_a_result_is_offered_as_input(host, analysed):
    results = analysed.results.results
    analysed._parameterNode.showOverlay = True
    host.wait(0.3)
    assert results.overlay is not None
    assert offered(analysed.ui.inputVolumeSelector) == [results.volume]


def test_the_dose_map_of_a_simulation_is_not_offered_as_input(host, simulated):
    results = simulated.results.results
    host.wait(0.3)
    assert results.doseMap is not None
    assert offered(simulated.ui.inputVolumeSelector) == [results.volume]


@pytest.mark.parametrize("path", [MODULE, BATCH, TRAINING])
def test_the_tab_key_goes_down_the_panel(host, path):
    import qt

    host.load_module(MODULE)
    if path != MODULE:
        host.load_module(path)
    ui = host.open(path.stem).ui
    top = next(w for w in vars(ui).values() if getattr(w, "objectName", "") == path.stem)
    for widget in vars(ui).values():
        if widget.className() == "ctkCollapsibleButton":
            widget.collapsed = False
    host.process_events()
    first = following = top.nextInFocusChain()
    places = []
    while True:
        if following.focusPolicy & qt.Qt.TabFocus and following.visible:
            where = following.mapTo(top, qt.QPoint(0, 0)).y()
            places.append((where, following.objectName or following.parent().objectName))
        following = following.nextInFocusChain()
        if following is first or not top.isAncestorOf(following):
            break
    assert len(places) > 3
    slack = 6  # controls of one row differ a little
    back = [(a, b) for a, b in itertools.pairwise(places) if b[0] < a[0] - slack]
    assert back == []


def test_closing_the_scene_leaves_an_empty_panel_in_the_usual_layout(host, analysed):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    assert layout.shown()
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert not layout.shown()
    assert analysed.ui.resultLabel.text == "No result yet: press Apply."
    assert analysed.ui.sampleButton.visible


def test_an_edit_in_segment_editor_shows_in_the_status_bar(host, analysed):
    import slicer

    warm(host, analysed)
    analysed.ui.editCollapsibleButton.collapsed = False
    host.process_events()
    host.click(analysed.ui.editButton)
    assert host.current_module == "SegmentEditor"
    bar = slicer.util.mainWindow().statusBar()
    analysed.results.results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "Organ doses: " in bar.currentMessage(), 10)


def test_an_organ_that_lies_whole_in_the_images_reads_so(host, analysed):
    """Not "100 %", which reads as a mark for quality."""
    table = analysed.results.results.doseTable
    column = table.GetColumnIndex("in_images")
    shown = {table.GetCellText(row, column) for row in range(table.GetNumberOfRows())}
    assert "whole" in shown
    assert "100 %" not in shown


def test_the_legend_of_the_overlay_leaves_the_image_free(host, analysed):
    import slicer

    analysed._parameterNode.showOverlay = True
    host.process_events()
    overlay = analysed.results.results.overlay
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(overlay)
    width, height = legend.GetSize()
    assert width * height < 0.05  # of the view
    assert legend.GetPosition()[0] > 0.9  # at its right edge
