"""qMRMLWidget and the selector of nodes."""

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from slicerhost.mrml.observations import Observations


class qMRMLWidget(QtWidgets.QWidget):
    """A widget that knows the scene."""

    mrmlSceneChanged = Signal(object)
    _signals = {  # noqa: RUF012 - a constant of the class
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"
    }

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene, /) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


def _switch(name: str):
    return Property(
        bool, lambda self: getattr(self, name), lambda self, on: self._set_option(name, bool(on))
    )


class qMRMLSortFilterProxyModel(QtCore.QObject):
    """What a selector leaves out; the part of it that is used."""

    def __init__(self, selector) -> None:
        super().__init__(selector)
        self._hidden_ids: list[str] = []

    def _set_hidden(self, identifiers) -> None:
        self._hidden_ids = list(identifiers)
        self.parent()._refill()

    hiddenNodeIDs = Property("QStringList", lambda self: self._hidden_ids, _set_hidden)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Lists the scene's nodes of some classes and lets the user take one."""

    currentNodeChanged = Signal((object,), (bool,))
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    nodeAboutToBeEdited = Signal(object)
    currentNodeRenamed = Signal(str)
    mrmlSceneChanged = Signal(object)
    _signals = {  # noqa: RUF012 - a constant of the class
        f"{name}({kind})": f"{name}(PyObject)"
        for name, kind in (
            ("currentNodeChanged", "vtkMRMLNode*"),
            ("nodeActivated", "vtkMRMLNode*"),
            ("nodeAdded", "vtkMRMLNode*"),
            ("nodeAddedByUser", "vtkMRMLNode*"),
            ("nodeAboutToBeRemoved", "vtkMRMLNode*"),
            ("nodeAboutToBeEdited", "vtkMRMLNode*"),
            ("mrmlSceneChanged", "vtkMRMLScene*"),
        )
    }

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QComboBox(self)
        self._box.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed
        )
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._types: list[str] = []
        self._hidden_types: list[str] = []
        self._attributes: list[tuple[str, str, object]] = []
        self._none = False
        self._add = self._remove = self._select_new = True
        self._edit = self._rename = self._show_hidden = False
        self._show_children = True
        self._filter = qMRMLSortFilterProxyModel(self)
        self._none_text, self._base_name, self._tag = "", "", ""
        self._scene, self._current = None, None
        self._observed = Observations(self)
        self._nodes: list = []
        self._box.activated.connect(self._on_activated)

    noneEnabled = _switch("_none")
    addEnabled = _switch("_add")
    removeEnabled = _switch("_remove")
    editEnabled = _switch("_edit")
    renameEnabled = _switch("_rename")
    showHidden = _switch("_show_hidden")
    showChildNodeTypes = _switch("_show_children")
    selectNodeUponCreation = _switch("_select_new")
    noneDisplay = Property(
        str, lambda self: self._none_text, lambda self, v: self._set_option("_none_text", v)
    )
    baseName = Property(
        str, lambda self: self._base_name, lambda self, v: self._set_option("_base_name", v)
    )
    interactionNodeSingletonTag = Property(
        str, lambda self: self._tag, lambda self, v: self._set_option("_tag", v)
    )
    nodeTypes = Property(
        "QStringList",
        lambda self: self._types,
        lambda self, v: self._set_option("_types", _checked_classes(v)),
    )
    hideChildNodeTypes = Property(
        "QStringList",
        lambda self: self._hidden_types,
        lambda self, v: self._set_option("_hidden_types", _checked_classes(v)),
    )
    currentNodeID = Property(
        str,
        lambda self: self._current.GetID() or "" if self._current else "",
        lambda self, v: self.setCurrentNodeID(v),
        notify=currentNodeIDChanged,
    )

    def _set_option(self, name: str, value) -> None:
        setattr(self, name, value)
        self._refill()

    def setNoneEnabled(self, on, /) -> None:
        self._set_option("_none", on)

    def setNodeTypes(self, types, /) -> None:
        self._set_option("_types", _checked_classes(types))

    def sortFilterProxyModel(self):
        return self._filter

    def addAttribute(self, class_name, name, value=None, /) -> None:
        self._attributes.append((class_name, name, value))
        self._refill()

    def setNodeTypeLabel(self, _label, _class_name, /) -> None:
        """Text of the entry that creates a node; the host's list has no such entry."""

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene, /) -> None:
        if scene is self._scene:
            return
        self._observed.clear()
        self._scene = scene
        if scene is not None:
            for event in (
                scene.NodeAddedEvent,
                scene.NodeRemovedEvent,
                scene.EndCloseEvent,
                scene.EndImportEvent,
                scene.EndBatchProcessEvent,
            ):
                self._observed.add(scene, event, self._on_scene)
        self._refill()
        self.mrmlSceneChanged.emit(scene)

    def _on_scene(self) -> None:
        if not self._scene.IsBatchProcessing():
            self._refill()

    def _matches(self, node) -> bool:
        if node is None or (node.GetHideFromEditors() and not self._show_hidden):
            return False
        if node.GetID() in self._filter._hidden_ids:
            return False
        classes = [node.GetClassName() == name for name in self._types]
        if self._show_children:
            classes = [node.IsA(name) for name in self._types]
        if not any(classes) or any(node.IsA(name) for name in self._hidden_types):
            return False
        for class_name, name, value in self._attributes:
            if node.IsA(class_name):
                found = node.GetAttribute(name)
                if found is None or (value is not None and found != str(value)):
                    return False
        return True

    def _refill(self) -> None:
        nodes = []
        if self._scene is not None:
            count = self._scene.GetNumberOfNodes()
            nodes = [self._scene.GetNthNode(index) for index in range(count)]
            nodes = [node for node in nodes if self._matches(node)]
        before, self._nodes = self._nodes, nodes
        self._box.clear()
        if self._none or not nodes:
            self._box.addItem(self._none_text or ("None" if self._none else self._prompt()))
        for node in nodes:
            self._box.addItem(node.GetName() or "")
        self._take(self._current if self._current in nodes else self._successor(before))

    def _successor(self, before: list):
        """What a combo box turns to when it is filled, or when its current row vanishes."""
        if self._none or not self._nodes:
            return None
        if not before:
            return self._nodes[0]
        if self._current is None:
            return None
        return self._nodes[min(before.index(self._current), len(self._nodes) - 1)]

    def _prompt(self) -> str:
        kind = self._types[0].removeprefix("vtkMRML").removesuffix("Node") if self._types else ""
        return f"Select a {kind}" if kind else ""

    def _offset(self) -> int:
        return 1 if self._none or not self._nodes else 0

    def _take(self, node) -> None:
        nothing = 0 if self._offset() else -1
        listed = node in self._nodes
        self._box.setCurrentIndex(self._nodes.index(node) + self._offset() if listed else nothing)
        if node is self._current:
            return
        self._current = node
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node else "")

    def _on_activated(self, index: int) -> None:
        place = index - self._offset()
        node = self._nodes[place] if 0 <= place < len(self._nodes) else None
        self._take(node)
        self.nodeActivated.emit(node)

    def nodeCount(self) -> int:
        return len(self._nodes)

    def nodeFromIndex(self, index, /):
        return self._nodes[index] if 0 <= index < len(self._nodes) else None

    def currentNode(self):
        return self._current

    def setCurrentNode(self, node, /) -> None:
        if isinstance(node, str):
            self.setCurrentNodeID(node)
            return
        if node is not None and not isinstance(node, slicer.vtkMRMLNode):
            raise TypeError(f"setCurrentNode takes a MRML node or None, not {node!r}.")
        if node is None or node in self._nodes:
            self._take(node)

    def setCurrentNodeID(self, identifier, /) -> None:
        self.setCurrentNode(self._scene.GetNodeByID(identifier) if identifier else None)

    def setCurrentNodeIndex(self, index, /) -> None:
        self._take(self.nodeFromIndex(index))

    def addNode(self, class_name=None, /):
        name = self._base_name or (class_name or self._types[0]).removeprefix("vtkMRML")
        node = self._scene.AddNewNodeByClass(
            class_name or self._types[0], self._scene.GenerateUniqueName(name)
        )
        if self._select_new:
            self._take(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        if self._current is not None:
            self._scene.RemoveNode(self._current)

    def changeEvent(self, event) -> None:
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.EnabledChange:
            self._box.setEnabled(self.isEnabled())


def _checked_classes(names) -> list[str]:
    for name in names:
        if not hasattr(slicer, name):
            raise ValueError(f"{name} is no class of MRML nodes.")
    return list(names)
