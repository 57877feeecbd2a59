"""A comparison of two results in the terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from .. import NOTICE
from ..ct.organs import spoken_name
from ..flags.summary import summarize
from .flag_lines import WIDTH
from .numbers import number
from .terminal import print_table

if TYPE_CHECKING:
    from ..result import Comparison, OrganComparison

HEADINGS = ("organ", "A mGy", "B mGy", "B - A", "%", "B / A, 90 %", "A ml", "B ml", "differ")
# Number of the scan to its name and unit.
QUANTITIES = {
    "ctdivol_mGy": ("CTDIvol", "mGy"),
    "dlp_mGy_cm": ("DLP", "mGy cm"),
    "ssde_mGy": ("SSDE, mean", "mGy"),
    "wed_mm": ("WED, mean", "mm"),
    "effective_dose_mSv": ("Effective dose, k x DLP", "mSv"),
    "size_specific_effective_dose_mSv": ("Effective dose by organ doses", "mSv"),
    "peak_skin_dose_mGy": ("Peak skin dose", "mGy"),
}
DIFFERS = {True: "yes", False: "no", None: "-"}


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison to standard output: organs with a dose, numbers of the scan, notices."""
    rows = [organ_row(organ) for organ in with_dose(comparison)]
    if rows:
        print_table(rows, HEADINGS, slice(1, 8))
    for line in quantity_lines(comparison):
        print(line)
    if rows:
        print(
            "differ: the 90 % interval of the ratio, without what both results share, leaves out 1"
        )
    organs = (one for organ in comparison.organs for one in organ.flags)
    scan = (one for quantity in comparison.quantities for one in quantity.flags)
    for notice in summarize((*comparison.flags, *scan, *organs)):
        print(textwrap.fill(f"{notice.severity}: {notice.text}", WIDTH, subsequent_indent="  "))
    print(NOTICE)


def with_dose(comparison: Comparison) -> list[OrganComparison]:
    """Return the organs that have a dose in either result."""
    return [o for o in comparison.organs if (o.dose_a_mGy, o.dose_b_mGy) != (None, None)]


def organ_row(organ: OrganComparison) -> tuple[str, ...]:
    """Return the cells of an organ, in the order of `HEADINGS`; a dash for not known."""
    ends = "-"
    if organ.ratio_low is not None and organ.ratio_high is not None:
        ends = f"{organ.ratio_low:.2f} - {organ.ratio_high:.2f}"
    return (
        spoken_name(organ.organ),
        *(number(organ.dose_a_mGy), number(organ.dose_b_mGy)),
        *(signed(organ.difference_mGy), signed_percent(organ.percent), ends),
        *(number(organ.volume_a_ml), number(organ.volume_b_ml), DIFFERS[organ.differs]),
    )


def quantity_lines(comparison: Comparison) -> list[str]:
    """Return a line for each number of the scan that either result has."""
    lines = []
    for one in comparison.quantities:
        if (one.a, one.b) == (None, None):
            continue
        name, unit = QUANTITIES[one.name]
        line = f"{name + ':':<32}{number(one.a)} and {number(one.b)} {unit}"
        if one.percent is not None:
            line += f" ({signed_percent(one.percent)} %)"
        lines.append(line)
    return lines


def signed(value: float | None) -> str:
    """Return a difference with its sign; "-" where it is not known."""
    if value is None:
        return "-"
    if abs(value) < 5e-4:
        return "0"
    return f"{'+' if value > 0 else '-'}{number(abs(value))}"


def signed_percent(value: float | None) -> str:
    """Return a difference in percent with its sign and one decimal; "-" where it is not known."""
    if value is None:
        return "-"
    return f"{value:+.1f}" if abs(value) >= 0.05 else "0"
