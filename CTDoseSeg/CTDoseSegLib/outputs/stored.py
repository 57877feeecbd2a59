"""A result in a folder with the CT that it was made of, checked to belong together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..measurement.measurements import measure
from ..provenance import file_sha256
from ..result import Result, read_result
from ..result.values import structures_of
from ..segmentation.labelmap import Labelmap
from ..segmentation.user import read_labelmap
from .simulated import dose_map_in

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..dosimetry.dose_map import DoseMap

_HU = 0.05  # of a mean, after rounding in the file
OTHER_CT = (
    "The result was made of another CT, or its label map was changed since: neither the files nor "
    "the mean HU of its organs are those of this CT. Give the CT that was analysed, or analyse "
    "again."
)
OTHER_FILES = (
    "The result was made of other files than those of this CT (their SHA-256 differ): give the CT "
    "that was analysed. If it holds the same voxels in another file, as that of a Slicer scene or "
    "a volume file, --same-voxels compares what was measured instead."
)
OTHER_LABELS = (
    "{file} is not the label map that the result beside it was measured with; run analyze on the "
    "CT with --segmentation and this label map."
)


@dataclass(frozen=True, eq=False)
class StoredResult:
    """What `read_stored` found; `dose_map` is None without a simulation."""

    result: Result
    labelmap: Labelmap
    dose_map: DoseMap | None


def read_stored(folder: Path, series: CTSeries, *, same_voxels: bool = False) -> StoredResult:
    """Read a result, its label map and its dose map, and check that they are of this CT.

    Parameters
    ----------
    folder
        That `analyze` wrote.
    series
        The CT.
    same_voxels
        Take a CT of other files too, if what was measured in its voxels is the same.

    Returns
    -------
    StoredResult

    Raises
    ------
    InputError
        If the result was made of another CT, or the label map was changed since.
    """
    result = read_result(folder)
    labelmap = read_labelmap(folder / result.segmentation.file, series)
    if same_voxels:
        _check_values(result, series, labelmap)
    elif not _same_files(result, series):
        raise InputError(OTHER_FILES)
    elif not _as_measured(result, labelmap):
        raise InputError(OTHER_LABELS.format(file=result.segmentation.file))
    return StoredResult(result, labelmap, dose_map_in(folder, result))


def _same_files(result: Result, series: CTSeries) -> bool:
    """Return whether the CT's files are those that a result was made of, by their SHA-256."""
    own = [one.sha256 for one in result.provenance.inputs]
    return sorted(own) == sorted(file_sha256(Path(name)) for name in series.files)


def _check_values(result: Result, series: CTSeries, labelmap: Labelmap) -> None:
    """Refuse another CT where files cannot tell: a result of a scene was made of its voxels.

    The mean HU of every organ in every slice is as good as a hash of what was measured.
    """
    if not _as_measured(result, labelmap):
        raise InputError(OTHER_CT)
    measured = structures_of(series, measure(series, labelmap))
    for name, structure in result.structures.items():
        seen = structure.count > 0
        own = measured.get(name)
        if own is None or np.abs(own.mean_hu[seen] - structure.mean_hu[seen]).max(initial=0) > _HU:
            raise InputError(OTHER_CT)


def _as_measured(result: Result, labelmap: Labelmap) -> bool:
    """Return whether every organ has as many voxels in each slice as the result states."""
    groups = labelmap.groups
    values = {atom.name: atom.value for atom in labelmap.atoms}
    size = max(values.values(), default=0) + 1
    counts = np.array([np.bincount(s.ravel(), minlength=size)[:size] for s in labelmap.labels])
    for name, structure in result.structures.items():
        atoms = [values[atom] for atom in groups.get(name, ()) if atom in values]
        if not np.array_equal(counts[:, atoms].sum(axis=1), structure.count):
            return False
    return True
