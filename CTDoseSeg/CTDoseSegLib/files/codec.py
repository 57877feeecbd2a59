"""Frozen dataclasses to the plain values that JSON has, and back, by their annotations.

Not a number and infinity become null, for JSON has neither; what is null comes back as NaN where
the annotation says ``float`` and as None where it says ``float | None``.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from ..errors import InputError

# Metadata of a field that holds an array of whole numbers.
WHOLE_NUMBERS = {"whole numbers": True}


def plain(value: Any) -> Any:
    """Return `value` in the types that JSON has.

    Raises
    ------
    TypeError
        For anything without an obvious meaning in JSON: a programming error.

    Examples
    --------
    >>> plain({"wed_mm": [251.5, float("nan")]})
    {'wed_mm': [251.5, None]}
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no place in a result file")


def read_as(kind: Any, value: Any, where: str) -> Any:
    """Return plain `value` as `kind`, an annotation.

    Parameters
    ----------
    kind
        A dataclass, ``float``, ``tuple[X, ...]``, ``Mapping[str, X]``, ``X | None`` and so on.
    where
        Name of the value in the file, for the sentence of an error.

    Raises
    ------
    InputError
        If the value is not of this kind; the sentence names it.
    """
    if kind is Any:
        return value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        (kind,) = (a for a in arguments if a is not type(None))
        return read_as(kind, value, where)
    if origin is typing.Literal:
        return _checked(value, value in arguments, where, " or ".join(map(str, arguments)))
    if origin is tuple:
        return _tuple(arguments, _checked(value, isinstance(value, list), where, "a list"), where)
    if origin is not None and issubclass(origin, Mapping):
        content = _checked(value, isinstance(value, dict), where, "an object")
        return {k: read_as(arguments[1], v, f"{where}.{k}") for k, v in content.items()}
    if dataclasses.is_dataclass(kind):
        return read_dataclass(kind, value, where)
    if kind is np.ndarray:
        return _array(value, where, float)
    if kind is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return math.nan if value is None else float(_checked(value, number, where, "a number"))
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    return _checked(value, fits, where, {str: "text", int: "a whole number"}.get(kind, str(kind)))


def read_dataclass(kind: Any, value: Any, where: str) -> Any:
    """Return an object of plain values as the dataclass `kind`; what it does not know is left out.

    Raises
    ------
    InputError
        If a field without a default is missing, or a value is of another kind.
    """
    content = _checked(value, isinstance(value, dict), where, "an object")
    hints = _hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        if field.name not in content:
            if field.default is field.default_factory is dataclasses.MISSING:
                raise InputError(f"{_named(where, field.name)} is missing.")
            continue
        place = _named(where, field.name)
        if hints[field.name] is np.ndarray and field.metadata == WHOLE_NUMBERS:
            values[field.name] = _array(content[field.name], place, int)
        else:
            values[field.name] = read_as(hints[field.name], content[field.name], place)
    return kind(**values)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _named(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _tuple(arguments: tuple[Any, ...], value: list[Any], where: str) -> tuple[Any, ...]:
    if arguments[-1] is Ellipsis:
        return tuple(read_as(arguments[0], v, f"{where}[{n}]") for n, v in enumerate(value))
    _checked(value, len(value) == len(arguments), where, f"a list of {len(arguments)}")
    return tuple(
        read_as(a, v, f"{where}[{n}]")
        for n, (a, v) in enumerate(zip(arguments, value, strict=True))
    )


def _array(value: Any, where: str, kind: type) -> np.ndarray:
    _checked(value, isinstance(value, list), where, "a list of numbers")
    try:
        if kind is int:
            array = np.array(value)
            numbers = array.astype(np.int64)
            whole = array.size == 0 or array.dtype.kind == "i"
            _checked(value, whole, where, "a list of whole numbers")
            return numbers
        return np.array(value, dtype=object).astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where} is not a list of numbers.") from None


def _checked(value: Any, fits: bool, where: str, wanted: str) -> Any:
    if not fits:
        raise InputError(f"{where} is not {wanted}.")
    return value
