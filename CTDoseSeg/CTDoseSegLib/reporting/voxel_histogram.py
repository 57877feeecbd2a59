"""The histogram of all voxels of a volume, as a picture, and what stands out in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..ct.series import AIR_HU
from ..errors import InputError
from .charts_hu import LANDMARKS_HU
from .figure import BLUE, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..ct.series import CTSeries

MOST_BINS = 5000
# Kinds of voxels by HU, from (included) to (left out); None: no limit.
KINDS_HU = (
    ("air", None, -900),
    ("lung", -900, -500),
    ("fat", -150, -30),
    ("water and soft tissue", -30, 100),
    ("bone, contrast medium or metal", 300, None),
)
# A single value that so many of the voxels have is no tissue: padding, or values cut off.
ONE_VALUE_SHARE = 0.02


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class VoxelHistogram:
    """How many voxels have values in each bin.

    Attributes
    ----------
    edges_hu
        Of the bins, one more than there are bins; the last bin holds its upper edge.
    voxels
        Of each bin.
    sentences
        What stands out.
    in_hu
        Whether the values are Hounsfield units.
    """

    edges_hu: np.ndarray
    voxels: np.ndarray
    sentences: tuple[str, ...]
    in_hu: bool = True


def voxel_histogram(series: CTSeries, bins: int = 50) -> VoxelHistogram:
    """Count the voxels of a volume in bins of equal width from its lowest to its highest value.

    Parameters
    ----------
    series
        The CT.
    bins
        1 to `MOST_BINS`.

    Returns
    -------
    VoxelHistogram

    Raises
    ------
    InputError
        If there are too few or too many bins.
    """
    if not 1 <= bins <= MOST_BINS:
        raise InputError(f"{bins} bins are outside 1 to {MOST_BINS}; give --bins another number.")
    voxels, edges = np.histogram(series.hu, bins=bins)
    return VoxelHistogram(edges, voxels, tuple(_sentences(series)), not series.not_hu)


def _sentences(series: CTSeries) -> list[str]:
    hu = series.hu
    total = hu.size
    extent = f"{total} voxels from {float(hu.min()):g} to {float(hu.max()):g}"
    if series.not_hu:
        return [f"{extent}.", "The values are no Hounsfield units, so that no tissue is named."]
    sentences, shares = [f"{extent} HU."], []
    for name, low, high in KINDS_HU:
        inside = np.count_nonzero(
            (hu >= (-np.inf if low is None else low)) & (hu < (np.inf if high is None else high))
        )
        limits = f"from {low}" if high is None else f"below {high}"
        limits = limits if low is None or high is None else f"{low} to {high}"
        shares.append(f"{name} ({limits} HU) {100 * inside / total:.1f} %")
    sentences.append("Share of the voxels: " + ", ".join(shares) + ".")
    values, counts = np.unique(hu, return_counts=True)
    often = counts > ONE_VALUE_SHARE * total
    for value, count in zip(values[often], counts[often], strict=True):
        share = f"{100 * count / total:.1f} % of the voxels are exactly {float(value):g} HU"
        if value == AIR_HU:
            sentences.append(
                f"{share}: air, and padding outside the round field of view (such as -2000 in the "
                "file), which is read as air."
            )
        elif value < AIR_HU:
            sentences.append(f"{share}, below air: padding, or lower values that were cut off.")
        else:
            sentences.append(f"{share}, more than noise leaves to one value.")
    return sentences


def draw_voxel_histogram(histogram: VoxelHistogram) -> Figure:
    """Draw the voxels of each bin; of HU with the values of well-known substances.

    Parameters
    ----------
    histogram
        Of `voxel_histogram`.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown yet; `savefig` writes it.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    figure = new_figure(10, 5)
    axes = figure.subplots()
    edges, voxels = histogram.edges_hu, histogram.voxels
    axes.set_title("All voxels")
    name, unit = ("HU", " HU") if histogram.in_hu else ("Value", "")
    axes.set_xlabel(f"{name} ({len(voxels)} bins of {edges[1] - edges[0]:.4g}{unit})")
    axes.set_ylabel("Voxels per bin")
    axes.stairs(voxels, edges, fill=True, color=BLUE)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.12 * voxels.max())
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
    if histogram.in_hu:
        _name_landmarks(axes, edges)
    return figure


def _name_landmarks(axes: Axes, edges: np.ndarray) -> None:
    alignment = {"fat": "right", "water": "left", "air": "left"}
    shift = 0.004 * (edges[-1] - edges[0])
    for name, hu in LANDMARKS_HU:
        if edges[0] <= hu <= edges[-1]:
            axes.axvline(hu, color=INK, lw=1.0, ls=":", ymax=0.92)
            side = -shift if alignment[name] == "right" else shift
            axes.text(
                hu + side,
                0.99,
                f"{name}\n{hu}",
                transform=axes.get_xaxis_transform(),
                ha=alignment[name],
                va="top",
                fontsize=9,
            )
