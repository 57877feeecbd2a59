"""The chart of dose-volume histograms of a simulated result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ...ct.organs import spoken_name
from ...dosimetry.round_doses import round_step
from .charts import fill_chart, fill_series
from .hierarchy import place
from .results import Results
from .scene import set_columns

if TYPE_CHECKING:
    from ...dosimetry.dvh import DoseVolumeHistogram

# Okabe and Ito (2008), distinct with every kind of colour vision; dashes tell them apart in grey.
COLORS = (
    (0.00, 0.45, 0.70),
    (0.90, 0.62, 0.00),
    (0.00, 0.62, 0.45),
    (0.84, 0.37, 0.00),
    (0.80, 0.47, 0.65),
    (0.35, 0.35, 0.35),
)
_STEPS = 100
# The axis goes beyond the curves, so that the legend in the corner covers none.
_ROOM_FOR_LEGEND = 1.8


def show_histograms(results: Results, histograms: Mapping[str, DoseVolumeHistogram]) -> None:
    """Fill the chart of dose-volume histograms; without any it says what is missing.

    Parameters
    ----------
    results
        The result.
    histograms
        Organ to its histogram, in the order of the legend.
    """
    chart, table = results.ensure("dvhChart"), results.ensure("dvhTable")
    series = _curves(results, table, histograms)
    title = (
        _("Dose-volume histograms (voxels as simulated)")
        if series
        else _("Dose-volume histograms: only Monte Carlo gives them")
    )
    axes = _("dose (mGy)"), _("volume with it or more (%)")
    was = chart.StartModify()
    try:
        fill_chart(chart, series, title, axes=axes, y_range=(0.0, 105.0))
        chart.SetXAxisRangeAuto(False)
        chart.SetXAxisRange(0.0, _ROOM_FOR_LEGEND * _highest(histograms))
    finally:
        chart.EndModify(was)
    place(results)


def _highest(histograms: Mapping[str, DoseVolumeHistogram]) -> float:
    """Return the highest dose that a hundredth of a shown organ gets."""
    return max((one.highest_dose_of(1.0) for one in histograms.values()), default=1.0)


def _curves(
    results: Results, table: Any, histograms: Mapping[str, DoseVolumeHistogram]
) -> list[Any]:
    highest = max((float(one.dose_mGy[-1]) for one in histograms.values()), default=1.0)
    step = round_step(_highest(histograms) / _STEPS)
    doses = step * np.arange(int(highest / step) + 2)
    columns = {"dose_mGy": doses}
    columns |= {organ: one.percent_at_least(doses) for organ, one in histograms.items()}
    set_columns(table, columns)
    return [
        _curve(results, table, n, organ, _name(organ, one))
        for n, (organ, one) in enumerate(histograms.items())
    ]


def _name(organ: str, histogram: DoseVolumeHistogram) -> str:
    """Return how an organ is called in the legend, with the noise that widens its curve."""
    noise = f"noise {100.0 * histogram.noise_sd_mGy / histogram.mean_mGy:.0f} %"
    if histogram.is_noisy:
        noise = f"{noise}, dominant"
    return f"{spoken_name(organ)} ({noise})"


def _curve(results: Results, table: Any, n: int, organ: str, name: str) -> Any:
    node = results.series(f"dvh.{n}", name)
    marker = slicer.vtkMRMLPlotSeriesNode
    was = node.StartModify()
    try:
        fill_series(node, name, table, ("dose_mGy", organ), COLORS[n])
        node.SetLineStyle((marker.LineStyleSolid, marker.LineStyleDash)[n % 2])
        node.SetMarkerStyle(marker.MarkerStyleNone)
    finally:
        node.EndModify(was)
    return node
