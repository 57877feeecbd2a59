"""Holds the painted spongiosa of each bone against where ICRP has the active marrow.

    python Testing/Bodies/marrow_of_bodies.py

Painted active marrow is what of a bone's spongiosa is neither mineral nor fat (`spongiosa.csv`).
Printed is, for each region of `marrow_shares.csv`, its share of all that is painted over ICRP's
share, and the volume of its spongiosa. README.md beside this file quotes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib.phantom.bodies.body import Body, Pose  # noqa: E402
from CTDoseSegLib.phantom.bodies.masses import marrow_shares  # noqa: E402
from CTDoseSegLib.phantom.bodies.painter import Painter  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.canvas import Sampler  # noqa: E402
from CTDoseSegLib.phantom.tissues import active_marrow_share  # noqa: E402

# Beginning of a bone's labels, by region of the table; upper and lower halves are one bone here.
REGIONS = {
    "skull": ("skull",), "mandible": ("mandible",), "scapulae": ("scapula",),
    "clavicles": ("clavicula",), "sternum": ("sternum",), "ribs": ("rib_",),
    "cervical_spine": ("vertebrae_C",), "thoracic_spine": ("vertebrae_T",),
    "lumbar_spine": ("vertebrae_L",), "sacrum": ("sacrum",), "hips": ("hip_",),
    "humeri": ("humerus",), "femora": ("femur",),
    "other": ("radius", "ulna", "hand", "patella", "tibia", "fibula", "foot"),
}  # fmt: skip
_OTHER = ("forearms", "hands", "lower_legs", "feet")
_HALVES = {"humeri": ("humeri_upper", "humeri_lower"), "femora": ("femora_upper", "femora_lower")}
BODIES = ((0, "female"), (1, "male"), (5, "male"), (10, "female"), (30, "female"), (30, "male"))


def reference_shares(age_y: float, sex: str) -> dict[str, float]:
    """Return ICRP's share of the active marrow by region."""
    shares = marrow_shares(age_y, sex)
    halves = {**_HALVES, "other": _OTHER}
    return {
        region: sum(shares.get(part, 0.0) for part in halves.get(region, (region,)))
        for region in REGIONS
    }


def painted(painter: Painter, parts: int = 260) -> tuple[dict[str, float], dict[str, float]]:
    """Return share of the active marrow and volume of spongiosa, ml, by region."""
    person = painter.frame.person
    step = person.height_mm / parts
    names = [m.atom or "" for m in painter.canvas.materials]
    counts = np.zeros(len(names))
    affine = np.diag([step, step, 2 * step, 1.0])
    low, half = float(painter.frame.z(-1285.0)), 0.42 * person.height_mm
    affine[:3, 3] = (-half, -half / 2, low)
    height = float(painter.frame.z(495.0)) - low
    arms = 0.35 * person.height_mm  # they may reach above the head
    sampler, x = Sampler(painter.canvas, affine), np.arange(int(2 * half / step))
    y = np.arange(int(half / step))
    for k in range(int((height + arms) / (2 * step))):
        counts += np.bincount(sampler.plane(x, y, k).ravel(), minlength=counts.size)
    marrow = dict.fromkeys(REGIONS, 0.0)
    volume = dict.fromkeys(REGIONS, 0.0)
    for n, (tissue, density, _) in enumerate(painter.tissues):
        region = next((r for r, starts in REGIONS.items() if names[n].startswith(starts)), None)
        if region and tissue.startswith("spongiosa_"):
            ml = counts[n] * 2 * step**3 / 1000
            volume[region] += ml
            marrow[region] += ml * density * active_marrow_share(tissue, person.age_y)
    total = sum(marrow.values())
    return {region: grams / total for region, grams in marrow.items()}, volume


def ratios(age_y: float, sex: str) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return painted over ICRP's share, ICRP's share, and volume, ml, by region."""
    body = Body(person=Person.of(age_y, sex), variation=0.0)
    shares, volume = painted(body.painted(Pose("down", couch=False)))
    wanted = reference_shares(age_y, sex)
    return (
        {region: shares[region] / wanted[region] for region in REGIONS if wanted[region] > 0},
        wanted,
        volume,
    )


def main() -> None:
    """Print the table."""
    columns = [ratios(*who) for who in BODIES]
    print("| region | " + " | ".join(f"{age} y {sex}" for age, sex in BODIES) + " |")
    print("|---|" + "---|" * len(BODIES))
    for region in REGIONS:
        cells = []
        for ratio, wanted, volume in columns:
            off = f"{ratio[region]:.2f}" if region in ratio else "none"
            cells.append(f"{off} ({100 * wanted[region]:.1f} %, {volume[region]:.0f} ml)")
        print(f"| {region} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
