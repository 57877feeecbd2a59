"""One label map on another: the organs of the upper one on the body and organs of the lower."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ct.geometry import Grid
from ..ct.organs import LUNG_LOBES, OUTSIDE_BODY
from ..errors import GeometryError, SegmentationError
from ..flags import Flag, flag
from ..flags.places import organ_of
from .atoms import groups_of, is_number, named_atom
from .doubt import Doubt
from .doubt_map import DoubtMap
from .labelmap import BODY, BODY_REST, SKIN, Atom, Labelmap, counts
from .on_grid import grid_in_words

# This part of an organ may be covered by labels without a name before what is left is no organ
# any more: a lesion drawn into it is smaller.
COVERED = 0.1


def combine(beneath: Labelmap, above: Labelmap) -> Labelmap:
    """Put the organs of one label map on the body, skin, couch and organs of another.

    Of the lower one remain body_rest, skin, couch, headrest and blanket, and those organs that the
    upper one has nothing of: what the upper one draws smaller becomes body_rest, and so do organs
    of which labels without a name cover more than 10 %. Atoms keep their origin, those of the upper
    one their value.

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
            f"{grid_in_words(beneath.labels, beneath.affine)}, and "
            f"{grid_in_words(above.labels, above.affine)}; make both for the same series."
        )
    names = {a.name for a in above.atoms}
    if BODY_REST in names:
        return above
    # An organ that the upper one draws is not what the lower one had of it.
    covered = {n for n in _covered_by_unnamed(beneath, above) if not _replaced(n, names)}
    spare = max(a.value for a in above.atoms) + 1
    lookup = np.zeros(max(a.value for a in beneath.atoms) + 1, dtype=np.uint16)
    kept: dict[str, Atom] = {a.name: a for a in above.atoms}
    rest = next((a for a in beneath.atoms if a.name == BODY_REST), None)
    for atom in beneath.atoms:
        gone = atom.name in covered or _replaced(atom.name, names)
        name = BODY_REST if gone else atom.name
        if name not in kept:
            row = atom if name == atom.name else rest or named_atom(0, name, atom.origin)
            kept[name] = replace(row, value=spare)
            spare += 1
        lookup[atom.value] = kept[name].value
    labels = _narrowest(lookup, spare - 1)[beneath.labels]
    organ = above.labels > 0
    beside = [a.value for a in above.atoms if a.name in OUTSIDE_BODY]
    inner = organ & ~np.isin(above.labels, beside) if beside else organ
    air = int((inner & ~beneath.mask(BODY)).sum())
    np.copyto(labels, above.labels.astype(labels.dtype, copy=False), where=organ)
    present = set(np.flatnonzero(counts(labels)).tolist())
    atoms = tuple(a for a in kept.values() if a.value in present)
    flags = above.flags + _left_of(beneath, names)
    if air > 0.02 * inner.sum():
        flags += (flag("labels_in_air", f"{100 * air / inner.sum():.0f} % of the voxels"),)
    if covered:
        flags += (flag("covered_by_unnamed", ", ".join(sorted(covered))),)
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
        doubt=_doubt_of_both(beneath, above, {a.name for a in atoms}),
        doubt_map=_doubt_map(beneath, above),
    )


def _left_of(beneath: Labelmap, above: set[str]) -> tuple[Flag, ...]:
    """Return the flags of the lower label map, without those of organs that the upper one draws."""

    def stays(organ: str | None) -> bool:
        members = beneath.groups.get(organ, ()) if organ else ()
        return organ is None or any(not _replaced(name, above) for name in members)

    return tuple(one for one in beneath.flags if stays(organ_of(one.place)))


def _doubt_of_both(beneath: Labelmap, above: Labelmap, present: set[str]) -> Doubt | None:
    """Return what is known of each atom from the engine that drew it."""
    if beneath.doubt is None and above.doubt is None:
        return None
    own = {a.name for a in above.atoms}
    lower = (beneath.doubt or Doubt()).only(present - own)
    upper = (above.doubt or Doubt()).only(own)
    return Doubt({**lower.atoms, **upper.atoms})


def _doubt_map(beneath: Labelmap, above: Labelmap) -> DoubtMap | None:
    """Return the upper one's doubt, else the lower one's where the upper one draws nothing."""
    if above.doubt_map is not None or beneath.doubt_map is None:
        return above.doubt_map
    doubt = beneath.doubt_map.copy()
    for k, labels in enumerate(above.labels):
        doubt.forget(k, labels > 0, len(above.labels))
    return doubt


def _covered_by_unnamed(beneath: Labelmap, above: Labelmap) -> set[str]:
    """Return the atoms of organs of which labels without a name cover more than `COVERED`.

    What is left of such an organ is no organ, and what covers it has no name to be added under.
    """
    unnamed = [atom.value for atom in above.atoms if is_number(atom.name)]
    if not unnamed:
        return set()
    lookup = np.zeros(int(np.iinfo(above.labels.dtype).max) + 1, bool)
    lookup[unnamed] = True
    values = {atom.name: atom.value for atom in beneath.atoms}
    top = max(values.values()) + 1
    every = np.bincount(beneath.labels.ravel(), minlength=top)
    lost = np.bincount(beneath.labels[lookup[above.labels]], minlength=top)
    covered: set[str] = set()
    for group, members in beneath.groups.items():
        columns = [values[name] for name in members]
        if (
            group not in (BODY, SKIN, *OUTSIDE_BODY)
            and lost[columns].sum() > COVERED * every[columns].sum()
        ):
            covered |= set(members)
    return covered - {BODY_REST, SKIN, *OUTSIDE_BODY}


def _replaced(name: str, above: set[str]) -> bool:
    """Return whether the names of the upper label map replace the lower one's atom `name`."""
    groups = groups_of(above)
    if name in above:
        return name not in (BODY_REST, *OUTSIDE_BODY)
    if name == "lung":
        return "lung" in groups
    if name in LUNG_LOBES or name in ("lung_left", "lung_right"):
        side = "lung_left" if name.endswith("_left") else "lung_right"
        return "lung" in above or side in groups
    if name == "trachea":
        return not above.isdisjoint(("trachea", "lung_trachea_bronchia", "lung_airways"))
    return name == "bone" and "bone" in groups


def _narrowest(lookup: np.ndarray, largest: int) -> np.ndarray:
    if largest > 65535:
        raise SegmentationError(f"The label map needs the value {largest}; at most 65535 is kept.")
    return lookup.astype(np.uint8 if largest < 256 else np.uint16)
