"""What still holds of a label map after a person edited it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..flags import SCAN, Flag
from ..flags.places import organ_of
from .doubt import BY_THRESHOLDS, Doubt
from .labelmap import BODY, Labelmap

# What an edit does not change: how the label map was made.
OF_ITS_MAKING = (
    *("no_network", "bundled_network", "network_found_nothing", "less_memory"),
    *("slices_not_regular", "labels_scaled", "drawn_by_chance"),
)
# What holds as long as the body is the same.
OF_THE_BODY = ("several_bodies", "tissue_left_out", "outline_by_rules")
# What holds as long as the organ is the same. All else is found anew by the check of anatomy.
OF_AN_ORGAN = ("organ_unsure", BY_THRESHOLDS, "bone_by_thresholds", "organ_corrected")
KEPT = (*OF_ITS_MAKING, *OF_THE_BODY, *OF_AN_ORGAN, "organ_doubtful")


def with_what_holds(
    labelmap: Labelmap, flags: tuple[Flag, ...], doubt: Doubt | None, same: set[str]
) -> Labelmap:
    """Return an edited label map with what is still true of it.

    Parameters
    ----------
    labelmap
        After the edit.
    flags, doubt
        Of the label map before.
    same
        Groups that are as they were.
    """
    kept = tuple(_kept(flags, same))
    atoms = {atom.name for atom in labelmap.atoms}
    return replace(
        labelmap,
        flags=tuple(dict.fromkeys((*labelmap.flags, *kept))),
        doubt=doubt.only(atoms & same) if doubt else None,
    )


def _kept(flags: tuple[Flag, ...], same: set[str]) -> Iterator[Flag]:
    corrected = {one.place for one in flags if one.code == "organ_corrected"}
    for one in flags:
        organ = organ_of(one.place)
        if organ is not None:
            # Much of the organ was taken away, which cannot be seen in what is left of it.
            much = one.code == "organ_doubtful" and one.place in corrected
            holds = organ in same and (much or one.code in OF_AN_ORGAN)
        else:
            of_body = BODY in same and one.code in OF_THE_BODY
            holds = one.place == SCAN and (of_body or one.code in OF_ITS_MAKING)
        if holds:
            yield one
