"""Montage of the CT with organs, body and couch, as a radiologist expects to see it.

Every picture is laid out by the volume's affine: the patient's right is at the image's left,
anterior is up in axial slices, and the head is up in the others. The arrays themselves are not
touched: pictures are views of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..segmentation.labelmap import BODY, engine_in_words
from ..segmentation.working_grid import canonical_axes
from .montage import LEVEL_HU, WINDOW_HU, Board, Painter, Picture, lookup

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    from ..ct.series import CTSeries
    from ..segmentation.labelmap import Labelmap

AXIAL_SLICES = 12
# Of the strip: axial slices, columns, and its size in inches.
STRIP_SLICES, STRIP_COLUMNS, STRIP_IN = 4, 3, (4.6, 2.9)
# Organs of the strip that have a colour in its key.
STRIP_KEY = 24
MARGIN_MM = 20.0
# Below this extent along the body, coronal and sagittal pictures would be a few lines.
LEAST_EXTENT_MM = 15.0


@dataclass(frozen=True)
class Views:
    """A volume and its labels as views with fixed directions of their axes.

    Attributes
    ----------
    hu, labels
        [feet to head, anterior to posterior, right to left].
    spacing_mm
        Along these axes; the first is a mean where slices are uneven.
    z_mm
        Superior coordinate of each index along the first axis.
    doubt
        Of the label map, in its own coarser voxels along these axes; None without one.
    """

    hu: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]
    z_mm: np.ndarray
    doubt: np.ndarray | None = None

    def doubt_at(self, *where: int | slice | np.ndarray) -> np.ndarray | None:
        """Return the doubt of the plane ``labels[where]``, pixel by pixel."""
        if self.doubt is None:
            return None
        at = [
            np.atleast_1d((np.arange(many)[one] + 0.5) * few / many).astype(int)
            for one, many, few in zip(where, self.labels.shape, self.doubt.shape, strict=True)
        ]
        across = tuple(axis for axis, one in enumerate(where) if isinstance(one, int))
        return self.doubt[np.ix_(*at)].squeeze(across)


def oriented(series: CTSeries, labelmap: Labelmap) -> Views:
    """Return views of `series` and `labelmap` with the patient's axes nearest to the volume's."""
    order, reversed_axes = canonical_axes(series.affine)
    hu, labels = (
        np.flip(array.transpose(order), reversed_axes) for array in (series.hu, labelmap.labels)
    )
    size_kji = series.spacing_mm[::-1]
    spacing = (size_kji[order[0]], size_kji[order[1]], size_kji[order[2]])
    if order[0] == 0:  # slices are axial, and may lie at uneven places
        z_mm = series.z_mm[::-1] if 0 in reversed_axes else series.z_mm
    else:
        rise = abs(series.affine[2, 2 - order[0]])
        lowest = series.affine[2, 3] + min(0.0, series.affine[2, 2 - order[0]]) * (len(hu) - 1)
        z_mm = lowest + rise * np.arange(len(hu))
    doubt = None
    if labelmap.doubt_map is not None:
        doubt = np.flip(labelmap.doubt_map.values.transpose(order), reversed_axes)
    return Views(hu, labels, spacing, z_mm, doubt)


def draw_overlay(series: CTSeries, labelmap: Labelmap) -> Figure:
    """Draw about 12 axial slices, a coronal and a sagittal one, to one scale, with a legend.

    Where a network is not sure of what it drew, the picture is hatched.

    Parameters
    ----------
    series
        The CT.
    labelmap
        Labels on its grid.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown yet; `savefig` writes it.

    Raises
    ------
    DependencyError
        If matplotlib is missing.

    Examples
    --------
    >>> from CTDoseSegLib import draw_overlay, read_ct, read_labelmap
    >>> series = read_ct("ct")
    >>> labelmap = read_labelmap("results/segmentation.nii.gz", series)
    >>> draw_overlay(series, labelmap).savefig("overlay.png")
    """
    views = oriented(series, labelmap)
    body = _Extent.of(views.labels, lookup(labelmap, BODY))
    tiles, planes = _axial(views, body), _lengthwise(views, body)
    painter = Painter(labelmap)
    legend = painter.legend([*tiles, *planes])
    board = Board(tiles[0].size_mm, len(tiles), [plane.size_mm for plane in planes], len(legend))
    for number, picture in enumerate(tiles):
        painter.paint(board.tile(number), picture)
    for number, picture in enumerate(planes):
        painter.paint(board.plane(number), picture)
    board.write("Segmentation", _caption(series, labelmap), legend)
    return board.figure


def draw_strip(series: CTSeries, labelmap: Labelmap) -> tuple[Figure, list[Patch]]:
    """Draw four axial slices, a coronal and a sagittal one; return them and their legend apart.

    For a picture of half a page's width; parameters as of `draw_overlay`.
    """
    from .figure import new_figure

    views = oriented(series, labelmap)
    body = _Extent.of(views.labels, lookup(labelmap, BODY))
    axial = _axial(views, body)
    chosen = np.unique(np.linspace(0, len(axial) - 1, STRIP_SLICES).round().astype(int))
    pictures = [*(axial[n] for n in chosen), *_lengthwise(views, body)]
    painter = Painter(labelmap)
    figure = new_figure(*STRIP_IN, layout=None)
    figure.set_facecolor("black")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, STRIP_COLUMNS)
        axes = figure.add_axes(
            (column / STRIP_COLUMNS, 0.5 - 0.5 * row, 0.99 / STRIP_COLUMNS, 0.49)
        )
        painter.paint(axes, picture)
        axes.set_aspect("equal")
    return figure, painter.legend(pictures, STRIP_KEY)


def _caption(series: CTSeries, labelmap: Labelmap) -> str:
    uneven = "" if series.regular else "; slices uneven or sheared, shown at their z"
    return (
        f"Window {WINDOW_HU} HU, level {LEVEL_HU} HU. The patient's right is at the left (R). "
        f"Segmentation: {engine_in_words(labelmap.engine)}{uneven}."
    )


def _axial(views: Views, body: _Extent) -> list[Picture]:
    box = _box(body, views.spacing_mm)
    return [
        Picture(
            views.hu[k][box],
            views.labels[k][box],
            views.spacing_mm[1:],
            f"z = {views.z_mm[k]:.0f} mm",
            "R",
            "L",
            views.doubt_at(k, *box),
        )
        for k in _chosen_slices(views, body)
    ]


def _lengthwise(views: Views, body: _Extent) -> list[Picture]:
    """Return the coronal and the sagittal plane through the body's centre; none of a thin slab."""
    if len(views.hu) < 3 or np.ptp(views.z_mm) + views.spacing_mm[0] < LEAST_EXTENT_MM:
        return []
    rows, step = _even_rows(views)
    y, x = _box(body, views.spacing_mm)
    coronal, sagittal = _central(body)
    return [
        Picture(
            views.hu[rows, coronal, x],
            views.labels[rows, coronal, x],
            (step, views.spacing_mm[2]),
            "coronal",
            "R",
            "L",
            views.doubt_at(rows, coronal, x),
        ),
        Picture(
            views.hu[rows, y, sagittal],
            views.labels[rows, y, sagittal],
            (step, views.spacing_mm[1]),
            "sagittal",
            "A",
            "P",
            views.doubt_at(rows, y, sagittal),
        ),
    ]


@dataclass(frozen=True)
class _Extent:
    """Where the body is: slices with any of it, [k], and how many of them have it, [j, i]."""

    slices: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, table: np.ndarray) -> _Extent:
        """Look through labels [k, j, i] slice by slice; `table` tells whether a label is body."""
        count = np.zeros(labels.shape[1:], np.int32)
        here = np.zeros(len(labels), bool)
        for k, image in enumerate(labels):
            mask = table[image]
            here[k] = mask.any()
            count += mask
        return cls(np.flatnonzero(here), count)


def _box(body: _Extent, spacing_mm: tuple[float, float, float]) -> tuple[slice, slice]:
    """Return rows and columns around the body, with a margin; the whole slice without a body."""
    box = []
    for axis, step in ((0, spacing_mm[1]), (1, spacing_mm[2])):
        occupied = np.flatnonzero(body.count.any(axis=1 - axis))
        if occupied.size == 0:
            box.append(slice(0, body.count.shape[axis]))
            continue
        margin = int(np.ceil(MARGIN_MM / step))
        first, last = max(occupied[0] - margin, 0), occupied[-1] + margin
        box.append(slice(first, min(last + 1, body.count.shape[axis])))
    return box[0], box[1]


def _chosen_slices(views: Views, body: _Extent) -> list[int]:
    """Return slices with a body, evenly spaced from head to feet, so that they read down."""
    slices = body.slices if body.slices.size else np.arange(len(views.labels))
    picks = np.linspace(0, slices.size - 1, min(AXIAL_SLICES, slices.size)).round().astype(int)
    return [int(k) for k in slices[picks[::-1]]]


def _central(body: _Extent) -> tuple[int, int]:
    """Return row and column through the body's centre."""
    count = body.count
    if not count.any():
        return count.shape[0] // 2, count.shape[1] // 2
    rows, columns = (
        round(float(np.average(np.arange(count.shape[axis]), weights=count.sum(axis=1 - axis))))
        for axis in (0, 1)
    )
    return rows, columns


def _even_rows(views: Views) -> tuple[np.ndarray, float]:
    """Return the nearest slice for evenly spaced rows from head to feet, and their step in mm."""
    order = np.argsort(views.z_mm)
    z_mm = views.z_mm[order]
    step = max(views.spacing_mm[2], (np.ptp(z_mm) + views.spacing_mm[0]) / 2000)
    rows = np.arange(z_mm[-1] + views.spacing_mm[0] / 2, z_mm[0] - views.spacing_mm[0] / 2, -step)
    return order[np.abs(rows[:, None] - z_mm[None, :]).argmin(axis=1)], float(step)
