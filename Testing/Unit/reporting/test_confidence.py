"""One word on how sure organ doses are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from CTDoseSegLib.dosimetry.doses import OrganDose
from CTDoseSegLib.dosimetry.fast import uncertainty
from CTDoseSegLib.dosimetry.montecarlo import interval
from CTDoseSegLib.reporting.confidence import REASONS, confidence

DOSE = OrganDose(
    *("liver", "abdomen", 10.0, 9.0, 11.0, 8.0, 12.5, 10.0, 1500.0, 20, 1.0, "ctdivol"),
    by_route={},
    slice_dose_mGy=None,
)


def known_to(factor: float, **budget: float) -> OrganDose:
    return replace(DOSE, total_low_mGy=10 / factor, total_high_mGy=10 * factor, budget=budget)


@pytest.mark.parametrize(
    ("factor", "word"), [(1.2, "good"), (1.4, "moderate"), (1.6, "low"), (3.0, "low")]
)
def test_the_word_follows_the_width_of_the_organ_in_the_middle(factor, word):
    organs = [known_to(1.01), known_to(factor, law=0.1, beam=0.3), known_to(9.0)]
    said, reason = confidence(organs)
    assert said == word
    assert f"about {100 * (factor - 1):.0f} %" in reason
    assert reason.endswith(REASONS["beam"])


def test_without_an_interval_nothing_is_said():
    assert confidence([replace(DOSE, total_low_mGy=None)]) == ("", "")
    assert confidence([replace(DOSE, dose_mGy=None)]) == ("", "")


def test_every_uncertainty_component_has_its_reason():
    components = set(uncertainty.SHARED_BY) | set(interval.SHARED_BY)
    assert components == set(REASONS)
