"""Does the doubt of a network predict how well it drew an organ, and what that does to the dose?

python Testing/Bodies/doubt_of_bodies.py --fit 3001 3040 --judge 3101 3130 [--unet FOLDER]
    [--rows doubt.csv]

Each seed is a body of any age, region and phase of contrast, scanned once (192 x 192 pixels, 8 mm,
a tube current that follows its size, in three of ten the same everywhere) and segmented by a UNet,
the bundled one if none is given. A row of the file is one organ of one body: Dice with the exact
label, agreement of the network with itself, ln(dose of the found mask / dose of the true mask) by
the fast law with the same exposure and body size, the spread of doses over plausible masks, and,
where thresholds draw the organ too and the network agrees with itself below 0.9, their Dice. Rows
that the file has are not computed again: begin a new file for another network.

Printed are, of the bodies to judge: the correlation of agreement with Dice, what share of organs
with a Dice below 0.8 and above 0.9 is flagged, and how often the 90 % interval of the segmentation
component holds the change of dose, with the constants in ``dosimetry/fast/plausible.py`` and with
those fitted on the other bodies (least interval score, Gneiting and Raftery 2007). Paste the fitted
ones there.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib.ct.acquisition import BODY_PHANTOM_CM  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.dosimetry.fast import plausible  # noqa: E402
from CTDoseSegLib.dosimetry.fast.along_body import AlongBody  # noqa: E402
from CTDoseSegLib.dosimetry.fast.model import (  # noqa: E402
    HEAD,
    OrganModel,
    RegionModel,
    load_model,
)
from CTDoseSegLib.dosimetry.fast.plausible import DoseOfMasks  # noqa: E402
from CTDoseSegLib.dosimetry.scan import Scan  # noqa: E402
from CTDoseSegLib.errors import CTDoseSegError  # noqa: E402
from CTDoseSegLib.learning.unet.metrics import dice  # noqa: E402
from CTDoseSegLib.learning.unet.phantoms import truth_classes  # noqa: E402
from CTDoseSegLib.measurement.ctdi_per_mas import K90  # noqa: E402
from CTDoseSegLib.measurement.measurements import measure  # noqa: E402
from CTDoseSegLib.measurement.size import measure_size  # noqa: E402
from CTDoseSegLib.phantom.bodies.body import Body  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.exposure import exposure  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom  # noqa: E402
from CTDoseSegLib.segmentation.doubt import LEAST_AGREEMENT  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import BODY, BODY_REST, COUCH, SKIN, Labelmap  # noqa: E402
from CTDoseSegLib.segmentation.segmenting import segment  # noqa: E402
from CTDoseSegLib.segmentation.threshold import engine as threshold  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import SPEC_FILE, UNetSpec, bundled_folder  # noqa: E402

REGIONS = {"trunk": 0.5, "chest": 0.2, "abdomen": 0.15, "abdomen_pelvis": 0.15}
PHASES = {"none": 0.4, "arterial": 0.2, "portal": 0.3, "excretory": 0.1}
UNMODULATED = 0.3
COLUMNS = ("seed", "region", "age_y", "organ", "dice", "true_ml", "found_ml", "agreement")
COLUMNS += ("log_ratio", "spread", "threshold_dice")
# Below this agreement thresholds are tried as well.
TRY_THRESHOLDS = 0.9
# Smaller organs, such as a lung's tip at the end of a scan, count for nothing.
LEAST_ML = 1.0
BAD, GOOD = 0.8, 0.9
# Organs whose parts are judged by themselves; they have a dose together.
GROUPS = ("lung",)
# What is fitted: values that each constant may have.
FLOORS = (0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.013, 0.017, 0.022, 0.03)
SPREADS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
DISAGREEMENTS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)

Row = dict[str, str]


# A body ----------------------------------------------------------------------------------


def body_of(seed: int, classes: tuple[str, ...]) -> tuple[CTSeries, np.ndarray, str, float]:
    """Return a scan of a body with its exposure, its labels by class, region and age."""
    rng = np.random.default_rng([seed, 16])
    person = Person.drawn(rng)
    region = str(rng.choice(list(REGIONS), p=list(REGIONS.values())))
    phase = str(rng.choice(list(PHASES), p=list(PHASES.values())))
    body = Body(person=person, seed=seed, phase=phase)
    phantom = Phantom.of_body(
        body,
        region,
        pixels=192,
        slice_mm=8.0,
        seed=seed,
        arms=str(rng.choice(["up", "down"], p=[0.7, 0.3])),
        noise_hu=float(rng.uniform(10.0, 35.0)),
    )
    series, truth = phantom_series(phantom)
    exposed = exposure(phantom, truth.wed_mm)
    columns = np.array([exposed.tube_current_mA, exposed.ctdivol_mGy])
    if rng.random() < UNMODULATED:
        columns[:] = columns.mean(axis=1, keepdims=True)
    slices = tuple(
        replace(one, tube_current_mA=float(current), ctdivol_mGy=float(ctdivol))
        for one, current, ctdivol in zip(series.slices, *columns, strict=True)
    )
    acquisition = replace(
        series.acquisition,
        kvp_kV=120.0,
        phantom_cm=BODY_PHANTOM_CM,
        irradiated_range_mm=exposed.irradiated_range_mm,
        total_collimation_mm=38.4,
    )
    series = replace(series, slices=slices, acquisition=acquisition)
    return series, truth_classes(truth, classes), region, person.age_y


def rows_of(seed: int, spec: UNetSpec, folder: Path | None) -> Iterator[Row]:
    """Yield a row for each organ that was drawn."""
    series, true, region, age = body_of(seed, spec.classes)
    about = {"seed": str(seed), "region": region, "age_y": f"{age:.1f}"}
    try:
        found = segment(series, "unet", unet=folder, device="cpu")
    except CTDoseSegError as error:
        print(f"{seed}: {error}", file=sys.stderr)
        return
    names = [name for name in spec.classes if (true == spec.classes.index(name) + 1).any()]
    atoms = tuple(named_atom(spec.classes.index(n) + 1, n, "truth") for n in names)
    truth = Labelmap(true, series.affine, atoms, groups_of(names), "truth")
    doses = dict(doses_of(series, found, truth))
    rules = None
    for organ in sorted(found.groups):
        doubt = found.doubt.of(found.groups[organ]) if found.doubt else None
        if doubt is None or organ in (BODY, BODY_REST, COUCH, SKIN):
            continue
        figures = agreement(found, truth, organ, series)
        if max(figures["found_ml"], figures["true_ml"]) < LEAST_ML:
            continue
        figures |= {"agreement": doubt.agreement, **doses.get(organ, {})}
        if organ in threshold.NAMES and doubt.agreement < TRY_THRESHOLDS:
            rules = rules or segment(series, "classical")
            figures["threshold_dice"] = agreement(rules, truth, organ, series)["dice"]
        row = about | {"organ": organ} | {name: f"{v:.5f}" for name, v in figures.items()}
        yield {name: row.get(name, "") for name in COLUMNS}


def agreement(found: Labelmap, truth: Labelmap, organ: str, series: CTSeries) -> dict[str, float]:
    """Return Dice and volumes of an organ; Dice is 0 if only one of both has it."""
    voxel_ml = abs(float(np.linalg.det(series.affine[:3, :3]))) / 1000
    nothing = np.zeros(found.labels.shape, bool)
    drawn, true = (m.mask(organ) if organ in m.groups else nothing for m in (found, truth))
    counts = int(drawn.sum()), int(true.sum())
    value = dice(int((drawn & true).sum()), *counts)
    return {
        "dice": 0.0 if value is None else value,
        "true_ml": counts[1] * voxel_ml,
        "found_ml": counts[0] * voxel_ml,
    }


def doses_of(
    series: CTSeries, found: Labelmap, truth: Labelmap
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield organs with the logarithm of found by true dose and the spread."""
    measured, true = measure(series, found), measure(series, truth)
    scan = Scan.of(series, found, measured, measure_size(series, found, measured))
    body = AlongBody.of(scan)
    basis = body.usable_bases[0]
    for shared, organ in models():
        name = organ.organ
        doubt = found.doubt.of(found.groups.get(name, ())) if found.doubt else None
        if doubt is None or name not in truth.groups:
            continue
        parts = (shared, organ, basis)
        of_found = DoseOfMasks.of(body, *parts, measured.of(name))
        of_true = DoseOfMasks.of(body, *parts, true.of(name))
        if of_found is None or of_true is None:
            continue
        doses = [one.mean_mGy(one.area_mm2) for one in (of_found, of_true)]
        if min(doses) > 0:
            log_ratio = float(np.log(doses[0] / doses[1]))
            yield name, {"log_ratio": log_ratio, "spread": of_found.spread(doubt)}


def models() -> Iterator[tuple[RegionModel, OrganModel]]:
    """Yield the law of each organ once; the bodies are trunks."""
    for region, shared in load_model().regions.items():
        if region != HEAD:
            yield from ((shared, organ) for organ in shared.organs.values() if organ.organ != SKIN)


# Figures ---------------------------------------------------------------------------------


def column(rows: list[Row], name: str) -> np.ndarray:
    """Return a column as numbers."""
    return np.array([float(row[name]) for row in rows])


def component(rows: list[Row], constants: tuple[float, float, float]) -> np.ndarray:
    """Return the segmentation component of each row."""
    floor, per_spread, per_disagreement = constants
    terms = (
        per_spread * column(rows, "spread"),
        per_disagreement * (1 - column(rows, "agreement")),
    )
    return np.sqrt(floor**2 + terms[0] ** 2 + terms[1] ** 2)


def covered(rows: list[Row], constants: tuple[float, float, float]) -> float:
    """Return the share of organs whose change of dose lies in the component's 90 % interval."""
    inside = np.abs(column(rows, "log_ratio")) <= K90 * component(rows, constants)
    return float(inside.mean()) if len(rows) else float("nan")


def fitted(rows: list[Row]) -> tuple[float, float, float]:
    """Return the constants with the least interval score among those that cover 90 % or more."""
    size = np.abs(column(rows, "log_ratio"))

    def score(constants: tuple[float, float, float]) -> tuple[bool, float]:
        half = K90 * component(rows, constants)
        misses = covered(rows, constants) < 0.9
        return misses, float(np.mean(2 * half + 20.0 * np.maximum(size - half, 0.0)))

    return min(product(FLOORS, SPREADS, DISAGREEMENTS), key=score)


def dosed(rows: list[Row]) -> list[Row]:
    """Return the organs that have a dose by both masks."""
    return [row for row in rows if row["log_ratio"]]


def report(rows: list[Row], title: str, new: tuple[float, float, float] | None) -> Iterator[str]:
    """Yield lines about the bodies of some seeds."""
    single = [row for row in rows if row["organ"] not in GROUPS]
    agreement, dices = column(single, "agreement"), column(single, "dice")
    flagged = agreement < LEAST_AGREEMENT
    bodies = len({row["seed"] for row in rows})
    yield f"{title}: {len(single)} organs of {bodies} bodies"
    yield f"  correlation of agreement with Dice: {np.corrcoef(agreement, dices)[0, 1]:.2f}"
    for words, which in ((f"below {BAD}", dices < BAD), (f"above {GOOD}", dices > GOOD)):
        share = 100 * flagged[which].mean() if which.any() else float("nan")
        yield f"  flagged of {which.sum()} organs with a Dice {words}: {share:.0f} %"
    doses = dosed(rows)
    if not doses:
        return
    sizes = np.abs(column(doses, "log_ratio"))
    quantiles = ", ".join(f"{100 * q:.2f}" for q in np.quantile(sizes, (0.5, 0.9, 1.0)))
    yield f"  |ln(found / true dose)| of {len(doses)}, median, 90 % and most: {quantiles} %"
    rank = np.corrcoef(*(np.argsort(np.argsort(v)) for v in (column(doses, "spread"), sizes)))
    yield f"  rank correlation of the spread with it: {rank[0, 1]:.2f}"
    now = (plausible.FLOOR, plausible.PER_SPREAD, plausible.PER_DISAGREEMENT)
    for words, constants in (("now", now), ("fitted", new)):
        if constants is not None:
            middle = 100 * np.median(component(doses, constants))
            yield (
                f"  {words}, FLOOR, PER_SPREAD, PER_DISAGREEMENT = {constants}: covers "
                f"{100 * covered(doses, constants):.0f} %, median {middle:.2f} %"
            )
    fixed = (plausible.WITHOUT_DOUBT, 0.0, 0.0)
    yield f"  a fixed {100 * fixed[0]:.0f} %: covers {100 * covered(doses, fixed):.0f} %"


def against_thresholds(rows: list[Row]) -> Iterator[str]:
    """Yield how the network and thresholds compare by the network's agreement."""
    tried = [row for row in rows if row["threshold_dice"]]
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, TRY_THRESHOLDS)):
        some = [row for row in tried if low <= float(row["agreement"]) < high]
        if some:
            network, rules = column(some, "dice"), column(some, "threshold_dice")
            yield (
                f"  agreement {low} to {high}: Dice {network.mean():.2f}, by thresholds "
                f"{rules.mean():.2f}, better in {(rules > network).sum()} of {len(some)}"
            )


def main() -> None:
    """Compute the rows that are missing, fit and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", type=int, nargs=2, required=True, metavar=("FIRST", "LAST"))
    parser.add_argument("--judge", type=int, nargs=2, required=True, metavar=("FIRST", "LAST"))
    parser.add_argument("--unet", type=Path)
    parser.add_argument("--rows", type=Path, default=Path("doubt.csv"))
    options = parser.parse_args()
    path = (options.unet or bundled_folder()).joinpath(SPEC_FILE)
    spec = UNetSpec.from_json(path.read_text(encoding="utf-8"))
    rows: list[Row] = []
    if options.rows.exists():
        with options.rows.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    done = {int(row["seed"]) for row in rows}
    parts = [range(first, last + 1) for first, last in (options.fit, options.judge)]
    for seed in (seed for part in parts for seed in part if seed not in done):
        print(seed, file=sys.stderr, flush=True)
        rows += rows_of(seed, spec, options.unet)
        write(options.rows, rows)
    fit, judge = ([row for row in rows if int(row["seed"]) in part] for part in parts)
    new = fitted(dosed(fit)) if dosed(fit) else None
    for some, title in ((fit, "bodies to fit on"), (judge, "bodies to judge")):
        print("\n".join(report(some, title, new)))
    print("\n".join(("all", *against_thresholds([*fit, *judge]))))


def write(path: Path, rows: list[Row]) -> None:
    """Write the rows; an interruption leaves the file as it was."""
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


if __name__ == "__main__":
    main()
