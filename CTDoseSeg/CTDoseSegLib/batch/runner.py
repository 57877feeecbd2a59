"""A run: plan in, every scan done or listed with its reason, tables out; again after any end."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .. import __version__
from ..errors import Cancelled, InputError, OutputError
from ..files.staging import locked
from ..tasks.progress import Progress
from . import pseudonyms
from .cluster import DaskWorkers
from .discovery import discover
from .ledger import DONE, FAILED, PLANNED, Ledger
from .plan import YES, PlannedScan, read_plan, write_plan
from .study import ATTEMPTS, PRIVATE, RESULT, STUDIES, Outcome, Settings, hashes, run_study
from .workers import LocalWorkers, Work, Workers, worker_count

LEDGER, PLAN = "ledger.sqlite", "plan.csv"
MOST_ATTEMPTS = 3
LEAST_FREE_BYTES = 100 << 20
REPORT_EVERY_S = 0.5
_AHEAD = 2  # attempts submitted for each worker, so that none waits for this process


@dataclasses.dataclass(frozen=True)
class Choices:
    """How to run.

    Attributes
    ----------
    arguments
        Of ``ctdoseseg analyze``, the same for all scans.
    workers
        Scans at once; None: as many as processors and memory allow.
    scheduler
        Address of a Dask scheduler, or ``local`` for a cluster on this machine.
    time_limit_s
        A scan that takes longer is ended.
    retry_failed
        Try all that failed before, not only what may pass.
    salt
        File with the salt of the pseudonyms; None: the run makes its own.
    identity
        Put study and series UIDs into the tables.
    """

    arguments: tuple[str, ...] = ()
    workers: int | None = None
    scheduler: str | None = None
    time_limit_s: float = 3600.0
    retry_failed: bool = False
    salt: Path | None = None
    identity: bool = False


def run_batch(
    source: str | Path,
    output: str | Path,
    choices: Choices | None = None,
    progress: Progress | None = None,
    work: Work = run_study,
) -> dict[str, int]:
    """Do all scans of a plan or an archive.

    Parameters
    ----------
    source
        A plan (CSV), or a folder, archive or DICOMDIR to be discovered.
    output
        Folder of the run. Given again, the run goes on where it ended.
    choices
        How to run.
    progress
        Takes progress; may cancel.
    work
        What is done with a scan.

    Returns
    -------
    dict
        Number of scans done, failed and planned (those that are still to be done).

    Raises
    ------
    InputError
        If the plan makes no sense or the archive does not exist.
    OutputError
        If the folder cannot be written, is full, or another process runs there.
    SchedulerError
        If the cluster cannot be used.
    """
    progress, choices = progress or Progress(), choices or Choices()
    source, output = Path(source), Path(output).absolute()
    if not source.exists():
        raise InputError(f"{source.name} does not exist; give a plan or a folder of CTs.")
    private = output / PRIVATE
    try:
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(private), Ledger(private / LEDGER) as ledger:
            _agree(ledger, choices)
            salt = pseudonyms.read_salt(private, choices.salt)
            ledger.add(_scans(source, private / PLAN, salt, progress))
            recover(ledger, output)
            ledger.release(failed=choices.retry_failed)
            settings = Settings(str(output), choices.arguments, choices.time_limit_s)
            try:
                _work_off(ledger, settings, choices, progress, work)
            finally:
                ledger.commit(now=True)
            from .tables import write_tables

            progress.update(1.0, "writing tables")
            write_tables(ledger, output, identity=choices.identity)
            return ledger.counts()
    except sqlite3.Error as error:
        raise OutputError(
            "The run's ledger cannot be written: the disk is full or the folder is gone; free some "
            "space and start the same command again."
        ) from error
    except OSError as error:
        raise OutputError(
            f"The output folder cannot be written ({error.strerror}); what is finished is kept, "
            "start the same command again when it can."
        ) from error


def _with_defaults(arguments: Sequence[str]) -> bool:
    """Return whether a run was started before defaults were left out of its arguments."""
    return ("--dose-model", "bundled") in itertools.pairwise(arguments)


def _agree(ledger: Ledger, choices: Choices) -> None:
    """Check that a run has one set of choices; mixed results would not be comparable."""
    known = ledger.remember("arguments", list(choices.arguments))
    if known != list(choices.arguments) and _with_defaults(known):
        raise InputError(
            "This folder's run was started by an earlier build of 0.1.0, whose doses are on "
            "another scale: choose another folder."
        )
    if known != list(choices.arguments):
        raise InputError(
            f"This folder's run was started with other choices ({' '.join(known) or 'none'}); "
            "repeat them, or choose another folder."
        )
    if (version := ledger.remember("version", __version__)) != __version__:
        raise InputError(
            f"This folder's run was started by version {version}, this is {__version__}; choose "
            "another folder."
        )


def _scans(
    source: Path, plan: Path, salt: str, progress: Progress
) -> Iterator[tuple[str, str, PlannedScan]]:
    """Yield the plan's scans with their pseudonyms; an archive's plan is kept with the run."""
    if source.is_file() and source.suffix.lower() == ".csv":
        scans: Iterable[PlannedScan] = list(read_plan(source))
        if source.absolute() != plan:
            write_plan(plan, scans, {name for scan in scans for name in scan.options})
    else:
        write_plan(plan, discover(source, progress))
        scans = read_plan(plan)
    included = 0
    for scan in scans:
        if scan.include == YES:
            included += 1
            yield pseudonyms.scan_key(scan, salt), pseudonyms.study_key(scan, salt), scan
    if not included:
        raise InputError(
            f"{source.name} holds no CT that can be analysed; {plan.name} in the folder "
            f"{PRIVATE} lists what was found and why it was left out."
        )


def recover(ledger: Ledger, output: Path) -> None:
    """Make the ledger and the disk agree after an end at any moment.

    Whole results are done, whatever the ledger states; finished attempts that a kill kept
    from being published are published; all else of attempts goes.
    """
    attempts, studies = output / PRIVATE / ATTEMPTS, output / STUDIES
    finished = {path.name.partition("-")[0]: path for path in attempts.glob("*") if _whole(path)}
    for row in ledger.rows():
        key = row["key"]
        target = studies / key
        if row["state"] == DONE and (target / RESULT).is_file():
            continue
        hashes_of_results = _whole(target)
        if not hashes_of_results:
            shutil.rmtree(target, ignore_errors=True)
            if key in finished:
                studies.mkdir(exist_ok=True)
                finished[key].rename(target)
                hashes_of_results = _whole(target)
        if hashes_of_results:
            read, written = hashes_of_results
            ledger.finish(key, Outcome(True, input_sha256=read, output_sha256=written))
        elif row["state"] == DONE:
            lost = Outcome(False, "Its results are gone from the folder.", "Lost", True)
            ledger.finish(key, lost, again=True)
    ledger.commit(now=True)
    shutil.rmtree(attempts, ignore_errors=True)


def _whole(folder: Path) -> tuple[str, str] | None:
    """Return the hashes of a scan's results; None where they are missing or not whole."""
    try:
        return None if any(folder.glob(".ctdoseseg*")) else hashes(folder)
    except (OSError, InputError):
        return None


def _work_off(
    ledger: Ledger, settings: Settings, choices: Choices, progress: Progress, work: Work
) -> None:
    counts = ledger.counts()
    if not counts["planned"]:
        return
    workers = _workers(ledger, settings, choices, work)
    tally = _Tally(counts, progress)
    running = 0
    tried: Counter[str] = Counter()  # in this run: earlier ends were not the scan's fault
    try:
        while True:
            progress.check_cancelled()
            _check_disk(settings.output)
            wanted = workers.size * _AHEAD - running
            for attempt in ledger.claim(wanted) if wanted > 0 else ():
                workers.submit(attempt)
                running += 1
            if not running:
                return
            for attempt, outcome in workers.finished(REPORT_EVERY_S):
                running -= 1
                if outcome.kind == "Cancelled":
                    raise Cancelled(outcome.sentence)
                again = False
                if not outcome.done:
                    tried[attempt.key] += 1
                    again = outcome.may_pass and tried[attempt.key] < MOST_ATTEMPTS
                ledger.finish(attempt.key, outcome, again=again)
                tally.ended(attempt.key, outcome, again)
            ledger.commit()
            tally.report()
    finally:
        workers.close()


def _workers(ledger: Ledger, settings: Settings, choices: Choices, work: Work) -> Workers:
    if choices.scheduler:
        first = next(ledger.rows(PLANNED))["scan"].sources[0]
        return DaskWorkers(choices.scheduler, choices.workers, settings, work, first)
    count = choices.workers or worker_count(ledger.largest())
    at_once = min(count, ledger.counts()[PLANNED])
    threads = max(1, (os.cpu_count() or 1) // at_once)
    return LocalWorkers(count, dataclasses.replace(settings, threads=threads), work)


def _check_disk(folder: str) -> None:
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise OutputError(
            "The disk of the output folder is full; what is finished is kept, free some space and "
            "start the same command again."
        )


class _Tally:
    """Reports how many are done, at what rate, and how long it will take."""

    def __init__(self, counts: dict[str, int], progress: Progress) -> None:
        self._done, self._failed = counts[DONE], counts[FAILED]
        self._all = sum(counts.values())
        self._began, self._ended, self._reported = time.monotonic(), 0, 0.0
        self._progress = progress

    def ended(self, key: str, outcome: Outcome, again: bool) -> None:
        state = "planned" if again else DONE if outcome.done else FAILED
        if not again:
            self._ended += 1
            self._done += outcome.done
            self._failed += not outcome.done
        self._progress.emit(
            "progress",
            fraction=self._fraction,
            message=self._message,
            key=key,
            state=state,
            sentence=outcome.sentence,
            seconds=round(outcome.seconds, 2),
        )

    def report(self) -> None:
        if time.monotonic() - self._reported >= REPORT_EVERY_S:
            self._reported = time.monotonic()
            self._progress.update(self._fraction, self._message)

    @property
    def _fraction(self) -> float:
        return round((self._done + self._failed) / self._all, 4)

    @property
    def _message(self) -> str:
        text = f"{self._done + self._failed} of {self._all} scans, {self._failed} failed"
        elapsed = time.monotonic() - self._began
        if self._ended and elapsed > 0:
            rate = self._ended / elapsed
            left_s = (self._all - self._done - self._failed) / rate
            text += f", {60 * rate:.3g} a minute, {_duration(left_s)} left"
        return text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
