"""A dose map as volumes that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..ct.volume_files import ENDINGS, write_volume

if TYPE_CHECKING:
    from ..dosimetry.dose_map import DoseMap

# Names without their ending: dose, its statistical SD, and dose to soft tissue in the same fluence.
DOSE, SD, SOFT_TISSUE = "dose_map", "dose_map_sd", "dose_map_soft_tissue"
DOSE_MAP_FILES = tuple(f"{name}{ending}" for name in (DOSE, SD, SOFT_TISSUE) for ending in ENDINGS)


def write_dose_map(dose_map: DoseMap, folder: Path) -> list[Path]:
    """Write a dose map in mGy, on its own grid, and its statistical standard deviation.

    Parameters
    ----------
    dose_map
        What to write; dose to soft tissue goes to a file of its own, where the map holds it.
    folder
        Existing folder.

    Returns
    -------
    list of Path
        ``dose_map.nii.gz`` and the others, or ``.nrrd`` where nibabel is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from CTDoseSegLib.dosimetry.dose_map import DoseMap
    >>> dose_mGy = np.full((2, 3, 4), 5, np.float32)
    >>> dose_map = DoseMap(dose_mGy, np.diag([2.0, 2.0, 5.0, 1.0]), 0.01 * dose_mGy, 1_000_000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_dose_map(dose_map, Path(folder))]
    ['dose_map.nii.gz', 'dose_map_sd.nii.gz']
    """
    volumes = {DOSE: dose_map.dose_mGy, SD: dose_map.statistical_sd_mGy}
    if dose_map.soft_tissue_batches_mGy is not None:
        mean = dose_map.soft_tissue_batches_mGy.mean(axis=0, dtype=np.float64)
        volumes[SOFT_TISSUE] = mean.astype(np.float32)
    return [write_volume(folder, name, voxels, dose_map.affine) for name, voxels in volumes.items()]
