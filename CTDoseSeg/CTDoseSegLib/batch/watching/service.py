"""The service: takes series as they come, analyses them side by side, sends the results.

The ledger is that of a batch, and so are tables and folders of results: ``studies/KEY``. What is
still to be sent has a file of its key in ``run/outbox``, so that a kill or an archive that is down
loses nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ArchiveError, Cancelled, CTDoseSegError, InputError
from ...files.staging import locked
from ...outputs.archive_address import Target
from ...outputs.pacs import TLS, send
from ...tasks.progress import Progress
from .. import pseudonyms
from ..ledger import DONE, FAILED, PLANNED, RUNNING, Ledger
from ..plan import YES, PlannedScan
from ..runner import LEDGER, MOST_ATTEMPTS, recover
from ..study import ATTEMPTS, PRIVATE, STUDIES, Settings, run_study
from ..tables import write_tables
from ..workers import LocalWorkers
from .arrivals import Arrivals, Arrived
from .receiver import Receiver
from .rules import EVERY_SERIES, Rule, rule_for

if TYPE_CHECKING:
    import pydicom

    from ..study import Attempt, Outcome

ENDED = "The service was ended; what it has is kept, start the same command again to go on."
INCOMING, ACCEPTED, OUTBOX = "incoming", "accepted", "outbox"
_TURN_S, _TABLES_S = 0.3, 10.0
_RETRY_S, _LONGEST_RETRY_S = 2.0, 300.0


@dataclass(frozen=True)
class WatchChoices:
    """How to watch.

    Attributes
    ----------
    callers
        Titles of those that may send.
    ae, address, port
        How we are called, and where we listen.
    target
        Where results go; None: they stay in the folder.
    rules
        What is analysed.
    arguments
        Of ``ctdoseseg analyze``, for all.
    workers
        Scans at once.
    quiet_s
        A series is taken so many seconds after its last sender was done.
    most_bytes
        Of images that wait.
    most_series
        That wait.
    time_limit_s
        Of an analysis.
    tls
        Of the connections; the listener needs a certificate of its own.
    """

    callers: tuple[str, ...]
    ae: str
    address: str
    port: int
    target: Target | None = None
    rules: tuple[Rule, ...] = EVERY_SERIES
    arguments: tuple[str, ...] = ()
    workers: int = 1
    quiet_s: float = 5.0
    most_bytes: int = 20 << 30
    most_series: int = 500
    time_limit_s: float = 3600.0
    tls: TLS | None = None


def watch(output: Path, choices: WatchChoices, progress: Progress | None = None) -> None:
    """Receive, analyse and send until it is cancelled.

    Parameters
    ----------
    output
        Folder of the service; given again, it goes on where it ended.
    choices
        How.
    progress
        Receives what happens; ends the service when it is cancelled.

    Raises
    ------
    Cancelled
        When it was ended; everything is kept.
    ArchiveError
        If the port cannot be listened on.
    OutputError
        If the folder cannot be written or another service runs there.
    """
    progress = progress or Progress()
    output = output.absolute()
    private = output / PRIVATE
    private.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(private), Ledger(private / LEDGER) as ledger:
        service = _Service(output, choices, ledger, progress)
        try:
            service.run()
        except Cancelled as error:
            raise Cancelled(ENDED) from error
        finally:
            service.close()


class _Service:
    def __init__(
        self, output: Path, choices: WatchChoices, ledger: Ledger, progress: Progress
    ) -> None:
        self._output, self._choices = output, choices
        self._ledger, self._progress = ledger, progress
        self._private = output / PRIVATE
        self._salt = pseudonyms.read_salt(self._private)
        self._outbox = self._private / OUTBOX
        self._outbox.mkdir(exist_ok=True)
        recover(ledger, output)
        ledger.release()
        self._arrivals = Arrivals(self._private / INCOMING, choices.most_bytes, choices.most_series)
        settings = Settings(str(output), choices.arguments, choices.time_limit_s)
        self._workers = LocalWorkers(choices.workers, settings, run_study)
        self._running = 0
        self._tried: Counter[str] = Counter()
        self._next_try, self._wait_s = 0.0, _RETRY_S
        self._tables_at, self._changed = 0.0, True
        self._said = ""
        self._clean_up()

    def _clean_up(self) -> None:
        """What a kill left between two steps: done and not yet noted to be sent, or sent."""
        for row in self._ledger.rows(DONE):
            if (self._private / ACCEPTED / row["key"]).is_dir():
                self._note_result(row["key"])

    def close(self) -> None:
        self._workers.close()
        self._ledger.commit(now=True)
        shutil.rmtree(self._private / ATTEMPTS, ignore_errors=True)

    def run(self) -> None:
        choices = self._choices
        tls = choices.tls.listening() if choices.tls is not None else None
        receiver = Receiver(
            self._arrivals,
            ae=choices.ae,
            address=choices.address,
            port=choices.port,
            callers=choices.callers,
            tls=tls,
            on_refusal=lambda sentence: self._progress.warning("refused", sentence),
        )
        with receiver:
            while True:
                self._progress.check_cancelled()
                for arrived in list(self._arrivals.complete(choices.quiet_s)):
                    self._take(arrived)
                self._work()
                self._send()
                self._report()

    # Series ------------------------------------------------------------------------------

    def _take(self, arrived: Arrived) -> None:
        """Put a series into the ledger, or drop it."""
        images = arrived.images
        first = _header(images[0]) if images else None
        if first is None:
            self._progress.warning(
                "damaged",
                f"A series of {len(images)} images cannot be read any more; send it again.",
            )
            self._arrivals.drop(arrived)
            return
        rule = rule_for(first, len(images), self._choices.rules)
        if rule is None:
            self._progress.note(f"A series of {len(images)} images was left out by the rules.")
            self._arrivals.drop(arrived)
            return
        key = self._key(first, images)
        if self._ledger.state_of(key) in (DONE, PLANNED, RUNNING):
            self._arrivals.drop(arrived)  # sent twice
            return
        accepted = self._private / ACCEPTED / key
        self._arrivals.take(arrived, accepted)
        scan = PlannedScan(
            include=YES,
            study=0,
            source=str(accepted),
            n_images=len(images),
            rows=int(first.get("Rows", 0) or 0),
            columns=int(first.get("Columns", 0) or 0),
            study_uid=str(first.StudyInstanceUID),
            series_uid=str(first.SeriesInstanceUID),
            options=dict(rule.options),
        )
        self._ledger.add_one(key, pseudonyms.study_key(scan, self._salt), scan)
        self._changed = True

    def _key(self, first: pydicom.Dataset, images: Sequence[Path]) -> str:
        """Return the pseudonym of a series with just these images."""
        names = hashlib.sha256("\n".join(path.name for path in images).encode()).hexdigest()
        return pseudonyms.series_key(str(first.SeriesInstanceUID), names, self._salt)

    # Analysis ----------------------------------------------------------------------------

    def _work(self) -> None:
        for attempt in self._ledger.claim(self._workers.size - self._running):
            self._workers.submit(attempt)
            self._running += 1
        for attempt, outcome in self._workers.finished(_TURN_S):
            self._running -= 1
            if outcome.kind == "Cancelled":
                raise Cancelled(outcome.sentence)
            self._ended(attempt, outcome)
        self._ledger.commit()

    def _ended(self, attempt: Attempt, outcome: Outcome) -> None:
        self._tried[attempt.key] += not outcome.done
        again = not outcome.done and outcome.may_pass and self._tried[attempt.key] < MOST_ATTEMPTS
        self._ledger.finish(attempt.key, outcome, again=again)
        self._ledger.commit(now=True)
        self._changed = True
        if outcome.done:
            self._note_result(attempt.key)
        elif not again:
            # The series may be sent again; images of a patient are kept no longer than needed.
            shutil.rmtree(self._private / ACCEPTED / attempt.key, ignore_errors=True)
            self._progress.warning("failed", f"{attempt.key}: {outcome.sentence}")

    def _note_result(self, key: str) -> None:
        """Note that a result is to be sent, then let its images go."""
        if self._choices.target is not None:
            (self._outbox / key).touch()
        shutil.rmtree(self._private / ACCEPTED / key, ignore_errors=True)

    # Results -----------------------------------------------------------------------------

    def _send(self) -> None:
        target = self._choices.target
        waiting = sorted(self._outbox.iterdir())
        if target is None or not waiting or time.monotonic() < self._next_try:
            return
        for note in waiting:
            files = sorted((self._output / STUDIES / note.name).glob("dicom_*.dcm"))
            try:
                if files:
                    send(files, target, own_ae=self._choices.ae, tls=self._choices.tls)
            except ArchiveError as error:
                self._next_try = time.monotonic() + self._wait_s
                self._wait_s = min(2 * self._wait_s, _LONGEST_RETRY_S)
                self._progress.warning("not_sent", f"{error} It is tried again.")
                return
            except InputError as error:  # the result is gone or damaged
                self._progress.warning("not_sent", f"{note.name}: {error}")
            note.unlink()
            self._wait_s = _RETRY_S

    def _report(self) -> None:
        counts = self._ledger.counts()
        waiting = counts[PLANNED] + counts[RUNNING]
        said = (
            f"{counts[DONE]} analysed, {counts[FAILED]} failed, {waiting} waiting, "
            f"{len(list(self._outbox.iterdir()))} to be sent, "
            f"{self._arrivals.incomplete()} incomplete"
        )
        if said != self._said:
            self._said = said
            self._progress.update(0.0, said)
        if self._changed and time.monotonic() - self._tables_at > _TABLES_S:
            self._tables_at, self._changed = time.monotonic(), False
            self._ledger.commit(now=True)
            try:
                write_tables(self._ledger, self._output)
            except CTDoseSegError as error:
                self._progress.warning("no_tables", str(error))


def _header(path: Path) -> pydicom.Dataset | None:
    """Return what the first image states; None where the disk has damaged it."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(path, stop_before_pixels=True)
    except (OSError, EOFError, ValueError, pydicom.errors.InvalidDicomError):
        return None
