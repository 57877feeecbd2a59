"""Who does the work: threads of this process, each of which starts a process for its scan."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from .study import Attempt, Outcome, Settings

Work = Callable[..., Outcome]
# What an analysis needs beside its voxels, and for each voxel.
BASE_BYTES, VOXEL_BYTES = 600 << 20, 24
_SHARE = 0.8  # of the free memory


class Workers(Protocol):
    """Takes attempts, gives outcomes as they come."""

    size: int

    def submit(self, attempt: Attempt) -> None: ...

    def finished(self, timeout_s: float) -> Iterator[tuple[Attempt, Outcome]]: ...

    def close(self) -> None: ...


class LocalWorkers:
    """So many scans at once on this machine."""

    def __init__(self, size: int, settings: Settings, work: Work) -> None:
        self.size = size
        self._settings, self._work = settings, work
        self._stop = threading.Event()
        self._done: queue.SimpleQueue[tuple[Attempt, Future]] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="scan")

    def submit(self, attempt: Attempt) -> None:
        future = self._pool.submit(self._work, attempt, self._settings, self._stop)
        future.add_done_callback(lambda f: self._done.put((attempt, f)))

    def finished(self, timeout_s: float) -> Iterator[tuple[Attempt, Outcome]]:
        """What has ended, waiting for the first of it."""
        try:
            attempt, future = self._done.get(timeout=timeout_s)
            while True:
                yield attempt, outcome_of(future)
                attempt, future = self._done.get_nowait()
        except queue.Empty:
            return

    def close(self) -> None:
        """End what runs, and wait for its end."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


def outcome_of(future: Future) -> Outcome:
    """The outcome of an attempt, also of one that failed where it should not."""
    error = future.exception()
    return future.result() if error is None else broken(error)


def broken(error: BaseException) -> Outcome:
    """Of an attempt that raised where it should not, or whose worker died each time."""
    if type(error).__name__ == "KilledWorker":  # Dask's, which is not imported here
        return LOST
    return Outcome(False, f"The task broke ({type(error).__name__}).", "Mistake", True)


LOST = Outcome(
    False, "Each worker that had the scan died (memory, or the machine went).", "Crash", True
)


def worker_count(largest: tuple[int, int, int]) -> int:
    """As many as processors, and as the free memory holds scans of the largest size."""
    images, rows, columns = largest
    need = BASE_BYTES + VOXEL_BYTES * images * rows * columns
    free = free_memory_bytes()
    fits = int(_SHARE * free // need) if free else 1
    return max(1, min(os.cpu_count() or 1, fits))


def free_memory_bytes() -> int | None:
    """Memory that programs could still take; None where the system does not say."""
    if os.name == "nt":
        return _free_on_windows()
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (ValueError, OSError, AttributeError):
        return None


def _free_on_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "tp", "fp", "tv", "fv")),
            ("extended", ctypes.c_ulonglong),
        )

    status = Status(length=ctypes.sizeof(Status))
    windll = getattr(ctypes, "windll")  # noqa: B009 - there on Windows alone
    if not windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.free)
