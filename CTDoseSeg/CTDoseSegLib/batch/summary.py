"""``summary.html`` and ``summary.png``: a department's doses on one page.

Percentiles are given for local reference levels (ICRP 135: median and 75th percentile of a
protocol's CTDIvol, DLP and SSDE), for groups of at least 20 examinations. Organ doses are shown as
distributions; they are no reference levels.
"""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import NOTICE
from ..errors import DependencyError
from .summary_page import PAGE

SMALLEST_GROUP = 20
SIZE_STEP_MM = 50
QUANTITIES = (
    ("ctdivol_mGy", "CTDIvol mGy"),
    ("dlp_mGy_cm", "DLP mGy cm"),
    ("ssde_mGy", "SSDE mGy"),
)
OUTLIER_FENCES = 3.0  # interquartile ranges beyond the quartiles, of the logarithm
MOST_OUTLIERS = 50
MOST_FAILURES = 500
# Of an examination's row what this page is made from.
EXAM_COLUMNS = (
    *("study_key", "scan_key", "description", "kvp_kV", "phantom_cm", "wed_mm"),
    *(column for column, _ in QUANTITIES),
)
PICTURE = "summary.png"


def write_summary(
    output: Path,
    exams: Sequence[dict[str, Any]],
    doses: Mapping[str, Sequence[float]],
    failures: Sequence[dict[str, Any]],
    left_out: int,
    counts: dict[str, int],
) -> None:
    """Write both files; without jinja2 neither, without matplotlib no picture."""
    try:
        import jinja2
    except ImportError:
        (output / "summary.html").unlink(missing_ok=True)
        (output / PICTURE).unlink(missing_ok=True)
        return
    picture = _draw(output, exams, doses)
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(PAGE)
    text = page.render(
        notice=NOTICE,
        counts=counts,
        quantities=[name for _, name in QUANTITIES],
        smallest=SMALLEST_GROUP,
        protocols=grouped(exams, protocol_of),
        sizes=grouped(exams, size_of),
        organs=[_organ(name, values) for name, values in sorted(doses.items())],
        outliers=outliers(exams)[:MOST_OUTLIERS],
        failures=failures,
        left_out=left_out,
        picture=PICTURE if picture else None,
    )
    temporary = output / ".summary.html.part"
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, output / "summary.html")


def protocol_of(exam: dict[str, Any]) -> str:
    """Return the protocol by which examinations are compared.

    Description without its series number, tube voltage and phantom.
    """
    words = str(exam["description"] or "").split(" ", 1)
    text = words[1] if len(words) == 2 and words[0].isdigit() else " ".join(words)
    voltage = f"{exam['kvp_kV']:g} kV" if exam["kvp_kV"] else "kV not known"
    phantom = f"{exam['phantom_cm']:g} cm phantom" if exam["phantom_cm"] else "phantom not known"
    return ", ".join((text or "without description", voltage, phantom))


def size_of(exam: dict[str, Any]) -> str:
    """Return the class of water-equivalent diameter, with the phantom that CTDIvol is of."""
    wed = exam["wed_mm"]
    if wed is None or not math.isfinite(wed):
        return "size not known"
    low = int(wed // SIZE_STEP_MM) * SIZE_STEP_MM
    phantom = f"{exam['phantom_cm']:g} cm phantom" if exam["phantom_cm"] else "phantom not known"
    return f"WED {low} to {low + SIZE_STEP_MM} mm, {phantom}"


def grouped(exams: Sequence[dict[str, Any]], name_of: Any) -> list[dict[str, Any]]:
    """Return a row a group: number, median, 25th, 75th and 95th percentile of each quantity."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for exam in exams:
        groups.setdefault(name_of(exam), []).append(exam)
    rows = []
    for name, members in sorted(groups.items()):
        cells = []
        for column, _ in QUANTITIES:
            # Scans of one study count once: the examination is what a reference level is of.
            values = list({m["study_key"]: m[column] for m in members if m[column]}.values())
            cells.append(_percentiles(values) if len(values) >= SMALLEST_GROUP else None)
        rows.append({"name": name, "n": len({m["study_key"] for m in members}), "cells": cells})
    return rows


def _percentiles(values: Sequence[float]) -> str:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    low, median, high, top = cuts[4], cuts[9], cuts[14], cuts[18]
    return f"{median:.3g} ({low:.3g} to {high:.3g}; 95th {top:.3g})"


def _organ(name: str, values: Sequence[float]) -> dict[str, Any]:
    enough = len(values) >= SMALLEST_GROUP
    text = _percentiles(values) if enough else None
    return {"name": name.replace("_", " "), "n": len(values), "text": text}


def outliers(exams: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return examinations far from the others of their protocol, in CTDIvol, DLP or SSDE."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for exam in exams:
        groups.setdefault(protocol_of(exam), []).append(exam)
    far_off = []
    for name, members in groups.items():
        for column, title in QUANTITIES:
            values = [m[column] for m in members if m[column]]
            if len(values) < SMALLEST_GROUP:
                continue
            low, _, high = statistics.quantiles([math.log(v) for v in values], n=4)
            reach = OUTLIER_FENCES * max(high - low, 0.02)
            for member in members:
                value = member[column]
                if value and not low - reach <= math.log(value) <= high + reach:
                    text = f"{title} {value:.3g}"
                    far_off.append({"key": member["scan_key"], "protocol": name, "text": text})
    return far_off


def _draw(
    output: Path, exams: Sequence[dict[str, Any]], doses: Mapping[str, Sequence[float]]
) -> bool:
    """Draw CTDIvol and SSDE against size, and organ doses as boxes."""
    from ..reporting.figure import new_figure

    try:
        figure = new_figure(11, 4.8)
    except DependencyError:
        (output / PICTURE).unlink(missing_ok=True)
        return False
    organs = sorted(doses, key=lambda name: -statistics.median(doses[name]))[:25]
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    for column, label, mark in (("ctdivol_mGy", "CTDIvol", "o"), ("ssde_mGy", "SSDE", "x")):
        pairs = [(e["wed_mm"], e[column]) for e in exams if e["wed_mm"] and e[column]]
        if pairs:
            left.plot(*zip(*pairs, strict=True), mark, ms=4, alpha=0.6, label=label)
    left.set(xlabel="WED (mm)", ylabel="mGy", title=f"{len(exams)} scans by size")
    if left.get_legend_handles_labels()[0]:
        left.legend()
    if organs:
        right.boxplot([doses[name] for name in organs], widths=0.6, flierprops={"markersize": 3})
        right.set_xticks(
            range(1, len(organs) + 1),
            [name.replace("_", " ") for name in organs],
            rotation=60,
            ha="right",
            fontsize=8,
        )
    right.set(ylabel="organ dose (mGy)", title="Organ doses: distributions, no reference levels")
    figure.text(0.995, 0.005, NOTICE, ha="right", fontsize=7)
    temporary = output / f".{PICTURE}.part"
    figure.savefig(temporary, format="png")
    os.replace(temporary, output / PICTURE)
    return True
