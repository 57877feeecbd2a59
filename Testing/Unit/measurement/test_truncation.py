"""Bodies of known size, cropped: how unlike the sides are cut, what is corrected, and the error."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.measurement.size_interval import wed_interval_mm
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

# A chest as an ellipse with two lungs, in an image of 420 x 320 mm.
HALF_WIDTH_MM, HALF_DEPTH_MM = 170.0, 120.0


def chest():
    y, x = np.mgrid[:320, :420] - np.array([159.5, 209.5])[:, None, None]
    body = (x / HALF_WIDTH_MM) ** 2 + (y / HALF_DEPTH_MM) ** 2 < 1
    lungs = ((abs(x) - 75) / 55) ** 2 + (y / 80) ** 2 < 1
    noise = np.random.default_rng(0).integers(-9, 9, body.shape)
    return body, np.where(body, np.where(lungs, -800, 40), -1000) + noise


def size_of(body, hu):
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    hu = hu[None].astype(np.int16)
    series = CTSeries(hu, affine, (SliceInfo(0.0),), Acquisition(), "test")
    atom = Atom(1, "body_rest", "", "#ffffff", "test")
    labels = body[None].astype(np.uint8)
    labelmap = Labelmap(labels, affine, (atom,), {"body": ("body_rest",)}, "test")
    return measure_size(series, labelmap, measure(series, labelmap))


def cropped(left=0, right=0, front=0, back=0):
    """Return the size of the chest with so many mm of it beyond the image's sides."""
    body, hu = chest()
    rows = slice(40 + front if front else 0, 280 - back if back else 320)
    columns = slice(40 + left if left else 0, 380 - right if right else 420)
    return size_of(body[rows, columns], hu[rows, columns])


WHOLE_MM = size_of(*chest()).wed_mm[0]


def in_a_disc(radius_mm, centre_mm):
    """Return the size of the chest, moved sideways, in a circle of reconstruction."""
    body, hu = chest()
    y, x = np.mgrid[:320, :320] - 159.5
    columns = slice(50 + centre_mm, 370 + centre_mm)
    circle = np.hypot(x, y) < radius_mm
    return size_of(body[:, columns] & circle, np.where(circle, hu[:, columns], -1000))


@pytest.mark.parametrize(
    ("sides", "asymmetry"),
    [
        ({"left": 20}, 1.0),
        ({"right": 20}, 1.0),
        ({"front": 12}, 1.0),
        ({"back": 12}, 1.0),
        ({"left": 20, "right": 20}, 0.0),
        ({"front": 12, "back": 12}, 0.0),
        ({"left": 20, "right": 20, "front": 14, "back": 14}, 0.0),
        ({}, 0.0),
    ],
)
def test_opposite_sides_that_are_cut_alike_cancel(sides, asymmetry):
    assert cropped(**sides).asymmetry[0] == pytest.approx(asymmetry, abs=0.01)


def test_asymmetry_is_the_difference_of_the_sides_over_their_sum():
    both, left = cropped(left=30, right=5), cropped(left=30)
    # An ellipse's chord at a depth d from its end is 2 b sqrt(1 - (1 - d / a)^2).
    wide, narrow = (np.sqrt(1 - (1 - depth / HALF_WIDTH_MM) ** 2) for depth in (30, 5))
    assert both.asymmetry[0] == pytest.approx((wide - narrow) / (wide + narrow), abs=0.03)
    assert left.asymmetry[0] == 1


def test_two_neighbouring_sides_are_cut_at_a_right_angle():
    # Both chords are as long; nothing is cut opposite either.
    assert cropped(left=30, back=10).asymmetry[0] == pytest.approx(np.sqrt(0.5), abs=0.01)


def test_a_circle_of_reconstruction_tells_its_sides_too():
    centred, beside = in_a_disc(160, 0), in_a_disc(160, 35)
    assert centred.truncated_fraction[0] > 0.05
    assert beside.truncated_fraction[0] > 0.05
    assert centred.asymmetry[0] < 0.02
    assert beside.asymmetry[0] > 0.8


@pytest.mark.parametrize("each_mm", [1, 2, 3, 5, 8, 11])
def test_what_is_cut_alike_on_two_sides_is_corrected(each_mm):
    size = cropped(left=each_mm, right=each_mm)
    assert 0.05 < size.truncated_fraction[0] < 0.3
    error = size.wed_corrected_mm[0] / WHOLE_MM - 1
    assert -0.01 < error < 0.003
    assert size.scan_flags[0].code == "body_truncated"
    assert "one side" not in size.scan_flags[0].message
    low, high = wed_interval_mm(size)
    assert low < WHOLE_MM < high


@pytest.mark.parametrize(
    ("sides", "least", "range_words"),
    [
        ({"left": 20}, 0.012, "by 0.2 to 6.5 %"),
        ({"right": 30}, 0.025, "by 0.2 to 6.5 %"),
        ({"left": 55}, 0.05, "by 1 to 20 %"),
        ({"left": 34, "right": 1}, 0.03, "by 0.2 to 6.5 %"),
        ({"back": 20}, 0.01, "by 1 to 20 %"),
    ],
)
def test_one_side_cut_gets_the_error_that_crops_had_and_no_corrected_value(
    sides, least, range_words
):
    size = cropped(**sides)
    assert np.isnan(size.wed_corrected_mm[0])
    error = size.wed_mm[0] / WHOLE_MM - 1
    assert error < -least
    (cut,) = size.scan_flags
    assert cut.code == "truncation_not_corrected"
    assert "% of the body contour, on one side" in cut.message
    assert f"too small, {range_words} in whole bodies" in cut.consequence
    low, high = wed_interval_mm(size)
    assert low < WHOLE_MM < high


def test_more_of_two_sides_than_can_be_estimated_is_flagged_with_its_error():
    size = cropped(left=40, right=40)
    assert np.isnan(size.wed_corrected_mm[0])
    assert -0.14 < size.wed_mm[0] / WHOLE_MM - 1 < -0.01
    assert "by 1 to 14 % in whole bodies" in size.scan_flags[0].consequence


def test_a_touch_of_one_side_is_corrected():
    size = cropped(left=4)
    assert size.truncated_fraction[0] < 0.1
    assert abs(size.wed_corrected_mm[0] / WHOLE_MM - 1) < 0.01
    assert size.scan_flags[0].code == "body_truncated"
