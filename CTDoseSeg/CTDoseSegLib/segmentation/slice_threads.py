"""Work on the slices of a volume in threads: array operations leave the interpreter to others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# More do not help: what is between the array operations is one thread's work.
MOST_THREADS = 4
# Slices that are worked on at once: few enough to stay in a processor's own memory.
BLOCK = 16


def for_each_slice(
    work: Callable[[int], None],
    slices: Iterable[int],
    done: Callable[[int], None] | None = None,
    threads: int | None = None,
) -> None:
    """Call `work` with each slice's number; it writes to that slice alone.

    Parameters
    ----------
    work
        Takes the number of a slice.
    slices
        Their numbers.
    done
        Called in the caller's thread with each number after its work, in order.
    threads
        How many work at once; None: as many as the machine has use for. One is the caller's own.

    Raises
    ------
    Exception
        What `work` or `done` raises, the first slice's first; no more work is begun then.
    """
    numbers = list(slices)
    threads = threads or workers(os.cpu_count() or 1)
    pool = ThreadPoolExecutor(threads)  # starts no thread before it has work
    try:
        finished = pool.map(work, numbers) if threads > 1 else map(work, numbers)
        for number, _ in zip(numbers, finished, strict=True):
            if done is not None:
                done(number)
    finally:
        pool.shutdown(cancel_futures=True)


def in_the_plane(work: Callable[[np.ndarray], np.ndarray], volume: np.ndarray) -> np.ndarray:
    """Return what `work`, which looks at no slice but its own, makes of a volume.

    Parameters
    ----------
    work
        Takes some slices in order, [k, j, i], and returns an array of the same shape.
    volume
        [k, j, i].

    Returns
    -------
    numpy.ndarray
        [k, j, i], of the type that `work` returns.

    Examples
    --------
    >>> in_the_plane(lambda slices: slices.cumsum(axis=2), np.ones((20, 1, 3), int))[19]
    array([[1, 2, 3]])
    """
    if not len(volume):
        return work(volume)
    starts = range(0, len(volume), BLOCK)
    made: list[np.ndarray] = [volume] * len(starts)

    def one(number: int) -> None:
        made[number] = work(volume[starts[number] : starts[number] + BLOCK])

    for_each_slice(one, range(len(starts)))
    return np.concatenate(made)


def workers(processors: int) -> int:
    """Return how many threads are of use on so many processors."""
    return max(1, min(MOST_THREADS, processors))
