"""Dose report and images: which value is used, and what a contradiction becomes."""

from __future__ import annotations

import json

import pytest
from dicom_files import UID, codes, write_series
from dose_reports import event, write_report

from CTDoseSegLib.reading.dose_matching import LENGTH, RANGE
from CTDoseSegLib.reading.reader import read_series

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
