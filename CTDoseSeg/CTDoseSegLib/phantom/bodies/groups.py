"""Groups of a body's atoms: what a dose is asked for and what a segmentation would call them."""

from __future__ import annotations

from collections.abc import Callable

from ...ct.organs import LUNG_LOBES
from ..render import OUTSIDE_BODY

# An organ in parts: its atoms are the organ's name with one of these.
SUFFIXES = (
    "_wall",
    "_contents",
    "_cortex",
    "_spongiosa",
    "_medullary",
    "_glandular",
    "_adipose",
)
_SIDED = ("kidney", "adrenal_gland", "eye", "eye_lens", "breast", "ovary", "testis")
_GLANDS = ("parotid_gland", "submandibular_gland", "sublingual_gland")
_BONES = ("sternum", "sacrum", "skull", "mandible")
_BONE_FAMILIES = (
    *("vertebrae_", "rib_", "humerus_", "radius_", "ulna_", "hand_bones_", "scapula_"),
    *("clavicula_", "hip_left", "hip_right", "femur_", "patella_", "tibia_", "fibula_"),
    "foot_bones_",
)


def stem(atom: str) -> str:
    """Return the organ that an atom is a part of; the atom itself if it is a whole one.

    Examples
    --------
    >>> stem("vertebrae_L1_cortex")
    'vertebrae_L1'
    """
    for suffix in SUFFIXES:
        if atom.endswith(suffix):
            return atom.removesuffix(suffix)
    return atom


def is_body_bone(atom: str) -> bool:
    """Return whether an atom is a bone or a part of one."""
    return stem(atom) in _BONES or atom.startswith(_BONE_FAMILIES)


def groups_of(atoms: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the groups of a body's atoms: group to the names of its atoms.

    Each atom is a group of its own. Groups without an atom are left out.

    Parameters
    ----------
    atoms
        Names of the body's atoms.

    Returns
    -------
    dict
        Group to the names of its atoms, in their order.

    Examples
    --------
    >>> groups_of(("stomach_wall", "stomach_contents", "couch"))["stomach"]
    ('stomach_wall', 'stomach_contents')
    """
    groups: dict[str, tuple[str, ...]] = {}

    def add(name: str, member: Callable[[str], bool]) -> None:
        members = tuple(atom for atom in atoms if member(atom))
        if members:
            groups[name] = members

    add("body", lambda atom: atom not in OUTSIDE_BODY)
    for atom in atoms:
        groups.setdefault(atom, (atom,))
    for organ in dict.fromkeys(stem(atom) for atom in atoms if stem(atom) != atom):
        add(organ, lambda atom, organ=organ: atom == organ or stem(atom) == organ)
    _add_chest(add)
    for organ in _SIDED:
        sides = (f"{organ}_left", f"{organ}_right")
        add(organ, lambda atom, sides=sides: stem(atom) in sides)
    add("salivary_glands", lambda atom: atom.startswith(_GLANDS))
    add("spine", lambda atom: atom.startswith("vertebrae_") or stem(atom) == "sacrum")
    add("ribs", lambda atom: atom.startswith("rib_"))
    add("bone", is_body_bone)
    return groups


def _add_chest(add: Callable[[str, Callable[[str], bool]], None]) -> None:
    """Add lungs, with the vessels inside each lobe, airways and heart."""
    vessels = {lobe: lobe.replace("lung_", "lung_vessels_") for lobe in LUNG_LOBES}
    for lobe in LUNG_LOBES:
        add(lobe, lambda atom, lobe=lobe: atom in (lobe, vessels[lobe]))
    for side in ("left", "right"):
        of_side = [lobe for lobe in LUNG_LOBES if lobe.endswith(side)]
        inside = {*of_side, *(vessels[lobe] for lobe in of_side)}
        add(f"lung_{side}", lambda atom, inside=inside: atom in inside)
    add("lung", lambda atom: atom in vessels or atom in vessels.values())
    add("lung_vessels", lambda atom: atom in vessels.values())
    add("lung_trachea_bronchia", lambda atom: atom in ("trachea", "bronchi"))
    add("heart", lambda atom: atom.startswith("heart_"))
