"""Values that no scanner has, or that leap in a single slice, are unknown and flagged."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_files import codes, save, write_series

from CTDoseSegLib.reading.reader import read_series


def current(folder):
    series = read_series(folder)
    return (
        series,
        [s.tube_current_mA for s in series.slices],
        [s.ctdivol_mGy for s in series.slices],
    )


@pytest.mark.parametrize("value", [0.5, 6000])
def test_a_tube_current_that_no_tube_has_is_unknown(tmp_path, value):
    write_series(tmp_path, XRayTubeCurrentInmA=value, XRayTubeCurrent=None)
    series, mA, _ = current(tmp_path)
    assert mA == [None] * 5
    flags = {f.code: f.detail for f in series.flags}
    assert flags["tags_implausible"] == f"tube current {value:g} mA in 5 of 5 slices"
    assert "tube_current_missing" in flags


@pytest.mark.parametrize("value", [0.001, 1e4])
def test_a_ctdivol_that_no_scan_has_is_unknown(tmp_path, value):
    write_series(tmp_path, CTDIvol=value)
    series, _, ctdivol = current(tmp_path)
    assert ctdivol == [None] * 5
    assert series.acquisition.ctdivol_mGy is None
    assert {"tags_implausible", "ctdivol_missing"} <= codes(series)


@pytest.mark.parametrize(("k", "value"), [(0, 144.0), (2, 144.0), (4, 0.5)])
def test_a_value_that_leaps_in_one_slice_is_unknown(tmp_path, k, value):
    write_series(tmp_path, CTDIvol=lambda n: value if n == k else 9.0)
    series, _, ctdivol = current(tmp_path)
    assert ctdivol == [None if n == k else 9.0 for n in range(5)]
    assert series.acquisition.ctdivol_mGy == pytest.approx(9.0)
    assert "tags_implausible" in codes(series)


@pytest.mark.parametrize(
    "values", [(40, 100, 250, 600, 700), (300, 300, 40, 40, 40), (5, 9, 9, 9, 9)]
)
def test_modulation_and_a_step_stay(tmp_path, values):
    write_series(tmp_path, XRayTubeCurrent=lambda n: values[n], CTDIvol=lambda n: values[n] / 10)
    series, mA, _ = current(tmp_path)
    assert mA == list(map(float, values))
    assert "tags_implausible" not in codes(series)


def test_two_values_where_one_number_stands_are_unknown(tmp_path):
    write_series(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        data = path.read_bytes()
        head = b"\x18\x00\x51\x11IS"
        place = data.index(head) + 8
        length = data[place - 2]
        value = b"1\\2 "[: max(4, length)]
        path.write_bytes(data[: place - 2] + bytes([4, 0]) + value + data[place + length :])
    series, mA, _ = current(tmp_path)
    assert mA == [None] * 5
    assert {"tags_unreadable", "tube_current_missing"} <= codes(series)


def test_pixels_fewer_than_their_length_states_are_refused(tmp_path):
    from dicom_files import make_slice

    from CTDoseSegLib.errors import PixelDataError

    pixels = np.full((6, 8), 1024, np.uint16)
    save(make_slice(0, pixels), tmp_path / "a.dcm")
    data = bytearray((tmp_path / "a.dcm").read_bytes())
    place = data.index(b"\xe0\x7f\x10\x00OW") + 8
    data[place : place + 4] = (96 + 2).to_bytes(4, "little")
    (tmp_path / "a.dcm").write_bytes(bytes(data))
    with pytest.raises(PixelDataError, match="fewer than their length states"):
        read_series(tmp_path)


def test_a_file_named_as_a_slice_that_is_none_is_named(tmp_path):
    write_series(tmp_path)
    (tmp_path / "z.dcm").write_bytes(b"no DICOM at all" * 20)
    (tmp_path / "notes.txt").write_bytes(b"no DICOM at all" * 20)
    series = read_series(tmp_path)
    flags = {f.code: f.detail for f in series.flags}
    assert flags["files_unreadable"].startswith("1 files")
    assert "is named as a DICOM file and is none" in flags["files_unreadable"]


@pytest.mark.parametrize("k", [0, 1, 3, 4])
def test_a_leap_beside_an_end_takes_no_neighbour_with_it(tmp_path, k):
    write_series(tmp_path, XRayTubeCurrent=lambda n: 2000 if n == k else 200)
    _, mA, _ = current(tmp_path)
    assert mA == [None if n == k else 200.0 for n in range(5)]
