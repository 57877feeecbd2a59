"""Whether the Monte Carlo engine's own statements hold: its errors, its threads, its weighted sums.

    python Testing/MonteCarlo/acceptance_engine.py [--seeds 10] [--profiles 20] [--histories 3e5]

The trunk of `ctdoseseg phantom` (seed 0, 8 x 3.9 x 3.9 mm), 120 kV, generic body beam.

- Threads: one and two give the same sums to the last bit, also of the map.
- Seeds: short runs against one with 30 times the histories. z is the difference over its standard
  error, over all organs above 20 ml; its standard deviation must lie between 0.9 and 1.1, or its
  90 % interval (bootstrap over seeds) reach into that. The voxels' errors likewise, of two seeds.
- Profiles: the doses of random CTDIvol profiles recombined from the run with a constant one,
  against runs with these profiles: 2 % on average, each within three standard errors and 2 %.

Ends with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from targets import Reached, table, targets_table  # noqa: E402

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.exposure import Exposure, exposure_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.maps import dose_map_of, scale_of_maps  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.response import Response, path_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.stopping import deciding_organs  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.tally import Tally  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate  # noqa: E402
from CTDoseSegLib.dosimetry.scan import Scan  # noqa: E402
from CTDoseSegLib.measurement.measurements import measure  # noqa: E402
from CTDoseSegLib.measurement.size import measure_size  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap  # noqa: E402

LONG = 30
BEAM = "generic body"
WITHIN, SIGMAS = 0.02, 3.0
Z_SD = (0.9, 1.1)


class Trunk:
    """The phantom's trunk, ready to be simulated."""

    def __init__(self) -> None:
        series, truth = phantom_series(Phantom(seed=0))
        names = truth.names
        atoms = tuple(Atom(value, name, "", "#888888", "truth") for name, value in names.items())
        labelmap = Labelmap(truth.labels, truth.affine, atoms, truth.groups, "truth")
        acquisition = Acquisition(kvp_kV=120.0, ctdivol_mGy=10.0, phantom_cm=32, age_years=50.0)
        series = replace(series, acquisition=acquisition)
        measured = measure(series, labelmap)
        size = measure_size(series, labelmap, measured)
        self.scan = Scan.of(series, labelmap, measured, size)
        self.exposure = exposure_of(self.scan)
        self.patient = patient_of(self.scan)
        self.beam = beam_of(BEAM, 120.0, collimation_mm=self.exposure.collimation_mm)
        self.kerma = ctdi_weighted_per_history(self.beam, 32)[0]
        scores = {name: n for n, name in enumerate(self.patient.scores.names)}
        self.organs = deciding_organs(self.scan, self.exposure, scores)
        self.columns = list(self.organs.values())

    def run(self, histories: float, exposure: Exposure | None = None, **options: object) -> Tally:
        path = path_of(exposure or self.exposure)
        patient = self.patient
        return simulate(
            patient.voxels, self.beam, path, patient.scores, histories=int(histories), **options
        )

    def doses(
        self, tally: Tally, exposure: Exposure | None = None, sampled: Exposure | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Doses and standard errors of the organs that decide, of a run that sampled `sampled`."""
        exposure = exposure or self.exposure
        path = path_of(sampled or self.exposure)
        response = Response(tally, path, self.patient.mass_g, self.kerma, 0.0)
        dose, relative = response.doses(exposure)
        return dose[self.columns], (dose * relative)[self.columns]


def threads(trunk: Trunk, histories: float) -> list[Reached]:
    one, two = (trunk.run(histories, threads=n, with_map=True) for n in (1, 2))
    same = all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("sums_keV", "squares_keV2", "histories", "map_keV")
    )
    return [Reached("1 and 2 threads equal to the last bit", float(same), 1.0, digits=0)]


def seeds(trunk: Trunk, number: int, histories: float) -> tuple[list[Reached], Tally]:
    started = time.process_time()
    long = trunk.run(LONG * histories, seed=1)
    seconds = time.process_time() - started
    true, true_se = trunk.doses(long)
    z = []
    for seed in range(2, number + 2):
        dose, se = trunk.doses(trunk.run(histories, seed=seed))
        z.append((dose - true) / np.hypot(se, true_se))
    z = np.array(z)
    rng = np.random.default_rng(1)
    again = [np.sqrt(np.mean(z[rng.integers(0, number, number)] ** 2)) for _ in range(1000)]
    low, high = np.quantile(again, (0.05, 0.95))
    print(f"{LONG * histories:.3g} photons in {seconds:.1f} s of CPU\n")
    rows = (
        (name, f"{dose:.2f}", f"{100 * error / dose:.2f} %", f"{np.sqrt(np.mean(own**2)):.2f}")
        for name, dose, error, own in zip(trunk.organs, true, true_se, z.T, strict=True)
    )
    heads = ("organ", "mGy at CTDIvol 10 mGy", "standard error", "rms z of seeds")
    print(*table(heads, rows), sep="\n")
    value = float(np.sqrt(np.mean(z**2)))
    inside = low <= Z_SD[1] and high >= Z_SD[0]
    detail = f"90 % interval {low:.2f} to {high:.2f}, {number} seeds, {z.shape[1]} organs"
    figures = [
        Reached("rms z of organs", value, detail=detail),
        Reached("its interval reaches 0.9 to 1.1", float(inside), 1.0, digits=0),
    ]
    return [*figures, *voxels(trunk, histories)], long


def voxels(trunk: Trunk, histories: float) -> list[Reached]:
    scale = scale_of_maps(trunk.exposure.dose_length_mGy_cm, trunk.kerma)
    first, second = (
        dose_map_of(
            trunk.run(4 * histories, seed=seed, with_map=True),
            trunk.patient.voxels,
            scale,
            keep_batches=False,
        )
        for seed in (101, 102)
    )
    error = np.hypot(first.statistical_sd_mGy, second.statistical_sd_mGy)
    body = (trunk.patient.voxels.region > 0) & (error > 0)
    z = (first.dose_mGy[body] - second.dose_mGy[body]) / error[body]
    # The middle of the distribution: voxels of few photons are not normal.
    spread = float(np.diff(np.quantile(z, (0.1587, 0.8413)))[0] / 2)
    detail = f"half the central 68 % of {z.size} voxels, two seeds"
    return [
        Reached("z of voxels", spread, 1.15, most=True, detail=detail),
        Reached("z of voxels", spread, 0.85, detail="and no less"),
    ]


def profiles(trunk: Trunk, number: int, histories: float, flat: Tally) -> list[Reached]:
    """Recombine `flat`, and simulate the same exposures."""
    rng = np.random.default_rng(7)
    z_mm = trunk.exposure.z_mm
    off, errors, far = [], [], 0
    for n in range(number):
        waves = rng.normal(0, 0.5, 4) @ np.cos(
            np.outer(np.arange(1, 5), 2 * np.pi * (z_mm - z_mm[0]) / np.ptp(z_mm))
            + rng.uniform(0, 6)
        )
        exposure = replace(trunk.exposure, ctdivol_mGy=10.0 * np.exp(waves))
        recombined, own = trunk.doses(flat, exposure)
        direct, se = trunk.doses(
            trunk.run(histories, exposure, seed=1000 + n), exposure, sampled=exposure
        )
        ratio = recombined / direct - 1
        off.append(ratio)
        errors.append((own / recombined, se / direct))
        allowed = WITHIN + SIGMAS * np.hypot(own / recombined, se / direct)
        far += int((np.abs(ratio) > allowed).sum())
    off = np.array(off)
    mean = float(np.abs(off.mean(axis=0)).max())
    detail = (
        f"{number} profiles, largest mean of an organ; median of all {np.median(np.abs(off)):.4f}"
    )
    return [
        Reached("recombined profiles against direct runs", mean, WITHIN, most=True, detail=detail),
        Reached("beyond 2 % and three standard errors", far, 0, most=True, digits=0),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--profiles", type=int, default=20)
    parser.add_argument("--histories", type=float, default=3e5)
    args = parser.parse_args()
    trunk = Trunk()
    figures = threads(trunk, args.histories)
    more, long = seeds(trunk, args.seeds, args.histories)
    figures += [*more, *profiles(trunk, args.profiles, args.histories, long)]
    print("", *targets_table(figures), sep="\n")
    return int(any(one.met is False for one in figures))


if __name__ == "__main__":
    sys.exit(main())
