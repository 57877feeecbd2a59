"""Round numbers for doses: where a colour scale ends, and the doses of isodose lines."""

from __future__ import annotations

import math

import numpy as np

# Below ten, so that a scale is never much longer than it need be.
_ENDS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEVELS = (1.0, 2.0, 5.0)
_MOST_VALUES = 200_000


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
    some = flat[:: max(1, len(flat) // _MOST_VALUES)]
    some = some[some > 0]
    if not some.size:
        return 1.0
    return _rounded_up(float(np.percentile(some, percentile)))


def _rounded_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    end = next(one for one in _ENDS if one * power >= value * (1.0 - 1e-9))
    return float(f"{end * power:.2g}")


def isodose_levels_mGy(end_mGy: float, most: int = 6) -> tuple[float, ...]:
    """Return the doses of isodose lines, ascending: 1, 2, 5, 10... up to the end of the scale.

    Parameters
    ----------
    end_mGy
        Where the colour scale ends.
    most
        How many at most: the highest ones.

    Examples
    --------
    >>> isodose_levels_mGy(15.0, 4)
    (1.0, 2.0, 5.0, 10.0)
    """
    highest = math.ceil(math.log10(end_mGy))
    steps = [
        float(f"{level * 10.0**power:.1g}")
        for power in range(highest - most, highest + 1)
        for level in _LEVELS
    ]
    return tuple(step for step in steps if step <= end_mGy * (1.0 + 1e-9))[-most:]
