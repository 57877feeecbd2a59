"""Simpler estimates on the same bodies and beams: SSDE, and one kernel times exp(a - b WED)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...dosimetry.fast.beam_terms import beam_terms
from ...dosimetry.fast.kernel import arriving
from ...measurement.ssde import BODY_32, HEAD_16, size_factor
from .beam_scores import VOLTAGES_KV, beams_of, generic, log_displayed
from .fit import FOLDS
from .organs import REGIONS, bodies_of, with_marrow
from .rows import Row, own_range, rows_of
from .scores import TARGETS, Score, by_age, joined_columns, kind_of
from .table import LearnedBody

SSDE, ONE_KERNEL = "SSDE", "one kernel x exp(a - b WED)"
_KERNEL_MM = 20.0


def score_baselines(bodies: Sequence[LearnedBody]) -> Iterator[Score]:
    """Yield the errors of both, of the doses that `beam_scores.score_beams` judges the law by.

    SSDE (AAPM reports 204 and 293) of the organ's slices is taken for its dose. The other estimate
    is fitted organ by organ to bodies that it is not judged by, with the reference beam: a
    symmetric kernel of 20 mm, and a dose that falls exponentially with the diameter.
    """
    found: dict[str, list[tuple[np.ndarray, ...]]] = {}
    for region in REGIONS:
        own = [with_marrow(b) for b in bodies if b.about["region"] == bodies_of(region)]
        head = region == "head"
        for organ in REGIONS[region]:
            rows = rows_of(own, organ) if organ in TARGETS else []
            if len(rows) < FOLDS:
                continue
            terms = np.array([own[row.body].beam_terms[row.organ] for row in rows])
            age = np.array([own[row.body].about["age_y"] for row in rows])
            noise = np.array([row.noise for row in rows])
            simulated = np.log([row.dose(own_range(row)) for row in rows])
            fitted = _one_kernel(rows, simulated)
            estimates = {
                SSDE: _log_ssde(rows, head),
                ONE_KERNEL: fitted + log_displayed(beam_terms(generic(head), 120.0), head),
            }
            for voltage in VOLTAGES_KV:
                for beam in (beam_terms(one, voltage) for one in beams_of(head)):
                    dose = simulated + terms @ beam.values + log_displayed(beam, head)
                    for name, estimate in estimates.items():
                        columns = (age, estimate - dose, noise)
                        found.setdefault(f"{kind_of(region)}, {name}", []).append(columns)
    for name, parts in sorted(found.items()):
        yield from by_age(name, *joined_columns(parts))


def _log_ssde(rows: Sequence[Row], head: bool) -> np.ndarray:
    """Return ln(SSDE / CTDIvol) of the organ's slices, [row]."""
    table = HEAD_16 if head else BODY_32
    return np.log([row.share @ size_factor(table, row.sizes_mm[:, 0]) for row in rows])


def _one_kernel(rows: Sequence[Row], simulated: np.ndarray) -> np.ndarray:
    """Return ln(dose / CTDIvol) by a fit to other bodies, [row]."""
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    reached = np.log([_reached(row) for row in rows])
    size = np.array([[row.wed_mm] for row in rows])
    folds = PredefinedSplit(np.array([row.body for row in rows]) % FOLDS)
    factor = cross_val_predict(LinearRegression(), size, simulated - reached, cv=folds)
    return np.asarray(reached + factor)


def _reached(row: Row) -> float:
    sides = arriving(row.z_mm, np.ones(len(row.z_mm)), own_range(row), (_KERNEL_MM,))
    return float(row.share @ sides.mean(axis=0))
