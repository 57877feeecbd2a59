"""What came back from a run of TotalSegmentator, as one label map on the grid of the series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...ct.series import CTSeries
from ...errors import GeometryError
from ...flags import flag
from ...segmentation.atoms import groups_of, named_atom
from ..labelmap import COUCH, Labelmap, counts
from .plan import Plan
from .weights import Found

ENGINE = "totalsegmentator"
# Affines in NIfTI are float32.
SAME_AFFINE_MM = 0.01


def labels_of(
    plan: Plan, result: dict[str, Any], series: CTSeries, folder: Path
) -> list[np.ndarray]:
    """What each run found, [k, j, i], on the grid of the series."""
    found = []
    for n, (run, affine) in enumerate(zip(plan.runs, result["affines"], strict=True)):
        labels = np.load(folder / f"labels_{n}.npy", allow_pickle=False)
        same = labels.shape == series.hu.shape
        if not same or not np.allclose(affine, series.affine, atol=SAME_AFFINE_MM):
            raise GeometryError(
                f"TotalSegmentator's task {run.task} gave a volume of {labels.shape[::-1]} voxels "
                "on another grid than the scan's: nothing of it is used; choose another engine."
            )
        found.append(labels)
    return found


def as_labelmap(
    plan: Plan,
    present: Sequence[Found],
    device: str,
    found: list[np.ndarray],
    series: CTSeries,
) -> Labelmap:
    """One label map of all runs; later runs cover earlier ones."""
    labels = np.zeros(series.hu.shape, np.uint8)
    values: dict[str, int] = {}
    origins: dict[str, str] = {}
    taken = {value for run in plan.runs if run.task == "total" for value in run.names}
    spare = iter(sorted(set(range(1, 256)) - taken, reverse=True))
    for run, drawn in zip(plan.runs, found, strict=True):
        lookup = np.zeros(256, np.uint8)
        for value, name in run.names.items():
            values[name] = value if run.task == "total" else next(spare)
            origins[name] = f"{ENGINE} {run.task}"
            lookup[value] = values[name]
        drawn = lookup[drawn]
        np.copyto(labels, drawn, where=drawn > 0)
    there = set(np.flatnonzero(counts(labels)).tolist())
    atoms = tuple(
        named_atom(value, name, origins[name]) for name, value in values.items() if value in there
    )
    flags = () if atoms else (flag("network_found_nothing"),)
    about = {
        "version": plan.version,
        "quality": plan.quality,
        "device": device,
        "tasks": [run.task for run in plan.runs],
        "weights_sha256": {f.folder: f.sha256 for f in present},
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


def with_couch(found: Labelmap, outline: Labelmap) -> Labelmap:
    """A label map with a body of its own, and the outline's couch where that has nothing."""
    couch = next((atom for atom in outline.atoms if atom.name == COUCH), None)
    place = found.labels == 0
    if couch is not None:
        place &= outline.labels == couch.value
    if couch is None or not place.any():
        return found
    value = min(set(range(1, 256)) - {atom.value for atom in found.atoms})
    atoms = (*found.atoms, named_atom(value, COUCH, couch.origin))
    return replace(
        found,
        labels=np.where(place, np.uint8(value), found.labels),
        atoms=atoms,
        groups=groups_of(atom.name for atom in atoms),
        engine=f"{found.engine} + {outline.engine}",
        flags=found.flags + outline.flags,
    )
