"""A panel of its own beside the main one: its choices live in a parameter node of its own."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

MAIN = "CTDoseSeg"


def folder_link(folder: str | Path, text: str) -> str:
    """Return a link that opens a folder, as rich text for a label."""
    address = qt.QUrl.fromLocalFile(str(Path(folder).absolute())).toString()
    return f'<a href="{escape(address)}">{escape(text)}</a>'


class ToolWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Loads ``UI/<module>.ui`` and keeps it and the parameter node alike.

    Attributes
    ----------
    logicClass
        Of each module's own: makes the logic, which gives the typed parameter node.
    """

    logicClass: type[ScriptedLoadableModuleLogic]

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: Any = None
        self._parameterNode: Any = None
        self._guiTag: Any = None
        self._wasShown = False

    def onParameters(self, *_args: Any) -> None:
        """Show what follows from the choices; of each module's own."""

    def onSceneClosing(self) -> None:
        """Let go of what belongs to the scene; of each module's own."""

    def setup(self) -> None:
        """Build the panel; called once when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = self.logicClass()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self._onSceneChanged)

    def cleanup(self) -> None:
        """Let go of everything; before the module is unloaded or made anew."""
        self._follow(None)
        self.removeObservers()

    def enter(self) -> None:
        """The module was opened."""
        self._follow(self.logic.getParameterNode())

    def exit(self) -> None:
        """Another module was opened: what runs goes on."""
        self._follow(None)

    @property
    def parameters(self) -> Any:
        """The choices, also while another module is open."""
        return self._parameterNode or self.logic.getParameterNode()

    def _onStartClose(self, *_args: Any) -> None:
        self._wasShown = self._parameterNode is not None
        self._follow(None)
        self.onSceneClosing()

    def _onSceneChanged(self, *_args: Any) -> None:
        if self._wasShown or self._parameterNode is not None:
            self._wasShown = False
            self._follow(self.logic.getParameterNode())

    def _follow(self, node: Any) -> None:
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(
                self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameters
            )
        self._parameterNode = node
        if node is not None:
            self._guiTag = node.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParameters)
            self.onParameters()
