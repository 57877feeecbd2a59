"""Label maps in files: their voxels, and the names that stand in or beside them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError, SegmentationError
from .image_file import read_image
from .label_header import header_rows
from .npy_volume import read_npy_array

LABELS, GROUPS = "labels.csv", "groups.csv"
HEADER = "the header"


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

    rows: Sequence[Mapping[str, str]] = ()
    source: str = ""
    groups: Sequence[tuple[str, str]] = field(default=())


def read_label_voxels(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the voxels and the affine of a NIfTI, NRRD or npy label map.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    voxels : numpy.ndarray
        [k, j, i], of the file's type.
    affine : numpy.ndarray
        4 x 4, (i, j, k, 1) to RAS in mm.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SegmentationError
        If it holds several layers.
    """
    if not path.is_file():
        raise InputError(f"There is no label map {path.name}: check the path.")
    if path.name.lower().endswith(".npy"):
        voxels, affine = read_npy_array(path)
        if voxels.ndim != 3 or voxels.dtype.kind not in "uif":
            raise SegmentationError(
                f"{path.name} holds {voxels.dtype} of shape {voxels.shape}; give slices x rows x "
                "columns of whole numbers."
            )
        return voxels, affine
    image = read_image(path)
    if image.axes != 3 or image.values_per_voxel != 1:
        raise SegmentationError(
            f"{path.name} has {image.axes} dimensions and {image.values_per_voxel} values a voxel; "
            "give one three-dimensional label map (export several layers as one)."
        )
    return image.voxels, image.affine


def read_label_names(path: Path) -> LabelNames:
    """Read the names of the labels of the file `path`, and their groups.

    Names come from a table beside the file (``<file>.csv`` or ``labels.csv`` with columns value
    and name, or ``<file>.json``), else from the label table in a NIfTI file's header.

    Parameters
    ----------
    path
        The label map.

    Returns
    -------
    LabelNames
        Empty where there is no table.

    Raises
    ------
    InputError
        If a table cannot be read.
    """
    rows, source = _read_rows(path)
    return LabelNames(rows, source, _read_groups(path.with_name(GROUPS)))


def _read_rows(path: Path) -> tuple[Sequence[Mapping[str, str]], str]:
    stem = path.name.removesuffix(".gz")
    stem = stem[: stem.rfind(".")] if "." in stem else stem
    for table in (path.with_name(f"{stem}.csv"), path.with_name(LABELS)):
        if table.is_file():
            return _csv_rows(table, ("value", "name")), table.name
    table = path.with_name(f"{stem}.json")
    if table.is_file() and (rows := _json_rows(table)):
        return rows, table.name
    rows = header_rows(path)
    return rows, HEADER if rows else ""


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


def _json_rows(table: Path) -> list[dict[str, str]]:
    """Return rows of value and name; none if the file is another (a CT's own description)."""
    try:
        content = json.loads(table.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{table.name} cannot be read as JSON: mend or remove it.") from error
    named = content.get("labels", content) if isinstance(content, dict) else None
    if not isinstance(named, Mapping) or not named:
        return []
    if all(str(key).isdigit() and isinstance(name, str) for key, name in named.items()):
        pairs = [(key, name) for key, name in named.items()]
    elif all(isinstance(value, int) for value in named.values()):
        pairs = [(str(value), key) for key, value in named.items()]
    else:
        return []
    return [{"value": value, "name": name} for value, name in pairs if int(value)]


def _read_groups(table: Path) -> tuple[tuple[str, str], ...]:
    if not table.is_file():
        return ()
    rows = _csv_rows(table, ("group", "atom"))
    return tuple(((row["group"] or "").strip(), (row["atom"] or "").strip()) for row in rows)
