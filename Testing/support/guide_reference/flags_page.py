"""The flags of the catalogue, and what can mend them."""

from __future__ import annotations

from importlib import import_module

from CTDoseSegLib import flags
from CTDoseSegLib.flags import FLAGS, MENDS, message_of
from CTDoseSegLib.flags.summary import remedy
from CTDoseSegLib.reporting.remedies import WORDS

from .docstrings import LIB, summary
from .markdown import code, table, with_options

HEADER = ("flag", "severity", "what it means", "what it does to the numbers", "what mends it")


def catalogue() -> str:
    """Return a section for each file of the catalogue, in the order of `FLAGS`."""
    sections = []
    for doc, own in _files():
        rows = [(code(name), *_about(name)) for name in own]
        sections.append(f"## {doc}\n{table(HEADER, rows)}")
    return "\n\n".join(sections)


def mending() -> str:
    """Return the names that a flag can give as what mends it."""
    return table(("name", "what it is"), ((code(name), text) for name, text in MENDS.items()))


def _files() -> list[tuple[str, list[str]]]:
    """Heading and codes of each file."""
    found = {}
    for path in sorted((LIB / "flags").glob("*.py")):
        module = import_module(f"{flags.__name__}.{path.stem}") if path.stem[0] != "_" else None
        if isinstance(own := getattr(module, "FLAGS", None), dict) and own is not FLAGS:
            found[next(iter(own))] = (summary(module.__doc__).rstrip("."), list(own))
    return [found[name] for name in FLAGS if name in found]


def _about(name: str) -> tuple[str, str, str, str]:
    entry = FLAGS[name]
    effect, mends = entry.consequence, with_options(remedy(entry.mends, WORDS).rstrip("."))
    return entry.severity, message_of(entry, "", ""), effect, mends
