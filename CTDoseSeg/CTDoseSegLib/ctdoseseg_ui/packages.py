"""What the networks need beyond Slicer; asked for before anything is installed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..errors import DependencyError

# Distribution names; torch comes from the PyTorch extension where that is installed.
NEEDED = {
    "unet": ("torch", "safetensors"),
    # The bundled UNet draws body and couch beneath its organs.
    "totalsegmentator": ("torch", "TotalSegmentator", "safetensors"),
    "contrast_phase": ("xgboost",),
    "montecarlo": ("numba",),
    # SEG and SR; newer Slicers bring it along.
    "dicom": ("highdicom",),
    "published": ("torch", "scikit-learn"),
}
# Which versions.
REQUIREMENTS = Path(__file__).resolve().parents[2] / "Resources" / "requirements.txt"
# Slicer's own copies, or chosen by the PyTorch extension: pip must not replace them.
SKIPPED = ["SimpleITK", "torch", "requests"]
# Beyond these an archive is not searched for NIfTI files; scans that need nibabel name it then.
MOST_NAMES = 5000
# What it takes, PyTorch for the processor included: measured on Linux.
SIZES = {
    "totalsegmentator": _(
        "about 1.3 GB on disk with PyTorch, and several GB more with PyTorch for an NVIDIA GPU"
    ),
}


def missing(engine: str) -> tuple[str, ...]:
    """Return requirements of the engine that are not met; of torch the name alone."""
    import slicer.packaging

    versions = {r.name: str(r) for r in slicer.packaging.load_requirements(REQUIREMENTS)}
    return tuple(
        versions.get(name, name)
        for name in NEEDED.get(engine, ())
        # Looked up by its metadata: importing torch here would lock its libraries on Windows.
        if not slicer.packaging.pip_check(versions.get(name, name))
    )


def ensure(engine: str) -> None:
    """Ask for and install what the engine needs; nothing for threshold-based segmentation.

    Raises
    ------
    DependencyError
        If the user refuses, or the installation fails.
    """
    names = missing(engine)
    if not names:
        return
    import subprocess

    import slicer.packaging

    if engine in SIZES and (large := _large(names)):
        if not _agrees(engine, large):
            raise DependencyError(_refused(engine, list(large)))
        if _installed_by_extension():
            names = missing(engine)
    if "torch" in names:
        _install_torch(engine)
    rest = [name for name in names if name != "torch"]
    try:
        if rest:
            slicer.packaging.pip_ensure(rest, skip_packages=SKIPPED, requester="CTDoseSeg")
    except RuntimeError as error:
        raise DependencyError(_refused(engine, rest)) from error
    except subprocess.CalledProcessError as error:
        raise DependencyError(
            _(
                "Installing {names} failed; nothing was analysed. Choose the classical method, or "
                "see Slicer's log for the reason."
            ).format(names=", ".join(rest))
        ) from error


def ensure_nifti(paths: Iterable[str | Path]) -> None:
    """Ask for and install nibabel if it is missing and one of `paths` is a NIfTI file.

    Raises
    ------
    DependencyError
        If the user refuses, or the installation fails.
    """
    import slicer.packaging

    from ..reading.nifti_file import is_nifti

    versions = {r.name: str(r) for r in slicer.packaging.load_requirements(REQUIREMENTS)}
    wanted = versions["nibabel"]
    if slicer.packaging.pip_check(wanted) or not any(is_nifti(Path(path)) for path in paths):
        return
    import subprocess

    try:
        slicer.packaging.pip_ensure([wanted], skip_packages=SKIPPED, requester="CTDoseSeg")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        raise DependencyError(
            _(
                "Reading NIfTI files needs nibabel, which was not installed. Load the file in "
                "Slicer and analyse the volume, or save it as NRRD."
            )
        ) from error


def ensure_simulation() -> None:
    """Ask for and install what Monte Carlo needs; Slicer's own numpy stays as it is.

    Raises
    ------
    DependencyError
        If numba is not made for this computer, the user refuses, or the installation fails.
    """
    names = missing("montecarlo")
    if not names:
        return
    import subprocess

    import slicer.packaging

    from ..dosimetry.montecarlo.compilation import without_wheel

    if reason := without_wheel():
        raise DependencyError(reason)
    instead = _("Choose Doses by: Fast law, which needs nothing")
    try:
        with _numpy_as_it_is() as constraints:
            slicer.packaging.pip_ensure(
                list(names), constraints=constraints, requester="CTDoseSeg (Monte Carlo)"
            )
    except RuntimeError as error:
        raise DependencyError(
            _(
                "Monte Carlo needs {names}, which was not installed. {instead}, or press Apply "
                "again to install it."
            ).format(names=", ".join(names), instead=instead)
        ) from error
    except subprocess.CalledProcessError as error:
        raise DependencyError(
            _(
                "Monte Carlo needs {names}, and no version of it could be installed beside this "
                "numpy, which Slicer itself needs; nothing was changed. {instead}, or see Slicer's "
                "log for the reason."
            ).format(names=", ".join(names), instead=instead)
        ) from error


def ensure_dose_model(folder: str) -> None:
    """Ask for and install what a dose model in a folder needs: the published networks alone do.

    Raises
    ------
    ModelError
        If the folder holds no dose model.
    DependencyError
        If PyTorch is missing, the user refuses, or the installation fails.
    """
    from ..dosimetry.engines import PUBLISHED, model_kind

    names = missing("published") if model_kind(folder) == PUBLISHED else ()
    if not names:
        return
    import subprocess

    import slicer.packaging

    needed = _(
        "The published dose networks need {names}, which was not installed. Install it{how}, or "
        "empty the field Dose model under Advanced for the bundled model."
    )
    if "torch" in names:
        how = _(" by the extension PyTorch of the Extensions Manager")
        raise DependencyError(needed.format(names="PyTorch", how=how))
    try:
        slicer.packaging.pip_ensure(list(names), skip_packages=SKIPPED, requester="CTDoseSeg")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        raise DependencyError(needed.format(names=", ".join(names), how="")) from error


@contextlib.contextmanager
def _numpy_as_it_is() -> Iterator[Path]:
    """Give a file that keeps pip from replacing numpy, which Slicer has loaded."""
    with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as folder:
        path = Path(folder) / "constraints.txt"
        version = importlib.metadata.version("numpy")
        path.write_text(f"numpy=={version}\n", encoding="utf-8")
        yield path


def names_below(folder: str | Path) -> Iterator[str]:
    """Yield names of files below a folder, the first `MOST_NAMES`: the window must not wait."""
    names = (name for _root, _folders, files in os.walk(folder) for name in files)
    yield from islice(names, MOST_NAMES)


def _large(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what takes gigabytes, and comes from TotalSegmentator's extension if installed."""
    return tuple(name for name in names if not name.startswith("safetensors"))


def _agrees(engine: str, names: tuple[str, ...]) -> bool:
    text = _("The method {engine} needs {names}: {size}. Install into Slicer's Python now?")
    return slicer.util.confirmOkCancelDisplay(
        text.format(engine=engine, names=", ".join(names), size=SIZES[engine])
    )


def extension_logic() -> Any:
    """Return the logic of the extension TotalSegmentator; None where it is not installed."""
    if not hasattr(slicer.modules, "totalsegmentator"):
        return None
    return slicer.util.getModuleLogic("TotalSegmentator")


def _installed_by_extension() -> bool:
    """Let the extension TotalSegmentator install, if it is here: one set of pins, not two."""
    logic = extension_logic()
    if logic is None:
        return False
    try:
        logic.setupPythonRequirements()
    except (RuntimeError, ValueError) as error:
        raise DependencyError(
            _(
                "The extension TotalSegmentator could not install its packages: {why} Nothing was "
                "analysed; choose the classical method, or mend the extension."
            ).format(why=error)
        ) from error
    if left := _large(missing("totalsegmentator")):
        raise DependencyError(
            _(
                "{names} cannot be used before Slicer is started again: packages that are in use "
                "were replaced. Restart Slicer and press Apply."
            ).format(names=", ".join(left))
        )
    return True


def _refused(engine: str, names: list[str]) -> str:
    return _(
        "The method {engine} needs {names}, which were not installed. Choose the classical method, "
        "which needs nothing, or press Apply again to install them."
    ).format(engine=engine, names=", ".join(names))


def _install_torch(engine: str) -> None:
    try:
        import PyTorchUtils
    except ImportError as error:
        raise DependencyError(
            _(
                "The method {engine} needs PyTorch. Install the extension PyTorch in the "
                "Extensions Manager, or choose the classical method, which needs nothing."
            ).format(engine=engine)
        ) from error
    if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True) is None:
        raise DependencyError(_refused(engine, ["torch"]))
