"""Small grids, beams and paths for tests of the photon transport."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from CTDoseSegLib.dosimetry.montecarlo.materials import MATERIALS, index_of
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels
from CTDoseSegLib.dosimetry.montecarlo.xray_beam import XRayBeam


def box(name, shape=(10, 10, 10), spacing_mm=(20.0, 20.0, 20.0), region=1) -> Voxels:
    """A box of one material and its own density in one region; the isocentre is its middle."""
    material = index_of(name)
    k, j, i = shape
    x, y, z = spacing_mm
    return Voxels(
        np.full(shape, material, np.uint8),
        np.full(shape, MATERIALS[material].density_g_cm3, np.float32),
        np.full(shape, region, np.uint16),
        spacing_mm,
        (-i * x / 2, -j * y / 2, -k * z / 2),
        (0.0, 0.0),
    )


def in_octants(voxels: Voxels) -> Voxels:
    """The same grid with a region for each octant, 1 to 8: left half even, posterior 3, 4, ..."""
    k, j, i = (np.arange(n) >= n // 2 for n in voxels.material.shape)
    region = 1 + i[None, None, :] + 2 * j[None, :, None] + 4 * k[:, None, None]
    return replace(voxels, region=region.astype(np.uint16))


def fan(energies_keV=(60.0,), photons=None, half_fan=0.15, collimation_mm=20.0) -> XRayBeam:
    """A fan of equal bins; as many photons everywhere unless they are stated, [f, e]."""
    energies = np.array(energies_keV, dtype=float)
    photons = np.ones((1, len(energies))) if photons is None else np.array(photons, dtype=float)
    edges = np.linspace(-half_fan, half_fan, len(photons) + 1)
    return XRayBeam("test", 120, energies, edges, photons, 600.0, collimation_mm)


def path(z_bins=2, angle_bins=4, length_mm=160.0, share=None, angle_weight=None) -> SourcePath:
    """Full turns over a length that is centred on z = 0."""
    edges = np.linspace(-length_mm / 2, length_mm / 2, z_bins + 1)
    share = np.full(z_bins, 1.0 / z_bins) if share is None else np.array(share, dtype=float)
    return SourcePath(edges, share, angle_bins, angle_weight=angle_weight)


def each(*regions: int) -> Scores:
    """A score for each region, named by it."""
    return Scores(tuple(map(str, regions)), tuple((r,) for r in regions))
