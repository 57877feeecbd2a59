"""Stand beside ompMC, an independent Monte Carlo code, on an analytic torso.

    pip install -e .[montecarlo,reference]
    python Testing/MonteCarlo/acceptance_ompmc.py [--histories 5e5] [--energies 60] [--split 20]

ompMC (EGSnrc's physics with XCOM data; GPL-3, so it is never imported by the product) gets the
same voxels, compositions and beam: a point source 600 mm before the skin that emits isotropically
into 240 x 80 mm on it. (ompMC 0.4.0 says that its fluence there is uniform; across the field the
dose of its first millimetres follows the isotropic source within 0.5 % and misses the uniform one
by -1 to +2 %.) Prints the mean energy of each organ over 200 ml per photon, and how
many histories a CPU second follows, with ompMC's photon splitting as it comes (20) or as stated.
Ends with an error if an organ is off by more than 2 % and three standard errors, or ours is not
three times as fast.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from CTDoseSegLib.dosimetry.montecarlo.materials import Material  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.photons import photons_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.xray_beam import XRayBeam  # noqa: E402

# What ompMC's media of these names are made of (ICRP 23, ICRU 44), mass fractions in percent.
MEDIA = {
    "ICRUTISSUE700ICRU": ("H 10.1172 C 11.1 N 2.6 O 76.1828", 1.0),
    "LUNG700ICRU": ("H 10.3 C 10.5 N 3.1 O 74.9 Na .2 P .2 S .3 Cl .3 K .2", 0.26),
    "ICRPBONE700ICRU": (
        "H 4.7234 C 14.433 N 4.199 O 44.6096 Mg .22 P 10.497 S .315 Ca 20.993",
        1.5,
    ),
}
TISSUE, LUNG, BONE = range(3)
ORGANS = ("lung right", "lung left", "heart", "liver", "spine", "rest of the body")
SSD_MM, HALF_WIDTH_MM, HALF_LENGTH_MM = 600.0, 120.0, 40.0
# The engine's own voxels are of 4 mm.
VOXEL_MM, SHAPE = 4.0, (75, 55, 95)
REPEATS = 10


def torso() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return material, density and region, [k, j, i]; every voxel around the torso is tissue.

    ompMC starts its photons on the grid, so that the front of the grid is the skin.
    """
    k, j, i = SHAPE
    z, y, x = np.meshgrid(
        (np.arange(k) + 0.5) * VOXEL_MM - k * VOXEL_MM / 2,
        (np.arange(j) + 0.5) * VOXEL_MM,
        (np.arange(i) + 0.5) * VOXEL_MM - i * VOXEL_MM / 2,
        indexing="ij",
    )

    def ellipsoid(centre, half):
        return sum(((a - c) / h) ** 2 for a, c, h in zip((x, y, z), centre, half, strict=True)) <= 1

    shapes = (
        (ellipsoid((-85, 105, 40), (60, 75, 90)), LUNG),
        (ellipsoid((85, 105, 40), (60, 75, 90)), LUNG),
        (ellipsoid((10, 75, 30), (45, 40, 50)), TISSUE),
        (ellipsoid((-60, 100, -90), (80, 75, 45)), TISSUE),
        ((np.hypot(x, y - 175) <= 24), BONE),
    )
    material = np.full(SHAPE, TISSUE, np.uint8)
    region = np.full(SHAPE, len(ORGANS), np.uint16)
    for number, (inside, medium) in enumerate(shapes, start=1):
        material[inside], region[inside] = medium, number
    density = np.array([d for _, d in MEDIA.values()], np.float32)[material]
    return material, density, region


def by_ours(energy_keV: float, histories: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean energy and standard error per photon, [organ] in keV, and CPU seconds."""
    material, density, region = torso()
    corner = (-SHAPE[2] * VOXEL_MM / 2, 0.0, -SHAPE[0] * VOXEL_MM / 2)
    voxels = Voxels(material, density, region, (VOXEL_MM,) * 3, corner, (0.0, 0.0))
    t, width = HALF_WIDTH_MM / SSD_MM, 2 * HALF_LENGTH_MM
    energies, fan = np.array([energy_keV]), np.array([-t, t])
    beam = XRayBeam("isotropic", 120, energies, fan, np.ones((1, 1)), SSD_MM, width)
    photons = photons_of([Material.of_percent(n, c, d) for n, (c, d) in MEDIA.items()])
    scores = Scores(ORGANS, tuple((n + 1,) for n in range(len(ORGANS))))
    path = SourcePath.standing_at(0.0, 0.0)
    simulate(voxels, beam, path, scores, histories=20, photons=photons)
    cpu = time.process_time()
    tally = simulate(voxels, beam, path, scores, histories=histories, photons=photons)
    return *tally.mean_energy_keV(), time.process_time() - cpu


def by_ompmc(energy_keV: float, histories: int, split: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the same from ompMC; the error is that of runs with other seeds."""
    import ompmc

    material, density, region = (
        np.asfortranarray(a.transpose(2, 0, 1)) for a in torso()
    )  # its beam goes along the third axis
    edges = [
        (np.arange(n + 1) - (n / 2 if n != SHAPE[1] else 0)) * VOXEL_MM / 10 for n in material.shape
    ]
    geometry = ompmc.Geometry(
        *edges,
        list(MEDIA),
        density=density.astype(float, order="F"),
        material=material.astype(np.int32, order="F") + np.int32(1),
    )
    width, length = HALF_WIDTH_MM / 10, HALF_LENGTH_MM / 10
    source = ompmc.CollimatedSource(SSD_MM / 10, -width, width, -length, length)
    spectrum = ompmc.Spectrum.monoenergetic(energy_keV / 1000)
    means, cpu = [], time.process_time()
    for seed in range(REPEATS):
        deposited, _ = ompmc.calc_cube(
            geometry,
            source,
            spectrum,
            ompmc.Physics(seeds=(97 + seed, 33 + seed), n_split=split),
            n_histories=histories // REPEATS,
            output_dose=False,
        )
        organs = np.bincount(region.ravel("F"), weights=deposited.ravel("F"))
        means.append(1000.0 * organs[1:])
    cpu = time.process_time() - cpu
    return np.mean(means, 0), np.std(means, 0, ddof=1) / np.sqrt(REPEATS), cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=float, default=5e5)
    parser.add_argument("--energies", type=float, nargs="+", default=[40.0, 60.0, 100.0])
    parser.add_argument("--split", type=int, default=20, help="ompMC's photons for each history")
    options = parser.parse_args()
    histories = int(options.histories)
    kept = True
    _, _, region = torso()
    volume_ml = np.bincount(region.ravel())[1:] * VOXEL_MM**3 / 1000
    print("| energy | organ | volume | ours, keV | ompMC, keV | ratio | SE of it | in bound |")
    print("|---|---|---|---|---|---|---|---|")
    speeds = []
    for energy_keV in options.energies:
        ours, se, cpu = by_ours(energy_keV, histories)
        theirs, their_se, their_cpu = by_ompmc(energy_keV, histories, options.split)
        gain = (their_se / theirs) ** 2 * their_cpu / ((se / ours) ** 2 * cpu)
        speeds.append((histories / cpu, histories / their_cpu, float(np.median(gain))))
        error = np.hypot(se / ours, their_se / theirs)
        inside = np.abs(ours / theirs - 1) <= 0.02 + 3 * error
        kept &= bool(inside.all())
        for o, organ in enumerate(ORGANS):
            print(
                f"| {energy_keV:g} keV | {organ} | {volume_ml[o]:.0f} ml | {ours[o]:.4f} | "
                f"{theirs[o]:.4f} | {ours[o] / theirs[o]:.4f} | {100 * error[o]:.2f} % | "
                f"{'yes' if inside[o] else 'NO'} |"
            )
    for (own, other, gain), energy_keV in zip(speeds, options.energies, strict=True):
        kept &= own >= 3 * other
        print(
            f"\n{energy_keV:g} keV: {own:.3g} histories a CPU second, ompMC {other:.3g}; for equal "
            f"errors of organs (median) ompMC takes {gain:.1f} times the CPU seconds"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
