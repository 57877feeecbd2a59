"""Organs that a network drew by chance: they are not there when the image is varied a little."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ct.organs import OUTSIDE_BODY
from ..flags import flag, organ_place
from .atoms import groups_of
from .labelmap import BODY_REST, SKIN, Labelmap, counts
from .redrawing import FAR_TOO_LOW


def without_chance(labelmap: Labelmap) -> Labelmap:
    """Return a label map without the organs of which less than half is drawn again.

    They become the rest of the body. The body itself, skin and couch stay.

    Parameters
    ----------
    labelmap
        With the doubt that its engine states; one without is returned as it is.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
    >>> from CTDoseSegLib.segmentation.threshold.engine import segment
    >>> series, _ = phantom_series(Phantom(shape=(96, 96, 4), spacing_mm=(4.5, 4.5, 40.0)))
    >>> labelmap = segment(series)
    >>> without_chance(labelmap) is labelmap
    True
    """
    known = labelmap.doubt.atoms if labelmap.doubt else {}
    kept = {BODY_REST, SKIN, *OUTSIDE_BODY}
    gone = [
        atom
        for atom in labelmap.atoms
        if atom.name not in kept and atom.name in known and known[atom.name].agreement < FAR_TOO_LOW
    ]
    if not gone:
        return labelmap
    values = np.arange(int(np.iinfo(labelmap.labels.dtype).max) + 1, dtype=labelmap.labels.dtype)
    rest = next((atom.value for atom in labelmap.atoms if atom.name == BODY_REST), 0)
    values[[atom.value for atom in gone]] = rest
    voxels = counts(labelmap.labels)
    ml = abs(np.linalg.det(labelmap.affine[:3, :3])) / 1000.0
    said = (
        f"{atom.name.replace('_', ' ')} ({voxels[atom.value] * ml:.0f} ml, "
        f"{100 * known[atom.name].agreement:.0f} % drawn again)"
        for atom in gone
    )
    names = {atom.name for atom in gone}
    places = {organ_place(name) for name in names}
    atoms = tuple(atom for atom in labelmap.atoms if atom.name not in names)
    flags = tuple(one for one in labelmap.flags if one.place not in places)
    return replace(
        labelmap,
        labels=values[labelmap.labels],
        atoms=atoms,
        groups=groups_of(atom.name for atom in atoms),
        flags=(*flags, flag("drawn_by_chance", ", ".join(said))),
        doubt=labelmap.doubt.without(names) if labelmap.doubt else None,
    )
