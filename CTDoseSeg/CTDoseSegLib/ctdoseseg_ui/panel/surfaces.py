"""The check box "Organs in 3D": surfaces that come bit by bit, and follow what is drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import CTDoseSegError

# After an edit, so that no stroke of a brush waits for surfaces.
DELAY_MS = 400
# Own time of the thread, after which the event loop gets its turn: some small organs, or a part of
# the work for a large one.
STEP_S = 0.015


class Surfaces:
    """Shows the organs of one segmentation in the 3D views, some at each turn of the event loop.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    report
        Called with a sentence when they cannot be shown.
    """

    def __init__(self, ui: Any, report: Callable[[str], None]) -> None:
        self._ui, self._report = ui, report
        self._segmentation: Any = None
        self._surfaces: Any = None
        self._steps: Iterator[tuple[int, int]] | None = None
        self._observed: list[tuple[Any, int]] = []
        # What the views are to be centred on: the first organ, then all of them.
        self._centre = self._begun = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._tick)

    def show(self, segmentationNode: Any, *, centre: bool) -> None:
        """Show the organs of a segmentation; the one that is shown already stays as it is."""
        if segmentationNode is self._segmentation:
            return
        self.hide()
        from ..nodes.surfaces import OrganSurfaces

        self._segmentation, self._centre, self._begun = segmentationNode, centre, False
        self._surfaces = OrganSurfaces()
        if segmentationNode.GetDisplayNode() is not None:
            segmentationNode.GetDisplayNode().SetVisibility3D(True)
        self._observe(segmentationNode)
        self._timer.start(0)

    def hide(self) -> None:
        """Take the surfaces away; those to come do not come."""
        self._release()
        if self._surfaces is not None:
            self._surfaces.remove()
            self._surfaces = None

    def scene_closed(self) -> None:
        """Release what is gone."""
        self._release()
        self._surfaces = None

    def _release(self) -> None:
        self._timer.stop()
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self._segmentation = self._steps = None
        self._say("")

    def _observe(self, node: Any) -> None:
        drawn = (
            slicer.vtkSegmentation.SourceRepresentationModified,
            slicer.vtkSegmentation.RepresentationModified,
            slicer.vtkSegmentation.SegmentAdded,
            slicer.vtkSegmentation.SegmentRemoved,
            slicer.vtkSegmentation.SegmentModified,
            slicer.vtkMRMLSegmentationNode.SegmentationChangedEvent,
        )
        shown = (
            slicer.vtkSegmentation.SegmentModified,
            slicer.vtkSegmentation.ContainedRepresentationNamesModified,
            slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent,
            slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
        )
        for events, slot in ((drawn, self._on_drawn), (shown, self._on_shown)):
            for event in events:
                self._observed.append((node, node.AddObserver(event, slot)))

    def _on_drawn(self, *_: Any) -> None:
        self._steps = None
        self._timer.start(DELAY_MS)

    def _on_shown(self, *_: Any) -> None:
        self._surfaces.mirror(self._segmentation)

    def _tick(self) -> None:
        node = self._segmentation
        if node is None or node.GetScene() is None or slicer.mrmlScene.IsClosing():
            return
        if self._steps is None or not self._surfaces.exist:
            self._steps = self._surfaces.steps(node)
        done = total = 0
        began = time.thread_time()
        try:
            while not total or time.thread_time() - began < STEP_S:
                done, total = next(self._steps)
        except StopIteration:
            self._end()
            return
        except CTDoseSegError as error:
            self._report(str(error))
            self._say("")
            return
        self._say(_("{done} of {total} organs").format(done=done, total=total))
        if done and not self._begun:
            self._begun = True
            if self._centre:
                _centre_views()
        self._timer.start(0)

    def _end(self) -> None:
        self._steps = None
        self._say("")
        if self._centre:
            _centre_views()
        self._centre = False

    def _say(self, progress: str) -> None:
        words = _("Organs in 3D")
        self._ui.show3DCheckBox.text = f"{words}: {progress}" if progress else words


def _centre_views() -> None:
    manager = slicer.app.layoutManager()
    if manager is not None:  # Slicer without a main window has no views
        manager.resetThreeDViews()
