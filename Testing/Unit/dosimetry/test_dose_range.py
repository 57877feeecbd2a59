"""The irradiated range: what lies outside it gets less, and how sure that is."""

from __future__ import annotations

import pytest
from dose_scans import MODEL, codes, doses

from CTDoseSegLib.measurement.ctdi_per_mas import K90

TYPED = {"irradiated_range_mm": "user"}
GUESSED = {"irradiated_range_mm": "computed: image (0018,1302) centred on the images"}


def liver_in(low, high, **changes):
    return doses(irradiated_range_mm=(low, high), **changes)[1]["liver"]


def widening(result):
    return next(one.message for one in result.flags if one.code == "irradiated_range_widened")


def test_an_organ_in_a_known_range_gets_less_dose_outside_it():
    inside, outside = liver_in(-50.0, 300.0), liver_in(170.0, 300.0)
    assert outside.dose_mGy < 0.5 * inside.dose_mGy
    assert inside.budget["irradiated_range"] < doses()[1]["liver"].budget["irradiated_range"]


def test_a_range_that_was_not_typed_is_widened_by_overranging():
    # Half of the collimation at each end, 15 mm where it is not known; a typed range includes it.
    wide = liver_in(70.0, 125.0, total_collimation_mm=40.0)
    usual = liver_in(75.0, 120.0)
    assert usual.dose_mGy == pytest.approx(liver_in(60.0, 135.0, sources=TYPED).dose_mGy)
    assert wide.dose_mGy == pytest.approx(liver_in(50.0, 145.0, sources=TYPED).dose_mGy)
    result, _ = doses(irradiated_range_mm=(70.0, 125.0))
    assert "by 15 mm at each end" in widening(result)
    collimated, _ = doses(irradiated_range_mm=(70.0, 125.0), total_collimation_mm=38.4)
    assert "by 19.2 mm at each end (half the total collimation)" in widening(collimated)
    typed, _ = doses(irradiated_range_mm=(70.0, 125.0), sources=TYPED)
    assert "irradiated_range_widened" not in codes(typed.flags)


def test_the_ranges_line_is_small_deep_inside_and_grows_towards_and_beyond_the_edge():
    # The liver lies from 60 to 135 mm.
    lows = (-400.0, 0.0, 50.0, 100.0, 190.0)
    lines = [liver_in(low, 600.0, sources=TYPED).budget["irradiated_range"] for low in lows]
    assert lines[0] == pytest.approx(0.02, abs=0.002)
    assert lines == sorted(lines)
    assert lines[2] > 1.2 * lines[0]
    # What bodies left out have where scatter alone reaches it; what the edge does comes to it.
    scatter = MODEL.regions["abdomen"].organs["liver"].scatter_log_q90 / K90
    assert lines[3] > 0.5 * scatter
    assert lines[4] > scatter


def test_a_guessed_range_is_less_certain_than_a_stated_and_a_typed_one():
    typed, stated, guessed = (
        liver_in(-50.0, 250.0, sources=s).budget["irradiated_range"] for s in (TYPED, {}, GUESSED)
    )
    assert typed < stated < guessed


@pytest.mark.parametrize(("low", "part"), [(0.0, None), (100.0, ": 50%"), (190.0, ": 100%")])
def test_an_organ_outside_the_range_is_flagged(low, part):
    liver = liver_in(low, 600.0, sources=TYPED)
    flags = [entry for entry in liver.flags if entry.code == "organ_outside_range"]
    assert bool(flags) is (part is not None)
    for entry in flags:
        assert part in entry.message


def test_a_range_that_misses_the_images_counts_as_not_known():
    result, organs = doses(irradiated_range_mm=(5000.0, 6000.0))
    unknown = doses()[1]["liver"]
    assert organs["liver"].dose_mGy == pytest.approx(unknown.dose_mGy)
    assert organs["liver"].budget == unknown.budget
    assert {"dose_range_unknown", "irradiated_range_elsewhere"} <= codes(result.flags)
