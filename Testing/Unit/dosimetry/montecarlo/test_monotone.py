"""A monotone cubic curve is scipy's, point for point."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from CTDoseSegLib.dosimetry.montecarlo.monotone import monotone_cubic


@pytest.mark.parametrize("digits", [0, 1, 6])  # few digits: equal neighbours and extrema
def test_the_curve_is_the_one_that_scipy_draws(digits):
    rng = np.random.default_rng(4)
    for count in (3, 4, 9, 30):
        x, y = rng.random(count).cumsum() + np.arange(count), rng.normal(size=count).round(digits)
        at = np.concatenate((x, rng.uniform(x[0], x[-1], 200)))
        assert monotone_cubic(at, x, y) == pytest.approx(PchipInterpolator(x, y)(at), abs=1e-12)


def test_it_overshoots_no_step():
    x, y = np.arange(5.0), np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    curve = monotone_cubic(np.linspace(0, 4, 401), x, y)
    assert curve.min() >= 0.0
    assert curve.max() <= 1.0
    assert (np.diff(curve) >= -1e-12).all()
