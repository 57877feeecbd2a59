"""Atoms with the organ table's codes and colours, and the groups that a set of atoms makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..ct.organs import LUNG_LOBES, OUTSIDE_BODY, is_bone, organ
from ..flags import Flag, flag
from .labelmap import BODY, BODY_REST, Atom

# Vessels and airways that lie inside the lobes: parts of the lung as well as organs of their own.
INSIDE_LUNG = ("lung_vessels", "lung_arteries", "lung_veins", "lung_airways_wall")
HEART_PARTS = (
    "heart_myocardium",
    "heart_atrium_left",
    "heart_ventricle_left",
    "heart_atrium_right",
    "heart_ventricle_right",
    "atrial_appendage_left",
)


# What programs call a label by themselves: this one label_3, Slicer Segment_3, ITK-SNAP Label 3.
_NUMBERED = re.compile(r"(?:label|segment)[ _]?\d+", re.IGNORECASE)
_SHOWN = 8


def named_atom(value: int, name: str, origin: str) -> Atom:
    """Return an `Atom` with the code and colour of the organ table."""
    row = organ(name)
    return Atom(value, name, row.snomed_code, row.color, origin)


def is_number(name: str) -> bool:
    """Return whether a label's name is no name but a number.

    Examples
    --------
    >>> is_number("Segment_1"), is_number("vertebra_1")
    (True, False)
    """
    return _NUMBERED.fullmatch(name) is not None


def unnamed_flags(atoms: Sequence[Atom], source: str) -> tuple[Flag, ...]:
    """Return the flag of atoms that have no name but a number; none where all have one.

    Parameters
    ----------
    atoms
        Of a label map.
    source
        Where its names stand; empty: nowhere.
    """
    unnamed = [atom for atom in atoms if is_number(atom.name)]
    if not unnamed:
        return ()
    names = [atom.name.removeprefix("label_") for atom in unnamed]
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    if len(unnamed) == len(atoms) and not source:
        return (flag("unnamed_labels", shown),)
    return (flag("unknown_labels", f"{shown} (names from {source})" if source else shown),)


def groups_of(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the groups of a set of atoms: each atom by itself, and what is made of several.

    body: all atoms but the couch. lung: lobes, or left and right lung, with the vessels inside
    them. heart: its chambers, with the rest of it where there is one. bone: all bones.

    Parameters
    ----------
    names
        Of the atoms.

    Returns
    -------
    dict
        Group to the names of its atoms.
    """
    names = list(names)
    groups: dict[str, tuple[str, ...]] = {
        name: (name,) for name in names if name not in (BODY, BODY_REST)
    }
    has_lung = any(n in names for n in ("lung", "lung_left", "lung_right", *LUNG_LOBES))
    unions = {
        BODY: [n for n in names if n not in OUTSIDE_BODY],
        "lung": [n for n in names if has_lung and (n == "lung" or _is_lung(n))],
        "lung_left": [n for n in names if _is_lung_side(n, "left")],
        "lung_right": [n for n in names if _is_lung_side(n, "right")],
        "bone": [n for n in names if is_bone(n)],
        "heart": [n for n in names if n == "heart" or n in HEART_PARTS],
    }
    groups.update({name: tuple(members) for name, members in unions.items() if members})
    return groups


def _is_lung(name: str) -> bool:
    return name in LUNG_LOBES or name in ("lung_left", "lung_right") or name.startswith(INSIDE_LUNG)


def _is_lung_side(name: str, side: str) -> bool:
    return name.endswith(f"_{side}") and _is_lung(name)
