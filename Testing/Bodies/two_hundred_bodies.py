"""Draws bodies over all ages and holds them against what is published of people.

    python Testing/Bodies/two_hundred_bodies.py [--count 200] [--processes 2] [--out FOLDER]

Each body is drawn with its spreads from a seed of its own. Written are ``bodies.csv`` (a row a
body: person, size of the belly, weight, points outside the skin) and ``masses.csv`` (a row an
organ: painted mass over what it aims at, and over ICRP's reference for the person). Printed is a
summary, which README.md beside this file quotes.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib.ct.organs import organs  # noqa: E402
from CTDoseSegLib.phantom.bodies.body import Body, Pose  # noqa: E402
from CTDoseSegLib.phantom.bodies.groups import groups_of  # noqa: E402
from CTDoseSegLib.phantom.bodies.masses import reference_mass_g  # noqa: E402
from CTDoseSegLib.phantom.bodies.painter import Painter  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.canvas import Canvas, Sampler  # noqa: E402

KNEE_TO_VERTEX = (-774.0, 484.0)  # of the reference adult: where a point could leave the skin
BELLY = -150.0  # level at which a waist is measured, above the iliac crest


def published_diameter_cm(person: Person) -> tuple[float, float]:
    """Return the effective diameter of the belly by weight and height, and its residual SD.

    NHANES 2015-2016: least squares on weight over height, by this project, from waist and sagittal
    diameter (from 8 years) or waist alone (2 to 7 years); below, the trunk of AAPM Report 204.
    """
    root = (person.weight_kg / (person.height_mm / 10)) ** 0.5
    if person.age_y >= 20:
        return (
            (-12.87 + 61.77 * root, 1.8) if person.sex == "male" else (-10.02 + 57.84 * root, 1.9)
        )
    if person.age_y >= 8:
        return -5.42 + 48.44 * root, 1.4
    if person.age_y >= 2:
        # Waist over pi is 1.1 cm more than the effective diameter at 8 years.
        return -5.45 + 53.29 * root - 1.1, 0.75
    x = person.age_y
    return 18.788598 + 0.19486455 * x**1.5 - 1.060056 * x**0.5 - 7.6244784 * np.exp(-x), 1.0


def belly(painter: Painter) -> tuple[float, float]:
    """Return effective and water-equivalent diameter of the belly, cm (AAPM Report 220)."""
    z, mm = float(painter.frame.z(BELLY)), 1.0
    count = 900
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = (-count / 2, -count / 2, z)
    drawn = Sampler(painter.canvas, affine).plane(np.arange(count), np.arange(count), 0)
    hu = np.array([m.hu for m in painter.canvas.materials])
    inside = drawn > 0
    water = float(((hu[drawn] + 1000) / 1000)[inside].sum())
    return 0.2 * (inside.sum() / np.pi) ** 0.5, 0.2 * (water / np.pi) ** 0.5


def outside_the_skin(painter: Painter) -> tuple[int, int]:
    """Return how many points of the body lie outside everything that skin was painted on."""
    skin = set(painter.of_atoms("skin"))
    canvas = painter.canvas
    chosen = [n for n, material in enumerate(canvas.paints()) if int(material) in skin]
    one = Canvas()
    material = one.material("skin", 0.0)
    for n in chosen:
        one.paint(canvas.shapes[n], material)
    low, high = (float(v) for v in painter.frame.z(np.array(KNEE_TO_VERTEX)))
    mm = (high - low) / 220
    half = int(330 / mm)
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = (-half * mm, -half * mm, low)
    body, bare = Sampler(canvas, affine), Sampler(one, affine)
    points = bad = 0
    at = np.arange(2 * half)
    for k in range(220):
        whole = body.plane(at, at, k) > 0
        points += int(whole.sum())
        bad += int((whole & (bare.plane(at, at, k) == 0)).sum())
    return bad, points


def one_body(seed: int) -> tuple[dict, list[dict]]:
    """Return the rows of a body."""
    start = time.process_time()
    person = Person.drawn(np.random.default_rng([seed, 200]))
    body = Body(person=person, seed=seed)
    painter = body.painted(Pose(couch=False))
    deff, wed = belly(painter)
    expected = published_diameter_cm(person)
    bad, points = outside_the_skin(painter)
    atoms = tuple(dict.fromkeys(m.atom for m in painter.canvas.materials if m.atom))
    known = set(organs())
    unknown = sorted(group for group in groups_of(atoms) if group not in known and
                     group not in atoms)  # fmt: skip
    row = {
        "seed": seed, "age_y": round(person.age_y, 2), "sex": person.sex,
        "height_cm": round(person.height_mm / 10, 1), "weight_kg": round(person.weight_kg, 2),
        "bmi": round(person.bmi, 1), "painted_kg": round(body.solution.body_g / 1000, 2),
        "fat_mm": round(body.solution.build.fat_mm, 1),
        "muscle": round(body.solution.build.muscle, 2),
        "deff_cm": round(deff, 1), "published_deff_cm": round(expected[0], 1),
        "published_sd_cm": expected[1], "wed_cm": round(wed, 1), "points_outside_skin": bad,
        "points": points, "materials": len(painter.tissues), "groups_unknown": " ".join(unknown),
        "cpu_s": round(time.process_time() - start, 1),
    }  # fmt: skip
    masses = [
        {
            "seed": seed, "organ": organ, "painted_g": round(mass, 2),
            "aim_g": round(body.masses_g[organ], 2),
            "reference_g": round(reference_mass_g(organ, person), 2),
        }
        for organ, mass in body.solution.masses_g.items()
        if body.masses_g.get(organ)
    ]  # fmt: skip
    return row, masses


def write(path: Path, rows: list[dict]) -> None:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def main() -> None:
    """Draw, write and summarise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("."))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict] = []
    masses: list[dict] = []
    with ProcessPoolExecutor(args.processes) as pool:
        for row, organs_of in pool.map(one_body, range(args.count)):
            rows.append(row)
            masses += organs_of
            write(args.out / "bodies.csv", rows)
            write(args.out / "masses.csv", masses)
    by_organ = defaultdict(list)
    for m in masses:
        by_organ[m["organ"]].append(
            (m["painted_g"] / m["aim_g"] - 1, m["aim_g"] / m["reference_g"])
        )
    print("| organ | painted over aim, median | within 15 % | largest | spread of the aim, ln |")
    print("|---|---|---|---|---|")
    for organ, pairs in sorted(by_organ.items()):
        off = np.array([p[0] for p in pairs])
        spread = float(np.std(np.log([p[1] for p in pairs])))
        worst = off[np.abs(off).argmax()]
        print(f"| {organ} | {np.median(off):+.1%} | {np.mean(np.abs(off) <= 0.15):.0%} | "
              f"{worst:+.0%} | {spread:.2f} |")  # fmt: skip
    excess_cm = np.array([r["deff_cm"] - r["published_deff_cm"] for r in rows])
    for name, low, high in (("0-2", 0, 2), ("2-8", 2, 8), ("8-20", 8, 20), ("20-90", 20, 91)):
        at = [n for n, r in enumerate(rows) if low <= r["age_y"] < high]
        if at:
            ratio = np.mean([rows[n]["wed_cm"] / rows[n]["deff_cm"] for n in at])
            print(
                f"{name} y: {len(at)} bodies, Deff minus published {excess_cm[at].mean():+.1f} cm, "
                f"SD {excess_cm[at].std():.1f} cm; WED over Deff {ratio:.3f}"
            )
    weight = np.array([r["painted_kg"] / r["weight_kg"] - 1 for r in rows])
    print(
        f"weight: median {np.median(weight):+.1%}, largest {weight[np.abs(weight).argmax()]:+.1%}"
    )
    bad = sum(r["points_outside_skin"] for r in rows)
    print(f"points outside the skin: {bad} of {sum(r['points'] for r in rows)}")
    print("groups without a row in the organ table:",
          sorted({g for r in rows for g in r["groups_unknown"].split()}))  # fmt: skip
    print(f"CPU {np.median([r['cpu_s'] for r in rows]):.0f} s a body")


if __name__ == "__main__":
    main()
