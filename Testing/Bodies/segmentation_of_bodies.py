"""How well the engines that come with CTDoseSeg segment bodies of any age, sex and size.

python Testing/Bodies/segmentation_of_bodies.py [--unet FOLDER] [--workers 2] [--out FILE.csv]

Neither engine was trained or tuned on these bodies (seeds 1 to 21; a network trains on bodies from
1000 on). Each body is scanned once (256 x 256 pixels, 5 mm); labels are exact. A row is written as
soon as it is known and is not computed again, but for rows of another network: delete the file to
begin anew. FOLDER is that of a UNet instead of the bundled one. The table of targets comes last.

Dice by organ. An organ that is not in the scan but was drawn has a Dice of 0; one that is in
neither has none. ``trachea`` is trachea and bronchi, as both engines draw them; teeth and a
prosthesis count for nobody. ``couch_pct`` is what of couch and headrest lies in the body found, in
per cent of it. ``blood_as_bone_pct`` and ``blood_as_liver_pct`` are what of heart and great vessels
was taken for bone or liver, in per cent of their volume, in scans with contrast.
``organ_as_liver_pct`` is what of heart and kidneys was taken for liver or spleen, in per cent of
their volume. A column is empty for an engine that draws no such organ. ``agreement`` is that of the
network with itself when the image is varied, ``flagged`` whether the organ is flagged as unsure or
doubtful.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from recorded_agreement import recorded_agreement  # noqa: E402
from scanned_bodies import SCANS, WHO, Scan  # noqa: E402
from segmentation_targets import doubt_lines, targets  # noqa: E402
from targets import targets_table  # noqa: E402

from CTDoseSegLib.ct.organs import OUTSIDE_BODY  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.errors import CTDoseSegError  # noqa: E402
from CTDoseSegLib.flags import organ_place  # noqa: E402
from CTDoseSegLib.flags.places import organ_of  # noqa: E402
from CTDoseSegLib.learning.unet.metrics import dice  # noqa: E402
from CTDoseSegLib.phantom.phantom import PhantomTruth  # noqa: E402
from CTDoseSegLib.segmentation.atoms import groups_of  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Labelmap  # noqa: E402
from CTDoseSegLib.segmentation.segmenting import segment  # noqa: E402
from CTDoseSegLib.segmentation.unet.doubts import why_not_used  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import sha256  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import (  # noqa: E402
    SPEC_FILE,
    WEIGHTS_FILE,
    UNetSpec,
    bundled_folder,
)

ENGINES = ("threshold", "unet")
VESSELS = ("vessels", "pulmonary_artery", "superior_vena_cava", "inferior_vena_cava")
VESSELS += ("portal_vein_and_splenic_vein", "iliac_artery_left", "iliac_artery_right")
VESSELS += ("iliac_vena_left", "iliac_vena_right")
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
    "kidney_left": ("kidney_left",),
    "kidney_right": ("kidney_right",),
    "heart": ("heart",),
    "aorta": ("aorta",),
    "vessels": VESSELS,
    "urinary_bladder": ("urinary_bladder",),
    "brain": ("brain",),
    "pancreas": ("pancreas",),
    "gallbladder": ("gallbladder",),
    "bowel": ("duodenum", "small_bowel", "colon", "bowel_gas"),
    "esophagus": ("esophagus",),
    "thyroid_gland": ("thyroid_gland",),
}
# What a result has in parts only.
PARTS = {"kidney": ("kidney_left", "kidney_right")}
UNDECIDED = {"bone": ("teeth", "hip_prosthesis_left")}
THRESHOLD_DRAWS = ("body", "lung", "lung_left", "lung_right", "trachea", "bone")
NOT_SHOWN = ("lung_left", "lung_right", "kidney_left", "kidney_right")
SOLID = ("heart", "kidney")  # what must be neither liver nor spleen
BLOOD = ("heart", "aorta", *VESSELS)
DOUBTS = ("organ_unsure", "organ_doubtful")
MEASURED = ("couch_pct", "blood_true_ml", "blood_as_bone_pct", "blood_as_liver_pct")
MEASURED += ("organ_as_liver_pct",)
KINDS = ("dice", "true_ml", "found_ml", "agreement", "flagged")
FIGURES = tuple(f"{organ}_{kind}" for organ in ORGANS for kind in KINDS)
COLUMNS = (*WHO, "engine", "network", *FIGURES, *MEASURED, "flags", "not_used_by_auto", "error")


# One row ---------------------------------------------------------------------------------


def true_mask(truth: PhantomTruth, groups: tuple[str, ...]) -> np.ndarray:
    """Return the mask of groups of the truth, [k, j, i]; those that a body lacks are empty."""
    atoms = {atom for group in groups for atom in truth.groups.get(group, ())}
    return np.isin(truth.labels, [truth.names[atom] for atom in atoms])


def found_mask(labelmap: Labelmap, organ: str) -> np.ndarray:
    """Return the mask of an organ of a result; empty if it was not drawn."""
    mask = np.zeros(labelmap.labels.shape, bool)
    for part in PARTS.get(organ, (organ,)):
        if part in labelmap.groups:
            mask |= labelmap.mask(part)
    return mask


def drawn_by(engine: str, unet: Path | None) -> tuple[str, ...]:
    """Return the organs of the table that an engine draws."""
    if engine == "threshold":
        return THRESHOLD_DRAWS
    place = bundled_folder() if unet is None else unet
    spec = UNetSpec.from_json(place.joinpath(SPEC_FILE).read_text(encoding="utf-8"))
    groups = {"body", "lung", *groups_of((*spec.shown, "skin")), *spec.shown}
    return tuple(o for o in ORGANS if set(PARTS.get(o, (o,))) <= groups)


def voxel_ml(truth: PhantomTruth) -> float:
    """Return the volume of a voxel."""
    return abs(float(np.linalg.det(truth.affine[:3, :3]))) / 1000


def agreement(
    labelmap: Labelmap, truth: PhantomTruth, organs: tuple[str, ...]
) -> dict[str, float | None]:
    """Return Dice and volumes by organ; only the true volume of those that are not drawn."""
    ml = voxel_ml(truth)
    figures: dict[str, float | None] = {}
    for organ, groups in ORGANS.items():
        decided = ~true_mask(truth, UNDECIDED.get(organ, ()))
        true = true_mask(truth, groups)
        figures[f"{organ}_true_ml"] = int(true.sum()) * ml
        if organ in organs:
            found = found_mask(labelmap, organ) & decided
            volumes = int(found.sum()), int(true.sum())
            figures[f"{organ}_dice"] = dice(int((found & true).sum()), *volumes)
            figures[f"{organ}_found_ml"] = volumes[0] * ml
    return figures


def mistakes(
    labelmap: Labelmap, truth: PhantomTruth, organs: tuple[str, ...], enhanced: bool
) -> dict[str, float]:
    """Return what was taken for body, bone, liver or spleen and is not, in per cent."""
    table = true_mask(truth, tuple(name for name in OUTSIDE_BODY if name != "blanket"))
    figures = {"couch_pct": share(table, found_mask(labelmap, "body"))}
    blood = true_mask(truth, BLOOD)
    figures["blood_true_ml"] = int(blood.sum()) * voxel_ml(truth)
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


def row_of(
    scan: Scan, engine: str, series: CTSeries, truth: PhantomTruth, unet: Path | None
) -> dict[str, str]:
    """Return the row of one engine: what was reached, or why there is no result."""
    row: dict[str, Any] = {**scan.about(), "engine": engine, "network": network_of(engine, unet)}
    try:
        with recorded_agreement() as sure:
            labelmap = segment(
                series, engine, unet=unet if engine == "unet" else None, device="cpu"
            )
    except CTDoseSegError as error:
        return {**dict.fromkeys(COLUMNS, ""), **row, "error": str(error)}
    organs = drawn_by(engine, unet)
    figures: dict[str, float | None] = agreement(labelmap, truth, organs)
    figures |= mistakes(labelmap, truth, organs, scan.phase != "none")
    for organ, value in sure.items():
        if organ in ORGANS and not np.isnan(value):
            figures[f"{organ}_agreement"] = value
    doubted = {one.place for one in labelmap.flags if one.code in DOUBTS}
    figures |= {f"{o}_flagged": float(organ_place(o) in doubted) for o in organs}
    row |= {name: "" if value is None else f"{value:.4f}" for name, value in figures.items()}
    row["flags"] = "; ".join(
        f"{one.code} ({organ_of(one.place) or one.place}): {one.detail}" for one in labelmap.flags
    )
    row["not_used_by_auto"] = why_not_used(labelmap)
    return {name: row.get(name, "") for name in COLUMNS}


def network_of(engine: str, unet: Path | None) -> str:
    """Return the beginning of the SHA-256 of an engine's network; empty for thresholds."""
    if engine == "threshold":
        return ""
    place = bundled_folder() if unet is None else unet
    return sha256(place.joinpath(WEIGHTS_FILE).read_bytes())[:12]


def rows_of(number: int, engines: list[str], unet: Path | None, alone: bool) -> list[dict]:
    """Return the rows of a scan; in a process of several, torch takes one core."""
    if not alone:
        import torch

        torch.set_num_threads(1)
    scan = SCANS[number]
    print(f"{scan.name}: {', '.join(engines)}", file=sys.stderr, flush=True)
    series, truth = scan.made()
    return [row_of(scan, engine, series, truth, unet) for engine in engines]


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
        rows = [{name: row.get(name) or "" for name in COLUMNS} for row in csv.DictReader(file)]
    return {(row["body"], row["engine"]): row for row in rows}


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write the rows; an interruption leaves the file as it was."""
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


def computed(
    missing: dict[int, list[str]], unet: Path | None, workers: int
) -> Iterator[list[dict[str, str]]]:
    """Yield the rows of each scan as soon as they are known."""
    if workers < 2:
        for number, engines in missing.items():
            yield rows_of(number, engines, unet, True)
        return
    # Spawned, not forked: torch may have started threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(rows_of, n, engines, unet, False) for n, engines in missing.items()]
        for job in as_completed(jobs):
            yield job.result()


def main() -> None:
    """Compute the rows that are missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("segmentation.csv"))
    parser.add_argument("--unet", type=Path, help="folder of a UNet instead of the bundled one")
    parser.add_argument("--workers", type=int, default=1, help="processes, one core each")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--bodies", nargs="+", metavar="NAME", help="some of the bodies only")
    args = parser.parse_args()
    scans = [scan for scan in SCANS if args.bodies is None or scan.name in args.bodies]
    if args.bodies and len(scans) < len(set(args.bodies)):
        parser.error(f"the bodies are {', '.join(scan.name for scan in SCANS)}")
    keys = [(scan.name, engine) for scan in SCANS for engine in ENGINES]
    done = {
        key: row
        for key, row in read_rows(args.out).items()
        if row["network"] == network_of(key[1], args.unet)
    }
    missing = {
        SCANS.index(scan): engines
        for scan in scans
        if (engines := [e for e in args.engines if (scan.name, e) not in done])
    }
    for rows in computed(missing, args.unet, args.workers):
        done |= {(row["body"], row["engine"]): row for row in rows}
        write_rows(args.out, [done[key] for key in keys if key in done])
    rows = [done[key] for key in keys if key in done]
    print("\n".join(markdown(rows)))
    for engine in args.engines:
        mine = [row for row in rows if row["engine"] == engine and not row["error"]]
        print(f"\n{engine}, {len(mine)} bodies\n")
        print("\n".join(targets_table(targets(mine))))
        print("\n".join(doubt_lines(mine, tuple(ORGANS))))


if __name__ == "__main__":
    main()
