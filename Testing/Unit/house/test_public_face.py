"""The package's own names: there, lazy, typed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import CTDoseSegLib

LIB = Path(CTDoseSegLib.__file__).parent


def fresh(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=LIB.parent, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_every_name_of_the_face_is_there():
    assert set(CTDoseSegLib.__all__) <= set(dir(CTDoseSegLib))
    missing = [name for name in CTDoseSegLib.__all__ if getattr(CTDoseSegLib, name, None) is None]
    assert not missing
    assert set(CTDoseSegLib._DOORS) == set(CTDoseSegLib.__all__) - {"NOTICE"}


def test_type_checkers_see_the_same_names():
    tree = ast.parse((LIB / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (n for n in tree.body if isinstance(n, ast.If))
    seen = {}
    for statement in block.body:
        for alias in statement.names:
            its_name = f":{alias.name}" if alias.asname else ""
            seen[alias.asname or alias.name] = f"{statement.module}{its_name}"
    assert seen == CTDoseSegLib._DOORS
    assert (LIB / "py.typed").exists()


def test_importing_the_package_imports_no_array_package_and_none_of_its_rooms():
    code = (
        "import sys; before = set(sys.modules); import CTDoseSegLib; "
        "print(sorted({n.split('.')[0] if not n.startswith('CTDoseSegLib') else n "
        "for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    assert fresh(code) == "['CTDoseSegLib']"


def test_a_name_that_is_not_there_is_an_attribute_error():
    assert not hasattr(CTDoseSegLib, "no_such_name")
    assert fresh("from CTDoseSegLib import *; print(read_ct.__name__)") == "read_series"
