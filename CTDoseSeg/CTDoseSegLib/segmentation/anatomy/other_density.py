"""Parts of liver and spleen that are as dense as another organ: a kidney, blood, fat or gas.

Liver and spleen have one density each, whatever the phase of contrast. A thick part that is far
denser and lies open to what surrounds the organ is a kidney, a chamber of the heart or a vessel
beside it. One that the organ encloses may be a lesion or a vessel of its own and stays.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from .findings import Doubt, Taken
from .sampled import Sampled

ORGANS = ("liver", "spleen")
# What is denser than the organ by this, or by this many of its own standard deviations.
DENSER_HU, DENSER_SD = 35.0, 4.0
# What no liver or spleen reaches, whatever the phase.
NEVER_HU = 200.0
# Vessels of the organ are thinner than twice this; in less volume chance can be at work.
THICK_MM, LEAST_ML = 4.0, 4.0
# Part of the surface that must not lie on the organ itself.
OPEN = 0.4
# Of an organ more than this is not taken away: then it is not sure which part is the organ.
MOST_TAKEN = 0.5
# A rim of what was taken away that hangs on the organ by less than twice this goes with it.
RIM_MM = 5.0
# Less of the organ's inside than this says nothing of its density.
LEAST_CORE_ML = 10.0


def other_density(points: Sampled, organ: str, gone: np.ndarray) -> Iterator[Taken | Doubt]:
    """Yield what of an organ cannot be it by its density.

    Parameters
    ----------
    points
        Label map with the organ and its HU.
    organ
        One of `ORGANS`.
    gone
        Points of it that were taken away already, boolean [k, j, i].

    Yields
    ------
    Taken or Doubt
    """
    left = points.left_of(organ, gone, 4)
    if left is None:
        return
    window, here = left
    hu = _mean_of_organ(points.raw_hu[window], here)
    core = hu[points.eroded(here, THICK_MM)]
    if core.size * points.point_ml < LEAST_CORE_ML:
        return
    usual, sd = _mode(core)
    limit = usual + max(DENSER_HU, DENSER_SD * sd)
    dense = points.opened(here & (hu > limit), THICK_MM)
    regions, count = ndimage.label(dense)
    taken = np.zeros_like(here)
    for value in range(1, count + 1):
        region = regions == value
        if region.sum() * points.point_ml < LEAST_ML:
            continue
        if _open_share(points, region, here) > OPEN:
            taken |= region
        elif float(np.median(hu[region])) > NEVER_HU:
            detail = f"{region.sum() * points.point_ml:.0f} ml inside it have "
            detail += f"{np.median(hu[region]):.0f} HU, the rest {usual:.0f} HU"
            yield Doubt(organ, detail, points.on_grid(region, window))
    if not taken.any():
        return
    taken |= _rim(points, here, taken)
    if taken.sum() > MOST_TAKEN * here.sum():
        detail = (
            f"{100 * taken.sum() / here.sum():.0f} % of it is denser than the rest by more than "
        )
        yield Doubt(organ, f"{detail}{limit - usual:.0f} HU", points.on_grid(taken, window))
        return
    rule = f"it is denser than the rest ({usual:.0f} HU) by more than {limit - usual:.0f} HU"
    yield Taken(organ, points.on_grid(taken, window), rule)


def _mean_of_organ(hu: np.ndarray, organ: np.ndarray) -> np.ndarray:
    """Return means over 15 mm of a slice of what is in the organ: its edge stays as dense."""
    inside = ndimage.uniform_filter(organ.astype(np.float32), (1, 5, 5), mode="constant")
    sums = ndimage.uniform_filter(np.where(organ, hu, 0.0), (1, 5, 5), mode="constant")
    return sums / np.maximum(inside, 0.02)


def _mode(hu: np.ndarray) -> tuple[float, float]:
    """Return the most frequent HU of an organ and the standard deviation about it.

    What lies above the mode may be another organ; the spread is that of the lower side.
    """
    low, high = np.percentile(hu, (1, 99))
    counts, edges = np.histogram(hu, bins=np.arange(low, high + 10.0, 5.0))
    smooth = np.convolve(counts, np.ones(5), mode="same")
    usual = float(edges[int(smooth.argmax())] + 2.5)
    below = usual - hu[(hu <= usual) & (hu > usual - 100.0)]
    return usual, float(1.48 * np.median(below)) if below.size else 0.0


def _open_share(points: Sampled, region: np.ndarray, organ: np.ndarray) -> float:
    """Return the part of a region's surface that lies on something else than the organ."""
    shell = points.dilated(region, 2.2 * points.spacing_mm[1]) & ~points.dilated(
        region, 1.1 * points.spacing_mm[1]
    )
    return float((shell & ~organ).sum() / max(1, shell.sum()))


def _rim(points: Sampled, organ: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Return what hangs on what was taken away rather than on the organ that is left."""
    left = organ & ~taken
    thick, count = ndimage.label(points.eroded(left, RIM_MM))
    if not count:
        return left & False
    largest = thick == 1 + int(np.bincount(thick.ravel())[1:].argmax())
    return (
        left & ~points.dilated(largest, RIM_MM + points.spacing_mm[1]) & points.dilated(taken, 20.0)
    )
