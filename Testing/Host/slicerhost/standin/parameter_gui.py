"""Which widget shows which type of parameter; the pairs are Slicer's."""

from __future__ import annotations

import enum
import pathlib
from dataclasses import dataclass

import ctk
import qt
import slicer

from slicerhost.standin.parameter_types import Choice, Maximum, Minimum, WithinRange


@dataclass
class Decimals:
    """Decimals of a spin box or slider."""

    value: int


@dataclass
class SingleStep:
    """Step of a spin box or slider."""

    value: float


class Connector:
    """Reads and writes one widget, and says when the user has changed it."""

    def __init__(self, widget, signal: str, read, write) -> None:
        self.read, self.write = read, write
        self._signal = getattr(widget, signal) if signal else None
        self._slot = None

    def start(self, changed) -> None:
        if self._signal is not None:
            self._slot = lambda *_: changed()
            self._signal.connect(self._slot)

    def stop(self) -> None:
        if self._slot is not None:
            self._signal.disconnect(self._slot)
            self._slot = None


def connector(widget, parameter) -> Connector:
    """Connector of a widget for a parameter.

    Raises
    ------
    RuntimeError
        Slicer connects no such widget to such a parameter.
    """
    kind, cls = parameter.kind, type(widget)
    if kind is bool and cls in (qt.QCheckBox, ctk.ctkCheckBox, qt.QPushButton):
        return _switch(widget)
    if kind is int and cls in (qt.QSlider, qt.QSpinBox):
        return _whole_number(widget, parameter)
    if kind in (int, float) and cls in (
        qt.QDoubleSpinBox,
        ctk.ctkDoubleSpinBox,
        ctk.ctkSliderWidget,
    ):
        return _number(widget, parameter)
    if cls in (qt.QComboBox, ctk.ctkComboBox):
        return _choice(widget, parameter)
    if kind is str and cls in (qt.QLineEdit, qt.QLabel, qt.QTextEdit):
        return _text(widget)
    if issubclass(kind, pathlib.PurePath) and cls in (ctk.ctkPathLineEdit, ctk.ctkDirectoryButton):
        return _path(widget, kind)
    if issubclass(kind, slicer.vtkMRMLNode) and cls is slicer.qMRMLNodeComboBox:
        widget.setNodeTypes([kind.__name__])
        return Connector(widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode)
    raise RuntimeError(
        f"A parameter of type {parameter.annotation} ({parameter.name}) cannot be connected to a "
        f"{cls.__name__} ({widget.objectName()})."
    )


def _limit(parameter, kind):
    return next((entry for entry in parameter.extras if isinstance(entry, kind)), None)


def _switch(widget) -> Connector:
    if type(widget) is qt.QPushButton:
        widget.setCheckable(True)
    signal = "toggled" if type(widget) is qt.QPushButton else "stateChanged"
    return Connector(widget, signal, widget.isChecked, widget.setChecked)


def _bounds(parameter):
    within = _limit(parameter, WithinRange)
    if within is not None:
        return within.minimum, within.maximum
    low, high = _limit(parameter, Minimum), _limit(parameter, Maximum)
    return (low and low.minimum), (high and high.maximum)


def _whole_number(widget, parameter) -> Connector:
    low, high = _bounds(parameter)
    widget.setMinimum(-(2**31) if low is None else low)
    widget.setMaximum(2**31 - 1 if high is None else high)
    _apply_step(widget, parameter)
    return Connector(widget, "valueChanged", lambda: widget.value(), widget.setValue)


def _apply_step(widget, parameter) -> None:
    step = _limit(parameter, SingleStep)
    if step is not None:
        widget.setSingleStep(step.value)


def _number(widget, parameter) -> Connector:
    low, high = _bounds(parameter)
    slider = type(widget) is ctk.ctkSliderWidget
    if slider and (low is None or high is None):
        raise RuntimeError(
            f"{parameter.name} has no bounds; a ctkSliderWidget needs them (WithinRange)."
        )
    decimals = _limit(parameter, Decimals)
    if parameter.kind is int:
        widget.setDecimals(0)
    elif decimals is not None:
        widget.setDecimals(decimals.value)
    _apply_step(widget, parameter)
    widget.setRange(
        float("-inf") if low is None else float(low), float("inf") if high is None else float(high)
    )
    value = (lambda: widget.value) if slider else (lambda: widget.value())
    return Connector(
        widget, "valueChanged", lambda: parameter.kind(value()), lambda v: widget.setValue(float(v))
    )


def _choice(widget, parameter) -> Connector:
    if issubclass(parameter.kind, enum.Enum):
        label = getattr(parameter.kind, "label", lambda entry: entry.name)
        values = list(parameter.kind)
        texts = [label(entry) for entry in values]
    else:
        limit = _limit(parameter, Choice)
        if limit is None:
            raise RuntimeError(f"{parameter.name} needs the annotation Choice for a combo box.")
        values = list(limit.choices)
        texts = [str(entry) for entry in values]
    widget.clear()
    for text in texts:
        widget.addItem(text)
    return Connector(
        widget,
        "currentIndexChanged",
        lambda: values[widget.currentIndex()],
        lambda value: widget.setCurrentIndex(values.index(value)),
    )


def _text(widget) -> Connector:
    if type(widget) is qt.QTextEdit:
        return Connector(widget, "textChanged", widget.toPlainText, widget.setPlainText)
    signal = "textChanged" if type(widget) is qt.QLineEdit else ""

    def write(text: str) -> None:
        if text != widget.text():
            widget.setText(text)

    return Connector(widget, signal, lambda: widget.text(), write)


def _path(widget, kind) -> Connector:
    if type(widget) is ctk.ctkPathLineEdit:
        return Connector(
            widget,
            "currentPathChanged",
            lambda: kind(widget.currentPath),
            lambda path: widget.setCurrentPath(str(path)),
        )
    return Connector(
        widget,
        "directoryChanged",
        lambda: kind(widget.directory),
        lambda path: widget.setDirectory(str(path)),
    )
