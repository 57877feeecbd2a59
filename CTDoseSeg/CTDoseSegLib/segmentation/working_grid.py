"""The slices as a scanner shows them, and a coarse copy for decisions that need no detail.

The engine looks at every volume from the same side: slices foot to head, rows front to back,
columns right to left (the patient's). Axes are permuted and reversed, never resampled, so that
the result goes back to the volume's own grid voxel for voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..ct.series import CTSeries

COARSE_MM = 2.2


@dataclass(frozen=True)
class Canonical:
    """A series seen along the patient's axes: [k, j, i] = [superior, posterior, left].

    Attributes
    ----------
    hu
        View of the series' HU, int16 or float32.
    spacing_mm
        Voxel size along k, j and i.
    permutation, reversed_axes
        How the view came from the series' array: `transpose`, then `flip`.
    """

    hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    permutation: tuple[int, int, int]
    reversed_axes: tuple[int, ...]

    @classmethod
    def of(cls, series: CTSeries) -> Canonical:
        """Return the view of `series` along the patient's axes nearest to its own."""
        permutation, reversed_axes = canonical_axes(series.affine)
        hu = np.flip(series.hu.transpose(permutation), reversed_axes)
        size = series.spacing_mm[::-1]
        k, j, i = (size[axis] for axis in permutation)
        return cls(hu, (k, j, i), permutation, reversed_axes)

    def restore(self, labels: np.ndarray) -> np.ndarray:
        """Bring an array on the view's grid back to the series' own, contiguous."""
        own = np.flip(labels, self.reversed_axes).transpose(np.argsort(self.permutation))
        return np.ascontiguousarray(own)


def canonical_axes(affine: np.ndarray) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Return how to bring an array [k, j, i] to [superior, posterior, left].

    Each array axis goes to the patient's axis that it is nearest to; each of those is used once.

    Parameters
    ----------
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.

    Returns
    -------
    permutation : tuple of int
        For `transpose`.
    reversed_axes : tuple of int
        Axes of the transposed array, for `flip`.
    """
    columns = affine[:3, [2, 1, 0]] / np.linalg.norm(affine[:3, [2, 1, 0]], axis=0)
    weights = np.abs(columns)
    permutation, signs = [-1, -1, -1], [1.0, 1.0, 1.0]
    for _ in range(3):
        world, array = np.unravel_index(np.argmax(weights), (3, 3))
        # RAS row 2 is superior: first; row 1 anterior: second, reversed; row 0 right: last.
        place = 2 - int(world)
        permutation[place] = int(array)
        signs[place] = columns[world, array] * (1.0 if world == 2 else -1.0)
        weights[world, :] = weights[:, array] = -1.0
    superior, posterior, left = permutation
    reversed_axes = tuple(axis for axis in range(3) if signs[axis] < 0)
    return (superior, posterior, left), reversed_axes


@dataclass(frozen=True)
class Coarse:
    """Block means of the slices at about `COARSE_MM` in the plane; slices as they are.

    A block's mean also thins out clothing and blankets, which are a pixel or two wide.

    Attributes
    ----------
    hu
        int16, [k, j, i].
    factor
        Pixels of the slice along one side of a block.
    spacing_mm
        Along k, j and i.
    seen
        Boolean [j, i]: False where the scanner reconstructed nothing.
    """

    hu: np.ndarray
    factor: int
    spacing_mm: tuple[float, float, float]
    seen: np.ndarray

    @classmethod
    def of(cls, view: Canonical) -> Coarse:
        """Average the slices of a view."""
        step, *plane = view.spacing_mm
        factor = max(1, round(COARSE_MM / max(plane)))
        slices = [block_mean(image, factor) for image in view.hu]
        seen = block_mean(field_of_view(view.hu).astype(np.float32), factor) > 0.5
        spacing = (step, plane[0] * factor, plane[1] * factor)
        return cls(np.stack(slices).astype(np.int16), factor, spacing, seen)

    def enlarge(self, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return a coarse array [j, i] on the fine grid of `shape`."""
        fine = mask.repeat(self.factor, axis=0).repeat(self.factor, axis=1)
        return fine[: shape[0], : shape[1]]

    def radius_px(self, radius_mm: float) -> int:
        """Return a length in the plane as whole coarse pixels, at least one."""
        return max(1, round(radius_mm / (0.5 * (self.spacing_mm[1] + self.spacing_mm[2]))))

    @cached_property
    def rim(self) -> np.ndarray:
        """Last pixels of what the scanner reconstructed, boolean [j, i]."""
        return self.seen & ~ndimage.binary_erosion(self.seen)

    @property
    def pixel_mm2(self) -> float:
        """Area of a coarse pixel."""
        return self.spacing_mm[1] * self.spacing_mm[2]


def block_mean(image: np.ndarray, factor: int) -> np.ndarray:
    """Return means of blocks of factor x factor pixels, [j, i] float32.

    The last row and column are repeated to fill the last blocks.
    """
    rows, columns = (-n % factor for n in image.shape)
    # Padding below air must not pull a block of tissue under the threshold more than air does.
    image = np.maximum(image, -1024, dtype=np.float32)
    if rows or columns:
        image = np.pad(image, ((0, rows), (0, columns)), mode="edge")
    # Whole lines are added to each other: a mean over both axes adds pixel by pixel, and takes
    # five times as long.
    lines = image.reshape(-1, factor, image.shape[1]).sum(axis=1)
    total = lines[:, ::factor].copy()
    for n in range(1, factor):
        total += lines[:, n::factor]
    return total / np.float32(factor * factor)


def field_of_view(hu: np.ndarray) -> np.ndarray:
    """Return a mask of the circle that the scanner reconstructed, boolean [j, i].

    Padding has one value in every slice, the corners' value, and lies outside a circle that
    nearly fills the image: the body may be cut by that circle. Reconstructed air carries noise.
    Without such padding all of the image is seen.
    """
    rows, columns = hu.shape[1:]
    everything = np.ones((rows, columns), dtype=bool)
    if abs(rows - columns) > 1 or rows < 32:
        return everything
    j, i = np.ogrid[:rows, :columns]
    outer = (2 * j - rows + 1) ** 2 + (2 * i - columns + 1) ** 2 > (0.94 * rows) ** 2
    corner = hu[0, 0, 0]
    padding = outer.copy()
    for image in hu:
        padding &= image == corner
    beyond = (2 * j - rows + 1) ** 2 + (2 * i - columns + 1) ** 2 > (rows + 2) ** 2
    # A volume without noise has no visible circle: all of its air is alike.
    if not padding[beyond].all() or padding[outer].mean() > 0.99:
        return everything
    return ~padding


def box_around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Return the rows and columns of a mask [j, i] with a margin in pixels, as far as it has them.

    Parameters
    ----------
    mask
        Boolean, at least one pixel True.
    margin
        In pixels.

    Returns
    -------
    tuple of slice

    Examples
    --------
    >>> mask = np.zeros((9, 9), bool)
    >>> mask[4:6, 7] = True
    >>> box_around(mask, 2)
    (slice(2, 8, None), slice(5, 9, None))
    """
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    j, i = (
        slice(max(0, int(lines[0]) - margin), min(size, int(lines[-1]) + 1 + margin))
        for lines, size in zip((rows, columns), mask.shape, strict=True)
    )
    return j, i


def disc(radius: int) -> np.ndarray:
    """Return a flat structuring element [1, j, i]: a disc in the slice plane."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (y * y + x * x <= radius * radius + 0.5)[None]
