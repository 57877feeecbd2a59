"""The one protocol of long tasks: started, progress, note, warning, result, error.

A task takes `Progress` and reports to it; who listens (a terminal, a pipe to Slicer, a
test) is not the task's business. `check_cancelled` is called wherever a task can stop safely.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from ..errors import Cancelled


class Progress:
    """Listens to nothing; base of the other listeners. Safe to call from the task's own thread.

    The listeners differ only in what `emit` does with a report.
    """

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def emit(self, kind: str, /, **fields: Any) -> None:
        """Pass one report on; `kind` is one of the protocol's."""

    def started(self, task: str) -> None:
        self.emit("started", task=task, pid=os.getpid())

    def update(self, fraction: float, message: str) -> None:
        """`fraction` of the whole task done (0-1) and a short present participle phrase."""
        self.check_cancelled()
        self.emit("progress", fraction=round(float(fraction), 4), message=message)

    def note(self, message: str) -> None:
        """Pass on a line that a person may keep, such as one about an epoch of a training."""
        self.emit("note", message=message)

    def warning(self, code: str, message: str) -> None:
        self.emit("warning", code=code, message=message)

    def result(self, **fields: Any) -> None:
        self.emit("result", **fields)

    def error(self, kind: str, message: str, exit_code: int) -> None:
        self.emit("error", kind=kind, message=message, exit_code=exit_code)

    def cancel(self) -> None:
        """Ask the task to stop; it raises `Cancelled` at its next safe point."""
        self._cancelled.set()

    def check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("The task was cancelled; nothing was written.")


class Stage(Progress):
    """A part of a longer task: its 0-1 is the span `low` to `high` of the whole."""

    def __init__(self, whole: Progress, low: float, high: float) -> None:
        super().__init__()
        self._whole, self._low, self._high = whole, low, high

    def cancel(self) -> None:
        self._whole.cancel()

    def check_cancelled(self) -> None:
        self._whole.check_cancelled()

    def emit(self, kind: str, /, **fields: Any) -> None:
        if kind == "progress":
            fields["fraction"] = self._low + (self._high - self._low) * fields["fraction"]
        self._whole.emit(kind, **fields)


class JsonLines(Progress):
    """One ASCII JSON object a line on a duplicate of standard output.

    From construction on, everything that libraries print goes to standard error, so that the
    pipe carries reports alone.
    """

    def __init__(self) -> None:
        super().__init__()
        sys.stdout.flush()
        self._pipe = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def emit(self, kind: str, /, **fields: Any) -> None:
        self._pipe.write(json.dumps({"event": kind, **fields}, ensure_ascii=True) + "\n")
        self._pipe.flush()


class Collected(Progress):
    """Keeps the reports in `log`, a list of dictionaries: for tests and notebooks."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[dict[str, Any]] = []

    def emit(self, kind: str, /, **fields: Any) -> None:
        self.log.append({"event": kind, **fields})
