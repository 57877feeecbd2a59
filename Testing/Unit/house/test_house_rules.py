"""The rooms of the house: imports run one way, nothing heavy at import time, nothing of Slicer."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LIB = Path(__file__).resolve().parents[3] / "CTDoseSeg" / "CTDoseSegLib"
# Files that every room may import.
BASE = {"errors", "flags", "files", "tasks", "__version__", "NOTICE", "models"}
_MEASURED = {"ct", "segmentation", "measurement"}
_RESULT = {"ct", "dicom", "reading", "segmentation", "measurement", "dosimetry"}
_RESULT |= {"analysis", "provenance", "result"}
# Each room may import itself, the base and the rooms named here.
ROOMS = {
    "errors": set(),
    "flags": set(),
    "files": set(),
    "tasks": set(),
    "ct": set(),
    "dicom": {"ct"},
    "reading": {"ct", "dicom"},
    "phantom": {"ct", "dicom"},
    "segmentation": {"ct", "reading"},
    "measurement": {"ct", "segmentation"},
    "dosimetry": _MEASURED,
    "provenance": _RESULT - {"analysis", "result"},
    "analysis": _RESULT - {"result"},
    "result": _RESULT,
    "outputs": _RESULT,
    "reporting": _RESULT - {"dicom"},
    "result_folder": _RESULT | {"outputs", "reporting"},
    "learning": _RESULT | {"phantom", "outputs", "reporting"},
    "batch": {"analysis", "result", "outputs", "reporting", "reading"},
}
# Nothing may import these.
FACES = {"cli", "ctdoseseg_ui"}
# Where a network is defined or trained torch stands at the top, and so they are imported by each
# other and inside functions alone.
NETWORK = {
    "segmentation/unet/network.py",
    "learning/unet/augment.py",
    "learning/unet/batches.py",
    "learning/unet/checkpoint.py",
    "learning/unet/evaluate.py",
    "learning/unet/loss.py",
    "learning/unet/start.py",
    "learning/unet/train.py",
    "learning/unet/trainer.py",
    "learning/unet/validation.py",
}
# What numba or Warp compiles has it at the top; `compilation` and `gpu` import these files inside
# functions.
KERNEL = {
    "dosimetry/montecarlo/ctdi_kernel.py",
    "dosimetry/montecarlo/gpu_inputs.py",
    "dosimetry/montecarlo/gpu_kernel.py",
    "dosimetry/montecarlo/gpu_physics.py",
    "dosimetry/montecarlo/photon_kernel.py",
}
AT_IMPORT = {"numpy", "scipy", "pydicom", "SimpleITK"}
SLICER = {"slicer", "qt", "ctk", "vtk"}
SMALLEST_ROOM = "ct"
FILES_IN_IT = 10


def modules() -> list[Path]:
    return sorted(LIB.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(LIB).as_posix()


def imports(path: Path, *, everywhere: bool, annotations: bool = False) -> set[str]:
    """Absolute names of what a file imports; only at module level unless `everywhere`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ("CTDoseSegLib", *path.relative_to(LIB).parts[:-1])
    found = set()
    for node in _statements(tree, everywhere, annotations):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *(node.module.split(".") if node.module else ())))
            found |= {f"{stem}.{alias.name}" for alias in node.names}
    return found


def _statements(tree: ast.AST, everywhere: bool, annotations: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not annotations:
            continue  # names for annotations, not imports
        yield node
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(node, everywhere, annotations)


def test_imports_run_along_the_arrows():
    """Also those for annotations: a room does not know the types of a later one."""
    offenders = []
    for path in modules():
        room = path.relative_to(LIB).parts[0].removesuffix(".py")
        if room in FACES or room in ("__init__", "__main__", "models"):
            continue
        allowed = ROOMS[room] | BASE | {room}
        names = imports(path, everywhere=True, annotations=True)
        own = {name.split(".")[1] for name in names if name.startswith("CTDoseSegLib.")}
        offenders += [f"{name_of(path)} imports {name}" for name in sorted(own - allowed)]
    assert not offenders, "\n".join(offenders)


def test_no_circle_of_imports():
    """Also those inside functions: what is imported late to avoid a circle is one."""
    arrows = {path: _own_files(path) for path in modules()}
    circles = []
    done: set[Path] = set()

    def follow(path: Path, way: tuple[Path, ...]) -> None:
        if path in way:
            circles.append(" -> ".join(name_of(p) for p in (*way[way.index(path) :], path)))
        elif path not in done:
            for other in sorted(arrows[path]):
                follow(other, (*way, path))
            done.add(path)

    for path in arrows:
        follow(path, ())
    assert not circles, "\n".join(circles)


def _own_files(path: Path) -> set[Path]:
    """Files of the package that a file imports, without the packages that hold them."""
    found = set()
    for name in imports(path, everywhere=True, annotations=True):
        parts = name.split(".")
        for length in (len(parts), len(parts) - 1):
            stem = LIB.parent.joinpath(*parts[:length])
            for file in (stem.with_suffix(".py"), stem / "__init__.py"):
                if file.is_file() and LIB in file.parents and file != path:
                    found.add(file)
                    break
            else:
                continue
            break
    return found - {LIB / "__init__.py"}


def test_the_room_of_values_stays_small():
    assert len(list((LIB / SMALLEST_ROOM).glob("*.py"))) < FILES_IN_IT


def test_what_shows_or_collects_results_takes_their_fields_not_keys_of_the_file():
    """The file's keys are known in `result` and `outputs`; all else asks a `Result`."""
    result = LIB / "result" / "result.py"
    (definition,) = (
        node
        for node in ast.walk(ast.parse(result.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name == "Result"
    )
    fields = {n.target.id for n in definition.body if isinstance(n, ast.AnnAssign)}
    assert {"organs", "slices", "effective_dose"} <= fields
    fields -= {"dose_model"}  # also the name of an option
    offenders = [
        f"{name_of(path)}:{node.lineno} {node.slice.value}"
        for path in modules()
        if set(path.relative_to(LIB).parts) & {"reporting", "batch", "result_folder.py", *FACES}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value in fields
    ]
    assert not offenders, "\n".join(offenders)


def test_only_the_user_interface_knows_slicer_and_qt():
    offenders = [
        name_of(path)
        for path in modules()
        if "ctdoseseg_ui" not in path.parts
        and {name.split(".")[0] for name in imports(path, everywhere=True)} & SLICER
    ]
    assert not offenders


def test_nothing_is_imported_at_file_scope_that_slicer_does_not_bundle():
    offenders = []
    for path in modules():
        allowed = AT_IMPORT | (SLICER if "ctdoseseg_ui" in path.parts else set())
        if name_of(path) in NETWORK:
            allowed |= {"torch", "safetensors"}
        if name_of(path) in KERNEL:
            allowed |= {"warp" if "/gpu_" in name_of(path) else "numba"}
        roots = {name.split(".")[0] for name in imports(path, everywhere=False)}
        extra = roots - set(sys.stdlib_module_names) - {"CTDoseSegLib"} - allowed
        offenders += [f"{name_of(path)} imports {name}" for name in sorted(extra)]
    assert not offenders, "\n".join(offenders)


def test_a_file_that_needs_torch_numba_or_warp_is_imported_where_it_is_used():
    heavy = NETWORK | KERNEL
    network = ["CTDoseSegLib." + n.removesuffix(".py").replace("/", ".") for n in heavy]
    offenders = []
    for path in modules():
        if name_of(path) in heavy:
            continue
        for name in imports(path, everywhere=False):
            if any(name == module or name.startswith(module + ".") for module in network):
                offenders.append(f"{name_of(path)} imports {name}")
    assert not offenders, "\n".join(offenders)


def test_the_files_named_here_are_there():
    assert all((LIB / name).is_file() for name in NETWORK | KERNEL)
    rooms = {path.relative_to(LIB).parts[0].removesuffix(".py") for path in modules()}
    assert set(ROOMS) - {"result"} <= rooms


def test_the_command_starts_without_reading_or_array_packages():
    code = (
        "import sys, CTDoseSegLib.cli.command_line as cli\n"
        "try: cli.main(['--version'])\n"
        "except SystemExit: pass\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} "
        "& {'numpy', 'scipy', 'pydicom', 'SimpleITK', 'torch', 'matplotlib', 'rich'}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=LIB.parent, capture_output=True, text=True, check=True
    )
    assert out.stdout.splitlines()[-1] == "[]"
