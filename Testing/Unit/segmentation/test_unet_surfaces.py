"""What a network at 2 mm leaves to the pixels: the edge of a lung, a couch, foam."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from CTDoseSegLib.segmentation.unet.spec import UNetSpec
from CTDoseSegLib.segmentation.unet.surfaces import draw_surfaces, fill_cavities
from CTDoseSegLib.segmentation.working_grid import Canonical

SPEC = UNetSpec(classes=("body_rest", "couch", "lung_left", "lung_right", "bone"), pixel_mm=2.0)
REST, COUCH, LEFT, RIGHT, BONE = range(1, 6)
FACTOR = 2


def trunk(lung_hu=-800, depth=12):
    """HU and true labels at 1 mm, and both at 2 mm: a round body with a lung on a thin couch."""
    y, x = np.mgrid[:200, :200]
    body = np.hypot(y - 90, x - 100) < 60.5
    lung = np.hypot(y - 85, (x - 120) * 1.3) < 25.3
    shell = (np.abs(np.hypot(y + 60, x - 100) - 212.5) < 1.5) & (y > 100)
    hu = np.full((depth, 200, 200), -1000, np.int16)
    truth = np.zeros(hu.shape, np.uint8)
    for place, value, label in ((shell, 60, COUCH), (body, 40, REST), (lung, lung_hu, LEFT)):
        hu[:, place] = value
        truth[:, place] = label
    return hu, truth


def seen_by(hu, labels):
    """A network's labels on its grid of 2 mm and enlarged, and the working volume."""
    coarse = labels[:, ::FACTOR, ::FACTOR].copy()
    small = hu.reshape(len(hu), 100, 2, 100, 2).mean(axis=(2, 4)).astype(np.int16)
    return coarse.repeat(FACTOR, axis=1).repeat(FACTOR, axis=2), coarse, small


def drawn(hu, labels, spec=SPEC):
    fine, coarse, small = seen_by(hu, labels)
    before = fine.copy()
    view = Canonical(hu, (2.0, 1.0, 1.0), (0, 1, 2), ())
    draw_surfaces(fine, coarse, small, view, spec)
    return before, fine


@pytest.mark.parametrize("shift", [0, 80])
def test_the_edge_of_a_lung_is_that_of_its_pixels(shift):
    hu, truth = trunk()
    before, after = drawn(hu + np.int16(shift), truth)
    wrong_before = ((before == LEFT) != (truth == LEFT)).sum()
    assert wrong_before > 100
    assert ((after == LEFT) != (truth == LEFT)).sum() <= 0.02 * wrong_before


def test_a_bone_at_the_edge_of_a_lung_stays_bone():
    hu, truth = trunk()
    rib = ndimage.binary_dilation(truth == LEFT, iterations=3) & (truth == REST)
    hu[rib], truth[rib] = 600, BONE
    before, after = drawn(hu, truth)
    assert (after[before == BONE] == BONE).all()


def test_beside_bone_what_is_as_dense_is_bone_and_what_is_not_stays():
    hu, truth = trunk()
    rows, columns = 2 * (
        np.argwhere(ndimage.binary_erosion(truth[5] == REST, iterations=14))[0] // 2
    )
    rib = (slice(None), slice(rows, rows + 12), slice(columns, columns + 12))
    assert (truth[rib] == REST).all()
    hu[rib], truth[rib] = 600, BONE
    thin = truth.copy()
    thin[:, rows : rows + 2, columns : columns + 12] = REST
    _, after = drawn(hu, thin)
    assert (after[rib] == BONE).all()
    hu[:, rows : rows + 2, columns : columns + 12] = 280  # not half of it is bone
    _, after = drawn(hu, thin)
    assert not (after[:, rows, columns : columns + 12] == BONE).any()
    hu[rib], hu[:, rows : rows + 2, columns : columns + 12] = 400, 240
    _, after = drawn(hu, thin)
    assert not (after[:, rows, columns : columns + 12] == BONE).any()


def test_a_dense_lung_takes_no_fat():
    """Halfway between consolidated lung and muscle, fat would be lung."""
    hu, truth = trunk(lung_hu=-50)
    hu[ndimage.binary_dilation(truth == LEFT, iterations=6) & (truth == REST)] = -100
    _, after = drawn(hu, truth)
    assert not (after[truth == REST] == LEFT).any()


def test_the_shell_beneath_the_body_is_the_couchs():
    hu, truth = trunk()
    seen = truth.copy()
    # What the network takes for body: the shell, wherever the body lies on it, but for one slice.
    middle = np.abs(np.arange(200) - 100) < 35
    seen[1:, :, middle] = np.where(truth == COUCH, REST, truth)[1:, :, middle]
    before, after = drawn(hu, seen)
    couch_in_body = ((before == REST) & (truth == COUCH)).sum()
    assert couch_in_body > 1000
    assert ((after == REST) & (truth == COUCH)).sum() < 0.2 * couch_in_body
    body = (truth == REST) | (truth == LEFT)
    assert (after[body] == COUCH).mean() < 0.003


def test_a_piece_of_couch_within_the_body_is_body():
    hu, truth = trunk()
    j, i = 2 * (np.argwhere(ndimage.binary_erosion(truth[5] == REST, iterations=10))[0] // 2)
    seen = truth.copy()
    seen[3:6, j - 3 : j + 3, i - 3 : i + 3] = COUCH
    _, after = drawn(hu, seen)
    assert (after[truth == REST] == COUCH).mean() < 0.003
    assert (after[3:6, j - 2 : j + 2, i - 2 : i + 2] == REST).all()


def test_fat_beside_the_body_that_is_couch_in_one_slice_alone_is_body():
    hu, truth = trunk()
    seen = truth.copy()
    rim = (truth[6] == REST) & ~ndimage.binary_erosion(truth[6] == REST, iterations=3)
    rim &= np.arange(200)[:, None] > 100
    rim &= ~ndimage.binary_dilation(truth[6] == LEFT, iterations=6)
    seen[6][rim] = COUCH
    before, after = drawn(hu, seen)
    assert (before[6][rim] == COUCH).mean() > 0.5
    assert (after[6][rim] == COUCH).mean() < 0.1


def test_a_shell_that_the_network_never_drew_stays_in_the_body():
    """In a single slice it cannot be known from skin that follows the couch's circle."""
    hu, truth = trunk(depth=1)
    seen = truth.copy()
    middle = np.abs(np.arange(200) - 100) < 35
    seen[:, :, middle] = np.where(truth == COUCH, REST, truth)[:, :, middle]
    before, after = drawn(hu, seen)
    assert ((after == REST) & (truth == COUCH)).sum() > 0.9 * (
        (before == REST) & (truth == COUCH)
    ).sum()


def test_skin_that_follows_the_couchs_circle_is_no_couch():
    hu, truth = trunk()
    y, x = np.mgrid[:200, :200]
    # The couch is seen on both sides only; between them the back runs on along its circle.
    between = np.abs(x - 100) < 60
    beyond = np.hypot(y + 60, x - 100) > 214
    hu[:, between & (y > 120)] = -1000
    truth[:, between & (y > 120)] = 0
    back = between & (y > 90) & ~beyond & (np.abs(x - 100) < 55)
    hu[:, back & (y > 120)], truth[:, back & (y > 120)] = 40, REST
    _, after = drawn(hu, truth)
    assert not (after[truth == REST] == COUCH).any()


def test_a_piece_of_foam_is_no_limb_and_an_arm_is_one():
    hu, truth = trunk()
    hu[:, 20:36, 10:26], truth[:, 20:36, 10:26] = -250, REST
    hu[:, 20:36, 170:186], truth[:, 20:36, 170:186] = 30, REST
    _, after = drawn(hu, truth)
    assert (after[:, 20:36, 10:26] == COUCH).all()
    assert (after[:, 20:36, 170:186] == REST).all()


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, windows=()),
        replace(SPEC, classes=("tumour", "other", "lung_left", "lung_right", "bone")),
    ],
    ids=["MR", "no body"],
)
def test_a_network_of_another_kind_is_left_alone(spec):
    hu, truth = trunk()
    before, after = drawn(hu, truth, spec)
    assert (before == after).all()


def filled(labels):
    fine, coarse, _ = seen_by(np.zeros(labels.shape, np.int16), labels)
    before = fine.copy()
    fill_cavities(fine, coarse, SPEC)
    return before, fine, coarse


def test_gas_that_the_network_left_out_of_the_belly_is_inside_the_body():
    _, truth = trunk()
    truth[4:8, 60:80, 70:90] = 0
    before, fine, coarse = filled(truth)
    hole = (before == 0) & (fine != before)
    assert hole[4:8, 60:80, 70:90].all()
    assert hole.sum() == 4 * 20 * 20
    assert (fine[hole] == REST).all()
    assert (coarse[4:8, 30:40, 35:45] == REST).all()


def test_what_is_open_to_the_end_of_the_scan_stays_outside():
    _, truth = trunk()
    truth[4:, 60:80, 70:90] = 0
    before, fine, _ = filled(truth)
    assert np.array_equal(before, fine)


def test_the_hollow_of_a_couch_is_no_body():
    _, truth = trunk()
    truth[2:10, 170:190, 60:140] = COUCH
    truth[3:9, 176:184, 70:130] = 0
    before, fine, _ = filled(truth)
    assert np.array_equal(before, fine)
