"""`slicer.parameterNodeWrapper`: typed attributes kept in a vtkMRMLScriptedModuleNode."""

from __future__ import annotations

import typing

import slicer
import vtk
from PySide6 import QtWidgets

from slicerhost.standin import parameter_gui
from slicerhost.standin.parameter_gui import Decimals, SingleStep
from slicerhost.standin.parameter_types import (
    Choice,
    Default,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    Validator,
    WithinRange,
    make_parameter,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "findChildWidgetForParameter",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]
SlicerParameterNamePropertyName = "SlicerParameterName"
_RESERVED = (
    "allParameters",
    "default",
    "isCached",
    "dataType",
    "getValue",
    "setValue",
    "connectGui",
    "connectParametersToGui",
    "disconnectGui",
    "StartModify",
    "EndModify",
    "AddObserver",
    "RemoveObserver",
    "Modified",
)


class _Wrapper:
    """The methods that the decorator adds to a class of parameters."""

    def __init__(self, parameterNode) -> None:
        if parameterNode is None:
            raise ValueError("A parameter node is needed.")
        self.parameterNode = parameterNode
        self._guis = {}
        self._updating = False
        for parameter in self.allParameters.values():
            if not parameter.is_in(parameterNode):
                parameter.write(parameterNode, parameter.default())

    def _parameter(self, name):
        if name not in self.allParameters:
            known = ", ".join(self.allParameters)
            raise ValueError(f"There is no parameter {name!r}; there are: {known}.")
        return self.allParameters[name]

    def default(self, paramName):
        return Default(self._parameter(paramName).default())

    def dataType(self, membername):
        return self._parameter(membername).annotation

    def getValue(self, name):
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name, value):
        self._parameter(name).write(self.parameterNode, value)

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified):
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        self.parameterNode.Modified()

    def connectGui(self, gui):
        if hasattr(gui, "isWidgetType"):
            widgets = gui.findChildren(QtWidgets.QWidget)
        else:
            widgets = vars(gui).values()
        mapping = {}
        for widget in widgets:
            name = widget.property(SlicerParameterNamePropertyName)
            if name:
                mapping[name] = widget
        return self.connectParametersToGui(mapping)

    def connectParametersToGui(self, mapping):
        connectors = {
            name: parameter_gui.connector(widget, self._parameter(name))
            for name, widget in mapping.items()
        }
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.start(self._reader(name, connector))
        tag = len(self._guis) and max(self._guis) + 1
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())
        self._guis[tag] = (connectors, observer)
        return tag

    def _reader(self, name, connector):
        def changed():
            if not self._updating:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return changed

    def _show(self):
        if self._updating:
            return
        self._updating = True
        try:
            with slicer.util.NodeModify(self):
                for connectors, _observer in list(self._guis.values()):
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updating = False

    def disconnectGui(self, guiTag):
        if guiTag in self._guis:
            connectors, observer = self._guis.pop(guiTag)
            for connector in connectors.values():
                connector.stop()
            self.RemoveObserver(observer)


def _attribute(name):
    return property(
        lambda self: self.getValue(name), lambda self, value: self.setValue(name, value)
    )


def parameterNodeWrapper(classtype=None):
    """Turn a class of annotated names into a typed view of a parameter node."""
    if classtype is None:
        return parameterNodeWrapper
    parameters = {}
    for name, annotation in typing.get_type_hints(classtype, include_extras=True).items():
        if name in _RESERVED or name.startswith("_"):
            raise ValueError(f"The name {name!r} is reserved in a parameterNodeWrapper.")
        parameters[name] = make_parameter(classtype, name, annotation)
    for name in _RESERVED:
        if name != "allParameters" and name in vars(classtype):
            raise ValueError(f"The name {name!r} is reserved in a parameterNodeWrapper.")
    for name, entry in vars(_Wrapper).items():
        if name == "__init__" or not name.startswith("__"):
            setattr(classtype, name, entry)
    for name in parameters:
        setattr(classtype, name, _attribute(name))
    classtype.allParameters = parameters
    classtype._is_parameter_node_wrapper = True
    return classtype


def isParameterNodeWrapper(classOrObj):
    """True for what the decorator has made."""
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)


def findChildWidgetForParameter(widget, parameter):
    """The child widget that carries the parameter's name."""
    for child in widget.findChildren(QtWidgets.QWidget):
        if child.property(SlicerParameterNamePropertyName) == parameter:
            return child
    return None
