"""The packages: what `pip install .` brings, and that what is imported is declared."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[3]
LIB = ROOT / "CTDoseSeg" / "CTDoseSegLib"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Name to import, where it is not that of the distribution.
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "dicomweb_client": "dicomweb-client",
    "dicomanonymizer": "dicom-anonymizer",
    "warp": "warp-lang",
    "distributed": "dask",
    "nnunetv2": "TotalSegmentator",  # which brings it
    "totalsegmentator": "TotalSegmentator",
}
# Of Slicer, or of an extension of it.
SLICERS = {"slicer", "qt", "ctk", "vtk", "vtkmodules", "PyTorchUtils", "SampleData", "DICOMLib"}
COMMAND_LINE = {
    *("numpy", "scipy", "pydicom", "simpleitk", "nibabel", "scikit-learn", "matplotlib", "rich"),
    *("pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pyjpegls"),
}
# In Slicer's own Python from 5.12 on.
BUNDLED_WITH_SLICER = {"numpy", "scipy", "pydicom", "simpleitk"}


def names(requirements: list[str]) -> set[str]:
    """Distributions of requirements, in lower case."""
    return {re.split(r"[\[<>=!;~ ]", one)[0].lower() for one in requirements}


def imported() -> dict[str, Path]:
    """Packages that a file of the package imports anywhere, with one such file."""
    found: dict[str, Path] = {}
    for path in LIB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules = [node.module]
            found |= {module.partition(".")[0]: path for module in modules}
    return found


def test_an_installation_without_extras_brings_the_command_lines_packages():
    brought = names(PROJECT["dependencies"])
    assert brought >= COMMAND_LINE
    assert not brought & {"torch", "totalsegmentator", "numba", "monai", "dask", "scikit-image"}


def test_every_package_that_is_imported_is_declared():
    declared = names(PROJECT["dependencies"])
    for extra in PROJECT["optional-dependencies"].values():
        declared |= names(extra)
    known = {"CTDoseSegLib", "CTDoseSeg", "tomllib"}  # the last is Python's own from 3.11 on
    others = {
        name: path
        for name, path in imported().items()
        if name not in sys.stdlib_module_names | SLICERS | known
    }
    assert others
    missing = {
        f"{name} ({path.name})"
        for name, path in others.items()
        if DISTRIBUTIONS.get(name, name).lower() not in declared
    }
    assert not missing


def test_what_slicer_is_to_install_has_the_command_lines_version():
    """The module asks for packages of its list; the other list is pyproject.toml's."""
    text = (ROOT / "CTDoseSeg" / "Resources" / "requirements.txt").read_text(encoding="utf-8")
    wanted = {line for line in text.splitlines() if line and not line.startswith("#")}
    declared = set(PROJECT["dependencies"]).union(*PROJECT["optional-dependencies"].values())
    assert wanted
    assert wanted <= declared
    assert not names(list(wanted)) & BUNDLED_WITH_SLICER
