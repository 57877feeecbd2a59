"""The tables of a result as one workbook (XLSX): a sheet each, and a legend with the units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import NOTICE
from ..dosimetry.doses import OrganDose
from ..dosimetry.examination import OrganTotal
from ..errors import DependencyError
from ..result import Result, Slices, Structure
from .meanings import meaning, unit
from .tables import (
    EXAMINATION_COLUMNS,
    FORMULA_STARTS,
    MEANINGS,
    ORGAN_DOSE_COLUMNS,
    ORGAN_SLICE_COLUMNS,
    SLICE_COLUMNS,
    organ_dose_rows,
    organ_slice_rows,
    slice_rows,
)

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

WORKBOOK = "tables.xlsx"
LEGEND = "legend"
_WIDTH = 14  # of a column, in letters


def write_workbook(result: Result, path: Path) -> Path:
    """Write ``organ_doses``, ``slices``, ``organ_slices`` and ``legend`` as sheets.

    Numbers are numbers, with as many digits as they have; an empty cell is not known.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.
    path
        File to write.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    DependencyError
        If openpyxl is missing.
    """
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise DependencyError(
            'A workbook needs the package openpyxl: pip install "ctdoseseg[report]"'
        ) from error
    organ_columns = (*ORGAN_DOSE_COLUMNS, *EXAMINATION_COLUMNS)
    sheets: dict[str, tuple[tuple[str, ...], Iterable[tuple[Any, ...]], tuple[type, ...]]] = {
        "organ_doses": (organ_columns, organ_dose_rows(result), (OrganDose, OrganTotal)),
        "slices": (SLICE_COLUMNS, slice_rows(result), (Slices,)),
        "organ_slices": (ORGAN_SLICE_COLUMNS, organ_slice_rows(result), (OrganDose, Structure)),
    }
    book = Workbook()
    book.remove(book.active)
    for name, (columns, rows, _) in sheets.items():
        _fill(book.create_sheet(name), columns, rows)
    legend = (
        row for name, (columns, _, kinds) in sheets.items() for row in _legend(name, columns, kinds)
    )
    _fill(book.create_sheet(LEGEND), ("sheet", "column", "unit", "meaning"), legend)
    book[LEGEND].append(["", "", "", NOTICE])
    book[LEGEND].column_dimensions["D"].width = 8 * _WIDTH
    book.properties.creator = "CTDoseSeg"
    book.save(path)
    return path


def _legend(
    name: str, columns: tuple[str, ...], kinds: tuple[type, ...]
) -> Iterator[tuple[str, str, str, str]]:
    own = MEANINGS.get(f"{name}.csv", {})
    for column in columns:
        found = (meaning(kind, column, "empty") for kind in kinds)
        text = own.get(column) or next((one for one in found if one), "")
        yield name, column, unit(column), text.replace("`", "")


def _fill(sheet: Worksheet, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.append(columns)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append([_value(value) for value in row])
    sheet.freeze_panes = "A2"
    for number, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = max(_WIDTH, len(name) + 2)


def _value(value: Any) -> Any:
    """Return a value as a cell takes it; text that a spreadsheet would run is disarmed."""
    if value is None:
        return None
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    if isinstance(value, (int, np.integer)):
        return int(value)
    return float(value) if math.isfinite(value) else None
