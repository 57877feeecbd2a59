"""The rows of one organ as a system of equations, and its bounded, robust solution."""

from __future__ import annotations

from itertools import product

import numpy as np

from ...dosimetry.fast.model import TERMS, WIDE, Span, air_terms, design
from .samples import Sample

SIZE_TERMS = (TERMS.index("wed"), TERMS.index("wed_wide"))
_REWEIGHTINGS = 6
_RIDGE = 1e-4
_HUBER = 1.345
# Labels are rounded to 0.1 mGy, the smallest to 0.
_LABEL_FLOOR_MGY = 0.05


class OrganFit:
    """One organ's interior rows: ln(label / (K * mA)) = design x solution.

    Attributes
    ----------
    kernel
        Name of K.
    knots
        HU below which the label shows air scored as nearly no dose: more columns of the design.
    patients
        Numbers of the patients, ascending; `by_patient` gives values in this order.
    """

    def __init__(self, samples: list[Sample], knots: tuple[float, ...], kernel: str = WIDE) -> None:
        self.samples = samples
        self.kernel = kernel
        self.knots = knots
        kept = np.concatenate([s.keep for s in samples])
        hu = np.concatenate([s.hu for s in samples])[kept]
        sizes = np.concatenate([s.whole.sizes_mm for s in samples])[kept]
        current = np.concatenate([s.whole.current_mA[kernel] for s in samples])[kept]
        dose = np.concatenate([s.dose_mGy for s in samples])[kept]
        self.training = {
            "hu": _percentiles(hu),
            "wed_mm": _percentiles(sizes[:, 0]),
        }
        self.wed_cap = Span(float(sizes.min()), float(sizes.max()))
        air = air_terms(hu, knots, self.training["hu"].low)
        self.matrix = np.hstack((design(sizes, self.wed_cap), air))
        self.target = np.log(np.maximum(dose, _LABEL_FLOOR_MGY) / current)
        rows = np.concatenate([np.full(s.keep.sum(), s.patient) for s in samples])
        self.patients, self.code = np.unique(rows, return_inverse=True)
        self._rows = np.bincount(self.code)
        means, rows_span = self.by_patient(sizes[:, 0]), self.training["wed_mm"]
        self.patients_wed = Span(
            min(float(means.min()), rows_span.low), max(float(means.max()), rows_span.high)
        )

    def by_patient(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of the rows' values for each patient."""
        return np.bincount(self.code, values) / self._rows

    def shifted(self, factors: dict[int, float]) -> np.ndarray:
        """Return the target without the factors (ln) of some patients."""
        return self.target - np.array([factors.get(int(p), 0.0) for p in self.patients])[self.code]

    def solve(
        self, target: np.ndarray, toward: np.ndarray | None = None, weight: float = 0.0
    ) -> np.ndarray:
        """Solve least squares with size terms that are not positive, reweighted after Huber.

        Weights are those of patients and of rows; each patient counts the same.

        Parameters
        ----------
        toward, weight
            Size terms to draw this organ's toward, and how strongly: the weight of a squared
            deviation against the mean squared rest.
        """
        ridge = np.full(self.matrix.shape[1], _RIDGE)
        ridge[0] = 0.0
        prior = np.zeros(self.matrix.shape[1])
        if toward is not None:
            prior[list(SIZE_TERMS)] = toward
            ridge[list(SIZE_TERMS)] += weight
        penalty = len(target) * ridge
        equal = 1.0 / self._rows[self.code]
        equal /= equal.mean()
        weights, solution = equal, prior
        for _ in range(_REWEIGHTINGS):
            weighted = self.matrix * weights[:, None]
            solution = _bounded(
                weighted.T @ self.matrix + np.diag(penalty), weighted.T @ target + penalty * prior
            )
            rest = target - self.matrix @ solution
            mean = self.by_patient(rest)
            weights = equal * _huber(mean)[self.code] * _huber(rest - mean[self.code])
        return solution

    def factors(self, solution: np.ndarray) -> np.ndarray:
        """Return f of the rows: the logarithm of their dose per convolved tube current."""
        terms = len(TERMS)
        return np.asarray(self.matrix[:, :terms] @ solution[:terms])

    def crop_changes(self, solution: np.ndarray) -> np.ndarray:
        """Return the relative change of each patient's dose when the scan is cropped, [p]."""
        terms = solution[: len(TERMS)]
        changes = []
        for s in self.samples:
            whole, cropped = (
                (f.current_mA[self.kernel] * np.exp(design(f.sizes_mm, self.wed_cap) @ terms))
                for f in (s.whole, s.cropped)
            )
            changes.append(cropped.mean() / whole.mean() - 1.0)
        return np.array(changes)


def _bounded(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return the minimum of x'Ax/2 - b'x with size terms that are not positive.

    With two of them the four ways of holding some at zero are all that there is to try; of a
    convex problem the best admissible one is the answer.
    """
    best, least = np.zeros(len(vector)), np.inf
    for held in product((False, True), repeat=len(SIZE_TERMS)):
        free = np.ones(len(vector), bool)
        free[[term for term, zero in zip(SIZE_TERMS, held, strict=True) if zero]] = False
        x = np.zeros(len(vector))
        x[free] = np.linalg.lstsq(matrix[np.ix_(free, free)], vector[free], rcond=None)[0]
        value = 0.5 * x @ matrix @ x - vector @ x
        if value < least and (x[list(SIZE_TERMS)] <= 0).all():
            best, least = x, value
    return best


def _percentiles(values: np.ndarray) -> Span:
    low, high = np.quantile(values, (0.01, 0.99))
    return Span(float(low), float(high))


def _huber(rest: np.ndarray) -> np.ndarray:
    """Return Huber weights, the scale from the median absolute value."""
    scale = max(1.4826 * float(np.median(np.abs(rest))), 0.01)
    return 1.0 / np.maximum(1.0, np.abs(rest) / (_HUBER * scale))
