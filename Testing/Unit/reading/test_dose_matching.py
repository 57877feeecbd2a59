"""Dose reports and images: which event is whose, where it lies, and which value is used."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace

import pytest
from dicom_files import UID, codes, make_slice, save, write_series
from dose_reports import event, write_report

from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent, MatchedReport
from CTDoseSegLib.flags import Flag
from CTDoseSegLib.reading.dose_matching import LENGTH, RANGE, VOLUME_RANGE, ImageEvent, match
from CTDoseSegLib.reading.reader import read_series

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


# Which value

EVENT = f"{UID}.5.1"
BARE = dict.fromkeys(
    ("KVP", "SpiralPitchFactor", "ExposureTime", "CTDIvol", "XRayTubeCurrent", "Manufacturer")
)


def scan(folder, **tags):
    return write_series(folder / "ct", IrradiationEventUID=EVENT, **tags)


def test_the_report_gives_what_the_images_lack_and_answers_their_flags(tmp_path):
    folder = scan(tmp_path, **BARE)
    before = read_series(folder)
    missing = {"kvp_unknown", "ctdivol_missing", "phantom_unknown", "tube_current_missing"}
    missing |= {"irradiated_range_unknown", "effective_mas_unknown"}
    assert missing <= codes(before)
    series = read_series(folder, rdsr=write_report(tmp_path / "r.dcm", event()))
    assert not missing & codes(series)
    assert codes(series) - codes(before) == {"rdsr_current_mean"}
    acquisition = series.acquisition
    assert (acquisition.kvp_kV, acquisition.ctdivol_mGy, acquisition.phantom_cm) == (120, 8, 32)
    assert (acquisition.pitch, acquisition.rotation_time_s, acquisition.dlp_mGy_cm) == (1, 0.5, 256)
    assert (acquisition.total_collimation_mm, acquisition.body_part, acquisition.manufacturer) == (
        38.4,
        "Chest",
        "SIEMENS",
    )
    for name in ("kvp_kV", "ctdivol_mGy", "phantom_cm", "pitch", "rotation_time_s", "dlp_mGy_cm"):
        assert acquisition.sources[name] == "rdsr"
    assert acquisition.irradiated_range_mm == (104 - 160, 104 + 160)
    assert acquisition.sources["irradiated_range_mm"] == LENGTH
    assert {item.effective_mAs for item in series.slices} == {100}
    assert {item.ctdivol_mGy for item in series.slices} == {None}


def test_the_images_own_values_stay_and_a_contradiction_is_flagged(tmp_path):
    report = write_report(tmp_path / "r.dcm", event(ctdivol=20, kvp=100, phantom="113690"))
    series = read_series(scan(tmp_path), rdsr=report)
    (disagreement,) = [f for f in series.flags if f.code == "rdsr_disagrees"]
    assert "CTDIvol 5 to 9 mGy and 20 mGy" in disagreement.message
    assert "kVp 120 and 100" in disagreement.message
    assert "mean tube current 100 to 140 mA and 200 mA" in disagreement.message
    acquisition = series.acquisition
    assert (acquisition.kvp_kV, acquisition.ctdivol_mGy) == (120, 7)
    assert acquisition.sources["kvp_kV"] == "image (0018,0060)"
    assert series.dose_report.own[0].event.ctdivol_mGy == 20
    assert acquisition.phantom_cm == 16  # the images say nothing


@pytest.mark.parametrize(("ctdivol", "apart"), [(8.0, False), (8.4, False), (8.5, True), (7, True)])
def test_a_ctdivol_may_differ_by_five_per_cent(ctdivol, apart, tmp_path):
    report = write_report(tmp_path / "r.dcm", event(ctdivol=ctdivol, current=None))
    series = read_series(scan(tmp_path, CTDIvol=8.0), rdsr=report)
    assert ("rdsr_disagrees" in codes(series)) is apart


def test_a_mean_of_the_whole_scan_is_compared_with_the_span_of_its_part(tmp_path):
    report = write_report(tmp_path / "r.dcm", event(ctdivol=8.9, current=138))
    assert "rdsr_disagrees" not in codes(read_series(scan(tmp_path), rdsr=report))


def test_what_a_user_typed_wins_over_both(tmp_path):
    (tmp_path / "typed.json").write_text(json.dumps({"ctdivol_mGy": 3.5, "phantom_cm": 16}))
    report = write_report(tmp_path / "r.dcm", event())
    series = read_series(
        scan(tmp_path, CTDIvol=None), rdsr=report, acquisition=tmp_path / "typed.json"
    )
    assert (series.acquisition.ctdivol_mGy, series.acquisition.phantom_cm) == (3.5, 16)
    assert series.acquisition.sources["ctdivol_mGy"] == "user"
    assert series.acquisition.sources["dlp_mGy_cm"] == "rdsr"


def test_a_located_range_stands_in_for_one_guessed_from_scan_length(tmp_path):
    located = event(top=300, bottom=-20, frame=f"{UID}.7")
    report = write_report(tmp_path / "r.dcm", located)
    folder = scan(tmp_path, ScanLength=20, FrameOfReferenceUID=f"{UID}.7")
    assert read_series(folder).acquisition.irradiated_range_mm == (94, 114)
    acquisition = read_series(folder, rdsr=report).acquisition
    assert acquisition.irradiated_range_mm == (-20, 300)
    assert acquisition.sources["irradiated_range_mm"] == RANGE


def test_two_tubes_are_recognised(tmp_path):
    tubes = [{"kvp": 100, "current": 300}, {"kvp": 140, "current": 200}]
    report = write_report(tmp_path / "r.dcm", event(tubes=tubes))
    series = read_series(scan(tmp_path, KVP=None), rdsr=report)
    assert series.acquisition.dual_source is True
    assert series.acquisition.kvp_kV is None
    assert "kvp_unknown" in codes(series)


def test_a_report_of_other_images_gives_nothing(tmp_path):
    report = write_report(tmp_path / "r.dcm", event(uid=f"{UID}.5.9"))
    folder = scan(tmp_path)
    series = read_series(folder, rdsr=report)
    assert codes(series) - codes(read_series(folder)) == {"rdsr_no_match"}
    assert series.dose_report is None
    assert "rdsr" not in set(series.acquisition.sources.values())


# In the folder


def test_a_report_of_the_study_in_the_folder_is_found(tmp_path):
    folder = scan(tmp_path)
    write_report(folder / "report.dcm", event())
    series = read_series(folder)
    assert series.dose_report.rule == "event UID"
    assert series.acquisition.phantom_cm == 32
    assert series.left_out == ()


def test_a_report_of_another_study_in_the_folder_is_left_out(tmp_path):
    folder = scan(tmp_path)
    write_report(folder / "report.dcm", event(), StudyInstanceUID=f"{UID}.2.9")
    series = read_series(folder)
    assert series.dose_report is None
    assert [reason for reason in series.left_out if "another study" in reason]


def test_a_damaged_report_in_the_folder_is_flagged_and_the_images_are_read(tmp_path):
    folder = scan(tmp_path)
    path = write_report(folder / "Secret-4711.dcm", event())
    path.write_bytes(path.read_bytes()[:-30])
    series = read_series(folder)
    assert {"rdsr_unreadable", "files_unreadable"} & codes(series)
    assert "4711" not in "".join(f.message for f in series.flags)
    assert len(series.slices) == 5


def test_a_report_from_the_user_stands_in_for_one_in_the_folder(tmp_path):
    folder = scan(tmp_path)
    write_report(folder / "report.dcm", event(dlp=1))
    series = read_series(folder, rdsr=write_report(tmp_path / "r.dcm", event(dlp=256)))
    assert series.acquisition.dlp_mGy_cm == 256
    assert [reason for reason in series.left_out if "structured report" in reason]


def test_a_report_works_for_a_volume_file_too(tmp_path):
    from CTDoseSegLib.ct.volume_files import write_nifti

    series = read_series(scan(tmp_path))
    write_nifti(tmp_path / "ct.nii.gz", series.hu, series.affine)
    report = write_report(tmp_path / "r.dcm", event(kind="localizer"), event())
    volume = read_series(tmp_path / "ct.nii.gz", rdsr=report)
    assert "rdsr_only_event" in codes(volume)
    assert volume.acquisition.ctdivol_mGy == 8


# Exposures of a folder without a report


def reconstruction(folder, number, **tags):
    names = {"SeriesInstanceUID": f"{UID}.1.{number}", "SeriesNumber": number}
    return write_series(folder, SeriesDescription=f"R{number}", **(names | tags))


@pytest.mark.parametrize(
    ("tags", "reconstructions", "others"),
    [
        ({}, 1, 0),
        ({"ConvolutionKernel": "B70f", "SliceThickness": 5}, 1, 0),
        ({"AcquisitionNumber": 2}, 0, 1),
        ({"XRayTubeCurrent": 300}, 0, 1),
        ({"AcquisitionDate": "20240101", "AcquisitionTime": "120100"}, 0, 1),
        ({"ImagePositionPatient": lambda k: [-10, -20, 400 + 2 * k]}, 0, 1),
        ({"IrradiationEventUID": f"{UID}.5.2"}, 0, 1),
        ({"IrradiationEventUID": EVENT, "AcquisitionNumber": 2}, 1, 0),
        ({"XRayTubeCurrent": None, "AcquisitionNumber": None}, 1, 0),
    ],
)
def test_reconstructions_are_distinguished_from_exposures(tags, reconstructions, others, tmp_path):
    when = {"AcquisitionDate": "20240101", "AcquisitionTime": "120000"}
    reconstruction(tmp_path, 2, IrradiationEventUID=EVENT, **when)
    reconstruction(tmp_path, 3, **(when | tags))
    series = read_series(tmp_path, series_uid=f"{UID}.1.2")
    events = series.folder_events
    assert ("other_exposures" in codes(series)) is bool(others)
    assert (events.reconstructions, len(events.others)) == (reconstructions, others)


def test_another_patients_exposures_are_not_counted(tmp_path):
    reconstruction(tmp_path, 2)
    reconstruction(tmp_path, 3, AcquisitionNumber=2, PatientID="OTHER")
    events = read_series(tmp_path, series_uid=f"{UID}.1.2").folder_events
    assert (events.reconstructions, events.others) == (0, ())


def test_a_localizer_and_a_phase_in_the_series_are_other_exposures(tmp_path):
    reconstruction(tmp_path, 2)
    for k in range(5):
        data = make_slice(
            k,
            AcquisitionNumber=2,
            SOPInstanceUID=f"{UID}.8.{k}",
            SeriesInstanceUID=f"{UID}.1.2",
            XRayTubeCurrent=310,
        )
        save(data, tmp_path / f"phase-{k}.dcm")
    localizer = make_slice(
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SeriesInstanceUID=f"{UID}.1.9"
    )
    save(localizer, tmp_path / "localizer.dcm")
    events = read_series(tmp_path).folder_events
    assert events.reconstructions == 0
    assert sorted(label.partition(" ")[0] for label in events.others) == ["exposure", "localizer"]
    assert not [label for label in events.others if "Secret" in label]
