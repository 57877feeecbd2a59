"""A label map holds exclusive atoms; an organ is a named group of atoms.

Every voxel belongs to at most one atom (value 0: outside everything). `body` is the group of all
atoms but couch, headrest and blanket; `lung` the group of its lobes and the vessels inside them.
Counts and sums of atoms add up exactly, so that one pass over a volume serves every group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GeometryError, SegmentationError
from ..flags import Flag
from .doubt import Doubt

if TYPE_CHECKING:
    from .doubt_map import DoubtMap

COUCH = "couch"
HEADREST = "headrest"
BODY = "body"
BODY_REST = "body_rest"
SKIN = "skin"


@dataclass(frozen=True)
class Atom:
    """One label value.

    Attributes
    ----------
    value
        Voxel value, 1 or more.
    name
        TotalSegmentator 2.x's name where there is one.
    snomed_code
        SNOMED CT code of the structure, empty where none is known.
    color
        Colour in pictures, ``#rrggbb``.
    origin
        Which engine or file drew it.
    """

    value: int
    name: str
    snomed_code: str
    color: str
    origin: str


@dataclass(frozen=True)
class Labelmap:
    """Exclusive labels on the grid of a CT.

    Attributes
    ----------
    labels
        uint8 or uint16, [k, j, i], same grid as the CT's `hu`; 0 is outside everything.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    atoms
        What the values mean; every value present in `labels` has one.
    groups
        Organ name to the names of its atoms; every atom but the couch is in ``body``.
    engine
        The engine that made it, for provenance.
    flags
        What the user should know about it.
    about
        For provenance: engine to what it ran (versions, tasks, hashes of weights); no identity.
    doubt
        What the engine knows of its own doubt, organ by organ, where it knows any: a network does,
        thresholds and users do not.
    doubt_map
        The same voxel by voxel.
    """

    labels: np.ndarray
    affine: np.ndarray
    atoms: tuple[Atom, ...]
    groups: Mapping[str, tuple[str, ...]]
    engine: str
    flags: tuple[Flag, ...] = field(default=())
    about: Mapping[str, Any] = field(default_factory=dict)
    doubt: Doubt | None = None
    doubt_map: DoubtMap | None = None

    def __post_init__(self) -> None:
        if self.labels.ndim != 3 or self.labels.dtype not in (np.uint8, np.uint16):
            raise SegmentationError(
                f"The label map is a {self.labels.ndim}-dimensional {self.labels.dtype} array; "
                "give a three-dimensional one of unsigned 8- or 16-bit integers."
            )
        if self.affine.shape != (4, 4):
            raise GeometryError("The label map's affine is not a 4 x 4 matrix.")
        names = {atom.name for atom in self.atoms}
        if len(names) != len(self.atoms) or len({a.value for a in self.atoms}) != len(self.atoms):
            raise SegmentationError("Two labels share a value or a name; each must be unique.")
        for group, members in self.groups.items():
            if missing := set(members) - names:
                raise SegmentationError(f"Group {group} names unknown labels: {sorted(missing)}.")

    def value_of(self, name: str) -> int:
        """Return the voxel value of the atom `name`; KeyError if there is none."""
        for atom in self.atoms:
            if atom.name == name:
                return atom.value
        raise KeyError(name)

    def values(self, group: str) -> tuple[int, ...]:
        """Return the voxel values of the atoms of `group`; KeyError if there is none."""
        return tuple(self.value_of(name) for name in self.groups[group])

    def mask(self, group: str) -> np.ndarray:
        """Return the boolean mask of `group`, [k, j, i]; KeyError if there is none."""
        lookup = np.zeros(int(np.iinfo(self.labels.dtype).max) + 1, dtype=bool)
        lookup[list(self.values(group))] = True
        return lookup[self.labels]


def engine_in_words(engine: str) -> str:
    """Return what drew a label map, as it is shown; results keep ``given`` for the user's own.

    Examples
    --------
    >>> engine_in_words("given + classical")
    'user segmentation + classical'
    """
    return " + ".join(
        part.replace("given", "user segmentation", 1) if part.startswith("given") else part
        for part in engine.split(" + ")
    )


def counts(labels: np.ndarray) -> np.ndarray:
    """Return the number of voxels of each value, [value] int64."""
    total = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int64)
    for image in labels:  # slice by slice, as bincount takes 8 bytes a voxel
        total += np.bincount(image.ravel(), minlength=total.size)
    return total
