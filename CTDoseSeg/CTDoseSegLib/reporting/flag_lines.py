"""Flags as lines of text for the terminal: a notice for each cause, or every flag by its place."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from ..flags import Flag, slice_runs
from ..flags.places import organ_of, slice_of
from ..flags.summary import remedy, shown_first, summarize
from .remedies import WORDS

WIDTH = 100
ALL_FLAGS = "--all-flags"


def notice_lines(flags: Iterable[Flag]) -> Iterator[str]:
    """Yield the notices that are shown unasked, the most serious first, and how many more."""
    notices = summarize(flags)
    shown = shown_first(notices)
    for notice in shown:
        parts = (f"{notice.severity}: {notice.text}", remedy(notice.mends, WORDS))
        yield _filled(" ".join(part for part in parts if part))
    if more := len(notices) - len(shown):
        yield f"{more} more: {ALL_FLAGS}"


def every_flag(flags: Iterable[Flag]) -> Iterator[str]:
    """Yield every flag under its place, those that some slices share in one line."""
    for place, members in itertools.groupby(_merged(flags), key=lambda one: one.place):
        yield f"{place.replace('_', ' ')}:"
        for one in members:
            parts = (f"  {one.severity} {one.code}: {one.message}", remedy(one.mends, WORDS))
            yield _filled(" ".join(part for part in parts if part), "    ")


def _merged(flags: Iterable[Flag]) -> Sequence[Flag]:
    """Return the flags by place, slices last; equal flags of slices as one with their numbers."""
    places: dict[str, list[Flag]] = {}
    slices: dict[Flag, list[int]] = {}
    for one in dict.fromkeys(flags):
        k = slice_of(one.place)
        if k is None:
            places.setdefault(one.place, []).append(one)
        else:
            slices.setdefault(one.at(""), []).append(k)
    whole = [one for place, members in places.items() if organ_of(place) is None for one in members]
    organs = [one for place, members in places.items() if organ_of(place) for one in members]
    of_slices = [one.at(f"slices {slice_runs(numbers)}") for one, numbers in slices.items()]
    return [*whole, *organs, *sorted(of_slices, key=lambda one: one.place)]


def _filled(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent)
