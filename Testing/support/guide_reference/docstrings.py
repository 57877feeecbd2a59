"""What the docstrings of the package state about values, as Markdown."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import CTDoseSegLib

LIB = Path(CTDoseSegLib.__file__).parent
_ELSEWHERE = re.compile(r"As in `([\w.]+)\.(\w+)`\.?")


def meaning(kind: type, name: str, unknown: str) -> str | None:
    """Return what a field of a dataclass means; None where its docstring does not state it.

    `unknown` is what a file has in place of None and NaN.
    """
    text = attributes(kind).get(name)
    if text and (reference := _ELSEWHERE.match(text)):
        module, owner = reference.groups()
        other = getattr(import_module(f"{CTDoseSegLib.__name__}.{module}"), owner)
        return meaning(other, name, unknown)
    return in_a_file(text, unknown) if text else None


@cache
def attributes(kind: type) -> dict[str, str]:
    """Return the section Attributes of a class (numpydoc), name to text."""
    lines = iter((inspect.getdoc(kind) or "").splitlines())
    found: dict[str, list[str]] = {}
    names: list[str] = []
    if not any(line == "Attributes" for line in lines):
        return {}
    next(lines)
    for line in lines:
        if line.startswith("----"):  # underlines the next section's heading, read as a name
            found.pop(names[0])
            break
        if line and not line.startswith(" "):
            names = line.split(", ")
            found |= {name: [] for name in names}
        elif line:
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(text) for name, text in found.items()}


def summary(doc: str | None) -> str:
    """Return the first paragraph of a docstring in one line."""
    return as_markdown(" ".join(inspect.cleandoc(doc or "").split("\n\n")[0].split()))


def file_summary(path: Path) -> str:
    """Return the first paragraph of a file's docstring, without importing it."""
    return summary(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))


def in_a_file(text: str, unknown: str) -> str:
    """Return what a docstring states for readers of a file, who see no arrays and no Python."""
    text = re.sub(r",? \[k\](?=[;:.,])", "", text)
    text = re.sub(r"\b(True|False)\b", lambda found: found[1].lower(), text)
    return as_markdown(re.sub(r"\b(None|NaN)\b", unknown, text))


def as_markdown(text: str) -> str:
    """Return text of a docstring as Markdown."""
    return text.replace("``", "`")
