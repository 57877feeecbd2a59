"""Names of the values of a label map: read from tables in or beside its file, never presumed."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..ct.organs import LABEL_TABLES, label_table
from ..errors import InputError

LABELS, GROUPS, NNUNET = "labels.csv", "groups.csv", "dataset.json"
HEADER = "the header"
LARGEST_TABLE = 1 << 20
# Read by its pattern: an XML parser would carry out what a prepared file defines.
_LABEL = re.compile(
    r'<Label\s[^>]*?Key="(\d{1,5})"[^>]*>(?:<!\[CDATA\[([^\]<]{1,200})\]\]>|([^<]{1,200}))</Label>'
)

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class LabelNames:
    """The names that a file has for its labels.

    Attributes
    ----------
    rows
        Rows of a table with ``value`` and ``name``, and what other columns it has, as written.
    source
        Name of the table, or `HEADER`; empty where there is no table.
    groups
        (group, atom) in the order of ``groups.csv``.
    """

    rows: Rows = ()
    source: str = ""
    groups: Sequence[tuple[str, str]] = field(default=())


def read_names_beside(path: Path, own: Rows, own_source: str = HEADER) -> LabelNames:
    """Return the names of the labels of the file `path`, and their groups.

    In this order: a table beside the file that was made for it (``<file>.csv``, ``labels.csv`` or
    ``<file>.json``), the file's own table, and nnU-Net's ``dataset.json`` beside the file or one
    folder up.

    Parameters
    ----------
    path
        The label map.
    own
        Rows of the table in the file; none if it has none.
    own_source
        What that table is called.

    Returns
    -------
    LabelNames
        Empty where there is no table.

    Raises
    ------
    InputError
        If a table cannot be read.
    """
    rows, source = _rows_beside(path)
    if not rows and own:
        rows, source = own, own_source
    if not rows and not source:
        rows, source = _rows_of_nnunet(path)
    return LabelNames(rows, source, _read_groups(path.with_name(GROUPS)))


def table_in_header(texts: Sequence[str]) -> list[dict[str, str]]:
    """Return rows of ``value`` and ``name`` from the extensions of a NIfTI header.

    TotalSegmentator writes one in the XML of Caret's label tables; its versions 1 and 2 number
    their labels differently, and this table shows which it was.
    """
    rows: dict[str, str] = {}
    for text in texts:
        for value, name, plain in _LABEL.findall(text[:LARGEST_TABLE]):
            rows.setdefault(value, html.unescape(name or plain).strip())
    return [{"value": value, "name": name} for value, name in rows.items()]


def read_label_option(labels: str | Path) -> LabelNames:
    """Return the names that the user states for the values of a label map.

    Parameters
    ----------
    labels
        One of `ct.organs.LABEL_TABLES`, or a CSV file with the columns value and name.

    Returns
    -------
    LabelNames

    Raises
    ------
    InputError
        If there is no such table, or it cannot be read.
    """
    if str(labels) in LABEL_TABLES:
        table = label_table(str(labels))
        rows = [{"value": str(value), "name": name} for value, name in table.items()]
        return LabelNames(rows, str(labels))
    path = Path(labels)
    if path.suffix.lower() != ".csv" or not path.is_file():
        raise InputError(
            f"There is no table of labels {path.name}: give {', '.join(LABEL_TABLES)}, or a CSV "
            "file with the columns value and name."
        )
    return LabelNames(_csv_rows(path, ("value", "name")), path.name)


def _rows_beside(path: Path) -> tuple[Rows, str]:
    stem = path.name.removesuffix(".gz")
    stem = stem[: stem.rfind(".")] if "." in stem else stem
    for table in (path.with_name(f"{stem}.csv"), path.with_name(LABELS)):
        if table.is_file():
            return _csv_rows(table, ("value", "name")), table.name
    table = path.with_name(f"{stem}.json")
    if table.is_file() and table.name != NNUNET and (rows := _json_rows(table)):
        return rows, table.name
    return (), ""


def _rows_of_nnunet(path: Path) -> tuple[Rows, str]:
    """Return the labels of nnU-Net's or the Medical Decathlon's description of a data set.

    Label maps lie in ``labelsTr`` one folder below it, predictions beside a copy of it. Regions
    that overlap, which are lists of values, have no name for each value.
    """
    folder = path.absolute().parent
    for table in (folder / NNUNET, folder.parent / NNUNET):
        if table.is_file() and (rows := _json_rows(table, of_data_set=True)):
            return rows, table.name
    return (), ""


def _csv_rows(table: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{table.name} cannot be read: save it as UTF-8 text.") from error
    reader = csv.DictReader(text.splitlines())
    reader.fieldnames = [(n or "").strip().lower() for n in reader.fieldnames or []]
    if missing := [c for c in columns if c not in reader.fieldnames]:
        raise InputError(
            f"{table.name} has no column {' and '.join(missing)}: its first line must name "
            f"{', '.join(columns)}."
        )
    return list(reader)


def _json_rows(table: Path, *, of_data_set: bool = False) -> list[dict[str, str]]:
    """Return rows of value and name; none if the file is another (a CT's own description)."""
    try:
        content = json.loads(table.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{table.name} cannot be read as JSON: mend or remove it.") from error
    if not isinstance(content, dict):
        return []
    named = content.get("labels", None if of_data_set else content)
    if not isinstance(named, Mapping) or not named:
        return []
    if all(str(key).isdigit() and isinstance(name, str) for key, name in named.items()):
        pairs = [(key, name) for key, name in named.items()]
    elif all(_is_value(value) for value in named.values()):
        pairs = [(str(value), key) for key, value in named.items()]
    else:
        return []
    return [{"value": value, "name": name} for value, name in pairs if int(value)]


def _is_value(value: object) -> bool:
    """Return whether a JSON value is a label value: nnU-Net 1 writes some as text."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.isdigit()
    )


def _read_groups(table: Path) -> tuple[tuple[str, str], ...]:
    if not table.is_file():
        return ()
    rows = _csv_rows(table, ("group", "atom"))
    return tuple(((row["group"] or "").strip(), (row["atom"] or "").strip()) for row in rows)
