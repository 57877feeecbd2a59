"""Whether a series shows less of the body than another one of the same region: it is zoomed.

Headers decide wherever the fields are as wide as each other. Pixels are looked at only where one
is smaller than another over the same positions: a small field can hold the whole of a thin patient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..dicom.decoding import PixelReader, check_size
from ..dicom.header import Header
from ..dicom.pixels import to_hu
from ..errors import CTDoseSegError, GeometryError
from .stacking import along, pixel_spacing

# A field that is narrower by less is as wide: matrix sizes and centres are rounded.
SAME_FIELD = 0.98
# A series is judged by one that has at least this part of its range.
SAME_REGION = 0.5
# A body that fills more of the field's edge is cut by it. Below, the truncated part of the contour
# changes WED by less than 0.1 % (Anam et al. 2017).
CUT_EDGE = 0.05
# Without pixels: a field of less than this part of the other one is taken to cut the body.
ZOOMED_FIELD = 0.7
# What is denser at the edge and this far within is body; a couch is thinner.
TISSUE_HU = -300
DEPTH_MM = 10.0
_JUDGED_AT = (0.25, 0.5, 0.75)  # of the range
_DIRECTIONS = 720


class FieldOfView:
    """The field of view of a group of slices.

    Parameters
    ----------
    headers
        Of slices that can be stacked; at least one.
    local
        Returns where a header's file can be read, which for a member of an archive is elsewhere.
    """

    def __init__(
        self, headers: Sequence[Header], local: Callable[[str], str] | None = None
    ) -> None:
        self._headers = headers
        self._local = local
        self._cut: float | None = None
        self._judged = False
        first = headers[0]
        try:
            rows_mm, columns_mm = pixel_spacing(first)
            self._heights = along(headers)
        except GeometryError:
            self.width_mm = 0.0
            self._heights = np.array([])
        else:
            self.width_mm = min(
                rows_mm * first.integer("Rows"), columns_mm * first.integer("Columns")
            )

    def shows_the_region_of(self, other: FieldOfView) -> bool:
        """Return whether these slices cover at least half of the other ones' range."""
        if not (self._heights.size and other._heights.size):
            return False
        low = max(self._heights.min(), other._heights.min())
        high = min(self._heights.max(), other._heights.max())
        return bool(high >= low and high - low >= SAME_REGION * np.ptp(other._heights))

    def is_zoomed_beside(self, other: FieldOfView) -> bool:
        """Return whether this field cuts the body, and the other one shows more of the same."""
        if not 0 < self.width_mm < SAME_FIELD * other.width_mm:
            return False
        if not other.shows_the_region_of(self):
            return False
        cut = self.cut_edge()
        if cut is None:
            return self.width_mm < ZOOMED_FIELD * other.width_mm
        if cut <= CUT_EDGE:
            return False
        less = other.cut_edge()
        return less is None or less < cut

    def cut_edge(self) -> float | None:
        """Return the part of the field's edge that the body fills, 0-1; None without pixels."""
        if not self._judged:
            self._judged = True
            order = np.argsort(self._heights, kind="stable")
            parts = []
            for place in sorted({int(len(order) * part) for part in _JUDGED_AT}):
                part = self._edge_of(self._headers[order[place]])
                if part is not None:
                    parts.append(part)
            self._cut = float(np.mean(parts)) if parts else None
        return self._cut

    def _edge_of(self, header: Header) -> float | None:
        try:
            if self._local is not None:
                header = replace(header, path=self._local(header.path))
            check_size(header)
            reader = PixelReader(header.integer("Rows"), header.integer("Columns"))
            hu, _ = to_hu(reader.read(header), header, np.dtype(np.float32))
        except (CTDoseSegError, OSError):
            return None
        return body_on_edge(hu, *pixel_spacing(header))


def body_on_edge(hu: np.ndarray, row_mm: float, column_mm: float) -> float:
    """Return the part of the field's edge, 0-1, that dense tissue fills.

    Parameters
    ----------
    hu
        Of a slice, [j, i].
    row_mm, column_mm
        Distance of rows and of columns.

    Notes
    -----
    The field is the image, or the circle in it where everything outside has one value. The edge is
    looked at in 720 directions from the centre.
    """
    rows, columns = hu.shape
    y = (np.arange(rows) - (rows - 1) / 2)[:, None] * row_mm
    x = (np.arange(columns) - (columns - 1) / 2)[None, :] * column_mm
    half = min(rows * row_mm, columns * column_mm) / 2
    beyond = hu[np.hypot(y, x) > half + max(row_mm, column_mm)]
    disc = beyond.size > 0 and beyond.min() == beyond.max()
    angle = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    down, right = np.sin(angle), np.cos(angle)
    if disc:
        to_edge = np.full(_DIRECTIONS, half)
    else:
        with np.errstate(divide="ignore"):
            to_edge = np.minimum(
                rows * row_mm / 2 / np.abs(down), columns * column_mm / 2 / np.abs(right)
            )
    pixel = max(row_mm, column_mm)

    def dense(distance: np.ndarray) -> np.ndarray:
        j = np.rint(distance * down / row_mm + (rows - 1) / 2).astype(int)
        i = np.rint(distance * right / column_mm + (columns - 1) / 2).astype(int)
        return hu[np.clip(j, 0, rows - 1), np.clip(i, 0, columns - 1)] > TISSUE_HU

    edge, within = to_edge - 1.5 * pixel, to_edge - 1.5 * pixel - max(DEPTH_MM, pixel)
    return float(np.mean(dense(edge) & dense(np.maximum(within, 0))))
