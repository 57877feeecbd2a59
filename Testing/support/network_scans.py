"""Scans without anatomy, for tests of the engine TotalSegmentator."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.tasks.progress import Progress

needs_package = pytest.mark.skipif(
    "totalsegmentator" not in {d.metadata["Name"].lower() for d in metadata.distributions()},
    reason="it is about TotalSegmentator's own tables",
)
AFFINE = np.diag([-4.0, -4.0, 5.0, 1.0])


def series(shape=(4, 30, 30), regular=True, dtype=np.int16) -> CTSeries:
    """A block of tissue in air, `shape` [k, j, i]."""
    slices = tuple(SliceInfo(z_mm=5.0 * k) for k in range(shape[0]))
    hu = np.full(shape, -1000, dtype)
    hu[:, 4:-4, 4:-4] = 20
    return CTSeries(hu, AFFINE, slices, Acquisition(), "test", regular=regular)


def body_mask(ct: CTSeries, _progress: Progress) -> Labelmap:
    """A body without a search for it."""
    labels = (ct.hu > -500).astype(np.uint8)
    atoms = (named_atom(1, "body_rest", "body_mask"),)
    return Labelmap(labels, ct.affine, atoms, groups_of(["body_rest"]), "body_mask")
