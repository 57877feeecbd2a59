"""The task that runs for the panel: its progress, its signs of life, its end, in words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import CTDoseSegError
from ..job import CANCELLED, DONE, Job

# Without a sign of life for so long, the status line states it.
SILENT_S = 60.0
# How long a message stays in the application's status bar.
STATUS_MS = 5000


class TaskSection:
    """Progress bar, status line and log of one task at a time.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    on_start
        Called when a task has started.
    """

    def __init__(self, ui: Any, on_start: Callable[[], None]) -> None:
        self._ui, self._on_start = ui, on_start
        self.job: Job | None = None
        self._problem: str | None = None
        self._timer = qt.QTimer()
        self._timer.connect("timeout()", self.check_signs)
        ui.statusLabel.setTextFormat(qt.Qt.PlainText)
        ui.progressBar.visible = False

    @property
    def active(self) -> bool:
        """True while a task runs."""
        return self.job is not None and self.job.active

    @property
    def problem_shown(self) -> bool:
        """True while a problem stands in the status line."""
        return bool(self._ui.statusLabel.text == self._problem)

    def start(self, text: str, prepare: Callable[[], Any], begin: Callable[[Any], Job]) -> None:
        """Start a task, or show why it cannot be started.

        Parameters
        ----------
        text
            What stands in the status line until the task reports.
        prepare
            Makes the task, under a wait cursor; a `CTDoseSegError` of it is shown.
        begin
            Starts what `prepare` made.
        """
        self._ui.logText.setPlainText("")
        self._ui.statusLabel.text = text
        slicer.app.setOverrideCursor(qt.Qt.WaitCursor)
        try:
            task = prepare()
        except CTDoseSegError as error:
            self.show_problem(str(error))
            return
        finally:
            slicer.app.restoreOverrideCursor()
        self._ui.progressBar.value = 0
        self._ui.progressBar.visible = True
        self._timer.start(5000)
        self.job = begin(task)
        self._on_start()

    def cancel(self) -> None:
        """Ask the task to end."""
        self._ui.statusLabel.text = _("Cancelling...")
        self._ui.applyButton.enabled = False
        self.job.cancel()

    def ended(self, state: str, message: str) -> None:
        """Show how the task ended, unless it is done."""
        self._timer.stop()
        self._ui.progressBar.visible = False
        if state == CANCELLED:
            self._ui.statusLabel.text = _("Cancelled; the scene is as it was.")
        elif state != DONE:
            self.show_problem(message)

    def end(self) -> None:
        """End the task at once, without a word."""
        self._timer.stop()
        if self.job is not None:
            self.job.end()
            self.job = None

    def on_event(self, event: dict[str, Any]) -> None:
        """Show what the task reports."""
        if event["event"] == "progress":
            self._ui.progressBar.value = round(100 * float(event.get("fraction", 0.0)))
            self._ui.statusLabel.text = str(event.get("message", "")).capitalize() + "..."
        elif event["event"] in ("warning", "error"):
            self.log(f"{event['event']}: {event.get('message', '')}")

    def check_signs(self) -> None:
        """Say so where the task has been silent for long."""
        if self.active and self.job.silent_s > SILENT_S:
            self._ui.statusLabel.text = _(
                "No sign of life for {seconds:.0f} s; wait, or press Cancel."
            ).format(seconds=self.job.silent_s)

    def log(self, line: str) -> None:
        """Add a line to the log."""
        self._ui.logText.appendPlainText(line)

    def show_problem(self, message: str) -> None:
        """Say in the status line, the panel's log and the application's what went wrong."""
        text = self._problem = _("Problem: {message}").format(message=message)
        self._ui.statusLabel.text = text
        slicer.util.showStatusMessage(text, STATUS_MS)  # Segment Editor may be open
        self.log(message)
        logging.error("CTDoseSeg: %s", message)

    def clear_problem(self) -> None:
        """Take the last problem out of the status line: what was chosen or typed is another."""
        if self.problem_shown:
            self._ui.statusLabel.text = ""
