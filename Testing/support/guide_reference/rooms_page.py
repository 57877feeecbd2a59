"""The rooms of the package and the imports that are allowed between them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from .docstrings import LIB, file_summary
from .markdown import code, table

(HOUSE_RULES,) = Path(__file__).resolve().parents[2].rglob("test_house_rules.py")


def tree() -> str:
    """Return the rooms with a line each; a file of the top level counts as a room."""
    order = [*house_rules().ROOMS, *sorted(house_rules().FACES)]
    lines = list(_lines(LIB, "", order))
    width = max(len(name) for name, _ in lines) + 2
    return "\n".join(
        ("```", f"{LIB.name}/", *(f"{name:<{width}}{text}" for name, text in lines), "```")
    )


def imports() -> str:
    """Return which rooms each room may import."""
    rules = house_rules()
    rows = [
        (code(room), ", ".join(code(r) for r in rules.ROOMS if r in allowed - {room}) or "-")
        for room, allowed in rules.ROOMS.items()
        if room not in rules.BASE
    ]
    faces = ", ".join(map(code, sorted(rules.FACES)))
    return table(("room", "may import"), [*rows, (faces, "everything")])


def base() -> str:
    """Return the rooms that are open to all, as a sentence."""
    rooms = sorted(room for room in house_rules().ROOMS if room in house_rules().BASE)
    return f"Every room may also import {', '.join(map(code, rooms))}."


def house_rules() -> ModuleType:
    """Return the test that holds the table of imports."""
    spec = importlib.util.spec_from_file_location("house_rules", HOUSE_RULES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _lines(folder: Path, indent: str, order: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Names, indented, with what their docstrings state; the files of inner rooms stay out."""

    def place(path: Path) -> tuple[int, str]:
        own = path.name.startswith("__")  # the public face, and the command
        if own:
            return -1, path.name
        return order.index(path.stem) if path.stem in order else len(order), path.name

    for path in sorted(folder.iterdir(), key=place):
        if (package := path / "__init__.py").is_file():
            yield f"{indent}  {path.name}/", _plain(package)
            yield from _lines(path, indent + "  ")
        elif folder == LIB and path.suffix == ".py":
            yield f"{indent}  {path.name}", _plain(path)


def _plain(path: Path) -> str:
    return file_summary(path).replace("`", "")
