"""Bowel and stomach differ from body to body."""

from __future__ import annotations

import numpy as np
from belly_grid import reference_man

from CTDoseSegLib.phantom.bodies.gut import _colon_course, _loops


def steps(seed: int, variation: float) -> str:
    """The axis that most of a small bowel's steps run along."""
    points = np.array(_loops(np.random.default_rng(seed), variation))
    along = np.abs(np.diff(points, axis=0)).argmax(axis=1)
    return "xyz"[np.bincount(along, minlength=3).argmax()]


def test_the_small_bowel_s_loops_run_along_another_axis_in_another_body():
    assert {steps(seed, 1.0) for seed in range(20)} == {"x", "y", "z"}
    assert {steps(seed, 0.0) for seed in range(20)} == {"x"}


def test_the_small_bowel_has_no_leap():
    for seed in range(20):
        points = np.array(_loops(np.random.default_rng(seed), 1.0))
        assert np.linalg.norm(np.diff(points, axis=0), axis=1).max() < 90.0


def test_a_large_liver_presses_the_right_flexure_down():
    high, low = (np.array(_colon_course(np.random.default_rng(2), 1.0, v)) for v in (0.0, 40.0))
    moved = (high - low)[:, 2]
    assert moved[3] == 40.0
    assert moved[6] == 0.0
    assert moved[-1] == 0.0


def test_two_bodies_share_less_than_half_of_their_small_bowel():
    a, b = (reference_man(seed).of("small_bowel_contents") for seed in (5, 11))
    assert 2 * (a & b).sum() / (a.sum() + b.sum()) < 0.5
