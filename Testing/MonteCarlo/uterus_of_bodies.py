"""Hold the dose of the uterus region against simulations of women of the family of bodies.

    python Testing/MonteCarlo/uterus_of_bodies.py WORK --simulate [--first 0] [--bodies 20]
        [--histories 4e6]

WORK gets two ``.npz`` a body: its images with labels, and its simulated responses. The seeds
5100 to 5119 are no bodies that the law was fitted to. Seven of ten women are pregnant.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE.parent / "Training")]

from dose_bodies import LearningBody, scan_of  # noqa: E402
from dose_responses import responses_of  # noqa: E402

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries, SliceInfo  # noqa: E402
from CTDoseSegLib.phantom.bodies.body import Body  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap  # noqa: E402

FIRST_SEED = 5100
# Of ten women in a row: weeks from the last menstruation, 0 for one who is not pregnant; up to 2
# weeks are added at random.
_WEEKS = (0, 9, 28, 0, 16, 37, 12, 22, 0, 32)
_AGES_Y = (18.0, 45.0)


def made(work: Path, seed: int) -> LearningBody:
    """Return the trunk of the woman of a seed; made once for a folder."""
    rng = np.random.default_rng([seed, 19])
    person = Person.drawn(rng, age_y=float(rng.uniform(*_AGES_Y)), sex="female")
    week = _WEEKS[seed % len(_WEEKS)]
    week = round(week + float(rng.uniform(0, 2)), 1) if week else None
    file = work / f"images_{seed}.npz"
    if not file.exists():
        body = Body(person=person, seed=seed, pregnancy_week=week)
        phantom = Phantom.of_body(
            body, "trunk", pixels=144, slice_mm=6.0, seed=seed, arms="up", noise_hu=0.0
        )
        series, truth = phantom_series(phantom)
        names = {"names": dict(truth.names), "groups": dict(truth.groups)}
        arrays = {"hu": series.hu, "labels": truth.labels, "affine": truth.affine}
        np.savez_compressed(file, about=np.array(json.dumps(names)), **arrays)
    with np.load(file, allow_pickle=False) as stored:
        hu, labels, affine = (stored[name] for name in ("hu", "labels", "affine"))
        names = json.loads(str(stored["about"]))
    z_mm = affine[2, 3] + affine[2, 2] * np.arange(len(hu))
    atoms = tuple(
        Atom(value, name, "", "#888888", "truth") for name, value in names["names"].items()
    )
    groups = {name: tuple(members) for name, members in names["groups"].items()}
    labelmap = Labelmap(labels, affine, atoms, groups, "truth")
    series = CTSeries(hu, affine, tuple(SliceInfo(float(z)) for z in z_mm), Acquisition(), "woman")
    about = {
        "seed": seed,
        "week": week,
        "age_y": round(person.age_y, 1),
        "height_cm": round(person.height_mm / 10, 1),
        "weight_kg": round(person.weight_kg, 1),
    }
    return LearningBody(scan_of(series, labelmap, person.age_y, "female", False), about)


def simulate(work: Path, seed: int, histories: int) -> str:
    """Simulate the woman of a seed, and return a line about her."""
    file = work / f"body_{seed}.npz"
    if file.exists():
        return f"{seed}: done before"
    started = time.process_time()
    body = made(work, seed)
    painted = time.process_time()
    responses_of(body, histories, seed).write(file)
    ended = time.process_time()
    return f"{body.about}, {painted - started:.0f} + {ended - painted:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--bodies", type=int, default=20)
    parser.add_argument("--histories", type=float, default=4e6)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    seeds = range(FIRST_SEED + options.first, FIRST_SEED + options.first + options.bodies)
    if options.simulate:
        for seed in seeds:
            print(simulate(options.work, seed, int(options.histories)), flush=True)
        return


if __name__ == "__main__":
    main()
