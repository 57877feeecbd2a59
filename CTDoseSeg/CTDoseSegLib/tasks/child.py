"""A part of a task in a process of its own, which ends with all its children in every case.

The child leads a process group (and session), so that one call ends it and whatever it started.
It also watches its standard input: where that closes because this process was killed, it removes
its folder and ends its group by itself (`end_with_parent`).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from .progress import Events

LIB_PARENT = Path(__file__).resolve().parents[2]
# How often it is looked whether the task was cancelled.
POLL_S = 0.1
# A child that is gone is not waited for longer: helpers that it left may hold its pipe open.
LAST_EVENTS_S = 1.0
# Begins the name of a child's temporary folder.
TEMPORARY = "ctdoseseg-ts-"
LAST_LINES = 40
LONGEST_LINE = 500


class ChildProcess:
    """A module of this package, run by the same Python; a context manager.

    Parameters
    ----------
    arguments
        Module and what it is given.
    environment
        Variables that differ from this process's; None removes one.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str | None] | None = None
    ) -> None:
        own = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **(environment or {})}
        group: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-X", "utf8", "-m", *arguments],
            cwd=LIB_PARENT,
            env={name: value for name, value in own.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **group,
        )
        self.last_words: deque[str] = deque(maxlen=LAST_LINES)
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read_events, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_log, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def follow(
        self, listener: Events, limit_s: float, silence_s: float = math.inf
    ) -> Iterator[dict[str, Any]]:
        """The child's events until it ends.

        Raises
        ------
        Cancelled
            If the task was cancelled meanwhile.
        TimeoutError
            After `limit_s`, or `silence_s` without an event.
        """
        end = time.monotonic() + limit_s
        heard, gone = time.monotonic(), math.inf
        while True:
            listener.check_cancelled()
            if time.monotonic() > min(end, heard + silence_s):
                raise TimeoutError
            try:
                event = self._events.get(timeout=POLL_S)
            except queue.Empty:
                if self._process.poll() is not None:
                    gone = min(gone, time.monotonic() + LAST_EVENTS_S)
                if time.monotonic() > gone:
                    return
                continue
            heard = time.monotonic()
            if event is None:
                return
            yield event

    def wait(self) -> int:
        """Exit code of a child whose events have ended; below 0: the signal that ended it."""
        try:
            return self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it has closed its output and hangs
            return -signal.SIGTERM

    def end(self) -> None:
        """End the child and all that it started; nothing if they are gone."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        end_group(self._process.pid)
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(timeout=1)

    def _read_events(self, stream: IO[bytes]) -> None:
        for line in stream:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    self._events.put(event)
        self._events.put(None)

    def _read_log(self, stream: IO[bytes]) -> None:
        for line in stream:
            # A progress bar rewrites its line: what it says last is enough.
            text = line.decode("utf-8", "replace").rstrip().rpartition("\r")[2][:LONGEST_LINE]
            if text.strip():
                self.last_words.append(text)
                if not sys.stderr.isatty():  # a terminal has the progress bar
                    sys.stderr.write(text + "\n")


def end_group(pid: int) -> None:
    """End the group that `pid` leads; nothing if it is gone."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if os.name == "nt":
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(pid)],
                check=False,
                capture_output=True,
                timeout=5,
            )
        else:
            os.killpg(pid, signal.SIGKILL)


def end_with_parent(*folders: Path) -> None:
    """In the child: when standard input closes, remove the folders and end the group.

    Parameters
    ----------
    folders
        Temporary, of this task alone.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        # The launcher may lead the group; whoever leads it, this process is in it.
        end_group(os.getpid() if os.name == "nt" else os.getpgrp())

    threading.Thread(target=watch, daemon=True).start()
