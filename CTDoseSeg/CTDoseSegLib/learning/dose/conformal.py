"""Intervals from the errors of bodies left out."""

from __future__ import annotations

import numpy as np

from ...dosimetry.fast.model import AGES

LEAST_GROUP = 15


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


def quantiles_by_age(scores: np.ndarray, child: np.ndarray) -> dict[str, float]:
    """Return the quantile of adults and that of children, by the keys of `AGES`.

    A group of fewer than `LEAST_GROUP` bodies gets that of all.

    Parameters
    ----------
    scores
        Of bodies, [n].
    child
        True for those of children, [n].
    """
    groups = (scores[~child], scores[child])
    return {
        age: conformal_quantile(own if len(own) >= LEAST_GROUP else scores)
        for age, own in zip(AGES, groups, strict=True)
    }


def held_quantiles(scores: np.ndarray, child: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return of every body the quantile of its age by the bodies of other folds, [n]."""
    from sklearn.model_selection import PredefinedSplit

    found = np.empty(len(scores))
    for others, own in PredefinedSplit(fold).split():
        adult, young = quantiles_by_age(scores[others], child[others]).values()
        found[own] = np.where(child[own], young, adult)
    return found
