"""The tables and the label map as files; an empty cell means "not known"."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ct.volume_files import ENDINGS, write_volume
from ..flags import codes
from ..reading.image_file import read_image
from ..segmentation.doubt_map import DoubtMap

if TYPE_CHECKING:
    from ..dosimetry.doses import OrganDose
    from ..result import Result
    from ..segmentation.labelmap import Atom, Labelmap

# These names are a promise to whoever reads the files: more may follow, none may change.
SLICE_COLUMNS = (
    "slice_index",
    "z_mm",
    "slice_location_mm",
    "tube_current_mA",
    "ctdivol_mGy",
    "body_area_mm2",
    "body_mean_hu",
    "wed_mm",
    "truncated_fraction",
    "wed_corrected_mm",
    "ssde_mGy",
    "flags",
    "ctdivol_used_mGy",
)
ORGAN_SLICE_COLUMNS = (
    "organ",
    "region",
    "slice_index",
    "area_mm2",
    "mean_hu",
    "sd_hu",
    "dose_mGy",
)
ORGAN_DOSE_COLUMNS = (
    "organ",
    "region",
    "dose_mGy",
    "model_low_mGy",
    "model_high_mGy",
    "total_low_mGy",
    "total_high_mGy",
    "dose_slice_mean_mGy",
    "volume_ml",
    "n_slices",
    "coverage",
    "flags",
    "route",
    "whole_organ_dose_mGy",
    "whole_organ_low_mGy",
    "whole_organ_high_mGy",
    "segmentation_certainty",
)
# Empty without a dose report.
EXAMINATION_COLUMNS = (
    "examination_dose_mGy",
    "examination_low_mGy",
    "examination_high_mGy",
)
# The label map's name without its ending, and the names that it may have.
SEGMENTATION = "segmentation"
# How sure a network was of it, where one drew it.
DOUBT = "doubt"
DOUBT_FILES = tuple(f"{DOUBT}{ending}" for ending in ENDINGS)
SEGMENTATION_FILES = (*(f"{SEGMENTATION}{ending}" for ending in ENDINGS), *DOUBT_FILES)
LABEL_COLUMNS = ("value", "name", "snomed_code", "color", "origin")
GROUP_COLUMNS = ("group", "atom")
# Of `ctdoseseg pictures`.
HISTOGRAM_COLUMNS = ("low_hu", "high_hu", "voxels")
_CODES = "Codes of {}, joined by semicolons."
# What a column means that is no field of a result's values; those state it in their docstrings.
MEANINGS: Mapping[str, Mapping[str, str]] = {
    "slices.csv": {
        "slice_index": "k of the volume, from 0.",
        "flags": _CODES.format("the slice's flags"),
    },
    "organ_slices.csv": {
        "slice_index": "k of the volume, from 0.",
        "dose_mGy": "Dose to the organ in this slice.",
    },
    "organ_doses.csv": {"flags": _CODES.format("the organ's flags and of those of all doses")},
    "groups.csv": {
        "group": "Name of the organ.",
        "atom": "Name of one of its labels, as in ``labels.csv``.",
    },
    "histogram.csv": {
        "low_hu": "Lowest value of the bin.",
        "high_hu": "Where the next bin begins; the last one holds this value too.",
        "voxels": "How many voxels of the volume have such a value.",
    },
}
SIGNIFICANT_DIGITS = 6
# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_tables(result: Result, folder: Path) -> list[Path]:
    """Write ``slices.csv``, ``organ_slices.csv`` and ``organ_doses.csv``.

    Parameters
    ----------
    result
        What to write.
    folder
        Existing folder.

    Returns
    -------
    list of Path
        The files written.
    """
    return [
        write_csv(folder / "slices.csv", SLICE_COLUMNS, slice_rows(result)),
        write_csv(folder / "organ_slices.csv", ORGAN_SLICE_COLUMNS, organ_slice_rows(result)),
        write_csv(
            folder / "organ_doses.csv",
            (*ORGAN_DOSE_COLUMNS, *EXAMINATION_COLUMNS),
            organ_dose_rows(result),
        ),
    ]


def write_labelmap(labelmap: Labelmap, folder: Path) -> list[Path]:
    """Write the label map on the CT's grid (first), ``labels.csv`` and ``groups.csv``.

    A network's doubt goes to ``doubt.nii.gz``, in voxels of its own (`segmentation.doubt_map`).
    """
    written = [
        write_volume(folder, SEGMENTATION, labelmap.labels, labelmap.affine),
        *write_label_tables(labelmap, folder),
    ]
    if (doubt := labelmap.doubt_map) is not None:
        written.append(write_volume(folder, DOUBT, doubt.values, doubt.affine))
    return written


def read_doubt(folder: Path, labelmap: Labelmap) -> DoubtMap | None:
    """Read the doubt that `write_labelmap` wrote beside a label map; None where there is none."""
    for name in DOUBT_FILES:
        if (path := folder / name).exists():
            values = read_image(path).voxels
            return DoubtMap.of(values, labelmap.labels.shape, labelmap.affine)
    return None


def write_label_tables(labelmap: Labelmap, folder: Path) -> list[Path]:
    """Write ``labels.csv`` (what the values mean) and ``groups.csv`` (organs of several atoms)."""
    groups = ((group, atom) for group, atoms in labelmap.groups.items() for atom in atoms)
    return [
        write_atoms(folder / "labels.csv", labelmap.atoms),
        write_csv(folder / "groups.csv", GROUP_COLUMNS, groups),
    ]


def write_atoms(path: Path, atoms: Iterable[Atom]) -> Path:
    """Write what the values of a label map mean, as ``labels.csv`` has it."""
    rows = ((a.value, a.name, a.snomed_code, a.color, a.origin) for a in atoms)
    return write_csv(path, LABEL_COLUMNS, rows)


def slice_rows(result: Result) -> Iterator[tuple[Any, ...]]:
    """Yield rows of ``slices.csv``, in the order of `SLICE_COLUMNS`."""
    slices = result.slices
    for k in range(len(slices)):
        own = {"slice_index": k, "flags": codes(slices.flags[k])}
        yield tuple(
            own[name] if name in own else getattr(slices, name)[k] for name in SLICE_COLUMNS
        )


def organ_slice_rows(result: Result) -> Iterator[tuple[Any, ...]]:
    """Yield rows of ``organ_slices.csv``: one for each organ, region of its model and slice."""
    doses: dict[str, list[OrganDose]] = {}
    for organ in result.organs:
        doses.setdefault(organ.organ, []).append(organ)
    for group, structure in result.structures.items():
        for dose in doses.get(group, [None]):
            for k in np.flatnonzero(structure.count):
                yield (
                    group,
                    dose.region if dose else None,
                    int(k),
                    structure.area_mm2[k],
                    structure.mean_hu[k],
                    structure.sd_hu[k],
                    dose.slice_dose_mGy[k] if dose else None,
                )


def organ_dose_rows(result: Result) -> Iterator[tuple[Any, ...]]:
    """Yield rows of ``organ_doses.csv``; the flags are the organ's own and those of all doses.

    After `ORGAN_DOSE_COLUMNS` come `EXAMINATION_COLUMNS`.
    """
    examination = result.examination
    for organ in result.organs:
        total = examination.of(organ.organ, organ.region) if examination else None
        all_codes = codes((*organ.flags, *result.dose_flags))
        yield (
            *(
                all_codes if column == "flags" else getattr(organ, column)
                for column in ORGAN_DOSE_COLUMNS
            ),
            *(getattr(total, column, None) for column in EXAMINATION_COLUMNS),
        )


def write_histogram(path: Path, edges_hu: np.ndarray, voxels: np.ndarray) -> Path:
    """Write the voxels of each bin between `edges_hu`, of which there is one more."""
    rows = zip(edges_hu[:-1].tolist(), edges_hu[1:].tolist(), voxels.tolist(), strict=True)
    return write_csv(path, HISTOGRAM_COLUMNS, rows)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write one table: UTF-8, a line feed ends a row, None and NaN are empty cells."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([cell(name) for name in columns])
        writer.writerows([cell(value) for value in row] for row in rows)
    return path


def cell(value: Any) -> str:
    """Return the text of a cell; an apostrophe disarms text that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if not math.isfinite(value):
        return ""
    return f"{float(value) + 0.0:.{SIGNIFICANT_DIGITS}g}"  # + 0.0: no minus before a zero
