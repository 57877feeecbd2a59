"""An analysis that the console has started: followed, waited for or cancelled when one likes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..errors import Cancelled, InputError
from .job import CANCELLED, DONE, Job, turn_event_loop

if TYPE_CHECKING:
    from .nodes.results import Results
    from .staging import StagedAnalysis

# Between two turns of the event loop: the window answers fifty times a second.
TURN_S = 0.02
# A process whose last reference is dropped would be ended.
_alive: set[RunningAnalysis] = set()


class RunningAnalysis:
    """An analysis in another process; Slicer stays alive and brings the result into the scene.

    Made by ``logic.analyze(volumeNode, wait=False)``.

    Parameters
    ----------
    start
        `CTDoseSegLogic.start`.
    task
        From `CTDoseSegLogic.prepare`.
    onEvent
        Called with each report of the task.

    Attributes
    ----------
    message
        What is done at present; at the end why there is no result, or empty.
    results
        The nodes of the result and its numbers; None until it is in the scene.
    """

    def __init__(
        self,
        start: Callable[..., Job],
        task: StagedAnalysis,
        onEvent: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.message = ""
        self.progress = 0.0
        self.results: Results | None = None
        self._on_event = onEvent
        self._job: Job | None = None
        self._state = ""
        _alive.add(self)
        self._job = start(task, onEvent=self._report, onLog=lambda line: None, onEnd=self._end)

    @property
    def running(self) -> bool:
        """True until it has ended, and the result is in the scene."""
        return not self._state

    def wait(self) -> Results:
        """Wait for the result, while the window redraws and answers.

        Raises
        ------
        Cancelled
            If it was cancelled.
        CTDoseSegError
            If there is no result for another reason: with the sentence why.
        """
        try:
            while self.running:
                turn_event_loop()
                time.sleep(TURN_S)
        except BaseException:  # the user has interrupted Python
            self._job.end()
            self._end(CANCELLED, "", None)
            raise
        if self._state == CANCELLED:
            raise Cancelled(self.message)
        if self.results is None:
            raise InputError(self.message)
        return self.results

    def cancel(self) -> None:
        """Ask it to end; the scene stays as it is."""
        if self.running:
            self._job.cancel()

    def _report(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self.progress = float(event.get("fraction", 0.0))
            self.message = str(event.get("message", ""))
        if self._on_event is not None:
            self._on_event(event)

    def _end(self, state: str, message: str, results: Results | None) -> None:
        _alive.discard(self)
        self._state, self.results = state, results
        self.message = _("The analysis was cancelled.") if state == CANCELLED else message
        if state == DONE:
            self.progress, self.message = 1.0, ""
