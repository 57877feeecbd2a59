"""A batch from a script, a notebook or Slicer's console: a handle on a run in another process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import Cancelled, CTDoseSegError, InputError
from ..process import LIB_PARENT, EventLines, command, end_process_group

GRACE_S = 10.0


class Run:
    """A batch that runs in another process; made by `run`.

    Attributes
    ----------
    progress
        Part that is done, 0 to 1.
    message
        The same in words, with rate and time left.
    states
        Key of each scan that has ended to its state (done, failed) and its sentence.
    """

    def __init__(
        self, arguments: Sequence[str], on_event: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        self.progress, self.message = 0.0, ""
        self.states: dict[str, tuple[str, str]] = {}
        self._on_event = on_event
        self._error = ""
        self._cancelled = False
        self._pid: int | None = None
        self._process = subprocess.Popen(
            [sys.executable, *command(arguments)],
            cwd=LIB_PARENT,
            env={**os.environ, "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def running(self) -> bool:
        """True until the run has ended."""
        return self._process.poll() is None

    def cancel(self) -> None:
        """End the run; what is finished is kept, and the same call goes on from there."""
        self._cancelled = True
        if not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            end_process_group(self._pid)
            self._process.kill()

    def wait(self, timeout_s: float | None = None) -> dict[str, tuple[str, str]]:
        """Wait for the end; returns `states`.

        Raises
        ------
        CTDoseSegError
            With one sentence, if the run as a whole failed. Scans that failed are in `states`.
        TimeoutError
            If it has not ended in time.
        """
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError("The batch has not ended yet.") from error
        self._listener.join()
        if self._cancelled:
            raise Cancelled("The batch was cancelled; what is finished is kept.")
        if code:
            raise _error(self._error or f"The batch ended with code {code}; start it again.")
        return self.states

    def _listen(self) -> None:
        lines = EventLines()
        for data in self._process.stdout:
            for event in lines.feed(data):
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "started":
            self._pid = event.get("pid")
        elif event["event"] == "error":
            self._error = str(event.get("message", ""))
        elif event["event"] == "progress":
            self.progress, self.message = float(event["fraction"]), str(event["message"])
            if "key" in event:
                self.states[event["key"]] = (event["state"], event.get("sentence", ""))
        if self._on_event is not None:
            self._on_event(event)


def _error(sentence: str) -> CTDoseSegError:
    return InputError(sentence)


def run(
    folder: str | Path,
    output: str | Path,
    *,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> Run:
    """Start a batch in another process.

    Parameters
    ----------
    folder
        An archive, or a plan.
    output
        Folder of the run.
    on_event
        Called with every event, in a thread of its own.
    options
        Those of ``ctdoseseg batch`` with underscores: ``workers=2``, ``engine="classical"``,
        ``scheduler="tcp://..."``.

    Examples
    --------
    ::

        import CTDoseSegLib.batch
        run = CTDoseSegLib.batch.run("/archive", "/results", engine="classical")
        print(run.message)
        states = run.wait()
    """
    return Run(arguments(folder, output, **options), on_event)


def arguments(folder: str | Path, output: str | Path, **options: Any) -> list[str]:
    """The command's arguments; paths are made absolute, for the run has another directory."""
    said = ["batch", os.path.abspath(folder), "--output", os.path.abspath(output)]
    for name, value in options.items():
        if value is True:
            said.append(f"--{name.replace('_', '-')}")
        elif value is not None and value is not False:
            said += [f"--{name.replace('_', '-')}", str(value)]
    return said
