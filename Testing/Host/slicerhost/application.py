"""`slicer.app`: the one QApplication, dressed as Slicer's application for the present host."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal


class qSlicerApplication(QtWidgets.QApplication):
    """The application object; `_begin` and `_end` bracket one host."""

    startupCompleted = Signal()
    mrmlSceneChanged = Signal(object)
    _signals = {  # noqa: RUF012 - a constant of the class
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"
    }

    def _begin(self, core, layout_manager, module_manager, io_manager, window) -> None:
        self._core, self._layouts, self._window = core, layout_manager, window
        self._modules, self._io = module_manager, io_manager
        self._testing = False
        self._temporary = tempfile.TemporaryDirectory(prefix="slicerhost")
        self._restart_asked = False

    def _end(self) -> None:
        self._core = self._layouts = self._modules = self._io = self._window = None
        self._temporary.cleanup()

    majorVersion = Property(int, lambda self: 5)
    minorVersion = Property(int, lambda self: 12)
    revision = Property(str, lambda self: "host")
    slicerHome = Property(str, lambda self: self._temporary.name)
    temporaryPath = Property(str, lambda self: self._temporary.name)
    slicerUserSettingsFilePath = Property(
        str, lambda self: os.path.join(self._temporary.name, "Slicer.ini")
    )

    def mrmlScene(self):
        return self._core.scene

    def applicationLogic(self):
        return self._core.application_logic

    def layoutManager(self):
        return self._layouts

    def moduleManager(self):
        return self._modules

    def ioManager(self):
        return self._io

    def coreIOManager(self):
        return self._io

    def mainWindow(self):
        return self._window

    def testingEnabled(self) -> bool:
        return self._testing

    def userSettings(self):
        import qt

        return qt.QSettings()

    def settings(self):
        import qt

        return qt.QSettings()

    def translate(self, _context, text, *_rest) -> str:
        return text

    def moduleDocumentationUrl(self, name, /) -> str:
        return f"https://slicer.readthedocs.io/en/latest/user_guide/modules/{name.lower()}.html"

    def pauseRender(self) -> None:
        self._layouts.pauseRender()

    def resumeRender(self) -> None:
        self._layouts.resumeRender()

    def openNodeModule(self, node, _role="", _context="", /) -> None:
        """Switch to the module that edits the node."""
        editors = {
            "vtkMRMLSegmentationNode": "SegmentEditor",
            "vtkMRMLVolumeNode": "Volumes",
            "vtkMRMLTableNode": "Tables",
            "vtkMRMLPlotChartNode": "Plots",
        }
        for class_name, module in editors.items():
            if node.IsA(class_name):
                self._modules._select(module, node)
                return
        raise ValueError(f"The test host knows no module that edits {node.GetClassName()}.")

    def restart(self) -> None:
        self._restart_asked = True

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()


def _make_singletons_immortal() -> None:
    """Give True, False and None the references that PySide6 6.12 takes away before Python 3.12.

    `Signal.emit` and `disconnect` return True without owning it, other calls None; in the end
    Python would abort. Python 3.12 and later never count references to them.
    """
    if sys.version_info < (3, 12):
        for value in (True, False, None):
            ctypes.c_ssize_t.from_address(id(value)).value += 1 << 40


def get() -> qSlicerApplication:
    """The process's application, made at the first call, offscreen."""
    existing = QtWidgets.QApplication.instance()
    if isinstance(existing, qSlicerApplication):
        return existing
    if existing is not None:
        raise RuntimeError(f"There is already a {type(existing).__name__} in this process.")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.*=false")
    _make_singletons_immortal()
    app = qSlicerApplication(sys.argv[:1])
    app.setStyle("Fusion")
    app.setApplicationName("Test host (not 3D Slicer)")
    app.setApplicationVersion("5.12.0-host")
    return app
