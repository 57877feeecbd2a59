"""Slices to one stack: order along the normal, affine, and what is not regular about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dicom.header import Header
from ..errors import GeometryError
from ..flags import Flag, flag

# Tolerances. Positions are written with 2 to 6 decimals, rounded differently.
SAME_POSITION_MM = 0.01
GAP_MM, GAP_FRACTION = 0.02, 0.01  # a gap may differ from the step by the sum of the two
TILT_DEG, SHIFT_MM = 0.1, 0.1  # shear of the stack: both must be exceeded
JUMP_FRACTION = 0.2  # of the shear: what lies farther off the line is no tilt
OBLIQUE_DEG = 2.0
AXIAL_COSINE = float(np.cos(np.radians(45.0)))

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Stack:
    """Geometry of slices in order.

    Attributes
    ----------
    order
        Indices into the headers, foot to head (or along the normal if not axial).
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    z_mm
        RAS superior coordinate of each slice's centre, in order.
    regular
        Equally spaced and not sheared.
    """

    order: tuple[int, ...]
    affine: np.ndarray
    z_mm: tuple[float, ...]
    regular: bool
    flags: tuple[Flag, ...]


def orientation(header: Header) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors (RAS) along a row (growing i) and along a column (growing j).

    Raises
    ------
    GeometryError
        If ImageOrientationPatient is missing or not two perpendicular unit vectors.
    """
    values = header.numbers("ImageOrientationPatient")
    if len(values) != 6:
        raise GeometryError(
            f"{header.name}: ImageOrientationPatient (0020,0037) is missing; export the original "
            "axial series."
        )
    row, column = np.array(values[:3]), np.array(values[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(row @ column)) > 0.01:
        raise GeometryError(
            f"{header.name}: ImageOrientationPatient (0020,0037) is not two perpendicular unit "
            "vectors; export the series again."
        )
    return _LPS_TO_RAS @ (row / lengths[0]), _LPS_TO_RAS @ (column / lengths[1])


def position(header: Header) -> np.ndarray:
    """Return the RAS position of the first pixel's centre, mm.

    Raises
    ------
    GeometryError
        If ImagePositionPatient is missing.
    """
    values = header.numbers("ImagePositionPatient")
    if len(values) != 3:
        raise GeometryError(
            f"{header.name}: ImagePositionPatient (0020,0032) is missing; export the original "
            "axial series."
        )
    return _LPS_TO_RAS @ np.array(values)


def pixel_spacing(header: Header) -> tuple[float, float]:
    """Return (row spacing, column spacing) in mm: PixelSpacing gives that between rows first.

    Raises
    ------
    GeometryError
        If PixelSpacing is missing, or not two positive lengths of a CT.
    """
    values = header.numbers("PixelSpacing")
    if len(values) != 2:
        raise GeometryError(
            f"{header.name}: PixelSpacing (0028,0030) is missing, so no area can be measured; "
            "export the original series."
        )
    if not all(0.01 <= value <= 20 for value in values):
        raise GeometryError(
            f"{header.name}: PixelSpacing (0028,0030) is {values[0]:g} x {values[1]:g} mm, which "
            "no CT has; export the original series."
        )
    return values


def normal(header: Header) -> np.ndarray:
    """Return the unit normal (RAS) that orders slices: towards the head for axial ones."""
    row, column = orientation(header)
    cross = np.cross(row, column)
    if abs(cross[2]) >= AXIAL_COSINE and cross[2] < 0:
        return -cross
    return cross


def is_axial(header: Header) -> bool:
    """Return whether the slice normal is within 45 degrees of the body's axis (with any tilt)."""
    row, column = orientation(header)
    return abs(np.cross(row, column)[2]) >= AXIAL_COSINE


def along(headers: Sequence[Header]) -> np.ndarray:
    """Return the position of each slice along the first one's normal, mm."""
    axis = normal(headers[0])
    return np.array([axis @ position(header) for header in headers])


def positions_beyond(headers: Sequence[Header], others: Sequence[Header]) -> int:
    """Return how many positions the others have before the first and after the last of these."""
    heights = along([*headers, *others])
    mine, theirs = heights[: len(headers)], heights[len(headers) :]
    beyond = (theirs < mine.min() - SAME_POSITION_MM) | (theirs > mine.max() + SAME_POSITION_MM)
    positions = np.sort(theirs[beyond])
    return int(1 + (np.diff(positions) > SAME_POSITION_MM).sum()) if positions.size else 0


def stack(headers: Sequence[Header]) -> Stack:
    """Order slices and describe the grid that they make.

    Parameters
    ----------
    headers
        Slices of one orientation, size and spacing, no two at the same position.

    Returns
    -------
    Stack

    Raises
    ------
    GeometryError
        If position, orientation or spacing is missing or impossible.
    """
    row, column = orientation(headers[0])
    row_spacing, column_spacing = pixel_spacing(headers[0])
    axis = normal(headers[0])
    points = np.array([position(header) for header in headers])
    heights = points @ axis
    order = np.argsort(heights, kind="stable")
    points, heights = points[order], heights[order]
    flags: list[Flag] = []
    regular = True
    if len(headers) == 1:
        step, detail = _single_step(headers[0])
        flags.append(flag("single_slice", detail))
        regular = step > 0
        step_vector = axis * (step or 1.0)
    else:
        step_vector = (points[-1] - points[0]) / (len(points) - 1)
        for irregular in (_shear_flag(points, axis, headers[0]), _gap_flag(heights)):
            if irregular:
                flags.append(irregular)
                regular = False
    flags += _direction_flags(headers[0], axis, regular)
    affine = np.eye(4)
    affine[:3, 0] = row * column_spacing
    affine[:3, 1] = column * row_spacing
    affine[:3, 2] = step_vector
    affine[:3, 3] = points[0]
    middle = affine[:3, 0] * (headers[0].integer("Columns") - 1) / 2
    middle = middle + affine[:3, 1] * (headers[0].integer("Rows") - 1) / 2
    z_mm = tuple(float(z) for z in points[:, 2] + middle[2])
    return Stack(tuple(int(i) for i in order), affine, z_mm, regular, tuple(flags))


def _single_step(header: Header) -> tuple[float, str]:
    thickness = header.number("SliceThickness")
    if thickness is not None and 0 < thickness < 100:
        return thickness, f"its thickness of {thickness:g} mm is taken as the step"
    return 0.0, "its thickness (0018,0050) is unknown, so no volumes are computed"


def _shear_flag(points: np.ndarray, axis: np.ndarray, header: Header) -> Flag | None:
    """Flag slices whose first pixels are not in a line along the normal."""
    span = points[-1] - points[0]
    height = span @ axis
    lateral = span - height * axis
    shift = float(np.linalg.norm(lateral))
    angle = float(np.degrees(np.arctan2(shift, abs(height))))
    line = points[0] + np.outer((points - points[0]) @ axis / height, span)
    off = float(np.linalg.norm(points - line, axis=1).max())
    # Slices of a tilted gantry lie on a line; those of scans with other centres jump.
    sheared = shift > SHIFT_MM and angle > TILT_DEG
    if off > max(SHIFT_MM, JUMP_FRACTION * shift) or (off > SHIFT_MM and not sheared):
        return flag("shifted_slices", f"up to {max(off, shift):.2f} mm sideways")
    if sheared:
        stated = header.number("GantryDetectorTilt")
        detail = f"{angle:.1f} degrees between the slices' normal and the line of their positions"
        if stated:
            detail += f", GantryDetectorTilt (0018,1120) is {stated:g}"
        return flag("tilted", detail)
    return None


def _gap_flag(heights: np.ndarray) -> Flag | None:
    """Flag missing slices or uneven spacing, from the gaps along the normal."""
    gaps = np.diff(heights)
    step = float(np.median(gaps))
    if np.all(np.abs(gaps - step) <= GAP_MM + GAP_FRACTION * step):
        return None
    base = float(gaps.min())
    ratios = np.rint(gaps / base)
    fits = np.abs(gaps - ratios * base) <= (GAP_MM + GAP_FRACTION * base) * ratios
    # Half of the gaps at least must be single steps, else this is no series with holes.
    if fits.all() and (ratios == 1).sum() * 2 >= len(gaps):
        missing = int((ratios - 1).sum())
        where = ", ".join(str(k) for k in np.flatnonzero(ratios > 1)[:5])
        return flag("missing_slices", f"{missing} of {missing + len(heights)}, after slice {where}")
    return flag("uneven_spacing", f"{gaps.min():.2f} to {gaps.max():.2f} mm")


def _direction_flags(header: Header, axis: np.ndarray, regular: bool) -> list[Flag]:
    angle = float(np.degrees(np.arccos(min(1.0, abs(axis[2])))))
    if abs(axis[2]) < AXIAL_COSINE:
        return [flag("not_axial", f"the slices' normal is {angle:.0f} degrees off the body's axis")]
    stated = header.number("GantryDetectorTilt") or 0.0
    if angle > OBLIQUE_DEG and regular:
        return [flag("oblique", f"{angle:.1f} degrees")]
    if abs(stated) > OBLIQUE_DEG and angle <= OBLIQUE_DEG:
        return [flag("tilt_resampled", f"GantryDetectorTilt (0018,1120) is {stated:g} degrees")]
    return []
