"""Slicer's own Python in place of the stand-ins, from the checkout that SLICER_SOURCE names.

`slicer.packaging` stays the stand-in: Slicer's own would install.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import slicer

from slicerhost.standin import packages

_OWN = ("util", "i18n", "parameterNodeWrapper", "ScriptedLoadableModule")


def install(folder: Path) -> None:
    """Load Slicer's own modules under their names; a second call changes nothing."""
    sys.modules["slicer.packaging"] = slicer.packaging = packages
    for name in _OWN:
        full = f"slicer.{name}"
        path = folder / name / "__init__.py"
        if not path.is_file():
            path = folder / f"{name}.py"
        if getattr(sys.modules.get(full), "__file__", None) == str(path):
            continue
        spec = importlib.util.spec_from_file_location(full, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        setattr(slicer, name, module)
        spec.loader.exec_module(module)
