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
# What lies under, round and on the body, and is none of it.
OUTSIDE_BODY = ("couch", "headrest", "blanket")
# Label maps without a table of their own are named by one of these, if the user says so.
LABEL_TABLES = ("totalsegmentator-v2", "totalsegmentator-v1", "lungmask")
# JoHof/lungmask, README: models R231 and R231CovidWeb.
_LUNGMASK = {1: "lung_right", 2: "lung_left"}
# SNOMED CT codes of laterality (DICOM PS3.16, CID 244).
_SIDES = {"24028007": "right", "7771000": "left"}
_SPOKEN = {
    "body_rest": "Rest of the body",
    "heart_myocardium": "Heart muscle",
    "lung_trachea_bronchia": "Trachea and bronchi",
    "lung_vessels": "Lung vessels",
    "autochthon_left": "Left back muscles",
    "autochthon_right": "Right back muscles",
    "red_marrow": "Active red marrow",
}
_BONES = ("bone", "bone_rest", "spine", "ribs", "sacrum", "skull", "sternum", "mandible")
# Labels of a bone's parts, as the phantoms have them.
_BONE_PARTS = ("_cortex", "_spongiosa", "_medullary")
_BONE_PREFIXES = ("vertebrae_", "rib_", "humerus_", "scapula_", "clavicula_", "femur_", "hip_")

# Of label_1 and so on.
NUMBERED_COLOURS = (
    "#e6332a",
    "#3aa655",
    "#2f7fe0",
    "#f2b01e",
    "#a34fd1",
    "#18b5b5",
    "#f07ab0",
    "#9a6324",
)


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

    The first labels that have a number for a name (label_1) get colours that are far apart.

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
    number = name.removeprefix("label_")
    if number != name and number.isdecimal() and 1 <= int(number) <= len(NUMBERED_COLOURS):
        return Organ(name, "", NUMBERED_COLOURS[int(number) - 1])
    digest = hashlib.sha256(name.encode()).digest()
    return Organ(name, "", "#" + "".join(f"{64 + byte % 160:02x}" for byte in digest[:3]))


def spoken_name(name: str) -> str:
    """Return the name of an organ as people say it.

    Parameters
    ----------
    name
        As in the table, or any other label's.

    Returns
    -------
    str

    Examples
    --------
    >>> spoken_name("lung_upper_lobe_left"), spoken_name("kidney_right"), spoken_name("rib_left_3")
    ('Left lung, upper lobe', 'Right kidney', 'Left rib 3')
    >>> spoken_name("heart_atrium_left"), spoken_name("body_rest"), spoken_name("vertebrae_L5")
    ('Heart, left atrium', 'Rest of the body', 'Vertebra L5')
    >>> spoken_name("left")
    'Left'
    """
    if name in _SPOKEN:
        return _SPOKEN[name]
    words = name.split("_")
    side = next((word for word in words if word in ("left", "right")), "")
    if len(words) == 1:  # a name that is nothing but a side
        side = ""
    if side:
        words.remove(side)
    of = ""
    if words[0] == "heart" and len(words) > 1:  # the side is that of the chamber
        of, words = "heart, ", words[1:]
    elif words[0] == "lung" and len(words) > 1:
        of, words, side = " ".join((side, "lung, ")).strip() + " ", words[1:], ""
    elif words[0] == "vertebrae" and len(words) > 1:
        words[0] = "vertebra"
    text = of + " ".join((side, *words) if side else words)
    return text[:1].upper() + text[1:]


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


def label_table(name: str) -> Mapping[int, str]:
    """Return the names of the values of a well-known kind of label map.

    Parameters
    ----------
    name
        One of `LABEL_TABLES`.

    Returns
    -------
    Mapping
        Label value to name.

    Raises
    ------
    KeyError
        If there is no such table.

    Examples
    --------
    >>> label_table("lungmask")[1]
    'lung_right'
    """
    if name == "lungmask":
        return _LUNGMASK
    return total_names({"totalsegmentator-v2": 2, "totalsegmentator-v1": 1}[name])


def known_name(text: str) -> str:
    """Return the table's name for what a person or a program calls an organ; empty if none.

    Examples
    --------
    >>> known_name("Left kidney")
    'kidney_left'
    """
    written = "_".join(text.replace("-", " ").replace("_", " ").split())
    for side in ("right", "left"):
        if written.lower().startswith(f"{side}_"):
            written = f"{written[len(side) + 1 :]}_{side}"
    by_lower = _names_by_lower_case()
    return by_lower.get(written.lower(), "")


def name_of_code(code: str, side_code: str = "") -> str:
    """Return the one organ that has a SNOMED CT code on a side; empty if none or several have.

    Parameters
    ----------
    code
        SNOMED CT code of the structure.
    side_code
        That of its laterality; empty if none is stated.

    Examples
    --------
    >>> name_of_code("64033007", "7771000")
    'kidney_left'
    """
    side = _SIDES.get(side_code, "")
    rows = [row.name for row in organs().values() if code and row.snomed_code == code]
    if side:
        rows = [name for name in rows if name.endswith(f"_{side}")]
    elif len(rows) > 1:
        rows = [name for name in rows if not name.endswith(("_left", "_right"))]
    return rows[0] if len(rows) == 1 else ""


def name_of(label: str, code: str = "", side_code: str = "") -> str:
    """Return the name of a labelled structure: by its label, else by its code, else as labelled.

    Parameters
    ----------
    label
        As written.
    code, side_code
        SNOMED CT codes of structure and laterality; empty where none is stated.

    Returns
    -------
    str
        The code's name where it is the more exact one: ``kidney_left`` for a label "Kidney".
    """
    by_label, by_code = known_name(label), name_of_code(code, side_code)
    if by_code and (not by_label or by_code.startswith(f"{by_label}_")):
        return by_code
    return by_label or " ".join(label.split())


@lru_cache(maxsize=1)
def _names_by_lower_case() -> Mapping[str, str]:
    return {name.lower(): name for name in organs()}


def is_bone(name: str) -> bool:
    """Return whether `name` is a bone or a part of one; teeth are none.

    Examples
    --------
    >>> is_bone("skull_cortex"), is_bone("kidney_left_cortex"), is_bone("teeth")
    (True, False, False)
    """
    for part in _BONE_PARTS:
        name = name.removesuffix(part)
    return name in _BONES or name.startswith(_BONE_PREFIXES)
