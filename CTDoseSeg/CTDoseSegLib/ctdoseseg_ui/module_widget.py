"""What the panels of all modules share: their .ui file, and a parameter node that they follow."""

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


class ModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
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

    # Of each module's own ----------------------------------------------------------------

    def setupPanel(self) -> None:
        """Connect the widgets of the panel."""

    def onParameters(self, *_args: Any) -> None:
        """Show what follows from the choices."""

    def onSceneClosing(self) -> None:
        """Let go of what belongs to the scene."""

    # Life --------------------------------------------------------------------------------

    def setup(self) -> None:
        """Build the panel; called once when the module is first opened, and after a reload."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = self.logicClass()
        self.setupPanel()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        # Slicer enters no module that it has reloaded.
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Let go of everything; before the module is unloaded or made anew."""
        self._follow(None)
        self.removeObservers()

    def enter(self) -> None:
        """The module was opened."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Another module was opened: what runs goes on."""
        self._follow(None)

    # Parameter node ----------------------------------------------------------------------

    @property
    def parameters(self) -> Any:
        """The choices, also while another module is open."""
        return self._parameterNode or self.logic.getParameterNode()

    def initializeParameterNode(self) -> None:
        """Follow the parameter node of the scene."""
        self._follow(self.logic.getParameterNode())

    def onSceneChanged(self, *_args: Any) -> None:
        """The scene was closed, or another one was read into it."""
        if self._wasShown or self._parameterNode is not None:
            self._wasShown = False
            self.initializeParameterNode()

    def _onStartClose(self, *_args: Any) -> None:
        self.onSceneClosing()
        self._wasShown = self._parameterNode is not None
        self._follow(None)

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
