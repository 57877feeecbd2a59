"""The random walk of photons, compiled by numba. Import it through `compilation.kernel` alone.

Photons are followed to 5 keV in the kerma approximation: electrons leave their energy where they
are set free. Free flights are Woodcock's (1965): a photon flies in a medium that attenuates
everywhere as the strongest voxel does, and a tentative collision is real with the probability
mu / mu_max. Every tentative collision, real or not, scores E mu_tr / mu_max, which is the
expectation of the track length's estimate of collision kerma and needs no ray tracing.

Compton scattering follows Klein and Nishina's cross section, rejected with the incoherent
scattering function S(x); Rayleigh scattering inverts the cumulative squared form factor over
x^2 and rejects with (1 + cos^2) / 2; x = sin(theta / 2) E / (h c). A photoelectric event may send
out a K photon, which leaves isotropically.

Each history has a random stream of its own, SplitMix64 (Steele 2014) from a hash of seed and
history number, so that nothing depends on which thread follows it.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from .kernel_inputs import CUT_OFF_KEV, MATERIAL_BITS

_MATERIAL_MASK = (1 << MATERIAL_BITS) - 1

_ELECTRON_KEV = 510.99895
_HC_KEV_ANGSTROM = 12.398419843
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53
_FULL_TURN = 2.0 * math.pi
# Without a folder for it there is no cache: numba would write into the package else.
_compiled = numba.njit(fastmath=True, nogil=True, cache=bool(numba.config.CACHE_DIR))
# A call hands over tuples of arrays, whose reference counts cost a fifth of the whole time.
_inlined = numba.njit(fastmath=True, nogil=True, inline="always")


@_compiled
def _mixed(state):
    state = (state ^ (state >> _30)) * _MIX_1
    state = (state ^ (state >> _27)) * _MIX_2
    return state ^ (state >> _31)


@_compiled
def _uniform(state):
    """Return a number in [0, 1) for this state; add _GAMMA to the state before the next one."""
    return (_mixed(state) >> _11) * _UNIT


@_compiled
def _bin_of(edges, value):
    """Return i with edges[i] <= value < edges[i + 1]."""
    low, high = 0, len(edges) - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if edges[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@_inlined
def _turned(ux, uy, uz, cosine, azimuth):
    """Return the unit vector that lies at these angles from (ux, uy, uz)."""
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    along, across = sine * math.cos(azimuth), sine * math.sin(azimuth)
    radius = math.sqrt(ux * ux + uy * uy)
    if radius > 1e-4:
        return (
            ux * cosine + (ux * uz * along - uy * across) / radius,
            uy * cosine + (uy * uz * along + ux * across) / radius,
            uz * cosine - radius * along,
        )
    sign = 1.0 if uz > 0 else -1.0
    return along, sign * across, sign * cosine


@_compiled
def _scattering(physics, material, root_x):
    """Return S(x) of a material by the root of x, in which the table is even."""
    place = root_x * physics.per_root_x
    cell = min(int(place), physics.scattering.shape[1] - 2)
    low = physics.scattering[material, cell]
    return low + (place - cell) * (physics.scattering[material, cell + 1] - low)


@_compiled
def _compton(physics, material, energy, state):
    """Return the energy and the cosine after a Compton scattering."""
    k = energy / _ELECTRON_KEV
    least = 1.0 / (1.0 + 2.0 * k)
    by_log, by_square = -math.log(least), 0.5 * (1.0 - least * least)
    x_most = energy / _HC_KEV_ANGSTROM
    most = _scattering(physics, material, math.sqrt(x_most))
    while True:
        state += _GAMMA
        kind = _uniform(state) * (by_log + by_square)
        state += _GAMMA
        u = _uniform(state)
        if kind < by_log:
            ratio = math.exp(-by_log * u)
        else:
            ratio = math.sqrt(least * least + (1.0 - least * least) * u)
        t = (1.0 - ratio) / (k * ratio)  # 1 - cosine
        sine2 = t * (2.0 - t)
        x = x_most * math.sqrt(0.5 * t)
        accepted = (1.0 - ratio * sine2 / (1.0 + ratio * ratio)) * _scattering(
            physics, material, math.sqrt(x)
        )
        state += _GAMMA
        if _uniform(state) * most < accepted:
            return ratio * energy, 1.0 - t, state


@_compiled
def _rayleigh(physics, material, energy, state):
    """Return the cosine after a Rayleigh scattering."""
    x2_most = (energy / _HC_KEV_ANGSTROM) ** 2
    cumulative = physics.form_factor[material]
    x2 = physics.x2
    cell = _bin_of(x2, x2_most)
    share = (x2_most - x2[cell]) / (x2[cell + 1] - x2[cell])
    most = cumulative[cell] + share * (cumulative[cell + 1] - cumulative[cell])
    while True:
        state += _GAMMA
        value = _uniform(state) * most
        cell = _bin_of(cumulative, value)
        share = (value - cumulative[cell]) / (cumulative[cell + 1] - cumulative[cell])
        cosine = 1.0 - 2.0 * (x2[cell] + share * (x2[cell + 1] - x2[cell])) / x2_most
        state += _GAMMA
        if _uniform(state) < 0.5 * (1.0 + cosine * cosine):
            return max(-1.0, cosine), state


@_inlined
def _emitted(source, stratum, state):
    """Return energy, focus (x, y, z) and unit vector of a new photon; lengths in cm."""
    state += _GAMMA
    z = source.z_cm[stratum] + source.z_width_cm[stratum] * _uniform(state)
    state += _GAMMA
    angle = source.angle[stratum] + source.angle_width[stratum] * _uniform(state)
    fan, line = source.fan[stratum], source.line[stratum]
    if fan < 0:
        state += _GAMMA
        fan = _bin_of(source.fan_cumulative, _uniform(state))
        state += _GAMMA
        line = _bin_of(source.line_cumulative[fan], _uniform(state))
    first, last = source.fan_edges[fan], source.fan_edges[fan + 1]
    nearest = 0.0 if first * last < 0 else min(abs(first), abs(last))
    while True:  # isotropic within the bin: dt ds / (1 + t^2 + s^2)^(3/2)
        state += _GAMMA
        t = first + (last - first) * _uniform(state)
        state += _GAMMA
        s = source.half_cone * (2.0 * _uniform(state) - 1.0)
        length2 = 1.0 + t * t + s * s
        share = (1.0 + nearest * nearest) / length2
        state += _GAMMA
        if _uniform(state) < share * math.sqrt(share):
            break
    sine, cosine = math.sin(angle), math.cos(angle)
    scale = 1.0 / math.sqrt(length2)
    return (
        source.energies[line],
        source.isocentre_x_cm + source.focus_cm * sine,
        source.isocentre_y_cm - source.focus_cm * cosine,
        z,
        scale * (t * cosine - sine),
        scale * (t * sine + cosine),
        scale * s,
        state,
    )


@_compiled
def _crossed(position, step, low, high, near, far):
    """Return the part of [near, far] of a ray that lies between low and high on one axis."""
    if step == 0.0:
        return (near, far) if low <= position < high else (1.0, 0.0)
    a, b = (low - position) / step, (high - position) / step
    return max(near, min(a, b)), min(far, max(a, b))


@_compiled
def _entered(matter, x_cm, y_cm, z_cm, ux, uy, uz):
    """Return True and the place, in voxels, where a ray enters the box of what is not empty."""
    x, y, z = x_cm * matter.per_x, y_cm * matter.per_y, z_cm * matter.per_z
    vx, vy, vz = ux * matter.per_x, uy * matter.per_y, uz * matter.per_z
    box = matter.box
    near, far = _crossed(x, vx, box[0], box[1], 0.0, 1e30)
    near, far = _crossed(y, vy, box[2], box[3], near, far)
    near, far = _crossed(z, vz, box[4], box[5], near, far)
    return far > near, x + vx * near, y + vy * near, z + vz * near


@_inlined
def _score(groups, history, region, medium, soft, marrow):
    """Add energies in a region to a history's own sums."""
    if region == 0:
        return
    if groups.seen[region] != history:
        groups.seen[region] = history
        groups.touched[groups.counts[0]] = region
        groups.counts[0] += 1
        groups.per_region[region, 0] = 0.0
        groups.per_region[region, 1] = 0.0
        groups.per_region[region, 2] = 0.0
    groups.per_region[region, 0] += medium
    groups.per_region[region, 1] += soft
    groups.per_region[region, 2] += marrow


@_inlined
def _add_up(groups, history, sums, squares):
    """Add the sums by region of one history to the scores' sums and sums of squares."""
    scores = 0
    for t in range(groups.counts[0]):
        region = groups.touched[t]
        for c in range(groups.first[region], groups.first[region + 1]):
            score = groups.score[c]
            if groups.score_seen[score] != history:
                groups.score_seen[score] = history
                groups.score_touched[scores] = score
                scores += 1
                for d in range(3):
                    groups.per_score[score, d] = 0.0
            for d in range(3):
                groups.per_score[score, d] += groups.per_region[region, d]
    for t in range(scores):
        score = groups.score_touched[t]
        for d in range(3):
            energy = groups.per_score[score, d]
            sums[score, d] += energy
            squares[score, d] += energy * energy
    groups.counts[0] = 0


@_inlined
def _kerma(matter, physics, cell, share):
    """Return 1 / mu_max in cm, and mu_tr/rho of soft tissue and red marrow, at an energy."""
    low, high = physics.tissues[cell], physics.tissues[cell + 1]
    most = matter.mu_max[cell] + share * (matter.mu_max[cell + 1] - matter.mu_max[cell])
    return 1.0 / most, low[0] + share * (high[0] - low[0]), low[1] + share * (high[1] - low[1])


@_inlined
def _flown(matter, physics, groups, voxel_map, history, weight, photon, cell, share, state):
    """Fly to the next real collision and score on the way.

    A photon is (energy, x, y, z, ux, uy, uz), its place in voxels. Returns the voxel, or -1 for
    outside, the place and the state.
    """
    energy, x, y, z, ux, uy, uz = photon
    x_low, x_high, y_low, y_high, z_low, z_high = matter.box
    vx, vy, vz = ux * matter.per_x, uy * matter.per_y, uz * matter.per_z
    free_cm, soft, marrow = _kerma(matter, physics, cell, share)
    scale = energy * free_cm
    soft *= scale
    marrow *= scale
    records, coefficients = matter.records, physics.coefficients
    nx, ny, mapped = matter.nx, matter.ny, len(voxel_map) > 0
    # Collisions in one region are added up here before they go to the history's sums.
    current, in_medium, in_soft, in_marrow = 0, 0.0, 0.0, 0.0
    while True:
        state += _GAMMA
        flight = -math.log(np.float32(1.0 - _uniform(state))) * free_cm
        x += vx * flight
        y += vy * flight
        z += vz * flight
        if not (x_low <= x < x_high and y_low <= y < y_high and z_low <= z < z_high):
            voxel = -1
            break
        voxel = (int(z) * ny + int(y)) * nx + int(x)
        density = records[voxel, 0]
        if density == 0.0:
            continue
        record = np.int64(records[voxel, 1])
        region, material = record >> MATERIAL_BITS, record & _MATERIAL_MASK
        if region != current:
            _score(groups, history, current, in_medium, in_soft, in_marrow)
            current, in_medium, in_soft, in_marrow = region, 0.0, 0.0, 0.0
        transfer = coefficients[material, cell, 1]
        transfer += share * (coefficients[material, cell + 1, 1] - transfer)
        medium = scale * density * transfer
        in_medium += medium
        in_soft += density * soft
        in_marrow += density * marrow
        if mapped:
            voxel_map[voxel, 0] += weight * medium
            voxel_map[voxel, 1] += weight * density * soft
        state += _GAMMA
        total = coefficients[material, cell, 0]
        total += share * (coefficients[material, cell + 1, 0] - total)
        if _uniform(state) < free_cm * density * total:
            break
    _score(groups, history, current, in_medium, in_soft, in_marrow)
    return voxel, x, y, z, state


@_compiled
def _left_behind(matter, physics, groups, voxel_map, history, weight, voxel, energy):
    """Score the energy of a photon below the cut-off where it is, in every detector's measure."""
    record = np.int64(matter.records[voxel, 1])
    transfer = physics.coefficients[record & _MATERIAL_MASK, 0, 1]
    _, soft, marrow = _kerma(matter, physics, 0, 0.0)
    soft, marrow = energy * soft / transfer, energy * marrow / transfer
    _score(groups, history, record >> MATERIAL_BITS, energy, soft, marrow)
    if len(voxel_map) > 0:
        voxel_map[voxel, 0] += weight * energy
        voxel_map[voxel, 1] += weight * soft


@_inlined
def _interacted(physics, material, cell, share, energy, state):
    """Return energy, cosine and state after a real collision.

    An energy of 0 is a photon that was absorbed; a cosine of 2 one that was sent out anew.
    """
    low, high = physics.coefficients[material, cell], physics.coefficients[material, cell + 1]
    state += _GAMMA
    kind = _uniform(state) * (low[0] + share * (high[0] - low[0]))
    photoelectric = low[2] + share * (high[2] - low[2])
    if kind < photoelectric:
        emission = low[4] + share * (high[4] - low[4])
        state += _GAMMA
        if _uniform(state) >= emission:
            return 0.0, 0.0, state
        state += _GAMMA
        line = _bin_of(physics.k_cumulative, _uniform(state))
        return physics.k_line_keV[line], 2.0, state
    if kind < photoelectric + low[3] + share * (high[3] - low[3]):
        cosine, state = _rayleigh(physics, material, energy, state)
        return energy, cosine, state
    return _compton(physics, material, energy, state)


@_inlined
def _redirected(ux, uy, uz, cosine, state):
    """Return the direction after a collision; a cosine of 2 stands for any direction."""
    state += _GAMMA
    azimuth = _FULL_TURN * _uniform(state)
    if cosine > 1.0:
        state += _GAMMA
        cosine = 2.0 * _uniform(state) - 1.0
    ux, uy, uz = _turned(ux, uy, uz, cosine, azimuth)
    return ux, uy, uz, state


@_inlined
def _walked(matter, physics, groups, voxel_map, history, weight, photon, state):
    """Follow a photon in the grid to its end; return the energy with which it left, or 0."""
    energy, x, y, z, ux, uy, uz = photon
    while True:
        place = (energy - physics.first_keV) * physics.per_keV
        cell = min(int(place), physics.last_cell)
        share = place - cell
        photon = energy, x, y, z, ux, uy, uz
        voxel, x, y, z, state = _flown(
            matter, physics, groups, voxel_map, history, weight, photon, cell, share, state
        )
        if voxel < 0:
            return energy
        material = np.int64(matter.records[voxel, 1]) & _MATERIAL_MASK
        energy, cosine, state = _interacted(physics, material, cell, share, energy, state)
        if energy < CUT_OFF_KEV:
            if energy > 0.0:
                _left_behind(matter, physics, groups, voxel_map, history, weight, voxel, energy)
            return 0.0
        ux, uy, uz, state = _redirected(ux, uy, uz, cosine, state)


@_compiled
def follow(first, count, key, matter, physics, source, groups, sums, voxel_map):
    """Follow the histories first to first + count - 1; add what they leave to `sums` and the map.

    Parameters
    ----------
    first, count
        Numbers of the histories.
    key
        uint64 of the seed.
    matter, physics, source, groups, sums
        As `kernel_inputs` makes them; `groups` and `sums` are this thread's own.
    voxel_map
        float32 [voxel, 2] or [0, 2], keV.
    """
    for number in range(first, first + count):
        history = np.int64(number)
        # Kronecker's sequence: the strata get their shares after any number of histories.
        place = (_mixed(key) + np.uint64(number) * _GAMMA) >> _11
        stratum = _bin_of(source.cumulative, place * _UNIT)
        state = _mixed(key ^ _mixed(np.uint64(number) * _MIX_1 + _GAMMA))
        energy, x, y, z, ux, uy, uz, state = _emitted(source, stratum, state)
        sums.histories[stratum] += 1
        sums.balance[0] += energy
        enters, x, y, z = _entered(matter, x, y, z, ux, uy, uz)
        if enters:
            photon = energy, x, y, z, ux, uy, uz
            weight = source.map_weight[stratum]
            energy = _walked(matter, physics, groups, voxel_map, history, weight, photon, state)
            _add_up(groups, history, sums.energy[stratum], sums.squares[stratum])
        sums.balance[1] += energy
