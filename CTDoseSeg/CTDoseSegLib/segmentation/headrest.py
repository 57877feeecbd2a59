"""What a head lies on is a headrest: engines know one label for couch and headrest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..flags.places import organ_of, organ_place
from .atoms import groups_of, named_atom
from .doubt import Doubt
from .labelmap import COUCH, HEADREST, Labelmap

# A scan shows a head from this much brain on, and more than a head from this much lung on: there
# the couch is in it too, and nothing tells the two apart.
LEAST_BRAIN_ML, MOST_LUNG_ML = 50.0, 20.0


def with_headrest(labelmap: Labelmap, keep: frozenset[str] | set[str] = frozenset()) -> Labelmap:
    """Call what an engine drew as couch a headrest where the scan is of a head.

    Voxels stay as they are: the label has another name. In a scan that shows lungs too it stays
    the couch, for the table is in it as well.

    Parameters
    ----------
    labelmap
        Of an engine.
    keep
        Names that the user gave.

    Returns
    -------
    Labelmap
        The same one if it has no couch, or is of no head.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
    >>> from CTDoseSegLib.segmentation.threshold.engine import segment
    >>> small = {"shape": (96, 96, 8), "spacing_mm": (2.8, 2.8, 20.0)}
    >>> series, _ = phantom_series(Phantom(variant="head", **small))
    >>> [atom.name for atom in with_headrest(segment(series)).atoms]
    ['body_rest', 'skin', 'headrest', 'bone', 'brain']
    """
    names = {atom.name for atom in labelmap.atoms}
    if COUCH not in names or {COUCH, HEADREST} & set(keep) or HEADREST in names:
        return labelmap
    if _ml(labelmap, "brain") < LEAST_BRAIN_ML or _ml(labelmap, "lung") > MOST_LUNG_ML:
        return labelmap
    atoms = tuple(
        named_atom(atom.value, HEADREST, atom.origin) if atom.name == COUCH else atom
        for atom in labelmap.atoms
    )
    groups = {group: members for group, members in labelmap.groups.items() if COUCH not in members}
    flags = tuple(
        one.at(organ_place(HEADREST)) if organ_of(one.place) == COUCH else one
        for one in labelmap.flags
    )
    doubt = labelmap.doubt
    if doubt is not None and COUCH in doubt.atoms:
        doubt = Doubt(
            {HEADREST if name == COUCH else name: one for name, one in doubt.atoms.items()}
        )
    return replace(
        labelmap,
        atoms=atoms,
        groups=groups | groups_of(atom.name for atom in atoms),
        flags=flags,
        doubt=doubt,
    )


def _ml(labelmap: Labelmap, group: str) -> float:
    if group not in labelmap.groups:
        return 0.0
    voxel_ml = abs(float(np.linalg.det(labelmap.affine[:3, :3]))) / 1000.0
    return float(np.count_nonzero(labelmap.mask(group))) * voxel_ml
