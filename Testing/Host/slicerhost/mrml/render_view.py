"""A Qt widget that shows what a VTK render window draws offscreen."""

from __future__ import annotations

import numpy as np
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

from slicerhost import problems

_BUTTONS = {
    QtCore.Qt.MouseButton.LeftButton: "LeftButton",
    QtCore.Qt.MouseButton.MiddleButton: "MiddleButton",
    QtCore.Qt.MouseButton.RightButton: "RightButton",
}


class RenderView(QtWidgets.QWidget):
    """Renders when it is painted, and only then; a hidden view costs nothing."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self.setObjectName(f"{type(self).__name__}")
        self.setMinimumSize(40, 40)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Expanding
        )
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._image: QtGui.QImage | None = None
        self._stale = True
        self._paused = 0
        self._n_renders = 0

    def renderWindow(self):
        return self._window

    def interactor(self):
        return self._interactor

    def scheduleRender(self) -> None:
        """Render at the next turn of the event loop."""
        self._stale = True
        self.update()

    def forceRender(self) -> None:
        """Render now."""
        self._render()
        self.update()

    def setRenderPaused(self, paused, /) -> None:
        """Keep the last picture until the pause is over; pauses may be nested."""
        self._paused = max(self._paused + (1 if paused else -1), 0)
        if not self._paused:
            self.scheduleRender()

    def _render(self) -> None:
        width, height = max(self.width(), 2), max(self.height(), 2)
        if tuple(self._window.GetSize()) != (width, height):
            self._window.SetSize(width, height)
            self._interactor.SetSize(width, height)
        self._window.Render()
        self._n_renders += 1
        pixels = vtk.vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
        rows = vtk_to_numpy(pixels).reshape(height, width, 3)[::-1]
        rows = np.ascontiguousarray(rows)
        picture = QtGui.QImage(
            rows.data, width, height, 3 * width, QtGui.QImage.Format.Format_RGB888
        )
        self._image = picture.copy()
        self._stale = False

    def paintEvent(self, _event) -> None:
        if self._stale and not self._paused:
            with problems.collecting(f"rendering of {self.objectName()}"):
                self._render()
        if self._image is not None:
            painter = QtGui.QPainter(self)
            painter.drawImage(self.rect(), self._image)
            painter.end()

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._stale = True
        self._resized()

    def _resized(self) -> None:
        """For views whose nodes know their size."""

    def closeView(self) -> None:
        """Let go of the window's graphics memory."""
        self._window.Finalize()

    def mousePressEvent(self, event) -> None:
        self._mouse(event, "PressEvent")

    def mouseReleaseEvent(self, event) -> None:
        self._mouse(event, "ReleaseEvent")

    def mouseMoveEvent(self, event) -> None:
        self._mouse(event, None)

    def _mouse(self, event, kind: str | None) -> None:
        where = event.position()
        self._interactor.SetEventInformationFlipY(int(where.x()), int(where.y()), 0, 0)
        if kind is None:
            self._interactor.MouseMoveEvent()
        elif event.button() in _BUTTONS:
            getattr(self._interactor, _BUTTONS[event.button()] + kind)()
