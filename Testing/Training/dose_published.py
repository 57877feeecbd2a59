"""The law beside published organ doses, measured ones, and published factors for effective dose.

    python Testing/Training/dose_published.py [PART ...] [--work FOLDER] [--simulate]

Parts: organs, voltage, measured, effective (all, if none is named). CTDIvol is that of the 32 cm
phantom where nothing else is said, 25 mm of overranging at each end, generic body beam at 120 kV.

- organs: five adults without random variation (`Testing/MonteCarlo/acceptance_published.py`), a
  chest and an abdomen-pelvis scan each; dose over CTDIvol beside Duke's 58 patients, Li 2011 and
  Turner 2010 (simulations, with other beams: see there). With --simulate the same scans by the
  Monte Carlo engine to 1 %, which takes ten minutes.
- voltage: the change from 80 to 140 kV at equal CTDIvol beside Huda 2010.
- measured: lung in chest scans of an adult and a child of 6 years beside what Fujii et al. 2009
  measured on four scanners, each with the beam here that is nearest to it.
- effective: effective dose with the weights of ICRP 103 over DLP beside the factors of Lee 2012.
  Children's and heads' are per DLP of the 16 cm phantom. The images hold the whole trunk, or head
  and neck, and the scan is a part of it, so that the sum goes over whole organs with their scatter,
  and leaves out what the images do not hold (brain, testes, skin and bone surface of trunks; all
  below the neck of heads). The product sees the scanned part alone, offers no value below 80 % of
  the weights, and adds half of what the rest may at most add.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
for folder in ("CTDoseSeg", "Testing/support", "Testing/MonteCarlo"):
    sys.path.insert(0, str(ROOT / folder))

from acceptance_published import (  # noqa: E402
    ADULTS,
    DUKE,
    HUDA,
    LI_LUNG,
    RED_MARROW,
    TURNER_STOMACH,
    Range,
    beside_fujii,
    law,
    trunk_scans,
)
from simulated_bodies import Simulated, Subject  # noqa: E402
from targets import Reached, table, targets_table  # noqa: E402

from CTDoseSegLib.dosimetry.doses import DoseResult  # noqa: E402
from CTDoseSegLib.dosimetry.fast.along_body import AlongBody  # noqa: E402
from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms  # noqa: E402
from CTDoseSegLib.dosimetry.fast.engine import FastEngine, load_model  # noqa: E402
from CTDoseSegLib.dosimetry.fast.organ import organ_dose  # noqa: E402
from CTDoseSegLib.dosimetry.fast.scaling import scaling_bases  # noqa: E402
from CTDoseSegLib.dosimetry.fast.uncertainty import SHARED_BY  # noqa: E402
from CTDoseSegLib.dosimetry.k_factors import all_factors  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.beams import model_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.marrow import seen_marrow_share  # noqa: E402
from CTDoseSegLib.dosimetry.scan import Scan  # noqa: E402
from CTDoseSegLib.dosimetry.size_specific_effective_dose import (  # noqa: E402
    size_specific_effective_dose,
)
from CTDoseSegLib.dosimetry.tissue_doses import Patient, TissueDose, tissue_doses  # noqa: E402

CHILDREN = tuple(
    Subject(f"child, {age} y", age, sex, slice_mm=slice_mm)
    for age, sex, slice_mm in (
        (1, "female", 4.0), (5, "male", 5.0), (10, "female", 6.0), (15, "male", 8.0),
    )
)  # fmt: skip
HEADS = tuple(
    Subject(
        *(f"{name}, head", age, sex),
        region="head_neck",
        pixels=210,
        slice_mm=4.0,
        scanned={"arms": "down"},
    )
    for name, age, sex in (
        ("man", 40, "male"), ("woman", 40, "female"), ("child of 1 y", 1, "female"),
        ("child of 5 y", 5, "male"), ("child of 10 y", 10, "female"),
    )
)  # fmt: skip
LEE = "Lee 2012"
LEE_WITHIN = 0.20
# Scan to its name in the table of factors.
LEE_RANGES = {
    "chest": "chest",
    "abdomen-pelvis": "abdomen and pelvis",
    "chest-abdomen-pelvis": "trunk",
}
# Of scans of heads, which are rarely helical.
_HEAD_BEYOND_MM = 10.0


@dataclass(frozen=True)
class EffectiveDose:
    """Effective dose of a scan of a body.

    Attributes
    ----------
    dlp_mGy_cm
        Of the 32 cm phantom, of the 16 cm one for heads; overranging counts.
    tissues
        By the images of the whole trunk, or of head and neck.
    offered_mSv
        By the scanned images alone, as the product has it; None where it offers none.
    offered_share
        Part of the weights that it has there.
    """

    dlp_mGy_cm: float
    tissues: tuple[TissueDose, ...]
    offered_mSv: float | None
    offered_share: float


def scan_over(
    body: Simulated, range_mm: Range, voltage_kV: float = 120.0, *, cut: bool = False
) -> Scan:
    """Return the body's scan with this range; `cut`: with the images in it alone."""
    if cut:
        z = body.scan.series.z_mm
        inside = np.flatnonzero((z >= range_mm[0]) & (z <= range_mm[1]))
        part = (slice(int(inside.min()), int(inside.max()) + 1), slice(None), slice(None))
        phantom_cm = body.scan.series.acquisition.phantom_cm or 32
        images = (body.scan.series, body.scan.labelmap)
        body = Simulated(body.subject, images, phantom_cm=phantom_cm, part=part)
    series = body.scan.series
    acquisition = replace(
        series.acquisition,
        kvp_kV=voltage_kV,
        irradiated_range_mm=range_mm,
        sources={"irradiated_range_mm": "user"},
    )
    return body.scan.exposed_as(replace(series, acquisition=acquisition))


def law_of(scan: Scan) -> DoseResult:
    """Return the law's doses for 1 mGy of CTDIvol."""
    return FastEngine(load_model()).estimate(scan)


def doses(body: Simulated, range_mm: Range, voltage_kV: float) -> dict[str, float]:
    """Return the law's dose per CTDIvol of every organ that it gives one."""
    organs = law_of(scan_over(body, range_mm, voltage_kV)).organs
    return {o.organ: o.dose_mGy for o in organs if o.dose_mGy is not None}


def dose_with(body: Simulated, range_mm: Range, beam_name: str, region: str, organ: str) -> float:
    """Return the law's dose per CTDIvol of an organ with a beam of this name at 120 kV."""
    along = AlongBody.of(scan_over(body, range_mm))
    terms = beam_terms(model_of(beam_name), 120.0)
    along = replace(along, terms=terms, bases=scaling_bases(along.scan, terms))
    shared = load_model().regions[region]
    found = organ_dose(along, shared, shared.organs[organ], along.scan.organs[organ]).dose_mGy
    return math.nan if found is None else found


def organs(work: Path, simulate: bool) -> list[Reached]:
    print("## Organ dose / CTDIvol, 120 kV, generic body beam\n")
    heads = ("body", "scan", "effective diameter / WED, cm", "organ", "law", "engine", "Duke")
    rows, off = [], []
    for subject in ADULTS:
        body = Simulated(subject, subject.images(work))
        scans = trunk_scans(body)
        simulated = {}
        if simulate:
            asked = {scan: tuple(DUKE[scan]) for scan in scans}
            simulated = body.doses(scans, asked, relative_se=0.01)
        for scan, exposure in scans.items():
            by_law = doses(body, exposure.range_mm, 120.0)
            effective, wed = (mm / 10 for mm in body.size_mm(exposure))
            for organ, (slope, constant) in DUKE[scan].items():
                if organ not in by_law:
                    continue
                engine, _ = simulated.get((scan, organ), (math.nan, 0.0))
                off.append(by_law[organ] / engine)
                other = {"stomach": (TURNER_STOMACH, "Turner"), "lung": (LI_LUNG, "Li")}.get(organ)
                rows.append(
                    [
                        subject.name,
                        scan,
                        f"{effective:.1f} / {wed:.1f}",
                        organ,
                        f"{by_law[organ]:.2f}",
                        "" if math.isnan(engine) else f"{engine:.2f}",
                        f"{math.exp(slope * effective + constant):.2f}",
                        "" if other is None else f"{law(other[0], effective):.2f} ({other[1]})",
                    ]
                )
    print("\n".join(table((*heads, "others"), rows)))
    if simulate:
        away = 100 * (np.array(off) - 1)
        print(
            f"\nlaw against engine, {len(away)} doses: median {np.median(away):+.1f} %, median of "
            f"absolute values {np.median(np.abs(away)):.1f} %, largest {np.abs(away).max():.1f} %"
        )
    return []


def voltage(work: Path, simulate: bool) -> list[Reached]:
    print("\n## From 80 to 140 kV at equal CTDIvol, woman, chest scan\n")
    body = Simulated(ADULTS[1], ADULTS[1].images(work))
    chest = trunk_scans(body)["chest"].range_mm
    low, high = (doses(body, chest, kV) for kV in (80.0, 140.0))
    changes = []
    for organ, published in HUDA.items():
        name = "red_marrow" if organ == RED_MARROW else organ
        if name in low:
            change = 100 * (high[name] / low[name] - 1)
            changes.append([organ, f"{change:+.0f} %", f"{published:+.0f} %"])
    print("\n".join(table(("organ", "law", "Huda 2010"), changes)))
    return []


def measured(work: Path, simulate: bool) -> list[Reached]:
    def by_law(body: Simulated, planned: Range, beyond_mm: float, beam: str) -> tuple[float, str]:
        low, high = planned
        here = dose_with(body, (low - beyond_mm, high + beyond_mm), beam, "chest", "lung")
        return here, f"{here:.2f}"

    return beside_fujii(work, by_law, "law")


def effective(work: Path, simulate: bool) -> list[Reached]:
    print("\n## Effective dose (ICRP 103) / DLP, 120 kV, beside Lee 2012, mSv/(mGy cm)\n")
    rows, figures = [], []
    adults = ("adults", (ADULTS[2], ADULTS[1]), None)
    for name, subjects, age in (adults, *((one.name, (one,), one.age_y) for one in CHILDREN)):
        bodies = [Simulated(one, one.images(work)) for one in subjects]
        for scan in LEE_RANGES:
            found = [effective_of(body, _trunk_range(body, scan)) for body in bodies]
            rows.append(_beside(name, scan, age, found, figures))
    adults = ("adults", HEADS[:2], None)
    for name, subjects, age in (adults, *((one.name, (one,), one.age_y) for one in HEADS[2:])):
        bodies = [Simulated(one, one.images(work), phantom_cm=16) for one in subjects]
        found = [effective_of(body, _head_range(body)) for body in bodies]
        rows.append(_beside(name, "head", age, found, figures))
    heads = ("body", "scan", "CTDI phantom", "law, whole organs", LEE, "off")
    more = ("part of the weights", "the rest adds at most", "by the scanned images alone (part)")
    print(*table((*heads, *more), rows), sep="\n")
    return figures


def effective_of(body: Simulated, range_mm: Range) -> EffectiveDose:
    """Return the effective dose of a scan of a part of a body, for 1 mGy of CTDIvol."""
    scan, seen = scan_over(body, range_mm), scan_over(body, range_mm, cut=True)
    acquisition = scan.series.acquisition
    age, sex = acquisition.age_years, acquisition.sex
    offered = size_specific_effective_dose(
        DoseResult(law_of(seen).organs, shared_by=SHARED_BY),
        age_years=age,
        sex=sex,
        marrow_share=seen_marrow_share(seen),
    )
    return EffectiveDose(
        (range_mm[1] - range_mm[0]) / 10.0,
        tissue_doses(law_of(scan).organs, Patient(age, sex, seen_marrow_share(scan))),
        offered.value_mSv,
        offered.predicted_share,
    )


def _beside(
    name: str, scan: str, age: float | None, found: list[EffectiveDose], figures: list[Reached]
) -> tuple[str, ...]:
    """Return a row of the table, and add to the figures; means of several bodies.

    What a man or a woman alone has counts once, as it has half a tissue's weight.
    """
    small = scan != "head" and age is not None
    # CTDIvol of the 16 cm phantom is the greater one.
    scale = 1.0 / beam_terms(model_of("generic body"), 120.0).w16_over_w32 if small else 1.0
    predicted = bound = share = 0.0
    for row in zip(*(one.tissues for one in found), strict=True):
        pairs = list(zip(row, (one.dlp_mGy_cm for one in found), strict=True))
        pairs = [pair for pair in pairs if pair[0].by_organ_mGy] or pairs
        predicted += float(np.mean([tissue.predicted_mSv / dlp for tissue, dlp in pairs]))
        bound += float(np.mean([tissue.bound_mSv / dlp for tissue, dlp in pairs]))
        share += float(np.mean([tissue.tissue.weight * tissue.share for tissue, _ in pairs]))
    published = lee(LEE_RANGES.get(scan, scan), age)
    off = scale * predicted / published - 1
    what = f"effective dose / DLP, {name}, {scan}: off {LEE} by"
    figures.append(Reached(what, abs(off), LEE_WITHIN, most=True))
    values = [one.offered_mSv / one.dlp_mGy_cm for one in found if one.offered_mSv is not None]
    alone = f"{scale * np.mean(values):.4f}" if values else "none"
    if 0 < len(values) < len(found):
        alone += f", {len(values)} of {len(found)} bodies"
    shares = np.mean([one.offered_share for one in found])
    phantom = "16 cm" if small or scan == "head" else "32 cm"
    return (
        *(name, scan, phantom, f"{scale * predicted:.4f}", f"{published:.4f}", f"{off:+.0%}"),
        *(f"{share:.2f}", f"{scale * bound:.4f}", f"{alone} ({shares:.2f})"),
    )


def lee(scanned_range: str, age: float | None) -> float:
    """Return the factor of Lee 2012 at 120 kV."""
    wanted = (scanned_range, age, 120.0, LEE)
    return next(
        one.k_mSv_per_mGy_cm
        for one in all_factors()
        if (one.scanned_range, one.age_years, one.kvp_kV, one.source) == wanted
    )


def _trunk_range(body: Simulated, scan: str) -> Range:
    scans = trunk_scans(body)
    if scan in scans:
        return scans[scan].range_mm
    return scans["abdomen-pelvis"].range_mm[0], scans["chest"].range_mm[1]


def _head_range(body: Simulated) -> Range:
    low, high = body.extent_mm("brain")
    return low - _HEAD_BEYOND_MM, high + _HEAD_BEYOND_MM


PARTS: dict[str, Callable[[Path, bool], list[Reached]]] = {
    one.__name__: one for one in (organs, voltage, measured, effective)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "adults")
    parser.add_argument("--simulate", action="store_true")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; choose among {', '.join(PARTS)}")
    parts = options.parts or PARTS
    figures = [one for part in parts for one in PARTS[part](options.work, options.simulate)]
    if figures:
        print("", *targets_table(figures), sep="\n")


if __name__ == "__main__":
    main()
