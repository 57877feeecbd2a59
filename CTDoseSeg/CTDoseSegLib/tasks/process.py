"""A task in another process: its command, its events out of a stream of bytes, its end.

Shared by the module and the batch. `sys.executable` inside Slicer is a launcher that passes no
signal on, so that a task is ended by closing its standard input and, where that is not enough, by
the process ID that it reported itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

KINDS = ("started", "progress", "warning", "result", "error")
LONGEST_LINE = 1 << 20
LIB_PARENT = str(Path(__file__).resolve().parents[2])


def command(arguments: Sequence[str]) -> list[str]:
    """The command of a task, without the program."""
    return ["-u", "-X", "utf8", "-m", "CTDoseSegLib", *arguments, "--events", "jsonl"]


class EventLines:
    """Events out of a stream of bytes: partial lines wait, rubbish is passed to `on_rubbish`."""

    def __init__(self, on_rubbish: Callable[[str], None] = lambda line: None) -> None:
        self._rest = b""
        self._on_rubbish = on_rubbish

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The events that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        events = []
        for line in lines:
            event = _event(line)
            if event is not None:
                events.append(event)
            elif line.strip():
                self._on_rubbish(line[:200].decode("utf-8", "replace").strip())
        return events


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("event") not in KINDS:
        return None
    return event


def end_process_group(pid: int | None) -> None:
    """End the group that the process `pid` leads, or that process alone; nothing if it is gone.

    The group is asked for by `pid` itself, so that it can never be Slicer's own, and so that
    children are found whose leader has ended already.
    """
    if not pid or pid == os.getpid():
        return
    try:
        if os.name == "nt":
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(pid)],
                check=False,
                capture_output=True,
                timeout=5,
            )
            return
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(pid, signal.SIGKILL)
    except (OSError, subprocess.SubprocessError):
        return
