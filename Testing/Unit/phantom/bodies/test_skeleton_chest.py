"""Ribs, sternum, clavicles and scapulae."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from body_skeletons import body, grown

from CTDoseSegLib.phantom.bodies.outside import CHEST_CAVITY, trunk_knots
from CTDoseSegLib.phantom.shapes import Column


def _rib(n: int, side: str = "right") -> tuple[str, str]:
    return f"rib_{side}_{n}_cortex", f"rib_{side}_{n}_spongiosa"


def test_ribs_follow_each_other_down():
    sampled = body(30, "male")
    heights = [sampled.middle(*_rib(n))[2] for n in range(1, 13)]
    assert all(a > b + 8 for a, b in pairwise(heights))


@pytest.mark.parametrize("n", range(2, 11))
def test_ribs_fall_to_the_front(n):
    sampled = body(30, "male")
    at = np.argwhere(sampled.mask(*_rib(n)))
    front, back = (at[at[:, 1] == edge(at[:, 1])][:, 0].mean() for edge in (np.max, np.min))
    assert front < back - 2


@pytest.mark.parametrize("n", range(1, 13))
def test_cartilage_carries_the_upper_ten_ribs_and_the_lower_two_are_free(n):
    sampled = body(30, "male")
    touches = grown(sampled.mask(*_rib(n))) & sampled.mask("costal_cartilages")
    assert touches.any() == (n <= 10)


@pytest.mark.parametrize(
    ("age", "sex", "fat_mm"), [(30, "male", None), (0, "female", None), (30, "male", 60.0)]
)
def test_ribs_leave_the_lungs_room(age, sex, fat_mm):
    sampled = body(age, sex, fat_mm=fat_mm)
    frame = sampled.painter.frame
    knots = trunk_knots(frame, sampled.build, CHEST_CAVITY)
    room = Column.smooth(knots, 2.0, (float(frame.z(-110)), float(frame.z(220))), -0.5)
    shape = sampled.labels.shape
    z, y, x = (
        sampled.corner[2 - axis] + sampled.step_mm * np.arange(shape[axis]) for axis in range(3)
    )
    planes = [room.inside(x[None, :], y[:, None], np.full((1, 1), level)) for level in z]
    inside = np.array([np.broadcast_to(plane, shape[1:]) for plane in planes])
    # Beside the spine heads and necks of ribs do reach in.
    inside &= np.abs(x)[None, None, :] > 48 * frame.scale(0.0)[0]
    assert not (inside & sampled.mask("rib_*")).any()


def test_the_sternum_is_in_front_in_the_midline():
    sampled = body(30, "female")
    x, y, z = sampled.middle("sternum_*")
    assert abs(x) < 2
    assert y > sampled.middle("vertebrae_T6_*")[1] + 80
    assert float(sampled.painter.frame.z(60)) < z < float(sampled.painter.frame.z(140))
    assert (grown(sampled.mask("sternum_*")) & sampled.mask("costal_cartilages")).any()


def test_the_shoulder_turns_with_the_arm():
    down, up = body(30, "male"), body(30, "male", arms="up")
    for side in ("left", "right"):
        outer = [abs(s.middle(f"scapula_{side}_*")[0]) for s in (down, up)]
        assert outer[1] > outer[0] + 2
        ends = [s.span(2, f"clavicula_{side}_*")[1] for s in (down, up)]
        assert ends[1] > ends[0]
