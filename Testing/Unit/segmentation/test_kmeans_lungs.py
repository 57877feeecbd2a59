"""Lungs of a slice by two clusters: each step is that of scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import measure, morphology
from sklearn.cluster import KMeans

from CTDoseSegLib.segmentation.kmeans_lungs import lung_mask, lung_steps


def chest(size: int = 240, *, noise_hu: float = 15.0) -> np.ndarray:
    """An oval body in air with two lungs, which hold vessels, and a bright spine."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    hu = np.full((size, size), -1000.0)
    hu[(x / 0.9) ** 2 + (y / 0.7) ** 2 < 1] = 40
    for side in (-1, 1):
        hu[((x - 0.42 * side) / 0.3) ** 2 + (y / 0.45) ** 2 < 1] = -820
        hu[((x - 0.4 * side) / 0.02) ** 2 + ((y - 0.1) / 0.02) ** 2 < 1] = 30
    hu[(x / 0.1) ** 2 + ((y - 0.5) / 0.1) ** 2 < 1] = 700
    noise = np.random.default_rng(5).normal(0, noise_hu, hu.shape)
    return np.rint(hu + noise).astype(np.int16)


def by_scikit_image(hu: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same steps with other libraries' functions."""
    rows, columns = hu.shape
    image = (hu - hu.mean()) / hu.std()
    middle = image[int(rows / 5) : int(rows / 5 * 4), int(columns / 5) : int(columns / 5 * 4)]
    mean, most, least = middle.mean(), image.max(), image.min()
    image[image == most] = mean
    image[image == least] = mean
    clusters = KMeans(n_clusters=2, n_init=10, random_state=3).fit(middle.reshape(-1, 1))
    below = np.where(image < clusters.cluster_centers_.mean(), 1.0, 0.0)
    cleaned = morphology.dilation(morphology.erosion(below, np.ones((3, 3))), np.ones((8, 8)))
    labels = measure.label(cleaned)
    good = []
    for region in measure.regionprops(labels):
        top, left, bottom, right = region.bbox
        small = bottom - top < rows / 10 * 9 and right - left < columns / 10 * 9
        if small and top > rows / 5 and bottom < rows / 5 * 4:
            good.append(region.label)
    mask = morphology.dilation(np.isin(labels, good).astype(np.int8), np.ones((10, 10)))
    return image, below > 0, cleaned > 0, labels, mask > 0


@pytest.mark.parametrize("size", [201, 240])
def test_every_step_is_that_of_the_libraries(size):
    hu = chest(size)
    steps = lung_steps(hu)
    image, below, cleaned, labels, mask = by_scikit_image(hu)
    np.testing.assert_allclose(steps.standardised, image, atol=1e-12)
    np.testing.assert_array_equal(steps.below, below)
    np.testing.assert_array_equal(steps.cleaned, cleaned)
    np.testing.assert_array_equal(steps.labels, labels)
    np.testing.assert_array_equal(steps.mask, mask)
    assert steps.mask.any()


def test_the_mask_holds_both_lungs_with_their_vessels_and_no_air_outside():
    hu = chest()
    mask = lung_mask(hu)
    inside = np.zeros_like(mask)
    inside[72:168, 40:104] = inside[72:168, 136:200] = True
    assert mask[inside & (hu < -500)].all()
    assert mask[131, 72]  # a vessel
    assert hu[131, 72] > 0
    assert not mask[:10].any()
    assert not mask[:, :5].any()


def test_the_threshold_lies_half_way_between_lung_and_tissue():
    assert lung_steps(chest()).threshold_hu == pytest.approx((-820 + 40) / 2, abs=60)


def test_one_scan_has_one_threshold_and_one_mask():
    hu = np.tile(np.arange(60) % 3 * 100, (60, 1)).astype(np.int16)  # 0 and 200 as likely
    hu[0, 0], hu[0, 1] = -1000, 1000
    steps = [lung_steps(hu) for _ in range(12)]
    assert len({one.threshold_hu for one in steps}) == 1
    assert len({one.mask.tobytes() for one in steps}) == 1


@pytest.mark.parametrize(
    "hu",
    [
        np.full((60, 60), -1000, np.int16),
        np.full((1, 1), 3, np.int16),
        np.full((60, 60), 40, np.int16),
        np.pad(np.full((40, 40), 40, np.int16), 10, constant_values=-1000),
    ],
    ids=["air", "one pixel", "tissue", "tissue in air"],
)
def test_a_slice_with_one_value_in_its_middle_has_no_threshold_and_an_empty_mask(hu):
    steps = lung_steps(hu)
    assert steps.threshold_hu is None
    assert steps.mask.shape == hu.shape
    assert steps.mask.dtype == bool
    assert not steps.mask.any()


def test_noise_is_parted_too_so_a_mask_alone_is_no_proof_of_lung():
    hu = np.random.default_rng(2).integers(20, 60, (60, 60)).astype(np.int16)
    steps = lung_steps(hu)
    assert 20 < steps.threshold_hu < 60
    assert steps.mask.any()


def test_a_lung_whose_box_reaches_too_far_gives_an_empty_mask():
    hu, air = chest(), np.full((60, 240), -1000, np.int16)
    assert not lung_mask(np.vstack([hu[60:], air])).any()  # lungs near the upper edge
    assert not lung_mask(np.vstack([air, hu[:-60]])).any()  # near the lower edge


@pytest.mark.parametrize(
    ("rows", "columns", "may_be_lung"),
    [
        ((80, 120), (20, 180), True),
        ((80, 120), (4, 196), False),
        ((4, 196), (80, 120), False),
    ],
    ids=["narrow enough", "too wide", "too tall"],
)
def test_what_is_nearly_as_large_as_the_slice_is_no_lung(rows, columns, may_be_lung):
    hu = np.full((200, 200), 40, np.int16)
    hu[slice(*rows), slice(*columns)] = -800
    hu[rows[0], columns[0]], hu[0, 0] = -810, 60  # the extremes, which are replaced
    assert lung_mask(hu).any() == may_be_lung
