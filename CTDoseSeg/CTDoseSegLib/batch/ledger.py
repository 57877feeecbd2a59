"""The ledger of a run: every scan and what became of it, in one SQLite file.

One process writes it, the one that holds the run's lock. Changes are committed a few times a
second: what a kill takes away is found again by the results on the disk (`runner.recover`).
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import InputError, OutputError
from .plan import PlannedScan
from .study import Attempt, Outcome

PLANNED, RUNNING, DONE, FAILED = STATES = ("planned", "running", "done", "failed")
COMMIT_EVERY_S = 0.25
SCHEMA = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS scans (
    key TEXT PRIMARY KEY, study_key TEXT, scan TEXT, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    sentence TEXT, kind TEXT, may_pass INTEGER NOT NULL DEFAULT 0, started REAL, seconds REAL,
    version TEXT, input_sha256 TEXT, output_sha256 TEXT, worker TEXT,
    in_plan INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS by_state ON scans (in_plan, state);
"""
_TAKE_OVER = """
INSERT INTO scans (key, study_key, scan, state, attempts) VALUES (?, ?, ?, ?, 0)
ON CONFLICT (key) DO UPDATE SET
    scan = excluded.scan, study_key = excluded.study_key, in_plan = 1,
    state = CASE
        WHEN state = ?
            AND json_extract(scan, '$.source') != json_extract(excluded.scan, '$.source')
        THEN ? ELSE state END
"""


class Ledger:
    """Opens or makes the ledger; a context manager.

    Raises
    ------
    OutputError
        If the file is damaged or of another version.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._data = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._data.execute("PRAGMA journal_mode = TRUNCATE")
            self._data.executescript(_TABLES)
            if int(self.remember("schema", SCHEMA)) != SCHEMA:
                raise OutputError("The ledger is of another version; choose another folder.")
        except sqlite3.DatabaseError as error:
            raise OutputError(
                "The ledger of this folder cannot be used (damaged, or the disk is full); choose "
                "another folder, or remove it to begin anew."
            ) from error
        self._last_commit = time.monotonic()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.commit(now=True)
        finally:
            self._data.close()

    def remember(self, name: str, value: Any) -> Any:
        """Return what the run knows by `name`; keep `value` where it knows nothing."""
        text = json.dumps(value, sort_keys=True)
        self._data.execute("INSERT OR IGNORE INTO run VALUES (?, ?)", (name, text))
        (kept,) = self._data.execute("SELECT value FROM run WHERE name = ?", (name,)).fetchone()
        return json.loads(kept)

    def add(self, scans: Iterable[tuple[str, str, PlannedScan]]) -> None:
        """Take over a plan: key, study's key and plan of each scan.

        Scans that are known keep their state, but one that failed is tried again where the plan
        now names other files. Those that the plan has no more are kept aside with their results,
        and come back with it.
        """
        self.commit(now=True)
        self._begin()
        try:
            self._data.execute("UPDATE scans SET in_plan = 0")
            for key, study, scan in scans:
                self._take_over(key, study, scan)
        except BaseException:
            self._data.execute("ROLLBACK")
            raise
        self.commit(now=True)

    def add_one(self, key: str, study: str, scan: PlannedScan) -> None:
        """Take over one scan more, or one that failed again, of a run without a plan."""
        self._begin()
        self._take_over(key, study, scan)
        self._data.execute(
            "UPDATE scans SET state = ? WHERE key = ? AND state = ?", (PLANNED, key, FAILED)
        )
        self.commit(now=True)

    def _take_over(self, key: str, study: str, scan: PlannedScan) -> None:
        text = json.dumps(dataclasses.asdict(scan))
        self._data.execute(_TAKE_OVER, (key, study, text, PLANNED, FAILED, PLANNED))

    def state_of(self, key: str) -> str | None:
        """Return the state of a scan; None where the ledger does not know it."""
        row = self._data.execute("SELECT state FROM scans WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def claim(self, count: int) -> list[Attempt]:
        """Return the next scans to be done, marked as running."""
        rows = self._data.execute(
            "SELECT key, scan, attempts FROM scans WHERE in_plan AND state = ? LIMIT ?",
            (PLANNED, count),
        ).fetchall()
        claimed = []
        self._begin()
        for key, scan, attempts in rows:
            self._data.execute(
                "UPDATE scans SET state = ?, attempts = ?, started = ? WHERE key = ?",
                (RUNNING, attempts + 1, time.time(), key),
            )
            claimed.append(Attempt(key, PlannedScan(**json.loads(scan)), attempts + 1))
        self.commit()
        return claimed

    def finish(self, key: str, outcome: Outcome, *, again: bool = False) -> None:
        """Record how a scan ended; with `again` it is put back to be tried once more."""
        self._begin()
        state = PLANNED if again else DONE if outcome.done else FAILED
        self._data.execute(
            "UPDATE scans SET state = ?, sentence = ?, kind = ?, may_pass = ?, seconds = ?, "
            "version = ?, input_sha256 = ?, output_sha256 = ?, worker = ? WHERE key = ?",
            (
                *(state, outcome.sentence, outcome.kind, int(outcome.may_pass), outcome.seconds),
                *(__version__, outcome.input_sha256, outcome.output_sha256, outcome.worker, key),
            ),
        )

    def release(self, *, failed: bool = False) -> None:
        """Put back what ran when the last process ended, and what failed but may pass.

        With `failed` whatever failed.
        """
        self._begin()
        self._data.execute(
            "UPDATE scans SET state = ? WHERE state = ? OR (state = ? AND (may_pass OR ?))",
            (PLANNED, RUNNING, FAILED, failed),
        )
        self.commit(now=True)

    def counts(self) -> dict[str, int]:
        """Return the number of the plan's scans in each state."""
        rows = self._data.execute("SELECT state, COUNT(*) FROM scans WHERE in_plan GROUP BY state")
        return {**dict.fromkeys(STATES, 0), **dict(rows.fetchall())}

    def largest(self) -> tuple[int, int, int]:
        """Return images, rows and columns of the largest scan planned."""
        size = "json_extract(scan, '$.n_images'), json_extract(scan, '$.rows')"
        row = self._data.execute(
            f"SELECT {size}, json_extract(scan, '$.columns') AS c FROM scans WHERE in_plan "
            "ORDER BY json_extract(scan, '$.n_images') * json_extract(scan, '$.rows') * c DESC"
        ).fetchone()
        images, rows, columns = (int(v or 0) for v in row or (0, 0, 0))
        return images, rows, columns

    def rows(self, state: str | None = None, *, in_plan: bool = True) -> Iterator[dict[str, Any]]:
        """Yield the plan's scans in its order, a dictionary each; `scan` is a `PlannedScan`.

        With `in_plan` false those that the plan has no more.
        """
        query = (
            "SELECT * FROM scans WHERE in_plan = ? AND state = COALESCE(?, state) ORDER BY rowid"
        )
        cursor = self._data.execute(query, (in_plan, state))
        names = [column[0] for column in cursor.description]
        for row in cursor:
            values = dict(zip(names, row, strict=True))
            values["scan"] = PlannedScan(**json.loads(values["scan"]))
            yield values

    def _begin(self) -> None:
        if not self._data.in_transaction:
            self._data.execute("BEGIN")

    def commit(self, *, now: bool = False) -> None:
        """Commit if a while has passed since the last time."""
        if self._data.in_transaction and (
            now or time.monotonic() - self._last_commit > COMMIT_EVERY_S
        ):
            self._data.execute("COMMIT")
            self._last_commit = time.monotonic()


def planned_scan(path: Path, key: str) -> PlannedScan:
    """Return the plan of one scan, also while a run writes the ledger.

    Raises
    ------
    InputError
        If there is no such ledger or scan.
    """
    try:
        data = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            row = data.execute("SELECT scan FROM scans WHERE key = ?", (key,)).fetchone()
        finally:
            data.close()
    except sqlite3.Error as error:
        raise InputError("The folder has no ledger of a batch; choose a batch's folder.") from error
    if row is None:
        raise InputError(f"The batch has no scan {key}; choose one of its table.")
    return PlannedScan(**json.loads(row[0]))


def states(path: Path) -> list[tuple[str, str, str]]:
    """Return key, state and sentence of every scan, also while a run writes the ledger."""
    if not path.exists():
        return []
    data = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        query = "SELECT key, state, COALESCE(sentence, '') FROM scans WHERE in_plan ORDER BY rowid"
        return data.execute(query).fetchall()
    except sqlite3.Error:  # just being made
        return []
    finally:
        data.close()
