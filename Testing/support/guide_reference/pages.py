"""The pages with generated blocks, and what the blocks hold by the present code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from . import columns_page, command_line_page, flags_page, rooms_page, schema_page

GUIDE = Path(__file__).resolve().parents[3] / "Resources" / "Guide"
PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "reference-flags.md": {"flags": flags_page.catalogue, "mending": flags_page.mending},
    "reference-command-line.md": {
        "commands": command_line_page.commands,
        "exit codes": command_line_page.exit_codes,
        "options": command_line_page.options,
    },
    "reference-columns.md": {
        name: partial(columns_page.columns, name) for name in columns_page.TABLES
    },
    "reference-result-schema.md": {
        "example": schema_page.example,
        "version 1.0": schema_page.lacking,
        "types": schema_page.types_of_values,
    },
    "explanation-rooms.md": {
        "tree": rooms_page.tree,
        "imports": rooms_page.imports,
        "base": rooms_page.base,
    },
}
_BLOCK = re.compile(r"<!-- generated: (.*?) -->\n(.*?)<!-- end -->", re.DOTALL)


def blocks(page: str) -> list[str]:
    """Return the names of the generated blocks that a page has."""
    return [name for name, _ in _BLOCK.findall(_text(page))]


def current(page: str) -> str:
    """Return a page with its generated blocks as the code gives them."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- generated: {name} -->\n{PAGES[page][name]()}\n<!-- end -->"

    return _BLOCK.sub(block, _text(page))


def stale() -> list[str]:
    """Return the pages that differ from what the code gives."""
    return [page for page in PAGES if not is_current(page)]


def is_current(page: str) -> bool:
    """Return whether a page's generated blocks are what the code gives."""
    return _text(page) == current(page)


def _text(page: str) -> str:
    return (GUIDE / page).read_text(encoding="utf-8")
