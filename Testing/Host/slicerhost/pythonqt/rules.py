"""The rules of PythonQt laid over PySide6, for the code under test alone.

One hook on reading and one on writing attributes of QObject; the host's own code and PySide6 see
plain PySide6 (`caller`). PySide6 looks for Python overrides of virtual functions through the same
door, so Python functions are handed out untouched and a property that is being read is not read
again.
"""

from __future__ import annotations

import types
from functools import cache

from PySide6 import QtCore, QtGui, QtNetwork, QtWidgets

from slicerhost.pythonqt import connections, dialogs, properties
from slicerhost.pythonqt.caller import asked_by_host

_readers: dict[type, object] = {}
_write_base = QtCore.QObject.__mro__[1].__setattr__
_reading: set[tuple[int, str]] = set()
_RENAMED = {"exec_": "exec", "delete": "deleteLater"}


class Call:
    """A method of Qt: no keyword arguments, lists come back as tuples."""

    __slots__ = ("_function", "_name")

    def __init__(self, function, name: str) -> None:
        self._function = function
        self._name = name

    def __call__(self, *arguments, **keywords):
        if keywords:
            raise TypeError(
                f"{self._name} takes no keyword arguments in PythonQt: {', '.join(keywords)}."
            )
        value = self._function(*arguments)
        return tuple(value) if isinstance(value, list) else value

    def __repr__(self) -> str:
        return f"<method {self._name}>"


@cache
def _class_attribute(cls: type, name: str):
    """What the class has under that name."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def is_pure_qt(obj: QtCore.QObject) -> bool:
    """True for an object whose class is Qt's or the host's, which takes no stray attributes."""
    return type(obj).__module__.split(".", 1)[0] in ("PySide6", "slicerhost")


def _read(self, name: str):
    if name.startswith("__") or asked_by_host(1):
        return _read_plain(self, name)
    cls = type(self)
    key = (id(self), name)
    if key in _reading:
        return _read_plain(self, name)
    entry = _class_attribute(cls, name)
    known = properties.property_types(cls)
    if name == "name" and entry is None:
        return self.objectName()
    if name in known and not isinstance(entry, types.FunctionType):
        _reading.add(key)
        try:
            return properties.read(self, name)
        finally:
            _reading.discard(key)
    if name in ("connect", "disconnect"):
        function = getattr(connections, name)
        return lambda *arguments: function(self, *arguments)
    if name == "className":
        return lambda: _qt_class_name(cls)
    if name in ("exec_", "exec") and dialogs.is_dialog(self):
        return lambda: dialogs.execute(self)
    if entry is None and name in _RENAMED:
        return Call(_read_plain(self, _RENAMED[name]), name)
    if entry is None and name not in self.__dict__:
        return _dynamic(self, cls, name)
    if name.startswith("_") and cls.__module__.startswith("slicerhost"):
        raise AttributeError(f"{cls.__name__} has no attribute {name!r}.")
    value = _read_plain(self, name)
    native = isinstance(entry, (types.MethodDescriptorType, types.BuiltinMethodType, staticmethod))
    return Call(value, f"{cls.__name__}.{name}()") if native else value


def _dynamic(obj: QtCore.QObject, cls: type, name: str):
    value = QtCore.QObject.property(obj, name)
    if value is None:
        raise AttributeError(f"{_qt_class_name(cls)} has no attribute named {name!r}.")
    return value


def _qt_class_name(cls: type) -> str:
    while not is_public_class(cls):
        cls = cls.__mro__[1]
    return cls.__name__


def is_public_class(cls: type) -> bool:
    """True for a class that Slicer knows by that name."""
    return cls.__name__.startswith(("Q", "q", "ctk"))


def _read_plain(obj: QtCore.QObject, name: str):
    """As PySide6 reads attributes: some of its classes have a way of their own."""
    for base in type(obj).__mro__:
        if base in _readers:
            return _readers[base](obj, name)
    return object.__getattribute__(obj, name)


def _write_plain(obj: QtCore.QObject, name: str, value) -> None:
    """As PySide6 writes attributes: a property made in Python has its setter called."""
    if isinstance(_class_attribute(type(obj), name), QtCore.Property):
        QtCore.QObject.setProperty(obj, name, value)
    else:
        _write_base(obj, name, value)


def _write(self, name: str, value) -> None:
    if name.startswith("__") or asked_by_host(1):
        _write_plain(self, name, value)
        return
    if name == "name":
        name = "objectName"
    if name in properties.property_types(type(self)):
        properties.write(self, name, value)
    elif name.encode() in [bytes(entry.data()) for entry in self.dynamicPropertyNames()]:
        QtCore.QObject.setProperty(self, name, value)
    elif is_pure_qt(self):
        raise AttributeError(
            f"{type(self).__name__} has no Qt property {name!r}: PythonQt takes no stray attribute."
        )
    else:
        _write_plain(self, name, value)


def _cover(cls: type) -> None:
    """Put the hooks before what the class does by itself when attributes are read or written."""
    if cls is QtCore.QObject or "__getattribute__" in vars(cls):
        _readers[cls] = cls.__getattribute__
        cls.__getattribute__ = _read
    if cls is QtCore.QObject or "__setattr__" in vars(cls):
        cls.__setattr__ = _write


def install() -> None:
    """Lay the rules over PySide6; a second call changes nothing."""
    if QtCore.QObject in _readers:
        return
    _cover(QtCore.QObject)
    for module in (QtCore, QtGui, QtWidgets, QtNetwork):
        for name in dir(module):
            cls = getattr(module, name)
            if isinstance(cls, type) and issubclass(cls, QtCore.QObject) and cls not in _readers:
                _cover(cls)
