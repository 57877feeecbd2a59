"""Exclusive regions of a simulation's voxels, and the organs that gather them.

A label's voxels fall into up to five regions: its inside, the skin over it, a bone's cortex (dose
to marrow is taken from the rest of the bone), contrast agent that was labelled as bone, and the
front of an eye.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...ct.organs import OUTSIDE_BODY
from ...segmentation.labelmap import BODY, SKIN
from .marrow import MarrowSite
from .voxels import Scores

# Bone of this density is cortex; spongiosa has 1.03 to 1.25, in children's skulls up to 1.43.
CORTEX_G_CM3 = 1.4
# A lens has 0.2 ml, which few photons meet: dose to it is that of the front millilitre of the eye.
FRONT_OF_EYE_ML = 1.0
FRONT_SCORE = "anterior_eye"
INSIDE, SKIN_OVER, CORTEX, NOT_BONE, FRONT = range(5)
_PARTS = 5
_SIDES = ("_left", "_right")


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Regions:
    """Regions of voxels.

    Attributes
    ----------
    region
        uint16 [k, j, i]; 0 for what is scored nowhere.
    of
        For each region from 1 on, the position of its label and its part of the label.
    """

    region: np.ndarray
    of: tuple[tuple[int, int], ...]

    def numbers(self, labels: set[int], parts: tuple[int, ...]) -> tuple[int, ...]:
        """Return the regions that are these parts of these labels."""
        found = enumerate(self.of, start=1)
        return tuple(n for n, (label, part) in found if label in labels and part in parts)


def regions_of(
    label: np.ndarray,
    *,
    skin: np.ndarray,
    cortex: np.ndarray,
    not_bone: np.ndarray,
    front_of_eye: np.ndarray,
    scored: np.ndarray,
) -> Regions:
    """Return the regions of voxels.

    Parameters
    ----------
    label
        Position in the list of labels, [k, j, i].
    skin, cortex, not_bone, front_of_eye, scored
        Boolean [k, j, i]: the parts, and where anything is scored.
    """
    part = np.zeros(label.shape, np.uint32)
    part[cortex] = CORTEX
    part[not_bone] = NOT_BONE
    part[skin] = SKIN_OVER
    part[front_of_eye] = FRONT
    key = np.where(scored & (label > 0), label.astype(np.uint32) * _PARTS + part, 0)
    present = np.flatnonzero(np.bincount(key.ravel()))
    present = present[present > 0]
    number = np.zeros(int(present.max(initial=0)) + 1, np.uint16)
    number[present] = np.arange(1, len(present) + 1)
    pairs = tuple((int(value) // _PARTS, int(value) % _PARTS) for value in present)
    return Regions(number[key], pairs)


def front_of_eyes(
    label: np.ndarray, names: Sequence[str], spacing_mm: tuple[float, float, float]
) -> np.ndarray:
    """Return the front millilitre of each eye, its lens included, boolean [k, j, i].

    Parameters
    ----------
    label
        Position in the list of labels, [k, j, i]; j grows to posterior.
    names
        Of the labels. An eye without a side is not divided.
    spacing_mm
        (x, y, z) of a voxel.
    """
    front = np.zeros(label.shape, bool)
    wanted = max(1, round(1000.0 * FRONT_OF_EYE_ML / float(np.prod(spacing_mm))))
    for side in _SIDES:
        k, j, i = np.nonzero(np.isin(label, list(_of_eye(names, side))))
        first = np.argsort(j, kind="stable")[:wanted]
        front[k[first], j[first], i[first]] = True
    return front


def scores_of(
    regions: Regions,
    names: Sequence[str],
    groups: Mapping[str, tuple[str, ...]],
    marrow: Sequence[MarrowSite],
) -> Scores:
    """Return the scores: groups of the label map, skin, and the marrow spaces of bones.

    Parameters
    ----------
    regions
        Of the voxels.
    names
        Of the labels; the first is that of no label.
    groups
        Of the label map; the couch and what is like it is none of the patient's.
    marrow
        Bones with active marrow.
    """
    place = {name: n for n, name in enumerate(names)}
    scores: dict[str, tuple[int, ...]] = {}
    body = {n for name, n in place.items() if n and name not in OUTSIDE_BODY}
    organ = (INSIDE, SKIN_OVER, CORTEX, FRONT)
    everything = (*organ, NOT_BONE)
    scores[BODY] = regions.numbers(body, everything)
    for group, atoms in groups.items():
        if group not in (BODY, SKIN) and not any(atom in OUTSIDE_BODY for atom in atoms):
            labels = {place[atom] for atom in atoms}
            scores[group] = regions.numbers(labels, organ)
    scores[SKIN] = regions.numbers(body, (SKIN_OVER,))
    for side in _SIDES:
        scores[FRONT_SCORE + side] = regions.numbers(_of_eye(names, side), (FRONT,))
    for site in marrow:
        spongy = [atom for atom in site.atoms if not atom.endswith("_cortex")]
        labels = {place[atom] for atom in spongy or site.atoms}
        spaces = regions.numbers(labels, (INSIDE,))
        scores[site.score] = spaces or regions.numbers(labels, (INSIDE, CORTEX))
    kept = {name: members for name, members in scores.items() if members}
    return Scores(tuple(kept), tuple(kept.values()))


def _of_eye(names: Sequence[str], side: str) -> set[int]:
    """Return the labels of an eye and what lies in it."""
    return {n for n, name in enumerate(names) if name.startswith("eye") and name.endswith(side)}
