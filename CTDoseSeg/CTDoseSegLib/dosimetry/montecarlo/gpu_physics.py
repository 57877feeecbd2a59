"""How photons start and interact, as functions of NVIDIA Warp. Imported by `gpu_kernel` alone.

These are the samplers of `photon_kernel`, which names their sources, with the same random streams:
a history of the same seed and number takes the same course, but for rounding.
"""

from typing import Any

import warp as wp

from .gpu_inputs import Physics, Source

_ELECTRON_KEV = wp.constant(510.99895)
_HC_KEV_ANGSTROM = wp.constant(wp.float64(12.398419843))
_FULL_TURN = wp.constant(6.283185307179586)
_GAMMA = wp.constant(wp.uint64(0x9E3779B97F4A7C15))
_MIX_1 = wp.constant(wp.uint64(0xBF58476D1CE4E5B9))
_MIX_2 = wp.constant(wp.uint64(0x94D049BB133111EB))
_BITS_53 = wp.constant(wp.uint64(1 << 53))
_UNIT = wp.constant(wp.float64(2.0**-53))
_UNIT_24 = wp.constant(wp.float32(2.0**-24))


@wp.struct
class Photon:
    """A photon in flight.

    place is in voxels, voxel the number of the one where it collided, or -1 outside; state is that
    of its random numbers. scores counts the scores that its history has met.
    """

    energy: wp.float32
    place: wp.vec3
    direction: wp.vec3
    state: wp.uint64
    voxel: wp.int32
    scores: wp.int32


@wp.func
def mixed(state: wp.uint64) -> wp.uint64:
    """Return SplitMix64's hash of a state."""
    z = (state ^ (state >> wp.uint64(30))) * _MIX_1
    z = (z ^ (z >> wp.uint64(27))) * _MIX_2
    return z ^ (z >> wp.uint64(31))


@wp.func
def exact_uniform(state: wp.uint64) -> wp.float64:
    """Return a number in [0, 1) of 53 bits for this state."""
    return wp.float64(mixed(state) >> wp.uint64(11)) * _UNIT


@wp.func
def uniform(state: wp.uint64) -> wp.float32:
    """Return a number in [0, 1) of 24 bits for this state."""
    return wp.float32(mixed(state) >> wp.uint64(40)) * _UNIT_24


@wp.func
def mean_free_paths(state: wp.uint64) -> wp.float32:
    """Return the length of a free flight; it is of 1 minus the number in [0, 1), so never of 0."""
    return -wp.log(wp.float32(_BITS_53 - (mixed(state) >> wp.uint64(11))) * wp.float32(_UNIT))


@wp.func
def history_place(key: wp.uint64, number: wp.uint64) -> wp.float64:
    """Return the place of a history in Kronecker's sequence, which gives it its stratum."""
    return wp.float64((mixed(key) + number * _GAMMA) >> wp.uint64(11)) * _UNIT


@wp.func
def history_state(key: wp.uint64, number: wp.uint64) -> wp.uint64:
    """Return the state that the random numbers of a history start from."""
    return mixed(key ^ mixed(number * _MIX_1 + _GAMMA))


@wp.func
def following(state: wp.uint64) -> wp.uint64:
    """Return the next state."""
    return state + _GAMMA


@wp.func
def bin_of(edges: wp.array[Any], value: Any) -> wp.int32:
    """Return i with edges[i] <= value < edges[i + 1]."""
    low = wp.int32(0)
    high = edges.shape[0] - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if edges[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@wp.func
def turned(u: wp.vec3, cosine: wp.float32, azimuth: wp.float32) -> wp.vec3:
    """Return the unit vector that lies at these angles from u."""
    sine = wp.sqrt(wp.max(0.0, 1.0 - cosine * cosine))
    along = sine * wp.cos(azimuth)
    across = sine * wp.sin(azimuth)
    radius = wp.sqrt(u[0] * u[0] + u[1] * u[1])
    if radius > 1.0e-4:
        return wp.vec3(
            u[0] * cosine + (u[0] * u[2] * along - u[1] * across) / radius,
            u[1] * cosine + (u[1] * u[2] * along + u[0] * across) / radius,
            u[2] * cosine - radius * along,
        )
    sign = wp.where(u[2] > 0.0, 1.0, -1.0)
    return wp.vec3(along, sign * across, sign * cosine)


@wp.func
def scattering(physics: Physics, material: wp.int32, root_x: wp.float32) -> wp.float32:
    """Return S(x) of a material by the root of x, in which the table is even."""
    place = root_x * physics.per_root_x
    cell = wp.min(wp.int32(place), physics.scattering.shape[1] - 2)
    low = physics.scattering[material, cell]
    return low + (place - wp.float32(cell)) * (physics.scattering[material, cell + 1] - low)


@wp.func
def compton(physics: Physics, material: wp.int32, photon: Photon):
    """Return the photon with its energy after a Compton scattering, and the cosine."""
    k = photon.energy / _ELECTRON_KEV
    least = 1.0 / (1.0 + 2.0 * k)
    by_log = -wp.log(least)
    by_square = 0.5 * (1.0 - least * least)
    x_most = photon.energy / wp.float32(_HC_KEV_ANGSTROM)
    most = scattering(physics, material, wp.sqrt(x_most))
    state = photon.state
    ratio = wp.float32(1.0)
    t = wp.float32(0.0)  # 1 - cosine
    rejected = wp.bool(True)
    while rejected:
        state = following(state)
        kind = uniform(state) * (by_log + by_square)
        state = following(state)
        u = uniform(state)
        if kind < by_log:
            ratio = wp.exp(-by_log * u)
        else:
            ratio = wp.sqrt(least * least + (1.0 - least * least) * u)
        t = (1.0 - ratio) / (k * ratio)
        sine2 = t * (2.0 - t)
        x = x_most * wp.sqrt(0.5 * t)
        accepted = (1.0 - ratio * sine2 / (1.0 + ratio * ratio)) * scattering(
            physics, material, wp.sqrt(x)
        )
        state = following(state)
        rejected = uniform(state) * most >= accepted
    photon.energy = ratio * photon.energy
    photon.state = state
    return photon, 1.0 - t


@wp.func
def rayleigh(physics: Physics, material: wp.int32, photon: Photon):
    """Return the photon and the cosine after a Rayleigh scattering; in float64 as F(x)^2 falls."""
    x_most = wp.float64(photon.energy) / _HC_KEV_ANGSTROM
    x2_most = x_most * x_most
    cumulative = physics.form_factor[material]
    x2 = physics.x2
    cell = bin_of(x2, x2_most)
    share = (x2_most - x2[cell]) / (x2[cell + 1] - x2[cell])
    most = cumulative[cell] + share * (cumulative[cell + 1] - cumulative[cell])
    state = photon.state
    cosine = wp.float64(1.0)
    rejected = wp.bool(True)
    while rejected:
        state = following(state)
        value = exact_uniform(state) * most
        cell = bin_of(cumulative, value)
        share = (value - cumulative[cell]) / (cumulative[cell + 1] - cumulative[cell])
        x2_here = x2[cell] + share * (x2[cell + 1] - x2[cell])
        cosine = wp.float64(1.0) - wp.float64(2.0) * x2_here / x2_most
        state = following(state)
        accepted = wp.float64(0.5) * (wp.float64(1.0) + cosine * cosine)
        rejected = exact_uniform(state) >= accepted
    photon.state = state
    return photon, wp.max(-1.0, wp.float32(cosine))


@wp.func
def interacted(
    physics: Physics, material: wp.int32, cell: wp.int32, share: wp.float32, photon: Photon
) -> Photon:
    """Return a photon after a real collision; one of no energy was absorbed."""
    low = physics.coefficients[material, cell]
    high = physics.coefficients[material, cell + 1]
    photon.state = following(photon.state)
    kind = uniform(photon.state) * (low[0] + share * (high[0] - low[0]))
    absorbed = low[2] + share * (high[2] - low[2])
    elastic = low[3] + share * (high[3] - low[3])
    cosine = wp.float32(0.0)
    if kind < absorbed:
        photon.state = following(photon.state)
        if uniform(photon.state) >= low[4] + share * (high[4] - low[4]):
            photon.energy = 0.0
            return photon
        photon.state = following(photon.state)  # a K photon
        line = bin_of(physics.k_cumulative, exact_uniform(photon.state))
        photon.energy = physics.k_line_keV[line]
    elif kind < absorbed + elastic:
        photon, cosine = rayleigh(physics, material, photon)
    else:
        photon, cosine = compton(physics, material, photon)
    photon.state = following(photon.state)
    azimuth = _FULL_TURN * uniform(photon.state)
    if kind < absorbed:
        photon.state = following(photon.state)
        cosine = 2.0 * uniform(photon.state) - 1.0
    photon.direction = turned(photon.direction, cosine, azimuth)
    return photon


@wp.func
def emitted(source: Source, stratum: wp.int32, state: wp.uint64) -> Photon:
    """Return a new photon; its place is the focus in cm from the grid's corner."""
    state = following(state)
    z = source.z_cm[stratum] + source.z_width_cm[stratum] * uniform(state)
    state = following(state)
    angle = source.angle[stratum] + source.angle_width[stratum] * uniform(state)
    fan = source.fan[stratum]
    line = source.line[stratum]
    if fan < 0:
        state = following(state)
        fan = bin_of(source.fan_cumulative, exact_uniform(state))
        state = following(state)
        line = bin_of(source.line_cumulative[fan], exact_uniform(state))
    first = source.fan_edges[fan]
    last = source.fan_edges[fan + 1]
    nearest = wp.where(first * last < 0.0, 0.0, wp.min(wp.abs(first), wp.abs(last)))
    t = wp.float32(0.0)
    s = wp.float32(0.0)
    length2 = wp.float32(1.0)
    rejected = wp.bool(True)
    while rejected:  # isotropic within the bin: dt ds / (1 + t^2 + s^2)^(3/2)
        state = following(state)
        t = first + (last - first) * uniform(state)
        state = following(state)
        s = source.half_cone * (2.0 * uniform(state) - 1.0)
        length2 = 1.0 + t * t + s * s
        share = (1.0 + nearest * nearest) / length2
        state = following(state)
        rejected = uniform(state) >= share * wp.sqrt(share)
    sine = wp.sin(angle)
    cosine = wp.cos(angle)
    photon = Photon()
    photon.energy = source.energies[line]
    photon.place = wp.vec3(
        source.isocentre_x_cm + source.focus_cm * sine,
        source.isocentre_y_cm - source.focus_cm * cosine,
        z,
    )
    towards = wp.vec3(t * cosine - sine, t * sine + cosine, s)
    photon.direction = towards / wp.sqrt(length2)
    photon.state = state
    return photon
