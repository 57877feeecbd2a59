"""Focal distance and wide beams by the simulations of the learning set, without new photons.

    python Testing/Training/dose_geometry_responses.py WORK [--every 4] [--table TABLE.npz]

WORK is that of `dose_learning_set.py`. Around a body that a tube goes round, a ray counts by its
distance from the axis: a beam from another focal distance is the same beam with its bowtie filter
drawn narrower or wider. The simulated beams, with filters of all kinds, make it up as a weighted
sum, and its dose is that sum of theirs; how well they do is seen from CTDI, which is known
(`ctdi`). Dose is that to soft tissue over CTDIvol, of the 32 cm phantom for trunks and of the 16 cm
one for heads. A wide beam is four narrow ones side by side: left out is that its outer rays are
aslant, at most 4 degrees; `dose_geometry.py` follows photons for that.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE), str(HERE.parent / "support")]

from dose_geometry import GEOMETRIES, VOLTAGE_KV, Geometry, beam_model  # noqa: E402
from dose_responses import ENERGY_EDGES, MODELS, all_beams, read_responses  # noqa: E402
from organ_groups import GROUPS, group_of  # noqa: E402
from targets import table  # noqa: E402

from CTDoseSegLib.dosimetry.applicability import ADULT_YEARS  # noqa: E402
from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms  # noqa: E402
from CTDoseSegLib.dosimetry.fast.model import WED_ORIGIN_MM, WED_SCALE_MM, load_model  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of, model_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.xray_beam import XRayBeam  # noqa: E402
from CTDoseSegLib.learning.dose.organs import with_marrow  # noqa: E402
from CTDoseSegLib.learning.dose.rows import own_range, rows_of  # noqa: E402
from CTDoseSegLib.learning.dose.table import LearnedBody, read_table  # noqa: E402
from CTDoseSegLib.learning.dose.train import bundled_table  # noqa: E402

FOCI = tuple(one for one in GEOMETRIES if one.focus_mm != Geometry("").focus_mm)
_RIDGE, _MOST_NOISE, _LEAST_G = 1e-2, 0.03, 0.2
# Middles of four beams of 20 mm that are one of 80 mm.
_SIDE_BY_SIDE_MM = (-30.0, -10.0, 10.0, 30.0)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Changed:
    """A beam from another focal distance as simulated beams make it up.

    Attributes
    ----------
    first, parts
        Index of the beam that it is a change of, and the part of each beam in the change, [b].
    log_kerma
        ln(c / c of the first beam), c being per photon in the phantom of the region.
    terms, log_displayed
        What the law knows: change of the beam's terms, [t], and of ln(CTDIvol 32 cm / displayed).
    ctdi_pct
        Change of CTDI at the centre and periphery of both phantoms, by the table and as made up.
    """

    first: int
    parts: np.ndarray
    log_kerma: float
    terms: np.ndarray
    log_displayed: float
    ctdi_pct: tuple[tuple[float, float], ...]

    def log_change(self, per_photon: np.ndarray) -> float:
        """Return the change of ln of what the beams give per photon, [b]."""
        first = per_photon[self.first]
        return math.log1p(float(self.parts @ (per_photon - first)) / first)


@lru_cache(maxsize=8)
def changed(head: bool, geometry: Geometry) -> Changed:
    """Return the generic beam of the region at a focal distance."""
    beams = all_beams()
    name = MODELS[1 if head else 0]
    first = beams.names.index((name, model_of(name).hvl_mm, int(VOLTAGE_KV)))
    numbers = np.array([_both_sides(beam.probabilities()) for beam in beams.beams])
    models = [beam_model(head, one) for one in (GEOMETRIES[0], geometry)]
    before, after = (beam_of(model, VOLTAGE_KV) for model in models)
    binned, lost = _as_binned(after, beams.mixture)
    wanted = binned - _as_binned(before, beams.mixture)[0]
    weight = 1.0 / np.sqrt(numbers.mean(axis=0) + 1e-6)
    columns = ((numbers - numbers[first]) * weight).reshape(len(numbers), -1).T
    square = columns.T @ columns
    ridge = _RIDGE * np.trace(square) / len(square) * np.eye(len(square))
    parts = np.linalg.solve(square + ridge, columns.T @ (wanted * weight).ravel())
    cm = 16 if head else 32
    terms = [beam_terms(model, VOLTAGE_KV) for model in models]
    made = Changed(
        first, parts,
        math.log(ctdi_of(after, cm).weighted / ctdi_of(before, cm).weighted / (1 - lost)),
        terms[1].values - terms[0].values,
        math.log(terms[1].to_32_cm(cm) / terms[0].to_32_cm(cm)), (),
    )  # fmt: skip
    checks = []
    for phantom_cm in (16, 32):
        for where in ("centre", "periphery"):
            new, old = (getattr(ctdi_of(beam, phantom_cm), where) for beam in (after, before))
            each = np.array([getattr(ctdi_of(beam, phantom_cm), where) for beam in beams.beams])
            checks.append((100 * math.log(new / old / (1 - lost)), 100 * made.log_change(each)))
    return Changed(**{**vars(made), "ctdi_pct": tuple(checks)})


def _as_binned(beam: XRayBeam, like: XRayBeam) -> tuple[np.ndarray, float]:
    """Return shares of photons by distance from the axis, in another beam's bins, and of energy.

    The second value is the share of photons that passes outside the bins; the others add up to 1.
    """
    own, bins = (
        one.focus_isocentre_mm * one.fan_tangent_edges / np.hypot(1.0, one.fan_tangent_edges)
        for one in (beam, like)
    )
    low = np.maximum(bins[:-1, None], own[None, :-1])
    high = np.minimum(bins[1:, None], own[None, 1:])
    by_fan = np.maximum(high - low, 0.0) / np.diff(own) @ beam.probabilities()
    energy = np.digitize(beam.energies_keV, ENERGY_EDGES) - 1
    numbers = np.zeros((len(bins) - 1, len(ENERGY_EDGES) - 1))
    np.add.at(numbers.T, np.clip(energy, 0, len(ENERGY_EDGES) - 2), by_fan.T)
    return _both_sides(numbers) / numbers.sum(), 1.0 - float(numbers.sum())


def _both_sides(numbers: np.ndarray) -> np.ndarray:
    return (numbers + numbers[::-1]) / 2


@dataclass(frozen=True)
class Found:
    """ln(dose over CTDIvol / that at the reference distance), and less what the law knows."""

    who: str
    organ: str
    geometry: str
    change: float
    unknown: float


def of_body(file: Path) -> Iterator[Found]:
    """Yield the changes of a body's organs."""
    found = read_responses(file)
    head = found.about["region"] == "head_neck"
    age = found.about["age_y"]
    who = "heads" if head else "children" if age is not None and age < ADULT_YEARS else "adults"
    models = {
        name: model
        for region, shared in load_model().regions.items()
        if (region == "head") == head
        for name, model in shared.organs.items()
    }
    wed = found.profiles["wed_mm"]
    known = np.isfinite(wed)
    per_photon = found.dose.sum(axis=1).astype(float) * all_beams().kerma_mGy_cm[:, 1]
    for n, organ in enumerate(found.names):
        area = found.organ_area_mm2[n] * known
        if organ not in models or group_of(organ) is None or not area.any():
            continue
        noise = np.linalg.norm(found.se[n]) / found.dose[n, :, 0].sum()
        if found.mass_g[n] < _LEAST_G or not noise < _MOST_NOISE:
            continue
        size = float(area[known] @ wed[known] / area.sum())
        model = models[organ]
        slope = model.beam + (size - WED_ORIGIN_MM) / WED_SCALE_MM * model.beam_by_wed
        for geometry in FOCI:
            one = changed(head, geometry)
            change = one.log_change(per_photon[n]) - one.log_kerma
            law = float(slope @ one.terms) + one.log_displayed
            yield Found(who, organ, geometry.name, change, change - law)


def by_group(found: list[Found]) -> Iterator[tuple[str, ...]]:
    """Yield rows by geometry, bodies and group of organs."""
    for geometry in FOCI:
        for who in ("adults", "children", "heads"):
            for group in (*GROUPS, "all"):
                own = [
                    one for one in found
                    if (one.geometry, one.who) == (geometry.name, who)
                    and group in ("all", group_of(one.organ))
                ]  # fmt: skip
                if not own:
                    continue
                change, unknown = (
                    100 * np.array([getattr(one, name) for one in own])
                    for name in ("change", "unknown")
                )
                most, worst = (int(np.argmax(np.abs(values))) for values in (change, unknown))
                yield (
                    *(geometry.name, who, group, str(len(own)), f"{np.median(change):+.1f}"),
                    f"{change[most]:+.1f} ({own[most].organ})",
                    f"{np.median(unknown):+.2f}",
                    f"{np.sqrt(np.mean(unknown**2)):.2f}",
                    f"{unknown[worst]:+.1f} ({own[worst].organ})",
                )


def wide(bodies: list[LearnedBody]) -> Iterator[tuple[str, ...]]:
    """Yield what a beam of 80 mm takes from scans of an organ that end 30 mm beyond it."""
    found: dict[str, list[float]] = {}
    for body in (with_marrow(one) for one in bodies):
        kind = "heads" if body.about["region"] == "head_neck" else "trunks"
        for organ in (name for names in GROUPS.values() for name in names):
            for row in rows_of([body], organ):
                low, high = own_range(row)
                beams = [row.dose((low + away, high + away)) for away in _SIDE_BY_SIDE_MM]
                found.setdefault(kind, []).append(
                    100 * (np.mean(beams) / row.dose((low, high)) - 1)
                )
    for kind, values in found.items():
        first, middle, last = np.percentile(values, (5, 50, 95))
        yield kind, str(len(values)), f"{middle:+.1f}", f"{first:+.1f} to {last:+.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--every", type=int, default=4, help="take one body of so many")
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    print("Change of CTDI per photon, ln, %: by the table, and as the simulated beams make it up\n")
    places = ("16 cm centre", "16 cm periphery", "32 cm centre", "32 cm periphery")
    checks = [
        (one.name, "head" if head else "body", *(f"{a:+.2f}, {b:+.2f}" for a, b in values))
        for head in (False, True)
        for one in FOCI
        if (values := changed(head, one).ctdi_pct)
    ]
    print(*table(("geometry", "filter", *places), checks), sep="\n")
    files = sorted(options.work.glob("body_????.npz"))[:: options.every]
    found = [one for file in files for one in of_body(file)]
    print(f"\nChange of organ dose / CTDIvol with the focus, {len(files)} bodies, %\n")
    heads = ("geometry", "bodies", "organs", "doses", "median", "largest")
    rest = ("not known to the law: median", "root mean square", "largest")
    print(*table((*heads, *rest), by_group(found)), sep="\n")
    bodies = read_table(options.table or bundled_table())
    print("\nA beam of 80 mm on scans of an organ that end 30 mm beyond it, %\n")
    simulated = [body for body in bodies if not body.about.get("real")]
    print(*table(("bodies", "doses", "median", "5 to 95 %"), wide(simulated)), sep="\n")


if __name__ == "__main__":
    main()
