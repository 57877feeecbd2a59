"""The rooms of the house: imports run one way, nothing heavy at import time, nothing of Slicer."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "CTDoseSeg" / "CTDoseSegLib"
# Each room may import itself and the rooms named here. Modules at the top may import every room.
ROOMS = {
    "ct": set(),
    "segmentation": {"ct"},
    "dosimetry": {"ct", "segmentation"},
    "reporting": {"ct", "segmentation", "dosimetry"},
    "learning": {"ct", "segmentation", "dosimetry", "reporting"},
    "batch": {"ct", "segmentation", "dosimetry", "reporting", "process"},
}
# Where a network is defined or trained torch stands at the top, and so they are imported by each
# other and inside functions alone.
NETWORK = {
    "segmentation/unet_network.py",
    "learning/unet_augment.py",
    "learning/unet_batches.py",
    "learning/unet_evaluate.py",
    "learning/unet_loss.py",
    "learning/unet_train.py",
}
COMMON = {"errors", "events"}
AT_IMPORT = {"numpy", "scipy", "pydicom", "SimpleITK"}
SLICER = {"slicer", "qt", "ctk", "vtk"}


def modules():
    return sorted(LIB.rglob("*.py"))


def imports(path: Path, *, everywhere: bool) -> set[str]:
    """Absolute names of what a file imports; only at module level unless `everywhere`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ("CTDoseSegLib", *path.relative_to(LIB).parts[:-1])
    found = set()
    for node in _statements(tree, everywhere):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *(node.module.split(".") if node.module else ())))
            found |= {f"{stem}.{alias.name}" for alias in node.names}
    return found


def _statements(tree: ast.AST, everywhere: bool):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue  # names for annotations, not imports
        yield node
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(node, everywhere)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(LIB)))
def test_imports_run_along_the_arrows(path):
    room = path.relative_to(LIB).parts[0]
    if room not in ROOMS:
        return
    allowed = ROOMS[room] | {room} | COMMON | {"__version__", "models"}
    own = {name.split(".")[1] for name in imports(path, everywhere=True) if "CTDoseSegLib." in name}
    assert own <= allowed


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(LIB)))
def test_only_the_user_interface_knows_slicer_and_qt(path):
    if "ctdoseseg_ui" in path.parts:
        return
    roots = {name.split(".")[0] for name in imports(path, everywhere=True)}
    assert not roots & SLICER


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(LIB)))
def test_nothing_is_imported_at_file_scope_that_slicer_does_not_bundle(path):
    allowed = AT_IMPORT | (SLICER if "ctdoseseg_ui" in path.parts else set())
    if path.relative_to(LIB).as_posix() in NETWORK:
        allowed |= {"torch", "safetensors"}
    roots = {name.split(".")[0] for name in imports(path, everywhere=False)}
    assert roots - set(sys.stdlib_module_names) - {"CTDoseSegLib"} <= allowed


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(LIB)))
def test_a_file_that_needs_torch_is_imported_where_it_is_used(path):
    if path.relative_to(LIB).as_posix() in NETWORK:
        return
    found = imports(path, everywhere=False)
    for name in NETWORK:
        module = "CTDoseSegLib." + name.removesuffix(".py").replace("/", ".")
        assert not any(f == module or f.startswith(module + ".") for f in found)


def test_the_command_starts_without_reading_or_array_packages():
    code = (
        "import sys, CTDoseSegLib.cli as cli\n"
        "try: cli.main(['--version'])\n"
        "except SystemExit: pass\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} "
        "& {'numpy', 'scipy', 'pydicom', 'SimpleITK', 'torch', 'matplotlib', 'rich'}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=LIB.parent, capture_output=True, text=True, check=True
    )
    assert out.stdout.splitlines()[-1] == "[]"
