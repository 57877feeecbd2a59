"""Doses of patients left out, and how their errors make intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..law.conformal import conformal_quantile


@dataclass(frozen=True)
class Held:
    """One organ of the patients left out, each an entry of every array, [p].

    Doses are means over the organ's interior slices, in mGy; those that begin with ``end`` are
    means over its other slices, NaN where there are none.

    Attributes
    ----------
    label
        Simulated dose.
    given, labelled
        Predicted dose as a user gets it, and times the label's air term.
    slice_error_pct
        Mean absolute error of the slices, per cent of their labels; slices of 0 mGy left out.
    log_q
        Conformal 90 % quantile from the patients of the other folds, for doses by effective mAs.
    hidden_log
        Factor of exposure, ln, that the patient's other organs share (`hidden_exposure`).
    log_q_ctdivol
        The same quantile of labels without this factor, for doses by CTDIvol.
    crop
        Relative change of the dose as given when the scan is cropped to the organ +- 10 mm.
    wed_mm, current_mA
        Mean smoothed size and mean convolved tube current of the organ's interior slices.
    end_given, end_labelled, end_given_in_beam, end_labelled_in_beam
        The same at the ends, where the irradiated range is not known, and where it is.
    """

    patient: np.ndarray
    fold: np.ndarray
    label: np.ndarray
    given: np.ndarray
    labelled: np.ndarray
    slices: np.ndarray
    slice_error_pct: np.ndarray
    log_q: np.ndarray
    crop: np.ndarray
    wed_mm: np.ndarray
    current_mA: np.ndarray
    end_label: np.ndarray
    end_given: np.ndarray
    end_labelled: np.ndarray
    end_given_in_beam: np.ndarray
    end_labelled_in_beam: np.ndarray
    hidden_log: np.ndarray
    log_q_ctdivol: np.ndarray

    @property
    def error_pct(self) -> np.ndarray:
        """Signed error of the prediction of the label."""
        return 100 * (self.labelled / self.label - 1)

    @property
    def given_error_pct(self) -> np.ndarray:
        """Signed error of the dose as given, the air in the label not considered."""
        return 100 * (self.given / self.label - 1)

    @property
    def low(self) -> np.ndarray:
        """Low end of the model's 90 % interval, which reaches down to the label's air term."""
        return np.minimum(self.labelled, self.given) * np.exp(-self.log_q)

    @property
    def high(self) -> np.ndarray:
        """High end of the model's 90 % interval."""
        return self.given * np.exp(self.log_q)

    @property
    def covered(self) -> np.ndarray:
        """True where the label lies in the model's 90 % interval, [p]."""
        return (self.low <= self.label) & (self.label <= self.high)

    @property
    def covered_ctdivol(self) -> np.ndarray:
        """True where the label without hidden factor lies in the interval for CTDIvol, [p]."""
        return self.log_outside_ctdivol <= self.log_q_ctdivol

    @property
    def log_outside(self) -> np.ndarray:
        """How far the label lies outside the span between both doses, ln; negative inside."""
        return log_outside(self.label, self.given, self.labelled)

    @property
    def log_outside_ctdivol(self) -> np.ndarray:
        """The same of the label without hidden factor, [p]."""
        return log_outside(self.label / np.exp(self.hidden_log), self.given, self.labelled)


def log_outside(label: np.ndarray, given: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return how far labels lie outside the span from `labelled` to `given`, ln; inside < 0."""
    above = np.log(label / given)
    return np.maximum(above, np.minimum(np.log(labelled / given), 0.0) - above)


def conformal_by_fold(scores: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return, by patient, the conformal quantile of the scores of all other folds."""
    out = np.empty(len(scores))
    for number in np.unique(fold):
        out[fold == number] = conformal_quantile(scores[fold != number])
    return out
