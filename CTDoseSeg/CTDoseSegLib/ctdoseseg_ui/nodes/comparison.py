"""The nodes that compare two results: a table of differences, and both diameters in one chart.

They are views that belong to the result shown, and go when it is no longer compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ...ct.organs import spoken_name
from .charts import along_body, fill_chart, fill_series, headroom
from .colours import BLUE, ORANGE
from .hierarchy import place
from .placement import slice_positions_mm
from .results import KEPT, MARK, ROLE, Results
from .scene import Column, digits, numbers, set_columns

if TYPE_CHECKING:
    from ...result import Comparison, OrganComparison

ROLES = ("comparisonChart", "comparisonTable", "comparisonShown", "comparisonOther")
KEPT_ROLE = f"{ROLE}kept"
_CURVES = ("comparison.other", "comparison.shown")
# Above and below the curves: noise of a millimetre shall not fill the chart.
LEAST_ROOM_MM = 5.0
_RATIO = (
    "90 % interval of the ratio. What is as uncertain in both doses, such as the displayed CTDIvol "
    "of one scanner, does not set them apart and is left out."
)
# What a narrow panel is to show comes first.
COLUMNS = {
    "organ": Column("Organ (doses in mGy)"),
    "other_mGy": Column("The other", description="Dose in the result under Compare with, mGy."),
    "shown_mGy": Column("This result", description="Dose in the result that is shown, mGy."),
    "difference_percent": Column("Change", "%", "Difference in percent of the other dose."),
    "differs": Column(
        "Differs", description="yes: the interval of the ratio leaves out 1; empty: not known."
    ),
    "ratio": Column("Ratio", description="Dose in this result to the other one."),
    "ratio_low": Column("90 % from", description=_RATIO),
    "ratio_high": Column("90 % to", description=_RATIO),
    "difference_mGy": Column("Difference", "mGy", "Dose in this result less the other one."),
    "other_ml": Column("Volume, the other", "ml", "Volume in the result under Compare with."),
    "shown_ml": Column("Volume, this result", "ml", "Volume in the result that is shown."),
    "notes": Column("Notes", description="Why the doses cannot be compared, or only with care."),
    "name": Column("Name", description="As in files and in the console."),
}
_DIFFERS = {True: "yes", False: "no", None: ""}


def keep(results: Results) -> Results:
    """Keep a copy of a result's numbers in the scene, to compare what an edit makes of them.

    A later copy takes its place: one for each result.

    Returns
    -------
    Results
        Of a text node with the same numbers; the segmentation is not copied.
    """
    node = results.get("kept") or slicer.vtkMRMLTextNode()
    node.SetName(f"{results.node.GetName()}, kept")
    copy = Results(node)
    copy.take_over(results)
    if node.GetScene() is None:
        # Marked before it is in the scene: selectors list it as it is added.
        node.SetAttribute(MARK, KEPT)
        slicer.mrmlScene.AddNode(node)
        results.node.SetNodeReferenceID(KEPT_ROLE, node.GetID())
    volume = results.volume
    node.SetNodeReferenceID(f"{ROLE}volume", volume.GetID() if volume is not None else None)
    place(results)
    return copy


def comparable(results: Results) -> list[Results]:
    """Return what a result can be compared with, the likeliest first.

    Its own kept copy, the other results of its CT from the newest, those of other CTs.
    """
    kept = results.get("kept")
    others = [other for other in reversed(Results.all()) if other.node is not results.node]
    same = [other for other in others if other.volume is results.volume]
    copies = [other.get("kept") for other in others if other.get("kept") is not None]
    first = [Results(kept)] if kept is not None else []
    rest = [other for other in others if other.volume is not results.volume]
    return [*first, *same, *rest, *map(Results, copies)]


def compare_nodes(shown: Results, other: Results) -> Comparison:
    """Compare two results of the scene, slices where their volumes lie now (RAS of the world).

    Raises
    ------
    InputError
        If the text of either was altered, or is of a newer version.
    """
    from ...result import compare

    a, b = other.result, shown.result
    return compare(
        a, b, z_a_mm=slice_positions_mm(other.volume, a), z_b_mm=slice_positions_mm(shown.volume, b)
    )


def show_comparison(shown: Results, other: Results) -> Comparison:
    """Make or update table and chart of a comparison; returns it."""
    comparison = compare_nodes(shown, other)
    _show_table(shown, comparison)
    _show_chart(shown, other)
    place(shown)
    return comparison


def remove_comparison(results: Results) -> None:
    """Take the nodes of a result's comparison out of the scene."""
    series = [results.node.GetNodeReference(f"{ROLE}series.{name}") for name in _CURVES]
    for node in (*map(results.get, ROLES), *series):
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)


def in_order(comparison: Comparison) -> list[OrganComparison]:
    """Return the organs that have a dose: what changed most first, what did not change last."""
    dosed = [o for o in comparison.organs if (o.dose_a_mGy, o.dose_b_mGy) != (None, None)]
    changed = [o for o in dosed if o.percent]
    alone = [o for o in dosed if o.percent is None]
    same = [o for o in dosed if o.percent == 0]
    return [*sorted(changed, key=lambda o: -abs(o.percent or 0.0)), *alone, *same]


def _show_table(shown: Results, comparison: Comparison) -> None:
    organs = in_order(comparison)
    columns: dict[str, Any] = {
        "organ": [spoken_name(o.organ) for o in organs],
        "other_mGy": digits([o.dose_a_mGy for o in organs]),
        "shown_mGy": digits([o.dose_b_mGy for o in organs]),
        "difference_percent": numbers([o.percent for o in organs]).round(1),
        "differs": [_DIFFERS[o.differs] for o in organs],
        "ratio": numbers([o.ratio for o in organs]).round(3),
        "ratio_low": numbers([o.ratio_low for o in organs]).round(3),
        "ratio_high": numbers([o.ratio_high for o in organs]).round(3),
        "difference_mGy": numbers([o.difference_mGy for o in organs]).round(3),
        "other_ml": digits([o.volume_a_ml for o in organs]),
        "shown_ml": digits([o.volume_b_ml for o in organs]),
        "notes": ["; ".join(one.message for one in o.flags) for o in organs],
        "name": [o.organ for o in organs],
    }
    set_columns(shown.ensure("comparisonTable"), columns, COLUMNS)


def _show_chart(shown: Results, other: Results) -> None:
    looks = (
        (other, "comparisonOther", _CURVES[0], ORANGE, "the other"),
        (shown, "comparisonShown", _CURVES[1], BLUE, "this result"),
    )
    series, ends = [], []
    for results, role, curve, color, which in looks:
        slices = results.result.slices
        table = shown.ensure(role)
        z_mm = slice_positions_mm(results.volume, results.result)
        set_columns(table, {"z_mm": z_mm, "wed_mm": slices.wed_mm})
        if len(slices) > 1:  # VTK cannot draw a series of one point
            name = f"WED, {which} (mm)"
            series.append(_curve(shown, curve, name, table, color, dashed=results is other))
        if np.isfinite(slices.wed_mm).any():
            ends += [float(np.nanmin(slices.wed_mm)), float(np.nanmax(slices.wed_mm))]
    fill_chart(
        shown.ensure("comparisonChart"),
        series,
        _("WED of both results"),
        axes=(along_body(), _("WED (mm)")),
        y_range=_range(ends, len(series)),
    )


def _range(ends_mm: list[float], rows: int) -> tuple[float, float]:
    """Return the axis of diameters: from below the smallest, as a difference is a few mm."""
    low, high = min(ends_mm, default=0.0), max(ends_mm, default=1.0)
    low -= max(0.1 * (high - low), LEAST_ROOM_MM)
    return low, low + (high - low + LEAST_ROOM_MM) * headroom(rows)


def _curve(
    results: Results, role: str, name: str, table: Any, color: tuple[float, ...], *, dashed: bool
) -> Any:
    node = results.series(role, name)
    fill_series(node, name, table, ("z_mm", "wed_mm"), color)
    node.SetLineStyle(node.LineStyleDash if dashed else node.LineStyleSolid)
    # In grey, dashes and marks tell the curves apart.
    node.SetMarkerStyle(node.MarkerStyleSquare if dashed else node.MarkerStyleCircle)
    node.SetMarkerSize(4)
    return node
