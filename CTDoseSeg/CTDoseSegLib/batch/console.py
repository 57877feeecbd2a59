"""A batch from a script, a notebook or Slicer's console: a handle on a run in another process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import Cancelled, InputError
from ..tasks.process import LIB_PARENT, EventLines, command, end_process_group

GRACE_S = 10.0
_POLL_S = 0.1
# Runs that nobody holds any more go on: a run ends when its standard input closes.
_alive: set[Run] = set()


class Run:
    """A batch that runs in another process; made by `run`.

    Its events go to a file, which is read when somebody asks: inside Slicer a thread would stand
    still while no Python runs, and a pipe that nobody reads would stop the batch.
    """

    def __init__(
        self, arguments: Sequence[str], on_event: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        self._progress, self._message, self._error = 0.0, "", ""
        self._states: dict[str, tuple[str, str]] = {}
        self._on_event = on_event
        self._cancelled, self._deadline = False, 0.0
        self._pid: int | None = None
        self._lines = EventLines()
        self._folder = tempfile.TemporaryDirectory(prefix="ctdoseseg-", ignore_cleanup_errors=True)
        log = Path(self._folder.name) / "events.jsonl"
        with log.open("wb") as events:
            self._process = subprocess.Popen(
                [sys.executable, *command(arguments)],
                cwd=LIB_PARENT,
                env={**os.environ, "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,
                stdout=events,
                stderr=subprocess.DEVNULL,
            )
        self._log = log.open("rb")
        _alive.add(self)

    @property
    def progress(self) -> float:
        """Part that is done, 0 to 1."""
        self.update()
        return self._progress

    @property
    def message(self) -> str:
        """The same in words, with rate and time left."""
        self.update()
        return self._message

    @property
    def states(self) -> dict[str, tuple[str, str]]:
        """Key of each scan that has ended to its state (done, failed) and its sentence."""
        self.update()
        return self._states

    @property
    def running(self) -> bool:
        """True until the run has ended."""
        return self._process.poll() is None

    @property
    def stopping(self) -> bool:
        """True from `stop` on."""
        return self._cancelled

    @property
    def problem(self) -> str:
        """Why the run as a whole failed, or was cancelled; empty while it runs or went well."""
        if self.running:
            return ""
        self.update()
        if self._cancelled:
            return "The batch was cancelled; what is finished is kept."
        code = self._process.returncode
        return self._error or (f"The batch ended with code {code}; start it again." if code else "")

    def stop(self) -> None:
        """Ask the run to end and return at once; it is ended by force when it does not in time.

        That is seen to by `update`, which whoever follows the run calls.
        """
        if self.running and not self._cancelled:
            self._cancelled = True
            self._deadline = time.monotonic() + GRACE_S
            self._process.stdin.close()

    def cancel(self) -> None:
        """End the run, and wait for its end.

        What is finished is kept, and the same call goes on from there.
        """
        self.stop()
        while self.running:
            time.sleep(_POLL_S)
            self.update()
        self.update()

    def wait(self, timeout_s: float | None = None) -> dict[str, tuple[str, str]]:
        """Wait for the end; returns `states`.

        Raises
        ------
        CTDoseSegError
            With one sentence, if the run as a whole failed. Scans that failed are in `states`.
        TimeoutError
            If it has not ended in time.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self.running:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError("The batch has not ended yet.")
            time.sleep(_POLL_S)
            self.update()
        if self.problem:
            raise (Cancelled if self._cancelled else InputError)(self.problem)
        return self.states

    def update(self) -> None:
        """Read what the run has told since the last time."""
        ended = not self.running
        if not self._log.closed:
            for event in self._lines.feed(self._log.read()):
                self._take(event)
        if ended:
            self._over()
        elif self._cancelled and time.monotonic() > self._deadline:
            end_process_group(self._pid)
            self._process.kill()

    def _over(self) -> None:
        _alive.discard(self)
        if not self._log.closed:
            for event in self._lines.feed(self._log.read()):
                self._take(event)
            self._log.close()
            self._folder.cleanup()
            if not self._process.stdin.closed:
                self._process.stdin.close()

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "started":
            self._pid = event.get("pid")
        elif event["event"] == "error":
            self._error = str(event.get("message", ""))
        elif event["event"] == "progress":
            self._progress, self._message = float(event["fraction"]), str(event["message"])
            if "key" in event:
                self._states[event["key"]] = (event["state"], event.get("sentence", ""))
        if self._on_event is not None:
            self._on_event(event)


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
        Called with every event when the handle is asked, and in `wait`.
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
