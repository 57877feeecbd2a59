"""A task in another process: started, followed by its events, ended.

`sys.executable` inside Slicer is a launcher that passes no signal on. To end a task its standard
input is closed, which it takes as "stop"; if it is still there a moment later, its process group
is ended by the process ID that it reported itself, and at last the launcher.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..tasks.process import LIB_PARENT, EventLines, command, end_process_group

GRACE_MS, FORCE_MS = 900, 1500

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
        make_process: Callable[[], Any] | None = None,
        make_timer: Callable[[], Any] | None = None,
    ) -> None:
        self.state = IDLE
        self.message = ""
        self.last_sign = 0.0
        self._arguments = list(arguments)
        self._on_event, self._on_log, self._on_end = on_event, on_log, on_end
        self._on_cleanup = on_cleanup or _ignore
        self._make_process = make_process or _process
        self._timer = (make_timer or _timer)()
        self._process: Any = None
        self._pid: int | None = None
        self._lines = EventLines(on_log)
        self._errors = b""
        self._has_result = False
        self._forced = False

    @property
    def active(self) -> bool:
        """True until the task has ended."""
        return self.state in (RUNNING, CANCELLING)

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
        self._timer.start(GRACE_MS)

    def end(self) -> None:
        """End the task at once, without waiting and without calling back."""
        self._on_event = self._on_log = self._on_end = _ignore
        if self.active:
            self.state = CANCELLING
            self._process.closeWriteChannel()
            end_process_group(self._pid)
            self._process.kill()
            self._process.waitForFinished(1000)
            self._on_cleanup()
        self._timer.stop()

    def _read_events(self) -> None:
        self.last_sign = time.monotonic()
        for event in self._lines.feed(as_bytes(self._process.readAllStandardOutput())):
            if event["event"] == "started":
                pid = event.get("pid")
                self._pid = pid if isinstance(pid, int) else None
            elif event["event"] == "error":
                self.message = str(event.get("message", ""))
            elif event["event"] == "result":
                self._has_result = True
            if self.state == RUNNING:
                self._on_event(event)

    def _read_errors(self) -> None:
        self.last_sign = time.monotonic()
        data = as_bytes(self._process.readAllStandardError())
        *lines, self._errors = (self._errors + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._on_log(line.decode("utf-8", "replace").rstrip()[:500])

    def _force(self) -> None:
        self._timer.stop()
        if not self.active:
            return
        end_process_group(self._pid)
        if self._forced:
            self._process.kill()
        else:
            self._forced = True
            self._timer.start(FORCE_MS - GRACE_MS)

    def _on_process_error(self, error: Any) -> None:
        # Of Qt's errors only "failed to start" (0) is not followed by finished().
        if int(getattr(error, "value", error)) == 0 and self.active:
            self.message = "The task could not be started; see the log of Slicer."
            self._conclude(FAILED)

    def _on_finished(self, code: int, status: Any) -> None:
        if not self.active:
            return
        self._read_events()
        self._read_errors()
        crashed = int(getattr(status, "value", status)) != 0
        if self.state == CANCELLING:
            self._conclude(CANCELLED)
        elif code == 0 and not crashed and self._has_result:
            self._conclude(DONE)
        else:
            self.message = self.message or (
                f"The task ended unexpectedly (code {code}); nothing was changed. "
                "Its last words are in the log."
            )
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
    environment.insert("PYTHONUTF8", "1")
    environment.insert("PYTHONUNBUFFERED", "1")
    process.setProcessEnvironment(environment)
    return process


def _timer() -> Any:
    import qt

    return qt.QTimer()


def run_and_wait(
    arguments: Sequence[str], on_event: Callable[[dict[str, Any]], None] = _ignore
) -> tuple[int, str]:
    """Run a task and wait for it, for the Python console.

    Returns
    -------
    code : int
        Exit code of the command.
    message : str
        Its error's sentence, or the last words of its log; empty where all went well.
    """
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, *command(arguments)],
        cwd=LIB_PARENT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    message, words = "", []
    lines = EventLines(words.append)
    pid = None
    try:
        for line in process.stdout:
            for event in lines.feed(line):
                if event["event"] == "started":
                    pid = event.get("pid")
                elif event["event"] == "error":
                    message = str(event.get("message", ""))
                on_event(event)
        code = process.wait()
    except BaseException:
        process.stdin.close()
        end_process_group(pid)
        process.kill()
        process.wait()
        raise
    finally:
        process.stdout.close()
    process.stdin.close()
    return code, message or ("" if code == 0 else " ".join(words[-3:]))
