"""A dose map as volumes that other programs read, and read back from them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ..ct.volume_files import ENDINGS, write_volume
from ..dosimetry.dose_map import DoseMap
from ..errors import InputError
from ..reading.image_file import read_image

# Names without their ending: dose, its statistical SD, and dose to soft tissue in the same fluence.
DOSE, SD, SOFT_TISSUE = "dose_map", "dose_map_sd", "dose_map_soft_tissue"
# Dose to soft tissue by each batch of photons, for the dose of regions that are drawn later.
BATCHES = "dose_map_batches.npz"
DOSE_MAP_FILES = (
    *(f"{name}{ending}" for name in (DOSE, SD, SOFT_TISSUE) for ending in ENDINGS),
    BATCHES,
)


def write_dose_map(dose_map: DoseMap, folder: Path, *, batches: bool = False) -> list[Path]:
    """Write a dose map in mGy, on its own grid, and its statistical standard deviation.

    Parameters
    ----------
    dose_map
        What to write; dose to soft tissue goes to a file of its own, where the map holds it.
    folder
        Existing folder.
    batches
        Also write dose to soft tissue by batches, some ten megabytes, where the map holds them.

    Returns
    -------
    list of Path
        ``dose_map.nii.gz`` and the others, or ``.nrrd`` where nibabel is not installed.

    Examples
    --------
    >>> import tempfile
    >>> dose_mGy = np.full((2, 3, 4), 5, np.float32)
    >>> dose_map = DoseMap(dose_mGy, np.diag([2.0, 2.0, 5.0, 1.0]), 0.01 * dose_mGy, 1_000_000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_dose_map(dose_map, Path(folder))
    ...     read = read_dose_map(Path(folder), histories=1_000_000)
    >>> [path.name for path in files]
    ['dose_map.nii.gz', 'dose_map_sd.nii.gz']
    >>> float(read.dose_mGy.mean())
    5.0
    """
    volumes = {DOSE: dose_map.dose_mGy, SD: dose_map.statistical_sd_mGy}
    by_batch = dose_map.soft_tissue_batches_mGy
    if by_batch is not None:
        mean = by_batch.mean(axis=0, dtype=np.float64)
        volumes[SOFT_TISSUE] = mean.astype(np.float32)
    written = [
        write_volume(folder, name, voxels, dose_map.affine) for name, voxels in volumes.items()
    ]
    if batches and by_batch is not None:
        path = folder / BATCHES
        # Half precision errs by 0.05 % at most, a voxel's noise is a hundred times that.
        with path.open("wb") as file:
            np.savez_compressed(file, soft_tissue_mGy=by_batch.astype(np.float16))
        written.append(path)
    return written


def read_dose_map(folder: Path, *, histories: int) -> DoseMap | None:
    """Read what `write_dose_map` wrote; None where there is none.

    Parameters
    ----------
    folder
        Of a result.
    histories
        Of the simulation, as its model card states them.

    Raises
    ------
    InputError
        If a file is missing, cannot be read, or does not go with the others.
    """
    dose = _volume(folder, DOSE)
    if dose is None:
        return None
    sd = _volume(folder, SD)
    if sd is None:
        raise InputError(f"{folder.name}: the dose map lacks its uncertainty ({SD}).")
    try:
        return DoseMap(dose[0], dose[1], sd[0], histories, _batches(folder / BATCHES))
    except ValueError as error:
        raise InputError(f"{folder.name}: the dose map cannot be used. {error}") from error


def _volume(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    for path in (folder / f"{name}{ending}" for ending in ENDINGS):
        if path.is_file():
            image = read_image(path)
            return np.ascontiguousarray(image.voxels, np.float32), image.affine
    return None


def _batches(path: Path) -> np.ndarray | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file["soft_tissue_mGy"], np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path.name}: not a readable file of batches, or cut off; simulate again."
        ) from error
