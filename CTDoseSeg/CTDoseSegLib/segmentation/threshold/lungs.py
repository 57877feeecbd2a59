"""Lungs and trachea on the coarse grid: air inside the body, by its density and place.

Lung is partly tissue (about -900 to -600 HU), gas in trachea, stomach and bowel is not. Vessels up
to `VESSEL_MM` wide and everything that lung encloses in a slice count as lung; hilar vessels,
consolidations and effusions do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...tasks.progress import Progress
from ..morphology import (
    CROSS,
    closed_by_disc,
    dilated_by,
    dilated_by_crosses,
    dilated_by_disc,
    eroded_by_disc,
    filled,
    opened_by_disc,
)
from ..slice_threads import for_each_slice, in_the_plane
from ..working_grid import Coarse, disc

VESSEL_MM = 8.0
DEFAULT_THRESHOLD_HU = -400.0
# Cross section of trachea and main bronchi; ACR range of the trachea is about 100-400 mm2.
AIRWAY_MM2 = (25.0, 900.0)
# Ground-glass opacities are denser than half of tissue, but not as dense as fat.
DISEASED_HU = -300.0
LUNG_BESIDE_MM2 = 500.0
SMALLEST_LUNG_MM2 = 200.0
# Of a body whose largest section is of an adult; a newborn's has a quarter of it.
SMALL_LUNG_MM2, ADULT_MM2 = 4000.0, 40000.0


@dataclass(frozen=True)
class Lungs:
    """Boolean [k, j, i] on the coarse grid, and the threshold (HU) between lung and tissue."""

    left: np.ndarray
    right: np.ndarray
    trachea: np.ndarray
    threshold: float


def lung_threshold(values: np.ndarray) -> float:
    """Return the HU halfway between the centres of lung and tissue (k-means of two clusters).

    Parameters
    ----------
    values
        HU inside the body.

    Returns
    -------
    float
        From -500 to -350 HU; -400 HU without enough air for a cluster.
    """
    counts, edges = np.histogram(values, bins=np.arange(-1024, 201, 8))
    centres = 0.5 * (edges[1:] + edges[:-1])
    low, high = -850.0, 20.0
    for _ in range(30):
        is_low = centres < 0.5 * (low + high)
        if counts[is_low].sum() < 0.003 * max(1, counts.sum()) or counts[~is_low].sum() == 0:
            return DEFAULT_THRESHOLD_HU
        new = (
            np.average(centres[is_low], weights=counts[is_low]),
            np.average(centres[~is_low], weights=counts[~is_low]),
        )
        if abs(new[0] - low) + abs(new[1] - high) < 0.5:
            break
        low, high = new
    return float(np.clip(0.5 * (low + high), -500.0, -350.0))


def find_lungs(coarse: Coarse, body: np.ndarray, progress: Progress) -> Lungs:
    """Return left lung, right lung and trachea with main bronchi.

    Parameters
    ----------
    coarse
        The slices.
    body
        Boolean [k, j, i], filled.
    progress
        May cancel.

    Returns
    -------
    Lungs
    """
    threshold = lung_threshold(coarse.hu[body])
    inner = _eroded(body, 1, beyond=True)
    air = inner & (coarse.hu < max(threshold, DISEASED_HU))
    progress.check_cancelled()
    trachea = _find_trachea(coarse, body, air)
    progress.check_cancelled()
    wall = _grown(trachea, 1)
    lung = _choose_lungs(coarse, air & ~wall, _small_mm2(coarse, body))
    progress.check_cancelled()
    left, right = _split(coarse, lung, _middle(body))
    airway = trachea | (wall & air & ~left & ~right)
    return Lungs(
        _with_vessels(coarse, left, right | airway, body),
        _with_vessels(coarse, right, left | airway, body),
        airway,
        threshold,
    )


def _middle(body: np.ndarray) -> np.ndarray:
    """Return the column of the body's middle in each slice, [k]; NaN where there is no body."""
    columns = np.arange(body.shape[2])
    area = body.sum(axis=(1, 2)).astype(float)
    area[area == 0] = np.nan
    return (body.sum(axis=1) * columns).sum(axis=1) / area


def _gas_threshold(coarse: Coarse, air: np.ndarray) -> float:
    """Return the HU between gas and lung: halfway between -1000 and this patient's lung."""
    core = _eroded(air, 2)
    values = coarse.hu[core]
    values = values[(values > -960) & (values < -600)]
    lung = float(np.median(values)) if values.size > 200 else -860.0
    return min(-880.0, 0.5 * (lung - 1000.0))


def _find_trachea(coarse: Coarse, body: np.ndarray, air: np.ndarray) -> np.ndarray:
    """Return gas in small walled cross sections, chained along z, central, between the lungs."""
    gas = air & (coarse.hu < _gas_threshold(coarse, air))
    chain = np.zeros_like(gas)

    def find(k: int) -> None:
        chain[k] = _walled_gas(coarse, gas[k], coarse.hu[k])

    for_each_slice(find, range(len(gas)))
    # Neighbouring slices of an oblique bronchus may only touch: link them through one pixel more.
    regions, _ = ndimage.label(_grown(chain, 1))
    lung = air & (coarse.hu > -950) & (coarse.hu < -600)
    best, largest = None, 0
    for index, window in enumerate(ndimage.find_objects(regions), start=1):
        piece = chain[window] & (regions[window] == index)
        if piece.sum() > largest and _is_airway(coarse, body, lung, piece, window):
            best, largest = index, piece.sum()
    return chain & (regions == best) if best else np.zeros_like(chain)


def _walled_gas(coarse: Coarse, gas: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """Return pieces of gas in a slice, [j, i], as large as an airway, with tissue around."""
    regions, n = ndimage.label(gas)
    area = np.bincount(regions.ravel(), minlength=n + 1) * coarse.pixel_mm2
    result = np.zeros_like(gas)
    for index in np.flatnonzero((area >= AIRWAY_MM2[0]) & (area <= AIRWAY_MM2[1])):
        piece = regions == index
        near = dilated_by_crosses(piece)
        wall = dilated_by_crosses(near, 2) & ~near
        if index and (hu[wall] > -600).mean() > 0.5:
            result |= piece
    return result


def _is_airway(
    coarse: Coarse,
    body: np.ndarray,
    lung: np.ndarray,
    piece: np.ndarray,
    window: tuple[slice, ...],
) -> bool:
    """Return whether a chain of gas is the trachea: round, central at its top, between lungs."""
    step = coarse.spacing_mm[0]
    present = np.flatnonzero(piece.any(axis=(1, 2)))
    bottom, top = window[0].start + present[0], window[0].start + present[-1]
    lowest = max(0, bottom - round(15.0 / step))
    aside = lung[lowest : top + 1].sum(axis=1) * coarse.pixel_mm2
    middle = round(np.nonzero(piece)[2].mean()) + window[2].start
    both = np.minimum(aside[:, :middle].sum(axis=1), aside[:, middle:].sum(axis=1))
    if both.max() < LUNG_BESIDE_MM2:
        return False
    # Nothing that is lung may go on far above the airway: gas in the stomach has lungs beside it.
    lung_top = np.flatnonzero(lung.sum(axis=(1, 2)) * coarse.pixel_mm2 > LUNG_BESIDE_MM2)[-1]
    if (lung_top - top) * step > 40.0:
        return False
    highest = present[present > present[-1] - max(2, round(20.0 / step))]
    return any(_is_central(piece[k], body[window[0].start + k], window) for k in highest)


def _is_central(piece: np.ndarray, body: np.ndarray, window: tuple[slice, ...]) -> bool:
    """Return whether a cross section is compact and in the middle of the body."""
    j, i = np.nonzero(piece)
    rows, columns = (np.flatnonzero(body.any(axis=axis)) for axis in (1, 0))
    across = (i.mean() + window[2].start - columns[0]) / max(1, columns[-1] - columns[0])
    deep = (j.mean() + window[1].start - rows[0]) / max(1, rows[-1] - rows[0])
    filled = j.size / ((np.ptp(j) + 1) * (np.ptp(i) + 1))
    return bool(0.35 < across < 0.65 and 0.15 < deep < 0.75 and filled > 0.5)


def _small_mm2(coarse: Coarse, body: np.ndarray) -> float:
    """Return the cross section below which air may be stool or gas of the bowel.

    It falls faster than the body's section: the lungs of a child are wide for its body.
    """
    largest_mm2 = float(body.sum(axis=(1, 2)).max(initial=0)) * coarse.pixel_mm2
    return SMALL_LUNG_MM2 * min(1.0, largest_mm2 / ADULT_MM2) ** 1.5


def _choose_lungs(coarse: Coarse, air: np.ndarray, small_mm2: float) -> np.ndarray:
    """Return the air that is lung: large, of partial density; grown back to its full extent."""
    opened = in_the_plane(lambda slices: opened_by_disc(slices, 1), air)
    regions, n = ndimage.label(opened)
    if n == 0:
        return opened
    sizes = np.bincount(regions.ravel(), minlength=n + 1)
    lung = [
        index
        for index, window in enumerate(ndimage.find_objects(regions), start=1)
        if _is_lung(coarse, coarse.hu[window], regions[window] == index, small_mm2)
    ]
    if not lung:
        return np.zeros_like(air)
    largest = max(sizes[index] for index in lung)
    lung = [index for index in lung if sizes[index] > 0.02 * largest]
    chosen = np.isin(regions, lung)
    return ndimage.binary_dilation(chosen, disc(1), iterations=2, mask=air)


def _is_lung(coarse: Coarse, hu: np.ndarray, piece: np.ndarray, small_mm2: float) -> bool:
    """Decide by the median density, more strictly for small pieces: stool or bowel gas."""
    area = piece.sum(axis=(1, 2)).max() * coarse.pixel_mm2
    if area < SMALLEST_LUNG_MM2:
        return False
    core = _eroded(piece, 1)
    values = hu[core] if core.sum() >= 20 else hu[piece]
    if area < small_mm2:
        return bool(-890.0 < np.median(values) < -480.0 and values.std() < 115.0)
    return bool(-955.0 < np.median(values) < -400.0)


def _split(coarse: Coarse, lung: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return left and right lung; lungs that touch are cut where erosion parts them."""
    left, right = np.zeros_like(lung), np.zeros_like(lung)
    regions, _ = ndimage.label(lung)
    for index, window in enumerate(ndimage.find_objects(regions), start=1):
        piece = regions[window] == index
        offset = middle[window[0]] - window[2].start
        for side, part in zip((left, right), _sides(piece, offset), strict=True):
            side[window] |= part
    return left, right


def _sides(piece: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one connected piece as (left, right); columns increase to the patient's left."""
    nothing = np.zeros_like(piece)
    share = _share_left(piece, middle)
    if share > 0.85:
        return piece, nothing
    if share < 0.15:
        return nothing, piece
    total = piece.sum()
    eroded = piece
    for _ in range(8):
        eroded = _eroded(eroded, 1, beyond=True)
        regions, n = ndimage.label(eroded)
        sizes = np.bincount(regions.ravel(), minlength=n + 1)
        sizes[0] = 0
        large = [r for r in np.argsort(sizes)[::-1][:2] if sizes[r] > 0.05 * total]
        if len(large) < 2:
            continue
        shares = [_share_left(regions == r, middle) for r in large]
        if max(shares) > 0.8 and min(shares) < 0.2:
            seeds = np.zeros(piece.shape, np.uint8)
            seeds[regions == large[int(np.argmax(shares))]] = 1
            seeds[regions == large[int(np.argmin(shares))]] = 2
            return _nearest(piece, seeds)
    columns = np.arange(piece.shape[2])
    is_left = columns[None, None, :] > middle[:, None, None]
    return piece & is_left, piece & ~is_left


def _share_left(piece: np.ndarray, middle: np.ndarray) -> float:
    """Return the share of a piece on the patient's left of the body's middle."""
    columns = np.arange(piece.shape[2])
    is_left = columns[None, :] > np.nan_to_num(middle, nan=0.5 * piece.shape[2])[:, None]
    counts = piece.sum(axis=1)
    return float((counts * is_left).sum() / max(1, counts.sum()))


def _nearest(piece: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give every voxel of the piece to the seed that reaches it first through the piece."""
    labels = seeds.copy()
    for _ in range(max(piece.shape)):
        grown = [dilated_by(labels == value, CROSS) & piece & (labels == 0) for value in (1, 2)]
        if not (grown[0] | grown[1]).any():
            break
        labels[grown[0]] = 1
        labels[grown[1] & ~grown[0]] = 2
    return labels == 1, labels == 2


def _with_vessels(
    coarse: Coarse, lung: np.ndarray, other: np.ndarray, body: np.ndarray
) -> np.ndarray:
    """Close over vessels inside the lung, slice by slice."""
    radius = coarse.radius_px(0.5 * VESSEL_MM)
    result = lung.copy()

    def close(k: int) -> None:
        padded = np.pad(lung[k], radius + 1, mode="edge")
        closed = filled(closed_by_disc(padded, radius))
        closed = closed[radius + 1 : -radius - 1, radius + 1 : -radius - 1]
        result[k] |= closed & body[k] & ~other[k]

    for_each_slice(close, np.flatnonzero(lung.any(axis=(1, 2))).tolist())
    return result


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    return in_the_plane(lambda slices: dilated_by_disc(slices, radius), mask)


def _eroded(mask: np.ndarray, radius: int, *, beyond: bool = False) -> np.ndarray:
    return in_the_plane(lambda slices: eroded_by_disc(slices, radius, beyond=beyond), mask)
