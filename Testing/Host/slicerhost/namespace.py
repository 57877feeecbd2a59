"""Fills in the names that Slicer's Python has and slicer-core has not, for the time of one host."""

from __future__ import annotations

import importlib
import os
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import slicer

from slicerhost.pythonqt import modules as pythonqt_modules
from slicerhost.pythonqt import rules

_STANDINS = {
    "ScriptedLoadableModule": "slicerhost.standin.base",
    "parameterNodeWrapper": "slicerhost.standin.parameters",
    "i18n": "slicerhost.standin.translation",
    "packaging": "slicerhost.standin.packages",
}


def install_qt() -> None:
    """`qt`, `ctk`, the rules of PythonQt, and the qMRML widgets as names of `slicer`."""
    from slicerhost import application, io_manager, module_manager, named_only, scripted_module
    from slicerhost.mrml import layout_manager, widgets

    rules.install()
    pythonqt_modules.install()
    holders = (
        application,
        io_manager,
        layout_manager,
        module_manager,
        named_only,
        scripted_module,
        *widgets.sources(),
    )
    for holder in holders:
        for name, value in vars(holder).items():
            if isinstance(value, type) and name.startswith(("qMRML", "qSlicer")):
                setattr(slicer, name, value)


def source_folder() -> Path | None:
    """Slicer's own Base/Python where SLICER_SOURCE names a checkout."""
    source = os.environ.get("SLICER_SOURCE")
    if not source:
        return None
    folder = Path(source) / "Base" / "Python" / "slicer"
    if not folder.is_dir():
        raise FileNotFoundError(f"SLICER_SOURCE has no Base/Python/slicer: {source}")
    return folder


def install_base_classes() -> None:
    """The Python that Slicer ships: its own where there is a checkout, else the stand-ins."""
    folder = source_folder()
    if folder is not None:
        from slicerhost import slicer_source

        slicer_source.install(folder)
        return
    for name, source in _STANDINS.items():
        module = importlib.import_module(source)
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)


@contextmanager
def names(core, app, module_space, database) -> Iterator[None]:
    """The names that belong to one host: scene, application, modules, DICOM database."""
    from slicerhost import sample_data
    from slicerhost.dicom import library

    own = {
        "mrmlScene": core.scene,
        "app": app,
        "modules": module_space,
        "moduleNames": types.SimpleNamespace(),
        "dicomDatabase": database,
        "selfTests": {},
    }
    for name, value in own.items():
        setattr(slicer, name, value)
    extra = {
        "slicer.modules": module_space,
        "SampleData": sample_data.make_module(),
        **library.make_modules(),
    }
    sys.modules.update(extra)
    path = list(sys.path)
    try:
        yield
    finally:
        for name in own:
            delattr(slicer, name)
        for name in extra:
            sys.modules.pop(name, None)
        sys.path[:] = path


def forget_package(folder: Path) -> None:
    """Drop the modules of a scripted module's folder from sys.modules."""
    root = os.path.realpath(folder) + os.sep
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and os.path.realpath(path).startswith(root):
            del sys.modules[name]
