"""Qt properties as Python attributes, with the types that PythonQt accepts."""

from __future__ import annotations

from enum import Enum
from functools import cache
from numbers import Integral, Real

from PySide6 import QtCore

_NUMBERS = {"int", "uint", "qlonglong", "qulonglong", "short", "ushort", "long", "ulong"}


@cache
def property_types(cls: type) -> dict[str, tuple[str, bool]]:
    """Qt properties of a class: name -> (type name, writable)."""
    meta = cls.staticMetaObject
    found = {}
    for index in range(meta.propertyCount()):
        entry = meta.property(index)
        found[entry.name()] = (entry.typeName(), entry.isWritable())
    return found


def read(obj: QtCore.QObject, name: str):
    """Value of a Qt property; a list comes as a tuple, as in PythonQt."""
    value = QtCore.QObject.property(obj, name)
    if isinstance(value, list):
        return tuple(value)
    if value is None and property_types(type(obj))[name][0] == "QString":
        return ""
    return value


def write(obj: QtCore.QObject, name: str, value) -> None:
    """Set a Qt property.

    Raises
    ------
    AttributeError
        The property is read-only.
    ValueError
        The value is not of the property's type.
    """
    kind, writable = property_types(type(obj))[name]
    where = f"{type(obj).__name__}.{name}"
    if not writable:
        raise AttributeError(f"{where} is a read-only Qt property; look for a method that sets it.")
    if not _fits(kind, value):
        raise ValueError(f"{where} is a property of type {kind}; it does not accept {value!r}.")
    if isinstance(value, tuple):
        value = list(value)
    if not QtCore.QObject.setProperty(obj, name, value):
        raise ValueError(f"{where} is a property of type {kind}; it does not accept {value!r}.")


def _fits(kind: str, value) -> bool:
    if kind == "QString":
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, (bool, Integral)) or type(value).__name__ == "bool_"
    if kind in _NUMBERS:
        return isinstance(value, (Integral, Enum)) or (
            isinstance(value, Real) and float(value).is_integer()
        )
    if kind in {"double", "float"}:
        return isinstance(value, Real) and not isinstance(value, str)
    if kind == "QStringList":
        return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    return True
