"""Arrays to nodes: tables, overlay and their place in the subject hierarchy.

Together with `segmentations` and `charts` the only place that fills nodes of the scene.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ...ct.organs import spoken_name
from ...outputs import tables
from ..parameters import OrganOrder
from .dose_colors import color_doses, scale_end_of
from .hierarchy import place
from .organ_order import in_order
from .results import OVERLAY, Results

if TYPE_CHECKING:
    from ...result import Result

# The numbers of slices.csv.
SLICE_COLUMNS = tuple(name for name in tables.SLICE_COLUMNS if name not in ("slice_index", "flags"))
SCALED_CURRENT = "tube_current_scaled"
# Of the dose overlay, that are filled in one step.
STEP_VOXELS = 1_000_000


@dataclass(frozen=True)
class Column:
    """How a column of a table is shown: its title, its unit, and the tooltip of its cells."""

    title: str
    unit: str = ""
    description: str = ""


_TOTAL = (
    "The interval in mGy to judge the dose by: our estimate of a 90 % interval for this patient "
    "and scanner, from model, beam, CTDIvol, segmentation, irradiated range and contrast agent. It "
    "was not checked against doses measured in patients."
)
_LAW = (
    "How well the fast law knows such an organ and the scanner's beam: in about nine of ten bodies "
    "the simulated dose lies in this interval. It leaves out that patients are unlike these bodies "
    "and that the displayed CTDIvol has an error."
)
_DASH = "A dash: not known for this organ; click it to read its notes."
_STATISTICS = "How well the simulated photons alone determine the dose."
# Numbers have four digits; result.json has all. Slicer writes the unit behind the title.
DOSE_COLUMNS = {
    "organ": Column("Organ", description="Click an organ to go to it."),
    "dose_mGy": Column("Dose", "mGy", "Mean dose to the part of the organ that is in the images."),
    "hypothetical_mGy": Column(
        "HYPOTHETICAL", "mGy", "What the factors of What if make of the dose."
    ),
    "fast_law_mGy": Column(
        "Fast law",
        "mGy",
        "What the fast law gives; both are flagged where they differ by more than both intervals "
        "allow.",
    ),
    # Without the unit, which the dose beside them has: a narrow view shows all three.
    "total_low_mGy": Column("90 % from", description=_TOTAL),
    "total_high_mGy": Column("90 % to", description=_TOTAL),
    "model_low_mGy": Column("Law from", "mGy", _LAW),
    "model_high_mGy": Column("Law to", "mGy", _LAW),
    "statistics_low_mGy": Column("Statistics from", "mGy", _STATISTICS),
    "statistics_high_mGy": Column("Statistics to", "mGy", _STATISTICS),
    "volume_ml": Column("Volume", "ml", "Of the part that is in the images."),
    "in_images": Column(
        "In the images",
        description="whole: the organ as drawn ends inside the images, which does not say that it "
        "is drawn completely; cut: the first or last slice or the field of view cuts it.",
    ),
    "drawn": Column(
        "Drawn",
        description="certain: the network draws the organ again when the image is varied; "
        "uncertain: it does not, or what is drawn contradicts anatomy; empty: not known.",
    ),
    "region": Column("Region", description="Of the body, by the doses' model."),
    "n_flags": Column("Notes", description="How many; click the organ to read them."),
    "name": Column("Name", description="As in files and in the console."),
}


def set_columns(
    tableNode: Any,
    columns: Mapping[str, Sequence[Any] | np.ndarray],
    shown: Mapping[str, Column] | None = None,
) -> None:
    """Replace a table's content, with one event for its views.

    Parameters
    ----------
    tableNode
        The table.
    columns
        Name to numbers (None: not a number) or to text.
    shown
        Name to how the column is shown, for those that are not shown by their name.
    """
    table = vtk.vtkTable()
    for name, values in columns.items():
        table.AddColumn(_column(name, values))
    was = tableNode.StartModify()
    try:
        tableNode.SetUseColumnTitleAsColumnHeader(True)
        tableNode.SetLocked(True)
        tableNode.SetAndObserveTable(table)
        for name in columns:
            column = (shown or {}).get(name, Column(name))
            tableNode.SetColumnTitle(name, column.title)
            tableNode.SetColumnUnitLabel(name, column.unit)
            tableNode.SetColumnDescription(name, column.description)
    finally:
        tableNode.EndModify(was)


def _column(name: str, values: Sequence[Any] | np.ndarray) -> Any:
    if len(values) and isinstance(values[0], str):
        column = vtk.vtkStringArray()
        column.SetNumberOfValues(len(values))
        for n, text in enumerate(values):
            column.SetValue(n, text)
    elif isinstance(values, np.ndarray) and values.dtype.kind == "i":
        column = numpy_to_vtk(values, deep=1)
    else:
        column = numpy_to_vtk(numbers(values), deep=1)
    column.SetName(name)
    return column


def numbers(values: Sequence[float | None]) -> np.ndarray:
    """As float64, None as NaN."""
    return np.array(values, dtype=object).astype(np.float64)


def show_slices(results: Results) -> None:
    """Fill the table of slices."""
    slices = results.result.slices
    columns: dict[str, np.ndarray] = {"slice_index": np.arange(len(slices), dtype=float)}
    columns |= {name: getattr(slices, name) for name in SLICE_COLUMNS}
    columns[SCALED_CURRENT] = slices.tube_current_mA * current_scale(results)
    set_columns(results.ensure("sliceTable"), columns)


def current_scale(results: Results) -> float:
    """Factor that brings the tube current to the height of the WED curve; 1, 2 or 5 times 10^n."""
    slices = results.result.slices
    current, wed = slices.tube_current_mA, slices.wed_mm
    if not np.isfinite(current).any() or not np.isfinite(wed).any() or np.nanmax(current) <= 0:
        return 1.0
    wanted = np.nanmax(wed) / np.nanmax(current)
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(max(m * power for m in (1.0, 2.0, 5.0) if m * power <= wanted))


def show_doses(
    results: Results,
    hypothetical: Mapping[str, float] | None = None,
    order: OrganOrder = OrganOrder.BODY,
) -> None:
    """Fill the table of organ doses.

    Parameters
    ----------
    results
        The result.
    hypothetical
        Organ to its dose in mGy under the factors of "What if"; None: no such column.
    order
        Of the rows.
    """
    organs = in_order(results.result, order)
    fast = fast_law_of(results.result) if results.simulated else {}
    beside = {organ: dose for organ, (dose, *_) in fast.items()}
    # What a simulation alone leaves open is its statistics.
    own = "statistics" if results.simulated else "model"
    doses = {
        "dose_mGy": [o.dose_mGy for o in organs],
        "total_low_mGy": [o.total_low_mGy for o in organs],
        "total_high_mGy": [o.total_high_mGy for o in organs],
        "hypothetical_mGy": [(hypothetical or {}).get(o.organ) for o in organs],
        "fast_law_mGy": [beside.get(o.organ) for o in organs],
        f"{own}_low_mGy": [o.model_low_mGy for o in organs],
        f"{own}_high_mGy": [o.model_high_mGy for o in organs],
        "volume_ml": [o.volume_ml for o in organs],
    }
    columns: dict[str, Any] = {"organ": [spoken_name(o.organ) for o in organs]}
    # A column without any number says nothing.
    columns |= {
        name: digits(values)
        for name, values in doses.items()
        if any(value is not None for value in values)
    }
    columns |= {
        "in_images": ["cut" if o.coverage is None else _whole(o.coverage) for o in organs],
        "drawn": [o.segmentation_certainty or "" for o in organs],
        "region": [o.region for o in organs],
        "n_flags": np.array([len(o.flags) for o in organs], dtype=np.int32),
        "name": [o.organ for o in organs],
    }
    shown = {
        name: replace(DOSE_COLUMNS[name], description=f"{DOSE_COLUMNS[name].description} {_DASH}")
        for name, values in doses.items()
        if name in columns and None in values
    }
    set_columns(results.ensure("doseTable"), columns, DOSE_COLUMNS | shown)


def fast_law_of(result: Result) -> dict[str, tuple[float, float | None, float | None]]:
    """Return organ to its dose by the fast law and the ends of its interval, mGy, beside simulated.

    Empty where the doses are the fast law's own.
    """
    beside = result.dose_model.get("fast_law_mGy") or {}
    return {organ: tuple(of) for organ, of in beside.items() if of and of[0] is not None}


def digits(values: Sequence[float | None]) -> np.ndarray:
    """Return numbers with four digits, as many as can be read."""
    return np.array([np.nan if v is None else float(f"{v:.4g}") for v in values])


def _whole(coverage: float) -> str:
    return "whole" if coverage >= 0.995 else f"{100 * coverage:.0f} %"


def overlay_steps(
    results: Results, labels: np.ndarray, values: Mapping[str, int]
) -> Iterator[None]:
    """Fill the dose overlay: each voxel has the dose of its organ in its slice, mGy, else 0.

    It is in the scene after the last step. A step takes some ten milliseconds.

    Parameters
    ----------
    results
        The result.
    labels
        [k, j, i] on the grid of the volume.
    values
        Atom name to its label.
    """
    volume = results.volume
    table = dose_table(results.result, values, labels.shape[0])
    image = vtk.vtkImageData()
    image.SetDimensions(*labels.shape[::-1])
    image.AllocateScalars(vtk.VTK_FLOAT, 1)
    dose = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(labels.shape)
    step = max(1, STEP_VOXELS // labels[0].size)
    for k, drawn in enumerate(labels):
        if k and k % step == 0:
            yield
        np.take(table[k], drawn, out=dose[k])
    if volume.GetScene() is None:  # removed between two steps
        return
    node = results.ensure("overlay")
    node.SetAttribute(OVERLAY, "1")
    was = node.StartModify()
    try:
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        node.SetIJKToRASMatrix(matrix)
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        # Before there are voxels, all of which Slicer would look through for a window of its own.
        color_doses(node, scale_end_of(results, dose), smooth=False)
        node.SetAndObserveImageData(image)
        node.SetVoxelValueUnits(mGy_unit())
    finally:
        node.EndModify(was)
    place(results)


def dose_table(result: Result, values: Mapping[str, int], n_slices: int) -> np.ndarray:
    """Dose in mGy of each slice and label, float32 [k, label]; the smallest organ wins."""
    table = np.zeros((n_slices, max(values.values(), default=0) + 1), np.float32)
    groups = {name: structure.atoms for name, structure in result.structures.items()}
    organs = [o for o in result.organs if o.dose_mGy is not None]
    for organ in sorted(organs, key=lambda o: -len(groups.get(o.organ, ()))):
        profile = np.nan_to_num(organ.slice_dose_mGy)
        for atom in groups.get(organ.organ, ()):
            if atom in values:
                table[:, values[atom]] = profile
    return table


def mGy_unit() -> Any:
    """Unit of the voxels of a dose, as DICOM codes it."""
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning("mGy", "UCUM", "mGy")
    return entry
