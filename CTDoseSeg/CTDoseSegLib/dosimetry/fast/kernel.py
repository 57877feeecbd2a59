"""Convolution along the body with a positive, symmetric kernel, on slices of any spacing.

CTDIvol is convolved with the kernel K, so that doubling the exposure doubles the dose and
two exposures add up exactly; kernels of the same form smooth the patient's size.
"""

from __future__ import annotations

import numpy as np

from ..beam import EVERYWHERE

# Parts of a kernel: (weight, length in mm) of each two-sided exponential.
Kernel = tuple[tuple[float, float], ...]


def convolution_matrix(
    z_mm: np.ndarray, kernel: Kernel, irradiated_mm: tuple[float, float] = EVERYWHERE
) -> np.ndarray:
    """Return the kernel K as a matrix, [k, k]: what the current of slice j gives at slice i.

    The kernel is a sum of two-sided exponentials, weight exp(-|z|/length) / (2 length), the
    weights adding up to 1. It is integrated exactly over each slice's cell, whose edges are
    halfway to its neighbours, so that uneven steps need no resampling. The end slices' current
    goes on to the ends of the irradiated range; outside the range it is zero. Where the range is
    not known it is everywhere, so that every slice is an interior one.
    """
    order = np.argsort(z_mm, kind="stable")
    z = np.asarray(z_mm, dtype=float)[order]
    low, high = irradiated_mm
    edges = np.concatenate(([low], np.clip((z[1:] + z[:-1]) / 2, low, high), [high]))
    cumulative = _cumulative(edges - z[:, None], kernel)
    matrix = np.empty((len(z), len(z)))
    matrix[np.ix_(order, order)] = np.diff(cumulative, axis=1)
    return matrix


def convolve_at(
    places_mm: np.ndarray,
    z_mm: np.ndarray,
    current: np.ndarray,
    kernel: Kernel,
    irradiated_mm: tuple[float, float] = EVERYWHERE,
) -> np.ndarray:
    """Return what `convolution_matrix` does times the current, at places anywhere, [n]."""
    order = np.argsort(z_mm, kind="stable")
    z = np.asarray(z_mm, dtype=float)[order]
    low, high = irradiated_mm
    edges = np.concatenate(([low], np.clip((z[1:] + z[:-1]) / 2, low, high), [high]))
    cumulative = _cumulative(edges - np.asarray(places_mm, float)[:, None], kernel)
    given: np.ndarray = np.diff(cumulative, axis=1) @ np.asarray(current, float)[order]
    return given


class Convolver:
    """Convolve many currents over many ranges: the exponentials are taken once.

    The sum over cells of current times difference of F, F being the kernel's cumulative, is the
    sum over the edges between cells of F times the step of the current there: edges inside the
    range need F once for all ranges, and only the range's own ends are new.
    """

    def __init__(self, z_mm: np.ndarray, kernel: Kernel) -> None:
        self._order = np.argsort(z_mm, kind="stable")
        self._z = np.asarray(z_mm, dtype=float)[self._order]
        self._kernel = kernel
        self._edges = (self._z[1:] + self._z[:-1]) / 2
        self._between = _cumulative(self._edges - self._z[:, None], kernel)

    def __call__(
        self, current: np.ndarray, irradiated_mm: tuple[float, float] = EVERYWHERE
    ) -> np.ndarray:
        """Return ``convolution_matrix(z_mm, kernel, irradiated_mm) @ current``, [k]."""
        ordered = np.asarray(current, dtype=float)[self._order]
        low, high = irradiated_mm
        first, last = np.searchsorted(self._edges, (low, high), side="left")
        first, last = int(first), int(max(first, last))
        inside = slice(first, last)
        at_ends = _cumulative(np.array([[low, high]]) - self._z[:, None], self._kernel)
        total = self._between[:, inside] @ (ordered[:-1] - ordered[1:])[inside]
        total += at_ends @ np.array([-ordered[first], ordered[last]])
        out = np.empty(len(total))
        out[self._order] = total
        return out


def _cumulative(x_mm: np.ndarray, kernel: Kernel) -> np.ndarray:
    away = np.abs(x_mm)
    tail = 0.5 * sum(weight * np.exp(-away / length) for weight, length in kernel)
    cumulative: np.ndarray = np.where(x_mm < 0, tail, 1.0 - tail)
    return cumulative


def smooth(z_mm: np.ndarray, values: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Smooth `values` along z with the kernel, [k]; NaN stays NaN and touches no other slice."""
    known = np.isfinite(values)
    out = np.full(len(values), np.nan)
    if known.any():
        out[known] = Convolver(z_mm[known], kernel)(values[known])
    return out
