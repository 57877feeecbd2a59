"""A result in a folder with the CT that it was made of, checked to belong together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..files.staging import RESULT
from ..provenance import file_sha256
from ..result import Result, read_result
from ..segmentation.labelmap import Labelmap
from ..segmentation.user import read_labelmap
from .simulated import dose_map_in

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..dosimetry.dose_map import DoseMap


@dataclass(frozen=True, eq=False)
class StoredResult:
    """What `read_stored` found; `dose_map` is None without a simulation."""

    result: Result
    labelmap: Labelmap
    dose_map: DoseMap | None


def read_stored(folder: Path, series: CTSeries) -> StoredResult:
    """Read a result, its label map and its dose map, and check that they are of this CT.

    Parameters
    ----------
    folder
        That `analyze` wrote.
    series
        The CT.

    Returns
    -------
    StoredResult

    Raises
    ------
    InputError
        If the CT's files are not those that the result was made of, or the label map was changed
        since.
    """
    result = read_result(folder)
    check_inputs(result, series)
    labelmap = read_labelmap(folder / result.segmentation.file, series)
    if not _as_measured(result, labelmap):
        raise InputError(
            f"{result.segmentation.file} is not the label map that {RESULT} beside it was measured "
            "with; run analyze on the CT with --segmentation and this label map."
        )
    return StoredResult(result, labelmap, dose_map_in(folder, result))


def check_inputs(result: Result, series: CTSeries) -> None:
    """Refuse a CT whose files are not those that a result was made of.

    Raises
    ------
    InputError
        If a SHA-256 differs.
    """
    own = [one.sha256 for one in result.provenance.inputs]
    given = [file_sha256(Path(name)) for name in series.files]
    if sorted(own) != sorted(given):
        same = len(set(own) & set(given))
        raise InputError(
            f"The result was made of another CT: {same} of its {len(own)} input files are among "
            f"the {len(given)} given ones; give the CT that was analysed."
        )


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
