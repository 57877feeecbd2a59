"""Where a volume's places along the body lie in the scene, under the volume's parent transform."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .volumes import geometry

if TYPE_CHECKING:
    from ...ct.acquisition import Acquisition
    from ...ct.series import CTSeries
    from ...result import Result

# Of world S per S of the volume; below it the volume's S is no direction along the body.
_LEAST_COSINE = 0.1
Range = tuple[float, float]


@dataclass(frozen=True)
class Placement:
    """What a linear parent transform does with the places of a volume; the identity without one.

    Attributes
    ----------
    affine
        IJK to world RAS.
    to_world
        4 x 4, the volume's own RAS to world RAS.
    centre_mm
        Of the volume in its own RAS.
    """

    affine: np.ndarray
    to_world: np.ndarray
    centre_mm: np.ndarray

    @classmethod
    def of(cls, volumeNode: Any) -> Placement:
        """Return the placement of a volume; a nonlinear transform counts as none."""
        own, moved, _ = geometry(volumeNode)
        size = np.array(volumeNode.GetImageData().GetDimensions())
        centre = own @ np.append((size - 1) / 2, 1.0)
        return cls(moved, moved @ np.linalg.inv(own), centre[:3])

    def range_to_world(self, own_mm: Range) -> Range | None:
        """Return (low, high) of the volume's own S as world S, along the volume's centre.

        None where the transform has turned the volume's S out of the body's length.
        """
        return _mapped(own_mm, self.to_world, self.centre_mm)

    def range_from_world(self, world_mm: Range) -> Range | None:
        """Return (low, high) of world S as the volume's own S; None as for `range_to_world`."""
        centre = self.to_world @ np.append(self.centre_mm, 1.0)
        return _mapped(world_mm, np.linalg.inv(self.to_world), centre)

    def carried(self, world_mm: Range, to: Placement) -> Range | None:
        """Return world S of what was at `world_mm` after the volume went from here to there."""
        centre = self.to_world @ np.append(self.centre_mm, 1.0)
        return _mapped(world_mm, to.affine @ np.linalg.inv(self.affine), centre)

    def moved(self, series: CTSeries) -> CTSeries:
        """Return a series in the volume's own coordinates as one in those of the scene."""
        if np.array_equal(self.affine, series.affine):
            return series
        z = slice_centres(self.affine, series.hu.shape)
        slices = tuple(
            replace(item, z_mm=float(height)) for item, height in zip(series.slices, z, strict=True)
        )
        series = replace(
            series,
            affine=self.affine,
            slices=slices,
            acquisition=self._moved_acquisition(series.acquisition),
        )
        if series.dose_report is not None:
            events = tuple(
                placed
                if placed.range_mm is None
                else replace(placed, range_mm=self.range_to_world(placed.range_mm))
                for placed in series.dose_report.events
            )
            report = replace(series.dose_report, events=events)
            series = replace(series, dose_report=report)
        return series

    def _moved_acquisition(self, acquisition: Acquisition) -> Acquisition:
        changed: dict[str, Any] = {}
        if acquisition.irradiated_range_mm is not None:
            changed["irradiated_range_mm"] = self.range_to_world(acquisition.irradiated_range_mm)
        if acquisition.isocentre_mm is not None:
            axis = self.to_world @ (*acquisition.isocentre_mm, self.centre_mm[2], 1.0)
            changed["isocentre_mm"] = (float(axis[0]), float(axis[1]))
        return replace(acquisition, **changed)


def _mapped(span: Range, matrix: np.ndarray, centre: np.ndarray) -> Range | None:
    row = matrix[2]
    if abs(row[2]) < _LEAST_COSINE:
        return None
    offset = row[0] * centre[0] + row[1] * centre[1] + row[3]
    ends = [float(row[2] * z + offset) for z in span]
    return min(ends), max(ends)


def slice_centres(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return RAS superior of the slice centres, [k]."""
    middle = affine @ np.array([(shape[2] - 1) / 2, (shape[1] - 1) / 2, 0, 1])
    return middle[2] + np.arange(shape[0]) * affine[2, 2]


def slice_positions_mm(volumeNode: Any, result: Result) -> np.ndarray:
    """Return where the slices of a result lie now, RAS superior of the world (mm), [k].

    Its own positions where the volume is gone, has other slices, or is bent by a transform.
    """
    image = volumeNode.GetImageData() if volumeNode is not None else None
    shape = image.GetDimensions()[::-1] if image is not None else ()
    if shape != tuple(result.geometry.shape_kji):
        return result.slices.z_mm
    _, moved, linear = geometry(volumeNode)
    return slice_centres(moved, shape) if linear else result.slices.z_mm
