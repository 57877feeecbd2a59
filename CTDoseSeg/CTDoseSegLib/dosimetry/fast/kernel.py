"""How what is irradiated in one slice reaches others: exponentials along the body, of either side.

An organ's dose is a weighted sum of CTDIvol as it arrives from below and from above, fading over
several lengths. The weights are positive and depend on no exposure, so that doubling CTDIvol
doubles the dose and two exposures add up exactly. The patient's size is smoothed with the same
exponentials, of both sides alike.
"""

from __future__ import annotations

import numpy as np

from ..beam import EVERYWHERE

# Lengths of the exponentials that doses are made of: primary photons and near scatter, far scatter.
LENGTHS_MM = (8.0, 20.0, 50.0, 100.0)
# Their names, in the order of `arriving`.
SIDES = ("below", "above")
# Parts of a smoothing kernel: (weight, length in mm) of each two-sided exponential.
Kernel = tuple[tuple[float, float], ...]


def arriving(
    z_mm: np.ndarray,
    values: np.ndarray,
    irradiated_mm: tuple[float, float] = EVERYWHERE,
    lengths_mm: tuple[float, ...] = LENGTHS_MM,
) -> np.ndarray:
    """Return what arrives at each slice from below and from above, by length, [2 l, k].

    From below is the integral of values(z - s) exp(-s / length) / length over s > 0, and the same
    from above. It is taken exactly over each slice's cell, whose edges are halfway to its
    neighbours, so that uneven steps need no resampling. The end slices' values go on to the ends of
    the irradiated range; outside the range they are zero. Where the range is not known it is
    everywhere, so that every slice is an interior one.

    Parameters
    ----------
    z_mm
        Positions of the slices along the body, in any order, [k].
    values
        Not negative, [k].
    irradiated_mm
        Low and high end.
    lengths_mm
        Of the exponentials, [l].

    Examples
    --------
    Far inside a long scan all that is irradiated arrives, half of it from either side:

    >>> z = np.arange(0.0, 2000.0, 5.0)
    >>> arriving(z, np.full(400, 6.0), lengths_mm=(20.0,))[:, 200].round(3).tolist()
    [6.0, 6.0]
    """
    order = np.argsort(z_mm, kind="stable")
    z, ordered = np.asarray(z_mm, float)[order], np.asarray(values, float)[order]
    low, high = irradiated_mm
    edges = np.concatenate(([low], np.clip((z[1:] + z[:-1]) / 2, low, high), [high]))
    below = _from_below(z, ordered, edges, lengths_mm)
    above = _from_below(-z[::-1], ordered[::-1], -edges[::-1], lengths_mm)[:, ::-1]
    out = np.empty((2 * len(lengths_mm), len(z)))
    out[:, order] = np.concatenate((below, above))
    return out


def _from_below(
    z: np.ndarray, values: np.ndarray, edges: np.ndarray, lengths_mm: tuple[float, ...]
) -> np.ndarray:
    """Return what arrives from below, [l, k]; `z` rises, `edges` are the cells', [k + 1]."""
    length = np.array(lengths_mm)[:, None]
    low, high = edges[:-1], edges[1:]
    # Cells below the slice's own: sums of exponentials, as logarithms, which no length overflows.
    with np.errstate(divide="ignore"):
        log_cell = np.log(values[:-1]) + np.log(-np.expm1((low - high)[:-1] / length))
    log_sum = np.logaddexp.accumulate(log_cell + high[:-1] / length, axis=1)
    carried = np.zeros((len(length), len(z)))
    carried[:, 1:] = np.exp(log_sum - z[1:] / length)
    nearest = z - np.clip(z, low, high)
    own = np.exp(-np.maximum(nearest, 0.0) / length) - np.exp(-np.maximum(z - low, 0.0) / length)
    return np.asarray(carried + values * own)


def smooth(z_mm: np.ndarray, values: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Smooth `values` along z with the kernel, [k]; NaN stays NaN and touches no other slice."""
    known = np.isfinite(values)
    out = np.full(len(values), np.nan)
    if known.any():
        weights = np.array([weight for weight, _ in kernel]) / 2
        lengths = tuple(length for _, length in kernel)
        sides = arriving(z_mm[known], values[known], lengths_mm=lengths)
        out[known] = np.concatenate((weights, weights)) @ sides
    return out
