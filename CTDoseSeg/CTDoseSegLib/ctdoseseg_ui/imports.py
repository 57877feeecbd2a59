"""What a result needs, imported bit by bit while a task runs: in one piece it blocks the window."""

from __future__ import annotations

import importlib
import sys

NEEDED = ("scipy.special", "scipy.linalg", "scipy.ndimage", "CTDoseSegLib.ctdoseseg_ui.session")


def import_next() -> bool:
    """Import the next of what is needed; True when all is there."""
    for name in NEEDED:
        if name not in sys.modules:
            importlib.import_module(name)
            return False
    return True
