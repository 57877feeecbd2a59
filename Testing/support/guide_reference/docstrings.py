"""What the docstrings of the package state, as Markdown."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import CTDoseSegLib

LIB = Path(CTDoseSegLib.__file__).parent


def summary(doc: str | None) -> str:
    """Return the first paragraph of a docstring in one line."""
    return as_markdown(" ".join(inspect.cleandoc(doc or "").split("\n\n")[0].split()))


def file_summary(path: Path) -> str:
    """Return the first paragraph of a file's docstring, without importing it."""
    return summary(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))


def as_markdown(text: str) -> str:
    """Return text of a docstring as Markdown."""
    return text.replace("``", "`")
