"""The watch on standard input: a task ends where whoever started it is gone, or has it closed.

A pipe closes also when the process at its other end is killed, so that no task outlives it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from .groups import end_own_group


def when_input_closes(action: Callable[[], None]) -> None:
    """Call `action` in a thread once standard input closes; at once where it is closed already."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        action()

    threading.Thread(target=watch, daemon=True).start()


def end_with_parent(*folders: Path) -> None:
    """When standard input closes, remove the folders and end this process and its group.

    Parameters
    ----------
    folders
        Temporary, of this task alone.
    """

    def end() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        end_own_group()

    when_input_closes(end)
