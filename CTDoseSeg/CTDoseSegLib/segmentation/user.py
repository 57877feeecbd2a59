"""User segmentations, on the grid of their series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..ct import organs
from ..ct.geometry import Grid
from ..ct.series import CTSeries
from ..errors import GeometryError, InputError, SegmentationError
from ..flags import Flag, flag
from ..reading.label_map_file import HEADER, LabelNames, read_label_names, read_label_voxels
from ..segmentation.atoms import groups_of, named_atom
from ..tasks.progress import Progress
from .labelmap import BODY, BODY_REST, COUCH, Atom, Labelmap, counts

ORIGIN = "given"


def read_labelmap(path: str | Path, series: CTSeries, progress: Progress | None = None) -> Labelmap:
    """Read a label map and put it on the grid of `series`.

    Names come from a table beside the file (``labels.csv`` or ``<file>.csv`` with columns value
    and name, or ``<file>.json`` with the labels), else from the label table that TotalSegmentator
    (1.x and 2.x) writes into a NIfTI file's header, else the values are those of its 2.x task
    ``total``. ``groups.csv`` (group, atom) is read where there is one. The grid must be
    that of the series, up to the order and the direction of its axes: nothing is resampled.

    Parameters
    ----------
    path
        NIfTI or NRRD file.
    series
        The CT that the label map was made from.
    progress
        May cancel.

    Returns
    -------
    Labelmap
        Its engine is ``given``.

    Raises
    ------
    InputError
        If the file or its table cannot be read.
    SegmentationError
        If the values are no labels, or there are none.
    GeometryError
        If the grid is not that of the series.

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
    labels = read_label_array(path, series)
    present = [int(v) for v in np.flatnonzero(counts(labels)) if v]
    if not present:
        raise SegmentationError(
            f"{path.name} holds no labels, every voxel is 0: give the label map of this series."
        )
    names = read_label_names(path)
    table, source = _named_atoms(names, path.name)
    atoms = tuple(table[v] if v in table else _unnamed(v) for v in present)
    unknown = [v for v in present if v not in table]
    flags: tuple[Flag, ...] = ()
    if unknown:
        shown = ", ".join(str(v) for v in unknown[:8]) + (", ..." if len(unknown) > 8 else "")
        flags = (flag("unknown_labels", f"{shown} (names from {source})"),)
    groups = groups_of(a.name for a in atoms) | _groups(names, {a.name for a in atoms})
    return Labelmap(labels, series.affine, atoms, groups, ORIGIN, flags)


def read_label_array(path: Path, series: CTSeries) -> np.ndarray:
    """Return the values of a label map file on the grid of `series`.

    Parameters
    ----------
    path
        NIfTI or NRRD file.
    series
        The CT that the label map was made from.

    Returns
    -------
    numpy.ndarray
        uint8 or uint16, [k, j, i].

    Raises
    ------
    InputError, SegmentationError, GeometryError
        As `read_labelmap` does.
    """
    voxels, affine = read_label_voxels(path)
    return _on_grid(as_labels(voxels, path.name), affine, series, path.name)


def combine(beneath: Labelmap, above: Labelmap) -> Labelmap:
    """Put the organs of one label map on the body, skin, couch and organs of another.

    Of the lower one remain body_rest, skin and couch, and those organs that the upper one has
    nothing of: what the upper one draws smaller becomes body_rest. Atoms keep their origin, those
    of the upper one their value.

    Parameters
    ----------
    beneath
        With a body.
    above
        On the same grid. With a body_rest of its own it is complete and returned as it is.

    Returns
    -------
    Labelmap
        With the groups of `above` whose atoms remain.

    Raises
    ------
    GeometryError
        If the two are not on one grid.
    """
    lower, upper = (Grid(one.labels.shape, one.affine) for one in (beneath, above))
    if not lower.same_as(upper):
        raise GeometryError(
            "The two label maps have different grids: "
            f"{_describe(beneath.labels, beneath.affine)}, and "
            f"{_describe(above.labels, above.affine)}; make both for the same series."
        )
    names = {a.name for a in above.atoms}
    if BODY_REST in names:
        return above
    spare = max(a.value for a in above.atoms) + 1
    lookup = np.zeros(max(a.value for a in beneath.atoms) + 1, dtype=np.uint16)
    kept: dict[str, Atom] = {a.name: a for a in above.atoms}
    rest = next((a for a in beneath.atoms if a.name == BODY_REST), None)
    for atom in beneath.atoms:
        name = BODY_REST if _replaced(atom.name, names) else atom.name
        if name not in kept:
            row = atom if name == atom.name else rest or named_atom(0, name, atom.origin)
            kept[name] = replace(row, value=spare)
            spare += 1
        lookup[atom.value] = kept[name].value
    labels = _narrowest(lookup, spare - 1)[beneath.labels]
    organ = above.labels > 0
    air = int((organ & ~beneath.mask(BODY)).sum())
    np.copyto(labels, above.labels.astype(labels.dtype, copy=False), where=organ)
    present = set(np.flatnonzero(counts(labels)).tolist())
    atoms = tuple(a for a in kept.values() if a.value in present)
    flags = above.flags + beneath.flags
    if air > 0.02 * organ.sum():
        flags += (flag("labels_in_air", f"{100 * air / organ.sum():.0f} % of the voxels"),)
    known = {a.name for a in atoms}
    own = {
        group: members
        for group, members in above.groups.items()
        if group not in (BODY, *known) and set(members) <= known
    }
    groups = own | groups_of(a.name for a in atoms)
    return Labelmap(
        labels,
        beneath.affine,
        atoms,
        groups,
        f"{above.engine} + {beneath.engine}",
        flags,
        about={**beneath.about, **above.about},
    )


def _replaced(name: str, above: set[str]) -> bool:
    """Return whether the names of the upper label map replace the lower one's atom `name`."""
    groups = groups_of(above)
    if name in above:
        return name not in (BODY_REST, COUCH)
    if name == "lung":
        return "lung" in groups
    if name in organs.LUNG_LOBES or name in ("lung_left", "lung_right"):
        side = "lung_left" if name.endswith("_left") else "lung_right"
        return "lung" in above or side in groups
    if name == "trachea":
        return not above.isdisjoint(("trachea", "lung_trachea_bronchia", "lung_airways"))
    return name == "bone" and "bone" in groups


def _narrowest(lookup: np.ndarray, largest: int) -> np.ndarray:
    if largest > 65535:
        raise SegmentationError(f"The label map needs the value {largest}; at most 65535 is kept.")
    return lookup.astype(np.uint8 if largest < 256 else np.uint16)


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
    return voxels.astype(np.uint8 if high < 256 else np.uint16)


def _on_grid(labels: np.ndarray, affine: np.ndarray, series: CTSeries, name: str) -> np.ndarray:
    """Return `labels` with its axes in the series' order and direction, or raise GeometryError."""
    # (i, j, k) of the label map in (i, j, k) of the series: a signed permutation if they fit.
    turned = np.rint((np.linalg.inv(series.affine) @ affine)[:3, :3])
    once = (np.abs(turned).sum(axis=0) == 1).all() and (np.abs(turned).sum(axis=1) == 1).all()
    if once:
        axes = np.abs(turned).argmax(axis=1)
        backward = turned[range(3), axes] < 0
        order = tuple(2 - int(axis) for axis in axes[::-1])
        shape = tuple(labels.shape[axis] for axis in order)
        # The label map's affine for the indices of the series.
        first = np.ones(4)
        first[axes] = backward * (np.array(shape[::-1]) - 1)
        onto = affine.copy()
        onto[:3, :3] = affine[:3, :3] @ turned.T
        onto[:3, 3] = (affine @ first)[:3]
    if not once or not Grid(shape, onto).same_as(series.grid):
        raise GeometryError(
            f"{name} is not on the grid of the series: label map {_describe(labels, affine)}, "
            f"series {_describe(series.hu, series.affine)}; make the label map from this series, "
            "or resample it onto the series first."
        )
    reversed_axes = tuple(2 - axis for axis in range(3) if backward[axis])
    return np.ascontiguousarray(np.flip(labels.transpose(order), reversed_axes))


def _describe(voxels: np.ndarray, affine: np.ndarray) -> str:
    spacing = " x ".join(f"{v:.4g}" for v in np.linalg.norm(affine[:3, :3], axis=0))
    corner = ", ".join(f"{v:.2f}" for v in affine[:3, 3])
    return f"{_size(voxels.shape)} voxels of {spacing} mm from ({corner})"


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape[::-1])


def _unnamed(value: int) -> Atom:
    return named_atom(value, f"label_{value}", ORIGIN)


def _named_atoms(names: LabelNames, file_name: str) -> tuple[dict[int, Atom], str]:
    """Return atoms by value, and what named them; without a table it is TotalSegmentator's task."""
    if names.source:
        source = f"{HEADER} of {file_name}" if names.source == HEADER else names.source
        return _atoms(names.rows, names.source), source
    total = organs.total_names(2)
    return {v: named_atom(v, n, ORIGIN) for v, n in total.items()}, "TotalSegmentator 2.x total"


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
