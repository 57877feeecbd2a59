"""The window: module panel at the left, views at the right, a status bar that says what this is."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

LABEL = "Test host (not 3D Slicer)"


class qSlicerModuleSelectorToolBar(QtCore.QObject):
    """The list of modules, without the list: what it is asked to select is opened."""

    def __init__(self, window: QtWidgets.QMainWindow, manager) -> None:
        super().__init__(window)
        self._manager = manager

    selectedModule = QtCore.Property(str, lambda self: self._manager._current)

    def selectModule(self, name, /) -> None:
        self._manager._select(name)


class qSlicerMainWindow(QtWidgets.QMainWindow):
    """One window with everything in it."""

    def __init__(self, manager) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._selector = qSlicerModuleSelectorToolBar(self, manager)
        self.setWindowTitle(LABEL)
        self._title = QtWidgets.QLabel()
        self._title.setObjectName("ModuleTitle")
        self._title.setStyleSheet("font-weight: bold; padding: 4px;")
        self._scroll = QtWidgets.QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        panel = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._title)
        column.addWidget(self._scroll, 1)
        self._viewport = QtWidgets.QWidget()
        self._viewport.setObjectName("CentralWidgetLayoutFrame")
        self._splitter = QtWidgets.QSplitter(QtCore.Qt.Orientation.Horizontal)
        self._splitter.addWidget(panel)
        self._splitter.addWidget(self._viewport)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([500, 1100])
        self.setCentralWidget(self._splitter)
        label = QtWidgets.QLabel(LABEL)
        label.setStyleSheet("font-weight: bold; padding: 0 8px;")
        self.statusBar().addPermanentWidget(label)

    def moduleSelector(self):
        return self._selector

    def show_module(self, title: str, panel: QtWidgets.QWidget | None) -> None:
        """Put a module's panel into place; None for a module that has none here."""
        old = self._scroll.takeWidget()
        if old is not None:
            old.setParent(None)
        self._title.setText(title)
        if panel is not None:
            self._scroll.setWidget(panel)
            panel.show()

    def drop_panel(self) -> None:
        """Give the panel back without deleting it."""
        self.show_module("", None)


def apply_theme(app: QtWidgets.QApplication, theme: str) -> None:
    """Colours as Slicer's light or dark style has them."""
    if theme not in ("light", "dark"):
        raise ValueError(f"The theme is 'light' or 'dark', not {theme!r}.")
    role = QtGui.QPalette.ColorRole
    light = {
        role.Window: "#f0f0f0",
        role.WindowText: "#000000",
        role.Base: "#ffffff",
        role.AlternateBase: "#f5f5f5",
        role.ToolTipBase: "#ffffdc",
        role.ToolTipText: "#000000",
        role.Text: "#000000",
        role.Button: "#f0f0f0",
        role.ButtonText: "#000000",
        role.Highlight: "#308cc6",
        role.HighlightedText: "#ffffff",
        role.Link: "#0057ae",
        role.PlaceholderText: "#808080",
        role.Light: "#ffffff",
        role.Midlight: "#dfe3e8",
        role.Mid: "#b8b8b8",
        role.Dark: "#9f9f9f",
        role.Shadow: "#767676",
    }
    dark = {
        role.Window: "#353535",
        role.WindowText: "#ffffff",
        role.Base: "#232323",
        role.AlternateBase: "#2f2f2f",
        role.ToolTipBase: "#353535",
        role.ToolTipText: "#ffffff",
        role.Text: "#ffffff",
        role.Button: "#404040",
        role.ButtonText: "#ffffff",
        role.Highlight: "#2a82da",
        role.HighlightedText: "#ffffff",
        role.Link: "#6ab0f3",
        role.PlaceholderText: "#8c8c8c",
        role.Light: "#5a5a5a",
        role.Midlight: "#484848",
        role.Mid: "#2a2a2a",
        role.Dark: "#202020",
        role.Shadow: "#141414",
    }
    palette = QtGui.QPalette()
    for key, color in (dark if theme == "dark" else light).items():
        palette.setColor(key, QtGui.QColor(color))
    faded = QtGui.QColor("#808080")
    for key in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QtGui.QPalette.ColorGroup.Disabled, key, faded)
    app.setPalette(palette)
