"""A label map and its HU at points some millimetres apart, seen along the patient's axes.

Where an organ lies, in how many pieces and how dense its parts are needs no finer grid; every
voxel of it is decided by the point nearest to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ...ct.series import CTSeries
from ..labelmap import BODY, Labelmap
from ..morphology import ball_rows, dilated_by, eroded_by
from ..working_grid import Canonical, field_of_view

POINT_MM = 3.0
Window = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Sampled:
    """Points of a label map, [k, j, i] = [superior, posterior, left].

    Attributes
    ----------
    labelmap
        The label map that was sampled.
    labels
        Its values at the points.
    hu
        float32, at the points: means of 3 x 3 points of a slice, so that noise decides nothing.
    raw_hu
        float32, of the voxels at the points.
    spacing_mm
        Between points along k, j and i.
    steps
        Voxels from one point to the next along k, j and i.
    seen
        Boolean [j, i]: False where the scanner reconstructed nothing.
    view
        The slices with all their voxels.
    """

    labelmap: Labelmap
    labels: np.ndarray
    hu: np.ndarray
    raw_hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    steps: tuple[int, int, int]
    seen: np.ndarray
    view: Canonical

    @classmethod
    def of(cls, series: CTSeries, labelmap: Labelmap) -> Sampled:
        """Sample a label map on the grid of `series`."""
        view = Canonical.of(series)
        drawn = np.flip(labelmap.labels.transpose(view.permutation), view.reversed_axes)
        steps = tuple(
            max(1, min(n, round(POINT_MM / size)))
            for n, size in zip(view.hu.shape, view.spacing_mm, strict=True)
        )
        few = tuple(slice((step - 1) // 2, None, step) for step in steps)
        raw = view.hu[few].astype(np.float32)
        hu = ndimage.uniform_filter(raw, (1, 3, 3), mode="nearest")
        k, j, i = (n * size for n, size in zip(steps, view.spacing_mm, strict=True))
        return cls(
            labelmap,
            np.ascontiguousarray(drawn[few]),
            hu,
            raw,
            (k, j, i),
            steps,  # type: ignore[arg-type]
            field_of_view(view.hu)[few[1:]],
            view,
        )

    @property
    def point_ml(self) -> float:
        """Volume that a point stands for."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    @property
    def point_mm2(self) -> float:
        """Area of a slice that a point stands for."""
        return self.spacing_mm[1] * self.spacing_mm[2]

    @cached_property
    def _masks(self) -> dict[tuple[str, ...], np.ndarray]:
        return {}

    def mask(self, *groups: str) -> np.ndarray:
        """Return where any of the groups is, boolean [k, j, i], not to be changed."""
        if groups not in self._masks:
            known = [group for group in groups if group in self.labelmap.groups]
            values = [v for group in known for v in self.labelmap.values(group)]
            lookup = np.zeros(int(np.iinfo(self.labels.dtype).max) + 1, bool)
            lookup[values] = True
            mask = self.labels == values[0] if len(values) == 1 else lookup[self.labels]
            mask.flags.writeable = False
            self._masks[groups] = mask
        return self._masks[groups]

    @cached_property
    def body(self) -> np.ndarray:
        """Where the body is, boolean [k, j, i]."""
        return self.mask(BODY)

    @cached_property
    def width(self) -> int:
        """Columns from the body's right end to its left, in all slices together; at least 1."""
        columns = np.flatnonzero(self.body.any(axis=(0, 1)))
        return int(np.ptp(columns)) + 1 if columns.size else 1

    @cached_property
    def middle(self) -> np.ndarray:
        """Column of the middle of the body in each slice, [k]; that of all where there is none.

        It is the middle of the bone, which lies about the spine and which arms at one side or a
        cut by the field of view move less than the skin; without bone it is the body's.
        """
        solid = self.mask("bone")
        if not solid.any():
            solid = self.body
        columns = solid.sum(axis=1).astype(float)  # [k, i]
        index = np.arange(columns.shape[1])
        count = columns.sum(axis=1)
        whole = float((columns.sum(axis=0) * index).sum() / max(1.0, count.sum()))
        return np.where(count > 0, columns @ index / np.maximum(count, 1.0), whole)

    def window(self, mask: np.ndarray, margin: int = 2) -> Window:
        """Return the part of the grid that holds a mask, with a margin of points around it."""
        spans = []
        for axis, size in enumerate(mask.shape):
            others = tuple(a for a in range(3) if a != axis)
            here = np.flatnonzero(mask.any(axis=others))
            spans.append(slice(max(0, here[0] - margin), min(size, here[-1] + 1 + margin)))
        return spans[0], spans[1], spans[2]

    def left_of(
        self, organ: str, gone: np.ndarray, margin: int
    ) -> tuple[Window, np.ndarray] | None:
        """Return what is left of an organ, in its window of the grid; None where nothing is.

        `gone` are the points that were taken away from it, boolean [k, j, i].
        """
        whole = self.mask(organ) & ~gone
        if not whole.any():
            return None
        window = self.window(whole, margin)
        return window, whole[window]

    def on_grid(self, part: np.ndarray, window: Window) -> np.ndarray:
        """Return a mask of a window on the whole grid."""
        whole = np.zeros(self.labels.shape, bool)
        whole[window] = part
        return whole

    def slices(self, mask: np.ndarray) -> list[int]:
        """Return the series' slices that a mask of points is in; along its own first axis."""
        axis = self.view.permutation.index(0)
        here = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        size = self.labelmap.labels.shape[0]
        step = self.steps[axis]
        found = [v for n in here for v in range(n * step, min(size, (n + 1) * step))]
        return [size - 1 - v for v in found] if axis in self.view.reversed_axes else found

    def eroded(self, mask: np.ndarray, radius_mm: float) -> np.ndarray:
        """Return what of a mask is deeper than a radius; the end of the images is no surface."""
        return eroded_by(mask, ball_rows(radius_mm, self.spacing_mm))

    def dilated(self, mask: np.ndarray, radius_mm: float) -> np.ndarray:
        """Return a mask with what lies within a radius of it."""
        return dilated_by(mask, ball_rows(radius_mm, self.spacing_mm))

    def nearest(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for each voxel of the view along k, j and i the index of its nearest point."""
        k, j, i = (
            np.minimum(np.arange(n) // step, size - 1)
            for n, step, size in zip(self.view.hu.shape, self.steps, self.labels.shape, strict=True)
        )
        return k, j, i

    def opened(self, mask: np.ndarray, radius_mm: float) -> np.ndarray:
        """Return what of a mask is thicker than twice a radius."""
        return mask & self.dilated(self.eroded(mask, radius_mm), radius_mm)
