"""Convolution along the body as a dense matrix, to hold `kernel.arriving` against."""

from __future__ import annotations

import numpy as np

from CTDoseSegLib.dosimetry.beam import EVERYWHERE
from CTDoseSegLib.dosimetry.fast.kernel import LENGTHS_MM


def dense(z_mm, weights, irradiated_mm=EVERYWHERE, lengths_mm=LENGTHS_MM):
    """What 1 mGy in the cell of slice j gives at slice i, [k, k].

    `weights`, [2 l], are of exponentials from below, then from above, each integrated over the
    cells, whose edges are halfway between the slices.
    """
    order = np.argsort(z_mm, kind="stable")
    z = np.asarray(z_mm, float)[order]
    low, high = irradiated_mm
    edges = np.concatenate(([low], np.clip((z[1:] + z[:-1]) / 2, low, high), [high]))
    away = edges - z[:, None]
    below = np.minimum(away, 0.0)
    above = np.maximum(away, 0.0)
    cumulative = np.zeros(away.shape)
    for length, of_below, of_above in zip(
        lengths_mm, *np.split(np.asarray(weights), 2), strict=True
    ):
        cumulative += of_below * np.exp(below / length) - of_above * np.expm1(-above / length)
    matrix = np.empty((len(z), len(z)))
    matrix[np.ix_(order, order)] = np.diff(cumulative, axis=1)
    return matrix


def two_sided(z_mm, kernel, irradiated_mm=EVERYWHERE):
    """The same for (weight, length) parts that reach as far down as up, [k, k]."""
    half = [weight / 2 for weight, _ in kernel]
    return dense(z_mm, half + half, irradiated_mm, tuple(length for _, length in kernel))
