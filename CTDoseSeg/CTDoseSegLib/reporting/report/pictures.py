"""The two pictures of the report, small enough for half a page's width and for grey print."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from ..figure import BLUE, GREY, ORANGE, STYLE, known, new_figure, position_along_body
from ..overlay import draw_strip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    from ...ct.series import CTSeries
    from ...result import Result
    from ...segmentation.labelmap import Labelmap

_SIZE_IN, _DPI = (4.6, 2.9), 150


@dataclass(frozen=True)
class Key:
    """What a colour of a picture means.

    Attributes
    ----------
    name
        In words.
    fill, edge
        Colours as ``#rrggbb``; empty for words about what has no colour in the key.
    """

    name: str
    fill: str
    edge: str


@dataclass(frozen=True)
class ReportPicture:
    """A PNG file and what its colours mean where it does not show that itself."""

    png: bytes
    keys: tuple[Key, ...] = ()


def report_pictures(
    result: Result, series: CTSeries | None = None, labelmap: Labelmap | None = None
) -> dict[str, ReportPicture]:
    """Draw the pictures of a report as PNG.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.
    series, labelmap
        The images; without them the overlay is left out.

    Returns
    -------
    dict
        ``along`` and ``overlay``.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    new_figure(1, 1)
    from matplotlib import rc_context

    with rc_context({**STYLE, "font.size": 8, "legend.fontsize": 7, "lines.linewidth": 1.3}):
        drawn = {"along": ReportPicture(_png(draw_along(result), _DPI))}
    if series is not None and labelmap is not None:
        with rc_context({**STYLE, "font.size": 7, "axes.titlesize": 7}):
            figure, legend = draw_strip(series, labelmap)
            drawn["overlay"] = ReportPicture(_png(figure, _DPI), tuple(map(_key, legend)))
    return drawn


def draw_along(result: Result) -> Figure:
    """Draw WED with tube current, and SSDE with CTDIvol, along the body."""
    figure = new_figure(*_SIZE_IN)
    size, dose = figure.subplots(2, 1, sharex=True)
    slices = result.slices
    x, label = position_along_body(slices.z_mm)
    order = np.argsort(x)

    def curve(axes: Axes, values: np.ndarray, color: str, style: str, name: str) -> None:
        if known(values):
            axes.plot(x[order], values[order], color=color, ls=style, label=name)

    curve(size, slices.wed_mm, BLUE, "-", "WED (mm)")
    if slices.cut_and_corrected:
        curve(size, slices.wed_corrected_mm, GREY, ":", "WED, corrected (mm)")
    curve(size, slices.tube_current_mA, ORANGE, "--", "tube current (mA)")
    curve(dose, slices.ssde_mGy, BLUE, "-", "SSDE (mGy)")
    curve(dose, slices.ctdivol_used_mGy, ORANGE, "--", "CTDIvol (mGy)")
    for axes in (size, dose):
        axes.grid(True)
        axes.set_ylim(0, None)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    dose.set_xlabel(label)
    return figure


def _key(patch: Patch) -> Key:
    from matplotlib.colors import to_hex

    colors = (patch.get_facecolor(), patch.get_edgecolor())
    fill, edge = (to_hex(color) if color[3] else "" for color in colors)
    return Key(str(patch.get_label()), fill, edge)


def _png(figure: Figure, dpi: int) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": "CTDoseSeg"})
    return file.getvalue()
