"""How surely an organ of a label map is drawn, in a word and in the flags of groups of atoms."""

from __future__ import annotations

from collections.abc import Iterable

from ..flags import Flag, organ_place
from .doubt import BY_THRESHOLDS, LEAST_AGREEMENT, unsure_flag
from .labelmap import Labelmap

CERTAIN, UNCERTAIN = "certain", "uncertain"
_DOUBTED = ("organ_unsure", BY_THRESHOLDS, "organ_doubtful", "not_this_organ")


def flags_of_group(labelmap: Labelmap, organ: str) -> tuple[Flag, ...]:
    """Return the flags of an organ of several atoms that follow from the doubt of these.

    Those of a single atom are with the label map already.
    """
    members = labelmap.groups.get(organ, ())
    if members == (organ,):
        return ()
    places = {organ_place(name) for name in members}
    flags = tuple(
        one.at(organ_place(organ))
        for one in labelmap.flags
        if one.code == BY_THRESHOLDS and one.place in places
    )
    doubt = labelmap.doubt.of(members) if labelmap.doubt else None
    if doubt is not None and doubt.agreement < LEAST_AGREEMENT:
        flags += (unsure_flag(organ, doubt.agreement),)
    return flags


def certainty_of(labelmap: Labelmap, organ: str, flags: Iterable[Flag]) -> str | None:
    """Return how surely an organ is drawn, in a word; None where nothing is known of that.

    An organ is as uncertain as the least certain of its parts.

    Parameters
    ----------
    labelmap
        With the organ.
    organ
        Group of the label map.
    flags
        At the organ.
    """
    members = labelmap.groups.get(organ, ())
    places = {organ_place(name) for name in members}
    of_members = (one for one in labelmap.flags if one.place in places)
    if any(one.code in _DOUBTED for one in (*flags, *of_members)):
        return UNCERTAIN
    known = labelmap.doubt is not None and labelmap.doubt.of(members)
    return CERTAIN if known else None
