"""Who does the work: a Dask cluster. Nothing of Dask is imported unless it was asked for."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import DependencyError, SchedulerError
from .study import PRIVATE, Attempt, Outcome, Settings
from .workers import LOST, Work, broken

LOCAL = "local"
CONNECT_S = 20
CLOSE_S = 20
_TOKEN = "token.txt"


class DaskWorkers:
    """The same attempts on the workers of a scheduler, or of a cluster of this machine's processes.

    Raises
    ------
    SchedulerError
        If the scheduler is not there or has no workers, or if workers are of another version, do
        not see the output folder, or do not see the studies that others see.
    """

    def __init__(
        self, address: str, size: int | None, settings: Settings, work: Work, sample: str = ""
    ) -> None:
        try:
            import distributed
            from distributed.utils import silence_logging_cmgr
        except ImportError as error:
            raise DependencyError(
                "--scheduler needs Dask, which is not installed; "
                "install it with: pip install 'ctdoseseg[batch]'."
            ) from error
        self._settings, self._work = settings, work
        # What goes wrong is one sentence; Dask would write its own traceback beside it.
        self._quiet = contextlib.ExitStack()
        self._quiet.enter_context(silence_logging_cmgr(logging.CRITICAL))
        self._cluster: Any = None
        self._client: Any = None
        self._attempts: dict[str, tuple[Attempt, Any]] = {}
        self._numbers, self._run = itertools.count(), os.urandom(8).hex()
        try:
            if address == LOCAL:
                self._cluster = distributed.LocalCluster(
                    n_workers=size or 1,
                    threads_per_worker=1,
                    dashboard_address=None,
                    memory_limit=None,
                    silence_logs=50,
                )
            self._client = distributed.Client(self._cluster or address, timeout=CONNECT_S)
            self._client.wait_for_workers(size or 1 if self._cluster else 1, timeout=CONNECT_S)
        except (OSError, TimeoutError, ValueError, ImportError) as error:
            self.close()
            raise SchedulerError(
                f"The scheduler {address} cannot be reached or has no workers; start one with "
                "'dask scheduler' and 'dask worker', and check the address."
            ) from error
        try:
            self._check_workers(sample)
        except BaseException:
            self.close()
            raise
        threads = self._client.nthreads().values()
        self.size = max(1, sum(threads))

    def _check_workers(self, sample: str) -> None:
        token = Path(self._settings.output) / PRIVATE / _TOKEN
        token.write_text(os.urandom(8).hex(), encoding="ascii")
        try:
            seen = self._client.run(look, str(token), sample, on_error="return")
        finally:
            wanted = (__version__, token.read_text(encoding="ascii"))
            token.unlink()
        for worker, answer in sorted(seen.items()):
            if isinstance(answer, Exception):
                raise SchedulerError(
                    f"The worker {worker} cannot run CTDoseSeg ({type(answer).__name__}); install "
                    f"version {__version__} there."
                )
            if answer[0] != wanted[0]:
                raise SchedulerError(
                    f"The worker {worker} has version {answer[0]} of CTDoseSeg, this is "
                    f"{wanted[0]}; install the same version on every worker."
                )
            if answer[1] != wanted[1]:
                raise SchedulerError(
                    f"The worker {worker} cannot see the output folder; put it on a folder shared "
                    "by all workers, mounted at the same path."
                )
        # Where no worker sees it, it may be that study alone that is gone.
        if any(answer[2] for answer in seen.values()):
            for worker, answer in sorted(seen.items()):
                if not answer[2]:
                    raise SchedulerError(
                        f"The worker {worker} cannot see the studies' files, which other workers "
                        "see; mount the archive there at the same path."
                    )

    def submit(self, attempt: Attempt) -> None:
        """Give an attempt to the scheduler."""
        # Dask learns how long tasks take, and evens out its queues, by what stands before the
        # number: a name of its own for each task would leave workers idle beside full queues.
        # The run's own part keeps two runs apart that share a scheduler.
        key = f"scan-{next(self._numbers)}-{self._run}"
        future = self._client.submit(
            self._work, attempt, self._settings, pure=False, retries=0, key=key
        )
        self._attempts[future.key] = (attempt, future)

    def finished(self, timeout_s: float) -> Iterator[tuple[Attempt, Outcome]]:
        """Yield what has ended, waiting for the first of it.

        Raises
        ------
        SchedulerError
            If the scheduler is gone.
        """
        import distributed

        futures = [future for _, future in self._attempts.values()]
        # What `wait` raises for single tasks is asked for below.
        with contextlib.suppress(OSError, distributed.TimeoutError, distributed.CancelledError):
            distributed.wait(futures, timeout_s, return_when="FIRST_COMPLETED")
        self._check_scheduler()
        try:
            # All at once: each fetch is a journey to the worker and back.
            outcomes = self._client.gather(
                {future.key: future for future in futures if future.status == "finished"},
                errors="skip",
            )
        except (OSError, TimeoutError, distributed.CancelledError) as error:
            raise SchedulerError(_GONE) from error
        self._check_scheduler()
        for future in futures:
            outcome = outcomes.get(future.key)
            if outcome is None and future.status in ("error", "cancelled"):
                lost = future.status == "cancelled"
                outcome = LOST if lost else broken(future.exception())
            if outcome is not None:  # else it runs, or went with its worker and runs again
                attempt, _ = self._attempts.pop(future.key)
                yield attempt, outcome

    def _check_scheduler(self) -> None:
        if self._client.status != "running":  # also while Dask tries to reach it again
            raise SchedulerError(_GONE)

    def close(self) -> None:
        """Take back what has not begun; a worker ends what it has."""
        # A scheduler that is gone, or slow, must not hide why the run ends.
        with contextlib.suppress(TimeoutError, OSError):
            if self._client is not None:
                for _, future in self._attempts.values():
                    future.release()
                self._client.close(timeout=CLOSE_S)
        with contextlib.suppress(TimeoutError, OSError):
            if self._cluster is not None:
                self._cluster.close(timeout=CLOSE_S)
        self._quiet.close()


_GONE = (
    "The scheduler is gone; what is finished is kept, start it and the same command again to go on."
)


def look(token: str, sample: str) -> tuple[str, str, bool]:
    """Look around on a worker.

    Parameters
    ----------
    token
        File that the run wrote beside its ledger.
    sample
        A source of the plan; empty where there is none.

    Returns
    -------
    str
        The worker's version of CTDoseSeg.
    str
        What it reads in `token`; empty where it sees no such file.
    bool
        True where it sees `sample`.
    """
    from .study import is_there

    try:
        text = Path(token).read_text(encoding="ascii")
    except OSError:
        text = ""
    return __version__, text, is_there(sample)
