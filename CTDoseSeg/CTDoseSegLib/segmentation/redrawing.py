"""Organs that a network is too unsure of are drawn by thresholds, where these can draw them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ct.organs import OUTSIDE_BODY
from ..flags import Flag, flag, organ_place
from .atoms import groups_of
from .combining import combine
from .doubt import BY_THRESHOLDS
from .labelmap import BODY, BODY_REST, SKIN, Labelmap, counts

# Below it less than half of an organ is drawn again when the image is varied.
FAR_TOO_LOW = 0.5
ORGANS = ("lung_left", "lung_right", "trachea", "bone")


def to_redraw(labelmap: Labelmap) -> tuple[str, ...]:
    """Return the atoms that thresholds can draw and of which the network is far too unsure.

    ``body_rest`` among them stands for the body with skin and couch.
    """
    known = labelmap.doubt.atoms if labelmap.doubt else {}
    drawn = {atom.name for atom in labelmap.atoms} & set(known)
    names = (BODY_REST, *ORGANS)
    return tuple(n for n in names if n in drawn and known[n].agreement < FAR_TOO_LOW)


def redrawn(labelmap: Labelmap, rules: Labelmap, names: tuple[str, ...]) -> Labelmap:
    """Return a network's label map with some organs as thresholds draw them.

    An organ of which thresholds find nothing stays as it is, and so does its flag. What the network
    calls an organ that is not drawn anew stays that organ.

    Parameters
    ----------
    labelmap
        Of the network.
    rules
        Of thresholds, on the same grid.
    names
        As `to_redraw` returns them.
    """
    found = tuple(name for name in names if any(a.name == name for a in rules.atoms))
    if not found:
        return labelmap
    made = _on_the_body(labelmap, rules, found) if BODY_REST in found else labelmap
    organs = tuple(name for name in found if name != BODY_REST)
    made = _with_organs(made, rules, organs)
    places = {organ_place(name) for name in found}
    flags = tuple(f for f in made.flags if f.code != "organ_unsure" or f.place not in places)
    return replace(
        made,
        flags=(*flags, *(_flag(labelmap, name) for name in found)),
        doubt=made.doubt.without(found) if made.doubt else None,
        engine=f"{labelmap.engine} + {rules.engine}",
    )


def _flag(labelmap: Labelmap, name: str) -> Flag:
    agreement = labelmap.doubt.atoms[name].agreement if labelmap.doubt else 0.0
    detail = f"{100 * agreement:.0f} % of what the network drew is drawn again when varied"
    return flag(BY_THRESHOLDS, detail).at(organ_place(BODY if name == BODY_REST else name))


def _on_the_body(labelmap: Labelmap, rules: Labelmap, names: tuple[str, ...]) -> Labelmap:
    """Put the network's other organs on the body of thresholds."""
    gone = {BODY_REST, SKIN, *OUTSIDE_BODY, *names}
    atoms = tuple(atom for atom in labelmap.atoms if atom.name not in gone)
    if not atoms:
        return replace(rules, flags=tuple(dict.fromkeys((*labelmap.flags, *rules.flags))))
    kept = np.zeros(int(np.iinfo(labelmap.labels.dtype).max) + 1, labelmap.labels.dtype)
    for atom in atoms:
        kept[atom.value] = atom.value
    above = replace(
        labelmap,
        labels=kept[labelmap.labels],
        atoms=atoms,
        groups=groups_of(a.name for a in atoms),
    )
    return combine(rules, above)


def _with_organs(labelmap: Labelmap, rules: Labelmap, names: tuple[str, ...]) -> Labelmap:
    """Draw organs of thresholds into the rest of a body, in place of the network's."""
    values = {atom.name: atom.value for atom in labelmap.atoms}
    names = tuple(name for name in names if name in values)
    rest = values[BODY_REST]
    own = np.zeros(int(np.iinfo(labelmap.labels.dtype).max) + 1, bool)
    own[[values[name] for name in names]] = True
    labels = labelmap.labels.copy()
    for image, drawn in zip(labels, rules.labels, strict=True):
        image[own[image]] = rest
        free = image == rest
        for name in names:
            image[free & (drawn == rules.value_of(name))] = values[name]
    present = set(np.flatnonzero(counts(labels)).tolist())
    atoms = tuple(
        replace(atom, origin=rules.engine) if atom.name in names else atom
        for atom in labelmap.atoms
        if atom.value in present
    )
    return replace(
        labelmap, labels=labels, atoms=atoms, groups=groups_of(atom.name for atom in atoms)
    )
