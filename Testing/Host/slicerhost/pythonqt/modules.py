"""The modules `qt` and `ctk` as Slicer's Python offers them."""

from __future__ import annotations

import sys
import types

from PySide6 import QtCore, QtGui, QtNetwork, QtPrintSupport, QtTest, QtUiTools, QtWidgets

from slicerhost.pythonqt import dialogs, loader

_SOURCES = (QtCore, QtGui, QtWidgets, QtUiTools, QtNetwork, QtTest, QtPrintSupport)
_GONE = {
    "QRegExp": "it is gone in Qt 6; use Python's re or qt.QRegularExpression",
    "QRegExpValidator": "it is gone in Qt 6; use qt.QRegularExpressionValidator",
    "QDesktopWidget": "it is gone in Qt 6; use qt.QScreen",
    "Signal": "PythonQt has no signals made in Python; use VTK events or plain callables",
    "Slot": "PythonQt has no slots made in Python; any callable will do",
    "Property": "PythonQt has no properties made in Python",
}


class _Namespace(types.ModuleType):
    """A module that says what it lacks and why."""

    def __init__(self, name: str, own: dict, sources: tuple) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        self.__dict__["_sources"] = sources

    def __getattr__(self, name: str):
        if name in _GONE:
            raise AttributeError(f"{self.__name__}.{name} is not there: {_GONE[name]}.")
        if not name.startswith("_"):
            for source in self._sources:
                value = getattr(source, name, None)
                if value is not None and not isinstance(value, types.ModuleType):
                    return value
        raise AttributeError(
            f"The test host has no {self.__name__}.{name}. If Slicer has it and the module needs "
            "it, add it to Testing/Host."
        )


class QSettings(QtCore.QSettings):
    """Settings of the host's user: an INI file of this run."""

    path = ""

    def __init__(self, *_arguments) -> None:
        super().__init__(QSettings.path, QtCore.QSettings.Format.IniFormat)


def make_qt() -> types.ModuleType:
    """The module `qt`."""
    own = {
        "QFileDialog": dialogs.QFileDialog,
        "QMessageBox": dialogs.QMessageBox,
        "QUiLoader": loader.QUiLoader,
        "QSettings": QSettings,
        "QDesktopServices": OpenedUrls,
    }
    return _Namespace("qt", own, _SOURCES)


class OpenedUrls:
    """QDesktopServices that opens nothing and remembers what it was asked to open."""

    opened: list[str] = []  # noqa: RUF012 - cleared by the host

    @staticmethod
    def openUrl(url) -> bool:
        OpenedUrls.opened.append(url.toString())
        return True


def make_ctk() -> types.ModuleType:
    """The module `ctk`."""
    from slicerhost import ctk_boxes, ctk_widgets, named_only

    own = {
        name: value
        for source in (ctk_widgets, ctk_boxes, named_only)
        for name, value in vars(source).items()
        if name.startswith("ctk")
    }
    return _Namespace("ctk", own, ())


def install() -> None:
    """Put both modules where `import qt` and `import ctk` find them."""
    sys.modules.setdefault("qt", make_qt())
    sys.modules.setdefault("ctk", make_ctk())
