"""Follows a segmentation: when it changes, the result does.

An edit restarts a short timer; when it runs out the segmentation is compared with what is known
of it, and the slices that differ are measured, a few at a time so that the window stays alive.
Nothing is ever written to the segmentation here. Segment Editor is another module, so that this
object lives until `stop`, whatever module is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import slicer

from ..errors import CTDoseSegError
from .nodes.results import Results

if TYPE_CHECKING:
    from .logic import CTDoseSegLogic

DELAY_MS = 200


class Live:
    """Keeps one result up to date.

    Parameters
    ----------
    logic
        Does the work.
    on_update
        Called after an update with the number of slices that had changed and the seconds it took.
    on_error
        Called with a sentence when the result cannot follow.
    make_timer
        Gives a QTimer; a test hands in its own.
    """

    def __init__(
        self,
        logic: CTDoseSegLogic,
        on_update: Callable[[int, float], None],
        on_error: Callable[[str], None],
        make_timer: Callable[[], Any] | None = None,
    ) -> None:
        self._logic = logic
        self._on_update, self._on_error = on_update, on_error
        self.results: Results | None = None
        self.last_seconds = 0.0
        self._observed: list[tuple[Any, int]] = []
        self._timer = (make_timer or _timer)()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._on_timeout)
        self._changed = 0
        self._started: float | None = None
        self._looked = False

    def follow(self, results: Results | None) -> None:
        """Follow another result; None: none."""
        self.stop()
        if results is None or results.segmentation is None:
            return
        self.results = results
        node = results.segmentation
        events = slicer.vtkSegmentation
        for event in (
            events.SourceRepresentationModified,
            events.SegmentModified,
            events.SegmentAdded,
            events.SegmentRemoved,
            slicer.vtkMRMLSegmentationNode.SegmentationChangedEvent,
        ):
            self._observed.append((node, node.AddObserver(event, self._on_edit)))

    def warm(self) -> None:
        """Measure in the background what an edit will be compared with."""
        if self.results is not None and not self._logic.whyNoEdits(self.results):
            self._timer.start(0)

    def stop(self) -> None:
        """Follow nothing."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self._timer.stop()
        self.results = None
        self._changed, self._started, self._looked = 0, None, False

    def _on_edit(self, *_: Any) -> None:
        self._looked = False
        self._timer.start(DELAY_MS)

    def _on_timeout(self) -> None:
        if self.results is None:
            return
        try:
            self._advance()
        except CTDoseSegError as error:
            self._started = None
            self._on_error(str(error))

    def _advance(self) -> None:
        results = self.results
        if results.volume is None or results.segmentation is None:
            self.stop()
            return
        if reason := self._logic.whyNoEdits(results):
            self._on_error(reason)
            return
        session = self._logic.session(results)
        if self._started is None:
            self._started = time.perf_counter()
        if not self._looked:
            self._looked = True
            # A result that came with a saved scene is measured whole; that is no edit.
            first = session.labelmap is None
            changed = self._logic.look(results)
            self._changed += 0 if first else changed
        if not session.step():
            self._timer.start(0)
            return
        changed, self._changed = self._changed, 0
        started, self._started = self._started, None
        if changed:
            self._logic.publish(results)
            self.last_seconds = time.perf_counter() - started
            self._on_update(changed, self.last_seconds)


def _timer() -> Any:
    import qt

    return qt.QTimer()
