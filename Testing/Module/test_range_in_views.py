"""The irradiated range: dragged in the views, taken from the images, moved with its CT."""

from __future__ import annotations

import pytest
from module_steps import shift


def typed(panel) -> list[float]:
    return panel.acquisition.typed()["irradiated_range_mm"]


def boxes() -> list:
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")


@pytest.fixture
def dragged(host, panel, phantom):
    """The panel with the box of a typed range in the views."""
    panel._parameterNode.irradiated_range_mm = "-100, 150"
    host.process_events()
    host.click(panel.ui.dragRangeButton)
    return panel


def test_the_box_has_the_range_of_the_field_and_is_in_no_list(host, dragged):
    from CTDoseSegLib.ctdoseseg_ui.nodes.range_box import box_range

    (box,) = boxes()
    assert box_range(box) == pytest.approx((-100, 150))
    assert box.GetHideFromEditors()
    assert not box.GetSaveWithScene()


def test_dragging_the_box_fills_the_field_and_typing_moves_the_box(host, dragged):
    from CTDoseSegLib.ctdoseseg_ui.nodes.range_box import box_range, set_box_range

    (box,) = boxes()
    set_box_range(box, (-80.0, 120.0))
    host.wait_until(lambda: typed(dragged) == [-80.0, 120.0], 5)
    assert dragged.ui.irradiated_range_mm_source.text == "typed"
    dragged.ui.irradiated_range_mm_edit.text = "-60; 90"
    host.process_events()
    assert box_range(box) == pytest.approx((-60, 90))


def test_a_box_that_follows_the_field_writes_nothing_over_what_is_typed_next(
    host, dragged, monkeypatch
):
    from CTDoseSegLib.ctdoseseg_ui.nodes.range_box import box_range
    from CTDoseSegLib.ctdoseseg_ui.panel import range_in_views

    monkeypatch.setattr(range_in_views, "SETTLE_MS", 500)  # longer than what comes before the wait
    (box,) = boxes()
    dragged.ui.irradiated_range_mm_edit.text = "-60; 90"
    host.process_events()
    dragged.ui.irradiated_range_mm_edit.text = "-60; 9x"  # half typed: the box stays
    host.wait(0.8)
    assert box_range(box) == pytest.approx((-60, 90))
    assert dragged.ui.irradiated_range_mm_edit.text == "-60; 9x"


def test_the_box_goes_with_the_button_the_volume_and_the_scene(host, dragged, phantom):
    import slicer

    host.click(dragged.ui.dragRangeButton)
    assert boxes() == []
    host.click(dragged.ui.dragRangeButton)
    slicer.mrmlScene.RemoveNode(boxes()[0])  # by hand, in the Data module
    assert not dragged.ui.dragRangeButton.checked
    host.click(dragged.ui.dragRangeButton)
    dragged._parameterNode.inputVolume = None
    host.process_events()
    assert boxes() == []
    assert not dragged.ui.dragRangeButton.enabled
    dragged._parameterNode.inputVolume = phantom[0]
    host.process_events()
    host.click(dragged.ui.dragRangeButton)
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert boxes() == []
    assert not dragged.ui.dragRangeButton.checked


def test_a_transform_carries_box_and_field_with_the_slices(host, dragged, phantom):
    from CTDoseSegLib.ctdoseseg_ui.nodes.range_box import box_range, set_box_range

    series = dragged.logic.series(phantom[0])
    transform = shift(phantom[0], 40.0)
    host.process_events()
    assert typed(dragged) == [-60.0, 190.0]
    assert dragged.logic.series(phantom[0]).z_mm == pytest.approx(series.z_mm + 40)
    (box,) = boxes()
    assert box.GetTransformNodeID() == transform.GetID()
    assert box_range(box) == pytest.approx((-100, 150))  # in the volume's own coordinates
    set_box_range(box, (-90.0, 150.0))
    host.wait_until(lambda: typed(dragged) == [-50.0, 190.0], 5)
    phantom[0].HardenTransform()
    host.process_events()
    assert typed(dragged) == [-50.0, 190.0]
    assert box_range(box) == pytest.approx((-50, 190))


def test_a_typed_range_moves_with_the_ct_without_the_box(host, panel, phantom):
    panel._parameterNode.irradiated_range_mm = "-100, 150"
    host.process_events()
    shift(phantom[0], -30.0)
    host.process_events()
    assert typed(panel) == [-130.0, 120.0]


def test_the_range_can_be_that_of_the_images(host, panel, phantom):
    host.click(panel.ui.imageRangeButton)
    z = panel.logic.series(phantom[0]).z_mm
    low, high = typed(panel)
    assert low == pytest.approx(z.min() - 11.5, abs=0.06)  # slices of 23 mm
    assert high == pytest.approx(z.max() + 11.5, abs=0.06)
