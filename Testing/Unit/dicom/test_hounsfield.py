"""Values are judged by their distribution: what is cut off, scaled, shifted or filled is seen."""

from __future__ import annotations

import numpy as np
import pytest
from value_bodies import SHAPE, body

from CTDoseSegLib.dicom.hounsfield import ValueCounts


def problem(values: np.ndarray, padding: np.ndarray | None = None) -> str:
    counts = ValueCounts()
    for image in values:
        counts.add(image, padding)
    return counts.problem()


def grey(low: float, high: float, slope: float, intercept: float) -> np.ndarray:
    """A picture of 8 bits of the window from `low` to `high`, read with a rescaling."""
    stored = np.floor(np.clip((body() - low) / (high - low) * 255, 0, 255))
    return stored * slope + intercept


def corners(values: np.ndarray, size: int, value: int) -> np.ndarray:
    """Fill the four corners of each slice."""
    filled = values.copy()
    for rows in (np.s_[:size], np.s_[-size:]):
        for columns in (np.s_[:size], np.s_[-size:]):
            filled[:, rows, columns] = value
    return filled


def iodine() -> np.ndarray:
    """Iodine above water; no negative values in the body, air around it as in the CT."""
    hu = body()
    return np.where(hu < -950, hu, np.maximum((hu - 20) * 0.3, 0)).astype(np.int16)


@pytest.mark.parametrize("end", [-200, -250, -500, -900])
@pytest.mark.parametrize("top", [250, 3071])
def test_a_window_that_cuts_off_low_values_is_seen(end, top):
    assert f"exactly {end}: lower values" in problem(np.clip(body(), end, top))


def test_a_cut_off_window_is_seen_though_padding_lies_below_it():
    values = corners(np.clip(body(), -200, 250), 12, -1000)
    assert "exactly -200: lower values" in problem(values)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_a_window_that_only_rounds_off_air_or_dense_bone_is_hounsfield_units(kind):
    assert problem(np.clip(body(), -1000, 400).astype(kind)) == ""
    assert problem(np.clip(body(), -1024, 3071).astype(kind)) == ""


def test_bone_cut_off_at_the_value_of_a_brain_window_is_seen():
    assert "higher values, those of bone" in problem(np.clip(body(), -1024, 60))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (body() + 1024, "no value is below -200"),
        ((body() + 1000) / 2000, "no value is below -200"),
        (body() // 2, "-500, not -1000"),
        (body() * 2, "-1998, not -1000"),
        (body() + 120, "not -1000"),
        (body() - 150, "not -1000"),
        (2 * (body() + 1024) - 1024, "the commonest value"),
        (0.5 * (body() + 1024) - 1024, "between -700 and -300"),
    ],
    ids=["stored", "0 to 1", "half", "double", "+120", "-150", "slope 2", "slope 0.5"],
)
def test_scaled_and_shifted_values_are_seen(values, says):
    assert says in problem(values)


@pytest.mark.parametrize("padding", [-1000, -1024, -1400])
def test_stored_values_are_seen_though_their_padding_looks_like_air(padding):
    assert "600 or more" in problem(corners(body() + 1024, 5, padding))


@pytest.mark.parametrize("fill", [0, -300, 100])
def test_a_body_that_was_cut_out_and_filled_is_seen(fill):
    hu = body()
    outside = np.hypot(*(np.mgrid[: SHAPE[1], : SHAPE[2]] - 31.5)) > 22
    hu[:, outside] = fill
    assert problem(hu)


@pytest.mark.parametrize(
    "values",
    [grey(-160, 240, 400 / 255, -160), grey(-160, 240, 1, -1024), grey(-1000, 1000, 1, -1024)],
    ids=["fit", "kept", "wide"],
)
def test_a_grey_picture_is_seen(values):
    assert problem(values)


def test_an_iodine_map_without_a_word_on_it_is_seen():
    assert "exactly 0: lower values" in problem(iodine())


def metal() -> np.ndarray:
    hu = body()
    hu[:, 30:33, 30:33] = 20000
    return hu


def contrast() -> np.ndarray:
    hu = body()
    hu[:, 40:52, 26:38] += 250
    return hu


def cylinders(value: int) -> np.ndarray:
    """A uniform cone without noise, with blurred edges: every value below `value` occurs."""
    j, i = np.mgrid[:128, :128] - 63.5
    radius = 50 + 0.05 * np.arange(30)[:, None, None]
    share = np.clip((radius - np.hypot(j, i)) / 3 + 0.5, 0, 1)
    return np.rint(-1000 + (value + 1000) * share).astype(np.int16)


def filled(value: int) -> np.ndarray:
    """As resampling with that value outside leaves it: beside the body and its air."""
    hu = body()
    hu[:, :, :12] = value
    return hu


@pytest.mark.parametrize(
    "values",
    [
        body(),
        body(noise=60),
        body(noise=0),
        body(radius=40),
        metal(),
        filled(0),
        filled(-2000),
        filled(-3024),
        np.where(body() > -500, 0, -1000),
        np.where(body(noise=0) > -500, 120, -1000),
        np.where(body() > -500, 120, -1000) + np.random.default_rng(1).integers(-30, 31, SHAPE),
        contrast(),
        cylinders(0),
        cylinders(120),
        np.full(SHAPE, -1000),
        np.random.default_rng(2).integers(-1024, -975, SHAPE),
    ],
    ids=[
        *("plain", "low dose", "no noise", "cut by the field of view", "metal", "filled with 0"),
        *(
            "-2000",
            "-3024",
            "water",
            "sharp PMMA",
            "PMMA",
            "contrast",
            "large water",
            "large PMMA",
            "air",
            "noisy air",
        ),
    ],
)
def test_nothing_speaks_against_hounsfield_units(values):
    assert problem(values) == ""


def test_air_that_padding_replaced_is_not_missed():
    hu = body()
    hu = np.where(hu < -200, np.random.default_rng(3).normal(45, 12, SHAPE), hu)  # no lungs
    outside = np.hypot(*(np.mgrid[: SHAPE[1], : SHAPE[2]] - 31.5)) > 20
    assert problem(hu, outside) == ""
    assert problem(hu) == "no value is below -200"


def test_few_voxels_are_judged_by_their_lowest_value_alone():
    assert problem(np.full((2, 5, 5), -500)) == ""
    assert problem(np.zeros((2, 5, 5))) == "no value is below -200"


def test_an_image_may_be_used_again_once_it_was_added():
    """Slices are counted many at once, and a reader has one buffer for all."""
    counts, buffer = ValueCounts(), np.empty((60, 60), np.int16)
    clipped = np.clip(np.random.default_rng(0).normal(-400, 300, buffer.shape), -200, 250)
    buffer[:] = clipped
    counts.add(buffer)
    buffer[:] = -1000
    assert "exactly -200" in counts.problem()
