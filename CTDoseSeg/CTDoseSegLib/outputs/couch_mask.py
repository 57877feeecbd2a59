"""Which voxels of a CT become air where couch or headrest are taken out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..ct.series import AIR_HU
from ..errors import SegmentationError
from ..segmentation.labelmap import BODY, COUCH, HEADREST

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..segmentation.labelmap import Labelmap

WITHOUT = (COUCH, HEADREST)
# Of the largest piece: a smaller one that touches the body is no couch.
CRUMB = 0.1
# Less of a label is no couch or headrest but a few pixels drawn by chance: of a shell of 2 mm a
# single slice of 5 mm holds more.
LEAST_ML = 1.0
# A shell is blurred over about so many pixels.
RIM_PX = 2


@dataclass(frozen=True)
class MadeAir:
    """How much of a CT became air: volume, and number of slices in which any did."""

    ml: float
    slices: int

    @classmethod
    def of(cls, mask: np.ndarray, affine: np.ndarray) -> MadeAir:
        """Measure a mask, boolean [k, j, i], on a grid."""
        return cls(_ml(mask, affine), int(mask.any(axis=(1, 2)).sum()))


def mask_without(labelmap: Labelmap, name: str) -> np.ndarray:
    """Return the voxels that are to become air, boolean [k, j, i].

    They are those of the label, what it encloses in a slice (the foam in a shell), and a rim of two
    pixels where the shell is blurred. Not among them: the body; what lies within two pixels of it
    and has no label; and crumbs of the label on the body, apart from the couch itself, which are
    rather a piece of skin or nose than of the couch.

    Parameters
    ----------
    labelmap
        Of the CT.
    name
        ``couch`` for whatever the patient lies on, a headrest too; ``headrest`` for that alone.

    Raises
    ------
    SegmentationError
        If there is none in the scan, or less than `LEAST_ML` of it.
    """
    wanted = WITHOUT if name == COUCH else (name,)
    values = [atom.value for atom in labelmap.atoms if atom.name in wanted]
    label = np.isin(labelmap.labels, values)
    if not label.any():
        raise SegmentationError(f"This scan has no {name}; {_remedy(labelmap, name)}.")
    body = labelmap.mask(BODY) if BODY in labelmap.groups else np.zeros_like(label)
    mask = _without_crumbs(label, body)
    if (ml := _ml(mask, labelmap.affine)) < LEAST_ML:
        raise SegmentationError(
            f"Only {ml:.2g} ml of this scan are labelled {name}, too little to be one; "
            f"{_remedy(labelmap, name)}."
        )
    square = np.ones((3, 3), bool)
    for taken, own in zip(mask, body, strict=True):
        if taken.any():
            near = ndimage.binary_dilation(own, square, RIM_PX)
            around = ndimage.binary_dilation(ndimage.binary_fill_holes(taken), square, RIM_PX)
            taken |= around & ~near
    return mask


def _remedy(labelmap: Labelmap, name: str) -> str:
    if name == HEADREST and any(atom.name == COUCH for atom in labelmap.atoms):
        return "what it shows beside the body is the couch, so write --without couch"
    return "there is nothing to take away"


def _ml(mask: np.ndarray, affine: np.ndarray) -> float:
    return float(mask.sum() * abs(np.linalg.det(affine[:3, :3]))) / 1000.0


def _without_crumbs(label: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Return a label without its small pieces that touch the body."""
    pieces, count = ndimage.label(label, np.ones((3, 3, 3), bool))
    if count < 2:
        return label
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    touching = np.zeros(count + 1, bool)
    touching[np.unique(pieces[ndimage.binary_dilation(body, np.ones((3, 3, 3), bool))])] = True
    kept = (sizes > 0) & ~(touching & (sizes < CRUMB * sizes.max()))
    return kept[pieces]


def without_air(series: CTSeries, mask: np.ndarray) -> np.ndarray:
    """Return the HU with air in the mask, as the series has them, [k, j, i]."""
    return np.where(mask, series.hu.dtype.type(AIR_HU), series.hu)
