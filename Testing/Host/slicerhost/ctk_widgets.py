"""The widgets of ctk that a scripted module's panel is made of."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from slicerhost.pythonqt import dialogs

_EXPLICIT = QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide
# Of a child of a section: if it is watched, and if it is to be seen where its section is unfolded.
_WATCHED, _WANTED = "slicerhost_watched", "visibilityToParent"


class ctkCollapsibleButton(QtWidgets.QWidget):
    """A titled section of the panel that folds away; what was hidden in it stays hidden."""

    contentsCollapsed = Signal(bool)
    clicked = Signal(bool)
    toggled = Signal(bool)

    def __init__(self, *arguments) -> None:
        text = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        super().__init__(*(entry for entry in arguments if not isinstance(entry, str)))
        self._collapsed = self._folding = False
        self._title = QtWidgets.QToolButton(self)
        self._title.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._title.setAutoRaise(True)
        self._title.setText(text)
        self._title.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed
        )
        self._title.clicked.connect(self._on_title)
        self._arrange()

    def _get_text(self) -> str:
        return self._title.text()

    def _set_text(self, text: str) -> None:
        self._title.setText(text)

    def _get_collapsed(self) -> bool:
        return self._collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self._arrange()
        self.contentsCollapsed.emit(collapsed)
        self.toggled.emit(not collapsed)

    text = Property(str, _get_text, _set_text)
    collapsed = Property(bool, _get_collapsed, _set_collapsed)
    checked = Property(
        bool, lambda self: not self._collapsed, lambda self, on: self._set_collapsed(not on)
    )
    flat = Property(bool, lambda self: True, lambda self, on: None)
    contentsFrameShape = Property(int, lambda self: 0, lambda self, shape: None)
    collapsedHeight = Property(int, lambda self: 0, lambda self, height: None)

    def setText(self, text, /) -> None:
        self._set_text(text)

    def setCollapsed(self, collapsed, /) -> None:
        self._set_collapsed(collapsed)

    def setChecked(self, checked, /) -> None:
        self._set_collapsed(not checked)

    def collapse(self) -> None:
        self._set_collapsed(True)

    def toggle(self) -> None:
        self._set_collapsed(not self._collapsed)

    def _on_title(self) -> None:
        self.toggle()
        self.clicked.emit(not self._collapsed)

    def _arrange(self) -> None:
        arrow = QtCore.Qt.ArrowType.RightArrow if self._collapsed else QtCore.Qt.ArrowType.DownArrow
        self._title.setArrowType(arrow)
        self.setContentsMargins(0, self._title.sizeHint().height() + 2, 0, 0)
        for child in self.findChildren(
            QtWidgets.QWidget, options=QtCore.Qt.FindChildOption.FindDirectChildrenOnly
        ):
            if child is not self._title and not child.isWindow():
                self._watch(child)
                self._fold(child)
        folded = self._title.sizeHint().height() + 2
        self.setMaximumHeight(folded if self._collapsed else 2**24 - 1)  # Qt's own largest
        self.updateGeometry()

    def _watch(self, child: QtWidgets.QWidget) -> None:
        if child.property(_WATCHED):
            return
        child.setProperty(_WATCHED, True)
        if child.isHidden() and child.testAttribute(_EXPLICIT):
            child.setProperty(_WANTED, False)
        child.installEventFilter(self)

    def _fold(self, child: QtWidgets.QWidget) -> None:
        """Show a child in the unfolded section, unless somebody has hidden it."""
        if not self.testAttribute(QtCore.Qt.WidgetAttribute.WA_WState_Created):
            return
        wanted = child.property(_WANTED) is not False
        self._folding = True
        child.setVisible(wanted and not self._collapsed)
        if wanted:  # nobody has asked for it: it may still be hidden
            child.setAttribute(_EXPLICIT, False)
        self._folding = False

    def eventFilter(self, child, event) -> bool:
        shown, hidden = QtCore.QEvent.Type.ShowToParent, QtCore.QEvent.Type.HideToParent
        if event.type() in (shown, hidden) and not self._folding:
            child.setProperty(_WANTED, event.type() == shown)
            if event.type() == shown and self._collapsed:
                self._fold(child)
        return super().eventFilter(child, event)

    def setVisible(self, visible: bool, /) -> None:
        self._folding = True
        super().setVisible(visible)
        self._folding = False

    def event(self, event) -> bool:
        if event.type() == QtCore.QEvent.Type.Resize or event.type() == QtCore.QEvent.Type.Show:
            self._title.setGeometry(0, 0, self.width(), self._title.sizeHint().height())
        # Children arrive after the .ui file has set the property.
        if event.type() in (QtCore.QEvent.Type.Polish, QtCore.QEvent.Type.LayoutRequest):
            self._arrange()
        return super().event(event)

    def sizeHint(self) -> QtCore.QSize:
        title = self._title.sizeHint()
        if self._collapsed or self.layout() is None:
            return QtCore.QSize(title.width() + 40, title.height() + 2)
        return super().sizeHint()

    def paintEvent(self, _event) -> None:
        painter = QtGui.QPainter(self)
        bar = QtCore.QRect(0, 0, self.width(), self._title.sizeHint().height())
        painter.fillRect(bar, self.palette().color(QtGui.QPalette.ColorRole.Midlight))
        painter.end()


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box for numbers with decimals."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._minimum, self._maximum, self._step = 0.0, 99.0, 1.0
        self._tracking, self._page = True, 10.0
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._box = QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)
        self._apply_range()
        self._box.valueChanged.connect(self._on_box)
        self._slider.sliderMoved.connect(self._on_slider)
        self._slider.actionTriggered.connect(
            lambda _: self._on_slider(self._slider.sliderPosition())
        )

    def _apply_range(self) -> None:
        self._box.setRange(self._minimum, self._maximum)
        self._box.setSingleStep(self._step)
        steps = max(round((self._maximum - self._minimum) / self._step), 1)
        self._slider.blockSignals(True)
        self._slider.setRange(0, steps)
        self._slider.setValue(round((self._box.value() - self._minimum) / self._step))
        self._slider.blockSignals(False)

    def _on_slider(self, position: int) -> None:
        self._box.setValue(self._minimum + position * self._step)

    def _on_box(self, value: float) -> None:
        self._slider.blockSignals(True)
        self._slider.setValue(round((value - self._minimum) / self._step))
        self._slider.blockSignals(False)
        self.valueIsChanging.emit(value)
        self.valueChanged.emit(value)

    def _setter(name):
        def change(self, value) -> None:
            setattr(self, name, float(value))
            self._apply_range()

        return change

    value = Property(float, lambda self: self._box.value(), lambda self, v: self._box.setValue(v))
    minimum = Property(float, lambda self: self._minimum, _setter("_minimum"))
    maximum = Property(float, lambda self: self._maximum, _setter("_maximum"))
    singleStep = Property(float, lambda self: self._step, _setter("_step"))
    pageStep = Property(float, lambda self: self._page, _setter("_page"))
    decimals = Property(
        int, lambda self: self._box.decimals(), lambda self, v: self._box.setDecimals(v)
    )
    prefix = Property(str, lambda self: self._box.prefix(), lambda self, v: self._box.setPrefix(v))
    suffix = Property(str, lambda self: self._box.suffix(), lambda self, v: self._box.setSuffix(v))
    tracking = Property(
        bool, lambda self: self._tracking, lambda self, v: setattr(self, "_tracking", v)
    )
    spinBoxVisible = Property(
        bool, lambda self: not self._box.isHidden(), lambda self, v: self._box.setVisible(v)
    )

    def setValue(self, value, /) -> None:
        self._box.setValue(value)

    def setMinimum(self, value, /) -> None:
        self.minimum = value

    def setMaximum(self, value, /) -> None:
        self.maximum = value

    def setRange(self, low, high, /) -> None:
        self._minimum, self._maximum = float(low), float(high)
        self._apply_range()

    def setSingleStep(self, value, /) -> None:
        self.singleStep = value

    def setDecimals(self, value, /) -> None:
        self._box.setDecimals(value)

    def setSuffix(self, text, /) -> None:
        self._box.setSuffix(text)

    def reset(self) -> None:
        self._box.setValue(0.0)


class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path, with a button that asks for it."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Files, Writable, Dirs = 0x2, 0x20, 0x1

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._filters, self._key, self._label = self.Files, "", ""
        self._name_filters: list[str] = []
        self._edit = QtWidgets.QLineEdit(self)
        self._browse = QtWidgets.QToolButton(self)
        self._browse.setText("...")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit, 1)
        layout.addWidget(self._browse)
        self._edit.textChanged.connect(self._on_text)
        self._browse.clicked.connect(self.browse)
        self._valid = False

    def _on_text(self, text: str) -> None:
        self.currentPathChanged.emit(text)
        valid = Path(text).exists()
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)

    currentPath = Property(
        str, lambda self: self._edit.text(), lambda self, v: self._edit.setText(v)
    )
    filters = Property(
        int, lambda self: self._filters, lambda self, v: setattr(self, "_filters", v)
    )
    settingKey = Property(str, lambda self: self._key, lambda self, v: setattr(self, "_key", v))
    label = Property(str, lambda self: self._label, lambda self, v: setattr(self, "_label", v))
    nameFilters = Property(
        "QStringList",
        lambda self: self._name_filters,
        lambda self, v: setattr(self, "_name_filters", list(v)),
    )
    showBrowseButton = Property(
        bool, lambda self: not self._browse.isHidden(), lambda self, v: self._browse.setVisible(v)
    )

    def setCurrentPath(self, path, /) -> None:
        self._edit.setText(path)

    def addCurrentPathToHistory(self) -> None:
        pass

    def browse(self) -> None:
        if self._filters & self.Dirs:
            path = dialogs.QFileDialog.getExistingDirectory(self, "Select a folder")
        else:
            path = dialogs.QFileDialog.getOpenFileName(self, "Select a file")
        if path:
            self._edit.setText(path)
