"""The pictures of a result that a physicist would show a colleague."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .charts_dose import draw_organ_doses
from .charts_hu import draw_histogram
from .charts_slices import draw_size
from .figure import STYLE, new_figure, save
from .overlay import draw_overlay

if TYPE_CHECKING:
    from ..analysis import Analysis

_DRAWN_BY = {
    "wed.png": draw_size,
    "organ_doses.png": draw_organ_doses,
    "overlay.png": draw_overlay,
    "hu_histogram.png": draw_histogram,
}
CHARTS = tuple(_DRAWN_BY)


def write_charts(analysis: Analysis, folder: Path) -> list[Path]:
    """Write ``wed.png``, ``organ_doses.png``, ``overlay.png`` and ``hu_histogram.png``.

    Raises
    ------
    DependencyError
        If matplotlib is missing; nothing is written then.
    """
    new_figure(1, 1)
    from matplotlib import rc_context

    with rc_context(STYLE):
        return [save(draw(analysis), folder / name) for name, draw in _DRAWN_BY.items()]
