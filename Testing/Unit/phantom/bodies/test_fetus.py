"""A fetus is as large as the published medians of its week."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.fetus import Fetus


# Weight: Hadlock 1991. BPD, OFD, HC, AC, FL: INTERGROWTH-21st.
@pytest.mark.parametrize(
    ("week", "sizes"),
    [
        (14, (93, 30, 34, 98, 81, 13)),
        (20, (331, 48, 61, 172, 148, 31)),
        (30, (1559, 79, 98, 278, 254, 56)),
        (40, (3619, 95, 116, 334, 350, 72)),
    ],
)
def test_sizes_are_the_published_medians(week, sizes):
    fetus = Fetus.of(week)
    found = (
        fetus.weight_g,
        fetus.biparietal_mm,
        fetus.occipitofrontal_mm,
        fetus.head_circumference_mm,
        fetus.abdominal_circumference_mm,
        fetus.femur_mm,
    )
    assert found == pytest.approx(sizes, abs=0.6)


def test_the_weight_holds_from_ten_weeks():
    assert Fetus.of(10).weight_g == pytest.approx(35, abs=0.6)


def test_everything_grows_without_a_jump():
    weeks = np.arange(8, 40.01, 0.25)
    rows = np.array([astuple(Fetus.of(float(week))) for week in weeks])
    growth = np.diff(np.log(rows), axis=0)
    assert (growth > 0).all()
    assert growth.max() < 0.4


def test_before_the_formulas_sizes_follow_the_crown_rump_length():
    """At 12 weeks the head is about 20 mm wide, not the 24 mm of the formula."""
    assert Fetus.of(12).biparietal_mm == pytest.approx(20, abs=1.5)
    assert Fetus.of(8).biparietal_mm == pytest.approx(6, abs=2)


@pytest.mark.parametrize("week", [7.9, 40.1, -1, float("nan")])
def test_a_week_outside_is_refused(week):
    with pytest.raises(InputError, match="8 to 40 weeks"):
        Fetus.of(week)
