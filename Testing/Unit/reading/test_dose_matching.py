"""Dose reports and images: which event is whose, and where it lies."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent, MatchedReport
from CTDoseSegLib.flags import Flag
from CTDoseSegLib.reading.dose_matching import LENGTH, RANGE, VOLUME_RANGE, ImageEvent, match

NOON = datetime.datetime(2024, 1, 1, 12, 0, 0)
# Five slices of 2 mm from z = 100 to 108.
IMAGES = ImageEvent(
    99.0,
    109.0,
    event_uids=frozenset({"1.5"}),
    study_uid="1.2",
    frame_of_reference_uid="1.9",
    started=NOON,
    ended=NOON + datetime.timedelta(seconds=3),
    tube_current_mA=(100.0, 140.0),
)
SPIRAL = IrradiationEvent(
    uid="1.5",
    kind="spiral",
    started=NOON,
    exposure_time_s=4.0,
    scanning_length_mm=50.0,
    tube_current_mA=120.0,
)
NO_UIDS = replace(IMAGES, event_uids=frozenset())


def matched(*events, images=IMAGES, from_user=False, study="1.2"):
    return match(DoseReport(events, study_uid=study), images, from_user=from_user)


def own(report) -> list[int]:
    return [n for n, placed in enumerate(report.events) if placed.own]


# Which event


def test_the_event_uid_decides_whatever_else_is_stated():
    other = replace(SPIRAL, uid="1.6")
    unlike = replace(SPIRAL, started=None, scanning_length_mm=1.0, tube_current_mA=900.0)
    report = matched(other, unlike, study="7.7")
    assert (own(report), report.rule) == ([1], "event UID")


def test_events_of_another_uid_are_not_of_these_images_however_alike():
    why_not = matched(replace(SPIRAL, uid="1.6"), from_user=True)
    assert isinstance(why_not, Flag)
    assert why_not.code == "rdsr_no_match"
    assert "0008,3010" in why_not.message


def test_an_event_of_another_uid_is_not_found_by_its_values_beside_one_without():
    report = matched(replace(SPIRAL, uid="1.6"), replace(SPIRAL, uid=""))
    assert (own(report), report.rule) == ([1], "values")


def test_without_uids_the_time_tells():
    late = replace(SPIRAL, started=NOON + datetime.timedelta(minutes=1))
    report = matched(SPIRAL, late, images=NO_UIDS)
    assert (own(report), report.rule) == ([0], "values")
    assert {f.code for f in report.flags} == {"rdsr_by_values"}


@pytest.mark.parametrize(("seconds", "agrees"), [(-9, True), (9, True), (-11, False), (12, False)])
def test_clocks_may_differ_by_ten_seconds(seconds, agrees):
    moved = replace(SPIRAL, started=NOON - datetime.timedelta(seconds=seconds), exposure_time_s=4)
    report = matched(replace(moved, tube_current_mA=None), images=NO_UIDS)
    assert isinstance(report, MatchedReport) is agrees


def test_without_uids_and_times_the_place_tells():
    here = replace(SPIRAL, started=None, frame_of_reference_uid="1.9")
    here = replace(here, scan_top_z_mm=130.0, scan_bottom_z_mm=80.0)
    there = replace(here, scan_top_z_mm=80.0, scan_bottom_z_mm=30.0)
    report = matched(there, here, images=NO_UIDS)
    assert own(report) == [1]


def test_the_place_in_another_frame_of_reference_tells_nothing():
    here = replace(SPIRAL, started=None, frame_of_reference_uid="1.8", tube_current_mA=None)
    here = replace(here, scan_top_z_mm=130.0, scan_bottom_z_mm=80.0)
    why_not = matched(here, images=NO_UIDS)
    assert isinstance(why_not, Flag)
    assert "nothing decides which" in why_not.message


def test_tube_current_and_length_together_tell():
    strong = replace(SPIRAL, started=None, tube_current_mA=300.0)
    short = replace(SPIRAL, started=None, scanning_length_mm=4.0)
    report = matched(strong, short, replace(SPIRAL, started=None), images=NO_UIDS)
    assert own(report) == [2]


@pytest.mark.parametrize(("current", "agrees"), [(95.5, True), (146.5, True), (94, False)])
def test_the_mean_tube_current_lies_within_the_images_span_and_five_per_cent(current, agrees):
    report = matched(replace(SPIRAL, started=None, tube_current_mA=current), images=NO_UIDS)
    assert isinstance(report, MatchedReport) is agrees


def test_two_events_that_could_be_it_are_none():
    why_not = matched(SPIRAL, replace(SPIRAL, uid=""), images=NO_UIDS)
    assert isinstance(why_not, Flag)
    assert "2 events" in why_not.message


def test_without_uids_a_report_of_another_study_is_not_taken():
    why_not = matched(SPIRAL, images=NO_UIDS, study="7.7", from_user=True)
    assert isinstance(why_not, Flag)
    assert "another study" in why_not.message


def test_the_only_scan_is_taken_where_the_user_gave_the_report_and_is_flagged():
    bare = ImageEvent(99.0, 109.0)
    events = (replace(SPIRAL, kind="localizer"), replace(SPIRAL, uid="1.6"))
    assert isinstance(matched(*events, images=bare), Flag)
    report = matched(*events, images=bare, from_user=True)
    assert (own(report), report.rule) == ([1], "only event")
    assert {f.code for f in report.flags} == {"rdsr_only_event"}


def test_a_localizer_is_never_found_by_its_values():
    why_not = matched(replace(SPIRAL, kind="localizer"), images=NO_UIDS, from_user=True)
    assert isinstance(why_not, Flag)
    assert "localizers" in why_not.message


# Where


def placed(*events, images=IMAGES):
    report = matched(*events, images=images)
    return report, [(event.range_mm, event.source) for event in report.events]


LOCATED = replace(SPIRAL, frame_of_reference_uid="1.9", scan_top_z_mm=129.0, scan_bottom_z_mm=79.0)


def test_the_z_range_is_taken_in_the_images_frame_of_reference():
    other = replace(LOCATED, uid="1.6", scan_top_z_mm=500.0, scan_bottom_z_mm=400.0)
    _, ranges = placed(LOCATED, other)
    assert ranges == [((79, 129), RANGE), ((400, 500), RANGE)]


def test_the_z_range_in_another_frame_of_reference_is_not_taken():
    elsewhere = replace(LOCATED, frame_of_reference_uid="1.8")
    _, ranges = placed(elsewhere, replace(elsewhere, uid="1.6"))
    assert ranges == [
        ((79, 129), LENGTH),  # its length, about the images' middle
        (None, "its z range is in another frame of reference"),
    ]


def test_a_reconstructable_volume_that_is_the_images_makes_its_frame_theirs():
    own_frame = replace(LOCATED, frame_of_reference_uid="1.8")
    agrees = replace(own_frame, volume_top_z_mm=112.0, volume_bottom_z_mm=97.0)
    agrees = replace(agrees, scan_top_z_mm=140.0, scan_bottom_z_mm=85.0)
    _, ranges = placed(agrees, replace(own_frame, uid="1.6"))
    assert ranges == [((85, 140), RANGE), ((79, 129), RANGE)]
    differs = replace(agrees, volume_top_z_mm=115.0)
    _, ranges = placed(differs, replace(own_frame, uid="1.6"))
    assert ranges[0][1] == LENGTH
    assert ranges[1][0] is None


def test_a_z_range_that_does_not_hold_the_images_discredits_all_of_them():
    wrong = replace(LOCATED, scan_top_z_mm=100.0, scan_bottom_z_mm=50.0)
    report, ranges = placed(wrong, replace(LOCATED, uid="1.6"))
    assert {f.code for f in report.flags} == {"rdsr_range_elsewhere"}
    assert ranges[0] == ((79, 129), LENGTH)
    assert ranges[1][0] is None


def test_a_scanning_length_is_centred_on_the_reconstructable_volume():
    event = replace(
        LOCATED,
        scan_top_z_mm=None,
        scan_bottom_z_mm=None,
        volume_top_z_mm=120.0,
        volume_bottom_z_mm=90.0,
    )
    _, ranges = placed(event)
    assert ranges == [((80, 130), VOLUME_RANGE)]


def test_a_length_shorter_than_the_images_is_not_a_range():
    _, ranges = placed(replace(SPIRAL, scanning_length_mm=4.0))
    assert ranges[0][0] is None
    assert "shorter than the images" in ranges[0][1]


def test_an_event_without_images_and_z_range_is_nowhere():
    _, ranges = placed(SPIRAL, replace(SPIRAL, uid="1.6"))
    assert ranges[1] == (None, "no z range is stated")
