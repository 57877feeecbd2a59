"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; what would end a cell or begin HTML in it is escaped."""
    return "\n".join(_line(row) for row in (header, ["---"] * len(header), *rows))


def code(text: object) -> str:
    """Return a name as code."""
    return f"`{text}`"


def choice(names: Iterable[object], last: str = "or") -> str:
    """Return ``a``, ``a or b``, ``a, b or c``, each as code."""
    shown = [code(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def with_options(text: str) -> str:
    """Return text with the options of the command line in it as code."""
    return re.sub(r"--[a-z][a-z-]*", r"`\g<0>`", text)


def _line(cells: Iterable[str]) -> str:
    return f"|{'|'.join(f' {_cell(text)} ' if text else ' ' for text in cells)}|"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")
