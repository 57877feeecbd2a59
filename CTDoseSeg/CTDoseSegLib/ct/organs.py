"""The project's one table of organ names: SNOMED CT codes, colours, TotalSegmentator's values.

The table is `organs.csv` beside this file. Names and label values are those of TotalSegmentator's
task ``total``, version 2 and version 1 (`totalsegmentator/map_to_binary.py`), which the version 1
names keep where version 2 has none, and the names of the published dose models. Codes are of the
structure, without laterality, from TotalSegmentator's
`resources/totalsegmentator_snomed_mapping.csv` and DICOM's own code dictionary (PS3.16); empty
where neither has one. Colours are this project's.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

LUNG_LOBES = (
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)
_BONES = ("bone", "bone_rest", "spine", "ribs", "sacrum", "skull", "sternum")
_BONE_PREFIXES = ("vertebrae_", "rib_", "humerus_", "scapula_", "clavicula_", "femur_", "hip_")


@dataclass(frozen=True)
class Organ:
    """One row of the table.

    Attributes
    ----------
    name
        As in TotalSegmentator 2.x where it has one.
    snomed_code
        SNOMED CT code of the structure, without laterality; empty where none is known.
    color
        ``#rrggbb``.
    total_2, total_1
        Label value in TotalSegmentator's task ``total`` of version 2 and 1; None if it has none.
    """

    name: str
    snomed_code: str
    color: str
    total_2: int | None = None
    total_1: int | None = None


@lru_cache(maxsize=1)
def organs() -> Mapping[str, Organ]:
    """Return the whole table, by name, in the order of version 2's values."""
    text = files(__package__).joinpath("organs.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["name"]: Organ(
            row["name"],
            row["snomed_code"],
            row["color"],
            total_2=int(row["total_2"]) if row["total_2"] else None,
            total_1=int(row["total_1"]) if row["total_1"] else None,
        )
        for row in rows
    }


def organ(name: str) -> Organ:
    """Return the row of `name`; for other names a row without code, coloured by the name.

    Parameters
    ----------
    name
        Organ or atom.

    Returns
    -------
    Organ
    """
    known = organs().get(name)
    if known is not None:
        return known
    digest = hashlib.sha256(name.encode()).digest()
    return Organ(name, "", "#" + "".join(f"{64 + byte % 160:02x}" for byte in digest[:3]))


def total_names(version: int = 2) -> Mapping[int, str]:
    """Map label value to name of TotalSegmentator's task ``total``.

    Parameters
    ----------
    version
        1 or 2.

    Returns
    -------
    Mapping
        In the order of the values.
    """
    column = {1: "total_1", 2: "total_2"}[version]
    named = {getattr(row, column): row.name for row in organs().values()}
    return {value: named[value] for value in sorted(v for v in named if v is not None)}


def is_bone(name: str) -> bool:
    """Return whether `name` is a bone or a part of one."""
    return name in _BONES or name.startswith(_BONE_PREFIXES)
