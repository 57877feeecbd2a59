"""Work on the slices of a volume in threads: array operations leave the interpreter to others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

# More do not help: what is between the array operations is one thread's work.
MOST_THREADS = 4


def for_each_slice(work: Callable[[int], None], slices: Iterable[int]) -> None:
    """Call `work` with each slice's number; it writes to that slice alone.

    Parameters
    ----------
    work
        Takes the number of a slice.
    slices
        Their numbers.

    Raises
    ------
    Exception
        What `work` raises, the first slice's first.
    """
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for _ in threads.map(work, slices):
            pass
