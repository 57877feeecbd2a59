"""Every column of every table that the commands write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from CTDoseSegLib.batch import plan
from CTDoseSegLib.batch import tables as batch_tables
from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.dosimetry.doses import OrganDose
from CTDoseSegLib.dosimetry.effective_dose import EffectiveDose
from CTDoseSegLib.dosimetry.examination import OrganTotal
from CTDoseSegLib.outputs import comparison, dose_volume, tables
from CTDoseSegLib.outputs.meanings import meaning, unit
from CTDoseSegLib.provenance import SeriesProvenance
from CTDoseSegLib.result import OrganComparison, Slices, Structure
from CTDoseSegLib.result.comparison import MatchedSlices
from CTDoseSegLib.segmentation.labelmap import Atom

from .docstrings import as_markdown
from .markdown import code, table


@dataclass(frozen=True)
class Table:
    """One kind of file.

    Attributes
    ----------
    columns
        In their order.
    own
        Column to its meaning, where it is no field of `values`.
    values
        Dataclasses whose fields the other columns are.
    """

    columns: tuple[str, ...]
    own: Mapping[str, str]
    values: tuple[type, ...] = ()

    def meaning(self, column: str) -> str | None:
        """Return what a column means; None where nothing states it."""
        if column in self.own:
            return as_markdown(self.own[column])
        found = (meaning(kind, column, "empty") for kind in self.values)
        return next((text for text in found if text), None)


def _of_analyze(name: str, columns: tuple[str, ...], *values: type) -> Table:
    return Table(columns, tables.MEANINGS.get(name, {}), values)


def _of_batch(name: str, columns: tuple[str, ...], *values: type) -> Table:
    return Table(columns, batch_tables.MEANINGS[name], values)


_EXAM = (SeriesProvenance, Acquisition, EffectiveDose)
_EXAM_COLUMNS = (*batch_tables.EXAM_COLUMNS, *batch_tables.IDENTITY_COLUMNS)
TABLES = {
    "slices.csv": _of_analyze("slices.csv", tables.SLICE_COLUMNS, Slices),
    "organ_slices.csv": _of_analyze(
        "organ_slices.csv", tables.ORGAN_SLICE_COLUMNS, OrganDose, Structure
    ),
    "organ_doses.csv": _of_analyze(
        "organ_doses.csv",
        (*tables.ORGAN_DOSE_COLUMNS, *tables.EXAMINATION_COLUMNS),
        OrganDose,
        OrganTotal,
    ),
    "labels.csv": _of_analyze("labels.csv", tables.LABEL_COLUMNS, Atom),
    "groups.csv": _of_analyze("groups.csv", tables.GROUP_COLUMNS),
    dose_volume.DOSE_VOLUME: Table(dose_volume.DOSE_VOLUME_COLUMNS, dose_volume.MEANINGS),
    "histogram.csv": _of_analyze("histogram.csv", tables.HISTOGRAM_COLUMNS),
    comparison.COMPARISON: Table(
        comparison.COMPARISON_COLUMNS,
        comparison.MEANINGS[comparison.COMPARISON],
        (OrganComparison,),
    ),
    comparison.COMPARISON_SLICES: Table(
        comparison.COMPARISON_SLICE_COLUMNS,
        comparison.MEANINGS[comparison.COMPARISON_SLICES],
        (MatchedSlices,),
    ),
    "plan.csv": Table(plan.COLUMNS, {}, (plan.PlannedScan,)),
    "exams.csv": _of_batch("exams.csv", _EXAM_COLUMNS, *_EXAM),
    "doses.csv": _of_batch(
        "doses.csv",
        (
            *batch_tables.EXAM_COLUMNS,
            *batch_tables.ORGAN_COLUMNS,
            *batch_tables.IDENTITY_COLUMNS,
        ),
        *_EXAM,
        OrganDose,
    ),
    "failures.csv": _of_batch("failures.csv", batch_tables.FAILURE_COLUMNS),
}


def columns(name: str) -> str:
    """Return the columns of one file."""
    one = TABLES[name]
    rows = ((code(c), unit(c), one.meaning(c) or "") for c in one.columns)
    return table(("column", "unit", "meaning"), rows)
