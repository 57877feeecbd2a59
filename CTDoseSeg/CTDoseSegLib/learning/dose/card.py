"""The dose model's card: what it learned from, how well it does, where it does not hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...dosimetry.fast.kernel import Kernel
from ...dosimetry.fast.model import NARROW, WIDE, RegionModel
from .arrays import CHEST_TOP_MM, END_MM, RegionArrays
from .card_tables import baseline_table, coverage_table, organ_table, region_table
from .coefficients import CTDIVOL_PER_MAS, LEAST_LOG_Q90, NOT_PREDICTED, SUSPECT
from .evaluation import OrganErrors
from .samples import KERNELS, SIZE_KERNELS

_HEAD = """\
---
name: CTDoseSeg organ doses, physical model
sha256: {sha256}
fold_seeds: {seeds}
licence: Apache-2.0
---
# Organ doses, physical model

Research software, not for clinical use. This page is written by `ctdoseseg train-dose`.

**Model.** D(z) = (K * mA)(z) exp(f). K is a sum of two-sided exponentials along the body,
{wide}, so that doses of two exposures add up and a tube
current more than 15 cm away hardly matters. f = a + b W1 + c W2 with b and c not positive: W1 is
the water equivalent diameter smoothed with {near}, W2 with
{far}. A larger patient never gets more dose. The model knows no HU, no position in the
organ, no absolute location, no mean over the scan and no end of the images.

**Narrow kernel.** {narrow}. They lie below the shoulders, whose tube
current a scan cropped to the organ does not know: an organ whose dose changes by more than 4 % on
average, over the patients that are fitted, when the scan is cropped to it, gets a kernel of
{narrow_kernel} instead. That costs it accuracy and buys robustness. It was fitted where the current
is uneven, and gives too much where it is even: {even}. The low ends
of its intervals reach down by as much.

**Outside an irradiated range** the wide kernel falls to {tail}
of the plateau at 0, 25, 50 and 75 mm from its edge; a quick Monte Carlo simulation of a 32 cm water
phantom gives 0.48, 0.19, 0.11 and 0.06. It was chosen for the doses of the training scans, whose
beam has a width and whose chest has lungs; the difference is within the uncertainty
component of 40 % for what is outside.

**Fit.** For each organ, robust (Huber, by patient and by row) bounded least squares of
ln(label / (K * mA)); each patient counts the same. The slopes b and c of an organ are then drawn
toward the median of its group (heart, lung, others; skin by itself), because half a hundred
patients show the slopes of one organ poorly.

**What was chosen, and how.** Candidates were compared by the primary figure below on fold seeds
100 to 107, the figures reported are of seeds {seeds_text}: the same patients in other folds, so
that they are optimistic by what a choice among about sixty forms can gain{nested}.
Compared were kernels of 12 to 80 mm (exponential, Gaussian, box), a
second size term, slopes that change with size, terms of HU, SD of HU and position (up to the
fourth power, also with size and HU), ln(size), Huber constants, the limit of hidden factors, and
the strength of drawing together. Terms of HU and of position made doses of patients left out worse
or no better in the mean over organs and were dropped (the pancreas would gain 1 to 2 points with
them); the slices' errors grow by half a point without position.

**Training data.** The arrays of Tzanis and Damilakis, European Radiology 2024 (Apache-2.0; Monte
Carlo doses, one scanner and protocol, 120 kV, 0.5 s rotation), less patients held back for
acceptance:
"""

_DEFECTS = """\

**What is wrong with the training data, and what was done.**
- The simulated beam starts inside the images, which no scanner does: rows within {top:g} mm of the
  chest's upper end and {end:g} mm of any other end are left out ({end_slices} slices in all).
- Not predicted: {not_predicted}.
- Suspect rows, predicted with a warning: {suspect}.
- Air in an organ was scored as nearly no dose: labels of lung fall from full at -830 HU to 0.3 at
  -900 HU, alike in every lobe, and those of bowel with much gas likewise. Dose to tissue does not
  fall with density (an interpretation: the simulation's settings are not known). The fall is
  fitted as a term of the label and left out of the dose that is given: "labelled" errors include
  the term, "tissue" errors compare the given dose with the label as it is. So the dose given for
  an emphysematous lung lobe lies above what the published models predict, by half and more for
  single lobes; the low ends of both intervals reach down to the label, and a flag gives the dose
  with the term.
- Patients with a hidden factor of their own, shared by all organs, cause unknown: {mixture}.
  A factor over 12 % is taken out before fitting, so that the coefficients
  describe the majority. Nothing is taken out when errors and the intervals by effective mAs are
  made, and nothing that the model may see shows who such a patient is: hence the abdomen's mean
  error is twice its median and its interval by mAs wide. As the factor is common to all organs it
  is a scale of the exposure, and CTDIvol measures the exposure: the abdomen's intervals for doses
  by CTDIvol are made from labels divided by it, estimated for every organ from the patient's other
  organs; factors of 12 % and less stay in, since they may be the model's own error. (Three patients
  reconstructed at 0.6 and 1.25 mm have such a factor; three are too few to learn from.)
- The labels are means over the slices' voxels, rounded to 0.1 mGy, and presume one mean tube
  current for the whole scan; the arrays carry no areas, so the headline dose (weighted by area and
  density) was not calibrated itself.

**Primary figure**, declared beforehand: mean over organs of the median over patients of the error
of the organ's mean dose over its interior slices, patients left out (5 folds by patient), mean over
{count} fold seeds; 95 % limits by bootstrap over patients ({draws} draws). "Labelled" is the
prediction of the label, its air term included, "as given" the dose that a user gets.

"""

_NETWORKS = """
**The published network** (5-512-256-128-64-1), trained anew on the same rows and folds (seed
{first}, one training a fold), beside the model on the same organs, patients and folds; the
difference is the model's figure minus the network's, its limits by paired bootstrap over patients.
Its 90 % intervals are conformal, made as the model's. Interval score: width plus 20 times what the
label lies outside, per cent of the label, smaller is better. Long trainings were done for the
organs, and folds, that are counted.

"""

_COVERAGE = """
**90 % intervals of the model alone**, made from the other folds: how many labels they hold, per
cent, mean over organs and seeds, by tertiles of the patients' size, for doses by effective mAs. "By
CTDIvol" is the same without hidden factors, with 95 % limits by bootstrap over patients, and the
mean half-width in ln(dose). The mean dose of the slices
near an end is another matter: the simulated beam's edge is there. "Range known" predicts them with
the range that was simulated (in the chest its upper edge 41 mm inside the images), the interval
being that of interior slices; "own" is what an interval made from such slices would cover. **The
model's interval does not hold for organs at the ends of the simulated beam.** The total interval
has an uncertainty component of its own for the irradiated range there.

"""

_ORGANS = """
**Organ by organ** (means over seeds). "Interval" is the 90 % conformal interval of the model alone
as factors on the dose as given (median over patients), for doses by effective mAs; "by CTDIvol" the
half-width in ln(dose) for those by CTDIvol, and how many labels it holds. Patients outside the
training arrays were further off than these in the esophagus: its intervals have half-widths of
{esophagus:g} at least. "Crop" is the mean change (absolute; signed)
of the dose when the scan is cropped to the organ +- 10 mm; "published" is the network, 30 epochs.

"""

_REFERENCES = """
Its authors trained the published networks for 2,000 epochs and scored them on 17 + 22 other
patients, which are not public: medians lung vessels 4.3, small bowel 4.7, pulmonary artery 4.7,
colon 5.2, stomach 11.6, pancreas 12.1, spleen 13.1, right upper lobe 13.3 %.

**Transfer.** CTDIvol (32 cm) over {ctdivol_per_mas:g} mGy/mAs stands for the training scanner's
effective mAs at 120 kV. That scanner's CTDIvol was not published. The value makes doses agree with
the size-dependent organ coefficients of Li et al. 2012 (lung 0.075 to 0.083, stomach 0.070 to
0.078) and counts as uncertain by 17 % (k = 1), a component common to all organs; version 2.0 had
0.061 in the chest and 0.068 in the abdomen, which made doses about equal to SSDE, and 25 and 12 %
higher. Effective mAs alone is the fallback, 30 % (k = 1).

**Irradiated range.** Known: beyond its edges scatter alone, as the kernel falls off, with 40 % for
the part of an organ outside; a range that was not typed is widened at each end by half the total
collimation (15 mm where that is not known). Not known: every slice counts as inside, with a wider
interval near the ends of the images.

**Where it does not hold.** Children, head and limbs, ECG-gated and dual-source scans without
CTDIvol, patients smaller or larger at an organ than any training patient: refused. Sizes that few
training patients had, pregnancy (the mother's organs alone), other tube voltages, contrast,
truncated bodies, organs cut by the scan: given with a warning. `skin` is the mean over
the skin in the scanned range, neither whole-body nor peak skin dose.
"""

# What a nested choice gave (research, not repeated by train-dose); see the card's text.
NESTED = ""


def write_card(
    sha256: str,
    models: Mapping[str, RegionModel],
    arrays: Mapping[str, RegionArrays],
    errors: Sequence[OrganErrors],
    baseline: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
) -> str:
    """Return the model card's text; its front matter holds the SHA-256 of the model file."""
    from .evaluation import DRAWS

    ends = sum(a.counts["end_slices"] for a in arrays.values())
    reasons = "; ".join(f"{organ} ({why})" for organ, why in NOT_PREDICTED.items())
    near, far = SIZE_KERNELS
    return "".join(
        (
            _HEAD.format(
                sha256=sha256,
                seeds=list(seeds),
                seeds_text=f"{min(seeds)} to {max(seeds)}",
                wide=_text(KERNELS[WIDE]),
                narrow_kernel=_text(KERNELS[NARROW]),
                near=_text(near),
                far=_text(far),
                narrow=_narrow(models),
                even=_even(models),
                tail=", ".join(f"{_tail(x):.2f}" for x in (0.0, 25.0, 50.0, 75.0)),
                nested=NESTED,
            ),
            *(_counted(region, a) for region, a in arrays.items()),
            _DEFECTS.format(
                top=CHEST_TOP_MM,
                end=END_MM,
                end_slices=ends,
                not_predicted=reasons,
                suspect=", ".join(SUSPECT),
                mixture="; ".join(_mixture(r, f["mixture"]) for r, f in figures.items()),
                count=len(seeds),
                draws=DRAWS,
            ),
            region_table(figures),
            _NETWORKS.format(first=seeds[0]) if baseline else "",
            baseline_table(figures) if baseline else "",
            _COVERAGE,
            coverage_table(figures),
            _ORGANS.format(esophagus=LEAST_LOG_Q90["esophagus"]),
            organ_table(errors, baseline, models),
            _REFERENCES.format(ctdivol_per_mas=CTDIVOL_PER_MAS),
        )
    )


def _text(kernel: Kernel) -> str:
    return " + ".join(f"{weight:g} of {length:g} mm" for weight, length in kernel)


def _narrow(models: Mapping[str, RegionModel]) -> str:
    organs = [o for m in models.values() for o, v in m.organs.items() if v.kernel != m.kernel]
    return ", ".join(organs) or "No organ"


def _even(models: Mapping[str, RegionModel]) -> str:
    rises = {o: v.even_current_log for m in models.values() for o, v in m.organs.items()}
    return ", ".join(f"{o} {100 * math.expm1(x):.0f} %" for o, x in rises.items() if x) or "none"


def _mixture(region: str, m: Mapping[str, int]) -> str:
    return (
        f"{region}, {m['hidden_low']} of {m['patients']} lie over 12 % below the others and "
        f"{m['hidden_high']} above"
    )


def _tail(outside_mm: float) -> float:
    """Return the part of the plateau's dose at a distance outside the irradiated range."""
    return sum(weight * math.exp(-outside_mm / length) for weight, length in KERNELS[WIDE]) / 2


def _counted(region: str, arrays: RegionArrays) -> str:
    c = arrays.counts
    total = {
        what: sum(n for name, n in c.items() if name.startswith(f"{what}:"))
        for what in ("rows", "unmatched", "ambiguous", "nan")
    }
    return (
        f"- {region}: {c['patients']} patients in {c['blocks']} blocks ({c['merged_blocks']} "
        f"simulated twice and merged), {c['slices']} slices; {total['rows']} organ rows matched by "
        f"their exact key, {total['unmatched']} without a slice, {total['ambiguous']} ambiguous, "
        f"{total['nan']} with missing values.\n"
    )
