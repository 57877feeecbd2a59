"""Follow the photons of a CT beam through voxels, on all cores of the processor or on a GPU.

Histories are numbered. Each belongs to a stratum (a bin of z and one of the angle) by Kronecker's
sequence, so that every stratum has its share at any time, and to a batch by its number. A batch is
followed by one thread of the processor at a time, and batches are added up in their order: the
result does not depend on the number of threads, to the last bit. A GPU follows the same histories
with the same random numbers, but rounds otherwise and adds in any order (`gpu`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...tasks.progress import Progress
from .batches import Run, Workers, lanes_of
from .devices import CPU, available, chosen, warp_device
from .gpu import Launches
from .kernel_inputs import empty_sums, groups_of, matter_of, physics_of, source_of
from .materials import index_of
from .photons import Photons, photons_of
from .source_path import SourcePath
from .tally import Tally
from .voxels import Scores, Voxels
from .xray_beam import XRayBeam

__all__ = ["available", "simulate"]

# Histories of one batch between two looks at the progress: 0.01 to 0.1 s of one core.
ROUND_HISTORIES = 1000
# `until` is asked after so many histories, then after each growth by a quarter.
_FIRST_QUESTION = 200_000
_GROWTH = 1.25


def simulate(
    voxels: Voxels,
    beam: XRayBeam,
    path: SourcePath,
    scores: Scores,
    *,
    histories: int,
    seed: int = 1,
    batches: int = 20,
    with_map: bool = False,
    map_weights: np.ndarray | None = None,
    by_fan_and_energy: bool = False,
    photons: Photons | None = None,
    progress: Progress | None = None,
    until: Callable[[Tally], bool] | None = None,
    threads: int | None = None,
    device: str = CPU,
) -> Tally:
    """Simulate an exposure and return what it left in the regions.

    Parameters
    ----------
    voxels, beam, path, scores
        What is irradiated, with what, from where, and what is asked.
    histories
        Number of emitted photons at most; rounded up to whole rounds of all batches where it is
        more than one such round.
    seed
        Of the random numbers; the same seed gives the same tally, on a GPU but for rounding.
    batches
        Parts of the histories, for the uncertainty of the map.
    with_map
        True scores every voxel too: 8 bytes for each voxel and batch.
    map_weights
        [z, a]: relative number of photons from each stratum that the map is for; None: as the
        histories are sampled.
    by_fan_and_energy
        True makes strata of every fan bin and energy of the beam too: the tally's arrays end in
        [z, a, f, e], and other beams of the same fan and energies are weighted sums of it.
    photons
        Data of the materials; None: those of `MATERIALS`.
    progress
        Listens, and may cancel; it stops within a second.
    until
        Asked at fixed numbers of histories whether the tally is good enough; the tally that it
        gets has no map.
    threads
        None: all that the process may use. Changes the time, never the result.
    device
        ``cpu`` for the processor; ``gpu``, or ``gpu:N`` of several, for a GPU with CUDA, whose
        tally is not equal to the last bit from run to run; ``auto`` for a GPU where there is one.

    Returns
    -------
    Tally

    Raises
    ------
    DependencyError
        If numba, or NVIDIA Warp with a GPU, cannot be used here.
    DoseEngineError
        If a GPU fails, such as for lack of memory.
    Cancelled
        If the listener asked for it.
    ValueError
        If the inputs do not fit together: a mistake in the program.

    Examples
    --------
    Photons of 60 keV into a cube of water, and how much of their energy stays there:

    >>> import numpy as np
    >>> shape, water = (10, 10, 10), index_of("water")
    >>> voxels = Voxels(
    ...     np.full(shape, water, np.uint8), np.ones(shape, np.float32), np.ones(shape, np.uint16),
    ...     spacing_mm=(20, 20, 20), corner_mm=(-100, -100, -100), isocentre_mm=(0, 0),
    ... )
    >>> beam = XRayBeam(
    ...     "narrow", 60, np.array([60.0]), np.array([-0.01, 0.01]), np.ones((1, 1)), 600, 10
    ... )
    >>> scores = Scores(("cube",), ((1,),))
    >>> path = SourcePath.standing_at(0.0, 0.0)
    >>> tally = simulate(voxels, beam, path, scores, histories=100_000)
    >>> mean, se = tally.mean_energy_keV()
    >>> print(f"{mean[0]:.0f} keV of 60")
    34 keV of 60
    """
    if histories < 1 or batches < 1:
        raise ValueError(f"{histories} histories in {batches} batches: both must be 1 or more.")
    if map_weights is not None and np.shape(map_weights) != path.shape:
        raise ValueError(
            f"Map weights of the shape {np.shape(map_weights)} do not fit a path of {path.shape}."
        )
    device = chosen(device)
    run = _prepared(
        voxels,
        beam,
        path,
        scores,
        photons,
        seed,
        batches,
        with_map,
        map_weights,
        by_fan_and_energy,
        one_lane=device != CPU,
    )
    count = min(ROUND_HISTORIES, -(-histories // batches))
    of_round = count * batches
    rounds = -(-histories // of_round)
    question = _FIRST_QUESTION
    progress = progress or Progress()
    with (
        Workers(run, threads or _usable_threads(), progress)
        if device == CPU
        else Launches(run, warp_device(device), progress)
    ) as followers:
        number = 0
        while number < rounds:
            last = rounds if until is None else min(rounds, -(-question // of_round))
            number = followers.follow(number, last, count)
            done = number * of_round
            if until is not None and done >= question:
                question = max(int(done * _GROWTH), done + 1)
                if until(followers.tally(with_map=False)):
                    break
            progress.update(number / rounds, f"following photons ({done:,} of {histories:,})")
        return followers.tally(with_map=with_map)


def _prepared(
    voxels: Voxels,
    beam: XRayBeam,
    path: SourcePath,
    scores: Scores,
    photons: Photons | None,
    seed: int,
    batches: int,
    with_map: bool,
    map_weights: np.ndarray | None,
    by_fan_and_energy: bool,
    *,
    one_lane: bool,
) -> Run:
    own = photons_of()
    tissues = [own.transfer[index_of(name)] for name in ("soft_tissue", "red_marrow")]
    photons = photons or own
    source, probability = source_of(
        voxels, beam, path, by_fan_and_energy=by_fan_and_energy, map_weights=map_weights
    )
    lanes = 1 if one_lane else lanes_of(probability.size, len(scores), batches)
    mapped = voxels.material.size if with_map else 0
    return Run(
        scores.names,
        voxels.material.shape,
        np.uint64(seed),
        matter_of(voxels, photons),
        physics_of(photons, *tissues),
        source,
        probability,
        [groups_of(voxels, scores) for _ in range(lanes)],
        [empty_sums(probability.size, len(scores)) for _ in range(lanes)],
        np.zeros((batches, mapped, 2), np.float32),
        np.zeros(batches, np.int64),
    )


def _usable_threads() -> int:
    """Return the number of threads that numba would use: cores of the process or the user's."""
    from numba import config

    return int(config.NUMBA_NUM_THREADS)
