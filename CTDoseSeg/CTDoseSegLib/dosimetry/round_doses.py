"""Round numbers for doses: where a colour scale ends, and the doses of isodose lines."""

from __future__ import annotations

import math

import numpy as np

# Below ten, so that a scale is never much longer than it need be.
_ENDS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEVELS = (1.0, 2.0, 5.0)
_MOST_VALUES = 200_000
_MOST_LINES = 6


def scale_end_mGy(doses_mGy: np.ndarray, percentile: float) -> float:
    """Return the round number at which a colour scale of doses ends, mGy.

    Parameters
    ----------
    doses_mGy
        Of any shape; what is 0 has no dose. Without any dose the scale ends at 1.
    percentile
        Part of the doses that the scale holds, percent.

    Examples
    --------
    >>> scale_end_mGy(np.array([0.0, 3.0, 6.0, 12.5]), 100.0)
    15.0
    """
    flat = doses_mGy.ravel()
    step = max(1, len(flat) // _MOST_VALUES)
    # With a factor in common it would meet the same few columns of every row.
    while math.gcd(step, doses_mGy.shape[-1]) > 1:
        step += 1
    some = flat[::step]
    some = some[some > 0]
    if not some.size:
        return 1.0
    return _rounded_up(float(np.percentile(some, percentile)))


def _rounded_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    end = next(one for one in _ENDS if one * power >= value * (1.0 - 1e-9))
    return float(f"{end * power:.2g}")


def isodose_levels_mGy(end_mGy: float) -> tuple[float, ...]:
    """Return the doses of isodose lines, ascending, at most eight.

    They are the multiples of a round step up to the end of the scale, for dose is much alike all
    over the scanned range, and two smaller ones for what scatter alone reaches.

    Parameters
    ----------
    end_mGy
        Where the colour scale ends.

    Examples
    --------
    >>> isodose_levels_mGy(10.0)
    (0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    """
    step = next(one for one in _steps(end_mGy) if one >= end_mGy / _MOST_LINES * (1.0 - 1e-9))
    below = [one for one in _steps(end_mGy) if one < step * (1.0 - 1e-9)][-2:]
    lines = int(end_mGy / step * (1.0 + 1e-9))
    return (*below, *(float(f"{n * step:.6g}") for n in range(1, lines + 1)))


def round_step(least: float) -> float:
    """Return the largest of ... 1, 2, 5, 10 ... that is no more than a number.

    Examples
    --------
    >>> round_step(0.37)
    0.2
    """
    return [one for one in _steps(least) if one <= least * (1.0 + 1e-9)][-1]


def _steps(near: float) -> list[float]:
    """Return ... 1, 2, 5, 10 ... from a thousandth of a number to ten times it."""
    power = math.floor(math.log10(near))
    return [
        float(f"{level * 10.0**n:.1g}") for n in range(power - 3, power + 2) for level in _LEVELS
    ]
