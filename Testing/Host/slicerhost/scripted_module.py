"""Slicer's side of a scripted module: what holds the module, and what holds its panel."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property

from slicerhost.mrml.node_combo_box import qMRMLWidget


def execute_source(name: str, path: Path):
    """Load a scripted module's file under its name, with its folder on sys.path."""
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class qSlicerScriptedLoadableModule(QtCore.QObject):
    """What `slicer.modules.<name>` is, and `parent` of the module class."""

    def __init__(self, name: str, path: Path, core) -> None:
        super().__init__()
        self.setObjectName(name)
        self._path, self._core = str(path), core
        self._title, self._help, self._thanks, self._icon = name, "", "", QtGui.QIcon()
        self._categories: list[str] = []
        self._dependencies: list[str] = []
        self._contributors: list[str] = []
        self._hidden = False
        self._index = -1
        self._widget: qSlicerScriptedLoadableModuleWidget | None = None
        self._instance = None

    def _plain(kind, name):
        return Property(
            kind, lambda self: getattr(self, name), lambda self, v: setattr(self, name, v)
        )

    title = _plain(str, "_title")
    helpText = _plain(str, "_help")
    acknowledgementText = _plain(str, "_thanks")
    icon = _plain(QtGui.QIcon, "_icon")
    categories = _plain("QStringList", "_categories")
    dependencies = _plain("QStringList", "_dependencies")
    contributors = _plain("QStringList", "_contributors")
    hidden = _plain(bool, "_hidden")
    index = _plain(int, "_index")
    path = Property(str, lambda self: self._path)

    def _load(self, source) -> None:
        import slicer

        name = self.objectName()
        self._instance = getattr(source, name)(self)
        setattr(slicer.modules, f"{name}Instance", self._instance)

    def widgetRepresentation(self):
        if self._widget is None:
            self._widget = qSlicerScriptedLoadableModuleWidget(self)
            self._widget.setMRMLScene(self._core.scene)
            self._widget._create()
        return self._widget

    def createNewWidgetRepresentation(self):
        widget = qSlicerScriptedLoadableModuleWidget(self)
        widget.setMRMLScene(self._core.scene)
        widget._create()
        return widget

    def logic(self):
        """A scripted module has no logic in C++."""
        return None


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The panel: holds the module's widget object and calls its enter and exit."""

    def __init__(self, module: qSlicerScriptedLoadableModule) -> None:
        super().__init__()
        self._module = module
        self._python = None
        self._entered = False
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)

    def _create(self) -> None:
        import slicer

        name = self._module.objectName()
        class_name = f"{name}Widget"
        self.setObjectName(f"{name}ModuleWidget")
        self._python = getattr(sys.modules[name], class_name)(self)
        setattr(slicer.modules, class_name, self._python)
        self._python.setup()

    def self(self):
        return self._python

    def reload(self) -> None:
        """Make the widget object anew; `enter` is not called, as in Slicer."""
        self._create()

    def enter(self) -> None:
        if not self._entered:
            self._entered = True
            self._call("enter")

    def exit(self) -> None:
        if self._entered:
            self._entered = False
            self._call("exit")

    def _call(self, name: str) -> None:
        method = getattr(self._python, name, None)
        if method is not None:
            method()


def launcher_path() -> str:
    """The stand-in for PythonSlicer: starts the real Python and passes no signals on."""
    return os.fspath(Path(__file__).resolve().parents[1] / "launcher")
