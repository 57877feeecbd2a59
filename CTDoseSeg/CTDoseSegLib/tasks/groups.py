"""Process groups: a task and all that it has started, ended together.

The Windows branches follow the documentation of `taskkill` and `CreateProcess`; no test runs them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Any, TypeGuard

# No console window appears where a program without a console, as Slicer is, starts a process.
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
NEW_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
HIGHEST_PID = (1 << 31) - 1
TASKKILL_S = 5


def group_options() -> dict[str, Any]:
    """Return how `Popen` starts the leader of a new group, without a console window."""
    if os.name == "nt":
        return {"creationflags": NO_WINDOW | NEW_GROUP}
    return {"start_new_session": True}


def lead_group() -> None:
    """Lead a group of this process's own, so that whoever started it can end it with its children.

    At a terminal the group stays the terminal's, whose Ctrl-C must reach it.
    """
    if hasattr(os, "setpgid") and not os.isatty(0):
        with contextlib.suppress(OSError):  # it leads a session already
            os.setpgid(0, 0)


def can_be_ended(pid: Any) -> TypeGuard[int]:
    """Whether `pid`, which another process reported, is a process that may be ended.

    The group 1 would stand for all processes of this user, and 0 for this process's own group.
    """
    return type(pid) is int and 1 < pid <= HIGHEST_PID and pid != os.getpid()


def end_group(pid: int | None) -> None:
    """End the group that the process `pid` leads, or that process alone; nothing if it is gone.

    The group is asked for by `pid` itself, so that it is never this process's own, and so that
    children are found whose leader has ended already.
    """
    if not can_be_ended(pid):
        return
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if os.name == "nt":
            _taskkill(pid)
            return
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(pid, signal.SIGKILL)


def end_own_group() -> None:
    """End this process and its group, which the launcher that started it may lead."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if os.name == "nt":
            _taskkill(os.getpid())
        else:
            os.killpg(0, signal.SIGKILL)


def end_children() -> None:
    """End what this process has started, where it leads a group; it goes on itself.

    On Windows nothing: children end as the pipes close that this process holds.
    """
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        # Outside the main thread no handler can be set: the one that is there cancelled already,
        # and takes a second signal for nothing.
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def _taskkill(pid: int) -> None:
    subprocess.run(
        ["taskkill", "/F", "/T", "/PID", str(pid)],
        check=False,
        capture_output=True,
        timeout=TASKKILL_S,
        creationflags=NO_WINDOW,
    )
