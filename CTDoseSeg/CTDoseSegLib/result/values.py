"""The parts of a result that are no part of an analysis as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..ct.series import CTSeries, SliceInfo
from ..files.codec import WHOLE_NUMBERS
from ..flags import Flag
from ..measurement.measurements import Measurements
from ..measurement.size import SizeProfile, WEDSummary
from ..measurement.ssde import SSDEProfile
from ..segmentation.doubt import Doubt, OrganDoubt
from ..segmentation.labelmap import Atom

BIN_HU = 10


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of the CT.

    Attributes
    ----------
    shape_kji
        Slices, rows, columns.
    spacing_ijk_mm
        Voxel size along i, j and k.
    affine_ijk_to_ras
        4 x 4, (i, j, k, 1) to RAS in mm.
    regular
        True where slices are equally spaced and not sheared, so that volumes (ml) are valid.
    """

    shape_kji: tuple[int, int, int]
    spacing_ijk_mm: tuple[float, float, float]
    affine_ijk_to_ras: tuple[tuple[float, ...], ...]
    regular: bool

    @classmethod
    def of(cls, series: CTSeries) -> Geometry:
        """Return the grid of a series."""
        slices, rows, columns = (int(n) for n in series.hu.shape)
        affine = tuple(tuple(float(v) for v in row) for row in series.affine)
        return cls((slices, rows, columns), series.spacing_mm, affine, series.regular)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel; a mean where slices are not regular."""
        i, j, k = self.spacing_ijk_mm
        return i * j * k / 1000.0


@dataclass(frozen=True, eq=False)
class Slices:
    """The columns of the slices; arrays are [k], NaN is "not known".

    Attributes
    ----------
    z_mm, slice_location_mm, tube_current_mA, exposure_mAs, effective_mAs, ctdivol_mGy, thickness_mm
        As in `ct.series.SliceInfo`.
    body_area_mm2, body_mean_hu, wed_mm, truncated_fraction, wed_corrected_mm
        As in `measurement.size.SizeProfile`.
    ssde_mGy, ctdivol_used_mGy, factor, alternative_ssde_mGy
        As in `measurement.ssde.SSDEProfile`.
    flags
        A list for each slice.
    """

    z_mm: np.ndarray
    slice_location_mm: np.ndarray
    tube_current_mA: np.ndarray
    exposure_mAs: np.ndarray
    effective_mAs: np.ndarray
    ctdivol_mGy: np.ndarray
    thickness_mm: np.ndarray
    body_area_mm2: np.ndarray
    body_mean_hu: np.ndarray
    wed_mm: np.ndarray
    truncated_fraction: np.ndarray
    wed_corrected_mm: np.ndarray
    ssde_mGy: np.ndarray
    ctdivol_used_mGy: np.ndarray
    factor: np.ndarray
    flags: tuple[tuple[Flag, ...], ...]
    alternative_ssde_mGy: np.ndarray | None = None

    @classmethod
    def of(cls, series: CTSeries, size: SizeProfile, ssde: SSDEProfile) -> Slices:
        """Return the columns of an analysis."""
        stated = {
            f.name: np.array([getattr(s, f.name) for s in series.slices], object).astype(float)
            for f in fields(SliceInfo)
        }
        own = {f.name for f in fields(cls)} - {"flags", *stated}
        measured = {
            name: getattr(profile, name)
            for profile in (size, ssde)
            for name in own
            if hasattr(profile, name)
        }
        flags = tuple(
            tuple(flag for of_all in (size.flags, ssde.slice_flags) if of_all for flag in of_all[k])
            for k in range(len(series.slices))
        )
        return cls(**stated, **measured, flags=flags)

    def __len__(self) -> int:
        return len(self.z_mm)

    @property
    def cut_and_corrected(self) -> bool:
        """Whether a diameter as measured has a corrected one beside it that differs."""
        return bool(np.any(self.wed_corrected_mm > self.wed_mm))

    def infos(self) -> tuple[SliceInfo, ...]:
        """Return what was stated of each slice, as a series has it."""
        names = [f.name for f in fields(SliceInfo) if f.name != "z_mm"]
        columns = [getattr(self, name) for name in names]
        return tuple(
            SliceInfo(
                float(z),
                **{
                    name: None if np.isnan(value) else float(value)
                    for name, value in zip(names, row, strict=True)
                },
            )
            for z, *row in zip(self.z_mm, *columns, strict=True)
        )


@dataclass(frozen=True, eq=False)
class Structure:
    """What was measured in one organ (group of labels); arrays are [k], NaN without the organ.

    Attributes
    ----------
    atoms
        Names of its labels.
    volume_ml
        None where slices are not regular.
    count
        Number of voxels, [k].
    area_mm2, mean_hu, sd_hu
        As in `measurement.measurements.GroupSlices`.
    """

    atoms: tuple[str, ...]
    volume_ml: float | None
    count: np.ndarray = field(metadata=WHOLE_NUMBERS)
    area_mm2: np.ndarray
    mean_hu: np.ndarray
    sd_hu: np.ndarray


@dataclass(frozen=True)
class SizeSummary:
    """Body size of the scan; slice by slice it stands in `Slices`.

    Attributes
    ----------
    summary
        Water-equivalent diameter of the scan.
    flags
        Of the scan: which slices.
    mean_interval_mm
        Ends of the 90 % interval of the mean, corrected where the field of view cuts the body
        (`measurement.size_interval`).
    """

    summary: WEDSummary
    flags: tuple[Flag, ...] = ()
    mean_interval_mm: tuple[float, float] | None = None


@dataclass(frozen=True)
class SSDESummary:
    """SSDE of the scan; slice by slice it stands in `Slices`.

    Attributes
    ----------
    table, alternative_table
        As in `measurement.ssde.SSDEProfile`.
    mean_mGy
        Mean over the slices that have one.
    flags
        What holds for the scan.
    mean_interval_mGy
        Ends of the 90 % interval of the mean (`measurement.size_interval`): the 20 % of AAPM
        Report 204, read as such by this project.
    """

    table: str
    alternative_table: str | None
    mean_mGy: float
    flags: tuple[Flag, ...] = ()
    mean_interval_mGy: tuple[float, float] | None = None


@dataclass(frozen=True)
class SegmentationSummary:
    """What drew the label map.

    Attributes
    ----------
    engine
        Its name.
    atoms
        The labels, which exclude one another.
    about
        Engine to what it ran (versions, tasks, hashes of weights).
    flags
        What the user should know about the label map.
    file
        Name of the label map's file beside this one; ``segmentation.nrrd`` where the package
        nibabel was not installed.
    doubt
        Label to what the engine knows of its own doubt; empty where it knows none.
    """

    engine: str
    atoms: tuple[Atom, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    file: str = "segmentation.nii.gz"
    doubt: Mapping[str, OrganDoubt] = field(default_factory=dict)

    @property
    def known_doubt(self) -> Doubt | None:
        """The doubt as a label map has it."""
        return Doubt(self.doubt) if self.doubt else None


@dataclass(frozen=True, eq=False)
class HUHistogram:
    """Voxels of each organ by HU, in bins of `bin_hu`.

    Attributes
    ----------
    first_hu
        Left edge of the first bin.
    bin_hu
        Width of a bin.
    counts
        Organ to its voxels in each bin, [bin].
    """

    first_hu: int
    bin_hu: int
    counts: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, measurements: Measurements) -> HUHistogram | None:
        """Return the histogram of measurements; None where none was taken."""
        if measurements.histogram_hu.size == 0:
            return None
        number = np.floor_divide(measurements.histogram_hu, BIN_HU).astype(np.int64)
        first = int(number.min())
        counts = {
            group: tuple(
                int(n) for n in np.bincount(number - first, measurements.histogram_of(group))
            )
            for group in measurements.groups
        }
        return cls(first * BIN_HU, BIN_HU, counts)

    @property
    def edges_hu(self) -> np.ndarray:
        """Edges of the bins, [bin + 1]."""
        n = len(next(iter(self.counts.values()), ()))
        return self.first_hu + self.bin_hu * np.arange(n + 1)


def structures_of(series: CTSeries, measurements: Measurements) -> dict[str, Structure]:
    """Return every organ with what was measured in it."""
    structures = {}
    for group, atoms in measurements.groups.items():
        volume = measurements.volume_ml(group, series.spacing_mm[2]) if series.regular else None
        of = measurements.of(group)
        structures[group] = Structure(
            tuple(atoms), volume, of.count, of.area_mm2, of.mean_hu, of.sd_hu
        )
    return structures
