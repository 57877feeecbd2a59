"""What the law is fitted to: an organ of a body, and its dose by a scan of a part of the body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...dosimetry.fast.kernel import LENGTHS_MM, Kernel, arriving, smooth
from ...dosimetry.fast.model import Span, design, large_share, reached
from .table import SLAB_MM, LearnedBody

SIZE_KERNELS: tuple[Kernel, Kernel] = (((1.0, 20.0),), ((1.0, 100.0),))
# Of the tube's path beyond an organ at both ends, in scans of its region.
_MARGIN_MM = 30.0
# Smaller parts of organs, and noisier doses, teach nothing.
_LEAST_G, _MOST_NOISE = 0.2, 0.08
# A response, as a part of its sum, is known to so much and to a part of itself.
_LEAST_RESPONSE, _RESPONSE_ERROR = 2e-4, 0.05
NO_CAP = Span(0.0, 1e4)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Row:
    """An organ of a body.

    Attributes
    ----------
    body, organ
        Index of the body and of the organ in it.
    z_mm
        Middles of the slabs that hold the body, [n].
    share
        Part of the organ in each, [n].
    sizes_mm
        Smoothed water-equivalent diameter, [n, 2].
    response
        Dose by 1 mGy of CTDIvol in each slab of the tube's path, [p]; `path_mm` are their middles.
    noise
        Relative standard error of the dose by the whole path.
    """

    body: int
    organ: int
    z_mm: np.ndarray
    share: np.ndarray
    sizes_mm: np.ndarray
    path_mm: np.ndarray
    response: np.ndarray
    noise: float
    # 1 mGy over a range, as it arrives: each fold of a fit asks for it again.
    _arriving: dict[tuple[float, float], np.ndarray] = field(default_factory=dict)

    @property
    def wed_mm(self) -> float:
        """Smoothed size at the organ."""
        return float(self.share @ self.sizes_mm[:, 0])

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Lowest and highest end of the organ."""
        held = self.z_mm[self.share > 0]
        return float(held[0]) - SLAB_MM / 2, float(held[-1]) + SLAB_MM / 2

    @property
    def images_mm(self) -> tuple[float, float]:
        """Lowest and highest end of the images."""
        return float(self.z_mm[0]) - SLAB_MM / 2, float(self.z_mm[-1]) + SLAB_MM / 2

    def dose(self, range_mm: tuple[float, float]) -> float:
        """Return the simulated dose by 1 mGy over a range."""
        low, high = self.path_mm - SLAB_MM / 2, self.path_mm + SLAB_MM / 2
        part = np.clip(np.minimum(high, range_mm[1]) - np.maximum(low, range_mm[0]), 0, None)
        return float(self.response @ part / SLAB_MM)

    @cached_property
    def kernel_columns(self) -> tuple[np.ndarray, np.ndarray]:
        """What the response is made of: of small, then of large bodies, what arrives, [p, 4 l]; and
        the response, [p]; both over its error."""
        response = self.response / self.response.sum()
        low, high = self.path_mm[:, None] - SLAB_MM / 2, self.path_mm[:, None] + SLAB_MM / 2
        sides = [*(_from_below(self.z_mm, low, high)), *(_from_below(-self.z_mm, -high, -low))]
        parts = (self.share * (1.0 - self.large), self.share * self.large)
        columns = np.column_stack([side @ part for part in parts for side in sides])
        weight = 1.0 / (_LEAST_RESPONSE + _RESPONSE_ERROR * response)
        return columns * weight[:, None], response * weight

    @property
    def large(self) -> np.ndarray:
        """Share of the kernel of large bodies in each slab, [n]."""
        return large_share(self.sizes_mm[:, 0])

    def reached(self, kernels: np.ndarray, range_mm: tuple[float, float]) -> np.ndarray:
        """Return 1 mGy over a range, convolved as the body's size goes, in each slab, [n]."""
        if range_mm not in self._arriving:
            self._arriving[range_mm] = arriving(self.z_mm, np.ones(len(self.z_mm)), range_mm)
        return reached(kernels, self._arriving[range_mm], self.sizes_mm)

    def law(
        self, kernels: np.ndarray, log_factor: np.ndarray, range_mm: tuple[float, float]
    ) -> float:
        """Return the dose by the law, with f of every slab, [n]; `kernels` are an organ's."""
        return float(self.share @ (self.reached(kernels, range_mm) * np.exp(log_factor)))


def _from_below(z_mm: np.ndarray, low_mm: np.ndarray, high_mm: np.ndarray) -> Iterator[np.ndarray]:
    """Yield, by length, what of a slab of the tube's path arrives above it, [p, n]."""
    for length in LENGTHS_MM:
        far, near = (np.maximum(z_mm - end, 0.0) / length for end in (low_mm, high_mm))
        yield np.exp(-near) - np.exp(-far)


def rows_of(bodies: Sequence[LearnedBody], organ: str) -> list[Row]:
    """Return the rows of an organ: those bodies whose simulation tells its dose well enough."""
    rows = []
    for number, body in enumerate(bodies):
        if organ not in body.organs:
            continue
        index = body.organs.index(organ)
        usable = body.noise[index] < _MOST_NOISE and body.mass_g[index] > _LEAST_G
        if not usable or not body.response[index].sum() > 0 or not body.share[index].sum() > 0:
            continue
        inside = np.isfinite(body.wed_mm)
        z = body.z_mm[inside]
        sizes = np.column_stack([smooth(z, body.wed_mm[inside], k) for k in SIZE_KERNELS])
        rows.append(
            Row(
                number, index, z, body.share[index][inside], sizes, body.z_mm,
                body.response[index], float(body.noise[index]),
            )
        )  # fmt: skip
    return rows


def whole_range(row: Row) -> tuple[float, float]:
    """Return the range of a scan of all images."""
    low, high = row.images_mm
    return low - _MARGIN_MM, high + _MARGIN_MM


def own_range(row: Row) -> tuple[float, float]:
    """Return the range of a scan of the organ, 30 mm beyond it, no longer than of all images."""
    low, high = row.extent_mm
    first, last = whole_range(row)
    return max(low - _MARGIN_MM, first), min(high + _MARGIN_MM, last)


def mean_design(row: Row, weight: np.ndarray, cap: Span = NO_CAP) -> np.ndarray:
    """Return the columns of f's terms averaged over the organ with these weights, [t]."""
    return np.asarray(weight @ design(row.sizes_mm, cap) / weight.sum())


def part_ranges(row: Row) -> Iterator[tuple[float, float]]:
    """Yield ranges that leave a part of the organ out."""
    low, high = row.extent_mm
    first, last = whole_range(row)
    for part in (0.3, 0.6):
        edge = low + part * (high - low)
        yield first, edge
        yield edge, last


def scatter_ranges(row: Row) -> Iterator[tuple[float, float]]:
    """Yield ranges that end 20, 40 and 60 mm below or above the organ, 100 mm long at least."""
    low, high = row.extent_mm
    first, last = whole_range(row)
    for distance in (20.0, 40.0, 60.0):
        for part in ((first, low - distance), (high + distance, last)):
            if part[1] - part[0] > 100.0:
                yield part
