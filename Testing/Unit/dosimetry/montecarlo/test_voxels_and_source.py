"""Voxels, scores, beams and paths are whole and possible, or there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from photon_scenes import box, each, fan, path

from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores

WATER = box("water", (2, 3, 4), (1.0, 2.0, 3.0))


def test_voxels_know_their_size_and_mass():
    assert WATER.size_mm == (4.0, 6.0, 6.0)
    assert WATER.region_mass_g() == pytest.approx([0.0, 0.144])


def test_a_value_by_region_is_summed_over_the_regions_of_a_score():
    scores = Scores(("a", "both", "none"), ((1,), (1, 2), (7,)))
    assert scores.of_regions(np.array([5.0, 1.0, 2.0])).tolist() == [1.0, 3.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"material": WATER.material.astype(int)}, "must be a three-dimensional uint8"),
        ({"density_g_cm3": WATER.density_g_cm3[0]}, "must be a three-dimensional float32"),
        ({"region": WATER.region[:1]}, "they must be equal"),
        ({"density_g_cm3": WATER.density_g_cm3 * np.nan}, "finite and not negative"),
        ({"density_g_cm3": -WATER.density_g_cm3}, "finite and not negative"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "must be positive"),
        ({"corner_mm": (0.0, np.nan, 0.0)}, "need a corner"),
        ({"isocentre_mm": (0.0,)}, "need a corner"),
    ],
)
def test_voxels_that_cannot_be_are_never_made(changes, problem):
    with pytest.raises(ValueError, match=problem):
        replace(WATER, **changes)


@pytest.mark.parametrize(
    ("names", "members"),
    [
        (("a",), ((1,), (2,))),
        (("a", "a"), ((1,), (2,))),
        (("a",), ((0,),)),
        (("a",), ((1, 1),)),
        (("a",), ((70000,),)),
    ],
)
def test_scores_that_cannot_be_are_never_made(names, members):
    with pytest.raises(ValueError, match=r"[Ss]core"):
        Scores(names, members)


def test_the_solid_angle_of_a_narrow_beam_is_width_times_height_over_distance_squared():
    beam = fan(half_fan=1e-3, collimation_mm=1.2)
    assert beam.solid_angles_sr() == pytest.approx([2e-3 * 2e-3], rel=1e-5)


def test_the_solid_angles_of_a_wide_fan_are_those_of_many_small_pieces():
    beam = fan(photons=np.ones((4, 1)), half_fan=0.5, collimation_mm=600)
    n = 400
    t = (np.arange(4 * n) + 0.5) / (4 * n) - 0.5
    s = (np.arange(n) + 0.5) / n - 0.5
    small = (1 + t[:, None] ** 2 + s**2) ** -1.5 / (4 * n) / n
    assert beam.solid_angles_sr() == pytest.approx(small.sum(1).reshape(4, n).sum(1), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"energies_keV": np.array([60.0, 60.0])}, "must increase"),
        ({"energies_keV": np.array([4.0])}, "from 5 to 150"),
        ({"energies_keV": np.array([151.0])}, "from 5 to 150"),
        ({"fan_tangent_edges": np.array([0.1])}, "at least two"),
        ({"fan_tangent_edges": np.array([0.1, -0.1])}, "must increase"),
        ({"photons": np.ones((2, 1))}, "the shape"),
        ({"photons": np.array([[np.nan]])}, "cannot be"),
        ({"photons": np.array([[-1.0]])}, "cannot be"),
        ({"photons": np.array([[0.0]])}, "no photons"),
        ({"collimation_mm": 0.0}, "collimation"),
        ({"focus_isocentre_mm": np.inf}, "focus-isocentre"),
    ],
)
def test_a_beam_that_cannot_be_is_never_made(changes, problem):
    with pytest.raises(ValueError, match=problem):
        replace(fan(), **changes)


def test_angles_share_the_histories_of_their_place_along_z():
    weight = np.array([[1.0, 1.0], [30.0, 10.0]])
    strata = path(2, 2, share=(0.2, 0.8), angle_weight=weight).stratum_probability()
    assert strata == pytest.approx(np.array([[0.1, 0.1], [0.6, 0.2]]))


def test_a_source_may_stand_still():
    still = SourcePath.standing_at(-12.5, 270)
    assert still.shape == (1, 1)
    assert still.angle_edges_deg.tolist() == [270, 270]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"z_edges_mm": np.array([0.0])}, "at least two"),
        ({"z_edges_mm": np.array([0.0, 1.0, 0.5])}, "must not decrease"),
        ({"probability": np.ones(1)}, "probabilities of the shape"),
        ({"probability": np.array([1.0, 0.0])}, "positive and sum to 1"),
        ({"probability": np.array([0.7, 0.7])}, "positive and sum to 1"),
        ({"angle_bins": 0}, "angle bins"),
        ({"angle_range_deg": (90.0, 0.0)}, "turns from"),
        ({"angle_weight": np.ones((2, 3))}, "angle weights"),
        ({"angle_weight": np.zeros((2, 4))}, "angle weights"),
    ],
)
def test_a_path_that_cannot_be_is_never_made(changes, problem):
    with pytest.raises(ValueError, match=problem):
        replace(path(), **changes)


def test_each_score_is_named_by_its_region():
    assert each(3, 5) == Scores(("3", "5"), ((3,), (5,)))
