"""A CT on a grid with one spacing in all directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..ct.series import AIR_HU, CTSeries

if TYPE_CHECKING:
    from ..segmentation.labelmap import Labelmap


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Resampled:
    """HU and, where there are some, labels on an isotropic grid.

    Attributes
    ----------
    hu
        [k, j, i], of the series' own type.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    labels
        [k, j, i]; None without a label map.
    """

    hu: np.ndarray
    affine: np.ndarray
    labels: np.ndarray | None


def isotropic_shape(series: CTSeries, spacing_mm: float) -> tuple[int, int, int]:
    """Return the numbers of slices, rows and columns that cover the volume.

    Parameters
    ----------
    series
        The CT.
    spacing_mm
        Of the new grid, in all directions.

    Returns
    -------
    tuple of int
        (k, j, i).
    """
    extent = np.array(series.hu.shape) * series.spacing_mm[::-1]
    k, j, i = (max(int(n), 1) for n in np.ceil(extent / spacing_mm - 1e-6))
    return k, j, i


def resample(series: CTSeries, labelmap: Labelmap | None, spacing_mm: float) -> Resampled:
    """Resample a regular series: HU linearly, -1000 outside; labels to the nearest.

    Parameters
    ----------
    series
        A regular CT.
    labelmap
        Labels on its grid; may be None.
    spacing_mm
        Of the new grid, in all directions.

    Returns
    -------
    Resampled
        On a grid with the same axes and outer corner.
    """
    import SimpleITK as sitk

    hu = _resampled(series, series.hu.astype(np.float32), spacing_mm, sitk.sitkLinear, AIR_HU)
    if series.hu.dtype == np.int16:
        hu = np.rint(hu).astype(np.int16)
    labels = None
    if labelmap is not None:
        labels = _resampled(series, labelmap.labels, spacing_mm, sitk.sitkNearestNeighbor, 0)
    affine = series.affine.astype(float).copy()
    old = np.array(series.spacing_mm)
    affine[:3, :3] *= spacing_mm / old
    affine[:3, 3] += series.affine[:3, :3] @ ((spacing_mm / old - 1) / 2)
    return Resampled(hu, affine, labels)


def _resampled(
    series: CTSeries, voxels: np.ndarray, spacing_mm: float, method: int, outside: float
) -> np.ndarray:
    import SimpleITK as sitk

    # In the volume's own axes: resampling is the same there, and no sign can be wrong.
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(series.spacing_mm)
    resampled = sitk.Resample(
        image,
        list(isotropic_shape(series, spacing_mm)[::-1]),
        sitk.Transform(3, sitk.sitkIdentity),
        method,
        ((spacing_mm - np.array(series.spacing_mm)) / 2).tolist(),
        (spacing_mm,) * 3,
        np.eye(3).ravel().tolist(),
        float(outside),
        image.GetPixelID(),
    )
    return sitk.GetArrayFromImage(resampled)
