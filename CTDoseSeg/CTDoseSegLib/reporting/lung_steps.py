"""The lung mask of one slice step by step, as one picture of six."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figure import GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..segmentation.kmeans_lungs import LungSteps

TILE_IN, TITLE_IN, TILE_TITLE_IN, FOOT_IN, GAP_IN = 4.6, 0.4, 0.32, 0.6, 0.1


def draw_lung_steps(
    steps: LungSteps, hu: np.ndarray, spacing_mm: tuple[float, float, float], k: int
) -> Figure:
    """Draw what each step made of a slice, in two columns that read along the rows.

    Parameters
    ----------
    steps
        Of `kmeans_lungs.lung_steps`.
    hu
        HU of the slice, [row, column].
    spacing_mm
        Voxel size along i, j and k.
    k
        Number of the slice.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown yet; `savefig` writes it.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    threshold = "no threshold: all values are the same"
    if steps.threshold_hu is not None:
        threshold = f"below the threshold, {steps.threshold_hu:.0f} HU"
    regions = int(steps.labels.max())
    applied = np.where(steps.mask, steps.standardised, steps.standardised.min())
    panels = (
        ("standardised", steps.standardised, "gray"),
        (threshold, steps.below, "gray"),
        ("eroded and dilated", steps.cleaned, "gray"),
        (f"{regions} region{'' if regions == 1 else 's'}", steps.labels, "nipy_spectral"),
        ("lung mask" if steps.mask.any() else "lung mask: empty", steps.mask, "gray"),
        ("mask applied", applied, "gray"),
    )
    tile_high_in = TILE_IN * hu.shape[0] * spacing_mm[1] / (hu.shape[1] * spacing_mm[0])
    wide_in = 2 * TILE_IN + 3 * GAP_IN
    high_in = TITLE_IN + 3 * (tile_high_in + TILE_TITLE_IN) + FOOT_IN
    figure = new_figure(wide_in, high_in, layout=None)
    for number, (title, image, colors) in enumerate(panels):
        row, column = divmod(number, 2)
        x = GAP_IN + column * (TILE_IN + GAP_IN)
        y = high_in - TITLE_IN - (row + 1) * (tile_high_in + TILE_TITLE_IN)
        box = (x / wide_in, y / high_in, TILE_IN / wide_in, tile_high_in / high_in)
        axes = figure.add_axes(box)
        axes.imshow(image, cmap=colors, aspect="auto", interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(f"{number + 1}  {title}", fontsize=10, pad=3)
    title = f"Lung mask of slice {k}, step by step"
    figure.text(0.01, 1 - 0.09 / high_in, title, weight="bold", fontsize=12, va="top")
    words = "Two clusters of the values in the middle of the slice give the threshold."
    figure.text(0.01, 0.3 / high_in, words, fontsize=8, color=GREY, va="bottom")
    return figure
