"""Pictures of CT planes with labels, and a board that shows them all to one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ct.organs import spoken_name
from ..segmentation.doubt_map import WHOLLY
from ..segmentation.labelmap import BODY, BODY_REST, COUCH, HEADREST
from .figure import GREY, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from ..segmentation.labelmap import Labelmap

WINDOW_HU, LEVEL_HU = 400, 40
COLUMNS = 4
WIDTH_IN, TILE_IN, GAP_IN = 12.0, 3.0, 0.04
TITLE_IN, FOOT_IN = 0.35, 0.55
LEGEND_COLUMN_IN, LEGEND_ROW_IN = 1.9, 0.19
LEGEND_ENTRIES = 54
FILL_ALPHA = 0.5
BODY_COLOR, COUCH_COLOR, DOUBT_COLOR = "#FFFFFF", "#E69F00", "#FF2020"
# From here on a network would rather not have drawn what it drew: hatched.
HATCHED = 0.5
HATCH = "////////"


@dataclass(frozen=True)
class Picture:
    """One plane [row, column]: `hu` and `labels`, pixel size (row, column), words on it.

    `doubt` has the doubt of the label map in each pixel, from 0 to 255; None without one.
    """

    hu: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float]
    title: str
    left: str
    right: str
    doubt: np.ndarray | None = None

    @property
    def hatched(self) -> np.ndarray:
        """Pixels in much doubt."""
        if self.doubt is None:
            return np.zeros(self.labels.shape, bool)
        return self.doubt >= HATCHED * WHOLLY

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height."""
        return (
            self.labels.shape[1] * self.spacing_mm[1],
            self.labels.shape[0] * self.spacing_mm[0],
        )


def lookup(labelmap: Labelmap, group: str) -> np.ndarray:
    """Return a table from label value to whether it belongs to `group`; all False without it."""
    table = np.zeros(int(np.iinfo(labelmap.labels.dtype).max) + 1, bool)
    if group in labelmap.groups:
        table[list(labelmap.values(group))] = True
    return table


def _edges(labels: np.ndarray) -> np.ndarray:
    """Return the pixels whose neighbour above or to the left has another label."""
    edges = np.zeros(labels.shape, bool)
    edges[1:] |= labels[1:] != labels[:-1]
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    return edges


class Painter:
    """Paints label colours over HU."""

    def __init__(self, labelmap: Labelmap) -> None:
        from matplotlib.colors import to_rgb

        self._body = lookup(labelmap, BODY)
        self._couch = lookup(labelmap, COUCH) | lookup(labelmap, HEADREST)
        names = {atom.name for atom in labelmap.atoms}
        self._couch_name = " and ".join(name for name in (COUCH, HEADREST) if name in names)
        outlined = (BODY_REST, COUCH, HEADREST)
        self._filled = [a for a in labelmap.atoms if a.name not in outlined]
        self._colors = np.zeros((self._body.size, 4), np.float32)
        for atom in self._filled:
            self._colors[atom.value] = (*to_rgb(atom.color), FILL_ALPHA)

    def legend(self, pictures: Sequence[Picture], most: int = LEGEND_ENTRIES) -> list[Patch]:
        """Return handles for what the pictures show; of more than `most` organs the largest."""
        from matplotlib.patches import Patch

        counts = [np.bincount(p.labels.ravel(), minlength=self._body.size) for p in pictures]
        pixels = np.sum(counts, axis=0)
        handles = [Patch(fc="white", ec="black", lw=0.8, label="body contour (white)")]
        if pixels[self._couch].any():
            handles.append(
                Patch(fc="white", ec=COUCH_COLOR, lw=1.2, label=f"{self._couch_name} contour")
            )
        if any(p.hatched.any() for p in pictures):
            words = f"doubt over {100 * HATCHED:.0f} %"
            handles.append(Patch(fc="white", ec=DOUBT_COLOR, lw=0, hatch=HATCH, label=words))
        seen = [atom for atom in self._filled if pixels[atom.value]]
        largest = sorted(seen, key=lambda atom: -pixels[atom.value])[:most]
        for atom in (atom for atom in seen if atom in largest):
            handles.append(Patch(color=atom.color, label=spoken_name(atom.name)))
        if len(seen) > len(largest):
            more = f"and {len(seen) - len(largest)} more"
            handles.append(Patch(fc="none", ec="none", label=more))
        return handles

    def paint(self, axes: Axes, picture: Picture) -> None:
        """Fill the axes with one plane, its contours, its title and its sides."""
        labels, (width, height) = picture.labels, picture.size_mm
        low = LEVEL_HU - WINDOW_HU / 2
        gray = np.clip((picture.hu.astype(np.float32) - low) / WINDOW_HU, 0.0, 1.0)[..., None]
        over = self._colors[labels]
        alpha = over[..., 3:]
        image = gray * (1 - alpha) + over[..., :3] * alpha
        edge = _edges(labels) & (alpha[..., 0] > 0)
        image[edge] = over[edge, :3]
        extent = (0.0, width, height, 0.0)
        axes.imshow(image, extent=extent, interpolation="antialiased", aspect="auto")
        for table, color in ((self._body, BODY_COLOR), (self._couch, COUCH_COLOR)):
            _contour(axes, table[labels], extent, color)
        _contour(axes, picture.hatched, extent, DOUBT_COLOR, hatched=True)
        axes.set_axis_off()
        _letter(axes, picture)


def _contour(
    axes: Axes, mask: np.ndarray, extent: tuple[float, ...], color: str, *, hatched: bool = False
) -> None:
    if not mask.any():
        return
    step_x, step_y = extent[1] / mask.shape[1], extent[2] / mask.shape[0]
    padded = np.pad(mask, 1).astype(np.float32)
    x = (np.arange(padded.shape[1]) - 0.5) * step_x
    y = (np.arange(padded.shape[0]) - 0.5) * step_y
    if hatched:
        area = axes.contourf(x, y, padded, levels=[0.5, 1.5], colors="none", hatches=[HATCH])
        area.set(edgecolor=color, linewidth=0.0)
    else:
        axes.contour(x, y, padded, levels=[0.5], colors=[color], linewidths=0.7)
    axes.set_xlim(0, extent[1])
    axes.set_ylim(extent[2], 0)


def _letter(axes: Axes, picture: Picture) -> None:
    from matplotlib.patheffects import withStroke

    height_in = axes.bbox.height / axes.figure.dpi
    rim = [withStroke(linewidth=2, foreground="black")]  # to be read on bone as well
    inside: dict[str, Any] = {
        **{"color": "white", "fontsize": 8},
        **{"transform": axes.transAxes, "path_effects": rim},
    }
    if height_in > 0.6:
        axes.text(0.02, 0.975, picture.title, va="top", **inside)
    else:  # a slab: no room inside
        axes.text(
            0.0, -0.1, picture.title, va="top", **{**inside, "color": INK, "path_effects": []}
        )
    axes.text(0.02, 0.5, picture.left, va="center", **inside)
    axes.text(0.98, 0.5, picture.right, va="center", ha="right", **inside)


class Board:
    """A figure on which one millimetre of the patient has one length everywhere.

    Axial pictures in rows; below them the other planes and, to their right, the legend.
    """

    def __init__(
        self,
        tile_mm: tuple[float, float],
        tiles: int,
        planes_mm: Sequence[tuple[float, float]],
        entries: int,
    ) -> None:
        self._columns = min(COLUMNS, tiles)
        self._planes_mm = planes_mm
        rows = -(-tiles // self._columns)
        tall_mm = max((height for _, height in planes_mm), default=0.0)
        # A long scan makes the coronal picture the one that limits the scale.
        self._scale = min(
            min((WIDTH_IN + GAP_IN) / self._columns - GAP_IN, 2 * TILE_IN) / tile_mm[0],
            5.0 / tile_mm[1],
            9.0 / max(tall_mm, 1.0),
        )
        self._tile_in = tuple(self._scale * size for size in tile_mm)
        self._left = (WIDTH_IN + GAP_IN - self._columns * (self._tile_in[0] + GAP_IN)) / 2
        planes_in = sum(self._scale * width + GAP_IN for width, _ in planes_mm)
        self._legend_left = self._left + planes_in + 0.12
        fitting = int((WIDTH_IN - self._legend_left) / LEGEND_COLUMN_IN)
        self._legend_columns = max(1, min(fitting, -(-entries // 4)))
        legend_rows = -(-entries // self._legend_columns)
        wanted_in = legend_rows * LEGEND_ROW_IN + 0.1
        below_in = max(tall_mm * self._scale + 0.2, min(wanted_in, 4.0))
        self._legend_size = 9.0 * min(1.0, below_in / wanted_in)
        tiles_in = rows * (self._tile_in[1] + GAP_IN)
        self._high = TITLE_IN + tiles_in + below_in + FOOT_IN
        self._below = FOOT_IN + below_in
        self.figure = new_figure(WIDTH_IN, self._high, layout=None)

    def tile(self, number: int) -> Axes:
        """Return the axes of axial picture `number`, along the rows from the top left."""
        row, column = divmod(number, self._columns)
        left = self._left + column * (self._tile_in[0] + GAP_IN)
        top = self._high - TITLE_IN - row * (self._tile_in[1] + GAP_IN)
        return self._axes(left, top, *self._tile_in)

    def plane(self, number: int) -> Axes:
        """Return the axes of the plane `number` in the row below."""
        before = (self._scale * width + GAP_IN for width, _ in self._planes_mm[:number])
        size = (self._scale * size for size in self._planes_mm[number])
        return self._axes(self._left + sum(before), self._below, *size)

    def write(self, title: str, caption: str, handles: Sequence[Patch]) -> None:
        """Put title, caption and legend in their places."""
        words = self.figure.text
        words(0.01, 1 - 0.09 / self._high, title, weight="bold", fontsize=12, va="top")
        words(0.01, 0.27 / self._high, caption, fontsize=8, color=GREY, va="bottom")
        self.figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(self._legend_left / WIDTH_IN, (self._below - 0.05) / self._high),
            ncols=self._legend_columns,
            fontsize=self._legend_size,
            borderaxespad=0,
            labelspacing=0.4,
            handlelength=1.4,
            columnspacing=1.2,
        )

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        w, h = WIDTH_IN, self._high
        return self.figure.add_axes((left / w, (top - height) / h, width / w, height / h))
