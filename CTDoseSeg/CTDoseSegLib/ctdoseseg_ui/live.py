"""Follows a segmentation: when it changes, the result does.

An edit restarts a short timer; when it runs out the segmentation is compared with what is known
of it, the slices that differ are measured, a few at a time, and the doses are worked out in a
thread, so that the window stays alive.
Nothing is ever written to the segmentation here. Segment Editor is another module, so that this
object lives until `stop`, whatever module is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import slicer

from ..errors import CTDoseSegError
from .imports import import_next
from .nodes.results import EDITED, Results

if TYPE_CHECKING:
    from ..result import Result
    from .logic import CTDoseSegLogic
    from .session import Session

DELAY_MS = 200
# Of measuring, at each turn of the event loop.
STEP_S = 0.02
# How often the thread is looked after, and for how long: Slicer's Python runs a thread for no
# longer than its main thread waits.
LOOK_MS, LOOK_S = 5, 0.01


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
        # The doses of the last edits, as they are worked out.
        self._thread = ThreadPoolExecutor(1)
        self._doses: Future[Result] | None = None
        self._state = 0

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
        self.results = self._doses = None
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
        if not self._ready(results):
            self._timer.start(0)
            return
        session = self._logic.session(results)
        if self._doses is not None:
            self._wait_for_doses(session)
            return
        if self._started is None:
            self._started = time.perf_counter()
        if not self._looked:
            self._looked = True
            # A result that came with a saved scene is measured whole; that is no edit.
            first = session.labelmap is None
            changed = self._logic.look(results)
            self._changed += 0 if first else changed
        if not session.step(STEP_S):
            self._timer.start(0)
            return
        if self._changed:
            self._logic.startEdited(results)
            self._work_out(session)
        else:
            self._started = None

    def _ready(self, results: Results) -> bool:
        """Import or read one of the things that edits need; True if all are there."""
        if not import_next():
            return False
        if not self._logic.hasSession(results):
            self._logic.session(results)
            return False
        return True

    def _work_out(self, session: Session) -> None:
        self._state = session.state
        self._doses = self._thread.submit(_result_of, session)
        self._timer.start(LOOK_MS)

    def _wait_for_doses(self, session: Session) -> None:
        """Show the doses if they are there; an edit in the meantime is looked at after that."""
        if not self._doses.done():
            self._timer.start(LOOK_MS)
            time.sleep(LOOK_S)
            return
        doses, self._doses = self._doses, None
        if not self._looked:
            self._timer.start(DELAY_MS)
        if session.state != self._state:  # the console has taken another one
            self._work_out(session)
            return
        changed, self._changed = self._changed, 0
        started, self._started = self._started, None
        self._logic.write(self.results, doses.result())
        self.results.segmentation.SetAttribute(EDITED, "1")
        self.last_seconds = time.perf_counter() - started
        self._on_update(changed, self.last_seconds)


def _result_of(session: Session) -> Result:
    from ..result import Result

    return Result.of(session.analysis())


def _timer() -> Any:
    import qt

    return qt.QTimer()
