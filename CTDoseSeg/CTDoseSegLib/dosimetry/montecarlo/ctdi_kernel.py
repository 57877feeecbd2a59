"""Photons in a CTDI phantom: an exact cylinder with virtual chambers. Compiled, imported late.

The phantom is homogeneous, so that a photon's way needs no voxels, and each flight scores in a
chamber what is expected of it, whether it gets there or not. At the centre of 32 cm that is worth
some hundred times the histories of a simulation on voxels; `simulate` on the voxels of
`ctdi.phantom_voxels` gives the same within its uncertainty.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

ELECTRON_KEV = 510.99895
KEV_ANGSTROM = 12.398419843
CUT_OFF_KEV = 5.0
# Below this weight a photon survives with probability 1/2, then with twice the weight.
ROULETTE = 0.02


@njit(cache=True, inline="always")
def _at(table, energy, first, step):
    place = (energy - first) / step
    low = min(int(place), table.shape[0] - 2)
    return table[low] + (place - low) * (table[low + 1] - table[low])


@njit(cache=True)
def _compton(energy, x_grid, scattering):
    """Return the energy and the cosine of a Compton photon: Klein-Nishina times S(x).

    L. Kahn's mixture of two densities, Applications of Monte Carlo, AECU-3259 (1954); the
    electrons' binding by rejection with S(x) / S(x of backscatter).
    """
    alpha = energy / ELECTRON_KEV
    least = 1.0 / (1.0 + 2.0 * alpha)
    first, second = -math.log(least), 0.5 * (1.0 - least * least)
    x_most = energy / KEV_ANGSTROM
    most = np.interp(x_most, x_grid, scattering)
    while True:
        if np.random.random() * (first + second) < first:
            share = math.exp(-first * np.random.random())
        else:
            share = math.sqrt(least * least + (1.0 - least * least) * np.random.random())
        turn = (1.0 - share) / (alpha * share)
        sine2 = turn * (2.0 - turn)
        bound = np.interp(x_most * math.sqrt(max(0.0, 0.5 * turn)), x_grid, scattering)
        if np.random.random() * most < (1.0 - share * sine2 / (1.0 + share * share)) * bound:
            return share * energy, 1.0 - turn


@njit(cache=True)
def _rayleigh(energy, x2_grid, form):
    """Return the cosine of a Rayleigh photon: F^2 over x^2 inverted, (1 + cos^2) / 2 rejected."""
    most2 = (energy / KEV_ANGSTROM) ** 2
    most = np.interp(most2, x2_grid, form)
    while True:
        x2 = np.interp(np.random.random() * most, form, x2_grid)
        cosine = max(-1.0, 1.0 - 2.0 * x2 / most2)
        if np.random.random() < 0.5 * (1.0 + cosine * cosine):
            return cosine


@njit(cache=True)
def _turned(ux, uy, uz, cosine):
    azimuth = 2.0 * math.pi * np.random.random()
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    a, b = math.cos(azimuth) * sine, math.sin(azimuth) * sine
    across = math.sqrt(ux * ux + uy * uy)
    if across < 1e-6:
        return a, b, math.copysign(cosine, uz)
    return (
        ux * cosine + (ux * uz * a - uy * b) / across,
        uy * cosine + (uy * uz * a + ux * b) / across,
        uz * cosine - across * a,
    )


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def _history(offset, energy, slope, phantom, chamber, tables, x_grid, x2_grid, shapes, grid, out):
    """Follow one photon; `out` gets its track length times energy times mu_tr/rho of air."""
    radius, half = phantom[0], phantom[1]
    where, size, half_chamber, filled = chamber[0], chamber[1], chamber[2], chamber[3] > 0.5
    first, step = grid[0], grid[1]
    turn = 2.0 * math.pi * np.random.random()
    ring = int(chamber[4])
    depth = math.sqrt(radius * radius - offset * offset)
    # The beam's centre is z = 0; `slope` is z over the distance to the focus.
    norm = 1.0 / math.sqrt(1.0 + slope * slope)
    px, py, pz = -depth, offset, slope * (phantom[2] - depth)
    ux, uy, uz = norm, 0.0, slope * norm
    weight = 1.0
    out[0] = 0.0
    out[1] = 0.0
    while True:
        mu = _at(tables[0], energy, first, step)
        kerma = weight * energy * _at(tables[3], energy, first, step)
        out[0] += kerma * _in_chamber(
            px, py, pz, ux, uy, uz, mu, 0.0, 0.0, size, half_chamber, filled
        )
        for number in range(ring):
            angle = turn + 2.0 * math.pi * number / ring
            cx, cy = where * math.cos(angle), where * math.sin(angle)
            out[1] += (kerma / ring) * _in_chamber(
                px, py, pz, ux, uy, uz, mu, cx, cy, size, half_chamber, filled
            )
        far = -math.log(1.0 - np.random.random()) / mu
        if far >= _to_surface(px, py, pz, ux, uy, uz, radius, half):
            return
        px, py, pz = px + far * ux, py + far * uy, pz + far * uz
        compton, rayleigh = _at(tables[1], energy, first, step), _at(tables[2], energy, first, step)
        # The photoelectric share is taken from the weight instead of the number.
        weight *= (compton + rayleigh) / mu
        if weight < ROULETTE:
            if np.random.random() < 0.5:
                return
            weight *= 2.0
        if np.random.random() * (compton + rayleigh) < rayleigh:
            cosine = _rayleigh(energy, x2_grid, shapes[1])
        else:
            energy, cosine = _compton(energy, x_grid, shapes[0])
            if energy < CUT_OFF_KEV:
                return
        ux, uy, uz = _turned(ux, uy, uz, cosine)


@njit(cache=True, parallel=True, nogil=True)
def run(
    offsets, energies, histories, seed, half_slope, phantom, chamber, tables, x_grid, shapes, grid
):
    """Return sums and sums of squares per cell, [2 (centre, periphery), offset, energy].

    Parameters
    ----------
    offsets
        Edges in cm [b+1]: how far a ray passes from the axis.
    energies
        Edges in keV [e+1]; photons are uniform within a cell.
    histories
        Per cell, [b, e].
    seed
        Each cell has a stream of its own, so that threads change nothing.
    half_slope
        Half of the collimation over the distance from focus to axis.
    phantom
        Radius, half length, distance from focus to axis, cm.
    chamber
        Radius of the ring of chambers, radius and half length of a chamber in cm; 1 where the
        chamber is filled with PMMA, else 0; number of chambers on the ring.
    tables
        Per cm of PMMA, on the energies of `grid`: total, Compton, Rayleigh; mu_tr/rho of air in
        cm2/g. [4, energy]
    x_grid
        Momentum transfer in 1/Angstrom [x].
    shapes
        S(x) and the integral of F^2 over x^2 of PMMA, [2, x].
    grid
        First energy and step of the tables, keV.
    """
    rows, columns = histories.shape
    sums = np.zeros((2, rows, columns))
    squares = np.zeros((2, rows, columns))
    x2_grid = x_grid * x_grid
    for cell in prange(rows * columns):
        row, column = cell // columns, cell % columns
        np.random.seed(seed + cell)
        out = np.zeros(2)
        for _ in range(histories[row, column]):
            offset = offsets[row] + (offsets[row + 1] - offsets[row]) * np.random.random()
            energy = energies[column]
            energy += (energies[column + 1] - energies[column]) * np.random.random()
            slope = half_slope * (2.0 * np.random.random() - 1.0)
            _history(
                offset, energy, slope, phantom, chamber, tables, x_grid, x2_grid, shapes, grid, out
            )
            for place in range(2):
                sums[place, row, column] += out[place]
                squares[place, row, column] += out[place] * out[place]
    return sums, squares
