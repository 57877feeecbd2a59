"""What went wrong where nobody could catch it: slots, observers, threads, Qt and VTK messages."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import vtk
from PySide6 import QtCore


@dataclass(frozen=True)
class Problem:
    """One mishap, with where it was seen and its traceback."""

    where: str
    text: str
    error: BaseException | None = None


class HostError(AssertionError):
    """A test with the host failed for what happened behind the test's back."""


_collected: list[Problem] = []


def add(where: str, text: str, error: BaseException | None = None) -> None:
    """Keep a mishap for the next `take`."""
    _collected.append(Problem(where, text, error))


def add_exception(where: str, error: BaseException) -> None:
    """Keep an exception for the next `take`."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    add(where, text, error)


def take() -> list[Problem]:
    """All mishaps since the last call."""
    found = list(_collected)
    _collected.clear()
    return found


@contextmanager
def collecting(where: str) -> Iterator[None]:
    """Slicer prints an exception of a slot and goes on; so does this, and the test will know."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - it is reported when the test asks
        add_exception(where, error)


@contextmanager
def hooks() -> Iterator[None]:
    """Catch what Python, Qt and its threads would only print."""
    kept = sys.excepthook, sys.unraisablehook, threading.excepthook
    sys.excepthook = lambda _kind, error, _trace: add_exception("Qt slot or VTK observer", error)
    sys.unraisablehook = lambda info: (
        add_exception(f"ignored by Python: {info.err_msg or info.object!r}", info.exc_value)
        if info.exc_value is not None
        else None
    )
    threading.excepthook = lambda info: add_exception("thread", info.exc_value)
    QtCore.qInstallMessageHandler(_qt_message)
    window = vtk.vtkOutputWindow.GetInstance()
    tag = window.AddObserver("ErrorEvent", _vtk_error)
    try:
        yield
    finally:
        window.RemoveObserver(tag)
        sys.excepthook, sys.unraisablehook, threading.excepthook = kept
        QtCore.qInstallMessageHandler(None)


# Slicer prints this for every volume under a grid transform and goes on.
_KNOWN_VTK = ("Cannot handle non-linear transforms",)


@vtk.calldata_type(vtk.VTK_STRING)
def _vtk_error(_caller, _event, text: str) -> None:
    if not any(part in text for part in _KNOWN_VTK):
        add("VTK", text)


_HARMLESS = ("propagateSizeHints", "This plugin does not support", "QFont", "fontconfig")


def _qt_message(kind: QtCore.QtMsgType, _context, message: str) -> None:
    if any(part in message for part in _HARMLESS):
        return
    if kind in (QtCore.QtMsgType.QtCriticalMsg, QtCore.QtMsgType.QtFatalMsg):
        add("Qt", message)
    elif kind is QtCore.QtMsgType.QtWarningMsg:
        print(f"Qt: {message}", file=sys.stderr)
