"""The tables of a run: doses, scans, failures and the summary; read from the results on disk.

One study at a time is held, and of the others what the summary needs: some numbers each.
"""

from __future__ import annotations

import csv
import os
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CTDoseSegError
from ..flags import codes
from ..outputs.tables import cell
from ..result import OrganDose, Result, read_result
from .ledger import DONE, FAILED
from .plan import NO, read_plan
from .study import PRIVATE, RESULT, STUDIES

if TYPE_CHECKING:
    from .ledger import Ledger

EXAM_COLUMNS = (
    *("study_key", "scan_key", "description", "manufacturer", "model", "body_part", "kvp_kV"),
    *("age_years", "ctdivol_mGy", "phantom_cm", "dlp_mGy_cm", "ssde_mGy", "wed_mm", "n_slices"),
    *("effective_dose_mSv", "effective_dose_low_mSv", "effective_dose_high_mSv"),
    *("effective_dose_flags", "engine"),
)
ORGAN_COLUMNS = (
    *("organ", "region", "dose_mGy", "model_low_mGy", "model_high_mGy", "total_low_mGy"),
    *("total_high_mGy", "volume_ml", "coverage", "route", "flags"),
)
IDENTITY_COLUMNS = ("study_uid", "series_uid")
TEXT = {
    *("study_key", "scan_key", "description", "manufacturer", "model", "body_part", "engine"),
    *("organ", "region", "route", "flags", "effective_dose_flags", *IDENTITY_COLUMNS),
}
FAILURE_COLUMNS = ("study_key", "scan_key", "state", "kind", "sentence", "attempts", "seconds")
LEFT_OUT = "left out"
UNREADABLE = "unreadable"
# What a column means that is no field of a result's values; those state it in their docstrings.
_OF_EXAM = {
    "study_key": "Pseudonym of the study.",
    "scan_key": "Pseudonym of the scan, and name of its folder in ``studies``.",
    "ctdivol_mGy": "CTDIvol as the slices state it, in the mean; else that of the scan.",
    "dlp_mGy_cm": "Dose-length product that effective dose is made from.",
    "effective_dose_low_mSv": "Lower end of the range of published values of effective dose; the "
    "dose itself where DLP is a lower bound.",
    "effective_dose_high_mSv": "Upper end of that range.",
    "effective_dose_flags": "Codes of the flags of effective dose, joined by semicolons.",
    "ssde_mGy": "Mean of SSDE over the slices.",
    "wed_mm": "Mean of the water-equivalent diameter as measured over the slices.",
    "n_slices": "Number of slices of the scan.",
    "engine": "What drew the label map.",
    "study_uid": "Study instance UID; only with ``--identity``.",
    "series_uid": "Series instance UID; only with ``--identity``.",
}
MEANINGS: Mapping[str, Mapping[str, str]] = {
    "exams.csv": _OF_EXAM,
    "doses.csv": {**_OF_EXAM, "flags": "Codes of the organ's flags, joined by semicolons."},
    "failures.csv": {
        "study_key": "Pseudonym of the study; empty where the plan leaves the scan out.",
        "scan_key": "Pseudonym of the scan; empty where the plan leaves it out.",
        "state": "``failed``, ``planned`` or ``running`` (not done yet), ``unreadable`` (done, but "
        "its result was changed or damaged since), or ``left out``.",
        "kind": "Kind of error; ``Plan`` where the plan leaves the scan out.",
        "sentence": "The reason.",
        "attempts": "How often it was tried.",
        "seconds": "Time that the last attempt took.",
    },
}
_NO_MORE = "The plan has it no more; its results are kept, and count again when the plan has it."
_DONE_AGAIN = "Delete its folder in studies and start the same command again: it is analysed anew."
_ROWS_AT_ONCE = 20_000


def write_tables(ledger: Ledger, output: Path, *, identity: bool = False) -> None:
    """Write ``doses.csv``, ``doses.parquet``, ``exams.csv``, ``failures.csv``, ``summary.html``.

    Without pyarrow or jinja2 the parquet file or the summary is left out.
    """
    from .summary import EXAM_COLUMNS as SUMMED
    from .summary import MOST_FAILURES, write_summary

    identifying = IDENTITY_COLUMNS if identity else ()
    columns = (*EXAM_COLUMNS, *ORGAN_COLUMNS, *identifying)
    exams: list[dict[str, Any]] = []
    doses: dict[str, array] = {}
    unreadable: list[dict[str, Any]] = []
    parquet = _Parquet(output / "doses.parquet", columns)
    table = _Csv(output / "doses.csv", columns)
    exam_table = _Csv(output / "exams.csv", (*EXAM_COLUMNS, *identifying))
    with table, parquet, exam_table:
        for exam, organs in _results(ledger, output, unreadable):
            exam_table.write(exam)
            exams.append({column: exam[column] for column in SUMMED})
            for organ in organs:
                row = {**exam, **organ}
                table.write(row)
                parquet.write(row)
                if organ["dose_mGy"] is not None:
                    doses.setdefault(organ["organ"], array("d")).append(organ["dose_mGy"])
    failures: list[dict[str, Any]] = []
    left_out = 0
    with _Csv(output / "failures.csv", FAILURE_COLUMNS) as table:
        for row in (*unreadable, *_failures(ledger, output)):
            table.write(row)
            if row["state"] == LEFT_OUT:
                left_out += 1
            elif len(failures) < MOST_FAILURES:
                failures.append(row)
    write_summary(output, exams, doses, failures, left_out, ledger.counts())


def _results(
    ledger: Ledger, output: Path, unreadable: list[dict[str, Any]]
) -> Iterator[tuple[dict, list[dict]]]:
    """Yield the rows of each scan; what cannot be read goes to `unreadable`, with its reason."""
    for row in ledger.rows(DONE):
        try:
            result = read_result(output / STUDIES / row["key"] / RESULT)
        except CTDoseSegError as error:
            failure = {"state": UNREADABLE, "kind": type(error).__name__}
            sentence = f"{error} {_DONE_AGAIN}"
            unreadable.append({**row, "scan_key": row["key"], "sentence": sentence, **failure})
            continue
        scan = row["scan"]
        exam = {
            **exam_of(result),
            "study_key": row["study_key"],
            "scan_key": row["key"],
            "study_uid": scan.study_uid,
            "series_uid": scan.series_uid,
        }
        yield exam, [_organ(organ) for organ in result.organs]


def exam_of(result: Result) -> dict[str, Any]:
    """Return a scan's row of metadata; nothing in it shows who the patient is."""
    acquisition, effective = result.acquisition, result.effective_dose
    return {
        "description": result.provenance.series.description,
        "manufacturer": acquisition.manufacturer,
        "model": acquisition.model,
        "body_part": acquisition.body_part,
        "kvp_kV": acquisition.kvp_kV,
        "age_years": acquisition.age_years,
        "ctdivol_mGy": result.mean_ctdivol_mGy,
        "phantom_cm": acquisition.phantom_cm,
        "dlp_mGy_cm": effective.dlp.value_mGy_cm if effective.dlp else None,
        "ssde_mGy": result.ssde.mean_mGy if np.isfinite(result.ssde.mean_mGy) else None,
        "wed_mm": _mean(result.slices.wed_mm),
        "n_slices": len(result.slices),
        "effective_dose_mSv": effective.effective_dose_mSv,
        "effective_dose_low_mSv": effective.low_mSv,
        "effective_dose_high_mSv": effective.high_mSv,
        "effective_dose_flags": codes(effective.flags),
        "engine": result.segmentation.engine,
    }


def _organ(organ: OrganDose) -> dict[str, Any]:
    return {
        **{name: getattr(organ, name, None) for name in ORGAN_COLUMNS},
        "flags": codes(organ.flags),
    }


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)].tolist()
    return sum(known) / len(known) if known else None


def _failures(ledger: Ledger, output: Path) -> Iterator[dict[str, Any]]:
    """Yield scans that failed or are still to be done, and what the plan left out or dropped."""
    for row in ledger.rows():
        if row["state"] != DONE:
            sentence = row["sentence"] or ("" if row["state"] == FAILED else "It was not done yet.")
            yield {**row, "scan_key": row["key"], "sentence": sentence}
    for row in ledger.rows(in_plan=False):
        yield {**row, "scan_key": row["key"], "state": LEFT_OUT, "sentence": _NO_MORE}
    try:
        for scan in read_plan(output / PRIVATE / "plan.csv"):
            if scan.include == NO:
                yield {"state": LEFT_OUT, "kind": "Plan", "sentence": scan.reason}
    except CTDoseSegError:
        return


class _Csv:
    """A CSV that appears whole or not at all."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._path, self._columns = path, columns
        self._temporary = path.with_name(f".{path.name}.part")

    def __enter__(self) -> _Csv:
        self._stream = self._temporary.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, lineterminator="\n")
        self._writer.writerow(self._columns)
        return self

    def write(self, row: dict[str, Any]) -> None:
        self._writer.writerow([cell(row.get(column)) for column in self._columns])

    def __exit__(self, kind: object, *_: object) -> None:
        self._stream.close()
        if kind is None:
            os.replace(self._temporary, self._path)
        else:
            self._temporary.unlink(missing_ok=True)


class _Parquet:
    """The same as a Parquet file, where pyarrow is installed."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._path, self._columns = path, columns
        self._rows: list[dict[str, Any]] = []
        self._temporary = path.with_name(f".{path.name}.part")
        self._arrow: Any = None  # the module, which has no types
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            path.unlink(missing_ok=True)  # that of an earlier run holds other doses
            return
        self._arrow = pyarrow
        self._schema = pyarrow.schema(
            [(c, pyarrow.string() if c in TEXT else pyarrow.float64()) for c in columns]
        )

    def __enter__(self) -> _Parquet:
        if self._arrow:
            self._writer = self._arrow.parquet.ParquetWriter(self._temporary, self._schema)
        return self

    def write(self, row: dict[str, Any]) -> None:
        if self._arrow:
            self._rows.append({column: row.get(column) for column in self._columns})
            if len(self._rows) >= _ROWS_AT_ONCE:
                self._flush()

    def _flush(self) -> None:
        columns = {}
        for column in self._columns:
            values = [row[column] for row in self._rows]
            if column not in TEXT:
                values = [None if value is None else float(value) for value in values]
            columns[column] = values
        self._writer.write_table(self._arrow.table(columns, schema=self._schema))
        self._rows.clear()

    def __exit__(self, kind: object, *_: object) -> None:
        if not self._arrow:
            return
        if kind is None:
            self._flush()
        self._writer.close()
        if kind is None:
            os.replace(self._temporary, self._path)
        else:
            self._temporary.unlink(missing_ok=True)
