"""The head is whole, lies inside its skin and rests on its headrest."""

from __future__ import annotations

import numpy as np
import pytest
from painted_heads import sampled, sampled_head, soft_head, touches

from CTDoseSegLib.phantom.bodies.head import paint_head, paint_headrest

ATOMS = (
    *("brain", "cerebrospinal_fluid", "skull_cortex", "skull_spongiosa", "mandible_cortex"),
    *("eye_left", "eye_right", "eye_lens_left", "eye_lens_right", "tongue", "thyroid_gland"),
    *("parotid_gland_left", "submandibular_gland_right", "nasal_cavity", "pharynx", "larynx"),
)


@pytest.mark.parametrize(("age_y", "sex"), [(0, "female"), (5, "male"), (30, "female")])
def test_a_head_has_all_its_organs_inside_the_skin(age_y, sex):
    head = sampled_head(age_y, sex, mm=1.5)
    for atom in ATOMS:
        assert head.of(atom).any(), atom
    inner = [a for a in ATOMS if a != "nasal_cavity"]  # which opens to the outside
    # Not the neck's lower end, which is cut here.
    assert not touches(head.of(*inner), head.index == 0)[3:].any()


def test_the_same_seed_gives_the_same_head():
    boxes = []
    for _ in range(2):
        b = soft_head(30, "male")
        paint_head(b)
        boxes.append(b.canvas.boxes())
    assert np.array_equal(boxes[0], boxes[1])


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_the_headrest_lies_under_the_head(side):
    b = soft_head(30, "male")
    rim = b.frame.head_point(0, 100 * side, 0)[1] - side
    paint_headrest(b, rim, side)
    x, y, z = b.frame.head_point(0, 0, 0)
    low = np.array([x - 160.0, y - 180.0, z - 40.0])
    rest = sampled(b, 4.0, low, np.array([x + 160.0, y + 180.0, z + 40.0])).of("headrest")
    at = low + 4.0 * np.argwhere(rest)[:, ::-1]
    assert len(at) > 500
    middle = at[np.abs(at[:, 0] - x) < 10]
    assert (side * (middle[:, 1] - rim) > -6).all()
    assert side * (at[:, 1].mean() - y) > 40
