"""The body contour in each slice: where the field of view cuts it, and its blurred rim."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..ct.series import CTSeries
from ..segmentation.labelmap import BODY, Labelmap

# A body within this many pixels of the circle of reconstruction is taken to be cut by it.
CIRCLE_BAND_PIXELS = 1.5
# A digital curve is 4/pi longer along its pixels' edges than it is, averaged over all directions.
EDGES_TO_LENGTH = np.pi / 4
# How far the blurred edge of the skin reaches beyond a mask that ends halfway up; at least a pixel.
RIM_MM = 1.0


@dataclass(frozen=True)
class BodyContours:
    """What is measured along the body contour, slice by slice.

    Attributes
    ----------
    truncated_fraction
        Part of the contour on the border of the field of view, 0-1, [k]; 0 without a body.
    asymmetry
        How unlike opposite sides are cut, [k]: 0 where left and right, front and back are cut
        alike or not at all, 1 where one side alone is.
    rim_water_mm2
        Water-equivalent area, sum of (HU / 1000 + 1) times the pixel area, of the unlabelled
        pixels within `RIM_MM` of the body, [k].
    """

    truncated_fraction: np.ndarray
    asymmetry: np.ndarray
    rim_water_mm2: np.ndarray


def trace_contours(series: CTSeries, labelmap: Labelmap) -> BodyContours:
    """Follow the contour of the body group in every slice.

    Parameters
    ----------
    series
        The CT, [k, j, i].
    labelmap
        On the same grid, with a group ``body``.

    Returns
    -------
    BodyContours

    Notes
    -----
    The contour is measured along pixel edges: those on the image's border count in full, the
    others times pi/4, the mean ratio of a curve's length to that of its pixels' edges (within
    about 5 % for a body's cross-section). The border of a hole in the body mask counts too.

    The field of view is the image, or the largest circle in it where everything outside that
    circle has one value (a scanner that reconstructs a disc). A smaller or eccentric disc, and an
    extended field of view whose outer part was extrapolated, cannot be seen in the pixels.

    Asymmetry is the length of the sum of the outward normals over the cut part of the contour,
    relative to that part: opposite sides cancel. This project's measure.
    """
    lookup = np.zeros(int(np.iinfo(labelmap.labels.dtype).max) + 1, dtype=bool)
    lookup[list(labelmap.values(BODY))] = True
    rows, columns = labelmap.labels.shape[1:]
    dx, dy, _ = series.spacing_mm
    y, x = np.ogrid[:rows, :columns]
    radius = np.hypot((y - (rows - 1) / 2) * dy, (x - (columns - 1) / 2) * dx)
    circle = min(rows * dy, columns * dx) / 2
    outside = radius > circle + max(dx, dy)
    near_circle = radius > circle - CIRCLE_BAND_PIXELS * max(dx, dy)
    near_border = near_circle.copy()
    near_border[[0, -1]] = near_border[:, [0, -1]] = True
    reach = (max(1, round(RIM_MM / dy)), max(1, round(RIM_MM / dx)))

    fractions = np.zeros(labelmap.labels.shape[0])
    asymmetries = np.zeros(labelmap.labels.shape[0])
    rims = np.zeros(labelmap.labels.shape[0])
    for k, (labels, hu) in enumerate(zip(labelmap.labels, series.hu, strict=True)):
        body = lookup[labels]
        rim = hu[_grown(body, reach) & (labels == 0)]
        rims[k] = (rim.sum(dtype=np.float64) / 1000.0 + rim.size) * dx * dy
        if not body[near_border].any():
            continue
        beyond = hu[outside]
        disc = beyond.size > 0 and beyond.min() == beyond.max()
        fractions[k], asymmetries[k] = _cut_part(body, near_circle if disc else None, dx, dy)
    return BodyContours(fractions, asymmetries, rims)


def _grown(mask: np.ndarray, reach: tuple[int, int]) -> np.ndarray:
    """Return `mask` [j, i] grown by a box of `reach` pixels along j and i."""
    grown = mask.copy()
    for step in range(1, reach[1] + 1):
        grown[:, step:] |= mask[:, :-step]
        grown[:, :-step] |= mask[:, step:]
    wide = grown.copy()
    for step in range(1, reach[0] + 1):
        grown[step:] |= wide[:-step]
        grown[:-step] |= wide[step:]
    return grown


def _cut_part(
    body: np.ndarray, band: np.ndarray | None, dx: float, dy: float
) -> tuple[float, float]:
    """Return the contour's part on the image's border, or in `band`, and its asymmetry.

    Parameters
    ----------
    body
        Mask of the body, [j, i].
    band
        Pixels at or outside the circle of reconstruction, [j, i]; None if the image is the field
        of view.
    dx, dy
        Pixel size in mm along i and j.
    """
    cut = inner = 0.0
    normals = []  # their sum along i and along j
    for mask, near, edge in ((body, band, dy), (body.T, None if band is None else band.T, dx)):
        first, last = (edge * float(np.count_nonzero(mask[:, end])) for end in (0, -1))
        cut += first + last
        normal = last - first
        step = mask[:, 1:] != mask[:, :-1]
        edges = int(np.count_nonzero(step))
        on_circle = 0
        if near is not None:
            step &= np.where(mask[:, 1:], near[:, 1:], near[:, :-1])  # of the pixel in the body
            on_circle = int(np.count_nonzero(step))
            normal += edge * (2 * int(np.count_nonzero(step & mask[:, :-1])) - on_circle)
        cut += EDGES_TO_LENGTH * edge * on_circle
        inner += EDGES_TO_LENGTH * edge * (edges - on_circle)
        normals.append(normal)
    if cut == 0:
        return 0.0, 0.0
    return cut / (cut + inner), min(math.hypot(*normals) / cut, 1.0)
