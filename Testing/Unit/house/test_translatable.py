"""What the user reads in Slicer goes through `_()`, as literals that Qt's lupdate can extract."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from CTDoseSegLib.flags.entry import Severity
from CTDoseSegLib.reporting.confidence import CONTRADICTED, CONTRAST, REASONS

MODULE = Path(__file__).resolve().parents[3] / "CTDoseSeg"
FACE = MODULE / "CTDoseSegLib" / "ctdoseseg_ui"
# What a widget or a chart shows: properties, and calls that set a text or open a box.
PROPERTIES = {"text", "toolTip", "placeholderText", "title", "windowTitle", "helpText"}
PROPERTIES |= {"acknowledgementText"}
CALLS = {"setText", "setPlainText", "setToolTip", "setHorizontalHeaderLabels", "SetTitle"}
CALLS |= {"SetXAxisTitle", "SetYAxisTitle", "showStatusMessage", "confirmOkCancelDisplay"}
CALLS |= {"tryWithErrorDisplay", "errorDisplay", "infoDisplay", "warningDisplay", "addItem"}
CALLS |= {"getExistingDirectory", "getOpenFileName", "getSaveFileName", "show_problem", "_say"}
WORD = re.compile(r"[A-Za-z]{2}")


# Its text is for the developer who runs the self test.
UNTRANSLATED = {"self_test.py", "tool_tests.py"}


def files() -> list[Path]:
    paths = sorted(FACE.rglob("*.py")) + sorted(MODULE.glob("CTDoseSeg*.py"))
    return [path for path in paths if path.name not in UNTRANSLATED]


def parsed() -> Iterator[tuple[str, ast.Module]]:
    for path in files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield path.relative_to(MODULE).as_posix(), tree


def translations(tree: ast.AST) -> list[ast.Call]:
    """Calls of `_`, where that is Slicer's."""
    own = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "slicer.i18n"
        and any(name.asname == "_" for name in node.names)
        for node in ast.walk(tree)
    )
    return [n for n in ast.walk(tree) if own and is_call(n, "_")]


def is_call(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == name


def words(node: ast.AST) -> Iterator[ast.AST]:
    """Texts with a word in it that are shown as they stand; not what `_` or another call makes."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and WORD.search(re.sub("<[^>]*>", "", node.value)):
            yield node
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.Constant):
                yield from words(part)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            yield from words(node.func.value)
    elif isinstance(node, (ast.BinOp, ast.BoolOp, ast.IfExp, ast.List, ast.Tuple)):
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.IfExp) and child is node.test):
                yield from words(child)


def shown(tree: ast.AST) -> Iterator[ast.AST]:
    """What becomes a text of a widget, a chart, a box or an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets = [t for target in node.targets for t in ast.walk(target)]
            if any(isinstance(t, ast.Attribute) and t.attr in PROPERTIES for t in targets):
                yield node.value
        elif isinstance(node, ast.Call) and any(is_call(node, name) for name in CALLS):
            yield from node.args
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from node.exc.args


def test_what_is_translated_is_a_literal():
    wrong = []
    for name, tree in parsed():
        for call in translations(tree):
            (text,) = call.args
            if not is_text(text):
                wrong.append(f"{name}:{call.lineno} {ast.unparse(call)}")
    assert wrong == []


def test_what_is_shown_is_translated():
    wrong = []
    for name, tree in parsed():
        for value in shown(tree):
            wrong += [f"{name}:{text.lineno} {ast.unparse(text)}" for text in words(value)]
    assert wrong == []


def test_nothing_else_is_called_as_the_function_that_translates():
    wrong = []
    for name, tree in parsed():
        if translations(tree):
            stored = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "_"]
            wrong += [f"{name}:{n.lineno}" for n in stored if isinstance(n.ctx, ast.Store)]
    assert wrong == []


def test_placeholders_have_names_and_no_english_is_repaired():
    wrong = []
    for name, tree in parsed():
        texts = [call.args[0].value for call in translations(tree) if is_text(call.args[0])]
        wrong += [f"{name}: {text}" for text in texts if "{}" in text]
        for node in ast.walk(tree):
            if is_call(node, "replace") and any(next(words(one), None) for one in node.args):
                wrong.append(f"{name}:{node.lineno} {ast.unparse(node)}")
    assert wrong == []


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_word_of_the_library_that_the_panel_shows_is_in_its_table():
    """The table stands in a function, whose keys are its literals."""
    path = FACE / "panel" / "library_words.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (table,) = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = {
        key.value: ast.unparse(value) for key, value in zip(table.keys, table.values, strict=True)
    }
    words = {"good", "moderate", "low", ""}
    library = {*get_args(Severity), *REASONS.values(), CONTRAST, CONTRADICTED, *words}
    assert set(keys) == library
    assert all(value == f"_({key!r})" for key, value in keys.items() if key)
