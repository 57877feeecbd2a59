"""How well the engines that come with CTDoseSeg segment bodies of any age, sex and size.

python Testing/Bodies/segmentation_of_bodies.py [--out Testing/Bodies/segmentation.csv]

Threshold-based segmentation was made for adults; the bundled UNet was trained on six CT volumes and
on an adult phantom, 0.78 to 1.2 times its size. Neither was trained or tuned on these bodies. Each
body is scanned once (256 x 256 pixels, 5 mm); labels are exact. A row is written as soon as it is
known and is not computed again: delete the file to begin anew.

Dice by organ. An organ that is not in the scan but was drawn has a Dice of 0; one that is in
neither has none. ``trachea`` is trachea and bronchi, as both engines draw them; teeth and a
prosthesis count for nobody. ``couch_pct`` is what of couch and headrest lies in the body found, in
per cent of it. ``blood_as_bone_pct`` and ``blood_as_liver_pct`` are what of heart and great vessels
was taken for bone or liver, in per cent of their volume, in scans with contrast.
``organ_as_liver_pct`` is what of heart and kidneys was taken for liver or spleen, in per cent of
their volume. A column is empty for an engine that draws no such organ.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib.ct.organs import OUTSIDE_BODY  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.errors import CTDoseSegError  # noqa: E402
from CTDoseSegLib.learning.unet.metrics import dice  # noqa: E402
from CTDoseSegLib.phantom.bodies.body import Body  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.phantom import (  # noqa: E402
    Phantom,
    PhantomTruth,
    phantom_series,
)
from CTDoseSegLib.segmentation.atoms import groups_of  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Labelmap  # noqa: E402
from CTDoseSegLib.segmentation.segmenting import segment  # noqa: E402
from CTDoseSegLib.segmentation.unet.doubts import why_not_used  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import SPEC_FILE, UNetSpec, bundled_folder  # noqa: E402

ENGINES = ("threshold", "unet")
# Organ of a result to the groups of the truth that it stands for.
ORGANS = {
    "body": ("body",),
    "lung": ("lung",),
    "lung_left": ("lung_left",),
    "lung_right": ("lung_right",),
    "trachea": ("lung_trachea_bronchia",),
    "bone": ("bone",),
    "liver": ("liver",),
    "spleen": ("spleen",),
    "stomach": ("stomach",),
    "kidney": ("kidney",),
    "heart": ("heart",),
    "aorta": ("aorta",),
    "urinary_bladder": ("urinary_bladder",),
    "brain": ("brain",),
}
UNDECIDED = {"bone": ("teeth", "hip_prosthesis_left")}
THRESHOLD_DRAWS = ("body", "lung", "lung_left", "lung_right", "trachea", "bone")
NOT_SHOWN = ("lung_left", "lung_right")
SOLID = ("heart", "kidney")  # what must be neither liver nor spleen
BLOOD = ("heart", "vessels", "aorta", "pulmonary_artery", "superior_vena_cava")
BLOOD += ("inferior_vena_cava", "portal_vein_and_splenic_vein", "iliac_artery_left")
BLOOD += ("iliac_artery_right", "iliac_vena_left", "iliac_vena_right")
WHO = ("body", "region", "age_y", "sex", "bmi", "phase", "engine")
MEASURED = ("couch_pct", "blood_as_bone_pct", "blood_as_liver_pct", "organ_as_liver_pct")
FIGURES = tuple(f"{o}_{what}" for o in ORGANS for what in ("dice", "true_ml", "found_ml"))
COLUMNS = (*WHO, *FIGURES, *MEASURED, "flags", "not_used_by_auto", "error")


@dataclass(frozen=True)
class Scan:
    """A scan of a body; `more` is what else of the body, `scanned` what else of the phantom."""

    name: str
    region: str
    age_y: float
    sex: str
    bmi: float | None = None
    phase: str = "none"
    more: dict[str, Any] = field(default_factory=dict)
    scanned: dict[str, Any] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        """Who it is."""
        return Person.of(self.age_y, self.sex, bmi=self.bmi)

    def made(self) -> tuple[CTSeries, PhantomTruth]:
        """Return the image and its labels."""
        seed = 1 + SCANS.index(self)
        body = Body(person=self.person, seed=seed, phase=self.phase, **self.more)
        return phantom_series(
            Phantom.of_body(body, self.region, pixels=256, slice_mm=5.0, seed=seed, **self.scanned)
        )

    def about(self) -> dict[str, Any]:
        """Return what a row says of it."""
        return dict(
            zip(
                WHO[:-1],
                (
                    self.name,
                    self.region,
                    self.age_y,
                    self.sex,
                    f"{self.person.bmi:.1f}",
                    self.phase,
                ),
                strict=True,
            )
        )


DOWN = {"arms": "down"}
SCANS = (
    Scan("man", "trunk", 35, "male"),
    Scan("woman", "trunk", 35, "female"),
    Scan("woman, arms down", "trunk", 45, "female", scanned=DOWN),
    Scan("thin woman", "trunk", 25, "female", bmi=17),
    Scan("obese man", "trunk", 55, "male", bmi=42),
    Scan("obese woman", "abdomen_pelvis", 50, "female", bmi=48),
    Scan("newborn", "trunk", 0, "female"),
    Scan("child, 1 y", "chest", 1, "male"),
    Scan("child, 5 y", "trunk", 5, "female"),
    Scan("child, 10 y", "abdomen_pelvis", 10, "male"),
    Scan("youth, 15 y", "trunk", 15, "male"),
    Scan("man, pelvis", "pelvis", 60, "male"),
    Scan("man, hip prosthesis", "pelvis", 70, "male", more={"implants": ("hip_prosthesis_left",)}),
    Scan("man, head", "head", 40, "male", scanned=DOWN),
    Scan("woman, head and neck", "head_neck", 50, "female", scanned=DOWN),
    Scan("child, 5 y, head", "head", 5, "male", scanned=DOWN),
    Scan("newborn, head", "head", 0, "male", scanned=DOWN),
    Scan("man, portal", "trunk", 60, "male", phase="portal"),
    Scan("child, 5 y, portal", "trunk", 5, "female", phase="portal"),
    Scan("woman, arterial", "chest", 60, "female", phase="arterial"),
    Scan("pregnant, week 30", "abdomen_pelvis", 30, "female", more={"pregnancy_week": 30.0}),
)


# One row ---------------------------------------------------------------------------------


def true_mask(truth: PhantomTruth, groups: tuple[str, ...]) -> np.ndarray:
    """Return the mask of groups of the truth, [k, j, i]; those that a body lacks are empty."""
    atoms = {atom for group in groups for atom in truth.groups.get(group, ())}
    return np.isin(truth.labels, [truth.names[atom] for atom in atoms])


def found_mask(labelmap: Labelmap, organ: str) -> np.ndarray:
    """Return the mask of an organ of a result; empty if it was not drawn."""
    if organ not in labelmap.groups:
        return np.zeros(labelmap.labels.shape, bool)
    return labelmap.mask(organ)


def drawn_by(engine: str) -> tuple[str, ...]:
    """Return the organs of the table that an engine draws."""
    if engine == "threshold":
        return THRESHOLD_DRAWS
    spec = UNetSpec.from_json(bundled_folder().joinpath(SPEC_FILE).read_text(encoding="utf-8"))
    groups = {"body", "lung", *groups_of((*spec.classes, "skin")), *spec.classes}
    return tuple(organ for organ in ORGANS if organ in groups)


def agreement(
    labelmap: Labelmap, truth: PhantomTruth, organs: tuple[str, ...]
) -> dict[str, float | None]:
    """Return Dice and volumes by organ; only the true volume of those that are not drawn."""
    voxel_ml = abs(float(np.linalg.det(truth.affine[:3, :3]))) / 1000
    figures: dict[str, float | None] = {}
    for organ, groups in ORGANS.items():
        decided = ~true_mask(truth, UNDECIDED.get(organ, ()))
        true = true_mask(truth, groups)
        figures[f"{organ}_true_ml"] = int(true.sum()) * voxel_ml
        if organ in organs:
            found = found_mask(labelmap, organ) & decided
            volumes = int(found.sum()), int(true.sum())
            figures[f"{organ}_dice"] = dice(int((found & true).sum()), *volumes)
            figures[f"{organ}_found_ml"] = volumes[0] * voxel_ml
    return figures


def mistakes(
    labelmap: Labelmap, truth: PhantomTruth, organs: tuple[str, ...], enhanced: bool
) -> dict[str, float]:
    """Return what was taken for body, bone, liver or spleen and is not, in per cent."""
    table = true_mask(truth, tuple(name for name in OUTSIDE_BODY if name != "blanket"))
    figures = {"couch_pct": share(table, found_mask(labelmap, "body"))}
    blood = true_mask(truth, BLOOD)
    if enhanced:
        figures["blood_as_bone_pct"] = share(found_mask(labelmap, "bone"), blood)
    if "liver" not in organs:
        return figures
    liver = found_mask(labelmap, "liver")
    if enhanced:
        figures["blood_as_liver_pct"] = share(liver, blood)
    taken = liver | found_mask(labelmap, "spleen")
    figures["organ_as_liver_pct"] = share(taken, true_mask(truth, SOLID))
    return figures


def share(part: np.ndarray, whole: np.ndarray) -> float:
    """Return how much of a mask lies in another one, in per cent."""
    return 100 * int((part & whole).sum()) / max(1, int(whole.sum()))


def row_of(scan: Scan, engine: str, series: CTSeries, truth: PhantomTruth) -> dict[str, str]:
    """Return the row of one engine: what was reached, or why there is no result."""
    row: dict[str, Any] = {**scan.about(), "engine": engine}
    try:
        labelmap = segment(series, engine, device="cpu")
    except CTDoseSegError as error:
        return {**dict.fromkeys(COLUMNS, ""), **row, "error": str(error)}
    organs = drawn_by(engine)
    figures: dict[str, float | None] = agreement(labelmap, truth, organs)
    figures |= mistakes(labelmap, truth, organs, scan.phase != "none")
    row |= {name: "" if value is None else f"{value:.4f}" for name, value in figures.items()}
    row["flags"] = "; ".join(f"{one.code}: {one.detail}" for one in labelmap.flags)
    row["not_used_by_auto"] = why_not_used(labelmap)
    return {name: row.get(name, "") for name in COLUMNS}


# Table -----------------------------------------------------------------------------------


def written(row: dict[str, str], organ: str) -> str:
    """Return what the table shows of an organ: its Dice, or that it was invented."""
    value = row[f"{organ}_dice"]
    if value and not float(row[f"{organ}_true_ml"]):
        return f"invented, {float(row[f'{organ}_found_ml']):.0f} ml"
    return f"{float(value):.3f}" if value else ""


def markdown(rows: list[dict[str, str]]) -> Iterator[str]:
    """Yield the lines of the table."""
    shown = tuple(o for o in ORGANS if o not in NOT_SHOWN and any(r[f"{o}_dice"] for r in rows))
    heads = ("body", "BMI", "scan", "engine", *shown, "couch in body, %")
    heads += ("blood as bone, liver, %", "heart, kidney as liver, spleen, %", "flags")
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        cells = [row["body"], f"{float(row['bmi']):.0f}", row["region"].replace("_", " and ")]
        cells += [row["engine"]]
        if row["error"]:
            yield f"| {' | '.join(cells)} | no result: {row['error']} |"
            continue
        cells += [written(row, organ) for organ in shown]
        cells += [f"{float(row['couch_pct']):.2f}"]
        blood = [row["blood_as_bone_pct"], row["blood_as_liver_pct"]]
        cells += [", ".join(f"{float(v):.1f}" for v in blood if v)]
        cells += [f"{float(v):.1f}" if (v := row["organ_as_liver_pct"]) else ""]
        cells += [row["flags"]]
        yield f"| {' | '.join(cells)} |"


def read_rows(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows that an earlier run wrote, by body and engine."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {(row["body"], row["engine"]): row for row in csv.DictReader(file)}


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write the rows; an interruption leaves the file as it was."""
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


def main() -> None:
    """Compute the rows that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("segmentation.csv"))
    path = parser.parse_args().out
    keys = [(scan.name, engine) for scan in SCANS for engine in ENGINES]
    done = read_rows(path)
    for scan in SCANS:
        missing = [engine for engine in ENGINES if (scan.name, engine) not in done]
        if not missing:
            continue
        print(f"{scan.name}: {', '.join(missing)}", file=sys.stderr, flush=True)
        series, truth = scan.made()
        for engine in missing:
            done[scan.name, engine] = row_of(scan, engine, series, truth)
            write_rows(path, [done[key] for key in keys if key in done])
    print("\n".join(markdown([done[key] for key in keys])))


if __name__ == "__main__":
    main()
