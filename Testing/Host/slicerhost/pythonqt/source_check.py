"""What PySide6 accepts and PythonQt does not, found in the source before it runs.

Keyword arguments in calls of `qt.` and `ctk.` names, and scoped enums such as
`qt.Qt.CheckState.Checked`.
"""

from __future__ import annotations

import ast
import enum
from pathlib import Path

_ROOTS = ("qt", "ctk")


def _dotted(node: ast.expr) -> tuple[str, ...]:
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def check_source(text: str, path: str) -> None:
    """Raise SyntaxError at the first place that would not work in Slicer."""
    import qt

    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Call) and node.keywords:
            names = _dotted(node.func)
            if names and names[0] in _ROOTS:
                _refuse(f"{'.'.join(names)} takes no keyword arguments in PythonQt", path, node)
        if isinstance(node, ast.Attribute):
            names = _dotted(node)
            if len(names) > 3 and names[0] == "qt":
                scope = getattr(getattr(qt, names[1], None), names[2], None)
                if isinstance(scope, type) and issubclass(scope, enum.Enum):
                    short = ".".join((*names[:2], *names[3:]))
                    _refuse(f"{'.'.join(names)} is not in PythonQt: write {short}", path, node)


def _refuse(text: str, path: str, node: ast.AST) -> None:
    raise SyntaxError(text, (path, node.lineno, node.col_offset + 1, None))


def check_folder(module_file: Path) -> None:
    """Check a scripted module's file and the Python files of its packages that use Qt."""
    own = module_file.stem
    files = [module_file]
    for package in module_file.parent.glob(f"{own}*"):
        if package.is_dir():
            files += sorted(package.rglob("*.py"))
    for path in files:
        text = path.read_text(encoding="utf-8")
        if path == module_file or "import qt" in text or "import ctk" in text:
            check_source(text, str(path))
