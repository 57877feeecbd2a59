"""Every key of ``result.json``, from the dataclasses of a result."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.files.codec import WHOLE_NUMBERS
from CTDoseSegLib.outputs.meanings import in_a_file, meaning
from CTDoseSegLib.result import Result
from CTDoseSegLib.result.result import OTHER_KEYS, SOURCES

from .docstrings import as_markdown, summary
from .example import example_result, excerpt
from .markdown import anchor, choice, code, table

UNKNOWN = "null"
_INNERMOST = re.compile(r"[\[{][^\[\]{}]*[\]}]")
_WIDTH = 80
HEADER = ("key", "type", "meaning")
RELEASE_0_1_0 = Path(__file__).resolve().parents[2] / "Data" / "release_0_1_0" / "result"
_PLAIN = {str: "text", int: "whole number", bool: "true or false", float: "number or null"}
_MANY = {str: "texts", int: "whole numbers", float: "numbers"}
_STATED = "object: name to `{value, source}`, see "


def types_of_values() -> str:
    """Return a section for each type of value, the whole result first."""
    return "\n\n".join(_section(kind) for kind in kinds())


def example() -> str:
    """Return parts of a small result."""
    text = json.dumps(excerpt(), indent=2, ensure_ascii=False)
    return f"```json\n{_INNERMOST.sub(_on_one_line, text)}\n```"


def lacking() -> str:
    """Return what the files of schema 1.0 lack, from one that version 0.1.0 wrote."""
    old = json.loads((RELEASE_0_1_0 / "result.json").read_text(encoding="utf-8"))
    new = example_result().to_json()
    missing = [name for name in OTHER_KEYS if name not in old]
    known = {(kind, name) for kind, name, _ in _stated(Result, old)}
    types_known = {kind for kind, _ in known}
    for kind, name, value in _stated(Result, new):
        shown = name if kind is Result else f"{kind.__name__}.{name}"
        if value is not None and kind in types_known and (kind, name) not in known:
            missing += [shown] if shown not in missing else []
    return "\n".join(f"- {code(name)}" for name in missing)


def kinds() -> list[type]:
    """Return the dataclasses of a result, in the order in which they are met."""
    found: list[type] = [Result]
    for kind in found:
        found += [other for other in dict.fromkeys(_inside(kind)) if other not in found]
    return found


def keys(kind: type) -> dict[str, tuple[str, str]]:
    """Return the keys of a type of value: name to type and meaning."""
    hints = typing.get_type_hints(kind)
    found = {
        field.name: (
            _type(hints[field.name], field.metadata),
            meaning(kind, field.name, UNKNOWN) or "",
        )
        for field in dataclasses.fields(kind)
        if (kind, field.name) != (Acquisition, SOURCES)
    }
    if kind is not Result:
        return found
    kind_of, means = found["acquisition"]
    found["acquisition"] = _STATED + kind_of, means
    others = {name: (shown, as_markdown(text)) for name, (shown, text) in OTHER_KEYS.items()}
    return {name: {**found, **others}[name] for name in example_result().to_json()}


def _on_one_line(found: re.Match[str]) -> str:
    text = " ".join(found[0].split())
    return re.sub(r"([\[{]) (.*) ([\]}])", r"\1\2\3", text) if len(text) < _WIDTH else found[0]


def _section(kind: type) -> str:
    rows = ((code(name), *about) for name, about in keys(kind).items())
    return (
        f"## {kind.__name__}\n{in_a_file(summary(kind.__doc__), UNKNOWN)}\n\n{table(HEADER, rows)}"
    )


def _inside(kind: type) -> Iterator[type]:
    """The dataclasses that the fields of a dataclass hold; flags come last."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        yield from (k for k in _parts(hints[field.name]) if dataclasses.is_dataclass(k))


def _stated(hint: Any, value: Any) -> Iterator[tuple[type, str, Any]]:
    """The keys of a file, each with its type of value and its value, as often as it has them."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        yield from _stated(arguments[0], value)
    elif dataclasses.is_dataclass(hint) and value is not None:
        for name, inner in typing.get_type_hints(hint).items():
            if name in value:
                yield hint, name, value[name]
                yield from _stated(inner, value[name])
    elif isinstance(value, (list, dict)) and arguments:
        entries = value.values() if isinstance(value, dict) else value
        for entry in entries:
            yield from _stated(arguments[isinstance(value, dict)], entry)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in typing.get_args(hint):
        yield from _parts(argument)


def _type(hint: Any, metadata: Mapping[str, Any] = types.MappingProxyType({})) -> str:
    """How a value of this annotation looks in the file."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hint is np.ndarray:
        return f"list of {'whole numbers' if metadata == WHOLE_NUMBERS else 'numbers or null'}"
    if hint is Any:
        return "any value"
    if origin in (types.UnionType, typing.Union):
        (kind,) = (a for a in arguments if a is not type(None))
        return _type(kind) if kind is float else f"{_type(kind, metadata)}, or null"
    if origin is typing.Literal:
        return choice(arguments)
    if origin is tuple:
        count = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
        inner = _type(arguments[0]).replace("list of", "lists of", 1)
        return f"list of {count}{_MANY.get(arguments[0], inner)}"
    if origin is not None and issubclass(origin, Mapping):
        return f"object: name to {_type(arguments[1])}"
    return f"[{hint.__name__}](#{anchor(hint.__name__)})"
