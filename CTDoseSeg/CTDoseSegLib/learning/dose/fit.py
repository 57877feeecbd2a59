"""Fit the law to the table of simulated bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear, nnls

from ...dosimetry.applicability import ADULT_YEARS
from ...dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from ...dosimetry.fast.model import TERMS, WED_ORIGIN_MM, WED_SCALE_MM, Span, design
from .conformal import held_quantiles
from .rows import Row, mean_design, own_range, part_ranges, scatter_ranges
from .table import LearnedBody

FOLDS = 10
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
    kernels
        As `OrganModel.kernels`, [2, 2 l].
    coefficients
        Of `TERMS`, [t].
    beam, beam_by_wed
        Of `beam_terms.TERMS`, [b].
    cap_mm
        Span of the smoothed sizes.
    """

    kernels: np.ndarray
    coefficients: np.ndarray
    beam: np.ndarray
    beam_by_wed: np.ndarray
    cap_mm: Span

    def log_factor(self, row: Row) -> np.ndarray:
        """Return f of every slab with the reference beam, [n]."""
        return np.asarray(design(row.sizes_mm, self.cap_mm) @ self.coefficients)


def fit_kernels(rows: Sequence[Row]) -> np.ndarray:
    """Return the kernels whose shape an organ's responses have, [2, 2 l], as `OrganModel.kernels`.

    Non-negative least squares of the response by place of the tube.
    """
    left, right = zip(*(row.kernel_columns for row in rows), strict=True)
    weights, _ = nnls(np.concatenate(left), np.concatenate(right))
    small, large = weights.reshape(2, -1)
    # Bodies of one size alone tell one kernel.
    pair = (small if small.any() else large, large if large.any() else small)
    return np.array([one / one.sum() for one in pair])


def fit_organ(bodies: Sequence[LearnedBody], rows: Sequence[Row], tissue: np.ndarray) -> OrganFit:
    """Fit an organ's law to its rows.

    Parameters
    ----------
    bodies
        Of the table.
    rows
        Of the organ.
    tissue
        Of ln(dose to the organ's tissue without contrast agent / dose to soft tissue), the first
        for the reference beam, [1 + b].
    """
    sizes = np.concatenate([row.sizes_mm[row.share > 0] for row in rows])
    cap = Span(*(float(v) for v in np.percentile(sizes, (1, 99))))
    ranges = [own_range(row) for row in rows]
    kernels = fit_kernels(rows)
    target = np.array([np.log(row.dose(part)) for row, part in zip(rows, ranges, strict=True)])
    reached = [row.reached(kernels, part) for row, part in zip(rows, ranges, strict=True)]
    coefficients = np.zeros(len(TERMS))
    for _ in range(_ROUNDS):
        fit = OrganFit(kernels, coefficients, np.zeros(0), np.zeros(0), cap)
        columns, away = [], []
        for row, arrived, dose in zip(rows, reached, target, strict=True):
            weight = row.share * arrived * np.exp(fit.log_factor(row))
            columns.append(mean_design(row, weight, cap))
            away.append(dose - np.log(weight.sum()))
        coefficients = coefficients_of(np.array(columns), np.array(away), coefficients)
    coefficients[0] += tissue[0]
    beam, by_wed = _fit_beam(bodies, rows)
    return OrganFit(kernels, coefficients, beam + tissue[1:], by_wed, cap)


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
    size = np.array([size_term(row) for row in rows])
    weight = 1.0 / np.maximum(np.array([row.noise for row in rows]), 0.003)
    columns = np.column_stack((np.ones(len(size)), size)) * weight[:, None]
    ridge = _BEAM_RIDGE * weight.mean() * np.eye(2)
    found = np.linalg.lstsq(
        np.vstack((columns, ridge)),
        np.vstack((terms * weight[:, None], np.zeros((2, len(BEAM_TERMS))))),
        rcond=None,
    )[0]
    return found[0], found[1]


def size_term(row: Row) -> float:
    """Return the size that the beam's terms go with."""
    return (row.wed_mm - WED_ORIGIN_MM) / WED_SCALE_MM


def tissue_of(bodies: Sequence[LearnedBody], rows: Sequence[Row]) -> np.ndarray:
    """Return the organ's own tissue against soft tissue, median of bodies without iodine in it."""
    plain = [row for row in rows if bodies[row.body].iodine_mg_ml[row.organ] < 0.05] or list(rows)
    terms = np.array([bodies[row.body].medium_terms[row.organ] for row in plain])
    return np.asarray(np.median(terms, axis=0))


def errors(rows: Sequence[Row], fit: OrganFit, tissue: float) -> np.ndarray:
    """Return ln(dose by the law / simulated) of scans of the organ, [row]."""
    away = []
    for row in rows:
        part = own_range(row)
        law = row.law(fit.kernels, fit.log_factor(row), part)
        away.append(np.log(law / row.dose(part)) - tissue)
    return np.array(away)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Held:
    """What laws say of bodies that they did not see, of one organ.

    Attributes
    ----------
    body, age_y, noise
        Number of the body, its age, and the relative standard error of its simulation, [row].
    simulated_beam
        The beam's terms of the simulated dose to soft tissue, [row, b].
    errors
        ln(dose by the law / simulated) of scans of the organ, [row].
    beam
        The same by the law, [row, b].
    parts
        ln(dose by the law / simulated) less `errors`, where a part of the organ is irradiated, of
        all rows one after another.
    scatter
        The same where scatter alone reaches it, from up to 60 mm away.
    """

    body: np.ndarray
    age_y: np.ndarray
    noise: np.ndarray
    simulated_beam: np.ndarray
    errors: np.ndarray
    beam: np.ndarray
    parts: np.ndarray
    scatter: np.ndarray

    @property
    def child(self) -> np.ndarray:
        """True where the body is a child's, [row]."""
        return np.asarray(self.age_y < ADULT_YEARS)

    @property
    def quantile(self) -> np.ndarray:
        """90 % quantile of |errors| of the other folds, of adults or of children, [row].

        Each fold by the quantile of the others: what a body adds to its own interval is out.
        """
        return held_quantiles(np.abs(self.errors), self.child, self.body % FOLDS)


def cross_fitted(bodies: Sequence[LearnedBody], rows: Sequence[Row]) -> Held:
    """Return what a law that did not see the body says of every row."""
    from sklearn.model_selection import PredefinedSplit

    away, beam = np.zeros(len(rows)), np.zeros((len(rows), len(BEAM_TERMS)))
    parts, scatter = [], []
    number = np.array([row.body for row in rows])
    for others, held in PredefinedSplit(number % FOLDS).split():
        kept = [rows[n] for n in others]
        tissue = tissue_of(bodies, kept)
        fit = fit_organ(bodies, kept, tissue)
        away[held] = errors([rows[n] for n in held], fit, tissue[0])
        for n in held:
            row = rows[n]
            beam[n] = fit.beam - tissue[1:] + size_term(row) * fit.beam_by_wed
            own = away[n] + tissue[0]
            parts += [_away(row, fit, part) - own for part in part_ranges(row)]
            scatter += [_away(row, fit, part) - own for part in scatter_ranges(row)]
    return Held(
        body=number,
        age_y=np.array([bodies[row.body].about["age_y"] for row in rows], float),
        noise=np.array([row.noise for row in rows]),
        simulated_beam=np.array([bodies[row.body].beam_terms[row.organ] for row in rows]),
        errors=away,
        beam=beam,
        parts=np.array(parts),
        scatter=np.array(scatter),
    )


def _away(row: Row, fit: OrganFit, range_mm: tuple[float, float]) -> float:
    law = row.law(fit.kernels, fit.log_factor(row), range_mm)
    return float(np.log(law / row.dose(range_mm)))
