"""A batch from a script, a notebook or Slicer's console: a handle on a run in another process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import Cancelled, InputError
from ..tasks.paths import absolute_if_path
from ..tasks.process import GRACE_S, POLL_S, TaskProcess, command

# Runs that nobody holds any more go on: a run ends when its standard input closes.
_alive: set[Run] = set()


class Run:
    """A batch that runs in another process; made by `run`. It is followed when somebody asks."""

    def __init__(
        self,
        arguments: Sequence[str],
        on_event: Callable[[dict[str, Any]], None] | None = None,
        keep_turning: Callable[[], object] | None = None,
    ) -> None:
        self._progress, self._message = 0.0, ""
        self._states: dict[str, tuple[str, str]] = {}
        self._on_event, self._keep_turning = on_event, keep_turning
        self._cancelled = False
        self._process = TaskProcess(command(arguments), grace_s=GRACE_S, spooled=True)
        _alive.add(self)

    @property
    def pid(self) -> int:
        """Process ID of the run, or of the launcher that started it."""
        return self._process.pid

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
        return self._process.code is None

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
        if self._process.error is not None:
            return self._process.error["message"]
        code = self._process.code
        return f"The batch ended with code {code}; start it again." if code else ""

    def stop(self) -> None:
        """Ask the run to end and return at once; it is ended by force when it does not in time.

        That is seen to by `update`, which whoever follows the run calls.
        """
        if self.running and not self._cancelled:
            self._cancelled = True
            self._process.stop()

    def cancel(self) -> None:
        """End the run, and wait for its end.

        What is finished is kept, and the same call goes on from there.
        """
        self.stop()
        self._wait(None)

    def end(self) -> None:
        """End the run at once, where no event loop may turn; what is finished is kept."""
        self._cancelled = self._cancelled or self.running
        self._process.end()
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
        self._wait(timeout_s)
        if self.problem:
            raise (Cancelled if self._cancelled else InputError)(self.problem)
        return self.states

    def _wait(self, timeout_s: float | None) -> None:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self.running:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError("The batch has not ended yet.")
            time.sleep(POLL_S)
            if self._keep_turning is not None:
                self._keep_turning()
            self.update()
        self.update()

    def update(self) -> None:
        """Read what the run has reported since the last time."""
        ended = not self.running
        for report in self._process.read():
            self._take(report)
        if ended:
            _alive.discard(self)
            self._process.end()

    def _take(self, report: dict[str, Any]) -> None:
        if report["event"] == "progress":
            self._progress, self._message = float(report["fraction"]), report["message"]
            if "key" in report:
                self._states[report["key"]] = (report["state"], report.get("sentence", ""))
        if self._on_event is not None:
            self._on_event(report)


def run(
    folder: str | Path,
    output: str | Path,
    *,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    keep_turning: Callable[[], object] | None = None,
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
    keep_turning
        Called many times a second in `wait` and `cancel`: a program with windows turns its event
        loop here.
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
    return Run(arguments(folder, output, **options), on_event, keep_turning)


def arguments(folder: str | Path, output: str | Path, **options: Any) -> list[str]:
    """The command's arguments; paths are made absolute, for the run has another directory."""
    said = ["batch", os.path.abspath(folder), "--output", os.path.abspath(output)]
    for name, value in options.items():
        if value is True:
            said.append(f"--{name.replace('_', '-')}")
        elif value is not None and value is not False:
            values = value if isinstance(value, (list, tuple)) else [value]
            said += [f"--{name.replace('_', '-')}", *map(absolute_if_path, values)]
    return said
