"""The examination's total: events add up, each once, and what cannot be placed is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, codes, make, scan_of

from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent
from CTDoseSegLib.ct.scanner_profile import GENERIC
from CTDoseSegLib.dosimetry.beam import EVERYWHERE, beam_of
from CTDoseSegLib.dosimetry.examination import OWN, examine
from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.montecarlo.beams import model_of
from CTDoseSegLib.reading.dose_matching import RANGE, MatchedReport, PlacedEvent

WHOLE = (-60.0, 260.0)
SPIRAL = IrradiationEvent(
    uid="1",
    kind="spiral",
    kvp_kV=120.0,
    ctdivol_mGy=9.0,
    phantom_cm=32,
    dlp_mGy_cm=9.0 * 32,
    total_collimation_mm=38.4,
    scanning_length_mm=320.0,
    modulation="NONE",
    dual_source=False,
)


def examined(*others: PlacedEvent, stated=None, own_range=WHOLE, model=True, ratio=1.0, **changes):
    """(examination, doses of the series) of a flat scan exposed as `SPIRAL`."""
    sources = {"irradiated_range_mm": RANGE}
    series, labelmap = make(
        irradiated_range_mm=own_range, sources=sources, modulation="NONE", **changes
    )
    events = (PlacedEvent(SPIRAL, True, own_range, RANGE), *others)
    report = DoseReport(tuple(e.event for e in events), 500.0, stated or len(events))
    series = replace(series, dose_report=MatchedReport(report, events, "event UID"))
    scan = scan_of(series, labelmap, replace(GENERIC, ctdivol_ratio=ratio))
    engine = FastEngine(MODEL) if model else OwnExposureAlone(MODEL)
    doses = engine.estimate(scan)
    return examine(scan, doses, engine), doses


class OwnExposureAlone(FastEngine):
    """An engine that knows the exposure of the images alone."""

    def available(self, scan):
        return scan.own_exposure, "it knows no other exposure"


def other(range_mm=WHOLE, why=RANGE, **changes) -> PlacedEvent:
    return PlacedEvent(replace(SPIRAL, uid="2", **changes), False, range_mm, why)


def pairs(examination, doses):
    """(total, dose of the series) of every organ that has one."""
    return [(examination.of(o.organ, o.region), o) for o in doses.organs if o.dose_mGy is not None]


def test_without_a_report_there_is_no_examination():
    scan = scan_of(*make(slices=4, organs=()))
    engine = FastEngine(MODEL)
    assert examine(scan, engine.estimate(scan), engine) is None


def test_one_event_is_the_series_itself():
    examination, doses = examined()
    assert examination.complete
    assert examination.flags == ()
    assert [event.how for event in examination.events] == [OWN]
    assert len(pairs(examination, doses)) == len(doses.organs) >= 5
    for total, organ in pairs(examination, doses):
        assert total.examination_dose_mGy == organ.dose_mGy
        assert total.examination_low_mGy == organ.total_low_mGy


def test_two_identical_events_give_twice_the_dose_and_twice_the_interval():
    examination, doses = examined(other())
    assert examination.complete
    for total, organ in pairs(examination, doses):
        assert total.examination_dose_mGy == pytest.approx(2 * organ.dose_mGy)
        assert total.examination_low_mGy == pytest.approx(2 * organ.total_low_mGy)
        assert total.examination_high_mGy == pytest.approx(2 * organ.total_high_mGy)


def test_three_phases_count_three_times():
    examination, doses = examined(other(), other())
    for total, organ in pairs(examination, doses):
        assert total.examination_dose_mGy == pytest.approx(3 * organ.dose_mGy)


def test_two_halves_of_a_scan_are_the_whole():
    """Superposition: events that touch add up to one that has both their ranges."""
    middle = 100.0
    parts, doses = examined(other((WHOLE[0], middle)), other((middle, WHOLE[1])))
    for total, organ in pairs(parts, doses):
        assert total.examination_dose_mGy == pytest.approx(2 * organ.dose_mGy, rel=1e-9)


def test_the_dose_of_an_event_goes_with_its_ctdivol():
    examination, doses = examined(other(ctdivol_mGy=4.5))
    for total, organ in pairs(examination, doses):
        assert total.examination_dose_mGy == pytest.approx(1.5 * organ.dose_mGy)


@pytest.mark.parametrize("kvp_kV", [80.0, 120.0])
def test_an_event_of_the_16_cm_phantom_is_in_the_total_as_its_beam_converts_it(kvp_kV):
    ratio = beam_terms(model_of("generic body"), kvp_kV).w16_over_w32
    assert ratio > 1.5
    body, doses = examined(other(kvp_kV=kvp_kV, ctdivol_mGy=4.0))
    head, _ = examined(other(kvp_kV=kvp_kV, ctdivol_mGy=4.0 * ratio, phantom_cm=16))
    assert head.complete
    assert [event.in_total for event in head.events] == [True, True]
    assert head.events[1].phantom_cm == 16
    for total, organ in pairs(head, doses):
        same = body.of(organ.organ, organ.region)
        assert total.examination_dose_mGy == pytest.approx(same.examination_dose_mGy, rel=1e-9)
        assert total.examination_dose_mGy > organ.dose_mGy


def test_the_event_of_a_child_counts_by_the_phantom_that_is_stated_with_it():
    child = {"age_years": 6.0, "half_axes_mm": (100.0, 85.0)}
    by_32, doses = examined(other(), **child)
    by_16, _ = examined(other(phantom_cm=16), **child)
    ratio = beam_terms(model_of("generic body"), 120.0).w16_over_w32
    for total, organ in pairs(by_32, doses):
        added = by_16.of(organ.organ, organ.region).examination_dose_mGy - organ.dose_mGy
        assert total.examination_dose_mGy == pytest.approx(2 * organ.dose_mGy)
        assert added == pytest.approx(organ.dose_mGy / ratio)


def test_a_scanner_whose_display_is_corrected_has_all_its_events_corrected():
    plain, doses = examined(other())
    corrected, _ = examined(other(), ratio=0.9)
    for total, organ in pairs(corrected, doses):
        added = plain.of(organ.organ, organ.region).examination_dose_mGy - organ.dose_mGy
        assert total.examination_dose_mGy - organ.dose_mGy == pytest.approx(0.9 * added)


def test_bolus_tracking_adds_dose_where_it_was():
    liver = (60.0, 140.0)  # slices 12 to 28
    inside = other((95.0, 105.0), kind="stationary", ctdivol_mGy=9.0, dlp_mGy_cm=9.0)
    far = other((-395.0, -385.0), kind="stationary", ctdivol_mGy=9.0, dlp_mGy_cm=9.0)
    assert liver[0] < 95 < liver[1]
    added = {}
    for name, event in (("inside", inside), ("far", far)):
        examination, doses = examined(event)
        (total, organ), *_ = [p for p in pairs(examination, doses) if p[1].organ == "liver"]
        assert examination.complete
        added[name] = total.examination_dose_mGy / organ.dose_mGy - 1
    assert 0.02 < added["inside"] < 0.3
    assert 0 < added["far"] < 0.01


def test_the_tube_current_of_the_series_is_not_that_of_another_event():
    current = np.linspace(100.0, 400.0, 40)
    modulated, _ = examined(other(), current=current)
    flat, doses = examined(other(), current=300.0)
    series_alone, modulated_doses = examined(current=current)
    for total, organ in pairs(flat, doses):
        own = next(o for o in modulated_doses.organs if o.organ == organ.organ)
        added = modulated.of(organ.organ, organ.region).examination_dose_mGy - own.dose_mGy
        assert added == pytest.approx(total.examination_dose_mGy - organ.dose_mGy)
    assert series_alone.complete


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (other(None, "no z range is stated"), "no z range"),
        (other(None, "its z range is in another frame of reference"), "another frame"),
        (other(ctdivol_mGy=None), "no CTDIvol"),
        (other(phantom_cm=None), "phantom of its CTDIvol is not stated"),
        (other(total_collimation_mm=200.0), "cone-beam CT"),
    ],
)
def test_an_event_that_cannot_be_added_is_listed_and_makes_the_total_incomplete(event, reason):
    examination, doses = examined(event)
    assert not examination.complete
    (remark,) = examination.flags
    assert remark.code == "examination_incomplete"
    assert reason in remark.message
    _, listed = examination.events
    assert not listed.in_total
    assert reason in listed.how
    for total, organ in pairs(examination, doses):
        assert total.examination_dose_mGy == organ.dose_mGy


def test_a_localizer_is_listed_and_not_added_even_with_ctdivol_and_place():
    examination, doses = examined(other(kind="localizer"))
    assert not examination.complete
    assert codes(examination.flags) == {"examination_without_localizers"}
    for total, organ in pairs(examination, doses):
        assert total.examination_dose_mGy == organ.dose_mGy


def test_events_that_the_report_states_and_lacks_make_the_total_incomplete():
    examination, _ = examined(stated=3)
    assert codes(examination.flags) == {"examination_incomplete"}
    assert "2 because they are stated" in examination.flags[0].message


def test_without_any_organ_dose_there_is_no_total_and_no_word_of_a_sum():
    examination, doses = examined(other(), body_part="KNEE")
    assert {organ.dose_mGy for organ in doses.organs} == {None}
    assert examination.organs == ()
    assert not any(event.in_total for event in examination.events)
    assert codes(examination.flags) == {"examination_not_given"}
    assert "no organ of the series has a dose" in examination.flags[0].message
    assert examination.flags[0].mends == ()  # no other dose model has one either


def test_a_model_that_knows_one_exposure_gives_the_list_alone():
    examination, _ = examined(other(), model=False)
    assert examination.organs == ()
    assert not any(event.in_total for event in examination.events)
    assert codes(examination.flags) == {"examination_not_given"}


def test_no_uid_and_no_time_leaves_with_the_events():
    examination, _ = examined(other())
    names = {name for event in examination.events for name in vars(event)}
    assert not {name for name in names if "uid" in name or "start" in name}


# The range of a dose report


def beam(range_mm, source, event=None, **changes):
    series, _ = make(
        slices=40,
        organs=(),
        irradiated_range_mm=range_mm,
        sources={"irradiated_range_mm": source},
        **changes,
    )
    if event is not None:
        placed = (PlacedEvent(event, True, range_mm, source),)
        series = replace(series, dose_report=MatchedReport(DoseReport((event,)), placed, ""))
    return beam_of(series)


def test_a_reported_range_is_taken_as_it_is_and_not_widened():
    used_beam = beam(WHOLE, RANGE)
    assert used_beam.range_mm == WHOLE
    assert used_beam.flags == ()


def test_what_the_length_leaves_open_is_half_its_difference_from_dlp_by_ctdivol():
    sure = beam(WHOLE, RANGE, SPIRAL)  # DLP / CTDIvol is the scanning length
    assert sure.edge_sd_mm == pytest.approx(1.0)
    shorter = beam(WHOLE, RANGE, replace(SPIRAL, dlp_mGy_cm=9.0 * 28))
    assert shorter.edge_sd_mm == pytest.approx(np.hypot(1.0, 20.0 / np.sqrt(3)))
    unknown = beam(WHOLE, RANGE, replace(SPIRAL, dlp_mGy_cm=None), total_collimation_mm=38.4)
    assert unknown.edge_sd_mm == pytest.approx(np.hypot(1.0, 19.2 / np.sqrt(3)))


def test_a_length_centred_on_the_images_may_lie_to_one_side():
    centred = "rdsr scanning length (113825) centred on the images"
    used_beam = beam(WHOLE, centred, SPIRAL)
    assert used_beam.range_mm == WHOLE
    assert used_beam.edge_sd_mm == pytest.approx(np.hypot(1.0, (320 - 195) / 2 / np.sqrt(3)))


def test_a_reported_range_beyond_the_images_gives_scatter_and_not_everything():
    assert beam((400.0, 500.0), RANGE).range_mm == (400.0, 500.0)
    assert beam((400.0, 500.0), "user").range_mm == EVERYWHERE
