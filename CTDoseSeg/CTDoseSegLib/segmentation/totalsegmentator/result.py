"""What came back from a run of TotalSegmentator, as one label map on the grid of the series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...ct.geometry import Grid
from ...ct.series import CTSeries
from ...errors import GeometryError
from ...flags import flag
from ...segmentation.atoms import groups_of, named_atom
from ..labelmap import COUCH, Labelmap, counts
from .plan import Plan
from .weights import InstalledNetwork

ENGINE = "totalsegmentator"


def labels_of(
    plan: Plan, result: dict[str, Any], series: CTSeries, folder: Path
) -> list[np.ndarray]:
    """Read the labels of each run.

    Parameters
    ----------
    plan
        The runs.
    result
        The worker's, with ``affines``.
    series
        The CT that was segmented.
    folder
        Where the worker wrote ``labels_N.npy``.

    Returns
    -------
    list of numpy.ndarray
        uint8 [k, j, i], on the grid of the series.

    Raises
    ------
    GeometryError
        If one is on another grid.
    """
    label_arrays = []
    for n, (run, affine) in enumerate(zip(plan.runs, result["affines"], strict=True)):
        labels = np.load(folder / f"labels_{n}.npy", allow_pickle=False)
        if not Grid(labels.shape, np.array(affine)).same_as(series.grid):
            raise GeometryError(
                f"TotalSegmentator's task {run.task} gave a volume of {labels.shape[::-1]} voxels "
                "on another grid than the scan's: nothing of it is used; choose another engine."
            )
        label_arrays.append(labels)
    return label_arrays


def as_labelmap(
    plan: Plan,
    networks: Sequence[InstalledNetwork],
    device: str,
    label_arrays: list[np.ndarray],
    series: CTSeries,
) -> Labelmap:
    """Merge the labels of all runs; later runs cover earlier ones.

    Parameters
    ----------
    plan
        The runs.
    networks
        Those that ran, for provenance.
    device
        Where they ran.
    label_arrays
        Of each run, as `labels_of` returns them.
    series
        The CT that was segmented.

    Returns
    -------
    Labelmap
    """
    labels = np.zeros(series.hu.shape, np.uint8)
    values: dict[str, int] = {}
    origins: dict[str, str] = {}
    taken = {value for run in plan.runs if run.task == "total" for value in run.names}
    spare = iter(sorted(set(range(1, 256)) - taken, reverse=True))
    for run, drawn in zip(plan.runs, label_arrays, strict=True):
        lookup = np.zeros(256, np.uint8)
        for value, name in run.names.items():
            values[name] = value if run.task == "total" else next(spare)
            origins[name] = f"{ENGINE} {run.task}"
            lookup[value] = values[name]
        drawn = lookup[drawn]
        np.copyto(labels, drawn, where=drawn > 0)
    present = set(np.flatnonzero(counts(labels)).tolist())
    atoms = tuple(
        named_atom(value, name, origins[name]) for name, value in values.items() if value in present
    )
    flags = () if atoms else (flag("network_found_nothing"),)
    about = {
        "version": plan.version,
        "quality": plan.quality,
        "device": device,
        "tasks": [run.task for run in plan.runs],
        "weights_sha256": {network.folder: network.sha256 for network in networks},
    }
    return Labelmap(
        labels,
        series.affine,
        atoms,
        groups_of(atom.name for atom in atoms),
        f"{ENGINE} {plan.version} {plan.quality}",
        flags,
        about={ENGINE: about},
    )


def with_couch(organs: Labelmap, body_mask: Labelmap) -> Labelmap:
    """Add the couch of a body mask to a label map that has a body of its own.

    Parameters
    ----------
    organs
        With a body.
    body_mask
        On the same grid; only its couch is used, where `organs` has nothing.

    Returns
    -------
    Labelmap
    """
    couch = next((atom for atom in body_mask.atoms if atom.name == COUCH), None)
    place = organs.labels == 0
    if couch is not None:
        place &= body_mask.labels == couch.value
    if couch is None or not place.any():
        return organs
    value = min(set(range(1, 256)) - {atom.value for atom in organs.atoms})
    atoms = (*organs.atoms, named_atom(value, COUCH, couch.origin))
    return replace(
        organs,
        labels=np.where(place, np.uint8(value), organs.labels),
        atoms=atoms,
        groups=groups_of(atom.name for atom in atoms),
        engine=f"{organs.engine} + {body_mask.engine}",
        flags=organs.flags + body_mask.flags,
    )
