"""Slices whose tube current or CTDIvol is another than the slices around them lead to expect."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

# How far a value leaves those of its two nearest slices, as a part of the series' median ...
LEAST_PART = 0.1
# ... and in steps between slices, of which the largest elsewhere counts. Modulation moves over
# centimetres: in scans of Siemens, Philips and GE no tube current or CTDIvol leaves its neighbours
# by more than 0.05 of the median, nor by more than 0.8 of the largest step elsewhere.
LEAST_STEPS = 3.0
# Where more slices than this stand out, values that go up and down are how the series is.
MOST_OUTLIERS = 0.1
_FEWEST_STEPS = 3
# Two columns that a scanner wrote rise together; mAs is rounded to whole numbers.
_ALIKE = 0.1

Column = Sequence[float | None]


def outlying_slices(values: Column, witnesses: Sequence[Column] = ()) -> list[int]:
    """Return the slices whose value leaves those of both neighbours by far.

    Parameters
    ----------
    values
        One for each slice, in their order; None where it is not known.
    witnesses
        Other values of the same slices that rise and fall with these: CTDIvol or mAs beside tube
        current. Where one of them leaves its neighbours alike, the exposure really was another.

    Returns
    -------
    list of int
        Indices, ascending; empty where the series is too short or too rough to tell.

    Examples
    --------
    >>> outlying_slices([200, 200, 200, 300, 200, 200])
    [3]
    >>> outlying_slices([150, 180, 220, 240, 220, 180])
    []
    """
    known = [value for value in values if value is not None]
    if len(known) <= _FEWEST_STEPS:
        return []
    median = float(np.median(known))
    leaving = {k: _leaves_by(values, k) for k in range(len(values))}
    candidates = {k for k, by in leaving.items() if by > LEAST_PART * median}
    steps = [
        abs(one - other)
        for k, (one, other) in enumerate(pairwise(values))
        if one is not None and other is not None and not {k, k + 1} & candidates
    ]
    if len(steps) < _FEWEST_STEPS or len(candidates) > max(1, MOST_OUTLIERS * len(values)):
        return []
    return [
        k
        for k in sorted(candidates)
        if leaving[k] > LEAST_STEPS * max(steps) and not _seen_by(witnesses, values, k)
    ]


def mean_changes_by(values: Column, outlying: Sequence[int]) -> float:
    """Return by what part the mean of `values` is another with the outlying slices than without."""
    known = {k: value for k, value in enumerate(values) if value is not None}
    others = [value for k, value in known.items() if k not in outlying]
    return float(np.mean(list(known.values())) / np.mean(others) - 1)


def two_beside(values: Column, k: int) -> list[float]:
    """Return the values of the two nearest slices; none where one of them is not known.

    The first and the last slice have theirs on one side.
    """
    start = min(max(k - 1, 0), max(len(values) - 3, 0))
    beside = [v for n, v in enumerate(values[start : start + 3], start) if n != k]
    known = [value for value in beside if value is not None]
    return known if len(known) == 2 else []


def _leaves_by(values: Column, k: int) -> float:
    """Return how far a value lies outside those of its two nearest slices; 0 between them."""
    value, beside = values[k], two_beside(values, k)
    if value is None or not beside:
        return 0.0
    return max(value - max(beside), min(beside) - value, 0.0)


def _seen_by(witnesses: Sequence[Column], values: Column, k: int) -> bool:
    """Return whether another column is as many times its neighbours in this slice."""
    return any(
        (seen := _times_its_neighbours(other, k)) is not None
        and (own := _times_its_neighbours(values, k)) is not None
        and abs(seen / own - 1) < _ALIKE
        for other in witnesses
    )


def _times_its_neighbours(values: Column, k: int) -> float | None:
    value, beside = values[k], two_beside(values, k)
    return value / float(np.mean(beside)) if value and beside else None
