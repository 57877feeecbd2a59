"""One word on how sure organ doses are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from CTDoseSegLib.dosimetry.doses import OrganDose
from CTDoseSegLib.dosimetry.fast import uncertainty
from CTDoseSegLib.dosimetry.montecarlo import interval
from CTDoseSegLib.reporting.confidence import (
    CONTRADICTED,
    CONTRAST,
    REASONS,
    confidence,
    confidence_of,
    whole_organs,
)

DOSE = OrganDose(
    *("liver", "abdomen", 10.0, 9.0, 11.0, 8.0, 12.5, 10.0, 1500.0, 20, 1.0, "ctdivol"),
    by_route={},
    slice_dose_mGy=None,
)


def known_to(down: float, up: float, **budget: float) -> OrganDose:
    return replace(DOSE, total_low_mGy=10 / down, total_high_mGy=10 * up, budget=budget)


@pytest.mark.parametrize(
    ("factor", "word"), [(1.2, "good"), (1.4, "moderate"), (1.6, "low"), (3.0, "low")]
)
def test_the_word_follows_the_width_of_the_organ_in_the_middle(factor, word):
    middle = known_to(factor, factor, law=0.1, beam=0.3)
    said, below, above, reason = confidence([middle, known_to(9.0, 9.0), known_to(1.01, 1.01)])
    assert said == word
    assert (below, above) == pytest.approx((1 - 1 / factor, factor - 1))
    assert reason == REASONS["beam"]


def test_the_upper_end_counts_as_much_as_the_lower():
    said, below, above, reason = confidence([known_to(1.2, 1.9, law=0.1)])
    assert said == "low"
    assert (below, above) == pytest.approx((1 - 1 / 1.2, 0.9))
    assert reason == CONTRAST


def test_without_an_interval_nothing_is_said():
    assert confidence([replace(DOSE, total_low_mGy=None)])[0] == ""
    assert confidence([replace(DOSE, dose_mGy=None)])[0] == ""


def test_every_uncertainty_component_has_its_reason():
    components = set(uncertainty.SHARED_BY) | set(interval.SHARED_BY)
    assert components == set(REASONS)


def test_parts_count_with_their_organ_and_a_contradiction_makes_it_low():
    from tiny_analysis import organ_dose, tiny_result

    from CTDoseSegLib.flags import flag

    organs = (organ_dose("lung", 10.0), organ_dose("lung_left", 9.0), organ_dose("liver", 8.0))
    result = tiny_result(organs=organs)
    assert whole_organs(result) == {"lung", "liver"}
    word, *_ = confidence_of(result)
    assert word == "moderate"
    doubted = replace(result, reading_flags=(flag("ctdivol_per_mas", "2.2 mGy per mAs"),))
    assert confidence_of(doubted)[0] == "low"
    assert confidence_of(doubted)[3] == CONTRADICTED
