"""Whether the dose of an edited organ, by the dose map of a run, is that of a new run.

    python Testing/MonteCarlo/acceptance_edits.py [--histories 2e6]

The trunk of `ctdoseseg phantom` (seed 0, 8 x 3.9 x 3.9 mm), 120 kV. Ten edits of its label map:
organs grown, shrunk, shifted and split, new lesions of 5 ml. Each is simulated anew with another
seed. Both doses must agree within three standard errors and 2 %, thin organs 5 %.

Ends with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from targets import Reached, table, targets_table  # noqa: E402

from CTDoseSegLib import MonteCarloEngine, analyze  # noqa: E402
from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.dosimetry.doses import OrganDose  # noqa: E402
from CTDoseSegLib.outputs.simulated import engine_after, scan_of  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.result import Result  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap  # noqa: E402

WITHIN, THIN, SIGMAS = 0.02, 0.05, 3.0
THIN_ORGANS = ("esophagus", "skin")
LESION_ML = 5.0
IN_PLANE = ndimage.generate_binary_structure(3, 1)


def trunk():
    """The phantom with the labels of its truth."""
    series, truth = phantom_series(Phantom(seed=0))
    atoms = tuple(Atom(value, name, "", "#888888", "truth") for name, value in truth.names.items())
    labelmap = Labelmap(truth.labels, truth.affine, atoms, truth.groups, "truth")
    acquisition = Acquisition(kvp_kV=120.0, ctdivol_mGy=10.0, phantom_cm=32, age_years=50.0)
    return replace(series, acquisition=acquisition), labelmap


Edit = Callable[[Labelmap, np.ndarray], np.ndarray]


def redrawn(labelmap: Labelmap, organ: str, edit: Edit) -> Labelmap:
    """The label map with an organ drawn as `edit` says; what it leaves is body, it takes body."""
    (value,) = labelmap.values(organ)
    (rest,) = labelmap.values("body_rest")
    labels = labelmap.labels.copy()
    mask = labels == value
    new = edit(labelmap, mask)
    labels[mask] = rest
    labels[new & (labels == rest)] = value
    return replace(labelmap, labels=labels)


def grown(labelmap: Labelmap, mask: np.ndarray) -> np.ndarray:
    return ndimage.binary_dilation(mask, IN_PLANE)


def shrunk(labelmap: Labelmap, mask: np.ndarray) -> np.ndarray:
    return ndimage.binary_erosion(mask, IN_PLANE)


def shifted(labelmap: Labelmap, mask: np.ndarray) -> np.ndarray:
    return np.roll(mask, (1, 2), axis=(0, 2))


def halved(labelmap: Labelmap, mask: np.ndarray) -> np.ndarray:
    columns = np.flatnonzero(mask.any(axis=(0, 1)))
    half = mask.copy()
    half[:, :, int(columns.mean()) :] = False
    return half


def with_lesion(labelmap: Labelmap, organ: str, voxel_ml: float) -> Labelmap:
    """The label map with a ball of 5 ml in the middle of an organ."""
    mask = np.isin(labelmap.labels, labelmap.values(organ))
    inside = ndimage.distance_transform_edt(mask, sampling=(2.0, 1.0, 1.0))
    middle = np.unravel_index(inside.argmax(), mask.shape)
    step = np.linalg.norm(labelmap.affine[:3, :3], axis=0)[::-1]
    away = np.sqrt(
        sum(
            ((np.arange(n) - at) * mm).reshape([-1 if a == axis else 1 for a in range(3)]) ** 2
            for axis, (n, at, mm) in enumerate(zip(mask.shape, middle, step, strict=True))
        )
    )
    nearest = np.argsort(np.where(mask, away, np.inf), axis=None)[: round(LESION_ML / voxel_ml)]
    labels = labelmap.labels.copy()
    value = int(labels.max()) + 1
    labels.ravel()[nearest] = value
    name = f"lesion_{organ}"
    atoms = (*labelmap.atoms, Atom(value, name, "", "#00aa00", "drawn"))
    groups = {
        group: (*names, name) if organ == group or group == "body" else names
        for group, names in labelmap.groups.items()
    }
    return replace(labelmap, labels=labels, atoms=atoms, groups={**groups, name: (name,)})


def edits(labelmap: Labelmap, voxel_ml: float) -> list[tuple[str, str, Labelmap]]:
    """What is done, the organ whose dose is compared, and the label map after it."""
    drawn = (
        ("grown", "liver", grown),
        ("shrunk", "liver", shrunk),
        ("half of it", "liver", halved),
        ("shifted", "spleen", shifted),
        ("grown", "kidney_left", grown),
        ("shrunk", "aorta", shrunk),
        ("shifted", "stomach", shifted),
        ("grown", "esophagus", grown),
    )
    made = [(what, organ, redrawn(labelmap, organ, edit)) for what, organ, edit in drawn]
    for organ in ("stomach", "lung_lower_lobe_left"):
        made.append(
            (f"{LESION_ML:g} ml", f"lesion_{organ}", with_lesion(labelmap, organ, voxel_ml))
        )
    return made


def compared(what: str, by_map: OrganDose, anew: OrganDose) -> tuple[Reached, tuple[str, ...]]:
    """How far the two doses are apart, in units of what is allowed."""
    assert by_map.dose_mGy, by_map.flags
    assert anew.dose_mGy, anew.flags
    thin = any(name in by_map.organ for name in THIN_ORGANS)
    se = math.hypot(by_map.budget["statistics"], anew.budget["statistics"])
    allowed = SIGMAS * se + (THIN if thin else WITHIN)
    apart = by_map.dose_mGy / anew.dose_mGy - 1.0
    row = (
        *(by_map.organ, what, f"{by_map.dose_mGy:.2f}", f"{anew.dose_mGy:.2f}"),
        *(f"{100 * apart:+.1f} %", f"{100 * se:.1f} %", f"{100 * allowed:.1f} %"),
        "yes" if any(one.code == "monte_carlo_rerun" for one in by_map.flags) else "",
    )
    figure = f"{by_map.organ}, {what}: apart / allowed"
    return Reached(figure, abs(apart) / allowed, 1.0, most=True, digits=2), row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=float, default=2e6)
    args = parser.parse_args()
    series, labelmap = trunk()
    voxel_ml = float(abs(np.linalg.det(series.affine[:3, :3]))) / 1000.0
    settings = {"relative_se": 1e-4, "max_minutes": 30.0, "histories": int(args.histories)}
    first = analyze(series, labelmap, dose_engine=MonteCarloEngine(**settings))
    assert first.doses.dose_map is not None
    engine = engine_after(Result.of(first), first.doses.dose_map, scan_of(first))
    figures, rows = [], []
    for seed, (what, organ, edited) in enumerate(edits(labelmap, voxel_ml), start=2):
        again = MonteCarloEngine(**settings, seed=seed, dose_map=False)
        anew = analyze(series, edited, dose_engine=again)
        scan = scan_of(anew)
        started = time.process_time()
        by_map = {one.organ: one for one in engine.estimate(scan).organs}
        seconds = time.process_time() - started
        new = {one.organ: one for one in anew.doses.organs}
        figure, row = compared(what, by_map[organ], new[organ])
        figures.append(figure)
        rows.append((*row, f"{1000 * seconds:.0f}"))
    heads = ("organ", "edit", "by the map (mGy)", "new run (mGy)", "apart", "standard error")
    print(*table((*heads, "allowed", "rerun advised", "CPU (ms)"), rows), sep="\n")
    print("", *targets_table(figures), sep="\n")
    return int(any(one.met is False for one in figures))


if __name__ == "__main__":
    sys.exit(main())
