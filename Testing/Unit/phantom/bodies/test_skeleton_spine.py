"""Vertebrae, discs, canal, cord and sacrum."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from body_skeletons import body, grown

from CTDoseSegLib.phantom.bodies.frame import L1_TOP, PROMONTORY
from CTDoseSegLib.phantom.bodies.skeleton_bone import Kit
from CTDoseSegLib.phantom.bodies.skeleton_spine import (
    body_size,
    canal_y,
    spine_y,
    vertebra_levels,
)

LEVELS = vertebra_levels()


def test_levels_go_down_without_gaps():
    edges = list(LEVELS.values())
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(edges))
    assert LEVELS["L1"][0] == L1_TOP
    assert LEVELS["L5"][1] == PROMONTORY


@pytest.mark.parametrize("age", [0, 5, 30])
@pytest.mark.parametrize("name", [n for n in LEVELS if n != "C1"])
def test_a_body_is_in_its_place_with_marrow_inside(age, name):
    top, bottom = LEVELS[name]
    z = top - 0.35 * (top - bottom)
    sampled = body(age, "female" if age == 5 else "male")
    assert sampled.at(0, spine_y(z), z) == f"vertebrae_{name}_spongiosa"


@pytest.mark.parametrize("name", ["C4", "T6", "L3"])
def test_a_disc_is_below_a_body(name):
    _, bottom = LEVELS[name]
    sampled = body(30, "male")
    assert sampled.at(0, spine_y(bottom + 1), bottom + 1) == "intervertebral_discs"


@pytest.mark.parametrize("age", [0, 30])
def test_the_cord_lies_in_the_canal_and_ends_at_l1_l2(age):
    sampled = body(age, "male")
    low = sampled.span(2, "spinal_cord")[0]
    frame = sampled.painter.frame
    assert float(frame.z(LEVELS["L2"][0] - 10)) < low < float(frame.z(LEVELS["L1"][0] - 12))
    kit = Kit(sampled.painter)
    for name, inside in (
        ("C5", "spinal_cord"),
        ("T8", "spinal_cord"),
        ("L4", "cerebrospinal_fluid"),
    ):
        z = sum(LEVELS[name]) / 2
        assert sampled.at(0, canal_y(kit, z), z) == inside


@pytest.mark.parametrize("name", ["C4", "T6", "L3"])
def test_the_arch_closes_the_canal_behind(name):
    top, bottom = LEVELS[name]
    z = 0.5 * (top + bottom)
    sampled = body(30, "male")
    _, deep, _, canal = body_size(z)
    y = np.arange(spine_y(z) - deep - 2 * canal - 9, spine_y(z) - deep - 2 * canal, 0.5)
    assert any(sampled.at(0, float(v), z).startswith(f"vertebrae_{name}_") for v in y)


def test_the_sacrum_leans_back_below_l5():
    sampled = body(30, "female")
    l5, sacrum = sampled.middle("vertebrae_L5_*"), sampled.middle("sacrum_*")
    assert sacrum[2] < l5[2] - 30
    assert sacrum[1] < l5[1] - 5
    assert (grown(sampled.mask("sacrum_*")) & sampled.mask("hip_left_*")).any()
