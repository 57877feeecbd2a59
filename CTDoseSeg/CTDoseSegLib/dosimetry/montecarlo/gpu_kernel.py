"""The random walk of photons on a GPU, compiled by NVIDIA Warp. Import it through `gpu` alone.

`photon_kernel` explains the physics and the scores; this is the same walk, with places, energies
and a history's own sums in float32.
"""

import warp as wp

from .gpu_inputs import Matter, Physics, Scoring, Source
from .gpu_physics import (
    Photon,
    bin_of,
    emitted,
    following,
    history_place,
    history_state,
    interacted,
    mean_free_paths,
    uniform,
)
from .kernel_inputs import CUT_OFF_KEV, MATERIAL_BITS

wp.set_module_options({"enable_backward": False})

_CUT_OFF_KEV = wp.constant(CUT_OFF_KEV)
_REGION_SHIFT = wp.constant(MATERIAL_BITS)
# The float32 below 1.
_INSIDE = wp.constant(1.0 - 2.0**-24)
_MATERIAL_MASK = wp.constant((1 << MATERIAL_BITS) - 1)


@wp.func
def crossed(
    place: wp.float32,
    step: wp.float32,
    low: wp.float32,
    high: wp.float32,
    near: wp.float32,
    far: wp.float32,
):
    """Return the part of [near, far] of a ray that lies between low and high on one axis."""
    if step == 0.0:
        if low <= place and place < high:
            return near, far
        return 1.0, 0.0
    a = (low - place) / step
    b = (high - place) / step
    return wp.max(near, wp.min(a, b)), wp.min(far, wp.max(a, b))


@wp.func
def entered(matter: Matter, photon: Photon) -> Photon:
    """Return the photon where it enters the box of what is not empty; voxel -1 if it misses."""
    place = wp.cw_mul(photon.place, matter.per_cm)
    step = wp.cw_mul(photon.direction, matter.per_cm)
    near = wp.float32(0.0)
    far = wp.float32(1.0e30)
    near, far = crossed(place[0], step[0], matter.low[0], matter.high[0], near, far)
    near, far = crossed(place[1], step[1], matter.low[1], matter.high[1], near, far)
    near, far = crossed(place[2], step[2], matter.low[2], matter.high[2], near, far)
    # Rounded to the outside, a photon of a short mean free path would leave at once.
    photon.place = wp.max(wp.min(place + step * near, matter.high * _INSIDE), matter.low)
    photon.voxel = wp.where(far > near, 0, -1)
    return photon


@wp.func
def scored(
    scoring: Scoring, thread: wp.int32, scores: wp.int32, region: wp.int32, energy: wp.vec3
) -> wp.int32:
    """Add energies (medium, soft tissue, red marrow) in a region to the history's own sums.

    Returns how many scores the history has met; soft tissue's energy is 0 in the others.
    """
    count = scores
    for c in range(scoring.first[region], scoring.first[region + 1]):
        score = scoring.score[c]
        before = scoring.energy[score, thread]
        if before[1] == 0.0:
            scoring.touched[count, thread] = score
            count += 1
        scoring.energy[score, thread] = before + energy
    return count


@wp.func
def add_up(scoring: Scoring, thread: wp.int32, scores: wp.int32, stratum: wp.int32):
    """Add the sums of one history to the sums and squares of its stratum, and clear them."""
    for n in range(scores):
        score = scoring.touched[n, thread]
        energy = scoring.energy[score, thread]
        scoring.energy[score, thread] = wp.vec3(0.0, 0.0, 0.0)
        for detector in range(3):
            e = wp.float64(energy[detector])
            wp.atomic_add(scoring.sums, stratum, score, detector, e)
            wp.atomic_add(scoring.squares, stratum, score, detector, e * e)


@wp.func
def flown(
    matter: Matter,
    physics: Physics,
    scoring: Scoring,
    thread: wp.int32,
    batch: wp.int32,
    weight: wp.float32,
    cell: wp.int32,
    share: wp.float32,
    photon: Photon,
) -> Photon:
    """Return a photon at its next real collision, or outside; score on the way."""
    per_cm = wp.cw_mul(photon.direction, matter.per_cm)
    free_cm = 1.0 / (matter.mu_max[cell] + share * (matter.mu_max[cell + 1] - matter.mu_max[cell]))
    scale = photon.energy * free_cm
    low = physics.tissues[cell]
    high = physics.tissues[cell + 1]
    soft = scale * (low[0] + share * (high[0] - low[0]))
    marrow = scale * (low[1] + share * (high[1] - low[1]))
    mapped = scoring.voxel_map.shape[1] > 0
    # Collisions in one region are added up here before they go to the history's sums.
    current = wp.int32(0)
    energy = wp.vec3(0.0, 0.0, 0.0)
    place = photon.place
    state = photon.state
    voxel = wp.int32(0)
    flying = wp.bool(True)
    while flying:
        state = following(state)
        place += per_cm * (mean_free_paths(state) * free_cm)
        if (
            place[0] < matter.low[0]
            or place[0] >= matter.high[0]
            or place[1] < matter.low[1]
            or place[1] >= matter.high[1]
            or place[2] < matter.low[2]
            or place[2] >= matter.high[2]
        ):
            voxel = -1
            flying = False
        else:
            voxel = (wp.int32(place[2]) * matter.ny + wp.int32(place[1])) * matter.nx + wp.int32(
                place[0]
            )
            density = matter.records[voxel, 0]
            if density > 0.0:
                record = wp.int32(matter.records[voxel, 1])
                region = record >> _REGION_SHIFT
                material = record & _MATERIAL_MASK
                if region != current:
                    photon.scores = scored(scoring, thread, photon.scores, current, energy)
                    current = region
                    energy = wp.vec3(0.0, 0.0, 0.0)
                transfer = physics.coefficients[material, cell, 1]
                transfer += share * (physics.coefficients[material, cell + 1, 1] - transfer)
                here = density * wp.vec3(scale * transfer, soft, marrow)
                energy += here
                if mapped:
                    wp.atomic_add(scoring.voxel_map, batch, voxel, 0, weight * here[0])
                    wp.atomic_add(scoring.voxel_map, batch, voxel, 1, weight * here[1])
                total = physics.coefficients[material, cell, 0]
                total += share * (physics.coefficients[material, cell + 1, 0] - total)
                state = following(state)
                flying = uniform(state) >= free_cm * density * total
    photon.scores = scored(scoring, thread, photon.scores, current, energy)
    photon.place = place
    photon.state = state
    photon.voxel = voxel
    return photon


@wp.func
def left_behind(
    matter: Matter,
    physics: Physics,
    scoring: Scoring,
    thread: wp.int32,
    batch: wp.int32,
    weight: wp.float32,
    photon: Photon,
) -> wp.int32:
    """Score the energy of a photon below the cut-off where it is, in every detector's measure."""
    record = wp.int32(matter.records[photon.voxel, 1])
    factor = photon.energy / physics.coefficients[record & _MATERIAL_MASK, 0, 1]
    soft = factor * physics.tissues[0, 0]
    marrow = factor * physics.tissues[0, 1]
    if scoring.voxel_map.shape[1] > 0:
        wp.atomic_add(scoring.voxel_map, batch, photon.voxel, 0, weight * photon.energy)
        wp.atomic_add(scoring.voxel_map, batch, photon.voxel, 1, weight * soft)
    energy = wp.vec3(photon.energy, soft, marrow)
    return scored(scoring, thread, photon.scores, record >> _REGION_SHIFT, energy)


@wp.func
def walked(
    matter: Matter,
    physics: Physics,
    scoring: Scoring,
    thread: wp.int32,
    batch: wp.int32,
    weight: wp.float32,
    photon: Photon,
) -> Photon:
    """Follow a photon in the grid to its end; its energy is what it left with, or 0."""
    walking = wp.bool(True)
    while walking:
        place = (photon.energy - physics.first_keV) * physics.per_keV
        cell = wp.min(wp.int32(place), physics.last_cell)
        share = place - wp.float32(cell)
        photon = flown(matter, physics, scoring, thread, batch, weight, cell, share, photon)
        if photon.voxel < 0:
            walking = False
        else:
            material = wp.int32(matter.records[photon.voxel, 1]) & _MATERIAL_MASK
            photon = interacted(physics, material, cell, share, photon)
            if photon.energy < _CUT_OFF_KEV:
                if photon.energy > 0.0:
                    photon.scores = left_behind(
                        matter, physics, scoring, thread, batch, weight, photon
                    )
                photon.energy = 0.0
                walking = False
    return photon


@wp.kernel
def follow(
    first: wp.int64,
    count: wp.int32,
    threads: wp.int32,
    in_round: wp.int64,
    batches: wp.int64,
    key: wp.uint64,
    matter: Matter,
    physics: Physics,
    source: Source,
    scoring: Scoring,
):
    """Follow the histories first to first + count - 1; so many in a row belong to one batch.

    Parameters
    ----------
    first, count
        Numbers of the histories.
    threads
        Number of threads: the launch's size.
    in_round, batches
        Histories of a batch in one round, and number of batches.
    key
        uint64 of the seed.
    matter, physics, source, scoring
        As `gpu_inputs` makes them; what the histories leave is added to `scoring`.
    """
    thread = wp.int32(wp.tid())
    sent = wp.float64(0.0)
    escaped = wp.float64(0.0)
    for n in range(thread, count, threads):
        number = first + wp.int64(n)
        batch = wp.int32((number / in_round) % batches)
        stratum = bin_of(source.cumulative, history_place(key, wp.uint64(number)))
        photon = emitted(source, stratum, history_state(key, wp.uint64(number)))
        sent += wp.float64(photon.energy)
        wp.atomic_add(scoring.histories, stratum, wp.int64(1))
        photon = entered(matter, photon)
        if photon.voxel >= 0:
            weight = source.map_weight[stratum]
            photon = walked(matter, physics, scoring, thread, batch, weight, photon)
            add_up(scoring, thread, photon.scores, stratum)
        escaped += wp.float64(photon.energy)
    wp.atomic_add(scoring.balance, 0, sent)
    wp.atomic_add(scoring.balance, 1, escaped)
