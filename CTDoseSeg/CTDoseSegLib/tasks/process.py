"""The one supervisor of processes: it starts a task, listens to its reports and sees to its end.

`sys.executable` inside Slicer is a launcher that passes no signal on. A task is ended by closing
its standard input, which it takes as "stop"; where that is not enough its group is ended, by the
process ID that it reported itself and by that of the launcher, and at last the launcher.
"""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .groups import end_group, group_options
from .lines import LogLines, ProgressLines
from .output import Output, Pipe, Spool

LIB_PARENT = str(Path(__file__).resolve().parents[2])
ENVIRONMENT = {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
# A task that was asked to end cleans up for half a second, then leaves; after this it is ended.
GRACE_S = 0.9
POLL_S = 0.05
LAST_LINES = 200
# Begins the name of a temporary folder that is shared with a task.
TEMPORARY = "ctdoseseg-ts-"


def command(arguments: Sequence[str]) -> list[str]:
    """Return what Python is started with to run a command of `ctdoseseg` as a task."""
    return [*module_command("CTDoseSegLib", *arguments), "--events", "jsonl"]


def module_command(module: str, *arguments: str) -> list[str]:
    """Return what Python is started with to run a module."""
    return ["-u", "-X", "utf8", "-m", module, *arguments]


def write_to_stderr(line: str) -> None:
    """Pass a line of a task's log on, but not to a terminal, which shows a progress bar."""
    if not sys.stderr.isatty():
        sys.stderr.write(line + "\n")


def _ignore(*_: object) -> None:
    """Do nothing."""


class TaskProcess:
    """A task in another process, run by the same Python; a context manager that ends it.

    The process leads a group of its own.

    Parameters
    ----------
    arguments
        Of Python: `command` or `module_command`.
    environment
        Variables that differ from this process's; None removes one.
    grace_s
        How long the process may take to end when it is asked to.
    on_log
        Called with each line that is no report.
    spooled
        What it writes goes to temporary files, for a process that nobody may read for long.

    Attributes
    ----------
    pid
        Of the process itself, which can be a launcher.
    last_words
        The last lines that were no reports.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str | None] | None = None,
        *,
        grace_s: float = 0.0,
        on_log: Callable[[str], None] = _ignore,
        spooled: bool = False,
    ) -> None:
        own = {**os.environ, **ENVIRONMENT, **(environment or {})}
        self.last_words: deque[str] = deque(maxlen=LAST_LINES)
        self._grace_s, self._on_log = grace_s, on_log
        self._lines, self._log = ProgressLines(self._keep), LogLines()
        self._reports: list[dict[str, Any]] = []
        self._code: int | None = None
        self._deadline = math.inf
        with contextlib.ExitStack() as unless_started:
            make = Spool if spooled else Pipe
            self._output: Output = unless_started.enter_context(contextlib.closing(make()))
            self._errors: Output = unless_started.enter_context(contextlib.closing(make()))
            self._popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=LIB_PARENT,
                env={name: value for name, value in own.items() if value is not None},
                stdin=subprocess.PIPE,
                stdout=self._output.target,
                stderr=self._errors.target,
                **group_options(),
            )
            self._outputs = unless_started.pop_all()
        self._output.started(self._popen.stdout)
        self._errors.started(self._popen.stderr)
        self.pid = self._popen.pid

    def __enter__(self) -> TaskProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def code(self) -> int | None:
        """Exit code; below 0 the signal that ended it, None while it runs."""
        return self._poll()

    def _poll(self) -> int | None:
        if self._code is None:
            code = self._popen.poll()
            if code is not None:
                self._close_input()
                end_group(self.pid)  # helpers that it left behind
                self._output.ended()
                self._errors.ended()
                self._code = code
        return self._code

    @property
    def result(self) -> dict[str, Any] | None:
        """The report of its result; None where there is none yet."""
        return self._lines.result

    @property
    def error(self) -> dict[str, Any] | None:
        """The report of its error; None where there is none."""
        return self._lines.error

    def read(self) -> list[dict[str, Any]]:
        """Return what it has reported since the last time, without waiting.

        A process that was asked to stop and has not ended in time is ended here.
        """
        if self.code is None and time.monotonic() > self._deadline:
            self._force()
        self._collect()
        reports, self._reports = self._reports, []
        return reports

    def follow(
        self,
        meanwhile: Callable[[], object] = _ignore,
        limit_s: float = math.inf,
        silence_s: float = math.inf,
    ) -> Iterator[dict[str, Any]]:
        """Yield what it reports until it ends.

        Parameters
        ----------
        meanwhile
            Called many times a second: keeps an event loop turning, or raises to end the wait.
        limit_s, silence_s
            How long it may take, and be without a report.

        Raises
        ------
        TimeoutError
            After `limit_s` or `silence_s`.
        """
        end, heard = time.monotonic() + limit_s, time.monotonic()
        while True:
            ended = self.code is not None  # asked first: then all that it wrote is read below
            for report in self.read():
                heard = time.monotonic()
                yield report
            if ended:
                return
            meanwhile()
            if time.monotonic() > min(end, heard + silence_s):
                raise TimeoutError
            self._wait(POLL_S)

    def stop(self) -> None:
        """Ask it to end, and return at once; `read`, `follow` and `end` see to it."""
        self._close_input()
        self._deadline = min(self._deadline, time.monotonic() + self._grace_s)

    def end(self) -> None:
        """End it and all that it has started, and wait for that; nothing if it is gone."""
        if self.code is None:
            self.stop()
            self._wait(max(0.0, self._deadline - time.monotonic()))
            if self.code is None:
                self._force()
                self._wait(None)
                self._poll()  # waits for what it had written and nobody had read
                self._collect()
                end_group(self._lines.pid)  # where that named the process behind a launcher
        self._collect()
        self._outputs.close()

    def _wait(self, timeout_s: float | None) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_s)

    def _close_input(self) -> None:
        with contextlib.suppress(OSError):
            if self._popen.stdin is not None:
                self._popen.stdin.close()

    def _force(self) -> None:
        self._collect()  # the process ID can be among what was not read yet
        end_group(self._lines.pid)
        end_group(self.pid)
        self._popen.kill()

    def _collect(self) -> None:
        for block in self._output.blocks():
            self._reports += self._lines.feed(block)
        for block in self._errors.blocks():
            self._keep_all(self._log.feed(block))
        if self._code is not None:  # its last lines may lack an end
            self._reports += self._lines.feed(b"\n")
            self._keep_all(self._log.feed(b"\n"))

    def _keep_all(self, lines: list[str]) -> None:
        for line in lines:
            self._keep(line)

    def _keep(self, line: str) -> None:
        self.last_words.append(line)
        self._on_log(line)
