"""Signals named by strings, checked against the meta object, as `connect("clicked(bool)", f)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from PySide6 import QtCore

from slicerhost import problems


def _signature(obj: QtCore.QObject, text: str) -> tuple[str, str]:
    """Normalized signature as asked and as the meta object has it."""
    if not isinstance(text, str):
        raise TypeError(f"A signal is named by a string such as 'clicked()', not by {text!r}.")
    asked = bytes(QtCore.QMetaObject.normalizedSignature(text).data()).decode()
    # Signals with MRML objects are declared in the host's widgets with Python's own object type.
    declared = getattr(type(obj), "_signals", {}).get(asked, asked)
    meta = obj.metaObject()
    if meta.indexOfSignal(declared) < 0:
        known = sorted(_known(obj))
        raise ValueError(
            f"{type(obj).__name__} has no signal {text!r}. Its signals: {', '.join(known)}."
        )
    return asked, declared


def _known(obj: QtCore.QObject) -> set[str]:
    meta = obj.metaObject()
    names = set()
    for index in range(meta.methodCount()):
        method = meta.method(index)
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal:
            names.add(bytes(method.methodSignature().data()).decode())
    mapped = getattr(type(obj), "_signals", {})
    return (names - set(mapped.values())) | set(mapped)


def _positional_count(function: Callable) -> int | None:
    """How many positional arguments a callable takes; None: any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def connect(obj: QtCore.QObject, signal: str, receiver, slot: str | None = None) -> bool:
    """Connect a signal to a callable, or to a slot of another object named by a string."""
    if isinstance(signal, QtCore.QObject):  # PySide6 itself, from within QTimer.singleShot
        arguments = (receiver,) if slot is None else (receiver, slot)
        return QtCore.QObject.connect(signal, *arguments)
    asked, declared = _signature(obj, signal)
    if slot is not None:
        receiver = _named_slot(receiver, slot)
    if not callable(receiver):
        raise TypeError(f"{receiver!r} cannot be called; {signal} needs something to call.")
    count = _positional_count(receiver)

    given = 0 if declared.endswith("()") else declared.count(",") + 1
    count = given if count is None else min(count, given)

    def forward(*arguments):
        with problems.collecting(f"slot of {type(obj).__name__}.{asked}"):
            receiver(*arguments[:count])

    _bound_signal(obj, declared).connect(forward)
    _connections(obj).append((asked, receiver, forward))
    return True


def disconnect(obj: QtCore.QObject, signal: str | None = None, receiver=None, slot=None) -> bool:
    """Undo `connect`; without a receiver, all connections of the signal."""
    if signal is None:
        for asked in {entry[0] for entry in _connections(obj)}:
            disconnect(obj, asked)
        return True
    asked, declared = _signature(obj, signal)
    if slot is not None:
        receiver = _named_slot(receiver, slot)
    kept, found = [], False
    for entry in _connections(obj):
        if entry[0] == asked and (receiver is None or entry[1] == receiver):
            _bound_signal(obj, declared).disconnect(entry[2])
            found = True
        else:
            kept.append(entry)
    _connections(obj)[:] = kept
    return found


def _bound_signal(obj: QtCore.QObject, declared: str):
    name, _, arguments = declared.partition("(")
    signal = object.__getattribute__(obj, name)
    overloads = {entry for entry in _known(obj) if entry.startswith(name + "(")}
    if len(overloads) > 1:
        return signal[arguments.rstrip(")")] if arguments != ")" else _shortest(signal)
    return signal


def _shortest(signal):
    try:
        return signal[()]
    except (KeyError, IndexError, TypeError):
        return signal


def _connections(obj: QtCore.QObject) -> list:
    try:
        return obj.__dict__["_string_connections"]
    except KeyError:
        obj.__dict__["_string_connections"] = made = []
        return made


def _named_slot(receiver: QtCore.QObject, slot: str) -> Callable:
    text = bytes(QtCore.QMetaObject.normalizedSignature(slot).data()).decode()
    if receiver.metaObject().indexOfMethod(text) < 0:
        raise ValueError(f"{type(receiver).__name__} has no slot {slot!r}.")
    return object.__getattribute__(receiver, text.partition("(")[0])
