"""Whether the Monte Carlo engine's own statements hold: its errors, its threads, its weighted sums.

    python Testing/MonteCarlo/acceptance_engine.py [--seeds 10] [--profiles 20] [--edits 10]
        [--histories 3e5]

The trunk of `ctdoseseg phantom` (seed 0, 8 x 3.9 x 3.9 mm), 120 kV, generic body beam.

- Threads: one and two give the same sums to the last bit, also of the map.
- Seeds: short runs against one with 30 times the histories. z is the difference over its standard
  error, over all organs above 20 ml; its standard deviation must lie between 0.9 and 1.1, or its
  90 % interval (bootstrap over seeds) reach into that. The voxels' errors likewise, of two seeds.
- Profiles: the doses of random CTDIvol profiles recombined from the run with a constant one,
  against runs with these profiles: 2 % on average, and no more of them beyond three standard
  errors and 2 % than chance leaves there.

- Edits: organs grown, shrunk, shifted and halved, and new lesions of 5 ml: their dose from the map
  of a run that did not know them, against runs with the edited label map, both to soft tissue:
  within three standard errors and 2 %, 5 % for the aorta.

Ends with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from targets import Reached, table, targets_table  # noqa: E402

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.exposure import Exposure, exposure_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.maps import (  # noqa: E402
    dose_map_of,
    dose_of_region,
    scale_of_maps,
)
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.response import Response, path_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.stopping import deciding_organs  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.tally import SOFT_TISSUE, Tally  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate  # noqa: E402
from CTDoseSegLib.dosimetry.scan import Scan  # noqa: E402
from CTDoseSegLib.measurement.measurements import measure  # noqa: E402
from CTDoseSegLib.measurement.size import measure_size  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap  # noqa: E402

LONG = 30
BEAM = "generic body"
WITHIN, SIGMAS = 0.02, 3.0
# What chance alone leaves beyond three standard errors.
CHANCE = 0.003
Z_SD = (0.9, 1.1)


def drawn() -> tuple[CTSeries, Labelmap]:
    """The phantom's trunk and its exact labels."""
    series, truth = phantom_series(Phantom(seed=0))
    names = truth.names
    atoms = tuple(Atom(value, name, "", "#888888", "truth") for name, value in names.items())
    labelmap = Labelmap(truth.labels, truth.affine, atoms, truth.groups, "truth")
    acquisition = Acquisition(kvp_kV=120.0, ctdivol_mGy=10.0, phantom_cm=32, age_years=50.0)
    return replace(series, acquisition=acquisition), labelmap


class Trunk:
    """The phantom's trunk, ready to be simulated."""

    def __init__(self, series: CTSeries, labelmap: Labelmap) -> None:
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
        Reached(
            "part beyond 2 % and three standard errors",
            far / off.size,
            CHANCE,
            most=True,
            detail=f"{far} of {off.size}",
        ),
    ]


def edited(labelmap: Labelmap, series: CTSeries) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield what is done, the organ's name, and its new mask."""
    plane = ndimage.generate_binary_structure(3, 1)
    plane[[0, 2]] = False
    for organ, pixels in (("liver", 5), ("heart_myocardium", 4), ("aorta", 2)):
        mask = labelmap.mask(organ)
        yield "grown", organ, ndimage.binary_dilation(mask, plane, iterations=pixels)
    for organ, pixels in (("spleen", 5), ("kidney_right", 4)):
        mask = labelmap.mask(organ)
        yield "shrunk", organ, ndimage.binary_erosion(mask, plane, iterations=pixels)
    for organ, by in (("kidney_left", (1, 0, 8)), ("stomach", (0, 8, -8))):
        yield "shifted", organ, np.roll(labelmap.mask(organ), by, (0, 1, 2))
    half = labelmap.mask("colon")
    half[:, :, : half.shape[2] // 2] = False
    yield "halved", "colon", half
    spacing = np.array(series.spacing_mm)[::-1]
    for organ, place in (("liver", 0.5), ("pancreas", 0.4)):
        inside = np.argwhere(labelmap.mask(organ))
        centre = inside[int(place * len(inside))]
        away = (np.indices(labelmap.labels.shape).T - centre).T * spacing[:, None, None, None]
        yield "lesion in", organ, (away**2).sum(axis=0) < 10.6**2  # 5 ml


def with_edit(labelmap: Labelmap, organ: str, mask: np.ndarray, new: bool) -> Labelmap:
    """The label map with another mask of an organ, or with a new one in it."""
    labels = labelmap.labels.copy()
    if new:
        name, value = f"{organ}_lesion", max(atom.value for atom in labelmap.atoms) + 1
        atom = Atom(value, name, "", "#ff0000", "edited")
        groups = {**labelmap.groups, name: (name,)}
        groups["body"] = (*groups["body"], name)
        labelmap = replace(labelmap, atoms=(*labelmap.atoms, atom), groups=groups)
    else:
        value = labelmap.value_of(organ)
        labels[labels == value] = labelmap.value_of("body_rest")
    labels[mask] = value
    return replace(labelmap, labels=labels)


def edits(trunk: Trunk, number: int, histories: float) -> list[Reached]:
    series, labelmap = trunk.scan.series, trunk.scan.labelmap
    scale = scale_of_maps(trunk.exposure.dose_length_mGy_cm, trunk.kerma)
    tally = trunk.run(10 * histories, seed=501, with_map=True)
    dose_map = dose_map_of(tally, trunk.patient.voxels, scale)
    density = np.clip(1.0 + series.hu / 1000.0, 0.0, 2.0)
    rows, far = [], 0
    for what, organ, mask in list(edited(labelmap, series))[:number]:
        new = what == "lesion in"
        by_map = dose_of_region(dose_map, mask, series.affine, density)
        again = Trunk(series, with_edit(labelmap, organ, mask, new))
        score = again.patient.scores.index_of(f"{organ}_lesion" if new else organ)
        response = Response(
            again.run(10 * histories, seed=502),
            path_of(again.exposure),
            again.patient.mass_g,
            again.kerma,
            0.0,
        )
        doses, relative = response.doses(again.exposure, SOFT_TISSUE)
        off = by_map.dose_mGy / doses[score] - 1
        error = np.hypot(by_map.statistical_sd_mGy / by_map.dose_mGy, relative[score])
        allowed = (0.05 if organ == "aorta" else WITHIN) + SIGMAS * error
        far += int(abs(off) > allowed)
        sizes = (by_map.mass_g, float(again.patient.mass_g[score]))
        rows.append(
            (
                f"{organ}, {what}" if not new else f"{what} {organ}",
                *(f"{size:.0f}" for size in sizes),
                f"{by_map.dose_mGy:.2f}",
                f"{doses[score]:.2f}",
                f"{100 * off:+.1f} %",
                f"{100 * error:.1f} %",
                f"{100 * by_map.edge_sd_mGy / by_map.dose_mGy:.1f} %",
            )
        )
    heads = ("edit", "g by CT", "g by run", "by map", "by run", "off", "error", "edge")
    print("", *table(heads, rows), sep="\n")
    return [Reached("edits beyond three errors and 2 %", far, 0, most=True, digits=0)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--profiles", type=int, default=20)
    parser.add_argument("--edits", type=int, default=10)
    parser.add_argument("--histories", type=float, default=3e5)
    args = parser.parse_args()
    trunk = Trunk(*drawn())
    figures = threads(trunk, args.histories)
    if args.seeds:
        more, long = seeds(trunk, args.seeds, args.histories)
        figures += [*more, *profiles(trunk, args.profiles, args.histories, long)]
    figures += edits(trunk, args.edits, args.histories)
    print("", *targets_table(figures), sep="\n")
    return int(any(one.met is False for one in figures))


if __name__ == "__main__":
    sys.exit(main())
