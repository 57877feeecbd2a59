"""Blood, a kidney or bowel full of contrast agent drawn as bone.

Both can have 150 to 500 HU. Contrast agent is all of one density and thick; a bone has trabeculae
and a cortex. Where a network drew only a part of a chamber as bone, what lies beyond the label is
as dense as it, which no surface of a bone is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..morphology import ball_rows, dilated_by
from .findings import Taken
from .sampled import Sampled, Window

BONE = "bone"
DENSE_HU = (140.0, 500.0)
# The core of a region lies so deep inside it.
CORE_MM = 4.0
# Standard deviation of its voxels.
EVEN_HU = 55.0
# Part of the shell around a core that is denser by this: a cortex, or a bone beside it.
CORTEX_HU, CORTEX = 60.0, 0.1
# A core of this volume without a cortex is no bone: vertebrae of children have up to 2.3 ml of it,
# a sternum 11 ml; a sternum lies in the foremost part of the body (of its depth).
LEAST_ML, FRONT = 10.0, 0.2
# Coarser images (mm in plane, mm between slices) show no cortex: there a volume says nothing.
FINE_MM = (1.8, 6.0)
# Nor is a smaller one, where this part of the shell beyond the label has about the core's HU.
ALIKE_HU, ALIKE, ALIKE_LEAST_ML = 80.0, 0.6, 0.5
SHELL_MM = 9.0


def contrast_as_bone(points: Sampled) -> Taken | None:
    """Return the points of bone that are contrast agent; None where there are none.

    Parameters
    ----------
    points
        Label map with bone and its HU.

    Returns
    -------
    Taken or None
    """
    bone = points.mask(BONE)
    dense = bone & (points.hu > DENSE_HU[0]) & (points.hu < DENSE_HU[1])
    if not dense.any():
        return None
    size = [2 * round(CORE_MM / n) + 1 for n in points.spacing_mm]
    deep = ndimage.minimum_filter(dense.view(np.uint8), size, mode="nearest").view(bool)
    regions, _ = ndimage.label(deep)
    gone = np.zeros_like(bone)
    for usual, core in _contrast(points, bone, regions):
        gone |= _pool(points, core, usual) & bone
    if not gone.any():
        return None
    return Taken(BONE, gone, "it is contrast agent, of one density and without a cortex")


def _pool(points: Sampled, core: np.ndarray, usual: float) -> np.ndarray:
    """Return all that is as dense as a core and hangs on it by more than a surface."""
    alike = points.body & (np.abs(points.hu - usual) < ALIKE_HU)
    deep = ndimage.minimum_filter(alike.view(np.uint8), (1, 3, 3), mode="nearest").view(bool)
    pieces, _ = ndimage.label(deep | core)
    joined = np.isin(pieces, np.unique(pieces[core]))
    return ndimage.binary_dilation(joined, np.ones((1, 5, 5))) & (points.hu < usual + 2 * ALIKE_HU)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class _Core:
    """The inside of a dense region: window, HU, volume, surroundings; how finely it was imaged."""

    inside: np.ndarray
    window: Window
    usual: float
    volume_ml: float
    alike: float
    depth: float
    fine: bool

    @property
    def surely(self) -> bool:
        """Whether it is no bone, whatever else there is."""
        large = self.fine and self.volume_ml > LEAST_ML
        return self.depth > FRONT and (self.alike > ALIKE or large)


def _contrast(
    points: Sampled, bone: np.ndarray, regions: np.ndarray
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield HU and core of the regions that hold contrast agent."""
    cores = list(_without_cortex(points, bone, regions))
    blood = [core.usual for core in cores if core.surely]
    for core in cores:
        # Where there is contrast agent, a small region as dense may be of the same vessel.
        same = any(abs(core.usual - hu) < ALIKE_HU for hu in blood) and core.depth > FRONT
        if core.surely or same:
            whole = np.zeros_like(bone)
            whole[core.window] = core.inside
            yield core.usual, whole


def _without_cortex(points: Sampled, bone: np.ndarray, regions: np.ndarray) -> Iterator[_Core]:
    between, *plane = points.view.spacing_mm
    fine = max(plane) <= FINE_MM[0] and between <= FINE_MM[1]
    margin = [int(np.ceil(SHELL_MM / size)) for size in points.spacing_mm]
    for value, found in enumerate(ndimage.find_objects(regions), start=1):
        deep = regions[found] == value
        volume_ml = np.count_nonzero(deep) * points.point_ml
        if volume_ml < ALIKE_LEAST_ML or points.raw_hu[found][deep].std() > EVEN_HU:
            continue
        k, j, i = (
            slice(max(0, part.start - more), min(size, part.stop + more))
            for part, more, size in zip(found, margin, bone.shape, strict=True)
        )
        inside = regions[k, j, i] == value
        usual = float(np.median(points.hu[k, j, i][inside]))
        alike, cortex = _surface(points, bone, inside, (k, j, i), usual)
        if cortex < CORTEX:
            depth = _depth(points, inside, (k, j, i))
            yield _Core(inside, (k, j, i), usual, volume_ml, alike, depth, fine)


def _depth(points: Sampled, core: np.ndarray, window: Window) -> float:
    """Return where a core lies between the front of the body, 0, and its back, 1."""
    k, j, _ = (float(n.mean()) for n in np.nonzero(core))
    rows = np.flatnonzero(points.body[window[0].start + round(k)].any(axis=1))
    return (window[1].start + j - rows[0]) / (np.ptp(rows) + 1) if rows.size else 0.0


def _surface(
    points: Sampled, bone: np.ndarray, core: np.ndarray, window: Window, usual: float
) -> tuple[float, float]:
    """Return what parts of a core's surroundings are alike though not drawn, and are denser."""
    fine = tuple(
        slice(part.start * step, min(part.stop * step, size))
        for part, step, size in zip(window, points.steps, points.view.hu.shape, strict=True)
    )
    hu = points.view.hu[fine].astype(np.float32)
    inside, drawn = (_enlarged(mask, points.steps, hu.shape) for mask in (core, bone[window]))
    spacing = points.view.spacing_mm
    shell = dilated_by(inside, ball_rows(SHELL_MM, spacing))
    shell &= ~dilated_by(inside, ball_rows(1.0, spacing))
    smooth = ndimage.uniform_filter(hu, (1, 3, 3))
    denser = smooth[shell] > usual + CORTEX_HU
    beyond = smooth[shell & ~drawn]
    alike = (np.abs(beyond - usual) < ALIKE_HU) & (beyond > DENSE_HU[0])
    return (
        float(alike.mean()) if alike.size else 0.0,
        float(denser.mean()) if denser.size else 0.0,
    )


def _enlarged(mask: np.ndarray, steps: tuple[int, int, int], shape: tuple[int, ...]) -> np.ndarray:
    for axis, step in enumerate(steps):
        mask = mask.repeat(step, axis)
    return mask[tuple(slice(0, n) for n in shape)]
