"""The base classes of a scripted module (`slicer.ScriptedLoadableModule`)."""

from __future__ import annotations

import importlib
import logging
import unittest
from pathlib import Path

import qt
import slicer

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
    "ScriptedLoadableModuleWidget",
]


def _resource(path: str, name: str) -> str:
    return str(Path(path).parent / "Resources" / name)


class ScriptedLoadableModule:
    """What Slicer makes of the module when it starts."""

    def __init__(self, parent) -> None:
        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories = []
        parent.dependencies = []
        parent.contributors = []
        parent.helpText = ""
        parent.acknowledgementText = ""
        for ending in (".svg", ".png"):
            icon = self.resourcePath(f"Icons/{self.moduleName}{ending}")
            if Path(icon).is_file():
                parent.icon = qt.QIcon(icon)
                break
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, filename):
        return _resource(self.parent.path, filename)

    def getDefaultModuleDocumentationLink(self, docPage=None):
        url = docPage or slicer.app.moduleDocumentationUrl(self.moduleName)
        return f'<p>For more information, see the <a href="{url}">online documentation</a>.</p>'

    def runTest(self, msec=100, **kwargs):
        source = importlib.import_module(type(self).__module__)
        case = getattr(source, f"{self.moduleName}Test", None)
        if case is None:
            raise AssertionError(f"There is no class {self.moduleName}Test in {source.__name__}.")
        test = case()
        test.messageDelay = msec
        test.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    """The panel of the module."""

    def __init__(self, parent=None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = slicer.util.settingsValue(
            "Developer/DeveloperMode", False, converter=slicer.util.toBool
        )
        self.parent = parent
        if parent is None:
            self.parent = slicer.qMRMLWidget()
            self.parent.setLayout(qt.QVBoxLayout())
            self.parent.setMRMLScene(slicer.mrmlScene)
        self.layout = self.parent.layout()
        if parent is None:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect(
            "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
        )

    def resourcePath(self, filename):
        return _resource(slicer.util.modulePath(self.moduleName), filename)

    def cleanup(self):
        """Called before the module is unloaded or reloaded."""

    def _onModuleAboutToBeUnloaded(self, moduleName):
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect(
                "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
            )

    def setupDeveloperSection(self):
        if not self.developerMode:
            return
        box = qt.QWidget()
        row = qt.QHBoxLayout(box)
        self.reloadButton = qt.QPushButton("Reload")
        self.reloadButton.connect("clicked()", self.onReload)
        self.testButton = qt.QPushButton("Reload and Test")
        self.testButton.connect("clicked()", self.onReloadAndTest)
        row.addWidget(self.reloadButton)
        row.addWidget(self.testButton)
        self.layout.addWidget(box)

    def setup(self):
        self.setupDeveloperSection()

    def onReload(self):
        slicer.util.reloadScriptedModule(self.moduleName)

    def onTest(self, **kwargs):
        with slicer.util.tryWithErrorDisplay("Test failed."):
            slicer.selfTests[self.moduleName](msec=0, **kwargs)

    def onReloadAndTest(self, **kwargs):
        with slicer.util.tryWithErrorDisplay("Reload and Test failed."):
            self.onReload()
            slicer.selfTests[self.moduleName](msec=0, **kwargs)


class ScriptedLoadableModuleLogic:
    """The work of the module, without a panel."""

    def __init__(self, parent=None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def _isOurs(self, node) -> bool:
        return node.GetAttribute("ModuleName") == self.moduleName

    def getParameterNode(self):
        scene = slicer.mrmlScene
        if self.isSingletonParameterNode:
            node = scene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            if node is not None:
                if not self._isOurs(node):  # closing the scene empties a singleton
                    node.SetAttribute("ModuleName", self.moduleName)
                return node
        else:
            found = self.getAllParameterNodes()
            if found:
                return found[0]
        return scene.AddNode(self.createParameterNode())

    def getAllParameterNodes(self):
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if self._isOurs(node)]

    def createParameterNode(self):
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """The self test of the module; without a `runTest` of its own, every name with "test" runs."""

    def __init__(self, *args, **kwargs) -> None:
        self.moduleTestNames = []
        super().__init__(*args, **kwargs)
        self.enableScreenshots = False
        self.screenshotScaleFactor = 1.0
        if not self.moduleTestNames:
            self.moduleTestNames = [
                name for name in dir(self) if "test" in name and callable(getattr(self, name))
            ]

    def delayDisplay(self, message, requestedDelay=None, msec=None):
        delay = getattr(self, "messageDelay", msec if msec is not None else requestedDelay)
        slicer.util.delayDisplay(message, 100 if delay is None else delay)

    def takeScreenshot(self, name, description, type=-1):
        self.delayDisplay(description)

    def setUp(self):
        return

    def tearDown(self):
        return

    def runTest(self):
        if not self.moduleTestNames:
            logging.warning("No test is defined in %s", self.__class__.__name__)
        self.setUpClass()
        for name in self.moduleTestNames:
            self.setUp()
            getattr(self, name)()
            self.tearDown()
        self.tearDownClass()
