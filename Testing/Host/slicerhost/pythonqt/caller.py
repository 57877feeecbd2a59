"""Who is asking: the code under test gets PythonQt's rules, the host plain PySide6."""

from __future__ import annotations

import sys
from types import FrameType

# Stands where Slicer's own Python stands, and is written as that is.
_AS_IN_SLICER = "slicerhost.standin.base"
_PLAIN = ("slicerhost", "PySide6", "shiboken6", "pytest", "_pytest", "shibokensupport")


def is_plain(frame: FrameType) -> bool:
    """True where the frame belongs to the host itself or to PySide6."""
    name = frame.f_globals.get("__name__", "")
    return name != _AS_IN_SLICER and name.split(".", 1)[0] in _PLAIN


def asked_by_host(depth: int) -> bool:
    """True where the caller `depth` frames above this function is the host or PySide6."""
    return is_plain(sys._getframe(depth + 1))
