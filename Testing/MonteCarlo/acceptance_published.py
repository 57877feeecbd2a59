"""Organ doses of the Monte Carlo engine beside published ones, and intervals against whole bodies.

    python Testing/MonteCarlo/acceptance_published.py [PART ...] [--images FOLDER] [--se 0.02]

Parts: sizes, measured, voltage, contrast, head, missing (all, if none is named). Everything is a
dose over CTDIvol (32 cm; 16 cm for heads) of the bodies of `CTDoseSegLib.phantom.bodies`. Images
are made once for a folder.

- sizes: five adults, chest and abdomen-pelvis from one run, beside Turner, Li and the 58 patients
  of Duke (simulations with other phantoms and scanners: no target).
- measured: lung in chest scans of an adult and a child of 6 years beside what Fujii et al. measured
  on four scanners (PMC3473380).
- voltage: from 80 to 140 kV at equal CTDIvol beside Huda 2010 (PMC2826387).
- contrast: organs with contrast agent over the same ones without it.
- head: the front of the eye, which holds the lens, in perfusion scans (table at rest) and in scans
  of the whole brain.
- missing: scans whose images end 40 mm short of the irradiated range, and whose field of view cuts
  15 % of the outline, against a run of the whole body.

Ends with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from missing_anatomy import CUTS, compared_with_whole  # noqa: E402
from simulated_bodies import RED_MARROW, Simulated, Subject  # noqa: E402
from targets import Reached, table, targets_table  # noqa: E402

from CTDoseSegLib.dosimetry.montecarlo.exposure import Exposure  # noqa: E402

Range = tuple[float, float]
ADULTS = (
    Subject("thin woman", 25, "female", bmi=17.0),
    Subject("woman", 35, "female"),
    Subject("man", 35, "male"),
    Subject("overweight man", 45, "male", bmi=30.0),
    Subject("obese man", 55, "male", bmi=42.0),
)
# Of CTDIvol, d is the effective diameter in cm.
TURNER_STOMACH = (3.780, 0.0113 * np.pi)
LI_LUNG = (np.exp(3.19) / 6.01, 0.035)
# ln(dose / CTDIvol) = slope d + constant (Sahbaee 2014 as a public database has it, two decimals).
DUKE = {
    "chest": {"lung": (-0.06, 1.92), "heart": (-0.06, 2.12), "esophagus": (-0.07, 2.06)},
    "abdomen-pelvis": {
        "liver": (-0.06, 1.75),
        "stomach": (-0.06, 1.84),
        "spleen": (-0.05, 1.54),
        "kidney": (-0.06, 1.82),
        "pancreas": (-0.06, 1.96),
        "colon": (-0.05, 1.73),
    },
}
# Fujii 2009: lung / CTDIvol of four makers; the beam here that is nearest to each.
FUJII_BEAMS = {
    "Toshiba 64": "Canon Aquilion ONE L",
    "GE 64": "GE VCT-like large",
    "Siemens 64": "Siemens Definition Flash W3",
    "Philips 64": "generic body",
}
FUJII = {"adult": (1.73, 1.40, 1.63, 1.38), "child": (8.8 / 3.5, 4.9 / 2.5, 16.1 / 6.7, 12.6 / 5.9)}
FUJII_SUBJECTS = {
    "adult": Subject("man of 170 cm and 60 kg", 35, "male", bmi=20.8, height_cm=170.0),
    "child": Subject("child, 6 y", 6, "male", slice_mm=5.0),
}
# Planned length and overranging of the four scanners, mm, both ends together.
FUJII_LENGTHS_MM = {
    "adult": ((305, 55), (300, 71), (300, 32), (260, 65)),
    "child": ((205, 95), (200, 34), (186, 32), (190, 70)),
}
FUJII_WITHIN = 0.20
HUDA = {"heart": 9.0, "breast": 19.0, RED_MARROW: 21.0}
HUDA_POINTS = 5.0
HUDA_RUNS = (
    (ADULTS[1], "generic body"),
    (ADULTS[1], "GE VCT-like large"),
    (ADULTS[1], "Siemens Definition Flash W3"),
    (ADULTS[2], "generic body"),
)
# Beam, voltage in kV, width that CTDIvol counts, how much wider the beam is, and its place above
# the lenses, mm.
PERFUSION = (
    ("generic head", 80.0, 28.8, 0.0, 0.0),
    ("generic head", 80.0, 40.0, 0.0, 0.0),
    ("generic head", 120.0, 40.0, 0.0, 0.0),
    ("Siemens Definition Flash W2", 80.0, 28.8, 0.0, 0.0),
    ("GE VCT-like small", 80.0, 40.0, 0.0, 0.0),
    ("generic head", 80.0, 28.8, 6.2, 0.0),
    ("Siemens Definition Flash W2", 80.0, 28.8, 6.2, 0.0),
    *(("generic head", 80.0, 28.8, 0.0, above) for above in (5.0, 10.0, 15.0, 20.0)),
    ("generic head", 80.0, 40.0, 0.0, 40.0),
)
LENS = ("anterior_eye_left", "anterior_eye_right")
LENS_PERFUSION, LENS_POINTS = (59.0, 63.0), 10.0
INSIDE_TARGET = 0.90


def trunk_scans(body: Simulated) -> dict[str, Exposure]:
    """Return the usual chest and abdomen-pelvis scan of a body."""
    lung = body.extent_mm("lung")
    low = body.extent_mm("hip_left")[0]
    high = body.extent_mm("liver")[1]
    return {
        "chest": body.exposure(lung[0] - 10, lung[1] + 10),
        "abdomen-pelvis": body.exposure(low, high + 10),
    }


def law(curve: tuple[float, float], d_cm: float) -> float:
    return curve[0] * float(np.exp(-curve[1] * d_cm))


def sizes(folder: Path, relative_se: float) -> list[Reached]:
    rows = []
    for subject in ADULTS:
        body = Simulated(subject, subject.images(folder))
        scans = trunk_scans(body)
        organs = {scan: tuple(DUKE[scan]) for scan in scans}
        doses = body.doses(scans, organs, relative_se=relative_se)
        for scan, exposure in scans.items():
            effective, wed = (mm / 10 for mm in body.size_mm(exposure))
            for organ in organs[scan]:
                value, error = doses[scan, organ]
                slope, constant = DUKE[scan][organ]
                other = ""
                if organ == "stomach":
                    other = f"{law(TURNER_STOMACH, effective):.2f} (Turner)"
                if organ == "lung":
                    other = f"{law(LI_LUNG, effective):.2f} (Li)"
                duke = float(np.exp(slope * effective + constant))
                size = f"{effective:.1f} / {wed:.1f}"
                here = f"{value:.2f} ({100 * error:.1f} %)"
                rows.append((subject.name, scan, size, organ, here, f"{duke:.2f}", other))
        print(f"{subject.name}: done", file=sys.stderr)
    heads = ("body", "scan", "effective diameter / WED, cm", "organ", "here (SE)", "Duke", "others")
    print("## Organ dose / CTDIvol, 120 kV, generic body beam, 25 mm of overranging at each end\n")
    print(*table(heads, rows), sep="\n")
    return []


def measured(folder: Path, relative_se: float) -> list[Reached]:
    def simulated(
        body: Simulated, planned: Range, beyond_mm: float, beam: str
    ) -> tuple[float, str]:
        found = body.doses(
            {"chest": body.exposure(*planned, beyond_mm=beyond_mm)},
            {"chest": ("lung",)},
            beam_name=beam,
            relative_se=relative_se,
        )
        here, error = found["chest", "lung"]
        return here, f"{here:.2f} ({100 * error:.1f} %)"

    return beside_fujii(folder, simulated, "here (SE)")


def beside_fujii(
    folder: Path, lung: Callable[[Simulated, Range, float, str], tuple[float, str]], name: str
) -> list[Reached]:
    """Print what `lung` gives beside what Fujii et al. measured, and return how far it is off.

    Parameters
    ----------
    lung
        Dose of the lung over CTDIvol, and how it is shown, of a body, its planned range and the
        overranging at each end, mm, and a beam's name.
    name
        Of its column.
    """
    print("\n## Lung / CTDIvol in chest scans, beside Fujii 2009\n")
    rows, figures = [], []
    for who, subject in FUJII_SUBJECTS.items():
        body = Simulated(subject, subject.images(folder))
        middle = float(np.mean(body.extent_mm("lung")))
        ratios = []
        for (scanner, beam), value, (planned, beyond) in zip(
            FUJII_BEAMS.items(), FUJII[who], FUJII_LENGTHS_MM[who], strict=True
        ):
            ends = (middle - planned / 2, middle + planned / 2)
            here, shown = lung(body, ends, beyond / 2, beam)
            ratios.append(here / value)
            off = f"{here / value - 1:+.0%}"
            rows.append((subject.name, scanner, beam, f"{value:.2f}", shown, off))
        mean = abs(float(np.mean(ratios) - 1))
        figures.append(
            Reached(f"lung, {who}: mean of four scanners off by", mean, FUJII_WITHIN, most=True)
        )
        far = max(abs(ratio - 1) for ratio in ratios)
        figures.append(Reached(f"lung, {who}: largest of the four", far, FUJII_WITHIN, most=True))
    print(*table(("body", "scanner", "beam here", "measured", name, "off"), rows), sep="\n")
    return figures


def voltage(folder: Path, relative_se: float) -> list[Reached]:
    print("\n## 80 to 140 kV at equal CTDIvol\n")
    rows, figures = [], []
    organs = {"chest": (*HUDA, "lung")}
    for subject, beam_name in HUDA_RUNS:
        body = Simulated(subject, subject.images(folder))
        scans = {"chest": trunk_scans(body)["chest"]}
        low, high = (
            body.doses(
                scans,
                organs,
                voltage_kV=voltage_kV,
                beam_name=beam_name,
                relative_se=relative_se / 2,
            )
            for voltage_kV in (80.0, 140.0)
        )
        for organ in organs["chest"]:
            (soft, soft_se), (hard, hard_se) = low["chest", organ], high["chest", organ]
            change = 100 * (hard / soft - 1)
            se = 100 * hard / soft * float(np.hypot(soft_se, hard_se))
            shown = f"{change:+.1f} % ({se:.1f})"
            published = HUDA.get(organ)
            beside = "" if published is None else f"+{published:.0f} %"
            doses = (f"{soft:.3f}", f"{hard:.3f}")
            rows.append((subject.name, beam_name, organ, *doses, shown, beside))
            if published is not None:
                what = f"{organ}, {subject.name}, {beam_name}: points off Huda 2010"
                off = abs(change - published)
                figures.append(Reached(what, off, HUDA_POINTS, most=True, digits=1))
    heads = ("body", "beam", "organ", "80 kV", "140 kV", "change (SE)", "Huda 2010")
    print(*table(heads, rows), sep="\n")
    return figures


def contrast(folder: Path, relative_se: float) -> list[Reached]:
    print("\n## With contrast agent over without, abdomen, 120 kV\n")
    organs = ("kidney", "liver", "spleen", "aorta", "pancreas")
    published = ("+37 to +71 %", "+21 to +35 %", "+26 to +30 %", "+34 %", "+24 %")
    base = Subject("man", 35, "male", region="abdomen")
    found, iodine = {}, {}
    for phase in ("none", "arterial", "portal"):
        subject = replace(base, body={"phase": phase})
        body = Simulated(subject, subject.images(folder))
        z = body.scan.series.z_mm
        scans = {"abdomen": body.exposure(float(z.min()), float(z.max()))}
        doses = body.doses(scans, {"abdomen": organs}, relative_se=relative_se / 2)
        found[phase] = {organ: doses["abdomen", organ] for organ in organs}
        iodine[phase] = body.patient.iodine_mg_ml
    rows = []
    for phase, (organ, beside) in product(
        ("arterial", "portal"), zip(organs, published, strict=True)
    ):
        (dose, se), (plain, plain_se) = found[phase][organ], found["none"][organ]
        change = f"{100 * (dose / plain - 1):+.0f} % ({100 * np.hypot(se, plain_se):.1f})"
        rows.append((phase, organ, f"{iodine[phase].get(organ, 0):.1f}", change, beside))
    print(*table(("phase", "organ", "mg I/ml", "here (SE)", "published"), rows), sep="\n")
    return []


def head(folder: Path, relative_se: float) -> list[Reached]:
    print("\n## Front millilitre of the eyes / CTDIvol (16 cm)\n")
    subject = Subject(
        *("man, head", 40, "male"),
        region="head",
        pixels=210,
        slice_mm=4.0,
        scanned={"arms": "down"},
    )
    body = Simulated(subject, subject.images(folder), phantom_cm=16)
    eye, lens, brain = (body.extent_mm(organ) for organ in ("eye", "eye_lens", "brain"))
    plane = float(np.mean(lens))
    rows, figures = [], []

    def front(
        scan: Exposure,
        width_mm: float,
        voltage_kV: float,
        error: float,
        *,
        at_rest: bool,
        beam: str = "generic head",
    ) -> tuple[float, float]:
        found = body.doses(
            {"head": scan},
            {"head": LENS},
            beam_name=beam,
            voltage_kV=voltage_kV,
            relative_se=error,
            collimation_mm=width_mm,
        )
        values, errors = np.array([found["head", name] for name in LENS]).T
        # At rest, CTDIvol is that of rotations side by side: it counts the beam's width.
        scale = width_mm / (scan.range_mm[1] - scan.range_mm[0]) if at_rest else 1.0
        return scale * float(values.mean()), float(np.linalg.norm(errors * values) / values.sum())

    for beam, voltage_kV, width, wider, above in PERFUSION:
        scan = body.exposure(plane + above, plane + above, 16, beyond_mm=0.5)
        value, error = front(
            scan, width + wider, voltage_kV, _lens_se(above), at_rest=True, beam=beam
        )
        # CTDIvol does not count the penumbra in its width, but its photons in its dose.
        value *= width / (width + wider)
        beside = "59 to 63 %" if above == 0 else ""
        setting = f"{beam}, {voltage_kV:.0f} kV, {width:g} mm"
        if wider:
            setting += f" counted, {width + wider:g} mm"
        what = f"perfusion, {setting} wide, {above:g} mm above the lenses"
        rows.append((what, f"{100 * value:.0f} % ({100 * error:.1f})", beside))
        if above == 0:
            off = max(LENS_PERFUSION[0] - 100 * value, 100 * value - LENS_PERFUSION[1], 0.0)
            name = f"lens, perfusion, {setting}: points off 59 to 63 %"
            figures.append(Reached(name, off, LENS_POINTS, most=True, digits=0))
    for what, above, beside in (
        (
            "whole brain, generic head, 120 kV, the orbit in the beam",
            min(eye[0], brain[0]) - plane,
            "81 to 103 %",
        ),
        (
            "whole brain, generic head, 120 kV, from 15 mm above the eyes",
            eye[1] + 15.0 - plane,
            "10 to 22 %",
        ),
    ):
        scan = body.exposure(plane + above, brain[1] + 10, 16, beyond_mm=10.0)
        value, error = front(scan, 20.0, 120.0, _lens_se(above), at_rest=False)
        rows.append((what, f"{100 * value:.0f} % ({100 * error:.1f})", beside))
    print(*table(("scan", "here (SE)", "published"), rows), sep="\n")
    return figures


def _lens_se(above_mm: float) -> float:
    """Return the error to aim at: scatter alone takes many photons."""
    return 0.03 if above_mm < 15.0 else 0.08


def missing(folder: Path, relative_se: float) -> list[Reached]:
    print("\n## Images that end short, or cut the outline, against the whole body's run\n")
    rows, inside, alone, number = [], 0, 0, 0
    for subject, cut in product((ADULTS[0], ADULTS[2], ADULTS[4]), CUTS):
        organs = compared_with_whole(subject, subject.images(folder), cut, relative_se)
        off = np.array([one.off for one in organs])
        held = np.array([one.held for one in organs])
        by_cut = np.array([one.held_alone for one in organs])
        alone += int(by_cut.sum())
        inside += int(held.sum())
        number += len(held)
        worst = organs[int(np.argmax(np.abs(off)))]
        missed = ", ".join(f"{one.organ} {one.off:+.0%}" for one in organs if not one.held)
        rows.append(
            (
                subject.name,
                cut,
                f"{held.sum()} of {len(held)}",
                f"{by_cut.sum()} of {len(held)}",
                f"{np.median(off):+.1%}",
                f"{np.quantile(off, 0.05):+.1%} to {np.quantile(off, 0.95):+.1%}",
                f"{worst.organ} {worst.off:+.0%}",
                missed or "-",
            )
        )
        print(rows[-1], file=sys.stderr)
    heads = (
        "body",
        "cut",
        "inside the interval",
        "by the cut alone",
        "median",
        "5 to 95 %",
        "largest",
        "outside",
    )
    print(*table(heads, rows), sep="\n")
    detail = f"{number} organs"
    return [
        Reached("organs inside the interval", inside / number, INSIDE_TARGET, detail=detail),
        Reached("by photons and missing anatomy alone", alone / number, detail=detail),
    ]


PARTS: dict[str, Callable[[Path, float], list[Reached]]] = {
    one.__name__: one for one in (sizes, measured, voltage, contrast, head, missing)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--images", type=Path, default=Path(tempfile.gettempdir()) / "mc_bodies")
    parser.add_argument("--se", type=float, default=0.02, help="relative standard error of organs")
    args = parser.parse_args()
    unknown = sorted(set(args.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; choose among {', '.join(PARTS)}")
    figures = [one for name in args.parts or PARTS for one in PARTS[name](args.images, args.se)]
    if figures:
        print("", *targets_table(figures), sep="\n")
    return int(any(one.met is False for one in figures))


if __name__ == "__main__":
    sys.exit(main())
