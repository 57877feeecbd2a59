"""The law's card: what it is, what it learned from, how well it does, where it does not hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...dosimetry.applicability import ADULT_YEARS
from ...dosimetry.fast.kernel import LENGTHS_MM
from .model import Trained
from .organs import LEAST_BODIES
from .scores import ALL, Score
from .table import LearnedBody

_HEAD = """\
---
name: CTDoseSeg organ doses, fitted to simulations
sha256: {sha256}
licence: Apache-2.0
---
# Organ doses, fitted to simulations

Research software, not for clinical use. This page is written by `ctdoseseg train-dose`.

**Law.** D(z) = (K * CTDIvol)(z) exp(f). K is a sum of exponentials along the body, of {lengths} mm,
with weights of the organ's own for what comes from below and from above, so that doses of two
exposures add up exactly: one set of weights in bodies of 120 mm or less, one in those of 350 mm or
more, a mean of both between.
f = a + b W1 + c W2 + two bends + beam. W1 and W2 are the water-equivalent diameter, smoothed over
20 and over 100 mm along the body, and the bends begin at 180 and 300 mm; their coefficients are not
positive, so that with the generic body beam at 120 kV a larger patient never gets more dose. The
beam enters by three ratios of its CTDI (periphery to centre in the 32 cm and in the 16 cm phantom,
and 16 cm to 32 cm), their squares, and these times W1. CTDIvol is that of the 32 cm phantom; one
for 16 cm is converted by the beam's own ratio. The dose is that to the organ's tissue without
contrast agent. The law knows no HU, no position in the organ, no mean over the scan and no end of
the images.

**What it learned from.** {bodies} bodies of the project's own family, each followed by about
{photons:.0e} photons with the Monte Carlo engine of this package: {trunks} trunks ({trunk_children}
of them of children) and {heads} heads with neck ({head_children}). Of each, the dose of every organ
by every place of the tube (10 mm), fan angle and photon energy; twelve filters, half-value layers
of 6.5 to 9 mm Al at 120 kV and 70 to 150 kV are weighted sums of these. Seeds and recipe are
`Testing/Training/dose_learning_set.py`, the table is `learning_set.npz`. No published dose and no
patient is in the fit.

**Fit.** By organ, robust (Huber) bounded least squares of ln(dose) of a scan of the organ that goes
30 mm beyond it, with the generic body beam at 120 kV, each body the same weight; then the beam's
terms by size. The kernel's weights are those of non-negative least squares, to the response of the
organ by place of the tube. The quantile of the law's interval is that of bodies left out, ten
folds.
"""
_TAIL = """
**Where it does not hold.** Sizes and voltages outside the bodies' (refused, or flagged with the
distance); limbs; tin filters, two tubes at once and cone beams, whose beams it did not see; metal;
anatomy unlike the family's. Organs that fewer than {least} bodies have get no dose. Dose to bone is
not given: that to active marrow is.
"""


def card_text(
    trained: Trained,
    bodies: Sequence[LearnedBody],
    scores: Sequence[Score],
    of_real: Sequence[Score],
    digest: str,
) -> str:
    """Return the card, Markdown in ASCII."""
    trunks = [body for body in bodies if body.about["region"] == "trunk"]
    heads = [body for body in bodies if body.about["region"] != "trunk"]
    text = _HEAD.format(
        sha256=digest,
        lengths=", ".join(f"{length:.0f}" for length in LENGTHS_MM),
        bodies=len(bodies),
        photons=sorted(body.about["histories"] for body in bodies)[len(bodies) // 2],
        trunks=len(trunks),
        trunk_children=_children(trunks),
        heads=len(heads),
        head_children=_children(heads),
    )
    pooled = [one for one in scores if one.organ == ALL]
    text += (
        "\n**Bodies left out.** Median of |error| of the dose, the simulation's noise taken off;\n"
        "the beam is that of the simulation where nothing else is said. Coverage of the law's\n"
        "90 % interval, with the 95 % interval of that by drawing bodies. Where a part of an\n"
        "organ is irradiated, or scatter alone reaches it, the error is the kernel's alone.\n\n"
        "| bodies | doses | median, % | 90th percentile, % | coverage, % |\n"
        "|---|---|---|---|---|\n"
    )
    text += "".join(_pooled_row(one) for one in pooled)
    text += (
        "\n| region | organ | bodies | median, % | 90th percentile, % | coverage, % |\n"
        "|---|---|---|---|---|---|\n"
    )
    text += "".join(_organ_row(one) for one in scores if one.organ != ALL)
    if of_real:
        text += (
            "\n**Real CT** with machine-made labels, simulated as the bodies were: error of the law"
            "\n\n| organ | scans | median of error, % | median of abs error, % |\n"
            "|---|---|---|---|\n"
        )
        text += "".join(
            f"| {one.organ} | {one.number} | {one.bias_pct:+.1f} | {one.median_pct:.1f} |\n"
            for one in of_real
        )
    return text + _TAIL.format(least=LEAST_BODIES)


def _children(bodies: Sequence[LearnedBody]) -> int:
    return sum(body.about["age_y"] < ADULT_YEARS for body in bodies)


def _pooled_row(one: Score) -> str:
    low, high = one.coverage_ends_pct
    held = "-"
    if not math.isnan(one.coverage_pct):
        held = f"{one.coverage_pct:.0f} ({low:.0f} to {high:.0f})"
    return f"| {one.stratum} | {one.number} | {one.median_pct:.1f} | {one.p90_pct:.1f} | {held} |\n"


def _organ_row(one: Score) -> str:
    return (
        f"| {one.stratum} | {one.organ} | {one.number} | {one.median_pct:.1f} | "
        f"{one.p90_pct:.1f} | {one.coverage_pct:.0f} |\n"
    )
