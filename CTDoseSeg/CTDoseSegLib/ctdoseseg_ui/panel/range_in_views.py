"""The irradiated range: dragged in the slice views, taken from the images, carried with its CT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..nodes import range_box
from ..nodes.placement import Placement, Range
from .typed_values import ends_mm, range_text

# After the last of the many steps of a drag.
SETTLE_MS = 60
# Of a range as its field shows it, rounded.
_SAME_MM = 0.06


class RangeInViews(VTKObservationMixin):
    """A box in the views that fills the field of the irradiated range, and follows it.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    parameters
        Returns the parameter node.
    read
        Returns the range as read, as text; empty where it is not known.
    on_moved
        Called when a transform has moved the volume, and what was typed with it.
    """

    def __init__(
        self,
        ui: Any,
        parameters: Callable[[], Any],
        read: Callable[[], str],
        on_moved: Callable[[], None],
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._ui, self._parameters, self._read = ui, parameters, read
        self._on_moved = on_moved
        self._volume: Any = None
        self._placement: Placement | None = None
        self._box: Any = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._take_from_box)
        ui.dragRangeButton.connect("toggled(bool)", self._on_toggled)
        ui.imageRangeButton.connect("clicked(bool)", lambda *_: self._take_from_images())
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, lambda *_: self.follow(None))
        self.addObserver(scene, scene.NodeRemovedEvent, self._on_removed)

    def stop(self) -> None:
        """Let go of everything."""
        self.follow(None)
        self.removeObservers()

    def follow(self, volumeNode: Any) -> None:
        """Follow another volume; None: none."""
        event = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        if volumeNode is not self._volume:
            self._remove_box()
            if self._volume is not None:
                self.removeObserver(self._volume, event, self._on_transform)
            if volumeNode is not None:
                self.addObserver(volumeNode, event, self._on_transform)
        self._volume = volumeNode
        usable = volumeNode is not None and volumeNode.GetImageData() is not None
        self._placement = Placement.of(volumeNode) if usable else None
        self._ui.dragRangeButton.enabled = self._ui.imageRangeButton.enabled = usable

    def update(self) -> None:
        """Move the box to what the field shows, if that is a range."""
        if self._box is None or self._timer.isActive():
            return
        own = self._own(self._shown())
        if own is not None and not _same(own, range_box.box_range(self._box)):
            range_box.set_box_range(self._box, own)
            self._timer.stop()  # nobody dragged it: what is typed next stays as it is typed

    def _shown(self) -> Range | None:
        return ends_mm(self._parameters().irradiated_range_mm) or ends_mm(self._read())

    def _own(self, world: Range | None) -> Range | None:
        return self._placement.range_from_world(world) if world and self._placement else None

    def _type(self, own: Range) -> None:
        world = self._placement.range_to_world(own) if self._placement else None
        shown = self._shown()
        if world is not None and not (shown and _same(world, shown)):
            self._parameters().irradiated_range_mm = range_text(world)

    def _take_from_images(self) -> None:
        self._type(range_box.image_range(self._volume))
        self.update()

    # The box ------------------------------------------------------------------------------

    def _on_toggled(self, on: bool) -> None:
        self._ui.dragRangeButton.text = _("Hide the box") if on else _("Drag in views")
        if not on:
            self._remove_box()
        elif self._box is None and self._placement is not None:
            start = self._own(self._shown()) or range_box.image_range(self._volume)
            self._box = range_box.add_range_box(self._volume, start)
            self.addObserver(self._box, vtk.vtkCommand.ModifiedEvent, self._on_box)

    def _on_box(self, *_: Any) -> None:
        self._timer.start(SETTLE_MS)

    def _take_from_box(self) -> None:
        if self._box is not None:
            self._type(range_box.box_range(self._box))

    def _remove_box(self) -> None:
        self._timer.stop()
        box, self._box = self._box, None
        if box is not None:
            self.removeObserver(box, vtk.vtkCommand.ModifiedEvent, self._on_box)
            slicer.mrmlScene.RemoveNode(box)
        self._ui.dragRangeButton.checked = False

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_removed(self, _caller: Any, _event: Any, node: Any = None) -> None:
        if node is not None and node is self._box:
            self._box = None
            self._remove_box()

    # The transform ------------------------------------------------------------------------

    def _on_transform(self, *_: Any) -> None:
        """Carry what was typed along with the CT."""
        before, self._placement = self._placement, Placement.of(self._volume)
        if before is not None and not np.array_equal(before.affine, self._placement.affine):
            typed = ends_mm(self._parameters().irradiated_range_mm)
            carried = before.carried(typed, self._placement) if typed else None
            if carried is not None:
                self._parameters().irradiated_range_mm = range_text(carried)
            self._on_moved()
        if self._box is not None:
            range_box.follow_volume(self._box, self._volume)
            self._timer.stop()
            self.update()


def _same(a: Range, b: Range) -> bool:
    return bool(np.allclose(a, b, rtol=0, atol=_SAME_MM))
