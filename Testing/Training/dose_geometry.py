"""What the distance of the focus and a wide beam, which the law does not know, do to organ doses.

    python Testing/Training/dose_geometry.py WORK [--bodies SEED ...] [--histories 3e5] [--runs 4]
    python Testing/Training/dose_geometry.py WORK --table

Six bodies of the learning set, from the same random numbers with each geometry, so that most of the
noise cancels. Doses are to soft tissue over CTDIvol: of the 32 cm phantom with the generic body
beam for trunks, of the 16 cm phantom with the generic head beam for heads, at 120 kV. CTDIvol is
that of the same beam at the same distance; that of the wide beam is the narrow one's, scaled in
air, as IEC 60601-2-44 has it. What the wide beam's own CTDI100 would be is simulated beside it.

The tube goes 100 mm beyond the images; `own` is a scan of the organ, 30 mm beyond it, where a wide
beam's edges count. WORK gets a file for each body and run, and goes on where it was ended; --table
prints what is there. Standard errors are those of the mean over runs; one run has
none.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE), str(HERE.parent / "support")]

from dose_bodies import learning_body  # noqa: E402
from organ_groups import GROUPS, group_of  # noqa: E402
from targets import table  # noqa: E402

from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms  # noqa: E402
from CTDoseSegLib.dosimetry.fast.model import WED_ORIGIN_MM, WED_SCALE_MM, load_model  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.beams import (  # noqa: E402
    GENERIC_BODY,
    GENERIC_HEAD,
    BeamModel,
    beam_of,
    model_of,
)
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.ctdi_simulation import (  # noqa: E402
    ENERGY_EDGES_KEV,
    OFFSET_BINS,
    simulate_response,
)
from CTDoseSegLib.dosimetry.montecarlo.marrow import SCORE, active_share  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.response import BIN_MM  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.tally import RED_MARROW, SOFT_TISSUE  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores  # noqa: E402

# Seeds of `learning_body`: two children's trunks, two adults', a child's head and an adult's.
SEEDS = (22, 12, 41, 4, 48, 57)
VOLTAGE_KV = 120.0


@dataclass(frozen=True)
class Geometry:
    """Distance of the focus from the axis, and width of the beam there."""

    name: str
    focus_mm: float = 570.0
    collimation_mm: float = 20.0


# The learning set's own geometry, and others.
GEOMETRIES = (
    Geometry("reference"),
    Geometry("focus at 541 mm", focus_mm=541.0),
    Geometry("focus at 600 mm", focus_mm=600.0),
    Geometry("80 mm wide", collimation_mm=80.0),
)
_BEYOND_MM, _MARGIN_MM = 100.0, 30.0
_WHOLE_BODY = ("skin", "skeletal_muscle", "red_marrow")
# Standard error of a change from which on it is not shown as the largest of its group.
_LEAST_SURE = 0.006
_CTDI_HISTORIES = 200


def beam_model(head: bool, geometry: Geometry) -> BeamModel:
    """Return the generic beam of the region at the geometry's distance."""
    model = model_of(GENERIC_HEAD if head else GENERIC_BODY)
    return replace(model, focus_isocentre_mm=geometry.focus_mm)


def simulated(seed: int, runs: range, histories: int, work: Path) -> None:
    """Write each run of a body that is not there yet."""
    files = {run: work / f"geometry_{seed:04d}_{run}.npz" for run in runs}
    missing = [run for run, file in files.items() if not file.exists()]
    if not missing:
        return
    body = learning_body(seed)
    head = body.about["region"] == "head_neck"
    patient = patient_of(body.scan)
    names = patient.scores.names
    keep = [n for n, name in enumerate(names) if group_of(name) or name.startswith(SCORE)]
    scores = Scores(tuple(names[n] for n in keep), tuple(patient.scores.members[n] for n in keep))
    low, high = patient.image_range_mm
    bins = math.ceil((high - low + 2 * _BEYOND_MM) / BIN_MM)
    edges = (low + high) / 2 + BIN_MM * (np.arange(bins + 1) - bins / 2)
    path = SourcePath(edges, np.full(bins, 1 / bins), angle_bins=1)
    marrow = np.array([name.startswith(SCORE) for name in scores.names])
    detector = np.where(marrow, RED_MARROW, SOFT_TISSUE)
    z, wed = body.scan.series.z_mm, body.scan.size.wed_mm
    extents, sizes = [], []
    for name in scores.names:
        inside = body.scan.organs[name].count > 0 if name in body.scan.organs else z > -np.inf
        extents.append((z[inside].min(), z[inside].max()))
        sizes.append(np.nanmean(wed[inside]))
    for run in missing:
        energy, kerma = [], []
        for geometry in GEOMETRIES:
            model = beam_model(head, geometry)
            beam = beam_of(model, VOLTAGE_KV, collimation_mm=geometry.collimation_mm)
            tally = simulate(
                patient.voxels, beam, path, scores, histories=histories, seed=1000 + run,
                batches=4, threads=1,
            )  # fmt: skip
            sums = tally.sums_keV[detector, np.arange(len(scores)), :, 0]
            energy.append(sums / tally.total_histories)
            kerma.append(ctdi_weighted_per_history(beam, 16 if head else 32)[0])
        np.savez_compressed(
            files[run], energy=np.array(energy, np.float32), kerma=kerma, names=scores.names,
            edges=edges, extents=extents, wed_mm=sizes, mass_g=patient.mass_g[keep], head=head,
            age=body.about["age_y"], sex=body.about["sex"],
        )  # fmt: skip
        print(f"body {seed}, run {run}: done", flush=True)


@dataclass(frozen=True)
class Change:
    """ln(dose per CTDIvol / that of the reference geometry) of an organ of a body.

    `by_terms` is what the law's beam terms make of the geometry.
    """

    seed: int
    organ: str
    geometry: str
    whole: float
    se: float
    own: float
    by_terms: float


def changes(seed: int, work: Path) -> Iterator[Change]:
    """Yield the changes of a body's organs; the error is that of the mean over runs."""
    runs = [np.load(file) for file in sorted(work.glob(f"geometry_{seed:04d}_*.npz"))]
    if not runs:
        return
    first = runs[0]
    head = bool(first["head"])
    names = [str(name) for name in first["names"]]
    energy = np.array([run["energy"] for run in runs], float)  # [run, geometry, score, z]
    energy /= first["mass_g"][:, None]
    extents, sizes = first["extents"], first["wed_mm"]
    sites = [n for n, name in enumerate(names) if name.startswith(SCORE)]
    sex = str(first["sex"])[:1].upper()
    active = [active_share(names[n].removeprefix(SCORE), float(first["age"]), sex) for n in sites]
    marrow = np.einsum("rgsz,s->rgz", energy[:, :, sites], np.array(active) / np.sum(active))
    names.append("red_marrow")
    energy = np.concatenate((energy, marrow[:, :, None]), axis=2)
    extents = np.concatenate((extents, [[-np.inf, np.inf]]))
    sizes = np.append(sizes, sizes[sites].mean())
    low, high = first["edges"][:-1], first["edges"][1:]
    scale = first["kerma"][:, None] / first["kerma"][0]
    terms = [beam_terms(beam_model(head, one), VOLTAGE_KV) for one in GEOMETRIES]
    cm = 16 if head else 32
    models = {
        name: model
        for region, shared in load_model().regions.items()
        if (region == "head") == head
        for name, model in shared.organs.items()
    }
    for n, organ in enumerate(names):
        if group_of(organ) is None or organ not in models:
            continue
        first_mm, last_mm = extents[n][0] - _MARGIN_MM, extents[n][1] + _MARGIN_MM
        part = np.clip(np.minimum(high, last_mm) - np.maximum(low, first_mm), 0, None) / BIN_MM
        whole = energy[:, :, n].sum(axis=2)
        own = (energy[:, :, n] * part).sum(axis=2)
        if not (whole > 0).all():
            continue
        ratio = whole[:, 1:] / whole[:, :1]
        mean = np.log(whole.sum(axis=0) / whole.sum(axis=0)[0]) - np.log(scale[:, 0])
        of_own = np.log(own.sum(axis=0) / own.sum(axis=0)[0]) - np.log(scale[:, 0])
        se = (
            ratio.std(axis=0, ddof=1) / math.sqrt(len(runs)) if len(runs) > 1 else ratio[0] * np.nan
        )
        model = models[organ]
        slope = model.beam + (sizes[n] - WED_ORIGIN_MM) / WED_SCALE_MM * model.beam_by_wed
        for g, geometry in enumerate(GEOMETRIES[1:], start=1):
            by_terms = slope @ (terms[g].values - terms[0].values) + math.log(
                terms[g].to_32_cm(cm) / terms[0].to_32_cm(cm)
            )
            yield Change(seed, organ, geometry.name, mean[g], float(se[g - 1]), of_own[g], by_terms)


def wide_ctdi(work: Path) -> Iterator[tuple[str, ...]]:
    """Yield how much less CTDI100 a wide beam has than a narrow one, by phantom."""
    number = np.full((OFFSET_BINS, len(ENERGY_EDGES_KEV) - 1), _CTDI_HISTORIES)
    for cm, name in ((32, GENERIC_BODY), (16, GENERIC_HEAD)):
        file = work / f"ctdi_{cm}.npz"
        if not file.exists():
            of_widths = [
                simulate_response(cm, number, seed=5, collimation_mm=width).of(
                    beam_of(name, VOLTAGE_KV)
                )
                for width in (20.0, 40.0, 80.0)
            ]
            np.savez(file, **{
                what: [getattr(one, what) for one in of_widths]
                for what in ("centre", "periphery", "weighted", "weighted_se")
            })  # fmt: skip
        with np.load(file) as found:
            se = 100 * found["weighted_se"][0] / found["weighted"][0]
            for n, width in enumerate((40, 80), start=1):
                away = (f"{100 * (found[w][n] / found[w][0] - 1):+.1f}"
                        for w in ("centre", "periphery", "weighted"))  # fmt: skip
                yield f"{cm} cm", f"{width} mm", *away, f"{se:.1f}"


def grouped(found: list[Change]) -> Iterator[tuple[str, ...]]:
    """Yield rows by geometry and group of organs."""
    for geometry in GEOMETRIES[1:]:
        for group in (*GROUPS, "all"):
            own = [
                one for one in found
                if one.geometry == geometry.name
                and (group in ("all", group_of(one.organ))) and not one.se >= _LEAST_SURE
            ]  # fmt: skip
            if not own:
                continue
            whole = 100 * np.expm1([one.whole for one in own])
            rest = 100 * np.expm1([one.whole - one.by_terms for one in own])
            scan = 100 * np.expm1([one.own for one in own if one.organ not in _WHOLE_BODY] or [0])
            most = own[int(np.argmax(np.abs(whole)))]
            yield (
                geometry.name, group, str(len(own)), f"{np.median(whole):+.2f}",
                f"{np.abs(whole).max():.2f} ({most.organ}, {most.seed})",
                f"{np.median([100 * one.se for one in own]):.2f}",
                f"{np.median(rest):+.2f}", f"{np.sqrt(np.mean(rest**2)):.2f}",
                f"{np.median(scan):+.2f}", f"{np.abs(scan).max():.2f}",
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--bodies", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--histories", type=float, default=3e5)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if not options.table:
        for seed in options.bodies:
            simulated(seed, range(options.runs), int(options.histories), options.work)
        return
    found = [one for seed in SEEDS for one in changes(seed, options.work)]
    print("Change of organ dose / CTDIvol, %\n")
    heads = ("geometry", "organs", "doses", "median", "largest (organ, seed)", "median SE")
    rest = ("median less the law's terms", "rms of that", "scan of the organ: median", "largest")
    print(*table((*heads, *rest), grouped(found)), sep="\n")
    print("\nCTDI100 per photon of a wide beam over that of 20 mm, unscaled, %\n")
    heads = ("phantom", "beam", "centre", "periphery", "weighted", "SE of 20 mm")
    print(*table(heads, wide_ctdi(options.work)), sep="\n")


if __name__ == "__main__":
    main()
