"""The ranges of the body that a scan covers, as k factors know them, each with its part of the DLP.

Parts of the body come from the organs of the label map by their position along the body
(`measurement.body_parts`). Where no factor is for all that was scanned, the DLP is split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..flags import Flag, flag
from ..measurement.body_parts import UNKNOWN, named_parts

_CHEST, _ABDOMEN, _PELVIS = ("chest",), ("abdomen",), ("pelvis",)
_LOWER, _TRUNK = ("abdomen", "pelvis"), ("chest", "abdomen", "pelvis")
# Those that have factors of their own, from the smallest.
_RANGES = (("head",), ("neck",), _CHEST, _ABDOMEN, _PELVIS, _LOWER, _TRUNK)
_NAMES = {_LOWER: "abdomen and pelvis", _TRUNK: "trunk"}
# A range is the scanned one from this share of the DLP on, where each of its parts has the other:
# a scan of the chest always takes a little of the neck and the abdomen with it, and so do the
# phantoms' scans that its factors are for.
_MOST, _SOME = 0.8, 0.1


def scanned_ranges(
    part_shares: Mapping[str, float], body_part: str | None, *, organs_known: bool
) -> tuple[dict[str, float], list[Flag]]:
    """Return the ranges that factors are for, each with its share of the DLP, and flags.

    Parameters
    ----------
    part_shares
        Share of each part of the body, and of what is not known, in the DLP of the images.
    body_part
        As the scanner states it.
    organs_known
        The label map has organs of all parts of the body: another one would not show more.

    Returns
    -------
    shares, flags
        The shares add up to 1; none where most of the DLP is of no known part, or what is known
        is not what the scanner states; the flag holds the reason.
    """
    named = named_parts(body_part)
    known = {part: share for part, share in part_shares.items() if part != UNKNOWN}
    flags = []
    if sum(known.values()) < _MOST:
        known = _as_named(known, named)
        if not known:
            mends: tuple[str, ...] = () if organs_known else ("body_part", "segmentation")
            nothing = set(part_shares) <= {UNKNOWN}
            detail = "no labelled organ shows it" if nothing else _listed(part_shares)
            return {}, [flag("effective_dose_region", detail, mends=mends)]
        flags.append(flag("effective_dose_body_part", str(body_part)))
    elif named and not set(named) & set(_parts_of(known)):
        detail = f"the images show {_listed(part_shares)}, body part {body_part}"
        return {}, [flag("effective_dose_region", detail, mends=("body_part",))]
    return _split(known), flags


def in_words(ranges: Sequence[str]) -> str:
    """Return names of ranges as one: ``neck, chest and abdomen``."""
    *first, last = ranges
    return f"{', '.join(first)} and {last}" if first else last


def _as_named(known: Mapping[str, float], named: Sequence[str]) -> dict[str, float]:
    """Return the shares where organs show too little: what is not known is what is named."""
    beside = sum(share for part, share in known.items() if part not in named)
    if not named or beside > 1 - _MOST:
        return {}
    missing = [part for part in named if part not in known]
    if len(missing) == 1 and len(named) > 1:
        return {**known, missing[0]: 1 - sum(known.values())}
    return dict.fromkeys(named, 1 / len(named)) if tuple(named) in _RANGES else {}


def _split(known: Mapping[str, float]) -> dict[str, float]:
    total = sum(known.values())
    shares = {part: share / total for part, share in known.items()}
    if whole := _one_range(shares):
        return {whole: 1.0}
    trunk = {part: share for part, share in shares.items() if part in _TRUNK}
    of_trunk = sum(trunk.values())
    split = {part: share for part, share in shares.items() if part not in _TRUNK}
    if of_trunk and (name := _one_range({p: s / of_trunk for p, s in trunk.items()})):
        return {**split, name: of_trunk}
    return {**split, **trunk}


def _one_range(shares: Mapping[str, float]) -> str | None:
    """Return the smallest range that holds most of the DLP."""
    for parts in _RANGES:
        inside = [shares.get(part, 0.0) for part in parts]
        if sum(inside) >= _MOST and min(inside) >= _SOME:
            return _NAMES.get(parts, parts[0])
    return None


def _parts_of(known: Mapping[str, float]) -> list[str]:
    """Return the parts that are more than the ends of a neighbour's scan."""
    return [part for part, share in known.items() if share >= _SOME]


def _listed(part_shares: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {share:.0%}" for part, share in part_shares.items())
