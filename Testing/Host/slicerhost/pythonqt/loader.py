"""QUiLoader for Designer files with ctk and qMRML widgets."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from functools import cache

from PySide6 import QtCore, QtUiTools, QtWidgets

from slicerhost.pythonqt.properties import property_types

_MRML = re.compile(r"vtkMRML|mrmlScene")
# Read by Designer and the loader, no property of any widget.
_FORM_ONLY = {"title", "buddy"}


@cache
def custom_widgets() -> dict[str, type]:
    """Widgets of ctk and Slicer by the name they have in Designer files."""
    from slicerhost import ctk_boxes, ctk_widgets
    from slicerhost.mrml import widgets

    found = {}
    for source in (ctk_widgets, ctk_boxes, *widgets.sources()):
        for name, value in vars(source).items():
            known = isinstance(value, type) and issubclass(value, QtWidgets.QWidget)
            if known and name.startswith(("ctk", "qMRML", "qSlicer")):
                found[name] = value
    return found


class QUiLoader(QtUiTools.QUiLoader):
    """Loads a .ui file; a class, property or signal that it does not know raises with its name."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        for widget in custom_widgets().values():
            self.registerCustomWidget(widget)

    def load(self, device, parent=None):
        root = ElementTree.fromstring(bytes(device.readAll().data()))
        connections = self._take_connections(root)
        self._check_classes(root)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        form = super().load(buffer, parent)
        if form is None:
            raise RuntimeError(f"The .ui file cannot be loaded: {self.errorString()}")
        self._check_properties(root, form)
        _keep_python_side(form)
        for entry in connections:
            _connect(form, *entry)
        return form

    @staticmethod
    def _take_connections(root) -> list[tuple[str, str, str, str]]:
        taken = []
        for section in root.findall("connections"):
            for entry in section.findall("connection"):
                names = ("sender", "signal", "receiver", "slot")
                values = tuple(entry.findtext(name) for name in names)
                taken.append(values)
                section.remove(entry)
        return taken

    def _check_classes(self, root) -> None:
        available = set(self.availableWidgets())
        for widget in root.iter("widget"):
            name = widget.get("class")
            if name not in available and not hasattr(QtWidgets, name):
                raise AttributeError(
                    f"The .ui file has a {name} ({widget.get('name')}), which the test host does "
                    "not know. If Slicer has it, add it to Testing/Host."
                )

    def _check_properties(self, root, form) -> None:
        for element in root.iter("widget"):
            name, kind = element.get("name"), element.get("class")
            widget = form if form.objectName() == name else form.findChild(QtWidgets.QWidget, name)
            if kind in custom_widgets() and type(widget) is not custom_widgets()[kind]:
                raise RuntimeError(f"{name} was made as {type(widget).__name__}, not as {kind}.")
            for entry in element.findall("property"):
                known = entry.get("name") in property_types(type(widget))
                if not known and entry.get("stdset") != "0" and entry.get("name") not in _FORM_ONLY:
                    raise AttributeError(
                        f"The .ui file sets {kind}.{entry.get('name')} ({name}), a property that "
                        "it does not have."
                    )


def _keep_python_side(form: QtWidgets.QWidget) -> None:
    """Python wrappers of custom widgets live as long as their C++ side does."""
    form.__dict__["_python_side"] = [
        widget
        for widget in form.findChildren(QtWidgets.QWidget)
        if type(widget) in custom_widgets().values()
    ]


def _connect(form, sender: str, signal: str, receiver: str, slot: str) -> None:
    ends = []
    for name in (sender, receiver):
        found = form if form.objectName() == name else form.findChild(QtCore.QObject, name)
        if found is None:
            raise RuntimeError(f"The .ui file connects {name}, which is not in it.")
        ends.append(found)
    source, target = ends
    if not _MRML.search(signal):
        method = slot.partition("(")[0]
        ok = target.metaObject().indexOfMethod(QtCore.QMetaObject.normalizedSignature(slot).data())
        if ok < 0:
            raise RuntimeError(f"The .ui file connects to {receiver}.{slot}, which is not there.")
        from slicerhost.pythonqt import connections

        connections.connect(source, signal, getattr(target, method))
        return
    declared = getattr(type(source), "_signals", {}).get(signal)
    method = slot.partition("(")[0]
    if declared is None or not hasattr(target, method):
        raise RuntimeError(f"The .ui file connects {sender}.{signal} to {receiver}.{slot}.")
    getattr(source, declared.partition("(")[0]).connect(getattr(target, method))
