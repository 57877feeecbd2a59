"""A fetus has a skull with brain, a spine and femora of the measured sizes."""

from __future__ import annotations

import numpy as np
import pytest
from body_organs import around
from scipy.ndimage import label

from CTDoseSegLib.phantom.bodies.fetus_bones import bone_ends
from CTDoseSegLib.phantom.bodies.fetus_painting import paint_fetus
from CTDoseSegLib.phantom.bodies.fetus_shapes import Pose, Room
from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.bodies.pregnancy import fetus_of
from CTDoseSegLib.phantom.shapes import Ellipsoid

HEAD_DOWN = Pose(np.column_stack([[0, 1, 0], [1, 0, 0], [0, 0, -1]]).astype(float))


WIDE = Room((Ellipsoid.from_axes((0, 0, 0), (400, 400, 400)),), np.zeros(3))


def lone_fetus(week: float, room: Room = WIDE):
    """A fetus in air, head down, facing its mother's right side."""
    painter = Painter(Frame(Person.of(30, "female")), {}, variation=0.0)
    part = painter.part("fetus", (0.0, 0.0, -220.0), ("fetus",))
    paint_fetus(part, fetus_of(week), HEAD_DOWN, room, 0.0, 0)
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


@pytest.mark.parametrize("week", [14, 20, 30, 39])
def test_bones_stand_where_they_belong(week):
    """The spine behind, ribs, pelvis and limbs to both sides: much more bone than the skull's."""
    sampled = lone_fetus(week)
    bone, soft = sampled.mask("fetus_bone"), sampled.mask("fetus")
    head = np.flatnonzero(sampled.mask("fetus_brain").any(axis=(1, 2))).max()
    trunk = bone[head + 1 :]  # the head is down
    assert trunk[:, : trunk.shape[1] // 2].any()
    assert trunk[:, trunk.shape[1] // 2 :].any()
    across = np.flatnonzero(bone.any(axis=(0, 1)))
    body = np.flatnonzero((bone | soft).any(axis=(0, 1)))
    assert np.ptp(across) > 0.7 * np.ptp(body)
    pieces, count = label(trunk, np.ones((3, 3, 3)))
    long = [at for at in range(1, count + 1) if np.ptp(np.argwhere(pieces == at), axis=0).max() > 6]
    assert len(long) > 15


def test_a_bone_is_as_long_as_asked_and_lies_midway():
    start, end = bone_ends(np.zeros(3), np.array([100.0, 0, 0]), 70.0, 2.0)
    assert np.linalg.norm(end - start) + 2 * 2.0 == pytest.approx(70)
    assert 0.5 * (start + end) == pytest.approx([50, 0, 0])


def test_a_fetus_without_room_keeps_its_head_and_gives_way_elsewhere():
    free = lone_fetus(38)
    within = Ellipsoid.from_axes((0, 0, 0), (100, 66, 128))
    tight = lone_fetus(38, Room((within,), np.zeros(3)))
    assert tight.ml("fetus_brain") == pytest.approx(free.ml("fetus_brain"), rel=0.03)
    skull = tight.rim("fetus_brain")
    assert (skull & tight.mask("fetus_bone")).sum() > 0.98 * skull.sum()
    assert tight.ml("fetus") < 0.97 * free.ml("fetus")
    k, j, i = np.nonzero(tight.mask("fetus", "fetus_bone", "fetus_brain"))
    points = tight.corner + tight.step_mm * np.column_stack([i, j, k])
    beyond = np.linalg.norm((points - within.centre) @ within.matrix.T, axis=1)
    assert beyond.max() < 1.01


def test_an_embryo_is_one_ellipsoid():
    sampled = lone_fetus(9)
    assert sampled.grams("fetus") == pytest.approx(fetus_of(9).weight_g, rel=0.05)
    assert not sampled.painter.of_atoms("fetus_bone")


@pytest.mark.parametrize("seed", range(6))
def test_a_drawn_pose_is_a_turn(seed):
    axes = Pose.draw(np.random.default_rng(seed), 20, 1.0, head_down=False).axes
    assert axes.T @ axes == pytest.approx(np.eye(3))
    assert np.linalg.det(axes) == pytest.approx(1)
