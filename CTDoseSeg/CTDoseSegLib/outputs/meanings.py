"""What a column means and its unit, from the docstrings of the values that it shows."""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib import import_module

_PACKAGE = __name__.rpartition(".")[0].rpartition(".")[0]
_ELSEWHERE = re.compile(r"As in `([\w.]+)\.(\w+)`\.?")
# Ending of a name to the unit, the longest first.
UNITS = {
    "_mGy_cm": "mGy cm",
    "_mm2": "mm²",
    "_mm": "mm",
    "_cm": "cm",
    "_mGy": "mGy",
    "_mSv": "mSv",
    "_mA": "mA",
    "_kV": "kV",
    "_hu": "HU",
    "_ml": "ml",
    "_years": "years",
}


def unit(column: str) -> str:
    """Return the unit that a name ends in.

    Examples
    --------
    >>> unit("wed_mm"), unit("organ")
    ('mm', '')
    """
    return next((shown for ending, shown in UNITS.items() if column.endswith(ending)), "")


def meaning(kind: type, name: str, unknown: str) -> str | None:
    """Return what a field of a dataclass means; None where its docstring does not state it.

    Parameters
    ----------
    kind
        The dataclass.
    name
        Of the field.
    unknown
        What a file has in place of None and NaN.
    """
    text = attributes(kind).get(name)
    if text and (reference := _ELSEWHERE.match(text)):
        module, owner = reference.groups()
        other = getattr(import_module(f"{_PACKAGE}.{module}"), owner)
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


def in_a_file(text: str, unknown: str) -> str:
    """Return what a docstring states for readers of a file, who see no arrays and no Python."""
    text = re.sub(r",? \[k\](?=[;:.,])", "", text)
    text = re.sub(r"\b(True|False)\b", lambda found: found[1].lower(), text)
    return re.sub(r"\b(None|NaN)\b", unknown, text).replace("``", "`")
