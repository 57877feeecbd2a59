"""Buttons, boxes and small helpers of ctk."""

from __future__ import annotations

from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from slicerhost.pythonqt import dialogs


class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and asks for another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, *arguments) -> None:
        super().__init__(*(entry for entry in arguments if not isinstance(entry, str)))
        self._directory, self._caption = "", ""
        self._button = QtWidgets.QPushButton(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._button.clicked.connect(self.browse)

    def _set_directory(self, path: str) -> None:
        if path != self._directory:
            self._directory = path
            self._button.setText(path)
            self.directoryChanged.emit(path)

    directory = Property(str, lambda self: self._directory, _set_directory)
    caption = Property(
        str, lambda self: self._caption, lambda self, v: setattr(self, "_caption", v)
    )

    def setDirectory(self, path, /) -> None:
        self._set_directory(path)

    def browse(self) -> None:
        path = dialogs.QFileDialog.getExistingDirectory(self, self._caption or "Select a folder")
        if path:
            self._set_directory(path)
            self.directorySelected.emit(path)


class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for the case that nothing is chosen."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._default = ""

    defaultText = Property(str, lambda self: self._default, lambda self, v: self._set_default(v))

    def _set_default(self, text: str) -> None:
        self._default = text
        self.setPlaceholderText(text)


class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    """A spin box for numbers with decimals."""


class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box."""


class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text that takes the height it needs."""


class ctkExpandButton(QtWidgets.QToolButton):
    """A small arrow button."""


class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a colour."""

    colorChanged = Signal(QtGui.QColor)

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._color = QtGui.QColor("black")

    def _set_color(self, color: QtGui.QColor) -> None:
        if color != self._color:
            self._color = color
            self.colorChanged.emit(color)

    color = Property(QtGui.QColor, lambda self: self._color, _set_color)


class ctkMessageBox(dialogs.QMessageBox):
    """A message box with "do not show again"."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._key, self._dont_show = "", False

    dontShowAgainSettingsKey = Property(
        str, lambda self: self._key, lambda self, v: setattr(self, "_key", v)
    )
    dontShowAgainVisible = Property(
        bool, lambda self: self._dont_show, lambda self, v: setattr(self, "_dont_show", v)
    )


class ctkWidgetsUtils:
    """Pictures of widgets."""

    @staticmethod
    def grabWidget(widget, /) -> QtGui.QImage:
        return widget.grab().toImage()
