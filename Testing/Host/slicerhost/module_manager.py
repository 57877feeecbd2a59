"""`slicer.modules` and the module manager: built-in modules have their logics, ours its panel."""

from __future__ import annotations

import types

from PySide6 import QtCore
from PySide6.QtCore import Property, Signal

# Modules of Slicer that ours may switch to or ask for; those with a logic get slicer-core's.
WITHOUT_LOGIC = ("SegmentEditor", "DICOM", "Welcome")


class qSlicerCoreModule(QtCore.QObject):
    """A module of Slicer itself: a name, perhaps a logic, no panel."""

    def __init__(self, name: str, logic) -> None:
        super().__init__()
        self.setObjectName(name)
        self._logic, self._edited = logic, None

    title = Property(str, lambda self: self.objectName())

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        raise NotImplementedError(
            f"The test host has no panel for Slicer's module {self.objectName()}."
        )


class Modules(types.ModuleType):
    """The namespace `slicer.modules`."""

    def __getattr__(self, name: str):
        raise AttributeError(
            f"slicer.modules has no {name}: not loaded, or not part of the test host "
            f"(it has {', '.join(sorted(n for n in vars(self) if not n.startswith('_')))})."
        )


class qSlicerModuleManager(QtCore.QObject):
    """Knows the modules, and which of them is open."""

    moduleAboutToBeUnloaded = Signal(str)
    moduleLoaded = Signal(str)

    def __init__(self, core, modules: Modules) -> None:
        super().__init__()
        self._namespace = modules
        self._known: dict[str, QtCore.QObject] = {}
        self._opened: list[tuple[str, object]] = []
        self._on_select = None
        self._current = ""
        for name, logic in core.logics.items():
            self._register(name, qSlicerCoreModule(name, logic))
        for name in WITHOUT_LOGIC:
            self._register(name, qSlicerCoreModule(name, None))

    def _register(self, name: str, module: QtCore.QObject) -> None:
        self._known[name] = module
        setattr(self._namespace, name.lower(), module)
        self.moduleLoaded.emit(name)

    def _unregister(self, name: str) -> None:
        self.moduleAboutToBeUnloaded.emit(name)
        del self._known[name]
        for attribute in (name.lower(), f"{name}Widget", f"{name}Instance"):
            vars(self._namespace).pop(attribute, None)

    def _select(self, name: str, node=None) -> None:
        """Switch to another module, as the module selector does."""
        if name not in self._known:
            raise ValueError(f"There is no module {name!r}.")
        self._opened.append((name, node))
        self._current = name
        if self._on_select is not None:
            self._on_select(name)

    def module(self, name, /):
        return self._known.get(name)

    def modulesNames(self) -> tuple[str, ...]:
        return tuple(self._known)

    def isLoaded(self, name, /) -> bool:
        return name in self._known
