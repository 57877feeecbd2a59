"""Case 4 of AAPM Report 195 (2015): a PMMA cylinder in air before a point source.

Cylinder of 320 mm diameter, 3 m long; the source, 600 mm from its axis, emits isotropically into
a rectangle of 320 x 10 or 320 x 80 mm at the axis.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from CTDoseSegLib.dosimetry.montecarlo.materials import Material
from CTDoseSegLib.dosimetry.montecarlo.voxels import Voxels
from CTDoseSegLib.dosimetry.montecarlo.xray_beam import XRayBeam

RADIUS_MM, FOCUS_MM, ROD_MM, ROD_RADIUS_MM = 160.0, 600.0, 150.0, 5.0
ATOMIC_WEIGHT = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "Ar": 39.948}
# The report's compositions, atoms in percent.
AIR = {"C": 0.0150228, "N": 78.4396327, "O": 21.0780511, "Ar": 0.4672934}
PMMA = {"H": 53.2813990, "C": 33.3715774, "O": 13.3470236}
AIR_G_CM3, PMMA_G_CM3 = 0.001205, 1.19


def material(name: str, atoms: dict[str, float], density_g_cm3: float) -> Material:
    """Return a material of atoms in percent."""
    mass = {element: share * ATOMIC_WEIGHT[element] for element, share in atoms.items()}
    total = sum(mass.values())
    return Material(name, {e: m / total for e, m in mass.items()}, density_g_cm3)


MATERIALS = (material("air", AIR, AIR_G_CM3), material("pmma", PMMA, PMMA_G_CM3))


def cylinder(voxel_mm: float, slabs: int, slab_mm: float, regions: dict) -> tuple[Voxels, dict]:
    """Return the cylinder in air up to the focus, and the true over the voxels' area by region.

    `regions` has, by number, a disc (x, y, radius in mm) and the slab, counted from the middle.
    """
    x = np.arange(-170 + voxel_mm / 2, 170, voxel_mm)
    y = np.arange(-610 + voxel_mm / 2, 170, voxel_mm)
    body = np.hypot(x, y[:, None]) <= RADIUS_MM
    shape = (slabs, len(y), len(x))
    pmma = np.broadcast_to(body, shape).astype(np.uint8)
    region = np.zeros(shape, np.uint16)
    true_over_voxels = {}
    for number, (x_mm, y_mm, radius_mm, slab) in regions.items():
        disc = np.hypot(x - x_mm, y[:, None] - y_mm) <= radius_mm
        region[slabs // 2 + slab][disc] = number
        true_over_voxels[number] = np.pi * radius_mm**2 / (disc.sum() * voxel_mm**2)
    density = np.where(pmma == 1, np.float32(PMMA_G_CM3), np.float32(AIR_G_CM3))
    corner = (-170.0, -610.0, -slabs * slab_mm / 2)
    spacing = (voxel_mm, voxel_mm, slab_mm)
    return Voxels(pmma, density, region, spacing, corner, (0.0, 0.0)), true_over_voxels


def fan(
    name: str,
    collimation_mm: float,
    spectra: Path | None = None,
    *,
    half_fan_tangent: float = RADIUS_MM / FOCUS_MM,
) -> XRayBeam:
    """Return a beam of the report: of 56.4 keV, or its 120 kV spectrum from a table."""
    if spectra is None:
        energies, numbers = np.array([56.4]), np.ones(1)
    else:
        with spectra.open(encoding="utf-8") as file:
            rows = [r for r in csv.DictReader(file) if r["spectrum"] == "TG195_120KV"]
        energies = np.array([float(r["energy_keV"]) for r in rows])
        numbers = np.array([float(r["relative"]) for r in rows])
    t = half_fan_tangent
    return XRayBeam(name, 120, energies, np.array([-t, t]), numbers[None], FOCUS_MM, collimation_mm)
