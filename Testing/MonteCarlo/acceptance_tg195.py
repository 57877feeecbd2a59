"""Stand beside AAPM Report 195, case 4: a PMMA cylinder in a fan beam, four codes.

    python Testing/MonteCarlo/acceptance_tg195.py [--reference FOLDER] [--histories 2e7]

Prints Markdown tables of energy per emitted photon: ours, the mean of the codes (EGSnrc, Geant4,
MCNP, Penelope), the deviation, our standard error and how far the codes are apart. Ends with an
error if a value is outside its bound: 4.1 slab 1 0.7 %, slabs 2 to 4 1.5 %; 4.2 2 % up to 90
degrees, behind the cylinder 3 % or three standard errors.

FOLDER holds `tg195.csv` (case, beam, geometry, quantity, and eV per history by code) and
`tg195_spectra.csv` (spectrum, energy_keV, relative): the report's values for case 4 and its
spectrum of 120 kV, which lie in `tg195` beside this file. (AAPM Report 195: I. Sechopoulos et al.,
Monte Carlo reference data sets for imaging research, Med. Phys. 42, 2015.)

Case 4: cylinder of 320 mm diameter, 3 m long, in air; a point source 600 mm from its axis emits
isotropically into a rectangle of 320 x 10 or 320 x 80 mm at the axis. 4.1 scores slabs of 10 mm
at z = 0, -10, -20 and -30 mm; 4.2 rods of 10 mm diameter and 100 mm length on the axis and 10 mm
below the surface. Twelve rods in one run are the twelve angles; mirror images are averaged.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from tg195 import MATERIALS, RADIUS_MM, ROD_MM, ROD_RADIUS_MM, cylinder, fan  # noqa: E402

from CTDoseSegLib.dosimetry.montecarlo.photons import photons_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels  # noqa: E402

CODES = ("egsnrc", "geant4", "mcnp", "penelope")
ANGLES = tuple(range(0, 181, 30))


@dataclass(frozen=True)
class Row:
    """One value beside the codes' mean; all in eV per emitted photon."""

    beam: str
    geometry: str
    quantity: str
    ours: float
    se: float
    codes: tuple[float, ...]
    bound: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.codes))

    @property
    def deviation(self) -> float:
        return self.ours / self.mean - 1.0

    @property
    def kept(self) -> bool:
        return abs(self.deviation) <= self.bound

    def markdown(self) -> str:
        apart = (max(self.codes) - min(self.codes)) / self.mean
        cells = (
            self.beam,
            self.geometry,
            self.quantity,
            f"{self.ours:.5g}",
            f"{self.mean:.5g}",
            f"{100 * self.deviation:+.2f} %",
            f"{100 * self.se / self.ours:.2f} %",
            f"{100 * apart:.2f} %",
            "yes" if self.kept else "NO",
        )
        return f"| {' | '.join(cells)} |"


HEADER = (
    "| beam | geometry | quantity | ours, eV | mean of codes, eV | deviation | SE | codes apart "
    "| in bound |\n|---|---|---|---|---|---|---|---|---|"
)


def compared(
    case: str,
    world: tuple[Voxels, dict],
    scores: dict[str, tuple[tuple[int, ...], list[str], str]],
    folder: Path,
    histories: int,
) -> list[Row]:
    """Return the rows of a case: run each beam and collimation, read the codes' values."""
    with (folder / "tg195.csv").open(encoding="utf-8") as file:
        table = {
            (r["beam"], r["geometry"], r["quantity"]): tuple(float(r[c]) for c in CODES)
            for r in csv.DictReader(file)
            if r["case"] == case
        }
    voxels, ratios = world
    spectra = folder / "tg195_spectra.csv"
    groups = Scores(tuple(scores), tuple(members for members, _, _ in scores.values()))
    photons = photons_of(MATERIALS)
    rows = []
    for name in ("56.4 keV", "120 kVp"):
        for width in (10, 80):
            beam = fan(name, width, spectra if name == "120 kVp" else None)
            began, cpu = time.perf_counter(), time.process_time()
            path = SourcePath.standing_at(0.0, 0.0)
            seed = 1 + len(rows)  # equal seeds would repeat their chance from beam to beam
            tally = simulate(
                voxels, beam, path, groups, histories=histories, seed=seed, photons=photons
            )
            cpu = time.process_time() - cpu
            print(
                f"{case}, {name}, {width} mm: {tally.total_histories:.3g} histories in "
                f"{time.perf_counter() - began:.0f} s, {tally.total_histories / cpu:.3g} in a CPU "
                "second",
                file=sys.stderr,
            )
            energy, error = tally.mean_energy_keV()
            for s, (members, quantities, geometry) in enumerate(scores.values()):
                scale = 1000.0 * ratios[members[0]] / len(members)
                ours, se = energy[s] * scale, error[s] * scale
                place = f"{width} mm beam{geometry}"
                codes = tuple(
                    float(np.mean([table[name, place, q][c] for q in quantities]))
                    for c in range(len(CODES))
                )
                bound = _bound(case, geometry, quantities[0], se / ours)
                rows.append(Row(name, place, quantities[0], ours, se, codes, bound))
    return rows


def _bound(case: str, geometry: str, quantity: str, relative_se: float) -> float:
    if case == "4.1":
        return 0.007 if quantity == "slab 1" else 0.015
    behind = "periphery" in geometry and int(quantity.split()[0]) > 90
    return max(0.03, 3 * relative_se) if behind else 0.02


def case_1(folder: Path, histories: int) -> list[Row]:
    regions = {n + 1: (0.0, 0.0, RADIUS_MM, -n) for n in range(4)}
    scores = {f"slab {n}": ((n,), [f"slab {n}"], "") for n in regions}
    return compared("4.1", cylinder(2.0, 301, 10.0, regions), scores, folder, histories)


def case_2(folder: Path, histories: int) -> list[Row]:
    regions = {1: (0.0, 0.0, ROD_RADIUS_MM, 0)}
    for n in range(12):  # the tube stands at 0 degrees, at -y
        turn = np.deg2rad(30 * n)
        place = (ROD_MM * np.sin(turn), -ROD_MM * np.cos(turn))
        regions[2 + n] = (*place, ROD_RADIUS_MM, 0)
    every = [f"{30 * n} deg" for n in range(12)]
    scores = {"centre": ((1,), every, ", centre rod")}
    for angle in ANGLES:
        mirror = sorted({angle, (360 - angle) % 360})
        members = tuple(2 + a // 30 for a in mirror)
        scores[str(angle)] = (members, [f"{a} deg" for a in mirror], ", periphery rod")
    return compared("4.2", cylinder(1.0, 31, 100.0, regions), scores, folder, histories)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, default=HERE / "tg195")
    parser.add_argument("--histories", type=float, default=2e7, help="of each beam")
    parser.add_argument("--case", choices=("4.1", "4.2", "both"), default="both")
    options = parser.parse_args()
    rows: list[Row] = []
    for name, case in (("4.1", case_1), ("4.2", case_2)):
        if options.case in (name, "both"):
            of_case = case(options.reference, int(options.histories))
            print(f"\nCase {name}\n\n{HEADER}")
            print("\n".join(row.markdown() for row in of_case), flush=True)
            rows += of_case
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
