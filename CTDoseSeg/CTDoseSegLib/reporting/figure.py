"""What all pictures share: size, colours, the notice, and how they reach the disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from .. import NOTICE
from ..errors import DependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

DPI = 110
# Okabe and Ito (2008): distinct with every kind of colour vision.
BLUE, SKY, ORANGE, GREEN, RED, PURPLE = (
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
)
INK, GREY, PALE = "#222222", "#6E6E6E", "#D9D9D9"
STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def new_figure(
    width_in: float, height_in: float, *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Return an empty figure that no global state knows of.

    Parameters
    ----------
    width_in, height_in
        Size in inches.
    layout
        ``constrained`` leaves room for the notice at the foot; None: axes are placed by hand.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise DependencyError(
            "Pictures need the package matplotlib; install it with: pip install matplotlib"
        ) from error
    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    if layout == "constrained":
        notice_in = 0.3
        within = (0.005, notice_in / height_in, 0.99, 1 - (notice_in + 0.05) / height_in)
        figure.set_layout_engine(ConstrainedLayoutEngine(rect=within))
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as PNG, with the notice at its foot."""
    path.write_bytes(png(figure))
    return path


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG file, with the notice at its foot."""
    height_in = figure.get_size_inches()[1]
    figure.text(0.01, 0.08 / height_in, NOTICE, fontsize=8, color=GREY, va="bottom")
    # Pillow's usual compression takes three times as long for a tenth of the size.
    quick = {"compress_level": 1}
    # `savefig` draws all of it twice, first to lay it out.
    canvas = cast("FigureCanvasAgg", figure.canvas)
    file = io.BytesIO()
    canvas.print_png(file, metadata={"Software": "CTDoseSeg"}, pil_kwargs=quick)
    return file.getvalue()


def legend_below(axes: Axes, *, ncols: int) -> None:
    """Put a legend below the label of the abscissa, whatever the height of the axes."""
    from matplotlib.transforms import ScaledTranslation

    down = ScaledTranslation(0, -0.5, axes.figure.dpi_scale_trans)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=axes.transAxes + down,
        ncols=ncols,
        borderaxespad=0,
    )


def position_along_body(z_mm: np.ndarray) -> tuple[np.ndarray, str]:
    """Return the abscissa of per-slice curves, [k], and its label.

    The superior coordinate; the slice number where the slices do not differ in it (sagittal and
    coronal ones).
    """
    if z_mm.size > 1 and np.ptp(z_mm) < 0.5 * z_mm.size * 0.1:
        return np.arange(z_mm.size, dtype=float), "Slice"
    return z_mm, "Position along the body, z (mm), feet to head"


def known(values: np.ndarray) -> bool:
    """Return whether any of the values is a number."""
    return bool(np.isfinite(values).any())


def write_reason(axes: Axes, text: str) -> None:
    """Write in the middle of a panel why it is empty."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
