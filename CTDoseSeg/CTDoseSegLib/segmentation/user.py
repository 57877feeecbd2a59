"""User segmentations, on the grid of their series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..ct import organs
from ..ct.series import CTSeries
from ..errors import GeometryError, InputError, SegmentationError
from ..flags import flag
from ..reading.frame_of_reference import refuse_other_frame
from ..reading.label_map_file import LabelFile, read_label_file
from ..reading.label_names import LabelNames, read_label_option
from ..tasks.progress import Progress
from .atoms import groups_of, is_number, named_atom, unnamed_flags
from .known import with_known
from .labelmap import BODY, BODY_REST, Atom, Labelmap, counts
from .on_grid import grid_in_words, on_grid, resampled_onto

ORIGIN = "given"


def read_labelmap(
    path: str | Path,
    series: CTSeries,
    progress: Progress | None = None,
    *,
    labels: str | Path | None = None,
) -> Labelmap:
    """Read a label map and put it on the grid of `series`.

    Names come from a table beside the file (``<file>.csv``, else ``labels.csv``, with columns
    value and name; else ``<file>.json`` with the labels), else from the file: the label table that
    TotalSegmentator writes into NIfTI, the segments of Slicer's ``.seg.nrrd`` and of a DICOM SEG;
    else from nnU-Net's ``dataset.json`` beside the file or one folder up, else from `labels`.
    A value that nothing names is called ``label_<value>`` and flagged. ``groups.csv`` (group,
    atom) is read where there is one. The grid must be that of the series, up to the order and the
    direction of its axes: nothing is resampled but a SEG of another grid, which is flagged. Of
    ``.seg.nrrd`` and SEG it may be a part. Contours of an RTSTRUCT are filled on the grid.

    Parameters
    ----------
    path
        NIfTI, NRRD, DICOM SEG or RTSTRUCT.
    series
        The CT that the label map was made from.
    progress
        May cancel.
    labels
        Names for values that the file does not name: ``totalsegmentator-v2``,
        ``totalsegmentator-v1``, ``lungmask``, or a CSV file with the columns value and name.

    Returns
    -------
    Labelmap
        Its engine is ``given``.

    Raises
    ------
    InputError
        If the file or a table cannot be read, or `labels` contradicts the file's own names.
    SegmentationError
        If the values are no labels, or there are none.
    GeometryError
        If the grid is not that of the series.
    DependencyError
        If a package that reads the file is missing.

    Examples
    --------
    >>> import tempfile
    >>> from CTDoseSegLib.phantom.dicom_files import write_dicom
    >>> from CTDoseSegLib.phantom.phantom import Phantom
    >>> from CTDoseSegLib.reading.reader import read_series
    >>> phantom = Phantom(variant="chest", shape=(64, 64, 3), spacing_mm=(7, 7, 5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_dicom(phantom, folder)
    ...     series = read_series(f"{folder}/dicom")
    ...     labelmap = read_labelmap(f"{folder}/truth/segmentation.nii.gz", series)
    >>> labelmap.labels.shape == series.hu.shape
    True
    >>> labelmap.groups["heart"]
    ('heart_myocardium', 'heart_atrium_right', 'heart_atrium_left')
    """
    path = Path(path)
    if progress is not None:
        progress.check_cancelled()
    file = read_label_file(path, series)
    voxels, resampled = _array_of(file, series, path.name)
    present = [int(v) for v in np.flatnonzero(counts(voxels)) if v]
    if not present:
        raise SegmentationError(
            f"{path.name} holds no labels, every voxel is 0: give the label map of this series."
        )
    table = _names_of_values(file.names, labels, present, path.name)
    atoms = tuple(table[v] if v in table else _unnamed(v) for v in present)
    flags = unnamed_flags(atoms, file.names.source)
    if file.scaling:
        flags += (flag("labels_scaled", file.scaling),)
    if file.overlap_voxels:
        flags += (flag("segments_overlap", f"{file.overlap_voxels} voxels lie in more than one"),)
    if resampled:
        flags += (flag("labels_resampled", resampled),)
    if file.left_out:
        flags += (flag("contours_left_out", f"{file.left_out} contours"),)
    groups = groups_of(a.name for a in atoms) | _groups(file.names, {a.name for a in atoms})
    made = Labelmap(voxels, series.affine, atoms, groups, ORIGIN, flags)
    return with_known(made, path.parent)


def read_label_array(path: Path, series: CTSeries) -> np.ndarray:
    """Return the values of a label map file on the grid of `series`.

    Parameters
    ----------
    path
        NIfTI, NRRD, DICOM SEG or RTSTRUCT.
    series
        The CT that the label map was made from.

    Returns
    -------
    numpy.ndarray
        uint8 or uint16, [k, j, i].

    Raises
    ------
    InputError, SegmentationError, GeometryError, DependencyError
        As `read_labelmap` does.
    """
    return _array_of(read_label_file(path, series), series, path.name)[0]


def _array_of(file: LabelFile, series: CTSeries, name: str) -> tuple[np.ndarray, str]:
    """Return the labels on the grid, and from which other grid they were put there."""
    labels = as_labels(file.voxels, name)
    try:
        return on_grid(labels, file.affine, series, name, partial=file.partial), ""
    except GeometryError:
        if file.frame_of_reference is None or not series.regular:
            raise
        refuse_other_frame(file.frame_of_reference, series, name)
        moved = resampled_onto(labels, file.affine, series)
        if not moved.any():
            raise
        return (
            moved,
            f"{grid_in_words(labels, file.affine)} to {grid_in_words(moved, series.affine)}",
        )


def as_labels(voxels: np.ndarray, name: str) -> np.ndarray:
    """Return voxels as uint8 or uint16 labels.

    Parameters
    ----------
    voxels
        Any kind of number.
    name
        Of the file; begins the sentence of an error.

    Returns
    -------
    numpy.ndarray
        Of the same shape.

    Raises
    ------
    SegmentationError
        If they are no whole numbers from 0 to 65535.
    """
    low, high = float(voxels.min()), float(voxels.max())
    whole = np.issubdtype(voxels.dtype, np.integer) or (
        np.isfinite(low) and np.isfinite(high) and bool((voxels == np.rint(voxels)).all())
    )
    if not whole or low < 0 or high > 65535:
        raise SegmentationError(
            f"{name} holds values from {low:g} to {high:g}, which are no labels: labels are whole "
            "numbers from 0 to 65535; give the label map, not the CT or a probability map."
        )
    return voxels.astype(np.uint8 if high < 256 else np.uint16, copy=False)


def _unnamed(value: int) -> Atom:
    return named_atom(value, f"label_{value}", ORIGIN)


def _names_of_values(
    names: LabelNames, labels: str | Path | None, present: Sequence[int], file_name: str
) -> dict[int, Atom]:
    """Return atoms by value: those of the file, and where it has none those the user states."""
    own = _atoms(names.rows, names.source)
    if labels is None:
        return own
    option = read_label_option(labels)
    stated = _atoms(option.rows, option.source)
    named = {value: atom for value, atom in own.items() if not is_number(atom.name)}
    for value in present:
        if value in named and value in stated and named[value].name != stated[value].name:
            raise InputError(
                f"{file_name}: value {value} is {named[value].name} by {names.source}, but "
                f"{stated[value].name} by {option.source}; leave out one of the two."
            )
    taken = {atom.name for atom in named.values()}
    return own | {v: a for v, a in stated.items() if a.name not in taken} | named


def _atoms(rows: Sequence[Mapping[str, str]], source: str) -> dict[int, Atom]:
    """Return a table's atoms; code and colour from its row, else from the project's table."""
    atoms: dict[int, Atom] = {}
    taken: set[str] = set()
    for row in rows:
        try:
            value = int(row["value"])
        except (TypeError, ValueError):
            value = -1
        name = (row["name"] or "").strip()
        name = organs.known_name(name) or name
        # A label called "body" is what no other label covers.
        name = BODY_REST if name == BODY else name
        if value == 0:
            continue
        if value < 0 or not name or value in atoms or name in taken:
            raise InputError(
                f"{source} has the row value={row['value']!r}, name={name!r}: each label needs a "
                "whole number above 0 and a name, both only once."
            )
        taken.add(name)
        known = named_atom(value, name, (row.get("origin") or ORIGIN).strip())
        code = (row.get("snomed_code") or known.snomed_code).strip()
        color = (row.get("color") or known.color).strip()
        atoms[value] = replace(known, snomed_code=code, color=color)
    return atoms


def _groups(names: LabelNames, present: set[str]) -> dict[str, tuple[str, ...]]:
    """Return the groups that the file has of atoms that are present."""
    groups: dict[str, dict[str, None]] = {}
    for group, atom in names.groups:
        if group and atom in present:
            groups.setdefault(group, {})[atom] = None
    return {group: tuple(members) for group, members in groups.items()}
