"""Reading: which slices belong together."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_files import SHAPE, UID, codes, make_slice, save, write_series

from CTDoseSegLib.errors import InputError, PixelDataError, SeveralPatientsError
from CTDoseSegLib.reading.reader import read_series

# Which slices belong together


def test_two_patients_are_refused_with_a_list_that_names_nobody(tmp_path):
    write_series(tmp_path)
    write_series(tmp_path, PatientID="ID-0815", SeriesInstanceUID="1.2.3.4567890123")
    with pytest.raises(SeveralPatientsError) as error:
        read_series(tmp_path)
    assert "2 patients" in str(error.value)
    assert 'series 3 "Thorax" (5 slices), UID ...90123' not in str(error.value)
    assert "UID ...90123" not in str(error.value)
    assert "67890123" in str(error.value)
    for secret in ("4711", "0815", "Secret"):
        assert secret not in str(error.value)
    chosen = read_series(tmp_path, series_uid="1.2.3.4567890123")
    assert chosen.identity == "1.2.3.4567890123"


def test_a_series_is_chosen_by_its_uid(tmp_path):
    write_series(tmp_path)
    write_series(tmp_path, slices=range(2), SeriesInstanceUID="1.2.3")
    assert read_series(tmp_path).hu.shape[0] == 5
    assert read_series(tmp_path, series_uid="1.2.3").hu.shape[0] == 2
    with pytest.raises(InputError, match="None of the 2 series"):
        read_series(tmp_path, series_uid="9.9")


def test_the_series_left_out_are_listed_with_the_reason(tmp_path):
    write_series(tmp_path)
    write_series(
        tmp_path,
        slices=range(1),
        SeriesInstanceUID="1.2.3",
        SeriesNumber=1,
        SeriesDescription="Topogram",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
    )
    series = read_series(tmp_path)
    assert series.left_out == (
        'Series 1 "Topogram" (1 slice) was left out: it is a localizer (scout), not a tomographic '
        "image.",
    )


@pytest.mark.parametrize(("modality", "kind"), [("MR", "magnetic resonance"), ("PT", "PET")])
def test_mr_and_pet_are_refused(tmp_path, modality, kind):
    with pytest.raises(InputError, match=f"it is {kind}, not CT"):
        read_series(save(make_slice(Modality=modality), tmp_path / "a.dcm"))


def test_blank_uids_are_distinguished_by_the_other_tags(tmp_path):
    blank = {"SeriesInstanceUID": "", "StudyInstanceUID": ""}
    write_series(tmp_path / "a", **blank)
    write_series(tmp_path / "b", **blank, SeriesNumber=4, ConvolutionKernel="B80f")
    series = read_series(tmp_path)
    assert series.hu.shape[0] == 5
    assert series.acquisition.kernel == "B30f"
    assert series.identity.startswith("sha256:")
    assert len(series.left_out) == 1


def test_the_hash_that_stands_for_a_blank_uid_follows_the_pixels(tmp_path):
    write_series(tmp_path / "a", SeriesInstanceUID="")
    write_series(tmp_path / "b", SeriesInstanceUID="", SeriesDescription="Other")
    write_series(tmp_path / "c", SeriesInstanceUID="", RescaleIntercept=-1000)
    a, b, c = (read_series(tmp_path / name).identity for name in "abc")
    assert a == b != c


def test_identical_slices_are_dropped(tmp_path):
    write_series(tmp_path / "a")
    write_series(tmp_path / "b", slices=range(2))
    series = read_series(tmp_path)
    assert series.hu.shape[0] == 5
    assert "duplicates_dropped" in codes(series)
    assert "phases_left_out" not in codes(series)


@pytest.mark.parametrize(
    "keyword", ["AcquisitionNumber", "TemporalPositionIdentifier", "KVP", "ContentTime", "none"]
)
def test_of_several_phases_the_one_with_most_slices_is_taken(tmp_path, keyword):
    def phase(folder, slices, number, air):
        own = {} if keyword == "none" else {keyword: f"12000{number}"}
        for n, k in enumerate(slices):
            data = make_slice(k, np.full(SHAPE, 1024 + air, np.uint16), **own)
            data.InstanceNumber = 100 * number + n
            save(data, tmp_path / folder / f"{n}.dcm")

    phase("short", range(4), 1, 7)
    phase("long", range(5), 2, 9)
    series = read_series(tmp_path)
    (left_out,) = [f for f in series.flags if f.code == "phases_left_out"]
    assert series.hu.shape[0] == 5
    assert "4 slices were left out" in left_out.message
    if keyword != "none":
        assert (series.hu == 9).all()


def test_of_equal_phases_the_first_in_time_is_taken(tmp_path):
    for number, time, value in ((1, "120500", 7), (2, "120000", 9)):
        for k in range(3):
            pixels = np.full(SHAPE, 1024 + value, np.uint16)
            data = make_slice(k, pixels, AcquisitionNumber=number, AcquisitionTime=time)
            save(data, tmp_path / f"{number}-{k}.dcm")
    assert (read_series(tmp_path).hu == 9).all()


def test_acquisition_numbers_that_count_rotations_do_not_divide_a_series(tmp_path):
    write_series(tmp_path, AcquisitionNumber=lambda k: k // 2)
    assert read_series(tmp_path).hu.shape[0] == 5


@pytest.mark.parametrize(
    "tags",
    [{"PixelSpacing": [0.6, 0.6]}, {"pixels": np.zeros((4, 4), np.uint16)}],
    ids=["fov", "size"],
)
def test_of_a_series_that_changes_size_the_larger_part_is_read(tmp_path, tags):
    write_series(tmp_path / "a", slices=range(6))
    write_series(tmp_path / "b", slices=range(6, 8), **tags)
    series = read_series(tmp_path)
    assert series.hu.shape == (6, *SHAPE)
    assert "mixed_series" in codes(series)


def test_two_irradiation_events_in_a_series_are_flagged(tmp_path):
    write_series(tmp_path, IrradiationEventUID=lambda k: f"{UID}.{k // 3}")
    assert "several_events" in codes(read_series(tmp_path))


def test_derived_images_are_flagged(tmp_path):
    write_series(tmp_path, ImageType=["DERIVED", "PRIMARY", "AXIAL"])
    assert "derived" in codes(read_series(tmp_path))


# Enhanced CT

# Tags that enhanced CT has in its functional groups instead.
MOVED = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "RescaleSlope",
    "RescaleIntercept",
    "XRayTubeCurrent",
    "ExposureTime",
    "SpiralPitchFactor",
    "CTDIvol",
    "KVP",
)


def enhanced(frames: int = 3) -> pydicom.Dataset:
    pixels = np.stack([np.full(SHAPE, 1000 + 10 * n, np.uint16) for n in range(frames)])
    data = make_slice(0, pixels[0], SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1")
    for keyword in MOVED:
        delattr(data, keyword)
    data.NumberOfFrames, data.PixelData = frames, pixels.tobytes()
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=[0.5, 0.8], SliceThickness=3)]
    shared.CTXRayDetailsSequence = [_item(KVP=100)]
    shared.CTAcquisitionDetailsSequence = [_item(RevolutionTime=0.5, SpiralPitchFactor=1.25)]
    data.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for n in range(frames):
        own = pydicom.Dataset()
        own.PlanePositionSequence = [_item(ImagePositionPatient=[0, 0, -3 * n])]
        own.PixelValueTransformationSequence = [
            _item(RescaleSlope=1, RescaleIntercept=-1000 - n, RescaleType="HU")
        ]
        own.CTExposureSequence = [
            _item(XRayTubeCurrentInmA=100.0 + 10 * n, ExposureInmAs=40.0, CTDIvol=6.0 + n)
        ]
        groups.append(own)
    data.PerFrameFunctionalGroupsSequence = groups
    return data


def _item(**values) -> pydicom.Dataset:
    item = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def test_frames_of_enhanced_ct_are_slices_with_their_own_groups(tmp_path):
    series = read_series(save(enhanced(), tmp_path / "a.dcm"))
    assert series.z_mm.tolist() == [-6, -3, 0]
    assert series.hu[:, 0, 0].tolist() == [18, 9, 0]
    assert series.spacing_mm == (0.8, 0.5, 3.0)
    assert [s.tube_current_mA for s in series.slices] == [120, 110, 100]
    assert [s.ctdivol_mGy for s in series.slices] == [8, 7, 6]
    assert series.slices[0].effective_mAs == pytest.approx(120 * 0.5 / 1.25)
    assert series.acquisition.kvp_kV == 100
    assert series.acquisition.ctdivol_is_scan_mean is False


def test_enhanced_ct_without_groups_for_each_frame_is_refused(tmp_path):
    data = enhanced()
    data.PerFrameFunctionalGroupsSequence = data.PerFrameFunctionalGroupsSequence[:2]
    with pytest.raises(InputError, match="3 frames but functional groups for 2"):
        read_series(save(data, tmp_path / "a.dcm"))


def test_enhanced_ct_cut_off_in_its_last_frame_is_refused(tmp_path):
    path = save(enhanced(), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PixelDataError, match=r"a\.dcm: the pixels are cut off after 76 of 96"):
        read_series(path)


def test_identity_in_a_text_tag_goes_whatever_its_length_or_form(tmp_path):
    changes = {
        "PatientName": "Li^Wu",
        "PatientID": "77",
        "PatientBirthDate": "19500131",
        "SeriesDescription": "Li Wu 77 Liver 31.01.1950 1950-01-31",
        "ConvolutionKernel": "Li",
    }
    write_series(tmp_path, **changes)
    series = read_series(tmp_path)
    assert series.description.split()[-1] == "Liver"
    assert not set(series.description.replace(".", " ").split()) & {"Li", "Wu", "77", "1950"}
    assert series.acquisition.kernel is None


def test_a_patient_named_head_keeps_the_body_part(tmp_path):
    write_series(tmp_path, PatientName="Head^Eve", BodyPartExamined="HEAD")
    assert read_series(tmp_path).acquisition.body_part == "HEAD"
