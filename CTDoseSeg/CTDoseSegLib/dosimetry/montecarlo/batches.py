"""A simulation under way: its batches, and the threads that follow them.

A batch is followed by one thread at a time, and sums are added in a fixed order, so that the
result does not depend on the number of threads.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ...tasks.progress import Progress
from .compilation import kernel
from .kernel_inputs import Groups, Matter, Physics, Source, Sums, empty_sums
from .tally import Tally

_POLL_S = 0.1
# Sums by stratum and score take this at most, or that of one lane: many strata, fewer lanes.
_SUMS_BYTES = 250e6


@dataclass(frozen=True, eq=False)
class Run:
    """The kernel's inputs, and what has been added up so far.

    A lane is the work of one thread at a time: some of the batches, one after the other, with sums
    of its own. Their number depends on the simulation alone, never on the computer.
    """

    names: tuple[str, ...]
    grid: tuple[int, ...]
    key: np.uint64
    matter: Matter
    physics: Physics
    source: Source
    probability: np.ndarray
    groups: list[Groups]
    sums: list[Sums]
    maps: np.ndarray
    batch_histories: np.ndarray

    @property
    def lanes(self) -> int:
        """Number of lanes."""
        return len(self.sums)

    def follow(self, batch: int, first: int, count: int, module: ModuleType) -> None:
        """Follow histories into a batch; numba leaves Python's lock to others meanwhile."""
        lane = batch % self.lanes
        module.follow(
            first,
            count,
            self.key,
            self.matter,
            self.physics,
            self.source,
            self.groups[lane],
            self.sums[lane],
            self.maps[batch],
        )
        self.batch_histories[batch] += count

    def tally(self, *, with_map: bool) -> Tally:
        """Return the lanes' sums, added in their order; the map, once taken, is divided."""
        strata = self.probability.shape
        total = empty_sums(self.probability.size, len(self.names))
        for lane in self.sums:
            for array, added in zip(total, lane, strict=True):
                array += added
        voxel_map = None
        if with_map:
            self.maps[...] /= self.batch_histories[:, None, None].astype(np.float32)
            voxel_map = np.moveaxis(self.maps.reshape(len(self.maps), *self.grid, 2), -1, 1)
        return Tally(
            self.names,
            self.probability,
            total.histories.reshape(strata),
            _by_detector(total.energy, strata),
            _by_detector(total.squares, strata),
            voxel_map,
            self.batch_histories.copy(),
            float(total.balance[0]),
            float(total.balance[1]),
        )


class Workers:
    """Threads that follow the batches of a run, a round at a time, and heed the listener."""

    def __init__(self, run: Run, threads: int, progress: Progress) -> None:
        self._run, self.progress = run, progress
        self._pool = ThreadPoolExecutor(threads, "photons")
        self._stopped = threading.Event()
        self._kernel = _compiled(run)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *unused: object) -> None:
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def follow(self, number: int, last: int, count: int) -> int:
        """Follow one round of all batches; Cancelled within a batch's share of it.

        Parameters
        ----------
        number, last
            Number of the round, and of the first that is not to be followed.
        count
            Histories of each batch in a round.

        Returns
        -------
        int
            Number of the next round.
        """
        left: set[Future[None]] = {
            self._pool.submit(self._lane, lane, number, count) for lane in range(self._run.lanes)
        }
        while left:
            done, left = wait(left, _POLL_S)
            for future in done:
                future.result()
            self.progress.check_cancelled()
        return number + 1

    def tally(self, *, with_map: bool) -> Tally:
        """Return what was added up so far."""
        return self._run.tally(with_map=with_map)

    def _lane(self, lane: int, number: int, count: int) -> None:
        batches = len(self._run.maps)
        for batch in range(lane, batches, self._run.lanes):
            if self._stopped.is_set():
                return
            self._run.follow(batch, (number * batches + batch) * count, count, self._kernel)


def _compiled(run: Run) -> ModuleType:
    """Return the kernel, compiled for these inputs, with a cache if it can be written."""
    module = kernel()
    try:
        run.follow(0, 0, 0, module)
    except OSError:  # the disk of the cache is full
        module = kernel(cached=False)
        run.follow(0, 0, 0, module)
    return module


def lanes_of(strata: int, scores: int, batches: int) -> int:
    """Return the number of lanes whose sums fit into memory, up to that of the batches."""
    bytes_each = strata * scores * 6 * 8
    return int(min(batches, max(1, _SUMS_BYTES // max(bytes_each, 1))))


def _by_detector(values: np.ndarray, strata: tuple[int, ...]) -> np.ndarray:
    """Return [detector, score, *strata] of [stratum, score, detector]."""
    return np.ascontiguousarray(values.T).reshape(*values.T.shape[:2], *strata)
