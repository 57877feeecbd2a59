"""The brain: soft tissue that the skull surrounds, without the fluid in and around it.

A ball that is too thick for the openings of the skull's base, but not for the brain, is moved
about inside the skull: where it comes is brain. Gaps of the vault (an infant's fontanelles) are
closed by a ball that does not fit through them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...flags import Flag, flag, organ_place
from ..morphology import ball_rows, dilated_by, dilated_by_disc, eroded_by, filled
from ..working_grid import Coarse, disc
from .bones import WEAK_HU
from .skull import Skull, find_skull

BRAIN = "brain"
# Radii of the balls, as parts of the width: 15 and 27 mm in adults, 10 and 17 mm in newborns.
BALL, CLOSING = 0.10, 0.18
# Bone in the middle of the skull is no wall of it: calcifications, clips, catheters.
SPECK_MM3 = 3000.0
LIGHT_HU = -50.0
# How far narrow corners go on from where the ball comes.
CORNER_PX = 2
# Of brain and fluid; of all whom a CT scanner sees, few have less or more.
VOLUME_ML = (150.0, 2200.0)
# What may lie outside the closed skull: a little under a fontanelle.
MOST_OPEN = 0.1
# Fluid has less than this part of the brain's HU, in means over such a distance (along z, in the
# plane) of what is neither bone nor air.
FLUID_SHARE = 0.5
FLUID_BLUR_MM = (2.0, 2.5)
SOFT_HU = (-60.0, 130.0)
# So near to bone that the mean of such a distance is denser lies fluid.
EDGE_BLUR_MM, EDGE_HU = 1.2, 130.0


@dataclass(frozen=True)
class Brain:
    """The inside of the skull on the coarse grid.

    Attributes
    ----------
    inside
        Boolean [k, j, i], brain and fluid; empty where there is no head, or no brain that can be
        trusted.
    fluid
        Boolean [k, j, i], what of it is fluid, as far as the slices show it.
    flags
        Why there is no brain, although there is a head.
    """

    inside: np.ndarray
    fluid: np.ndarray
    flags: tuple[Flag, ...] = ()

    def near(self, coarse: Coarse, k: int, shape: tuple[int, int]) -> np.ndarray:
        """Return where brain can be in slice `k`, on the fine grid of `shape`, [j, i]."""
        if not self.inside[k].any():
            return np.zeros(shape, dtype=bool)
        near = dilated_by_disc(self.inside[k], 1) & ~self.fluid[k]
        return coarse.enlarge(near, shape)


def find_brain(coarse: Coarse, body: np.ndarray) -> Brain:
    """Return the inside of the skull, with brain and fluid.

    Parameters
    ----------
    coarse
        The slices.
    body
        Boolean [k, j, i].

    Returns
    -------
    Brain

    Examples
    --------
    >>> from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
    >>> from CTDoseSegLib.segmentation.working_grid import Canonical
    >>> head = Phantom(variant="head", shape=(96, 96, 40), spacing_mm=(2.6, 2.6, 5.0))
    >>> coarse = Coarse.of(Canonical.of(phantom_series(head)[0]))
    >>> brain = find_brain(coarse, coarse.hu > -500)
    >>> bool(1200 < brain.inside.sum() * 2.6 * 2.6 * 5.0 / 1000 < 2000)
    True
    """
    nothing = np.zeros_like(body)
    skull = find_skull(coarse, body)
    if skull is None:
        return Brain(nothing, nothing)
    held, open_share = _inside(coarse, body, skull)
    volume_ml = float(held.sum()) * coarse.pixel_mm2 * coarse.spacing_mm[0] / 1000.0
    low, high = VOLUME_ML
    doubt = ""
    if open_share > MOST_OPEN:
        doubt = f"the skull is open beside {100 * open_share:.0f} % of what it holds"
    elif not low <= volume_ml <= high:
        doubt = f"the skull holds {volume_ml:.0f} ml, {low:.0f} to {high:.0f} ml are expected"
    if doubt:
        return Brain(nothing, nothing, (flag("organ_left_out", doubt).at(organ_place(BRAIN)),))
    inside, fluid = nothing.copy(), nothing.copy()
    inside[skull.window] = held
    fluid[skull.window] = _fluid(coarse.hu[skull.window], held, coarse.spacing_mm)
    return Brain(inside, fluid)


def _inside(coarse: Coarse, body: np.ndarray, skull: Skull) -> tuple[np.ndarray, float]:
    """Return the skull's inside in its window, and which part of it no bone surrounds."""
    hu, spacing = coarse.hu[skull.window], coarse.spacing_mm
    hard = _without_specks(coarse, body[skull.window] & (hu > WEAK_HU))
    soft = body[skull.window] & ~hard & (hu > LIGHT_HU)
    ball, closing = BALL * skull.width_mm, CLOSING * skull.width_mm
    middle = eroded_by(soft, ball_rows(ball, spacing))
    pieces, count = ndimage.label(middle)
    shared = np.bincount(pieces[skull.inside & middle], minlength=count + 1)
    shared[0] = 0
    if not shared.any():
        return np.zeros_like(soft), 0.0
    middle = pieces == shared.argmax()
    reached = soft & dilated_by(middle, ball_rows(ball + 1.0, spacing))
    # Closed in three dimensions, filled slice by slice: the base is open, and the scan may cut it.
    rows = ball_rows(closing, spacing)
    closed = hard | eroded_by(dilated_by(hard, rows), rows)
    walled = np.stack([filled(image) for image in closed])
    inside = reached & walled
    open_share = 1.0 - float(inside.sum()) / float(reached.sum())
    inside = ndimage.binary_dilation(inside, disc(1), CORNER_PX, mask=soft & walled)
    return inside, open_share


def _without_specks(coarse: Coarse, hard: np.ndarray) -> np.ndarray:
    pieces, count = ndimage.label(hard)
    volumes = np.bincount(pieces.ravel(), minlength=count + 1)
    large = volumes * (coarse.pixel_mm2 * coarse.spacing_mm[0]) > SPECK_MM3
    large[0] = False
    return large[pieces]


def _fluid(hu: np.ndarray, held: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return what of the skull's inside is fluid."""
    blur = [mm / s for mm, s in zip((*FLUID_BLUR_MM, FLUID_BLUR_MM[1]), spacing_mm, strict=True)]
    # Bone and air do not blur into what lies beside them.
    soft = (hu > SOFT_HU[0]) & (hu < SOFT_HU[1])
    weight = ndimage.gaussian_filter(soft.astype(np.float32), blur)
    mean = ndimage.gaussian_filter(np.where(soft, hu, 0).astype(np.float32), blur)
    mean /= np.maximum(weight, 1e-3)
    return held & (mean < FLUID_SHARE * float(np.median(hu[held])))


def brain_in_slice(hu: np.ndarray, near: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """Return the pixels that are brain, and not the bone around it.

    Parameters
    ----------
    hu
        [j, i].
    near
        Boolean [j, i], where brain can be.
    spacing_mm
        Along j and i.

    Returns
    -------
    numpy.ndarray
        Boolean [j, i].

    Examples
    --------
    >>> hu = np.full((40, 40), 35.0)
    >>> hu[:3] = 900.0
    >>> brain = brain_in_slice(hu, np.ones((40, 40), bool), (1.0, 1.0))
    >>> bool(brain[20, 20]), bool(brain[3, 20]), bool(brain[1, 20])
    (True, False, False)
    """
    drawn = np.zeros_like(near)
    if not near.any():
        return drawn
    (box,) = ndimage.find_objects(near.astype(np.uint8))
    values = hu[box].astype(np.float32)
    edge = ndimage.gaussian_filter(values, [EDGE_BLUR_MM / mm for mm in spacing_mm])
    drawn[box] = near[box] & (edge < EDGE_HU) & (values < WEAK_HU) & (values > -WEAK_HU)
    return drawn
