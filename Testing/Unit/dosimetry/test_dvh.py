"""Dose-volume histograms, by numbers that were worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.dosimetry.dvh import dose_volume_histogram, organ_histogram
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

# Voxels of 10 mm; the CT's are 5 mm, and eight of them lie in each.
MAP_AFFINE = np.diag([-10.0, -10.0, 10.0, 1.0])
CT_AFFINE = np.array([[-5.0, 0, 0, 2.5], [0, -5.0, 0, 2.5], [0, 0, 5.0, -2.5], [0, 0, 0, 1.0]])


def map_of(dose, sd=None, affine=MAP_AFFINE):
    dose = np.asarray(dose, np.float32)
    sd = np.zeros_like(dose) if sd is None else np.asarray(sd, np.float32)
    return DoseMap(dose, affine, sd, 1000)


def test_the_volume_at_least_a_dose_is_that_of_the_voxels_with_it():
    # 1, 2 and 5 of eight CT voxels of 0.125 ml lie in voxels of 4, 8 and 6 mGy.
    dose_map = map_of([[[4.0, 8.0, 6.0]]])
    mask = np.zeros((2, 2, 6), bool)
    mask[0, 0, 0] = mask[0, 0, 2] = mask[1, 1, 3] = True
    mask[:, :, 4:][np.unravel_index(range(5), (2, 2, 2))] = True
    histogram = dose_volume_histogram(dose_map, mask, CT_AFFINE)
    assert histogram.dose_mGy.tolist() == [4.0, 6.0, 8.0]
    assert histogram.volume_ml == pytest.approx([0.125, 0.625, 0.25])
    assert histogram.total_ml == pytest.approx(1.0)
    assert histogram.mean_mGy == pytest.approx(4 * 0.125 + 6 * 0.625 + 8 * 0.25)
    percent = histogram.percent_at_least(np.array([0.0, 4.0, 4.1, 6.0, 7.0, 8.0, 8.1]))
    assert percent == pytest.approx([100, 100, 87.5, 87.5, 25, 25, 0])
    highest = [histogram.highest_dose_of(part) for part in (100, 88, 87.5, 30, 25, 1)]
    assert highest == [4.0, 4.0, 6.0, 6.0, 8.0, 8.0]


def test_an_organ_on_a_grid_that_runs_the_other_way_has_the_same_histogram():
    dose_map = map_of([[[4.0, 8.0, 6.0]]])
    mask = np.zeros((2, 2, 6), bool)
    mask[:, :, :3] = True
    turned = CT_AFFINE.copy()
    turned[:3, 3] += 5 * turned[:3, 0]
    turned[:3, 0] *= -1
    one = dose_volume_histogram(dose_map, mask, CT_AFFINE)
    other = dose_volume_histogram(dose_map, mask[:, :, ::-1], turned)
    assert one.dose_mGy.tolist() == other.dose_mGy.tolist() == [4.0, 8.0]
    assert one.volume_ml == pytest.approx([1.0, 0.5])
    assert other.volume_ml == pytest.approx([1.0, 0.5])


def test_air_in_an_organ_has_no_dose_and_does_not_count():
    histogram = dose_volume_histogram(map_of([[[0.0, 8.0]]]), np.ones((1, 1, 2), bool), MAP_AFFINE)
    assert histogram.total_ml == pytest.approx(1.0)
    assert histogram.percent_at_least(np.array([1.0])) == pytest.approx([100.0])


def test_what_lies_beyond_the_map_does_not_count():
    mask = np.ones((1, 1, 5), bool)
    histogram = dose_volume_histogram(map_of([[[4.0, 8.0]]]), mask, MAP_AFFINE)
    assert histogram.total_ml == pytest.approx(2.0)


def test_without_a_voxel_of_it_in_the_map_an_organ_has_no_histogram():
    assert dose_volume_histogram(map_of([[[4.0]]]), np.zeros((1, 1, 1), bool), MAP_AFFINE) is None
    far = MAP_AFFINE.copy()
    far[2, 3] = 500.0
    assert dose_volume_histogram(map_of([[[4.0]]]), np.ones((1, 1, 1), bool), far) is None


def test_the_noise_is_the_root_mean_square_of_its_voxels():
    # Three CT voxels with 3 mGy of noise, one with 1 mGy: (3 x 9 + 1) / 4 = 7.
    dose_map = map_of([[[10.0, 10.0]]], sd=[[[3.0, 1.0]]])
    mask = np.zeros((2, 2, 4), bool)
    mask[0, 0, :2] = mask[0, 1, 0] = mask[0, 0, 2] = True
    histogram = dose_volume_histogram(dose_map, mask, CT_AFFINE)
    assert histogram.noise_sd_mGy == pytest.approx(7.0**0.5)


@pytest.mark.parametrize(("noise", "noisy"), [(1.1, False), (1.2, True)])
def test_a_histogram_is_noisy_where_noise_makes_a_third_of_its_variance(noise, noisy):
    # 8 and 12 mGy: a standard deviation of 2. A third of its variance is 4 / 3, of 1.155 mGy.
    dose_map = map_of([[[8.0, 12.0]]], sd=[[[noise, noise]]])
    histogram = dose_volume_histogram(dose_map, np.ones((1, 1, 2), bool), MAP_AFFINE)
    assert histogram.sd_mGy == pytest.approx(2.0)
    assert histogram.is_noisy == noisy


def test_a_large_organ_is_sampled_and_keeps_its_volume():
    generator = np.random.default_rng(1)
    dose_map = map_of(generator.uniform(5.0, 15.0, (10, 60, 60)))
    mask = np.ones((20, 120, 120), bool)  # 288 000 voxels
    histogram = dose_volume_histogram(dose_map, mask, CT_AFFINE)
    assert histogram.total_ml == pytest.approx(36_000.0, rel=1e-4)
    percent = histogram.percent_at_least(np.array([10.0]))[0]
    assert percent == pytest.approx(100 * (dose_map.dose_mGy >= 10).mean(), abs=0.5)


def labelmap_of(labels):
    atoms = (Atom(1, "one", "", "#ffffff", "test"), Atom(2, "two", "", "#ffffff", "test"))
    groups = {"one": ("one",), "both": ("one", "two")}
    return Labelmap(labels, CT_AFFINE, atoms, groups, "test")


def test_the_organ_of_a_label_map_is_found_on_its_slices():
    dose_map = map_of([[[4.0, 8.0]], [[6.0, 10.0]]])
    labels = np.zeros((4, 2, 4), np.uint8)
    labels[2, 0, 0] = 1
    labels[3, 0, 3] = 2
    one = organ_histogram(dose_map, labelmap_of(labels), "one", (labels == 1).sum(axis=(1, 2)))
    assert one.dose_mGy.tolist() == [6.0]
    assert one.volume_ml == pytest.approx([0.125])
    both = organ_histogram(dose_map, labelmap_of(labels), "both", (labels > 0).sum(axis=(1, 2)))
    assert both.dose_mGy.tolist() == [6.0, 10.0]
    nothing = organ_histogram(dose_map, labelmap_of(labels), "one", np.zeros(4, int))
    assert nothing is None


def test_of_a_large_organ_some_pixels_tell_the_same():
    generator = np.random.default_rng(1)
    dose_map = map_of(generator.uniform(5.0, 15.0, (10, 100, 100)))
    labels = np.zeros((20, 200, 200), np.uint8)
    labels[3:17, 20:180, 10:190] = 1  # 403 200 voxels
    whole = dose_volume_histogram(dose_map, labels == 1, CT_AFFINE)
    some = organ_histogram(dose_map, labelmap_of(labels), "one", (labels == 1).sum(axis=(1, 2)))
    assert some.total_ml == pytest.approx(403_200 * 0.125, rel=1e-3)
    doses = np.arange(5.0, 15.0)
    assert some.percent_at_least(doses) == pytest.approx(whole.percent_at_least(doses), abs=1.0)
