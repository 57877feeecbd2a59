"""The plan: one row for each scan to be analysed or left out, as a CSV that a person can edit.

It names folders and UIDs, so that it is as private as the archive itself.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..outputs.tables import FORMULA_STARTS, cell
from .scan_options import OPTIONS, options_of

SEPARATOR = "|"  # between the sources of a scan; stands in no file name of Windows
YES, NO = "yes", "no"
_NO_TEXT = re.compile(r"\\u(dc[89a-f][0-9a-f])")  # a byte of a file's name that is no text


@dataclass(frozen=True)
class PlannedScan:
    """One scan of a study.

    Attributes
    ----------
    include
        ``yes`` where the scan is to be analysed, else ``no``.
    study
        Number of the study in this plan.
    description
        Of the series, without identity.
    kernel
        Reconstruction kernel.
    n_images
        Number of images.
    thickness_mm
        Thickness of a slice.
    extent_mm
        Length of the scan along the body.
    rows, columns
        Number of rows and of columns of an image, for the memory that it needs.
    dose_reports
        Number of dose reports of the study.
    reason
        Why it is left out, or what was left out beside it.
    study_uid, series_uid
        As written; may be empty.
    source
        Folders, files and archive members (``archive.zip!12``) with all of the study.
    options
        Options of `analyze` for this scan, by name; each stands in a column of its own, which a
        plan has where a person adds it (`scan_options.OPTIONS`).
    """

    include: str
    study: int
    source: str
    description: str = ""
    kernel: str = ""
    n_images: int = 1
    thickness_mm: float | None = None
    extent_mm: float | None = None
    rows: int = 0
    columns: int = 0
    dose_reports: int = 0
    reason: str = ""
    study_uid: str = ""
    series_uid: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> list[str]:
        """Folders, files and archive members of the study, one by one."""
        return [part for part in self.source.split(SEPARATOR) if part]


COLUMNS = (
    *("include", "study", "description", "n_images", "thickness_mm", "extent_mm", "kernel"),
    *("dose_reports", "reason", "rows", "columns", "study_uid", "series_uid", "source"),
)
_REQUIRED = {"include", "source"}
_WORDS = {"yes": YES, "y": YES, "1": YES, "true": YES, "no": NO, "n": NO, "0": NO, "false": NO}


def write_plan(
    path: Path, scans: Iterable[PlannedScan], options: Collection[str] = frozenset()
) -> int:
    """Write a plan, row by row; return the number of scans to be analysed.

    Parameters
    ----------
    path
        The file.
    scans
        Taken one by one: of a large archive they are never all in memory.
    options
        Names of the options that any of the scans has, each a column of its own.

    Raises
    ------
    ValueError
        If a scan has another option.
    """
    included = 0
    columns = (*COLUMNS, *(name for name in OPTIONS if name in options))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("w", encoding="utf-8", newline="", errors="backslashreplace") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            writer.writeheader()
            for scan in scans:
                included += scan.include == YES
                values = {**{name: getattr(scan, name) for name in COLUMNS}, **scan.options}
                writer.writerow({name: cell(value) for name, value in values.items()})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return included


def read_plan(path: Path) -> Iterator[PlannedScan]:
    """Yield the scans of a plan, as a person left it.

    Raises
    ------
    InputError
        If columns are missing or a row makes no sense; the sentence names the row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            stream.seek(0)
            # Spreadsheets of many countries write semicolons.
            delimiter = ";" if head.count(";") > head.count(",") else ","
            reader = csv.DictReader(stream, delimiter=delimiter)
            if missing := _REQUIRED - set(reader.fieldnames or ()):
                raise InputError(
                    f"{path.name} is no plan: the column {sorted(missing)[0]} is missing; make one "
                    "with 'ctdoseseg discover' and edit that."
                )
            seen: dict[tuple[str, str], int] = {}
            for row in reader:
                if not any(value for value in row.values()):
                    continue
                scan = _scan(row, f"{path.name}, line {reader.line_num}", path.absolute().parent)
                if scan.include == YES:
                    first = seen.setdefault((scan.source, scan.series_uid), reader.line_num)
                    if first != reader.line_num:
                        raise InputError(
                            f"{path.name}, line {reader.line_num}: the same scan stands in line "
                            f"{first}; take one of them out."
                        )
                yield scan
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not in UTF-8; save it as CSV UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"{path.name} is no CSV table ({error}); save it as CSV.") from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error


def _scan(row: dict[str | Any, str | Any], where: str, folder: Path) -> PlannedScan:
    if row.get(None):  # where the reader puts what has no column
        raise InputError(f"{where}: there are more cells than columns; quote cells with commas.")
    values: dict[str, Any] = {}
    row = {name: _unquoted(text) for name, text in row.items()}
    for column in fields(PlannedScan):
        text = row.get(column.name) or ""
        if column.name == "options":
            values["options"] = options_of(row, folder)
        elif column.name == "include":
            if text.lower() not in _WORDS:
                raise InputError(f"{where}: include is {text[:20]!r}; write yes or no.")
            values["include"] = _WORDS[text.lower()]
        elif column.type in ("int", "float | None"):
            values[column.name] = _number(text, column.type == "int", f"{where}: {column.name}")
        elif column.name == "source":
            values["source"] = _NO_TEXT.sub(lambda match: chr(int(match[1], 16)), text)
        else:
            values[column.name] = text
    if values["include"] == YES and not values["source"]:
        raise InputError(f"{where}: the source is empty; name the scan's folder or file.")
    return PlannedScan(**values)


def _unquoted(text: str | None) -> str:
    """Return a cell without the mark that keeps a spreadsheet from running it."""
    text = (text or "").strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS else text


def _number(text: str, whole: bool, where: str) -> int | float | None:
    if not text:
        return 0 if whole else None
    try:
        number = float(text.replace(",", "."))
        return int(number) if whole else number
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where} is {text[:20]!r}; write a number.") from error
