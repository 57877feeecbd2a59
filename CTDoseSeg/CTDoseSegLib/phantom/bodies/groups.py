"""Groups of a body's atoms: what a dose is asked for and what a segmentation would call them."""

from __future__ import annotations

from ...ct.organs import LUNG_LOBES, OUTSIDE_BODY

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
_MUSCLES = ("skeletal_muscle", "iliopsoas_")
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
        Group to the names of its atoms.

    Examples
    --------
    >>> groups_of(("stomach_wall", "stomach_contents", "couch"))["stomach"]
    ('stomach_wall', 'stomach_contents')
    """
    groups: dict[str, tuple[str, ...]] = {}
    bodies = tuple(atom for atom in atoms if atom not in OUTSIDE_BODY)
    if bodies:
        groups["body"] = bodies
    for atom in atoms:
        groups.setdefault(atom, (atom,))
    organs: dict[str, list[str]] = {}
    for atom in atoms:
        organs.setdefault(stem(atom), []).append(atom)
    unions = {**organs, **chest_groups(atoms)}
    for organ in _SIDED:
        sides = (f"{organ}_left", f"{organ}_right")
        unions[organ] = [atom for atom in atoms if stem(atom) in sides]
    unions["salivary_glands"] = [atom for atom in atoms if atom.startswith(_GLANDS)]
    unions["skeletal_muscle"] = [a for a in atoms if a.startswith(_MUSCLES)]
    unions["spine"] = [a for a in atoms if a.startswith("vertebrae_") or stem(a) == "sacrum"]
    unions["ribs"] = [atom for atom in atoms if atom.startswith("rib_")]
    unions["bone"] = [atom for atom in atoms if is_body_bone(atom)]
    groups.update({name: tuple(members) for name, members in unions.items() if members})
    return groups


def chest_groups(atoms: tuple[str, ...]) -> dict[str, list[str]]:
    """Return lungs, with the vessels inside each lobe, airways and heart."""
    vessels = {lobe: lobe.replace("lung_", "lung_vessels_") for lobe in LUNG_LOBES}
    lobes = {lobe: [a for a in atoms if a in (lobe, inside)] for lobe, inside in vessels.items()}
    return {
        **lobes,
        **{
            f"lung_{side}": [a for lobe in LUNG_LOBES if lobe.endswith(side) for a in lobes[lobe]]
            for side in ("left", "right")
        },
        "lung": [atom for lobe in lobes.values() for atom in lobe],
        "lung_vessels": [atom for atom in atoms if atom in vessels.values()],
        "lung_trachea_bronchia": [atom for atom in atoms if atom in ("trachea", "bronchi")],
        "heart": [atom for atom in atoms if atom.startswith("heart_")],
    }
