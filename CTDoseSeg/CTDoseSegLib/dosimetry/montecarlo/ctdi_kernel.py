"""Photons in a CTDI phantom: an exact cylinder with virtual chambers, compiled by numba.

Import it through `compilation.kernel` alone. Scattering is that of `photon_kernel`. The phantom is
homogeneous, so that a photon's way needs no voxels, and each flight scores in a chamber what is
expected of it, whether it gets there or not; at the centre of 32 cm that is worth many times the
histories of a simulation on voxels. `simulate` on the voxels of `ctdi_simulation.phantom_voxels`
gives the same within its uncertainty.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from .kernel_inputs import CUT_OFF_KEV
from .photon_kernel import (
    _FULL_TURN,
    _GAMMA,
    _MIX_1,
    _compiled,
    _compton,
    _mixed,
    _rayleigh,
    _turned,
    _uniform,
)

# Below this weight a photon survives with probability 1/2, then with twice the weight.
_ROULETTE = 0.02


@_compiled
def _in_chamber(px, py, pz, ux, uy, uz, mu, cx, cy, radius, half, filled):
    """Return the expected track length (cm) in a chamber along z, of a photon that sets out.

    A chamber of air (not `filled`) weakens nothing, and no photon sets out within it. The chamber
    is virtual: what it changes in photons that are scattered behind it is left out.
    """
    across2 = ux * ux + uy * uy
    if across2 < 1e-12:
        return 0.0
    across = math.sqrt(across2)
    dx, dy = cx - px, cy - py
    miss = (dx * uy - dy * ux) / across
    if abs(miss) >= radius:
        return 0.0
    middle = (dx * ux + dy * uy) / across2
    chord = math.sqrt(radius * radius - miss * miss) / across
    enters, leaves = middle - chord, middle + chord
    if leaves <= 0.0 or (enters < 0.0 and not filled):
        return 0.0
    enters = max(enters, 0.0)
    if abs(uz) > 1e-9:
        one, other = (-half - pz) / uz, (half - pz) / uz
        enters, leaves = max(enters, min(one, other)), min(leaves, max(one, other))
    elif abs(pz) > half:
        return 0.0
    if leaves <= enters:
        return 0.0
    if filled:
        return (math.exp(-mu * enters) - math.exp(-mu * leaves)) / mu
    return math.exp(-mu * enters) * (leaves - enters)


@_compiled
def _to_surface(px, py, pz, ux, uy, uz, radius, half):
    """Return how far it is to the surface of the phantom, cm."""
    far = 1e30
    across2 = ux * ux + uy * uy
    if across2 > 1e-12:
        along = px * ux + py * uy
        inside = max(0.0, along * along + across2 * (radius * radius - px * px - py * py))
        far = (-along + math.sqrt(inside)) / across2
    if abs(uz) > 1e-9:
        far = min(far, (math.copysign(half, uz) - pz) / uz)
    return far


@_compiled
def _history(offset, energy, slope, phantom, chamber, physics, pmma, air, out, state):
    """Follow one photon; `out` gets its track length times energy times mu_tr/rho of air."""
    radius, half = phantom[0], phantom[1]
    where, size, half_chamber, filled = chamber[0], chamber[1], chamber[2], chamber[3] > 0.5
    density, ring = phantom[3], int(chamber[4])
    state += _GAMMA
    turn = _FULL_TURN * _uniform(state)
    depth = math.sqrt(radius * radius - offset * offset)
    # The beam's centre is z = 0; `slope` is z over the distance from the focus.
    norm = 1.0 / math.sqrt(1.0 + slope * slope)
    px, py, pz = -depth, offset, slope * (phantom[2] - depth)
    ux, uy, uz = norm, 0.0, slope * norm
    weight = 1.0
    out[0] = 0.0
    out[1] = 0.0
    while True:
        place = (energy - physics.first_keV) * physics.per_keV
        cell = min(int(place), physics.last_cell)
        share = place - cell
        low, high = physics.coefficients[pmma, cell], physics.coefficients[pmma, cell + 1]
        per_gram = low[0] + share * (high[0] - low[0])
        mu = density * per_gram
        below, above = physics.coefficients[air, cell, 1], physics.coefficients[air, cell + 1, 1]
        kerma = weight * energy * (below + share * (above - below))
        out[0] += kerma * _in_chamber(
            px, py, pz, ux, uy, uz, mu, 0.0, 0.0, size, half_chamber, filled
        )
        for number in range(ring):
            angle = turn + _FULL_TURN * number / ring
            cx, cy = where * math.cos(angle), where * math.sin(angle)
            out[1] += (kerma / ring) * _in_chamber(
                px, py, pz, ux, uy, uz, mu, cx, cy, size, half_chamber, filled
            )
        state += _GAMMA
        far = -math.log(1.0 - _uniform(state)) / mu
        if far >= _to_surface(px, py, pz, ux, uy, uz, radius, half):
            return
        px, py, pz = px + far * ux, py + far * uy, pz + far * uz
        scattered = per_gram - (low[2] + share * (high[2] - low[2]))
        # The photoelectric share is taken from the weight instead of the number.
        weight *= scattered / per_gram
        if weight < _ROULETTE:
            state += _GAMMA
            if _uniform(state) < 0.5:
                return
            weight *= 2.0
        state += _GAMMA
        if _uniform(state) * scattered < low[3] + share * (high[3] - low[3]):
            cosine, state = _rayleigh(physics, pmma, energy, state)
        else:
            energy, cosine, state = _compton(physics, pmma, energy, state)
            if energy < CUT_OFF_KEV:
                return
        state += _GAMMA
        ux, uy, uz = _turned(ux, uy, uz, cosine, _FULL_TURN * _uniform(state))


@numba.njit(parallel=True, nogil=True, cache=bool(numba.config.CACHE_DIR))
def follow_in_cylinder(
    offsets, energies, histories, key, half_slope, phantom, chamber, physics, pmma, air
):
    """Return sums and sums of squares per cell, [2 (centre, periphery), offset, energy].

    Parameters
    ----------
    offsets
        Edges in cm [b + 1]: how far a ray passes from the axis.
    energies
        Edges in keV [e + 1]; photons are uniform within a cell.
    histories
        Per cell, [b, e].
    key
        uint64 of the seed. Each history has a stream of its own.
    half_slope
        Half of the collimation over the distance from focus to axis.
    phantom
        Radius, half length, distance from focus to axis in cm; density in g/cm3.
    chamber
        Radius of the ring of chambers, radius and half length of a chamber in cm; 1 where the
        chamber is filled with PMMA, else 0; number of chambers on the ring.
    physics
        As `kernel_inputs` makes it.
    pmma, air
        Numbers of the materials.
    """
    rows, columns = histories.shape
    sums = np.zeros((2, rows, columns))
    squares = np.zeros((2, rows, columns))
    for cell in numba.prange(rows * columns):
        row, column = cell // columns, cell % columns
        out = np.zeros(2)
        for number in range(histories[row, column]):
            name = np.uint64(cell) * np.uint64(1 << 32) + np.uint64(number)
            state = _mixed(key ^ _mixed(name * _MIX_1 + _GAMMA))
            state += _GAMMA
            offset = offsets[row] + (offsets[row + 1] - offsets[row]) * _uniform(state)
            state += _GAMMA
            width = energies[column + 1] - energies[column]
            energy = energies[column] + width * _uniform(state)
            state += _GAMMA
            slope = half_slope * (2.0 * _uniform(state) - 1.0)
            _history(offset, energy, slope, phantom, chamber, physics, pmma, air, out, state)
            for place in range(2):
                sums[place, row, column] += out[place]
                squares[place, row, column] += out[place] * out[place]
    return sums, squares
