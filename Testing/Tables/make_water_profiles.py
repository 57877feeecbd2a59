"""Simulate the dose along long cylinders of water: the numbers of the z-profile method.

    python Testing/Tables/make_water_profiles.py [--histories 1e6]

The tube turns in one place round a cylinder of water, 1.2 m long, with the beam `generic body`. The
middle half of the diameter is scored, in slabs of 10 mm along the axis: the dose at a distance from
the tube, for 1 mGy of CTDIvol (32 cm) over 10 mm. Its sum is the dose per CTDIvol in a long scan;
its shape is fitted by two two-sided exponentials, of 6 mm for the beam itself and a longer one for
the scatter. `dosimetry/z_profile.py` has the numbers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.materials import index_of  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.response import MGY_PER_KEV_PER_G  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.tally import MEDIUM  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate  # noqa: E402
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels  # noqa: E402

DIAMETERS_MM = (200.0, 250.0, 300.0, 350.0, 400.0)
VOLTAGES_KV = (80.0, 100.0, 120.0, 140.0)
BEAM_MM = 6.0
_SLAB_MM, _HALF_SLABS, _VOXEL_MM = 10.0, 60, 4.0


def profile(diameter_mm: float, voltage_kV: float, histories: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the dose of each slab by its distance in slabs, and its standard error, [n]."""
    radius = diameter_mm / 2
    across = 2 * int(np.ceil(radius / _VOXEL_MM)) + 1
    places = (np.arange(across) - across // 2) * _VOXEL_MM
    away = np.hypot(*np.meshgrid(places, places))
    slabs = 2 * _HALF_SLABS + 1
    distance = np.abs(np.arange(slabs) - _HALF_SLABS)
    water = np.broadcast_to(away <= radius, (slabs, across, across))
    material = np.where(water, index_of("water"), index_of("air")).astype(np.uint8)
    density = np.where(water, 1.0, 0.0).astype(np.float32)
    middle = away <= radius / 2
    region = (middle[None] * (distance[:, None, None] + 1)).astype(np.uint16)
    voxels = Voxels(
        material,
        density,
        region,
        spacing_mm=(_VOXEL_MM, _VOXEL_MM, _SLAB_MM),
        corner_mm=(places[0] - 2, places[0] - 2, -slabs * _SLAB_MM / 2),
        isocentre_mm=(0.0, 0.0),
    )
    names = tuple(f"slab {n}" for n in range(_HALF_SLABS + 1))
    scores = Scores(names, tuple((n + 1,) for n in range(_HALF_SLABS + 1)))
    beam = beam_of("generic body", voltage_kV)
    path = SourcePath(np.array([-_SLAB_MM / 2, _SLAB_MM / 2]), np.ones(1), 1)
    tally = simulate(voxels, beam, path, scores, histories=histories)
    energy, se = tally.mean_energy_keV(MEDIUM)
    kerma, _ = ctdi_weighted_per_history(beam, 32)
    # Both slabs of a distance are one score.
    scale = MGY_PER_KEV_PER_G * (_SLAB_MM / 10) / kerma / voxels.region_mass_g()[1:]
    return energy * scale, se * scale


def fitted(dose: np.ndarray, se: np.ndarray) -> tuple[float, float]:
    """Return the beam's share of the kernel, and the length of the rest in mm."""
    edges = (np.arange(len(dose) + 1) - 0.5) * _SLAB_MM

    def cells(length_mm: float) -> np.ndarray:
        tail = 0.5 * np.exp(-np.abs(edges) / length_mm)
        return np.diff(np.where(edges < 0, tail, 1 - tail))

    def away(values: np.ndarray) -> np.ndarray:
        amplitude, share, length = values
        kernel = share * cells(BEAM_MM) + (1 - share) * cells(length)
        return (amplitude * kernel - dose) / error

    # A part in twenty at every distance: the tail counts as much as the middle.
    error = np.maximum(np.hypot(0.05 * dose, se), 1e-5 * dose[0])
    _, share, length = least_squares(away, [2.0, 0.2, 50.0]).x
    return float(share), float(length)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=float, default=1e6)
    histories = int(parser.parse_args().histories)
    for diameter in DIAMETERS_MM:
        for voltage in VOLTAGES_KV:
            dose, se = profile(diameter, voltage, histories)
            total = dose[0] + 2 * dose[1:].sum()
            share, length = fitted(dose, se)
            print(
                f"{diameter:.0f} mm, {voltage:.0f} kV: {total:.3f} per CTDIvol, beam "
                f"{share:.3f}, scatter {length:.1f} mm",
                flush=True,
            )


if __name__ == "__main__":
    main()
