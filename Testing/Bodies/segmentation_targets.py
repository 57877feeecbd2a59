"""What the rows of segmentation_of_bodies reach, against the targets: medians, worst, shares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from targets import Reached

DICE = {"body": 0.995, "lung_left": 0.98, "lung_right": 0.98, "bone": 0.90}
DICE |= dict.fromkeys(("liver", "spleen", "kidney_left", "kidney_right", "heart"), 0.93)
DICE |= {"urinary_bladder": 0.93, "brain": 0.93, "aorta": 0.88}
SHOWN_ONLY = ("trachea", "stomach", "vessels", "pancreas", "gallbladder", "bowel", "esophagus")
SHOWN_ONLY += ("thyroid_gland",)
# Shares in per cent, with their largest target and the columns of the volume that they are of.
SHARES = {
    "couch_pct": ("couch in the body, %", 0.1, ("body_found_ml",)),
    "blood_as_bone_pct": ("enhanced blood as bone, %", 0.5, ("blood_true_ml",)),
    "blood_as_liver_pct": ("enhanced blood as liver, %", None, ("blood_true_ml",)),
    "organ_as_liver_pct": (
        "heart, kidney as liver, spleen, %",
        0.5,
        ("heart_true_ml", "kidney_true_ml"),
    ),
}
# Of an organ less than this in a scan is its edge.
LEAST_ML = 1.0
# Dice below which an organ should be flagged, and above which it should not.
POOR, GOOD = 0.8, 0.9
NOT_AN_ORGAN = ("body", "lung", "kidney")


def number(row: dict[str, str], column: str) -> float:
    """Return a cell as a number; NaN where it is empty."""
    return float(row[column]) if row[column] else float("nan")


def targets(rows: list[dict[str, str]]) -> Iterator[Reached]:
    """Yield each figure: the worst body's, with the median and how many reach it."""
    for organ in (*DICE, *SHOWN_ONLY):
        values = {
            row["body"]: number(row, f"{organ}_dice")
            for row in rows
            if row[f"{organ}_dice"] and number(row, f"{organ}_true_ml") >= LEAST_ML
        }
        if values:
            yield _worst(f"{organ}, Dice", values, DICE.get(organ), most=False)
    for column, (name, target, wholes) in SHARES.items():
        values = {row["body"]: number(row, column) for row in rows if row[column]}
        if not values:
            continue
        yield _worst(name, values, target, most=True)
        mine = [row for row in rows if row[column]]
        volumes = np.array([np.nansum([number(row, whole) for whole in wholes]) for row in mine])
        if volumes.sum() > 0:
            share = float(np.sum(volumes * list(values.values())) / volumes.sum())
            yield Reached(f"{name}, all bodies together", share, target, most=True, digits=2)


def _worst(name: str, values: dict[str, float], target: float | None, most: bool) -> Reached:
    body = (max if most else min)(values, key=lambda one: values[one])
    digits = 2 if most else 3
    ok = [Reached(name, v, target, most, digits).met for v in values.values()]
    reach = "" if target is None else f"; {sum(map(bool, ok))} of {len(values)} reach it"
    median = float(np.median(list(values.values())))
    detail = f"{body}; median {median:.{digits}f}{reach}"
    return Reached(f"{name}, worst", values[body], target, most, digits, detail)


def doubt_lines(rows: list[dict[str, str]], organs: tuple[str, ...]) -> Iterator[str]:
    """Yield how agreement and flags go with Dice, and what was drawn where there is none."""
    drawn, missed, invented = [], [], []
    for row in rows:
        for organ in organs:
            true, found = (number(row, f"{organ}_{which}_ml") for which in ("true", "found"))
            if organ in NOT_AN_ORGAN or not row[f"{organ}_dice"]:
                continue
            if found > 0:
                drawn.append((number(row, f"{organ}_dice"), row, organ))
            elif true >= LEAST_ML:
                missed.append(f"{organ} ({row['body']}, {true:.0f} ml)")
            if found > 0 and true == 0:
                invented.append(f"{organ} ({row['body']}, {found:.1f} ml)")
    dice = np.array([one[0] for one in drawn])
    sure = np.array([number(row, f"{organ}_agreement") for _, row, organ in drawn])
    flagged = np.array([row[f"{organ}_flagged"].startswith("1") for _, row, organ in drawn])
    known = ~np.isnan(sure) & ~np.isnan(dice) if len(dice) else np.zeros(0, bool)
    yield ""
    if known.sum() > 2:
        r = np.corrcoef(dice[known], sure[known])[0, 1]
        yield f"- agreement and Dice: correlation {r:.2f} over {known.sum()} organs (target 0.7)"
    for what, chosen, target in (
        (f"below {POOR}", dice < POOR, "at least 90"),
        (f"above {GOOD}", dice > GOOD, "at most 10"),
    ):
        if chosen.any():
            share = 100 * flagged[chosen].mean()
            yield (
                f"- flagged of {chosen.sum()} drawn organs with Dice {what}: {share:.0f} % "
                f"(target: {target} %)"
            )
    poor = [one for one, told in zip(drawn, flagged, strict=True) if one[0] < POOR and not told]
    silent = [f"{organ} ({row['body']}, {value:.2f})" for value, row, organ in poor]
    for title, names in (
        (f"Dice below {POOR} without a flag", silent),
        ("in the scan, not drawn", missed),
        ("drawn where there is none", invented),
    ):
        yield f"- {title}: {', '.join(names) or 'none'}"
