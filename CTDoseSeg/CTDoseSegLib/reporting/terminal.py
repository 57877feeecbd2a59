"""The result in the terminal: organ doses with intervals and flags, then what matters beside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .. import NOTICE
from ..ct.scanner_profile import GENERIC_NAME
from ..flags import FLAGS, codes
from ..segmentation.labelmap import engine_in_words
from .charts_dose import BASES, display_name
from .flag_lines import every_flag, notice_lines
from .numbers import number

if TYPE_CHECKING:
    from ..dosimetry.doses import OrganDose
    from ..dosimetry.effective_dose import EffectiveDose
    from ..dosimetry.examination import Examination
    from ..dosimetry.peak_skin_dose import PeakSkinDose
    from ..dosimetry.size_specific_effective_dose import SizeSpecificEffectiveDose
    from ..dosimetry.uterus_dose import UterusDose
    from ..result import Result

HEADINGS = ("organ", "dose mGy", "model 90 %", "total 90 %", "ml", "flags")
RIGHT_ALIGNED = slice(1, 5)
PLAIN_WIDTH = 100
MOST_PLAN_LINES = 60


class PlanRow(Protocol):
    """What is shown of a scan of a batch's plan."""

    @property
    def include(self) -> str: ...

    @property
    def study(self) -> int: ...

    @property
    def n_images(self) -> int: ...

    @property
    def description(self) -> str: ...

    @property
    def reason(self) -> str: ...


def print_result(
    result: Result, folder: str | Path | None = None, *, all_flags: bool = False
) -> None:
    """Print the result to standard output, with rich where it is installed.

    Parameters
    ----------
    result
        What to print.
    folder
        Where the files were written, to be named at the end.
    all_flags
        Print every flag by its place, not the most serious causes.
    """
    organs = result.organs
    rows = [dose_row(organ, organs) for organ in organs]
    if rows:
        print_table(rows)
    for line in summary(result):
        print(line)
    for line in (every_flag if all_flags else notice_lines)(result.all_flags()):
        print(line)
    if folder is not None:
        print(f"Written to {folder}")
    print(NOTICE)


def print_plan(scans: Iterator[PlanRow]) -> None:
    """Print a batch's plan: one line a scan, what is left out with its reason."""
    for scan in itertools.islice(scans, MOST_PLAN_LINES):
        scan_text = f"{scan.study:>5}  {scan.n_images:>5} images  {scan.description[:32]:<32}"
        mark = "analyse " if scan.include == "yes" else "left out"
        reason = f"  {scan.reason}" if scan.reason else ""
        print(f"{mark} {scan_text}{reason}".rstrip())
    if next(iter(scans), None) is not None:
        print("... the plan holds the rest")


def dose_row(organ: OrganDose, organs: Sequence[OrganDose]) -> tuple[str, ...]:
    """Return the cells of one of `organs`, in the order of `HEADINGS`; a dash for not known."""
    return (
        display_name(organ, organs),
        number(organ.dose_mGy),
        _interval(organ.model_low_mGy, organ.model_high_mGy),
        _interval(organ.total_low_mGy, organ.total_high_mGy),
        number(organ.volume_ml),
        codes(organ.flags).replace(";", ", "),
    )


def summary(result: Result) -> list[str]:
    """Return engine, slices, size and dose indices, a line each."""
    acquisition, slices = result.acquisition, result.slices
    z_mm, centre = slices.z_mm, result.size.summary.centre_mm
    at_centre = f", {number(centre)} mm at the centre slice" if np.isfinite(centre) else ""
    which = "corrected mean" if slices.cut_and_corrected else "mean"
    wed_within = _mean_within(result.size.mean_interval_mm, "mm", which)
    lines = [
        f"Segmentation: {engine_in_words(result.segmentation.engine)}",
        f"Slices:       {z_mm.size}, z {z_mm.min():.0f} to {z_mm.max():.0f} mm",
        f"WED:          {_mean_and_range(slices.wed_mm, 'mm')}{at_centre}{wed_within}",
    ]
    ctdivol = slices.ctdivol_mGy
    if not np.isfinite(ctdivol).any() and acquisition.ctdivol_mGy is not None:
        ctdivol = np.array([acquisition.ctdivol_mGy])
    if np.isfinite(ctdivol).any():
        phantom = f"{acquisition.phantom_cm} cm" if acquisition.phantom_cm else "unknown"
        shown = _mean_and_range(ctdivol, "mGy")
        lines.append(f"CTDIvol:      {shown} ({phantom} phantom)")
    else:
        lines.append("CTDIvol:      not known")
    known = np.isfinite(slices.ssde_mGy).any()
    table = f" ({result.ssde.table})" if known else ""
    ssde_within = _mean_within(result.ssde.mean_interval_mGy, "mGy")
    lines.append(f"SSDE:         {_mean_and_range(slices.ssde_mGy, 'mGy')}{ssde_within}{table}")
    if bases := dict.fromkeys(o.route for o in result.organs if o.dose_mGy is not None):
        lines.append(f"Organ doses:  {', '.join(BASES.get(b, f'model {b}') for b in bases)}")
    lines.append(f"Effective:    {_effective(result)}")
    if (by_organs := result.size_specific_effective_dose).value_mSv is not None:
        lines.append(f"              {size_specific_words(by_organs)}")
    if result.peak_skin_dose is not None:
        lines.append(f"Peak skin:    {peak_skin_words(result.peak_skin_dose)}")
    if result.uterus_dose is not None:
        lines.append(f"Uterus:       {uterus_words(result.uterus_dose)}")
    lines.append(f"Scanner:      {_scanner(result)}")
    if result.examination is not None:
        lines.append(f"Examination:  {_examination(result.examination, result.organs)}")
        if (whole := result.examination.peak_skin_dose) is not None and whole.events > 1:
            lines.append(f"              peak skin dose of it {peak_skin_words(whole)}")
    return lines


def _scanner(result: Result) -> str:
    if result.scanner_profile.name != GENERIC_NAME:
        return f"profile {result.scanner_profile.name}"
    return "no profile of this scanner: CTDIvol is not corrected, intervals hold for any scanner"


def _examination(examination: Examination, organs: Sequence[OrganDose]) -> str:
    """Return the events of the dose report and what they add to the series' own doses."""
    counted = sum(event.in_total for event in examination.events)
    events = examination.events
    text = f"organ doses of {counted} of the {len(events)} events in the dose report added up"
    if not counted:
        text = f"{len(events)} events in the dose report; no organ doses to add up"
    if examination.dlp_total_mGy_cm is not None:
        stated = number(examination.dlp_total_mGy_cm)
        text += f"; DLP of the whole report {stated} mGy cm, as stated"
        if len({event.phantom_cm for event in events} - {None}) > 1:
            text += " (a sum over both CTDI phantoms)"
    added = [
        100 * (total.examination_dose_mGy / organ.dose_mGy - 1)
        for organ, total in zip(organs, examination.organs, strict=False)
        if total.examination_dose_mGy is not None and organ.dose_mGy
    ]
    if added and counted > 1:
        text += f"; the other events add {min(added):.0f} to {max(added):.0f} % to the series' own"
    return text


def _effective(result: Result) -> str:
    effective, dlp = result.effective_dose, result.effective_dose.dlp
    if effective.effective_dose_mSv is None:
        refusals = [flag.message for flag in effective.flags if flag.severity == "refusal"]
        reason = (
            refusals[0].split(". ")[0].split(": ")[0].rstrip(".")
            if refusals
            else "it was not computed"
        )
        bound = "at least " if dlp is not None and dlp.lower_bound else ""
        alone = f"; DLP {bound}{number(dlp.value_mGy_cm)} mGy cm" if dlp is not None else ""
        return f"not given: {reason}{alone}."
    # Results of version 0.1.0 name the set of factors alone.
    by = (
        f"{effective.source}, {effective.coefficients}"
        if effective.source
        else effective.coefficients
    )
    # The factors' label has the age of their reference person, which is not the patient's.
    named = [
        f"{FLAGS[one.code].found}: {one.detail}"
        if one.code == "effective_dose_child" and one.detail
        else FLAGS[one.code].found
        for one in effective.flags
        if one.code in FLAGS
    ]
    flags = f"; {'; '.join(map(_lower, dict.fromkeys(named)))}" if named else ""
    return (
        f"{effective_dose_words(effective)}, k x DLP of "
        f"{number(dlp.value_mGy_cm if dlp else None)} mGy cm, {effective.scanned_range}, "
        f"{by}; for a reference person, not this patient; never the sum of organ doses{flags}"
    )


def _lower(found: str) -> str:
    """Return a finding as a part of a sentence; DLP and CTDIvol stay as they are."""
    first, _, _ = found.partition(" ")
    return found if first[1:2].isupper() else f"{found[:1].lower()}{found[1:]}"


def effective_dose_words(effective: EffectiveDose) -> str:
    """Return an effective dose with what its range is; it must be known."""
    dlp, low, high = effective.dlp, effective.low_mSv, effective.high_mSv
    value = f"{number(effective.effective_dose_mSv)} mSv"
    if effective.relative_half_width is not None:  # a result of version 0.1.0
        span = f"90 % interval {_interval(low, high)}"
    elif dlp is not None and dlp.lower_bound:
        span = f"at least {number(high)} mSv by the highest published factor"
    elif low == high:
        span = "the only published value"
    else:
        span = f"published values {number(low)} to {number(high)} mSv"
    bound = "at least " if dlp is not None and dlp.lower_bound else ""
    return f"{bound}{value} ({span})"


def size_specific_words(effective: SizeSpecificEffectiveDose) -> str:
    """Return an effective dose by organ doses with what it is; it must be known."""
    value = f"{number(effective.value_mSv)} mSv"
    if effective.low_mSv is not None:
        value += f" (90 % interval {_interval(effective.low_mSv, effective.high_mSv)})"
    return (
        f"size-specific, ICRP 103: {value}, {100 * effective.predicted_share:.0f} % of the "
        "weights predicted; of a reference person of this size, not a personal risk"
    )


def peak_skin_words(peak: PeakSkinDose) -> str:
    """Return a peak skin dose with its interval, area and place, or why there is none."""
    if peak.dose_mGy is None:
        refusal = next((one for one in peak.flags if one.severity == "refusal"), None)
        detail = f" ({refusal.detail})" if refusal and refusal.detail else ""
        more = (
            "" if peak.photons is None else f"; about {peak.photons / 1e6:.2g} million are needed"
        )
        return f"not given: too few photons{detail}{more}"
    events = "" if peak.events == 1 else f", {peak.events} events added up"
    return (
        f"{number(peak.dose_mGy)} mGy (90 % interval {_interval(peak.low_mGy, peak.high_mGy)}), "
        f"largest mean over {peak.area_cm2:g} cm2, at z {number(peak.z_mm)} mm{events}"
    )


def uterus_words(uterus: UterusDose) -> str:
    """Return the dose of the uterus region with what it is, or why it is not given."""
    if uterus.high_mGy is None:
        return f"not given: {'; '.join(FLAGS[one.code].found for one in uterus.flags)}"
    value = f"below {number(uterus.high_mGy)} mGy"
    if uterus.dose_mGy is not None:
        value = f"{number(uterus.dose_mGy)} mGy ({_interval(uterus.low_mGy, uterus.high_mGy)})"
    region = {"sphere": "sphere of 5 cm"}.get(uterus.region, f"label {uterus.region}")
    return (
        f"{value}, {region}; {number(uterus.z_profile_mGy)} mGy by the z-profile method; a medical "
        "physicist must judge it"
    )


def print_table(
    rows: list[tuple[str, ...]],
    headings: Sequence[str] = HEADINGS,
    right_aligned: slice = RIGHT_ALIGNED,
) -> None:
    """Print a table, with rich where it is installed; a row without its first value is dim."""
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
    except ImportError:  # Slicer's Python has no rich: aligned text does
        print("\n".join(plain_table(rows, headings, right_aligned)))
        return
    table = Table()
    right = range(len(headings))[right_aligned]
    for column, heading in enumerate(headings):
        justify = "right" if column in right else "left"
        table.add_column(heading, justify=justify, no_wrap=column in right, overflow="fold")
    for row in rows:
        table.add_row(*(escape(text) for text in row), style="dim" if row[1] == "-" else "")
    console = Console()
    if not console.is_terminal:  # a log file has no width; rich would take 80 columns
        console.width = PLAIN_WIDTH
    console.print(table)


def plain_table(
    rows: list[tuple[str, ...]],
    headings: Sequence[str] = HEADINGS,
    right_aligned: slice = RIGHT_ALIGNED,
) -> list[str]:
    """Return the lines of a table in plain text, columns aligned."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    right = range(len(headings))[right_aligned]
    return [
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (tuple(headings), tuple("-" * width for width in widths), *rows)
    ]


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{number(low)} - {number(high)}"


def _mean_within(ends: tuple[float, float] | None, unit: str, which: str = "mean") -> str:
    if ends is None:  # not known, or a result of version 0.1.0
        return ""
    return f"; 90 % interval of the {which} {number(ends[0])} to {number(ends[1])} {unit}"


def _mean_and_range(values: np.ndarray, unit: str) -> str:
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return "not known"
    low, high, mean = values.min(), values.max(), values.mean()
    if high - low < 0.005 * abs(mean):
        return f"{number(mean)} {unit}"
    return f"mean {number(mean)}, {number(low)} to {number(high)} {unit}"
