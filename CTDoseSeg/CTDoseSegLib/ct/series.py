"""A CT as an array with its geometry and exposure, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..errors import GeometryError
from ..flags import Flag
from .acquisition import Acquisition
from .dose_report import FolderEvents, MatchedReport
from .geometry import Grid
from .scanner_profile import GENERIC, Scanner

# By definition of the Hounsfield unit.
AIR_HU = -1000


@dataclass(frozen=True)
class SliceInfo:
    """One slice. None is "not known", never a default.

    Attributes
    ----------
    z_mm
        RAS superior coordinate of the slice centre.
    slice_location_mm
        DICOM SliceLocation; its zero is the table's, not the patient's.
    tube_current_mA
        Tube current while the slice was exposed.
    exposure_mAs
        As written by the scanner.
    effective_mAs
        Tube current x rotation time / pitch.
    ctdivol_mGy
        CTDIvol as written for this slice (may be the scan's mean on every slice).
    thickness_mm
        Nominal slice thickness.
    """

    z_mm: float
    slice_location_mm: float | None = None
    tube_current_mA: float | None = None
    exposure_mAs: float | None = None
    effective_mAs: float | None = None
    ctdivol_mGy: float | None = None
    thickness_mm: float | None = None


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class CTSeries:
    """A CT volume.

    Attributes
    ----------
    hu
        HU, [k, j, i], int16 where that is exact, else float32; never clipped; padding is air.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm. A DICOM series is stacked foot to head along the slice
        normal; a volume file keeps its own grid. If not `regular`, the k column is the mean step
        and `slices` has the true positions.
    slices
        One for each k.
    acquisition
        Exposure of the event.
    identity
        Series instance UID where there is one, else ``sha256:`` of the pixel data: never shown
        as it is.
    regular
        True where slices are equally spaced and not sheared, so that volumes (ml), resampling and
        three-dimensional engines are valid.
    flags
        What reading leaves in doubt.
    files
        Paths read, in slice order (one for a volume file).
    description
        Series description and number, free of the patient's identity; may be empty.
    left_out
        One sentence for each other series of the folder and for files that were not read, with
        the reason; free of identity.
    dose_report
        The examination's dose report, where there is one and an event in it is this series'.
    folder_events
        The other exposures in a DICOM folder; None for a volume file.
    scanner
        What a profile of the scanner has changed in the series; ``generic`` where none was
        applied yet.
    """

    hu: np.ndarray
    affine: np.ndarray
    slices: tuple[SliceInfo, ...]
    acquisition: Acquisition
    identity: str
    regular: bool = True
    flags: tuple[Flag, ...] = field(default=())
    files: tuple[str, ...] = field(default=())
    description: str = ""
    left_out: tuple[str, ...] = field(default=())
    dose_report: MatchedReport | None = None
    folder_events: FolderEvents | None = None
    scanner: Scanner = GENERIC

    def __post_init__(self) -> None:
        if self.hu.ndim != 3 or self.hu.dtype not in (np.int16, np.float32):
            raise GeometryError(
                f"A CT volume must be a three-dimensional int16 or float32 array, not a "
                f"{self.hu.ndim}-dimensional {self.hu.dtype} one."
            )
        if len(self.slices) != self.hu.shape[0]:
            raise GeometryError(
                f"{len(self.slices)} slice descriptions for {self.hu.shape[0]} slices."
            )
        if self.affine.shape != (4, 4) or abs(np.linalg.det(self.affine)) < 1e-9:
            raise GeometryError("The volume's affine is not an invertible 4 x 4 matrix.")

    @property
    def not_hu(self) -> tuple[Flag, ...]:
        """The flag that states why the values are no HU; empty where there is none."""
        return tuple(entry for entry in self.flags if entry.code == "not_hu")

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return Grid(self.hu.shape, self.affine)

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along i, j and k."""
        i, j, k = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k

    @property
    def pixel_area_mm2(self) -> float:
        """Area of one pixel in the slice plane."""
        return self.spacing_mm[0] * self.spacing_mm[1]

    @cached_property
    def z_mm(self) -> np.ndarray:
        """RAS superior coordinate of each slice centre, [k]; read-only."""
        z = np.array([s.z_mm for s in self.slices])
        z.flags.writeable = False
        return z
