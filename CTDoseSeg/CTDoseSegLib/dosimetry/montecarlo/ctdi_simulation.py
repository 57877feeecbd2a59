"""Simulate CTDI phantoms: the table of `ctdi`, and the phantoms on voxels to hold it against."""

from __future__ import annotations

import numpy as np

from .compilation import kernel
from .ctdi import (
    CHAMBER_MM,
    CHAMBER_RADIUS_MM,
    DEPTH_MM,
    LENGTH_MM,
    MGY_PER_KEV_G,
    PMMA_G_CM3,
    CTDIResponse,
)
from .kernel_inputs import physics_of
from .materials import index_of
from .photons import photons_of
from .voxels import Scores, Voxels

# As CTDIvol is measured; wider beams' CTDIvol is scaled from it.
COLLIMATION_MM, FOCUS_ISOCENTRE_MM = 20.0, 600.0
OFFSET_BINS = 32
# Narrow where attenuation falls steeply.
ENERGY_EDGES_KEV = np.concatenate((np.arange(5.0, 60.0), np.arange(60.0, 151.0, 2.0)))
# Virtual chambers around the phantom: more of them share the cost of a photon's way.
RING = 12
CENTRE, PERIPHERY = "centre", "periphery"
AIR_G_CM3 = 0.001205
SLAB_MM = 25.0


def simulate_response(
    phantom_cm: int,
    histories: np.ndarray,
    *,
    seed: int = 1,
    filled: bool = False,
    collimation_mm: float = COLLIMATION_MM,
) -> CTDIResponse:
    """Simulate the response of a phantom to one photon; needs numba.

    Parameters
    ----------
    phantom_cm
        Diameter.
    histories
        In each cell, [OFFSET_BINS, energy]; at least 2.
    seed
        Equal seeds give equal tables, whatever the number of threads.
    filled
        Chambers of PMMA instead of air, as in some published simulations.
    collimation_mm
        Width of the beam along z.
    """
    radius_cm = phantom_cm / 2.0
    offsets_cm = np.linspace(0.0, radius_cm, OFFSET_BINS + 1)
    photons, pmma, air = photons_of(), index_of("pmma"), index_of("air")
    counts = np.ascontiguousarray(histories, np.int64)
    sums, squares = kernel(name="ctdi_kernel").follow_in_cylinder(
        offsets_cm,
        ENERGY_EDGES_KEV,
        counts,
        np.uint64(seed),
        0.5 * collimation_mm / FOCUS_ISOCENTRE_MM,
        np.array([radius_cm, LENGTH_MM / 20.0, FOCUS_ISOCENTRE_MM / 10.0, PMMA_G_CM3]),
        np.array(
            [
                radius_cm - DEPTH_MM / 10.0,
                CHAMBER_RADIUS_MM / 10.0,
                CHAMBER_MM / 20.0,
                float(filled),
                RING,
            ]
        ),
        physics_of(photons, photons.transfer[air], photons.transfer[air]),
        pmma,
        air,
    )
    mean = sums / counts
    variance = np.maximum(squares / counts - mean**2, 0.0) / np.maximum(counts - 1, 1)
    # Track length over the chamber's area is the integral along it.
    scale = MGY_PER_KEV_G / (np.pi * (CHAMBER_RADIUS_MM / 10.0) ** 2)
    return CTDIResponse(
        phantom_cm,
        10.0 * offsets_cm,
        (ENERGY_EDGES_KEV[1:] + ENERGY_EDGES_KEV[:-1]) / 2,
        scale * mean,
        scale * np.sqrt(variance),
    )


def phantom_voxels(phantom_cm: int, *, voxel_mm: float = 2.0) -> tuple[Voxels, Scores]:
    """Return a phantom with five chambers of air on voxels, for `simulate`.

    Parameters
    ----------
    phantom_cm
        Diameter.
    voxel_mm
        In the plane; along z voxels are 25 mm, of which 150 and 100 mm are multiples.

    Returns
    -------
    voxels : Voxels
    scores : Scores
        ``centre`` and ``periphery``, the latter all four chambers.
    """
    radius = 5.0 * phantom_cm
    across = 2 * int(np.ceil((radius + voxel_mm) / voxel_mm)) + 1
    places = (np.arange(across) - across // 2) * voxel_mm
    x, y = np.meshgrid(places, places)
    slabs = round(LENGTH_MM / SLAB_MM)
    z = (np.arange(slabs) - (slabs - 1) / 2) * SLAB_MM
    shape = (slabs, across, across)
    material = np.full(shape, index_of("air"), np.uint8)
    density = np.zeros(shape, np.float32)
    region = np.zeros(shape, np.uint16)
    disc = np.hypot(x, y) <= radius
    material[:, disc] = index_of("pmma")
    density[:, disc] = PMMA_G_CM3
    ring = radius - DEPTH_MM
    for number, (cx, cy) in enumerate(_centres(ring), start=1):
        rod = np.hypot(x - cx, y - cy) <= CHAMBER_RADIUS_MM
        for k in np.flatnonzero(np.abs(z) < CHAMBER_MM / 2):
            material[k][rod], density[k][rod] = index_of("air"), AIR_G_CM3
            region[k][rod] = number
    voxels = Voxels(
        material,
        density,
        region,
        spacing_mm=(voxel_mm, voxel_mm, SLAB_MM),
        corner_mm=(places[0] - voxel_mm / 2, places[0] - voxel_mm / 2, z[0] - SLAB_MM / 2),
        isocentre_mm=(0.0, 0.0),
    )
    scores = Scores((CENTRE, PERIPHERY), ((1,), (2, 3, 4, 5)))
    return voxels, scores


def _centres(ring_mm: float) -> tuple[tuple[float, float], ...]:
    return (0.0, 0.0), (0.0, -ring_mm), (ring_mm, 0.0), (0.0, ring_mm), (-ring_mm, 0.0)
