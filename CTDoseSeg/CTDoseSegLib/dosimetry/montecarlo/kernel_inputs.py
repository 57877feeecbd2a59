"""The arrays that the compiled kernel works on, made from the values of a simulation.

Lengths are in cm here, as attenuation is in 1/cm; positions are in voxels from the grid's corner.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .photons import Photons
from .source_path import SourcePath
from .voxels import Scores, Voxels
from .xray_beam import XRayBeam

CUT_OFF_KEV = 5.0
# A voxel is one record of two float32, density and region x 256 + material, so that it costs one
# line of the processor's cache; whole numbers are exact in float32 up to 2^24.
MATERIAL_BITS = 8
# Even steps in the root of x, 0.002 at 0.1 per angstrom: S(x) bends where x is small.
_ROOT_STEPS = 1024


class Matter(NamedTuple):
    """The grid: records [voxel, 2], its shape, the box that holds all that is not empty (ends along
    x, y, z in voxels), voxels per cm, and the greatest mu, [e] in 1/cm."""

    records: np.ndarray
    nx: int
    ny: int
    box: tuple[float, float, float, float, float, float]
    per_x: float
    per_y: float
    per_z: float
    mu_max: np.ndarray


class Physics(NamedTuple):
    """Photon data: coefficients [m, e, 5] are mu, mu_tr, photoelectric, Rayleigh (all over rho in
    cm2/g) and K photons per photoelectric event; tissues [e, 2] is mu_tr/rho of soft tissue and of
    red marrow; scattering [m, steps] is even in the root of x."""

    coefficients: np.ndarray
    tissues: np.ndarray
    first_keV: float
    per_keV: float
    last_cell: int
    scattering: np.ndarray
    per_root_x: float
    x2: np.ndarray
    form_factor: np.ndarray
    k_line_keV: np.ndarray
    k_cumulative: np.ndarray


class Source(NamedTuple):
    """Strata (cumulative [s + 1] and, by stratum, z, angle, fan bin and energy line) and beam.

    A fan bin of -1 is a stratum of the whole beam.
    """

    cumulative: np.ndarray
    z_cm: np.ndarray
    z_width_cm: np.ndarray
    angle: np.ndarray
    angle_width: np.ndarray
    fan: np.ndarray
    line: np.ndarray
    map_weight: np.ndarray
    fan_edges: np.ndarray
    fan_cumulative: np.ndarray
    line_cumulative: np.ndarray
    energies: np.ndarray
    half_cone: float
    focus_cm: float
    isocentre_x_cm: float
    isocentre_y_cm: float


class Groups(NamedTuple):
    """Scores of each region (first, score: sparse rows) and one history's scratch sums."""

    first: np.ndarray
    score: np.ndarray
    per_region: np.ndarray
    seen: np.ndarray
    touched: np.ndarray
    per_score: np.ndarray
    score_seen: np.ndarray
    score_touched: np.ndarray
    counts: np.ndarray


class Sums(NamedTuple):
    """What a batch adds up: histories [s], energy and squares [s, score, 3], balance (emitted,
    escaped)."""

    histories: np.ndarray
    energy: np.ndarray
    squares: np.ndarray
    balance: np.ndarray


def matter_of(voxels: Voxels, photons: Photons) -> Matter:
    """Return the grid as the kernel reads it; ValueError where a material has no photon data."""
    materials = len(photons.total)
    most = int(voxels.material.max())
    if most >= materials:
        raise ValueError(
            f"Voxels hold material {most}, but the photon data end at material {materials - 1}."
        )
    density = voxels.density_g_cm3.ravel()
    records = np.empty((density.size, 2), np.float32)
    records[:, 0] = density
    records[:, 1] = voxels.region.ravel()
    records[:, 1] *= 1 << MATERIAL_BITS
    records[:, 1] += voxels.material.ravel()
    heaviest = np.zeros(materials)
    np.maximum.at(heaviest, voxels.material.ravel(), density)
    mu_max = (heaviest[:, None] * photons.total).max(axis=0)
    if not mu_max.any():
        raise ValueError("Voxels are all empty: there is nothing that photons could meet.")
    _, j, i = voxels.material.shape
    x, y, z = (10.0 / spacing for spacing in voxels.spacing_mm)
    # What float32 rounds up must not exceed the majorant.
    return Matter(records, i, j, _box(voxels.density_g_cm3), x, y, z, mu_max * (1.0 + 1e-6))


def physics_of(photons: Photons, soft_tissue: np.ndarray, red_marrow: np.ndarray) -> Physics:
    """Return photon data as the kernel reads them; the tissues are mu_tr/rho, [e] in cm2/g."""
    coefficients = np.stack(
        [
            photons.total,
            photons.transfer,
            photons.photoelectric,
            photons.rayleigh,
            photons.k_emission,
        ],
        axis=-1,
    )
    x = photons.x_per_angstrom
    root_x = np.linspace(0.0, np.sqrt(x[-1]), _ROOT_STEPS + 1)
    scattering = [np.interp(root_x**2, x, row) for row in photons.scattering_function]
    cumulative = np.concatenate([[0.0], np.cumsum(photons.k_line_share)])
    step_keV = photons.energies_keV[1] - photons.energies_keV[0]
    return Physics(
        coefficients.astype(np.float32),
        np.stack([soft_tissue, red_marrow], axis=-1).astype(np.float32),
        float(photons.energies_keV[0]),
        float(1.0 / step_keV),
        len(photons.energies_keV) - 2,
        np.array(scattering, np.float32),
        float(_ROOT_STEPS / root_x[-1]),
        x**2,
        np.array(photons.form_factor, dtype=float),
        np.array(photons.k_line_keV, dtype=float),
        cumulative / cumulative[-1],
    )


def source_of(
    voxels: Voxels,
    beam: XRayBeam,
    path: SourcePath,
    *,
    by_fan_and_energy: bool,
    map_weights: np.ndarray | None,
) -> tuple[Source, np.ndarray]:
    """Return the source, and the probability of its strata, [z, a] or [z, a, f, e]."""
    of_path, of_beam = path.stratum_probability(), beam.probabilities()
    map_weight = np.ones_like(of_path)
    if map_weights is not None:
        map_weight = map_weights / map_weights.sum() / of_path
    shape: tuple[int, ...] = path.shape
    probability, indices = of_path, np.indices(shape)
    fan = line = np.full(of_path.size, -1)
    if by_fan_and_energy:
        probability = of_path[:, :, None, None] * of_beam
        shape = probability.shape
        indices = np.indices(shape)
        fan, line = indices[2].ravel(), indices[3].ravel()
    z, angle = indices[0].ravel(), indices[1].ravel()
    edges_cm = (path.z_edges_mm - voxels.corner_mm[2]) / 10.0
    angles = np.deg2rad(path.angle_edges_deg)
    in_fan = of_beam.sum(axis=1)
    with np.errstate(invalid="ignore"):  # a fan bin without photons is never drawn
        lines = np.nan_to_num(np.cumsum(of_beam, axis=1) / in_fan[:, None])
    source = Source(
        _cumulative(probability.ravel()),
        edges_cm[:-1][z],
        np.diff(edges_cm)[z],
        angles[:-1][angle],
        np.diff(angles)[angle],
        fan,
        line,
        map_weight[z, angle],
        np.array(beam.fan_tangent_edges, dtype=float),
        _cumulative(in_fan),
        np.pad(lines, ((0, 0), (1, 0))),
        np.array(beam.energies_keV, dtype=float),
        float(beam.half_cone_tangent),
        float(beam.focus_isocentre_mm / 10.0),
        float(voxels.isocentre_mm[0] - voxels.corner_mm[0]) / 10.0,
        float(voxels.isocentre_mm[1] - voxels.corner_mm[1]) / 10.0,
    )
    return source, probability


def groups_of(voxels: Voxels, scores: Scores) -> Groups:
    """Return the scores of each region, and scratch arrays for one thread."""
    highest = max((max(regions, default=0) for regions in scores.members), default=0)
    regions = max(int(voxels.region.max()), highest) + 1
    pairs = sorted((r, s) for s, members in enumerate(scores.members) for r in members)
    numbers = np.bincount([r for r, _ in pairs], minlength=regions)
    return Groups(
        np.concatenate([[0], np.cumsum(numbers)]).astype(np.int64),
        np.array([s for _, s in pairs], dtype=np.int64),
        np.zeros((regions, 3)),
        np.full(regions, -1, np.int64),
        np.zeros(regions, np.int64),
        np.zeros((len(scores), 3)),
        np.full(len(scores), -1, np.int64),
        np.zeros(len(scores), np.int64),
        np.zeros(1, np.int64),
    )


def empty_sums(strata: int, scores: int) -> Sums:
    """Return sums of nothing."""
    return Sums(
        np.zeros(strata, np.int64),
        np.zeros((strata, scores, 3)),
        np.zeros((strata, scores, 3)),
        np.zeros(2),
    )


def _box(density: np.ndarray) -> tuple[float, float, float, float, float, float]:
    """Return the ends along x, y and z, in voxels, of the box of all that is not empty."""
    filled = [np.flatnonzero(density.any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    (x0, x1), (y0, y1), (z0, z1) = ((float(f[0]), float(f[-1] + 1)) for f in filled)
    return x0, x1, y0, y1, z0, z1


def _cumulative(probability: np.ndarray) -> np.ndarray:
    cumulative = np.concatenate([[0.0], np.cumsum(probability)])
    cumulative /= cumulative[-1]
    return cumulative
