"""The skull on the coarse grid: slices in which bone surrounds most of what the body shows.

No other bone does: ribs and hip bones leave gaps, and what vertebrae and long bones surround is a
small part of the slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..morphology import closed_by_disc, filled
from ..slice_threads import for_each_slice
from ..working_grid import Coarse
from .bones import WEAK_HU

# Half the width of a gap that still counts as closed: an infant's sutures.
SUTURE_MM = 5.0
# What a ring surrounds, at least: a newborn's skull, in the slices that show the most, 70 cm2.
LEAST_MM2 = 1500.0
# Part of the body's section that a ring surrounds: a head's 0.4 to 0.7, a pelvis 0.1.
LEAST_SHARE = 0.35
# Brain, also of an infant or enhanced; what holds fat or air is no skull.
BRAIN_HU = (0.0, 90.0)
LIGHT_HU, MOST_LIGHT = -50.0, 0.05
# Slices between two rings that are open, in a row: they may cut sutures along their length.
GAP_MM = 12.0
# A head is at least so high.
LEAST_HEIGHT_MM = 20.0
# Around the rings lies the rest of the skull.
MARGIN_MM = (60.0, 40.0, 40.0)


@dataclass(frozen=True)
class Skull:
    """Where a head is, and what its rings surround.

    Attributes
    ----------
    window
        The head's part of the coarse grid, slices along k, j and i.
    inside
        Boolean [k, j, i] of the window: what the rings surround.
    width_mm
        Diameter of a circle as large as the largest of them.
    """

    window: tuple[slice, slice, slice]
    inside: np.ndarray
    width_mm: float


def find_skull(coarse: Coarse, body: np.ndarray) -> Skull | None:
    """Return the largest skull in the images, or None where there is none.

    Parameters
    ----------
    coarse
        The slices.
    body
        Boolean [k, j, i].

    Returns
    -------
    Skull or None
    """
    hard = body & (coarse.hu > WEAK_HU)
    inside = np.zeros_like(body)

    def find(k: int) -> None:
        inside[k] = _ring(coarse, hard[k], body[k], coarse.hu[k])

    for_each_slice(find, np.flatnonzero(hard.any(axis=(1, 2))).tolist())
    run = _largest_run(inside.sum(axis=(1, 2)), round(GAP_MM / coarse.spacing_mm[0]))
    if run is None or (run.stop - run.start) * coarse.spacing_mm[0] < LEAST_HEIGHT_MM:
        return None
    own = np.zeros_like(inside)
    own[run] = inside[run]
    window = _around(own, [int(mm / s) for mm, s in zip(MARGIN_MM, coarse.spacing_mm, strict=True)])
    largest_mm2 = float(own.sum(axis=(1, 2)).max()) * coarse.pixel_mm2
    return Skull(window, own[window], 2.0 * float(np.sqrt(largest_mm2 / np.pi)))


def _ring(coarse: Coarse, hard: np.ndarray, body: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """Return what bone surrounds in a slice, [j, i], if it may be brain; else nothing."""
    nothing = np.zeros_like(hard)
    if hard.sum() * coarse.pixel_mm2 < 0.1 * LEAST_MM2:
        return nothing
    radius = coarse.radius_px(SUTURE_MM)
    closed = closed_by_disc(np.pad(hard, radius), radius)[radius:-radius, radius:-radius]
    holes, count = ndimage.label(filled(closed) & ~closed)
    if not count:
        return nothing
    areas = np.bincount(holes.ravel())
    largest = 1 + int(areas[1:].argmax())
    if areas[largest] * coarse.pixel_mm2 < LEAST_MM2:
        return nothing
    hole = holes == largest
    pieces, _ = ndimage.label(body)
    section = pieces == np.bincount(pieces[hole]).argmax()
    values = hu[hole]
    is_brain = BRAIN_HU[0] < np.median(values) < BRAIN_HU[1]
    is_brain &= (values < LIGHT_HU).mean() < MOST_LIGHT
    return hole if is_brain and areas[largest] > LEAST_SHARE * section.sum() else nothing


def _largest_run(areas: np.ndarray, gap: int) -> slice | None:
    """Return the run of slices with the most area, across gaps; None where all areas are 0."""
    places = np.flatnonzero(areas)
    if places.size == 0:
        return None
    runs = np.split(places, np.flatnonzero(np.diff(places) > gap + 1) + 1)
    best = max(runs, key=lambda run: areas[run].sum())
    return slice(int(best[0]), int(best[-1]) + 1)


def _around(mask: np.ndarray, margin: list[int]) -> tuple[slice, slice, slice]:
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    k, j, i = (
        slice(max(0, one.start - more), min(size, one.stop + more))
        for one, more, size in zip(box, margin, mask.shape, strict=True)
    )
    return k, j, i
