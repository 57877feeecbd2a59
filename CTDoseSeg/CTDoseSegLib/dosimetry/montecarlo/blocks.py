"""Voxels of a simulation from the pixels of a CT: blocks of pixels, slab by slab.

A block's density is the mean of its pixels', its label the commonest. A structure that is thinner
than the blocks has the majority in few of them: such a label goes to the blocks in which one pixel,
drawn from the block, has it. The drawn pixels are spread evenly over the volume, so that the label
keeps its volume, and the same blocks come out of the same images every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...tasks.progress import Progress
from .upright import Slice, Upright

# A label whose volume the commonest labels change by more is drawn.
KEPT_WITHIN = 0.05
# Rank-1 lattice of three dimensions by the plastic number's generalisation (root of g^4 = g + 1).
_ROOT = 1.2207440846057596


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Blocks:
    """Blocks of a volume, [k, j, i] along z, y and x; k grows to the head.

    Attributes
    ----------
    density_g_cm3
        Mean density, float32; what a block has beyond the image's edge counts as nothing.
    hu
        Mean HU, float32, air being the least.
    label
        uint16, position of the block's label in the list of labels; 0 for none.
    skin
        True where the drawn pixel is skin.
    brightest_hu
        Highest HU of the block's pixels in bone labels; -1000 without any.
    metal, dense_metal
        Part of the block that is metal, and that is metal heavier than titanium; float32.
    repeated
        True where more than half of a block is only the repetition of the volume's end.
    spacing_mm, corner_mm
        (x, y, z) of a block, and of the outer corner of the first one.
    volume_mm3, mass_g
        Of each label by its pixels, [label].
    """

    density_g_cm3: np.ndarray
    hu: np.ndarray
    label: np.ndarray
    skin: np.ndarray
    brightest_hu: np.ndarray
    metal: np.ndarray
    dense_metal: np.ndarray
    repeated: np.ndarray
    spacing_mm: tuple[float, float, float]
    corner_mm: tuple[float, float, float]
    volume_mm3: np.ndarray
    mass_g: np.ndarray


@dataclass(frozen=True, eq=False)
class PixelLaws:
    """What the pixels are by label and HU.

    Attributes
    ----------
    position
        For each value of the label map its position in the list of labels, [value].
    density_g_cm3
        float32 [label, HU]; the first column is `lowest_hu`.
    lowest_hu
        HU below it, and above the table's end, count as its ends.
    is_bone
        True for bones, [label].
    metal_hu, dense_metal_hu
        From here on a pixel is metal, and metal heavier than titanium.
    """

    position: np.ndarray
    density_g_cm3: np.ndarray
    lowest_hu: int
    is_bone: np.ndarray
    metal_hu: int
    dense_metal_hu: int


def lattice(shape: tuple[int, ...], offset: float = 0.0, turn: int = 0) -> np.ndarray:
    """Return numbers from 0 to 1 that are spread evenly along every axis, [k, j, i] float32.

    Parameters
    ----------
    shape
        Three numbers.
    offset, turn
        Other numbers for another `offset`, or another order of the axes (0 to 2).

    Examples
    --------
    >>> numbers = lattice((10, 10, 10))
    >>> abs(float((numbers < 0.3).mean()) - 0.3) < 0.01
    True
    """
    steps = np.roll([_ROOT**-1, _ROOT**-2, _ROOT**-3], turn)
    places = [np.arange(n) * step for n, step in zip(shape, steps, strict=True)]
    total = places[0][:, None, None] + places[1][:, None] + places[2] + offset + 0.5
    return np.asarray(total % 1.0, np.float32)


def make_blocks(
    image: Upright,
    laws: PixelLaws,
    target_mm: float,
    skin_of: Callable[[Slice], np.ndarray],
    progress: Progress | None = None,
) -> Blocks:
    """Gather the pixels of a volume into blocks.

    Parameters
    ----------
    image
        Slices along the patient's axes.
    laws
        Density by label and HU.
    target_mm
        Largest block along x and y, which take a whole number of pixels, and along z where slices
        are thinner; at least a pixel.
    skin_of
        Returns the pixels of a slice that are skin, boolean [j, i].
    progress
        Receives progress; can be cancelled between slabs.

    Returns
    -------
    Blocks
    """
    progress = progress or Progress()
    factors = tuple(max(1, math.floor(target_mm / p + 1e-6)) for p in image.pixel_mm)
    slabs = _slab_edges(image.edges_mm, target_mm)
    across = tuple(math.ceil(n / f) for n, f in zip(image.shape, factors[::-1], strict=True))
    gatherer = _Gatherer(image, laws, factors, across, skin_of)
    shape = (len(slabs) - 1, *across)
    density, hu, bright, metal, dense = (np.zeros(shape, np.float32) for _ in range(5))
    commonest, drawn = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    skin, repeated = np.zeros(shape, bool), np.zeros(shape, bool)
    for k in range(shape[0]):
        progress.update(k / shape[0], "resampling the images")
        slab = gatherer.slab(slabs[k], slabs[k + 1], k)
        density[k], hu[k], bright[k], metal[k], dense[k] = slab.means
        commonest[k], drawn[k], skin[k], repeated[k] = slab.labels
    size = tuple(p * f for p, f in zip(image.pixel_mm, factors, strict=True))
    spacing = (size[0], size[1], float(slabs[1] - slabs[0]))
    volume = gatherer.volume_mm3
    label = keep_volumes(commonest, drawn, volume / math.prod(spacing))
    return Blocks(
        density_g_cm3=density,
        hu=hu,
        label=label,
        skin=skin,
        brightest_hu=bright,
        metal=metal,
        dense_metal=dense,
        repeated=repeated,
        spacing_mm=spacing,
        corner_mm=(float(image.corner_mm[0]), float(image.corner_mm[1]), float(slabs[0])),
        volume_mm3=volume,
        mass_g=gatherer.mass_g,
    )


def keep_volumes(commonest: np.ndarray, drawn: np.ndarray, volume: np.ndarray) -> np.ndarray:
    """Return labels whose volumes are kept.

    Parameters
    ----------
    commonest, drawn
        The commonest label of each block, and that of a pixel drawn from it.
    volume
        Of each label by the pixels, in blocks, [label].

    Returns
    -------
    numpy.ndarray
        The commonest label, but for labels whose volume that changes by more than `KEPT_WITHIN`:
        these lie where they were drawn.

    Examples
    --------
    >>> thin = np.zeros((1, 1, 8), np.uint16)
    >>> keep_volumes(thin, np.array([[[0, 1, 0, 0, 0, 1, 0, 0]]], np.uint16), np.array([6.0, 2.0]))
    array([[[0, 1, 0, 0, 0, 1, 0, 0]]], dtype=uint16)
    """
    count = np.bincount(commonest.ravel(), minlength=len(volume))
    moved = np.abs(count - volume) > KEPT_WITHIN * volume
    moved[0] = False
    kept: np.ndarray = np.where(moved[commonest] | moved[drawn], drawn, commonest)
    return kept


@dataclass(frozen=True, eq=False)
class _Slab:
    means: tuple[np.ndarray, ...]
    labels: tuple[np.ndarray, ...]


class _Gatherer:
    """Gathers the slices of each slab, and the volume and mass of labels over all of them."""

    def __init__(
        self,
        image: Upright,
        laws: PixelLaws,
        factors: tuple[int, ...],
        across: tuple[int, ...],
        skin_of: Callable[[Slice], np.ndarray],
    ) -> None:
        self._image, self._laws, self._skin_of = image, laws, skin_of
        self._across, self._factors = across, factors
        rows, columns = image.shape
        down, right = np.arange(rows) // factors[1], np.arange(columns) // factors[0]
        self._block = (down[:, None] * across[1] + right).astype(np.int32)
        self._full = factors[0] * factors[1]
        self._cached: tuple[int, Slice] | None = None
        count = len(laws.density_g_cm3)
        self.volume_mm3, self.mass_g = np.zeros(count), np.zeros(count)

    def slab(self, low_mm: float, high_mm: float, k: int) -> _Slab:
        """Return means and labels of the blocks between two heights."""
        edges = self._image.edges_mm
        first = max(int(np.searchsorted(edges, low_mm + 1e-6, side="right")) - 1, 0)
        last = min(int(np.searchsorted(edges, high_mm - 1e-6, side="left")), len(edges) - 1)
        numbers = range(first, max(last, first + 1))
        weights = np.array(
            [max(min(high_mm, edges[n + 1]) - max(low_mm, edges[n]), 0.0) for n in numbers]
        )
        weights /= high_mm - low_mm
        size = self._across[0] * self._across[1]
        rows, columns, heights = self._drawn_pixels(k)
        drawn_from = np.searchsorted(np.cumsum(weights), heights.ravel(), side="right") + first
        drawn_from = drawn_from.clip(max=numbers[-1])
        skin_from = first + int(np.searchsorted(np.cumsum(weights), _spread(k), side="right"))
        skin_from = min(skin_from, numbers[-1])
        sums = np.zeros((4, size))
        bright = np.full(size, -1000.0)
        repeats = np.zeros(size)
        votes = _Votes(size)
        drawn, skin = np.zeros(size, np.uint16), np.zeros(size, bool)
        for n, weight in zip(numbers, weights, strict=True):
            image = self._slice(n)
            labels = self._laws.position[image.labels]
            density, values = self._density(image.hu, labels)
            height_mm = weight * (high_mm - low_mm)
            real = labels if image.repeated is None else np.where(image.repeated, 0, labels)
            self._add_masses(real, density, height_mm)
            for total, of in zip(sums, (density, values), strict=False):
                total += weight * self._sum(of)
            self._add_metal(sums, image.hu, weight)
            self._brighten(bright, values, labels)
            votes.add(self._block, labels, weight)
            if image.repeated is not None:
                repeats += weight * self._sum(image.repeated)
            here = drawn_from == n
            drawn[here] = labels[rows, columns].ravel()[here]
            if n == skin_from:  # one slice of each slab: to find it is work
                skin = self._skin_of(image)[rows, columns].ravel()
        density_mean, hu_sum, metal, dense = sums / self._full
        beyond = 1.0 - np.bincount(self._block.ravel(), minlength=size) / self._full
        hu_mean = hu_sum - 1000.0 * beyond
        shaped = self._across
        means = tuple(a.reshape(shaped) for a in (density_mean, hu_mean, bright, metal, dense))
        labels_of = (votes.winners(), drawn, skin, repeats > 0.5 * self._full)
        return _Slab(means, tuple(a.reshape(shaped) for a in labels_of))

    def _slice(self, number: int) -> Slice:
        """Return a slice; one that two slabs share is made once."""
        if self._cached is None or self._cached[0] != number:
            self._cached = (number, self._image.slice(number))
        return self._cached[1]

    def _density(self, hu: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the density of pixels, and their HU within the table."""
        table, lowest = self._laws.density_g_cm3, self._laws.lowest_hu
        rounded = np.rint(hu) if hu.dtype.kind == "f" else hu
        values = rounded.clip(lowest, lowest + table.shape[1] - 1).astype(np.int32)
        index = labels * np.int32(table.shape[1]) + (values - lowest)
        return table.ravel()[index], np.maximum(values, -1000)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        size = self._across[0] * self._across[1]
        return np.bincount(self._block.ravel(), weights=values.ravel(), minlength=size)

    def _add_masses(self, labels: np.ndarray, density: np.ndarray, height_mm: float) -> None:
        pixel_mm3 = height_mm * self._image.pixel_mm[0] * self._image.pixel_mm[1]
        count = len(self.volume_mm3)
        flat = labels.ravel()
        self.volume_mm3 += np.bincount(flat, minlength=count) * pixel_mm3
        mass = np.bincount(flat, weights=density.ravel(), minlength=count)
        self.mass_g += mass * (pixel_mm3 / 1000.0)

    def _add_metal(self, sums: np.ndarray, hu: np.ndarray, weight: float) -> None:
        if hu.max() >= self._laws.metal_hu:
            sums[2] += weight * self._sum(hu >= self._laws.metal_hu)
            sums[3] += weight * self._sum(hu >= self._laws.dense_metal_hu)

    def _brighten(self, bright: np.ndarray, values: np.ndarray, labels: np.ndarray) -> None:
        """Raise the highest HU of bone in each block."""
        where = np.flatnonzero(self._laws.is_bone[labels].ravel())
        if where.size:
            np.maximum.at(bright, self._block.ravel()[where], values.ravel()[where])

    def _drawn_pixels(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row, column and height (0 to 1) of the pixel drawn from each block of a slab."""
        rows, columns = self._image.shape
        right, down = self._factors
        offset = k / _ROOT
        j = lattice((1, *self._across), offset, turn=1)[0] * down
        i = lattice((1, *self._across), offset + 0.25, turn=2)[0] * right
        j = j.astype(int) + np.arange(self._across[0])[:, None] * down
        i = i.astype(int) + np.arange(self._across[1]) * right
        heights = lattice((1, *self._across), offset + 0.5)[0]
        return j.clip(max=rows - 1), i.clip(max=columns - 1), heights


class _Votes:
    """Counts of labels in each block of a slab; the labels that are there, not all of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._counts: dict[int, np.ndarray] = {}

    def add(self, block: np.ndarray, labels: np.ndarray, weight: float) -> None:
        """Add the pixels of one slice."""
        present = np.flatnonzero(np.bincount(labels.ravel()))
        compact = np.zeros(int(present[-1]) + 1, np.int32)
        compact[present] = np.arange(len(present))
        key = block * np.int32(len(present)) + compact[labels]
        counts = np.bincount(key.ravel(), minlength=self._size * len(present))
        for label, of in zip(present, counts.reshape(self._size, -1).T, strict=True):
            held = self._counts.get(int(label))
            self._counts[int(label)] = of * weight if held is None else held + of * weight

    def winners(self) -> np.ndarray:
        """Return the label with most pixels in each block, the first listed one of equals."""
        labels = np.array(sorted(self._counts), np.uint16)
        counts = np.stack([self._counts[int(label)] for label in labels])
        winners: np.ndarray = labels[counts.argmax(axis=0)]
        return winners


def _slab_edges(edges_mm: np.ndarray, target_mm: float) -> np.ndarray:
    """Return the borders of slabs: whole slices where these are even and fill the slabs."""
    step = float(np.median(np.diff(edges_mm)))
    thickness = step * max(1, math.floor(target_mm / step + 1e-6))
    count = max(1, math.ceil((edges_mm[-1] - edges_mm[0]) / thickness - 1e-3))
    return np.linspace(edges_mm[0], edges_mm[-1], count + 1)


def _spread(k: int) -> float:
    return (0.5 + k * 0.6180339887) % 1.0
