"""What the law refuses, and what it gives a dose for with a flag."""

from __future__ import annotations

import pytest
from dose_scans import MODEL, codes, doses, with_hu

AORTA = MODEL.regions["chest"].organs["aorta"]
BODIES, USUAL = AORTA.bodies_wed_mm, AORTA.usual_wed_mm


def round_body(diameter_mm) -> dict:
    """A body with an aorta; its water-equivalent diameter is this within 2 %."""
    return {"half_axes_mm": (diameter_mm / 2, diameter_mm / 2), "organs": ("aorta",)}


TOO_SMALL = round_body(0.95 * BODIES.low)


@pytest.mark.parametrize(
    ("diameter_mm", "code"),
    [
        (0.96 * BODIES.low, "size_outside_training"),
        ((BODIES.low + USUAL.low) / 2, "outside_training"),
        (1.04 * USUAL.low, None),
        (0.96 * USUAL.high, None),
        ((BODIES.high + USUAL.high) / 2, "outside_training"),
        (1.04 * BODIES.high, "size_outside_training"),
    ],
)
def test_a_size_that_few_bodies_had_is_flagged_and_one_that_none_had_refused(diameter_mm, code):
    result, organs = doses(**round_body(diameter_mm))
    flagged = {"outside_training", "size_outside_training"} & codes(organs["aorta"].flags)
    assert flagged == ({code} if code else set())
    assert (organs["aorta"].dose_mGy is None) is (code == "size_outside_training")
    # Organ by organ: another one may lie where bodies had this size.
    assert not [f for f in result.flags if f.severity == "refusal"]


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        ({"body_part": "KNEE"}, "limb"),
        ({"age_years": 7.0, "phantom_cm": None}, "ctdivol_phantom_of_child"),
        (TOO_SMALL, "size_outside_training"),
        ({**TOO_SMALL, "phantom_cm": None}, "size_outside_training"),
        ({**TOO_SMALL, "ctdivol": None, "kvp_kV": 120.0, "tin_filter": None}, "ctdivol_unknown"),
    ],
)
def test_where_no_organ_has_a_dose_nothing_is_said_of_doses_and_intervals(refused, code):
    doubtful = {"kvp_kV": 65.0, "tin_filter": True, "contrast": True, "pregnancy_stated": True}
    result, organs = doses(**{**doubtful, **refused})
    assert {organ.dose_mGy for organ in organs.values()} == {None}
    found = {f.code: f for f in (*result.flags, *(f for o in organs.values() for f in o.flags))}
    assert code in found
    assert not {"tube_voltage_outside", "dose_range_unknown", "contrast_unseen"} & set(found)
    assert not {"unusual_beam", "mas_only", "ctdivol_phantom_assumed"} & set(found)
    assert not any("interval" in one.message for one in found.values())
    # Of a fetus there is something to say, but not of its mother's organ doses.
    assert "that of the uterus region alone" in found["pregnancy"].consequence


def test_pregnancy_leaves_the_doses_of_the_mothers_organs_and_names_what_is_not_given():
    stated, usual = (doses(pregnancy_stated=p)[1]["liver"] for p in (True, False))
    assert stated.dose_mGy == usual.dose_mGy
    (found,) = [f for f in doses(pregnancy_stated=True)[0].flags if f.code == "pregnancy"]
    assert "unborn child" in found.consequence


@pytest.mark.parametrize(
    "changes",
    [
        {"ctdivol": 90.0},
        {"ctdivol": 0.5},
        {"ctdivol": None, "current": 2500.0},
        {"kvp_kV": 80.0},
        {"age_years": 6.0},
        {"rotation_time_s": 0.25, "pitch": 3.0},
    ],
)
def test_neither_the_exposure_nor_the_age_of_a_body_is_beyond_the_simulated_ones(changes):
    result, organs = doses(**changes)
    assert organs["liver"].dose_mGy > 0
    flagged = codes((*result.flags, *organs["liver"].flags))
    assert not flagged & {"outside_training", "tube_voltage_outside", "unusual_beam"}


@pytest.mark.parametrize("hu", [-60, 130])
def test_no_hu_are_beyond_those_of_the_simulated_bodies(hu):
    """As a drug or much fat makes them: HU are no part of the law."""
    (liver,) = [o for o in with_hu(hu, "liver").organs if o.organ == "liver"]
    assert "outside_training" not in codes(liver.flags)
