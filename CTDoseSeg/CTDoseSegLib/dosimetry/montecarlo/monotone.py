"""A cubic curve through points that is monotone where they are.

scipy has it as `PchipInterpolator` (Fritsch and Butland 1984), but the import of its interpolation
takes several times as long as all organ doses of a scan.
"""

from __future__ import annotations

import numpy as np


def monotone_cubic(x: np.ndarray, points_x: np.ndarray, points_y: np.ndarray) -> np.ndarray:
    """Return the curve at `x`; it overshoots the points nowhere.

    Parameters
    ----------
    x
        Between the first and the last of `points_x`.
    points_x, points_y
        At least three points, by rising x.

    Returns
    -------
    numpy.ndarray
        Of the shape of `x`.

    Examples
    --------
    >>> monotone_cubic(np.array([0.5, 1.5]), np.arange(4.0), np.array([0.0, 0.0, 1.0, 1.0]))
    array([0. , 0.5])
    """
    step = np.diff(points_x)
    rise = np.diff(points_y) / step
    slope = np.zeros(len(points_x))
    # Inside, a weighted harmonic mean of the rises on both sides; 0 at an extremum.
    same = np.flatnonzero(rise[1:] * rise[:-1] > 0)
    near, far = 2 * step[same + 1] + step[same], step[same + 1] + 2 * step[same]
    slope[same + 1] = (near + far) / (near / rise[same] + far / rise[same + 1])
    slope[0] = _end(step[0], step[1], rise[0], rise[1])
    slope[-1] = _end(step[-1], step[-2], rise[-1], rise[-2])
    at = np.clip(np.searchsorted(points_x, x, side="right") - 1, 0, len(step) - 1)
    s = x - points_x[at]
    bend = (slope[at] + slope[at + 1] - 2 * rise[at]) / step[at]
    square = (rise[at] - slope[at]) / step[at] - bend
    curve: np.ndarray = points_y[at] + s * (slope[at] + s * (square + s * bend / step[at]))
    return curve


def _end(step: float, next_step: float, rise: float, next_rise: float) -> float:
    """Return the slope at an end: of a parabola through three points, as far as it is monotone."""
    slope = ((2 * step + next_step) * rise - step * next_rise) / (step + next_step)
    if slope * rise <= 0:
        return 0.0
    if rise * next_rise < 0 and abs(slope) > 3 * abs(rise):
        return 3 * rise
    return float(slope)
