"""A fetus has a skull with brain, a spine and femora of the measured sizes."""

from __future__ import annotations

import numpy as np
import pytest
from body_organs import around

from CTDoseSegLib.phantom.bodies.fetus_shapes import Pose, paint_fetus
from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.bodies.pregnancy import fetus_of

HEAD_DOWN = Pose(np.column_stack([[0, 1, 0], [1, 0, 0], [0, 0, -1]]).astype(float))


def lone_fetus(week: float):
    """A fetus in air, head down, facing its mother's right side."""
    painter = Painter(Frame(Person.of(30, "female")), {}, variation=0.0)
    part = painter.part("fetus", (0.0, 0.0, -220.0), ("fetus",))
    paint_fetus(part, fetus_of(week), HEAD_DOWN, np.zeros(3), 0.0, 0)
    return around(painter, "fetus", "fetus_bone", points=110, margin_mm=2)


@pytest.mark.parametrize("week", [14, 20, 30, 39])
def test_a_fetus_that_nothing_presses_weighs_a_little_more_than_wanted(week):
    assert 0.95 < lone_fetus(week).grams("fetus") / fetus_of(week).weight_g < 1.3


@pytest.mark.parametrize("week", [20, 39])
def test_the_skull_is_as_wide_as_ultrasound_measures(week):
    sampled = lone_fetus(week)
    skull = sampled.mask("fetus_brain")
    wide = np.flatnonzero(skull.any(axis=(0, 2)))
    across = (wide.max() - wide.min() + 1) * sampled.step_mm
    # The brain is as wide as the skull without its two sides.
    assert across == pytest.approx(fetus_of(week).biparietal_mm, rel=0.12)
    assert across < fetus_of(week).biparietal_mm


def test_the_brain_is_closed_in_bone_and_bone_in_soft_tissue():
    sampled = around(lone_fetus(30).painter, "fetus_brain", points=110)
    assert sampled.beside("fetus_brain") == {"fetus_bone"}
    assert "" not in sampled.beside("fetus_bone")


def test_an_embryo_is_one_ellipsoid():
    sampled = lone_fetus(9)
    assert sampled.grams("fetus") == pytest.approx(fetus_of(9).weight_g, rel=0.05)
    assert not sampled.painter.of_atoms("fetus_bone")


@pytest.mark.parametrize("seed", range(6))
def test_a_drawn_pose_is_a_turn(seed):
    axes = Pose.draw(np.random.default_rng(seed), 20, 1.0, head_down=False).axes
    assert axes.T @ axes == pytest.approx(np.eye(3))
    assert np.linalg.det(axes) == pytest.approx(1)
