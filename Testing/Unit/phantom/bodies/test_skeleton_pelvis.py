"""Hip bones."""

from __future__ import annotations

import numpy as np
import pytest
from body_skeletons import body, grown

from CTDoseSegLib.phantom.bodies.skeleton_pelvis import SOCKET


@pytest.mark.parametrize("sex", ["male", "female"])
def test_the_head_of_the_femur_is_in_the_socket(sex):
    sampled = body(30, sex)
    x, y, z = SOCKET
    assert sampled.at(x, y, z).startswith("femur_right_")
    along = [sampled.at(x - d, y, z + 0.6 * d) for d in np.arange(14.0, 32.0, 1.0)]
    assert "cartilage" in along
    assert any(atom.startswith("hip_right_") for atom in along)
    assert along.index("cartilage") < next(
        n for n, atom in enumerate(along) if atom.startswith("hip_right_")
    )


def test_cartilage_joins_the_pubic_bones_in_the_midline():
    sampled = body(30, "female")
    assert sampled.at(0, 40, -396) == "cartilage"
    between = grown(grown(sampled.mask("cartilage")))
    assert (between & sampled.mask("hip_left_*")).any()
    assert (between & sampled.mask("hip_right_*")).any()


def test_the_wing_is_above_the_socket_and_the_seat_below():
    sampled = body(30, "male")
    low, high = sampled.span(2, "hip_right_*")
    socket = float(sampled.painter.frame.z(SOCKET[2]))
    assert high > socket + 110
    assert low < socket - 60


def test_a_newborn_has_cartilage_where_an_adult_has_bone():
    share = [
        body(age, "male").ml("cartilage") / body(age, "male").ml("hip_*", "femur_*")
        for age in (0, 30)
    ]
    assert share[0] > 2 * share[1]
