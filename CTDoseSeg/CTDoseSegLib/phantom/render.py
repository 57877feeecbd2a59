"""Makes the slices of a phantom: partial volume, blur, noise, labels and exact size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..ct.organs import OUTSIDE_BODY
from .canvas import Canvas, Sampler

NOISE_SIGMA_PIXELS = 0.7
RIM = 4  # pixels around the image that its blur still sees
Window = tuple[slice, slice]  # rows, columns


@dataclass(frozen=True)
class PhantomSlice:
    """One slice with its truth.

    Attributes
    ----------
    index
        k.
    hu
        int16 [j, i], with blur and noise.
    labels
        uint8, uint16 for more than 255 atoms, [j, i]: atom at the voxel centre.
    wed_mm, body_area_mm2
        Of the whole body in this slice, in the field of view or not; 0 where there is none.
    wed_in_view_mm, body_area_in_view_mm2
        Of the part inside the field of view.
    """

    index: int
    hu: np.ndarray
    labels: np.ndarray
    wed_mm: float
    body_area_mm2: float
    wed_in_view_mm: float
    body_area_in_view_mm2: float

    @property
    def sizes(self) -> tuple[float, float, float, float]:
        """WED and area of the whole body, then of the part in view: the order of the truth."""
        return self.wed_mm, self.body_area_mm2, self.wed_in_view_mm, self.body_area_in_view_mm2


@dataclass(frozen=True)
class PhantomTruth:
    """What is really there.

    Attributes
    ----------
    labels
        uint8, uint16 for more than 255 atoms, [k, j, i]: exclusive atoms at the voxel centres, 0
        the air around.
    affine
        4 x 4, (i, j, k, 1) to RAS mm.
    names
        Atom name to its value in `labels`.
    groups
        Group name to its atoms' names; ``body`` is all but couch, headrest and blanket.
    wed_mm, body_area_mm2, wed_in_view_mm, body_area_in_view_mm2
        [k], as in `PhantomSlice`; in the mean over the slice's thickness. Computed by sampling
        the shapes at steps of at most 0.4 mm (a tenth of a pixel over 4 mm); within 0.02 % of
        the closed form for pixels up to 2 mm.
    """

    labels: np.ndarray
    affine: np.ndarray
    names: Mapping[str, int]
    groups: Mapping[str, tuple[str, ...]]
    wed_mm: np.ndarray
    body_area_mm2: np.ndarray
    wed_in_view_mm: np.ndarray
    body_area_in_view_mm2: np.ndarray


def label_type(names: Mapping[str, int]) -> np.dtype:
    """Return the smallest unsigned type that holds the labels of so many atoms."""
    return np.min_scalar_type(max(names.values(), default=0))


class Rendered(Protocol):
    """What of a phantom decides its image: see `phantom.Phantom`."""

    @property
    def seed(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def spacing_mm(self) -> tuple[float, float, float]: ...
    @property
    def psf_fwhm_mm(self) -> float: ...
    @property
    def noise_hu(self) -> float: ...
    @property
    def affine(self) -> np.ndarray: ...
    @property
    def canvas(self) -> Canvas: ...
    @property
    def names(self) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class Pixels:
    """Fine samples of a plane, pixel by pixel: most pixels are of one material.

    Attributes
    ----------
    first
        [row, column], material of each pixel's first sample: of all where it is of one material.
    rows, columns
        [n], of those pixels that are of several.
    samples
        [n, fine row, fine column], materials of these.
    """

    first: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    samples: np.ndarray

    @classmethod
    def of(cls, plane: np.ndarray, fine: tuple[int, int]) -> Pixels:
        """Sort a plane of materials by pixels of `fine` samples along columns and rows."""
        fx, fy = fine
        parts = plane.reshape(plane.shape[0] // fy, fy, plane.shape[1] // fx, fx)
        lines = plane.reshape(parts.shape[0], fy, plane.shape[1])
        differs = lines[:, 1] != lines[:, 0]
        for n in range(2, fy):
            differs |= lines[:, n] != lines[:, 0]
        first, mixed = np.ascontiguousarray(parts[:, 0, :, 0]), differs[:, ::fx]
        for n in range(1, fx):
            mixed |= differs[:, n::fx]
            mixed |= parts[:, 0, :, n] != first
        rows, columns = np.nonzero(mixed)
        return cls(first, rows, columns, parts[rows, :, columns])

    def mixed_in(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, columns (from the window's corner) and samples of its mixed pixels."""
        rows, columns = window
        within = (rows.start <= self.rows) & (self.rows < rows.stop)
        within &= (columns.start <= self.columns) & (self.columns < columns.stop)
        return (
            self.rows[within] - rows.start,
            self.columns[within] - columns.start,
            self.samples[within],
        )

    def counts(self, materials: int, window: Window | None = None) -> np.ndarray:
        """Return the number of samples of each material, in a window or everywhere."""
        rows, columns = self.rows, self.columns
        first, samples = self.first, self.samples
        if window is not None:
            first = first[window]
            rows, columns, samples = self.mixed_in(window)
        pure = np.bincount(first.ravel(), minlength=materials)
        pure -= np.bincount(first[rows, columns], minlength=materials)
        per_pixel = self.samples.shape[1] * self.samples.shape[2]
        return per_pixel * pure + np.bincount(samples.ravel(), minlength=materials)


class Renderer:
    """What all slices of a phantom share: sampling positions, tables, noise scale."""

    def __init__(self, phantom: Rendered) -> None:
        self.phantom = phantom
        self.sampler = Sampler(phantom.canvas, phantom.affine)
        materials = phantom.canvas.materials
        self.hu = np.array([m.hu for m in materials], np.float32)
        values = [phantom.names.get(m.atom or "", 0) for m in materials]
        self.atom = np.array(values, label_type(phantom.names))
        self.body = np.array([bool(m.atom) and m.atom not in OUTSIDE_BODY for m in materials])
        # Steps of at most 0.4 mm, at least three a pixel: the area of a smooth contour is then
        # known to a few parts in 100,000.
        row_step, column_step = (
            int(np.clip(np.ceil(phantom.spacing_mm[axis] / 0.4), 3, 10)) for axis in (0, 1)
        )
        self.fine = column_step, row_step
        thick = phantom.spacing_mm[2] > 2.0  # thinner slices are taken as planes
        self.planes = (-1 / 3, 0.0, 1 / 3) if thick else (0.0,)
        of_one = np.ones((1, self.fine[1], self.fine[0]), int)
        self.pure = self._means(np.arange(len(materials))[:, None, None] * of_one)
        self.margin = self._margin()
        self.sigma = [phantom.psf_fwhm_mm / 2.3548 / phantom.spacing_mm[axis] for axis in (0, 1)]
        self.noise_scale = phantom.noise_hu / noise_gain()

    def _margin(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return pixels to add (before, after) along i and j to sample the whole body.

        Along its own axis the body has no end: there nothing is added.
        """
        affine = self.phantom.affine
        axial = np.abs(affine[2, :2]) < 0.5 * np.linalg.norm(affine[:3, :2], axis=0)
        fills = self.phantom.canvas.fills
        is_body = [fill is not None and bool(self.body[fill]) for fill in fills]
        low, high = self.sampler.low[is_body], self.sampler.high[is_body]
        rows, columns, _ = self.phantom.shape

        def beyond(axis: int, count: int) -> tuple[int, int]:
            if not axial[axis]:
                return RIM, RIM
            before = int(np.clip(np.ceil(-low[:, axis].min()), RIM, 1500))
            after = int(np.clip(np.ceil(high[:, axis].max() - (count - 1)), RIM, 1500))
            return before, after

        return beyond(0, columns), beyond(1, rows)

    def slice(self, k: int) -> PhantomSlice:
        """Render slice k with its exact size."""
        rows, columns, _ = self.phantom.shape
        (left, right), (above, below) = self.margin
        i = _fine_positions(-left, columns + right, self.fine[0])
        j = _fine_positions(-above, rows + below, self.fine[1])
        view = (slice(above, above + rows), slice(left, left + columns))
        near = (slice(above - RIM, above + rows + RIM), slice(left - RIM, left + columns + RIM))
        image = np.zeros((rows + 2 * RIM, columns + 2 * RIM), np.float32)
        whole, inside = np.zeros(len(self.hu)), np.zeros(len(self.hu))
        for shift in self.planes:
            pixels = Pixels.of(self.sampler.plane(i, j, k + shift), self.fine)
            whole += pixels.counts(len(self.hu))
            inside += pixels.counts(len(self.hu), view)
            image += self._average(pixels, near)
        labels = self.atom[self.sampler.plane(np.arange(columns), np.arange(rows), k)]
        sizes = [v for counts in (whole, inside) for v in self._size(counts)]
        return PhantomSlice(k, self._finish(image / len(self.planes), k), labels, *sizes)

    def _average(self, pixels: Pixels, near: Window) -> np.ndarray:
        """Return the mean HU over each pixel of the image and a rim of four pixels."""
        image = self.pure[pixels.first[near]]
        rows, columns, samples = pixels.mixed_in(near)
        image[rows, columns] = self._means(samples)
        return image

    def _means(self, samples: np.ndarray) -> np.ndarray:
        """Return the mean HU of each of several pixels of materials [n, fine row, fine column]."""
        n, fy, fx = samples.shape
        hu = self.hu[samples.transpose(1, 0, 2).reshape(fy, n * fx)]
        sums = np.add.reduceat(hu, [0], axis=0)[0]
        return np.add.reduceat(sums, np.arange(0, n * fx, fx)) / (fx * fy)

    def _finish(self, image: np.ndarray, k: int) -> np.ndarray:
        """Add blur and noise, and round."""
        from scipy.ndimage import gaussian_filter

        image = gaussian_filter(image, self.sigma, mode="nearest")[RIM:-RIM, RIM:-RIM]
        rng = np.random.default_rng([self.phantom.seed, 2, k])
        noise = gaussian_filter(rng.standard_normal(image.shape, np.float32), NOISE_SIGMA_PIXELS)
        return np.rint(image + noise * self.noise_scale).astype(np.int16)

    def _size(self, counts: np.ndarray) -> tuple[float, float]:
        """Return WED (mm) and body area (mm2) from the fine samples of each material.

        AAPM Report 220: WED = 2 sqrt((mean HU / 1000 + 1) * area / pi).
        """
        spacing = self.phantom.spacing_mm
        area = spacing[0] * spacing[1] / (self.fine[0] * self.fine[1] * len(self.planes))
        body = counts * self.body
        water = float(np.sum(body * (self.hu.astype(float) / 1000 + 1)) * area)
        return 2 * float(np.sqrt(max(water, 0.0) / np.pi)), float(body.sum() * area)


def noise_gain() -> float:
    """Return the standard deviation of unit white noise after the noise filter."""
    from scipy.ndimage import gaussian_filter

    impulse = np.zeros((15, 15))
    impulse[7, 7] = 1
    return float(np.sqrt(np.sum(gaussian_filter(impulse, NOISE_SIGMA_PIXELS) ** 2)))


def _fine_positions(first: int, stop: int, parts: int) -> np.ndarray:
    """Return the centres of `parts` equal parts of each pixel from `first` to before `stop`."""
    pixels = np.arange(first, stop)[:, None]
    return (pixels + (np.arange(parts) + 0.5) / parts - 0.5).ravel()
