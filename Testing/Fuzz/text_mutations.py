"""Mutations of text: JSON of results and typed values, CSV of plans and of label names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**12, 1e308, "", "=cmd", "../../x", [], {}, [[]], "\u202e", "1e9"),
    *(float("nan"), "NaN", [None], {"a": 1}, -0.5),
)


def mutate_json(rng: np.random.Generator, content: Any) -> tuple[str, str]:
    """Return JSON text with one place damaged, and what was done."""
    text = json.dumps(content)
    way = int(rng.integers(4))
    if way == 0:
        length = int(rng.integers(0, len(text)))
        return text[:length], f"cut after {length}"
    if way == 1:
        place = int(rng.integers(0, len(text)))
        return text[:place] + "x" + text[place + 1 :], f"a letter at {place}"
    changed = json.loads(text)
    places = list(_places(changed))
    holder, key, name = places[rng.integers(len(places))]
    if way == 2 and isinstance(holder, dict):
        del holder[key]
        return json.dumps(changed), f"without {name}"
    holder[key] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(changed), f"{name}={holder[key]!r}"


def _places(value: Any, name: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Yield (holder, key, name) of everything below a value; of long lists the first items."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:3])
    for key, inner in items:
        where = f"{name}.{key}"
        yield value, key, where
        if isinstance(inner, (dict, list)) and inner:
            yield from _places(inner, where)


def mutate_csv(rng: np.random.Generator, text: str) -> tuple[str, str]:
    """Return CSV text with one cell, line or byte damaged, and what was done."""
    lines = text.splitlines()
    n = int(rng.integers(len(lines)))
    way = int(rng.integers(5))
    if way == 0:
        lost = lines.pop(n)
        return "\n".join(lines), f"without the line {lost!r}"
    if way == 1:
        lines.insert(n, lines[n])
        return "\n".join(lines), f"line {n} twice"
    if way == 2:
        place = int(rng.integers(0, len(text)))
        return text[:place], f"cut after {place}"
    cells = lines[n].split(",")
    c = int(rng.integers(len(cells)))
    cells[c] = ("", "-1", "0", "1.5", "word", "99999999999", '"', "a;b", "\x00")[rng.integers(9)]
    lines[n] = ",".join(cells)
    return "\n".join(lines), f"line {n}, cell {c}: {cells[c]!r}"
