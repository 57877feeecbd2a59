"""Fit the law to the table of simulated bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear, nnls

from ...dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from ...dosimetry.fast.kernel import Kernel
from ...dosimetry.fast.model import TERMS, WED_ORIGIN_MM, WED_SCALE_MM, Span, design
from .rows import LENGTHS_MM, Kernels, Row, mean_design, own_range
from .table import LearnedBody

# A response, as a part of its sum, is known to so much and to a part of itself.
_LEAST_RESPONSE, _RESPONSE_ERROR = 5e-4, 0.05
# In ln(dose): from here on a body counts less (Huber).
_HUBER = 0.08
_ROUNDS = 6
# Draws the terms toward 0, where few bodies tell them: a body's worth each, 0.3 in ln(dose).
_RIDGE = 0.15
_BEAM_RIDGE = 0.05


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class OrganFit:
    """The law of an organ.

    Attributes
    ----------
    coefficients
        Of `TERMS`, [t].
    beam, beam_by_wed
        Of `beam_terms.TERMS`, [b].
    cap_mm
        Span of the smoothed sizes.
    """

    coefficients: np.ndarray
    beam: np.ndarray
    beam_by_wed: np.ndarray
    cap_mm: Span

    def log_factor(self, row: Row) -> np.ndarray:
        """Return f of every slab with the reference beam, [n]."""
        return np.asarray(design(row.sizes_mm, self.cap_mm) @ self.coefficients)


def fit_kernels(rows: Sequence[Row]) -> Kernels:
    """Return the kernels whose shape the responses of organs have, non-negative least squares."""
    left, right = [], []
    for row in rows:
        response = row.response / row.response.sum()
        edges = np.append(row.path_mm - 5.0, row.path_mm[-1] + 5.0)
        columns = []
        for part in (row.share * (1.0 - row.large), row.share * row.large):
            for length in LENGTHS_MM:
                away = _cumulative(edges[None] - row.z_mm[:, None], length)
                columns.append(part @ np.diff(away, axis=1))
        weight = 1.0 / (_LEAST_RESPONSE + _RESPONSE_ERROR * response)
        left.append(np.column_stack(columns) * weight[:, None])
        right.append(response * weight)
    weights, _ = nnls(np.concatenate(left), np.concatenate(right))
    narrow, wide = weights.reshape(2, -1)
    # Bodies of one size alone tell one kernel.
    one = narrow + wide
    return (
        _kernel(narrow if narrow.any() else one),
        _kernel(wide if wide.any() else one),
    )


def _kernel(weights: np.ndarray) -> Kernel:
    used = [n for n, weight in enumerate(weights) if weight > 1e-3 * weights.sum()]
    share = [round(float(weights[n] / weights[used].sum()), 4) for n in used]
    share[0] = round(1.0 - sum(share[1:]), 4)
    return tuple(zip(share, (LENGTHS_MM[n] for n in used), strict=True))


def _cumulative(x_mm: np.ndarray, length_mm: float) -> np.ndarray:
    tail = 0.5 * np.exp(-np.abs(x_mm) / length_mm)
    return np.where(x_mm < 0, tail, 1.0 - tail)


def fit_organ(
    bodies: Sequence[LearnedBody], rows: Sequence[Row], kernels: Kernels, tissue: np.ndarray
) -> OrganFit:
    """Fit an organ's law to its rows.

    Parameters
    ----------
    bodies
        Of the table.
    rows
        Of the organ.
    kernels
        K of small and of large bodies.
    tissue
        Of ln(dose to the organ's tissue without contrast agent / dose to soft tissue), the first
        for the reference beam, [1 + b].
    """
    sizes = np.concatenate([row.sizes_mm[row.share > 0] for row in rows])
    cap = Span(*(float(v) for v in np.percentile(sizes, (1, 99))))
    ranges = [own_range(row) for row in rows]
    target = np.array([np.log(row.dose(part)) for row, part in zip(rows, ranges, strict=True)])
    reached = [row.reached(kernels, part) for row, part in zip(rows, ranges, strict=True)]
    coefficients = np.zeros(len(TERMS))
    for _ in range(_ROUNDS):
        fit = OrganFit(coefficients, np.zeros(0), np.zeros(0), cap)
        columns, away = [], []
        for row, arrived, dose in zip(rows, reached, target, strict=True):
            weight = row.share * arrived * np.exp(fit.log_factor(row))
            columns.append(mean_design(row, weight, cap))
            away.append(dose - np.log(weight.sum()))
        coefficients = coefficients_of(np.array(columns), np.array(away), coefficients)
    coefficients[0] += tissue[0]
    beam, by_wed = _fit_beam(bodies, rows)
    return OrganFit(coefficients, beam + tissue[1:], by_wed, cap)


def coefficients_of(columns: np.ndarray, away: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return better coefficients: robust, drawn toward 0, those of size not positive."""
    robust = np.sqrt(np.minimum(1.0, _HUBER / np.maximum(np.abs(away), 1e-9)))
    right = (away + columns @ now) * robust
    ridge = np.diag(np.r_[0.0, np.full(len(TERMS) - 1, _RIDGE)])
    found = lsq_linear(
        np.vstack((columns * robust[:, None], ridge)),
        np.r_[right, np.zeros(len(TERMS))],
        bounds=(-np.inf, np.r_[np.inf, np.zeros(len(TERMS) - 1)]),
    )
    return np.asarray(found.x)


def _fit_beam(bodies: Sequence[LearnedBody], rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Return how a body's beam terms depend on its size: constant and slope, each [b]."""
    terms = np.array([bodies[row.body].beam_terms[row.organ] for row in rows])
    size = np.array([(row.wed_mm - WED_ORIGIN_MM) / WED_SCALE_MM for row in rows])
    weight = 1.0 / np.maximum(np.array([row.noise for row in rows]), 0.003)
    columns = np.column_stack((np.ones(len(size)), size)) * weight[:, None]
    ridge = _BEAM_RIDGE * weight.mean() * np.eye(2)
    found = np.linalg.lstsq(
        np.vstack((columns, ridge)),
        np.vstack((terms * weight[:, None], np.zeros((2, len(BEAM_TERMS))))),
        rcond=None,
    )[0]
    return found[0], found[1]


def tissue_of(bodies: Sequence[LearnedBody], rows: Sequence[Row]) -> np.ndarray:
    """Return the organ's own tissue against soft tissue, median of bodies without iodine in it."""
    plain = [row for row in rows if bodies[row.body].iodine_mg_ml[row.organ] < 0.05] or list(rows)
    terms = np.array([bodies[row.body].medium_terms[row.organ] for row in plain])
    return np.asarray(np.median(terms, axis=0))


def errors(rows: Sequence[Row], fit: OrganFit, kernels: Kernels, tissue: float) -> np.ndarray:
    """Return ln(dose by the law / simulated) of scans of the organ, [row]."""
    away = []
    for row in rows:
        part = own_range(row)
        law = row.law(kernels, fit.log_factor(row), part)
        away.append(np.log(law / row.dose(part)) - tissue)
    return np.array(away)


def cross_fitted(
    bodies: Sequence[LearnedBody], rows: Sequence[Row], kernels: Kernels, folds: int = 10
) -> np.ndarray:
    """Return `errors` of every row by a law that did not see its body, [row]."""
    away = np.zeros(len(rows))
    group = np.array([row.body for row in rows]) % folds
    for fold in range(folds):
        kept = [row for row, g in zip(rows, group, strict=True) if g != fold]
        held = [int(n) for n in np.flatnonzero(group == fold)]
        if not held:
            continue
        tissue = tissue_of(bodies, kept)
        fit = fit_organ(bodies, kept, kernels, tissue)
        away[held] = errors([rows[n] for n in held], fit, kernels, tissue[0])
    return away
