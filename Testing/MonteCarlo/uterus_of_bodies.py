"""Hold the dose of the uterus region against simulations of women of the family of bodies.

    python Testing/MonteCarlo/uterus_of_bodies.py WORK --simulate [--first 0] [--bodies 20]
        [--histories 3e6]
    python Testing/MonteCarlo/uterus_of_bodies.py WORK [OTHER ...] --table WORK/uterus_doses.csv

The first form simulates women of 18 to 45 years, seven of ten pregnant, of the seeds 5100 to 5119,
which are no bodies that the law was fitted to; WORK gets an ``.npz`` a body and goes on where it
was ended. The folders of the second form may also be those of `dose_learning_set.py`, of which it
takes the women of 15 to 50 years.

The second form gives every woman four scans (abdomen and pelvis, pelvis, upper abdomen, chest),
each with one CTDIvol and with one that follows her size, by the beam that the law takes and by
another one at random; with the labels of uterus and fetus, without them, and without them but with
the week of pregnancy (week 5 for women who are not pregnant). Scans are rebuilt from what the
simulation keeps of a body: an ellipse of her size in each slice, and in it as much of each organ
as she has there. Simulated is the dose of the fetus, or of the uterus where there is none, without
what contrast agent adds.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(HERE.parent / "Training")]

from dose_bodies import LearningBody, scan_of  # noqa: E402
from dose_responses import Responses, all_beams, read_responses, responses_of  # noqa: E402

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries, SliceInfo  # noqa: E402
from CTDoseSegLib.dosimetry.doses import DoseResult  # noqa: E402
from CTDoseSegLib.dosimetry.scan import Scan  # noqa: E402
from CTDoseSegLib.dosimetry.uterus_dose import UterusDose, uterus_dose  # noqa: E402
from CTDoseSegLib.learning.dose.table import read_table  # noqa: E402
from CTDoseSegLib.measurement.measurements import measure  # noqa: E402
from CTDoseSegLib.measurement.size import measure_size  # noqa: E402
from CTDoseSegLib.phantom.bodies.body import Body  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap  # noqa: E402

FIRST_SEED = 5100
LABELS = ("all", "without uterus", "without uterus, week stated")
_TABLE = ROOT / "CTDoseSeg" / "CTDoseSegLib" / "models" / "dose" / "learning_set.npz"
# Of ten women in a row: weeks from the last menstruation, 0 for one who is not pregnant; up to 2
# weeks are added at random.
_WEEKS = (0, 9, 28, 0, 16, 37, 12, 22, 0, 32)
_AGES_Y, _WOMEN_Y = (18.0, 45.0), (15.0, 50.0)
_SHOWN = ("lung", "liver", "hip_left", "hip_right", "sacrum", "urinary_bladder", "uterus", "fetus")
_PIXEL_MM = 4.0


def simulate(work: Path, seed: int, histories: int) -> str:
    """Simulate the woman of a seed, and return a line about her."""
    file = work / f"body_{seed}.npz"
    if file.exists():
        return f"{seed}: done before"
    started = time.process_time()
    rng = np.random.default_rng([seed, 19])
    person = Person.drawn(rng, age_y=float(rng.uniform(*_AGES_Y)), sex="female")
    week = _WEEKS[seed % len(_WEEKS)]
    week = round(week + float(rng.uniform(0, 2)), 1) if week else None
    body = Body(person=person, seed=seed, pregnancy_week=week)
    series, truth = phantom_series(
        Phantom.of_body(body, "trunk", pixels=144, slice_mm=6.0, seed=seed, arms="up", noise_hu=0.0)
    )
    atoms = tuple(Atom(n, name, "", "#888888", "truth") for name, n in truth.names.items())
    groups = {name: tuple(members) for name, members in truth.groups.items()}
    labelmap = Labelmap(truth.labels, truth.affine, atoms, groups, "truth")
    about = {
        "seed": seed,
        "region": "trunk",
        "age_y": round(person.age_y, 1),
        "sex": "female",
        "height_cm": round(person.height_mm / 10, 1),
        "weight_kg": round(person.weight_kg, 1),
        "phase": "none",
        "week": week,
    }
    scan = scan_of(series, labelmap, person.age_y, "female", contrast=False)
    responses_of(LearningBody(scan, about), histories, seed).write(file)
    return f"{about}, {time.process_time() - started:.0f} s"


def women(folders: Iterable[Path]) -> Iterator[Responses]:
    """Yield the simulated women of some folders, each seed once."""
    seen = set()
    for folder in folders:
        for file in sorted(folder.glob("body_????.npz")):
            found = read_responses(file)
            about = found.about
            woman = about["sex"] == "female" and about["region"] == "trunk"
            if woman and _WOMEN_Y[0] <= about["age_y"] <= _WOMEN_Y[1] and about["seed"] not in seen:
                seen.add(about["seed"])
                yield found


@dataclass(frozen=True)
class Case:
    """A scan of a body: what was simulated, and what is given for it."""

    about: dict
    fitted: bool
    region: str
    ctdivol: str
    beam: str
    labels: str
    simulated_mGy: float
    simulated_se: float
    given: UterusDose

    def row(self) -> dict:
        """Return the columns of the table."""
        body = ("seed", "week", "age_y", "height_cm", "weight_kg")
        own = ("fitted", "region", "ctdivol", "beam", "labels", "simulated_mGy", "simulated_se")
        shown = ("dose_mGy", "low_mGy", "high_mGy", "z_profile_mGy", "upper_bound", "position_from")
        return {
            **{name: self.about.get(name) for name in body},
            **{name: getattr(self, name) for name in own},
            **{name: getattr(self.given, name) for name in shown},
        }


def cases(woman: Responses, *, fitted: bool) -> Iterator[Case]:
    """Yield the scans of a woman."""
    organ = "fetus" if "fetus" in woman.names else "uterus"
    beams = all_beams().names
    taken = next(n for n, (_, _, voltage) in enumerate(beams) if voltage == 120)
    rng = np.random.default_rng([woman.about["seed"], 20])
    for region, inside in _spans(woman).items():
        for ctdivol in ("one", "by size"):
            for beam, number in (("taken", taken), ("another", int(rng.integers(len(beams))))):
                for labels in LABELS:
                    scan = _scan(woman, inside, ctdivol, float(beams[number][2]), labels)
                    # Without an engine's doses it takes those of the fast law.
                    given = uterus_dose(scan, DoseResult(()))
                    dose = _simulated(woman, organ, number, scan)
                    how = (fitted, region, ctdivol, beam, labels)
                    yield Case(woman.about, *how, *dose, given)


def _spans(woman: Responses) -> dict[str, np.ndarray]:
    """Return which images each scan has, by landmarks of the body, [k]."""
    z = woman.profiles["z_mm"]

    def ends(organ: str) -> tuple[float, float]:
        there = z[woman.organ_area_mm2[woman.names.index(organ)] > 0]
        return float(there.min()), float(there.max())

    crest, dome, base = ends("hip_left")[1], ends("liver")[1], ends("lung")[0]
    spans = {
        "abdomen and pelvis": (z.min(), dome + 20),
        "pelvis": (z.min(), crest + 10),
        "upper abdomen": (crest, dome + 20),
        "chest": (base - 20, z.max()),
    }
    return {name: (z >= low) & (z <= high) for name, (low, high) in spans.items()}


def _scan(
    woman: Responses, inside: np.ndarray, ctdivol: str, voltage_kV: float, labels: str
) -> Scan:
    """Return images of a woman as a scan, irradiated 25 mm beyond them at each end."""
    z, wed = woman.profiles["z_mm"][inside], woman.profiles["wed_mm"][inside]
    by_size = np.exp((wed - np.nanmean(wed)) / 100.0) if ctdivol == "by size" else np.ones(len(z))
    week = (woman.about["week"] or 5.0) if labels == LABELS[2] else None
    acquisition = Acquisition(
        kvp_kV=voltage_kV,
        ctdivol_mGy=10.0,
        phantom_cm=32,
        total_collimation_mm=20.0,
        age_years=30.0,
        sex="F",
        contrast=False,
        pregnancy_stated=True,
        pregnancy_week=week,
        irradiated_range_mm=(float(z.min()) - 25.0, float(z.max()) + 25.0),
        sources={"irradiated_range_mm": "user"},
    )
    left_out = () if labels == "all" else ("uterus", "fetus")
    names = [name for name in _SHOWN if name in woman.names and name not in left_out]
    hu, values = _drawn(woman, inside, names)
    affine = np.diag([_PIXEL_MM, _PIXEL_MM, float(z[1] - z[0]), 1.0])
    affine[2, 3] = z[0]
    slices = tuple(
        SliceInfo(z_mm=float(one), ctdivol_mGy=float(10.0 * c))
        for one, c in zip(z, by_size, strict=True)
    )
    atoms = [Atom(n, name, "", "#888888", "truth") for n, name in enumerate(["rest", *names], 1)]
    groups = {name: (name,) for name in names} | {"body": ("rest", *names)}
    series = CTSeries(hu, affine, slices, acquisition, "woman")
    labelmap = Labelmap(values, affine, tuple(atoms), groups, "truth")
    measured = measure(series, labelmap)
    return Scan.of(series, labelmap, measured, measure_size(series, labelmap, measured))


def _drawn(woman: Responses, inside: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return HU and labels of images in which body and organs have their areas, [k, j, i]."""
    profiles = {name: values[inside] for name, values in woman.profiles.items()}
    widest = max(np.nanmax(profiles["width_mm"]), np.nanmax(profiles["height_mm"]))
    pixels = int(1.1 * widest / _PIXEL_MM) + 8
    y, x = (np.mgrid[:pixels, :pixels] - (pixels - 1) / 2) * _PIXEL_MM
    hu = np.full((int(inside.sum()), pixels, pixels), -1000, np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    for k in range(len(hu)):
        area, wed = profiles["area_mm2"][k], profiles["wed_mm"][k]
        stretch = profiles["height_mm"][k] / profiles["width_mm"][k]
        # The body's pixels are those nearest to its middle, as many as it has.
        order = np.argsort(np.hypot(x, y / stretch), axis=None)[: round(area / _PIXEL_MM**2)]
        hu[k].flat[order] = round(1000 * (np.pi / 4 * wed**2 / area - 1))
        labels[k].flat[order] = 1
        used = 0
        for n, name in enumerate(names, start=2):
            own = woman.organ_area_mm2[woman.names.index(name), inside][k] / _PIXEL_MM**2
            labels[k].flat[order[used : used + round(own)]] = n
            used += round(own)
    return hu, labels


def _simulated(woman: Responses, organ: str, beam: int, scan: Scan) -> tuple[float, float]:
    """Return the simulated dose of the whole organ, mGy, and its relative standard error."""
    n, edges = woman.names.index(organ), woman.z_edges_mm
    low, high = scan.beam.range_mm
    length = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
    part = np.clip(length / np.diff(edges), 0, 1)
    z, ctdivol = scan.series.z_mm, np.array([s.ctdivol_mGy for s in scan.series.slices])
    weight = part * np.interp((edges[1:] + edges[:-1]) / 2, z, ctdivol)
    enhanced = woman.about["phase"] != "none"
    medium = 1.0 if enhanced else float(woman.medium_ratio[n, beam])
    # The error is known of the first beam.
    first = float(woman.dose[n].mean(axis=1) @ weight)
    error = float(np.sqrt(woman.se[n] ** 2 @ weight**2)) / first
    return medium * float(woman.dose[n, :, beam] @ weight), error


def summarize(found: list[Case]) -> None:
    """Print what is held, by labels, beam and scan."""
    for labels in LABELS:
        for beam in ("taken", "another"):
            some = [case for case in found if (case.labels, case.beam) == (labels, beam)]
            print(f"labels: {labels}; beam: {beam}")
            for region in dict.fromkeys(case.region for case in some):
                _print(region, [case for case in some if case.region == region])
            _print("all", some)


def _print(region: str, some: list[Case]) -> None:
    dosed = [case for case in some if case.given.dose_mGy is not None]
    bounds = [case for case in some if case.given.upper_bound]
    text = f"  {region:18} {len(some):3} scans"
    if dosed:
        true = np.array([case.simulated_mGy for case in dosed])
        text += f", {len(dosed)} doses:"
        for name, what in (("dose_mGy", "law"), ("z_profile_mGy", "z-profile")):
            ratio = np.array([getattr(case.given, name) for case in dosed]) / true
            within = np.mean(abs(ratio - 1) <= 0.3)
            text += f" {what} within 30 % {within:.0%} ({ratio.min():.2f} to {ratio.max():.2f}),"
        low, high = (
            np.array([getattr(c.given, e) for c in dosed]) for e in ("low_mGy", "high_mGy")
        )
        text += f" in the interval {np.mean((low <= true) & (true <= high)):.0%}"
    if bounds:
        over = np.array([case.given.high_mGy / case.simulated_mGy for case in bounds])
        text += f", {len(bounds)} bounds: held {np.mean(over >= 1):.0%} (over simulated "
        text += f"{over.min():.1f} to {over.max():.1f}, median {np.median(over):.1f})"
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, nargs="+")
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--bodies", type=int, default=20)
    parser.add_argument("--histories", type=float, default=3e6)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    if options.simulate:
        work = options.work[0]
        work.mkdir(parents=True, exist_ok=True)
        for seed in range(options.first, options.first + options.bodies):
            print(simulate(work, FIRST_SEED + seed, int(options.histories)), flush=True)
        return
    fitted = {body.about["seed"] for body in read_table(_TABLE)}
    found = []
    for woman in women(options.work):
        seed, week = woman.about["seed"], woman.about["week"]
        print(f"{seed}: {week or 'not'} weeks, {'fitted' if seed in fitted else 'not fitted'}")
        found += list(cases(woman, fitted=seed in fitted))
    if options.table:
        rows = [case.row() for case in found]
        with options.table.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    summarize(found)


if __name__ == "__main__":
    main()
