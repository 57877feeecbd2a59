"""Reading: images that share their positions, and whose dose the result then is."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_files import SHAPE, UID, codes, make_slice, save

from CTDoseSegLib.reading.reader import read_series


def images(folder, slices, value, *, shift_mm=0.0, first=0, **tags):
    """Write images whose HU are `value`, at 2 mm steps; a callable tag is called with k."""
    for n, k in enumerate(slices):
        own = {name: tag(k) if callable(tag) else tag for name, tag in tags.items()}
        data = make_slice(k, np.full(SHAPE, 1024 + value, np.uint16))
        data.ImagePositionPatient[2] += shift_mm
        data.InstanceNumber = first + n + 1
        data.SOPInstanceUID = f"{UID}.5.{value}.{n}"
        for name, tag in own.items():
            setattr(data, name, tag)
        save(data, folder / f"{value:04d}-{n:03d}.dcm")


def scan(number: int, time: str) -> dict:
    return {
        "AcquisitionNumber": number,
        "IrradiationEventUID": f"{UID}.4.{number}",
        "AcquisitionDate": "20200101",
        "AcquisitionTime": time,
    }


def message(series, code: str) -> str:
    (one,) = [flag.message for flag in series.flags if flag.code == code]
    return one


@pytest.mark.parametrize(
    "missing", [(), ("IrradiationEventUID",), ("IrradiationEventUID", "AcquisitionNumber")]
)
def test_scans_that_overlap_are_one_body_with_each_position_once(missing, tmp_path):
    one = {**scan(1, "120000"), **dict.fromkeys(missing)}
    two = {**scan(2, "120030"), **dict.fromkeys(missing)}
    images(tmp_path, range(9), 1, **one)
    images(tmp_path, range(7, 16), 2, first=100, **two)
    series = read_series(tmp_path)
    assert series.hu[:, 0, 0].tolist() == [1] * 9 + [2] * 7
    assert series.regular
    assert "phases_left_out" not in codes(series)
    assert "2 scans overlap by 2 slices; 16 positions were measured" in message(
        series, "scans_joined"
    )


def test_three_scans_that_overlap_are_one_body(tmp_path):
    images(tmp_path, range(6), 1, **scan(1, "120000"))
    images(tmp_path, range(5, 12), 2, **scan(2, "120030"))
    images(tmp_path, range(11, 16), 3, **scan(3, "120100"))
    series = read_series(tmp_path)
    assert series.hu[:, 0, 0].tolist() == [1] * 5 + [2] * 7 + [3] * 4
    assert "3 scans overlap by 2 slices; 16 positions" in message(series, "scans_joined")


def test_scans_whose_positions_interleave_where_they_overlap_are_not_mixed(tmp_path):
    images(tmp_path, range(9), 1, **scan(1, "120000"))
    images(tmp_path, range(7, 16), 2, shift_mm=0.7, **scan(2, "120030"))
    series = read_series(tmp_path)
    assert series.hu[:, 0, 0].tolist() == [1] * 9 + [2] * 8
    assert "2 scans overlap by 1 slices; 17 positions" in message(series, "scans_joined")


def test_scans_that_adjoin_without_overlap_are_one_body_without_a_word(tmp_path):
    images(tmp_path, range(8), 1, **scan(1, "120000"))
    images(tmp_path, range(8, 16), 2, **scan(2, "120030"))
    series = read_series(tmp_path)
    assert series.hu.shape[0] == 16
    assert not {"scans_joined", "phases_left_out"} & codes(series)


def test_scans_with_other_centres_are_shifted_and_not_tilted(tmp_path):
    images(tmp_path, range(9), 1, **scan(1, "120000"))
    place = {"ImagePositionPatient": lambda k: [-4, -20, 100 + 2 * k]}
    images(tmp_path, range(7, 16), 2, **place, **scan(2, "120030"))
    series = read_series(tmp_path)
    assert series.hu.shape[0] == 16
    assert {"scans_joined", "shifted_slices"} <= codes(series)
    assert "tilted" not in codes(series)
    assert "up to 6.00 mm sideways" in message(series, "shifted_slices")


def test_phases_of_another_length_are_not_joined_and_what_is_lost_is_counted(tmp_path):
    images(tmp_path, range(10), 1, **scan(1, "120000"))
    images(tmp_path, range(4, 13), 2, **scan(2, "120030"))
    series = read_series(tmp_path)
    assert (series.hu == 1).all()
    text = message(series, "phases_left_out")
    assert "2 phases, of which one with 10 slices was taken and 9 slices were left out" in text
    assert "3 positions were not measured" in text
    assert "The doses are those of the phase that was taken" in text


def test_a_scan_of_two_groups_and_its_second_phase_are_told_apart(tmp_path):
    images(tmp_path, range(9), 1, **scan(1, "120000"))
    images(tmp_path, range(7, 16), 2, **scan(2, "120030"))
    images(tmp_path, range(7, 16), 3, **scan(3, "120100"))
    series = read_series(tmp_path)
    assert series.hu[:, 0, 0].tolist() == [1] * 9 + [2] * 7
    assert "2 phases, of which one with 16 slices" in message(series, "phases_left_out")


def test_phases_whose_positions_interleave_are_not_mixed(tmp_path):
    images(tmp_path, range(8), 1, **scan(1, "120000"))
    images(tmp_path, range(8), 2, shift_mm=1.0, **scan(2, "120030"))
    series = read_series(tmp_path)
    assert (series.hu == 1).all()
    assert "2 phases, of which one with 8 slices" in message(series, "phases_left_out")


def test_reconstructions_whose_positions_interleave_are_one_volume(tmp_path):
    images(tmp_path, range(8), 1, **scan(1, "120000"))
    images(tmp_path, range(8), 2, shift_mm=1.0, ConvolutionKernel="B70f", **scan(1, "120000"))
    assert read_series(tmp_path).hu.shape[0] == 16


@pytest.mark.parametrize(
    "differs",
    [
        {"ConvolutionKernel": "B70f"},
        {"ConvolutionKernel": "B70f", "IrradiationEventUID": "", "AcquisitionTime": ""},
        {"SliceThickness": 5},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI DUAL"]},
        {"NominalPercentageOfCardiacPhase": 70},
    ],
    ids=["kernel", "no event", "thickness", "image type", "cardiac phase"],
)
def test_reconstructions_of_one_exposure_are_not_called_phases(differs, tmp_path):
    images(tmp_path, range(6), 1, first=100, **scan(1, "120000"))
    images(tmp_path, range(6), 2, **{**scan(1, "120000"), **differs})
    series = read_series(tmp_path)
    assert series.hu.shape[0] == 6
    assert "phases_left_out" not in codes(series)
    text = message(series, "reconstructions_left_out")
    assert "2 reconstructions, of which one with 6 slices was taken" in text
    if "ConvolutionKernel" in differs:
        assert (series.hu == 1).all()  # the soft one, though the other comes first


def test_two_kernels_of_other_times_are_no_reconstructions_of_one_exposure(tmp_path):
    same = {"AcquisitionNumber": 1, "IrradiationEventUID": "", "AcquisitionDate": "20200101"}
    images(tmp_path, range(6), 1, AcquisitionTime="120000", **same)
    images(tmp_path, range(6), 2, AcquisitionTime="120030", ConvolutionKernel="B40f", **same)
    assert "reconstructions_left_out" not in codes(read_series(tmp_path))


def test_two_kernels_of_two_phases_are_two_phases(tmp_path):
    for number, time in ((1, "120000"), (2, "120030")):
        images(tmp_path, range(6), 10 * number, **scan(number, time))
        images(tmp_path, range(6), 10 * number + 1, ConvolutionKernel="B70f", **scan(number, time))
    series = read_series(tmp_path)
    assert (series.hu == 10).all()
    assert "2 reconstructions" in message(series, "reconstructions_left_out")
    assert "2 phases" in message(series, "phases_left_out")


@pytest.mark.parametrize(
    "tags",
    [
        {"AcquisitionTime": lambda p: f"1200{5 * p:02d}", "AcquisitionDate": lambda _: "20200101"},
        {"AcquisitionNumber": lambda p: p + 1},
        {"TemporalPositionIdentifier": lambda p: p + 1},
        {"KVP": lambda p: 80 + 20 * p},
        {},
    ],
    ids=["time", "number", "temporal position", "kvp", "none"],
)
@pytest.mark.parametrize("event", [f"{UID}.4.1", ""], ids=["one event", "no event"])
def test_passes_of_one_event_may_share_their_ctdivol(tags, event, tmp_path):
    for p in range(4):
        own = {name: tag(p) for name, tag in tags.items()}
        images(
            tmp_path,
            range(4),
            p + 1,
            first=10 * p,
            **{"CTDIvol": 80, "IrradiationEventUID": event, **own},
        )
    text = message(read_series(tmp_path), "phases_left_out")
    assert "4 phases, of which one with 4 slices was taken and 12 slices were left out" in text
    assert "CTDIvol of 80 mGy may be of all 4 together" in text
    assert "The doses are those of the phase that was taken" not in text


def test_phases_of_events_of_their_own_have_their_own_ctdivol(tmp_path):
    for p in range(4):
        images(tmp_path, range(4), p + 1, CTDIvol=80, **scan(p + 1, f"12000{p}"))
    text = message(read_series(tmp_path), "phases_left_out")
    assert "The doses are those of the phase that was taken" in text
    assert "together" not in text


def test_event_uids_of_every_image_do_not_divide_a_series(tmp_path):
    images(tmp_path, range(6), 1, IrradiationEventUID=lambda k: f"{UID}.4.{k}")
    series = read_series(tmp_path)
    assert series.hu.shape[0] == 6
    assert not {"scans_joined", "phases_left_out"} & codes(series)


def test_numbers_that_run_through_interleaved_images_do_not_divide_a_series(tmp_path):
    images(tmp_path, range(8), 1, AcquisitionNumber=lambda k: 1 + k % 2)
    assert read_series(tmp_path).hu.shape[0] == 8


def test_groups_that_adjoin_with_another_field_of_view_are_counted(tmp_path):
    images(tmp_path, range(9), 1, **scan(1, "120000"))
    images(tmp_path, range(7, 16), 2, PixelSpacing=[0.6, 0.6], **scan(2, "120030"))
    text = message(read_series(tmp_path), "mixed_series")
    assert "9 of 18 images were left out, 7 of them at positions beyond" in text
