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
    from ..ct.series import CTSeries
    from ..result import Result
    from ..segmentation.labelmap import Labelmap

# Pictures that need no voxels, and so can be drawn of a stored result as well.
_OF_RESULT = {
    "wed.png": draw_size,
    "organ_doses.png": draw_organ_doses,
    "hu_histogram.png": draw_histogram,
}
OVERLAY = "overlay.png"
CHARTS = (*_OF_RESULT, OVERLAY)


def write_charts(
    result: Result,
    series: CTSeries | None,
    labelmap: Labelmap | None,
    folder: Path,
) -> list[Path]:
    """Write ``wed.png``, ``organ_doses.png``, ``hu_histogram.png`` and ``overlay.png``.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.
    series, labelmap
        The images, for the overlay; without them it is left out.

    Raises
    ------
    DependencyError
        If matplotlib is missing; nothing is written then.
    """
    new_figure(1, 1)
    from matplotlib import rc_context

    with rc_context(STYLE):
        drawn = {name: draw(result) for name, draw in _OF_RESULT.items()}
        if series is not None and labelmap is not None:
            drawn[OVERLAY] = draw_overlay(series, labelmap)
        return [save(figure, folder / name) for name, figure in drawn.items()]
