"""Intervals from the errors of bodies left out."""

from __future__ import annotations

import numpy as np


def conformal_quantile(scores: np.ndarray, coverage: float = 0.9) -> float:
    """Return the score that a new body exceeds with probability at most 1 - `coverage`.

    Split-conformal rank ceil((n + 1) coverage), at most n; the scores are those of bodies left out
    in turn (Vovk 2015, cross-conformal prediction), so that every body serves both ends. A score is
    how far a dose lies outside what is predicted; it may be negative, inside (Romano et al. 2019,
    conformalized quantile regression).

    Examples
    --------
    >>> conformal_quantile(np.arange(1.0, 20.0))
    18.0
    """
    ordered = np.sort(scores)
    rank = min(int(np.ceil((len(ordered) + 1) * coverage)), len(ordered))
    return float(ordered[rank - 1])
