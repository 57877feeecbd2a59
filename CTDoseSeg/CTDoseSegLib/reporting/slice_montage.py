"""Slices of a volume side by side, with rows, columns, step and window of choice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .figure import GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TILES_A_SIDE = 20
WIDTH_IN, TITLE_IN, CAPTION_IN, FOOT_IN, TILE_TITLE_IN, GAP_IN = 12.0, 0.4, 0.3, 0.3, 0.2, 0.05
# From outside the lung to contrast medium and spongy bone.
WINDOW_HU = (-1000.0, 400.0)


@dataclass(frozen=True)
class Montage:
    """Which slices are shown, and how.

    Attributes
    ----------
    rows, columns
        Of tiles.
    start
        First slice, k from 0.
    step
        From one tile to the next, in slices; None: so that the tiles reach to the last slice.
    window_hu
        Values shown black and white.
    """

    rows: int = 6
    columns: int = 6
    start: int = 0
    step: int | None = None
    window_hu: tuple[float, float] = WINDOW_HU

    def slices(self, count: int) -> list[int]:
        """Return the slices to show of a stack of `count`; fewer than tiles where it ends.

        Raises
        ------
        InputError
            If a choice makes no sense, or the stack ends before the first slice.
        """
        for name in ("rows", "columns"):
            if not 1 <= getattr(self, name) <= MOST_TILES_A_SIDE:
                raise InputError(
                    f"A montage has 1 to {MOST_TILES_A_SIDE} {name}; give --{name} such a number."
                )
        low, high = self.window_hu
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InputError(
                f"A window from {low:g} to {high:g} shows nothing; give --window the lower "
                "value first."
            )
        if not 0 <= self.start < count:
            raise InputError(
                f"Slice {self.start} is not in this stack, which has slices 0 to {count - 1}; give "
                "--start one of them."
            )
        if self.step is not None and self.step < 1:
            raise InputError("From slice to slice there is at least one; give --step 1 or more.")
        tiles = self.rows * self.columns
        left = count - self.start
        step = self.step or max(1, math.ceil((left - 1) / max(1, tiles - 1)))
        return list(range(self.start, count, step))[:tiles]


def draw_montage(
    volume: np.ndarray,
    montage: Montage,
    spacing_mm: tuple[float, float, float],
    title: str,
    note: str = "",
    in_hu: bool = True,
) -> Figure:
    """Draw slices of a volume, each with its number.

    Parameters
    ----------
    volume
        [k, j, i]; slices are shown as they lie in the array.
    montage
        What to show.
    spacing_mm
        Voxel size along i, j and k, for true proportions.
    title
        Above all.
    note
        Sentence to add to the caption.
    in_hu
        Whether the values are Hounsfield units.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown yet; `savefig` writes it.

    Raises
    ------
    InputError
        If the choices make no sense for this volume.
    DependencyError
        If matplotlib is missing.
    """
    shown = montage.slices(len(volume))
    columns = min(montage.columns, len(shown))
    rows = -(-len(shown) // columns)
    wide, high = volume.shape[2] * spacing_mm[0], volume.shape[1] * spacing_mm[1]
    tile_in = min((WIDTH_IN - GAP_IN) / columns - GAP_IN, 4.0)
    tile_high_in = tile_in * high / wide
    step_in = tile_high_in + TILE_TITLE_IN + GAP_IN
    total_in = TITLE_IN + rows * step_in + CAPTION_IN + FOOT_IN
    figure = new_figure(WIDTH_IN, total_in, layout=None)
    left_in = (WIDTH_IN - columns * (tile_in + GAP_IN) + GAP_IN) / 2
    low, top = montage.window_hu
    for number, k in enumerate(shown):
        row, column = divmod(number, columns)
        x = left_in + column * (tile_in + GAP_IN)
        y = total_in - TITLE_IN - row * step_in - TILE_TITLE_IN - tile_high_in
        box = (x / WIDTH_IN, y / total_in, tile_in / WIDTH_IN, tile_high_in / total_in)
        axes = figure.add_axes(box)
        axes.imshow(volume[k], cmap="gray", vmin=low, vmax=top, aspect="auto")
        axes.set_axis_off()
        # Beside its own slice alone, however many there are.
        size = min(9.0, 9.0 * tile_in / 0.8)
        style: dict[str, Any] = {"fontsize": size, "fontweight": "normal", "loc": "center"}
        axes.set_title(f"slice {k}", pad=2, **style)
    caption = f"Window {low:g} to {top:g}{' HU' if in_hu else ''}."
    if (tiles := montage.rows * montage.columns) > len(shown):
        caption += f" {len(shown)} of {tiles} tiles: the stack ends at slice {len(volume) - 1}."
    figure.text(0.01, 1 - 0.09 / total_in, title, weight="bold", fontsize=12, va="top")
    words = f"{caption} {note}".strip()
    figure.text(0.01, 0.3 / total_in, words, fontsize=8, color=GREY, va="bottom")
    return figure
