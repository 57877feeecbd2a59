"""Colour scales end, and isodose lines lie, at round doses."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.round_doses import isodose_levels_mGy, round_step, scale_end_mGy


@pytest.mark.parametrize(
    ("highest", "end"),
    [(0.04, 0.04), (0.041, 0.05), (1.0, 1.0), (7.0, 8.0), (9.4, 10.0), (21.0, 30.0), (101.0, 150)],
)
def test_a_scale_ends_at_the_next_round_dose(highest, end):
    assert scale_end_mGy(np.array([0.01, highest]), 100.0) == pytest.approx(end)


def test_what_has_no_dose_does_not_count():
    doses = np.zeros(1000)
    doses[:20] = np.arange(1.0, 21.0)
    assert scale_end_mGy(doses, 95.0) == 20.0
    assert scale_end_mGy(np.zeros(5), 95.0) == 1.0


def test_a_large_volume_is_sampled():
    doses = np.linspace(0.0, 10.0, 5_000_000, dtype=np.float32)
    assert scale_end_mGy(doses, 75.0) == 8.0


def test_a_sample_meets_every_column_of_a_volume():
    doses = np.zeros((1000, 100, 100), np.float32)
    doses[..., 1::2] = 7.0
    doses[..., ::2] = 3.0
    assert scale_end_mGy(doses, 95.0) == 8.0


@pytest.mark.parametrize(
    ("end", "levels"),
    [
        (10.0, (0.5, 1, 2, 4, 6, 8, 10)),
        (15.0, (1, 2, 5, 10, 15)),
        (6.0, (0.2, 0.5, 1, 2, 3, 4, 5, 6)),
        (8.0, (0.5, 1, 2, 4, 6, 8)),
        (100.0, (5, 10, 20, 40, 60, 80, 100)),
        (0.03, (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03)),
        (7.7, (0.5, 1, 2, 4, 6)),
    ],
)
def test_isodose_lines_lie_at_round_steps_and_two_smaller_doses(end, levels):
    assert isodose_levels_mGy(end) == pytest.approx(levels)


@pytest.mark.parametrize(
    ("least", "step"), [(0.2, 0.2), (0.19, 0.1), (1.0, 1.0), (49.0, 20.0), (0.051, 0.05)]
)
def test_a_round_step_is_no_more_than_asked_for(least, step):
    assert round_step(least) == pytest.approx(step)
