"""An effective dose that is not given: one reason, and no flag about a number that is not there."""

from __future__ import annotations

import re

import pytest
from body_part_scans import CHEST, HEAD, NECK, dose


@pytest.mark.parametrize(
    ("organs", "mends"),
    [
        ({"sacrum": (0, 8)}, ("body_part", "segmentation")),
        ({}, ("body_part", "segmentation")),
        # Whoever drew single bones drew what there is.
        ({"hip_left": (0, 8)}, ()),
        ({"femur_left": (0, 40)}, ()),
    ],
    ids=["mostly legs", "nothing known", "mostly legs, bones known", "legs"],
)
def test_a_range_that_no_factor_is_for_is_refused_with_a_flag(organs, mends):
    effective = dose(organs, dlp_mGy_cm=400.0)
    assert effective.effective_dose_mSv is None
    assert effective.low_mSv is effective.high_mSv is None
    assert effective.by_coefficients_mSv == {}
    (why,) = [f for f in effective.flags if f.severity == "refusal"]
    assert why.code == "effective_dose_region"
    # How much of which part, or that no organ shows any.
    assert re.search(r"\d%|no labelled organ shows it", why.message)
    assert why.mends == mends


@pytest.mark.parametrize(
    ("organs", "phantom", "words"),
    [
        (CHEST, None, "not stated"),
        (CHEST, 16, "16 cm, 32 cm for chest"),
        (HEAD, 32, "32 cm, 16 cm for head"),
        (NECK, 32, "32 cm, 16 cm for neck"),
        ({"liver": (0, 20), "lung": (20, 40)}, 16, "16 cm, 32 cm for chest and 32 cm for abdomen"),
    ],
)
def test_a_phantom_that_is_unknown_or_of_another_region_is_refused(organs, phantom, words):
    effective = dose(organs, phantom_cm=phantom, dlp_mGy_cm=400.0)
    assert effective.effective_dose_mSv is None
    (why,) = [f for f in effective.flags if f.severity == "refusal"]
    assert why.code == "effective_dose_phantom"
    assert words in why.message


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age_years": 17.9, "phantom_cm": None}, "effective_dose_phantom"),
        ({"ctdivol": None, "dlp_mGy_cm": None}, "effective_dose_no_dlp"),
        ({"ctdivol": 0.0, "dlp_mGy_cm": float("nan")}, "effective_dose_no_dlp"),
        ({"ctdivol": None, "dlp_mGy_cm": 0.0}, "effective_dose_no_dlp"),
        ({"body_part": "HEAD"}, "effective_dose_region"),
    ],
)
def test_refusals_are_sentences(changes, code):
    effective = dose(CHEST, **{"dlp_mGy_cm": 400.0, **changes})
    assert effective.effective_dose_mSv is None
    (why,) = [f for f in effective.flags if f.severity == "refusal"]
    assert why.code == code
    assert why.message.endswith(".")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        # There is no flag about a phantom, a range or an age that no number depends on.
        ({"ctdivol": None, "phantom_cm": None, "age_years": None}, "effective_dose_no_dlp"),
        ({"ctdivol": None, "body_part": "HEAD"}, "effective_dose_no_dlp"),
        ({"dlp_mGy_cm": 40.0, "body_part": "HEAD", "slices": 10}, "effective_dose_region"),
        ({"dlp_mGy_cm": 40.0, "phantom_cm": 16, "age_years": None}, "effective_dose_phantom"),
    ],
)
def test_a_dose_that_is_refused_has_no_flags_of_its_number(changes, code):
    effective = dose({"lung": (0, 10)} if "slices" in changes else CHEST, **changes)
    assert effective.effective_dose_mSv is None
    assert [one.code for one in effective.flags if one.code != "dlp_disagrees"] == [code]


def test_a_child_of_whom_no_part_is_known_is_refused_for_that():
    effective = dose({}, age_years=8.0, body_part=None, dlp_mGy_cm=100.0)
    assert effective.effective_dose_mSv is None
    assert [f.code for f in effective.flags if f.severity == "refusal"] == ["effective_dose_region"]
