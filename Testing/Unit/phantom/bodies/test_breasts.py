"""Breasts: both sides, in front of the chest's muscle, of about the wanted mass."""

from __future__ import annotations

import pytest
from body_organs import around, painted

PEOPLE = [
    (0, "female", None, None),
    (5, "female", None, None),
    (15, "female", None, None),
    (30, "female", 17.0, 4.0),
    (30, "female", 42.0, 60.0),
    (40, "male", None, None),
]


@pytest.mark.parametrize(("age", "sex", "bmi", "fat_mm"), PEOPLE)
def test_both_breasts_are_before_the_chest(age, sex, bmi, fat_mm):
    painter = painted(age, sex, bmi=bmi, fat_mm=fat_mm)
    for side, name in ((1, "right"), (-1, "left")):
        sampled = around(painter, f"breast_{name}_*", f"breast_{name}_glandular")
        middle = sampled.middle(f"breast_{name}_glandular")
        assert middle[0] * side > 5
        assert middle[1] > 15
        touched = sampled.beside(f"breast_{name}_glandular", f"breast_{name}_adipose")
        assert "skin" in touched
        assert not {n for n in touched if "lung" in n or "heart" in n}
        assert "" not in sampled.beside(f"breast_{name}_glandular")


@pytest.mark.parametrize(("age", "sex", "bmi", "fat_mm"), PEOPLE)
def test_masses_are_within_what_one_solving_step_mends(age, sex, bmi, fat_mm):
    painter = painted(age, sex, bmi=bmi, fat_mm=fat_mm)
    for organ in ("breast_glandular", "breast_adipose"):
        have = sum(
            around(painter, f"breast_{name}_adipose", margin_mm=4).grams(organ)
            for name in ("right", "left")
        )
        assert 0.5 < have / painter.masses_g[organ] < 2.2


def test_a_womans_gland_is_larger_than_a_girls():
    def gland(age: float) -> float:
        return around(painted(age, "female"), "breast_left_glandular").grams("breast_glandular")

    assert gland(5) < 0.1 * gland(15) < gland(30)
