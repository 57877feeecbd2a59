"""The parts of a body that a scan covers, and the grid that holds them."""

from __future__ import annotations

import numpy as np

from ...errors import GeometryError
from .frame import SOLE, VERTEX, Frame
from .painter import Painter

# Low and high end, mm, in levels of the reference adult.
REGIONS = {
    "trunk": (-410.0, 256.0),
    "chest": (-124.0, 250.0),
    "abdomen": (-260.0, 36.0),
    "abdomen_pelvis": (-415.0, 36.0),
    "pelvis": (-430.0, -205.0),
    "head": (280.0, VERTEX + 6.0),
    "head_neck": (190.0, VERTEX + 6.0),
    "whole": (SOLE - 6.0, VERTEX + 6.0),
}


def region_mm(frame: Frame, region: str) -> tuple[float, float]:
    """Return the low and the high end of a region in this person, mm along z.

    Parameters
    ----------
    frame
        Of the person.
    region
        One of `REGIONS`.
    """
    low, high = (float(v) for v in frame.z(np.array(REGIONS[region])))
    return low, high


MOST_PIXELS = 4096  # a plane is sampled at least three times as fine
MOST_VOXELS = 2**31  # 4 GiB of int16, and half as much again of labels


def check_grid(shape: tuple[int, int, int]) -> None:
    """Refuse a grid that no computer holds.

    Raises
    ------
    GeometryError
        For too many pixels in a slice or voxels in all.
    """
    rows, columns, slices = shape
    if max(rows, columns) > MOST_PIXELS or rows * columns * slices > MOST_VOXELS:
        raise GeometryError(
            f"{rows} x {columns} x {slices} voxels are too many; take at most {MOST_PIXELS} rows "
            "and columns, and fewer or thicker slices."
        )


def check_reach(frame: Frame, affine: np.ndarray, shape: tuple[int, int, int]) -> None:
    """Refuse a grid that no part of the body can be in.

    Parameters
    ----------
    frame
        Of the person.
    affine
        4 x 4, (i, j, k, 1) to RAS mm, of the grid.
    shape
        Rows, columns, slices.

    Raises
    ------
    GeometryError
        Naming where the grid is and where the body.
    """
    rows, columns, slices = shape
    corners = np.array([[i, j, k, 1] for i in (0, columns - 1) for j in (0, rows - 1)
                        for k in (0, slices - 1)])  # fmt: skip
    at = (affine @ corners.T)[:3]
    whole = region_mm(frame, "whole")
    # Nobody is wider than this to either side of the midline.
    low, high = np.array([-700.0, -700.0, whole[0]]), np.array([700.0, 700.0, whole[1]])
    if ((at.max(axis=1) < low) | (at.min(axis=1) > high)).any():
        raise GeometryError(
            f"No part of the body lies in the phantom's grid, {at[2].min():.0f} to "
            f"{at[2].max():.0f} mm along it; the body goes from {whole[0]:.0f} to "
            f"{whole[1]:.0f} mm."
        )


def grid_shape(frame: Frame, region: str, pixels: int, slice_mm: float) -> tuple[int, int, int]:
    """Return rows, columns and slices of a scan of a region.

    Parameters
    ----------
    frame
        Of the person.
    region, pixels, slice_mm
        As in `grid`.

    Raises
    ------
    GeometryError
        For grids that are too small or too large.
    """
    low, high = region_mm(frame, region)
    if pixels < 8 or not 0.1 <= slice_mm <= high - low:
        raise GeometryError(
            f"A grid of {pixels} x {pixels} pixels with slices of {slice_mm:g} mm cannot show "
            f"{high - low:.0f} mm of a body; take at least 8 pixels, and slices of 0.1 mm or more."
        )
    slices = int(np.ceil((high - low) / slice_mm))
    check_grid((pixels, pixels, slices))
    return pixels, pixels, slices


def grid(
    painter: Painter, region: str, pixels: int, slice_mm: float
) -> tuple[tuple[int, int, int], tuple[float, float, float], tuple[float, float, float]]:
    """Return the grid of a scan of a region: the field of view holds the skin, with a margin.

    Parameters
    ----------
    painter
        With the finished body.
    region
        One of `REGIONS`.
    pixels
        Rows and columns.
    slice_mm
        Thickness and distance of slices.

    Returns
    -------
    shape : tuple
        Rows, columns, slices.
    spacing_mm : tuple
        Row spacing, column spacing, distance of slices.
    offset_mm : tuple
        Of the grid's centre from the body's middle, RAS.

    Raises
    ------
    GeometryError
        For grids that are too small or too large.
    """
    low, high = region_mm(painter.frame, region)
    shape = grid_shape(painter.frame, region, pixels, slice_mm)
    boxes = painter.canvas.boxes()
    skin = np.isin([-1 if f is None else f for f in painter.canvas.fills], painter.of_atoms("skin"))
    near = skin & (boxes[:, 2, 1] > low) & (boxes[:, 2, 0] < high)
    x, y = ((boxes[near, a, 0].min(), boxes[near, a, 1].max()) for a in (0, 1))
    size = 1.06 * max(x[1] - x[0], y[1] - y[0]) + 10.0
    spacing = round(float(size) / pixels, 4)
    return (
        shape,
        (spacing, spacing, slice_mm),
        (float(np.mean(x)), float(np.mean(y)), 0.0),
    )
