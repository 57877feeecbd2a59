"""What another process writes, line by line out of a stream of bytes: its reports, and its log.

A report is one JSON object of the protocol in `progress`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .groups import can_be_ended

KINDS = ("started", "progress", "warning", "result", "error")
LONGEST_LINE = 1 << 20
LONGEST_SHOWN = 500
LONGEST_RUBBISH = 200


class ProgressLines:
    """Reports out of a stream of bytes: partial lines wait, rubbish is passed to `on_rubbish`.

    Attributes
    ----------
    pid
        Process ID that the task reported; None before, or where it cannot be that of a task.
    result, error
        The last report of its kind; None before.
    """

    def __init__(self, on_rubbish: Callable[[str], None] = lambda line: None) -> None:
        self.pid: int | None = None
        self.result: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self._rest = b""
        self._on_rubbish = on_rubbish

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the reports that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        reports = []
        for line in lines:
            report = _report(line)
            if report is not None:
                self._note(report)
                reports.append(report)
            elif text := line[:LONGEST_RUBBISH].decode("utf-8", "replace").strip():
                self._on_rubbish(text)
        return reports

    def _note(self, report: dict[str, Any]) -> None:
        kind = report["event"]
        if kind == "result":
            self.result = report
        elif kind == "error":
            self.error = report
        elif kind == "started" and self.pid is None and can_be_ended(report.get("pid")):
            self.pid = report["pid"]


def _report(line: bytes) -> dict[str, Any] | None:
    """Return the report that a line holds; None where it is none, or lacks what its kind has."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or report.get("event") not in KINDS:
        return None
    if report["event"] == "progress" and type(report.get("fraction")) not in (int, float):
        return None
    if report["event"] in ("progress", "warning", "error"):
        report["message"] = str(report.get("message") or "")
    return report


class LogLines:
    """Lines of text out of a stream of bytes, as they are for a log."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that `data` completes, without empty ones."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-LONGEST_LINE:]
        # A progress bar rewrites its line: what stands there last is enough.
        shown = (
            line.decode("utf-8", "replace").rstrip().rpartition("\r")[2][:LONGEST_SHOWN]
            for line in lines
        )
        return [text for text in shown if text.strip()]
