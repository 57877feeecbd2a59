"""Widgets that Slicer's own Python compares types with; they have a name here and nothing else."""

from __future__ import annotations

from PySide6 import QtWidgets


def _make(name: str) -> type:
    def refuse(self, *_arguments) -> None:
        raise NotImplementedError(f"The test host has no {name}: add it if the module needs it.")

    return type(name, (QtWidgets.QWidget,), {"__init__": refuse, "__module__": __name__})


ctkCheckablePushButton = _make("ctkCheckablePushButton")
ctkDoubleRangeSlider = _make("ctkDoubleRangeSlider")
ctkDoubleSlider = _make("ctkDoubleSlider")
ctkRangeWidget = _make("ctkRangeWidget")
qMRMLRangeWidget = _make("qMRMLRangeWidget")
qMRMLSliderWidget = _make("qMRMLSliderWidget")
qMRMLSpinBox = _make("qMRMLSpinBox")
