"""A task in another process, followed through Qt's event loop.

Started, read and ended as in `tasks.process`, but by a QProcess: nothing here waits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from slicer.i18n import tr as _

from ..tasks.groups import end_group
from ..tasks.lines import LogLines, ProgressLines
from ..tasks.process import ENVIRONMENT, GRACE_S, LIB_PARENT, TaskProcess, command

# After this the group of the task is ended, and after as much again its launcher.
GRACE_MS, LAUNCHER_MS = round(1000 * GRACE_S), 600

IDLE, RUNNING, CANCELLING, DONE, FAILED, CANCELLED = (
    "idle",
    "running",
    "cancelling",
    "done",
    "failed",
    "cancelled",
)


def as_bytes(array: Any) -> bytes:
    """A QByteArray as bytes, in PythonQt as in PySide."""
    data = array.data()
    return data.encode("latin-1") if isinstance(data, str) else bytes(data)


class Job:
    """One task in another process, followed through Qt's event loop.

    Parameters
    ----------
    arguments
        Of the command `ctdoseseg`.
    on_event
        Called with every event, a dictionary.
    on_log
        Called with every line that is for the log.
    on_end
        Called once with the final state: done, failed or cancelled.
    on_cleanup
        Called once when the task is over in any way, also by `end`, and after `on_end`.
    grace_ms
        How long the task may take to end when it is cancelled.
    make_process, make_timer
        Give a QProcess and a QTimer; a test hands in its own.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        on_event: Callable[[dict[str, Any]], None],
        on_log: Callable[[str], None],
        on_end: Callable[[str], None],
        on_cleanup: Callable[[], None] | None = None,
        grace_ms: int = GRACE_MS,
        make_process: Callable[[], Any] | None = None,
        make_timer: Callable[[], Any] | None = None,
    ) -> None:
        self.state = IDLE
        self.message = ""
        self.last_sign = 0.0
        self._arguments = list(arguments)
        self._on_event, self._on_log, self._on_end = on_event, on_log, on_end
        self._on_cleanup = on_cleanup or _ignore
        self._grace_ms = grace_ms
        self._make_process = make_process or _process
        self._timer = (make_timer or _timer)()
        self._process: Any = None
        self._lines, self._errors = ProgressLines(on_log), LogLines()
        self._forced = False

    @property
    def active(self) -> bool:
        """True until the task has ended."""
        return self.state in (RUNNING, CANCELLING)

    @property
    def pid(self) -> int | None:
        """Process ID that the task reported; None before. That of QProcess is the launcher's."""
        return self._lines.pid

    @property
    def silent_s(self) -> float:
        """Seconds since the last sign of life."""
        return time.monotonic() - self.last_sign

    def start(self) -> None:
        """Start the task."""
        process = self._process = self._make_process()
        process.setWorkingDirectory(LIB_PARENT)
        process.connect("readyReadStandardOutput()", self._read_events)
        process.connect("readyReadStandardError()", self._read_errors)
        process.connect("finished(int,QProcess::ExitStatus)", self._on_finished)
        process.connect("errorOccurred(QProcess::ProcessError)", self._on_process_error)
        self._timer.connect("timeout()", self._force)
        self.state = RUNNING
        self.last_sign = time.monotonic()
        process.start(sys.executable, command(self._arguments))

    def cancel(self) -> None:
        """Ask the task to end, and see to it."""
        if self.state != RUNNING:
            return
        self.state = CANCELLING
        self._process.closeWriteChannel()
        self._timer.start(self._grace_ms)

    def end(self) -> None:
        """End the task at once, without waiting and without calling back."""
        self._on_event = self._on_log = self._on_end = _ignore
        if self.active:
            self.state = CANCELLING
            self._process.closeWriteChannel()
            end_group(self.pid)
            self._process.kill()
            self._process.waitForFinished(1000)
            self._on_cleanup()
        self._timer.stop()

    def _read_events(self) -> None:
        self.last_sign = time.monotonic()
        for report in self._lines.feed(as_bytes(self._process.readAllStandardOutput())):
            if report["event"] == "error":
                self.message = report["message"]
            if self.state == RUNNING:
                self._on_event(report)

    def _read_errors(self) -> None:
        self.last_sign = time.monotonic()
        for line in self._errors.feed(as_bytes(self._process.readAllStandardError())):
            self._on_log(line)

    def _force(self) -> None:
        self._timer.stop()
        if not self.active:
            return
        end_group(self.pid)
        if self._forced:
            self._process.kill()
        else:
            self._forced = True
            self._timer.start(LAUNCHER_MS)

    def _on_process_error(self, error: Any) -> None:
        # Of Qt's errors only "failed to start" (0) is not followed by finished().
        if int(getattr(error, "value", error)) == 0 and self.active:
            self.message = _("The task could not be started; see the log of Slicer.")
            self._conclude(FAILED)

    def _on_finished(self, code: int, status: Any) -> None:
        if not self.active:
            return
        self._read_events()
        self._read_errors()
        crashed = int(getattr(status, "value", status)) != 0
        if self.state == CANCELLING:
            self._conclude(CANCELLED)
        elif code == 0 and not crashed and self._lines.result is not None:
            self._conclude(DONE)
        else:
            self.message = self.message or _(
                "The task ended unexpectedly (code {code}); nothing was changed. "
                "Its last words are in the log."
            ).format(code=code)
            self._conclude(FAILED)

    def _conclude(self, state: str) -> None:
        self.state = state
        self._timer.stop()
        try:
            self._on_end(state)
        finally:
            self._on_cleanup()


def _ignore(*_: Any) -> None:
    """Nobody listens any more."""


def _process() -> Any:
    import qt

    process = qt.QProcess()
    environment = qt.QProcessEnvironment.systemEnvironment()
    for name, value in ENVIRONMENT.items():
        environment.insert(name, value)
    process.setProcessEnvironment(environment)
    return process


def _timer() -> Any:
    import qt

    return qt.QTimer()


def turn_event_loop() -> None:
    """Let the window redraw and answer while Python waits."""
    import slicer

    slicer.app.processEvents()


def run_and_wait(
    arguments: Sequence[str],
    on_event: Callable[[dict[str, Any]], None] = _ignore,
    meanwhile: Callable[[], None] = turn_event_loop,
) -> tuple[int, str]:
    """Run a task and wait for it, for the Python console.

    Parameters
    ----------
    arguments
        Of the command `ctdoseseg`.
    on_event
        Called with every event, a dictionary.
    meanwhile
        Called many times a second; what it raises ends the task.

    Returns
    -------
    code : int
        Exit code of the command.
    message : str
        Its error's sentence, or the last words of its log; empty where all went well.
    """
    process = TaskProcess(command(arguments), grace_s=GRACE_S)
    with process:
        for report in process.follow(meanwhile):
            on_event(report)
    if process.error is not None:
        return process.code, process.error["message"]
    return process.code, " ".join(list(process.last_words)[-3:]) if process.code else ""
