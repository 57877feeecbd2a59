"""One labelled scan on the network's working grid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from ...ct.series import CTSeries
from ...segmentation.unet.images import working_volume
from ...segmentation.unet.spec import UNetSpec
from ...segmentation.working_grid import Canonical


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Case:
    """One labelled scan on the working grid, seen along the patient's axes.

    Attributes
    ----------
    name
        Of the case; no patient identity is read for it.
    patient
        Cases of one patient stay together when some are kept for validation.
    source
        Index of its [[data]] table.
    volume
        HU, [k, rows, columns].
    labels
        uint8, [k, rows, columns]: classes from 1 on, 0 none, 255 unknown.
    z_mm
        Of each slice, [k].
    voxel_mm
        Size of a voxel along k, rows and columns.
    digest
        Tells scans apart by their pixels; empty for what is made here.
    number
        Of the scan in pictures and files, which are passed on: names of folders can be those of
        patients.
    part
        Indices of the slices that are trained on, or validated with; empty: all. The others are
        there as neighbours.
    """

    name: str
    patient: str
    source: int
    volume: np.ndarray
    labels: np.ndarray
    z_mm: np.ndarray
    voxel_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    digest: str = ""
    number: int = 1
    part: tuple[int, ...] = field(default=())

    @property
    def slices(self) -> np.ndarray:
        """Indices of the slices that count, [n]."""
        return np.array(self.part) if self.part else np.arange(len(self.volume))


def make_case(
    name: str, patient: str, source: int, series: CTSeries, labels: np.ndarray, spec: UNetSpec
) -> Case:
    """Make a case on the working grid; labels by the pixel at each working pixel's centre."""
    view = Canonical.of(series)
    drawn = np.flip(labels.transpose(view.permutation), view.reversed_axes)
    volume = working_volume(view.hu, view.spacing_mm[1:], spec)
    z = series.z_mm if view.permutation[0] == 0 else view.spacing_mm[0] * np.arange(len(volume))
    if view.permutation[0] == 0 and 0 in view.reversed_axes:
        z = z[::-1]
    rows, columns = (
        ((np.arange(small) + 0.5) * fine / small).astype(int)
        for small, fine in zip(volume.shape[1:], drawn.shape[1:], strict=True)
    )
    small = np.ascontiguousarray(drawn[:, rows][:, :, columns])
    voxel_mm = (
        view.spacing_mm[0],
        view.spacing_mm[1] * drawn.shape[1] / volume.shape[1],
        view.spacing_mm[2] * drawn.shape[2] / volume.shape[2],
    )
    z_mm = np.asarray(z, float)
    return Case(name, patient, source, volume, small, z_mm, voxel_mm, pixel_digest(series))


def pixel_digest(series: CTSeries) -> str:
    """Return a hash of a scan's pixels: it says which scan this is and nothing about whose."""
    return hashlib.sha256(np.ascontiguousarray(series.hu).data).hexdigest()[:16]
