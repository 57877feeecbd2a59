"""The pictures of a result that a physicist would show a colleague."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from .charts_dose import draw_organ_doses
from .charts_hu import draw_histogram
from .charts_slices import draw_size
from .figure import STYLE, new_figure, png, save
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
    overlay: Future[bytes] | None = None,
) -> list[Path]:
    """Write ``wed.png``, ``organ_doses.png``, ``hu_histogram.png`` and ``overlay.png``.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.
    series, labelmap
        The images, for the overlay; without them it is left out.
    folder
        Existing folder.
    overlay
        Gives what `overlay_png` returned of the images, where that was drawn in another thread.

    Raises
    ------
    DependencyError
        If matplotlib is missing; nothing is written then.
    """
    written = []
    # First, for matplotlib's settings are those of all threads.
    if series is not None and labelmap is not None:
        written.append(folder / OVERLAY)
        picture = overlay.result() if overlay is not None else overlay_png(series, labelmap)
        written[0].write_bytes(picture)
    with _style():
        return [*(save(draw(result), folder / name) for name, draw in _OF_RESULT.items()), *written]


def overlay_png(series: CTSeries, labelmap: Labelmap) -> bytes:
    """Return ``overlay.png`` as its bytes; it can be drawn while the scan is analysed.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    with _style():
        return png(draw_overlay(series, labelmap))


def _style() -> AbstractContextManager[None]:
    new_figure(1, 1)  # states what to install where matplotlib is missing
    from matplotlib import rc_context

    return rc_context(STYLE)
