"""The flags of a body that a network drew."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.segmentation.unet.doubts import doubts

REST, COUCH = 1, 2
K, J, I = np.ogrid[:10, :120, :160]  # noqa: E741 - the axes of the volume


def rod(j, i, radius):
    return np.broadcast_to((J - j) ** 2 + (I - i) ** 2 < radius**2, (10, 120, 160))


def codes(dense, body, pixel_mm=2.0, turned=(0, 1, 2), couch=None):
    """Flags of `body`, drawn in a volume with tissue in `dense`."""
    hu = np.where(dense, 30, -1000).astype(np.int16)
    labels = np.where(body, REST, 0).astype(np.uint8)
    if couch is not None:
        labels[couch & ~body] = COUCH
    matrix = np.diag([-pixel_mm, -pixel_mm, 5.0, 1.0])
    # Columns of an affine belong to i, j, k; axes of an array to k, j, i.
    matrix[:, :3] = matrix[:, [2 - axis for axis in reversed(turned)]]
    hu, labels = (np.ascontiguousarray(v.transpose(turned)) for v in (hu, labels))
    slices = tuple(SliceInfo(z_mm=5.0 * k) for k in range(len(hu)))
    series = CTSeries(hu, matrix, slices, Acquisition(), "test")
    return [f.code for f in doubts(series, labels, {COUCH})]


TRUNK, ARM = rod(60, 70, 40), rod(60, 130, 14)


@pytest.mark.parametrize("turned", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_a_body_with_an_arm_is_not_doubtful(turned):
    assert codes(TRUNK | ARM, TRUNK | ARM, turned=turned) == []


def test_raised_arms_beside_a_head_are_no_second_body():
    arms = rod(60, 25, 20) | rod(60, 135, 20)
    head = rod(60, 80, 32) & (K > 2) & (K < 7)
    assert codes(head | arms, head | arms) == []


def test_two_bodies_are_flagged():
    two = rod(60, 40, 35), rod(60, 120, 30)
    assert codes(two[0] | two[1], two[0] | two[1]) == ["several_bodies"]


@pytest.mark.parametrize("turned", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
@pytest.mark.parametrize("called", [None, TRUNK], ids=["nothing", "couch"])
def test_solid_tissue_that_is_called_something_else_is_flagged(turned, called):
    assert codes(TRUNK, TRUNK & (J < 70), turned=turned, couch=called) == ["tissue_left_out"]


def test_a_couch_is_no_tissue_that_was_left_out():
    """Its shell is thin, whatever its length, and its core is foam."""
    couch = (J > 104) & (J < 108) & (I > 5) & (I < 155)
    assert codes(TRUNK | couch, TRUNK, pixel_mm=1.0, couch=couch) == []


def test_a_couch_at_the_edge_of_the_image_is_not_twice_as_thick():
    couch = (J >= 108) & (I > 5) & (I < 155)
    assert codes(TRUNK | couch, TRUNK, pixel_mm=1.0, couch=couch) == []


def test_nothing_dense_at_all_is_nothing_to_doubt():
    nothing = np.zeros((10, 120, 160), bool)
    assert codes(nothing, nothing) == []
