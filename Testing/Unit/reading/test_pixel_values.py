"""Reading: stored pixels to HU."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_files import SHAPE, codes, make_slice, save, write_series
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataelem import RawDataElement
from pydicom.uid import JPEG2000Lossless, RLELossless

from CTDoseSegLib.dicom.decoding import stored_values
from CTDoseSegLib.dicom.header import Header
from CTDoseSegLib.dicom.pixels import AIR_HU, to_hu
from CTDoseSegLib.errors import PixelDataError
from CTDoseSegLib.reading.reader import read_series


def header(**values) -> Header:
    base = {"BitsAllocated": (16.0,), "RescaleSlope": (1.0,), "RescaleIntercept": (-1024.0,)}
    return Header("a.dcm", base | {k: (float(v),) for k, v in values.items()}, "")


def one(tmp_path, pixels, **tags):
    return read_series(save(make_slice(0, pixels, **tags), tmp_path / "a.dcm"))


def test_each_slice_has_its_own_slope_and_intercept(tmp_path):
    write_series(tmp_path, RescaleSlope=lambda k: 1 + k, RescaleIntercept=lambda k: -1000 * k)
    series = read_series(tmp_path)
    expected = [(1024 + k) * (1 + k) - 1000 * k for k in range(5)]
    assert series.hu[:, 0, 0].tolist() == expected
    assert series.hu.dtype == np.int16
    assert "rescale_varies" in codes(series)


def test_a_broken_slope_gives_floats_for_all_slices(tmp_path):
    write_series(tmp_path, RescaleSlope=lambda k: 0.5 if k == 3 else 1)
    series = read_series(tmp_path)
    assert series.hu.dtype == np.float32
    assert series.hu[:, 0, 0].tolist() == [0, 1, 2, 1027 * 0.5 - 1024, 4]


def test_metal_above_3071_is_kept(tmp_path):
    pixels = np.full(SHAPE, 31000, np.uint16)
    assert (one(tmp_path, pixels).hu == 31000 - 1024).all()


def test_a_value_beyond_16_bits_turns_the_volume_to_floats_instead_of_wrapping(tmp_path):
    pixels = np.full(SHAPE, 1024, np.uint16)
    pixels[2, 2] = 65000
    series = one(tmp_path, pixels)
    assert series.hu.dtype == np.float32
    assert series.hu[0, 2, 2] == 65000 - 1024
    assert series.hu[0, 0, 0] == 0


@given(
    stored=hnp.arrays(np.int16, (4, 5), elements=st.integers(-1000, 3000)),
    intercept=st.sampled_from([-1024, 0, -8192, 500]),
    slope=st.sampled_from([1, 2, 1.5]),
    signed=st.booleans(),
)
def test_hu_is_slope_times_stored_plus_intercept(stored, intercept, slope, signed):
    stored = stored if signed else (stored + 1000).astype(np.uint16)
    about = header(RescaleSlope=slope, RescaleIntercept=intercept, PixelRepresentation=signed)
    dtype = np.int16 if slope != 1.5 else np.float32
    exact = stored.astype(float) * slope + intercept
    hu, _, ignored_padding = to_hu(stored.copy(), about, np.dtype(dtype))
    lowest = exact[[0, 0, -1, -1], [0, -1, 0, -1]].min()
    if lowest > -1500:  # else the corners may be taken for padding
        assert np.array_equal(hu, exact)
    assert hu.dtype == dtype
    assert not ignored_padding


def test_twelve_stored_bits_carry_no_overlay(tmp_path):
    pixels = np.full(SHAPE, 1034 | 0x8000, np.uint16)
    assert (one(tmp_path, pixels, BitsStored=12, HighBit=11).hu == 10).all()


def test_the_sign_of_twelve_stored_bits_is_extended(tmp_path):
    pixels = np.full(SHAPE, 0x0FFE, np.int16)  # -2 in twelve bits
    series = one(tmp_path, pixels, BitsStored=12, HighBit=11, RescaleIntercept=0)
    assert (series.hu == -2).all()


@given(
    bits=st.integers(8, 16),
    signed=st.booleans(),
    above=st.integers(0, 0xFFFF),
    data=st.data(),
)
def test_the_value_is_the_stored_bits_up_to_the_high_bit(bits, signed, above, data):
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    values = data.draw(hnp.arrays(np.int64, (3, 4), elements=st.integers(low, high)))
    shift = data.draw(st.integers(0, 16 - bits))
    in_the_word = ((values & ((1 << bits) - 1)) << shift) | (above << (bits + shift))
    words = (in_the_word & 0xFFFF).astype(np.uint16).view(np.int16 if signed else np.uint16)
    about = header(BitsStored=bits, HighBit=bits + shift - 1, PixelRepresentation=signed)
    assert np.array_equal(stored_values(words, about), values)


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize(("bits", "dtype"), [(12, np.uint16), (12, np.int16), (14, np.uint16)])
def test_overlay_bits_are_no_values_however_the_pixels_are_coded(syntax, bits, dtype, tmp_path):
    values = np.arange(48 * 64).reshape(48, 64) % 2000  # JPEG 2000 needs some pixels
    with_overlay = values | np.where(values % 3 == 0, 1 << bits, 0)
    data = make_slice(0, with_overlay.astype(dtype))
    if syntax is not None:
        data.compress(syntax)  # all 16 bits, as an archive does that knows nothing of overlays
    data.BitsStored, data.HighBit = bits, bits - 1
    assert np.array_equal(read_series(save(data, tmp_path / "a.dcm")).hu[0], values - 1024)


def test_values_at_the_top_of_their_words_are_read_there(tmp_path):
    pixels = np.full(SHAPE, 1034 << 4, np.uint16)
    assert (one(tmp_path, pixels, BitsStored=12, HighBit=15).hu == 10).all()


@pytest.mark.parametrize(
    ("bits", "high_bit", "said"), [(12, 15, "would leave out bits"), (12, 7, "cannot be")]
)
def test_a_high_bit_that_contradicts_the_pixels_is_refused(bits, high_bit, said, tmp_path):
    pixels = np.full(SHAPE, 1034, np.uint16)  # in the lowest twelve bits
    with pytest.raises(PixelDataError, match=rf"HighBit \(0028,0102\) {high_bit} {said}"):
        one(tmp_path, pixels, BitsStored=bits, HighBit=high_bit)


def test_a_lossy_overshoot_is_clipped_and_does_not_wrap():
    words = np.array([[4100, 12]], np.uint16)
    about = Header(
        "a.dcm",
        {"BitsAllocated": (16.0,), "BitsStored": (12.0,), "LossyImageCompression": ("01",)},
        "",
    )
    assert stored_values(words, about).tolist() == [[4095, 12]]


def test_missing_rescaling_is_refused_where_no_value_is_negative(tmp_path):
    tags = {"RescaleSlope": None, "RescaleIntercept": None}
    with pytest.raises(
        PixelDataError, match=r"does not state RescaleSlope .* and RescaleIntercept .*,"
    ):
        one(tmp_path, np.full(SHAPE, 1024, np.uint16), **tags)
    series = one(tmp_path, np.full(SHAPE, -1000, np.int16), **tags)
    assert (series.hu == -1000).all()
    assert "rescale_missing" in codes(series)


@pytest.mark.parametrize("missing", ["RescaleSlope", "RescaleIntercept"])
def test_one_of_slope_and_intercept_alone_is_enough_only_where_there_is_air(missing, tmp_path):
    pixels = np.full(SHAPE, 1024, np.int16)
    pixels[0] = -2000  # padding, which is no air
    with pytest.raises(PixelDataError, match=rf"does not state {missing} \(0028,105[23]\),"):
        one(tmp_path, pixels, **{missing: None})
    pixels[1] = 24 if missing == "RescaleSlope" else -1000
    series = one(tmp_path, pixels, **{missing: None})
    assert series.hu[0, 1, 0] == -1000
    (found,) = (entry for entry in series.flags if entry.code == "rescale_missing")
    assert missing in found.detail


def with_text(path, keyword, text):
    """The same file with a number written as an archive of another country writes it."""
    data = pydicom.dcmread(path)
    tag = pydicom.tag.Tag(keyword)
    raw = text.encode() + b" " * (len(text) % 2)
    data[tag] = RawDataElement(tag, "DS", len(raw), raw, 0, False, True, True)
    with pydicom.config.disable_value_validation():
        return save(data, path)


@pytest.mark.parametrize(
    ("keyword", "text", "hu", "pixel_mm"),
    [
        ("RescaleIntercept", "-1024,0", 0, 0.5),
        ("RescaleIntercept", "-1000,5", 23.5, 0.5),
        ("RescaleSlope", "1,0", 0, 0.5),
        ("RescaleSlope", "0,5", -512, 0.5),
        ("PixelSpacing", "0,625\\0,625", 0, 0.625),
        ("PixelSpacing", "0,9765625\\0,9765625", 0, 0.9765625),
    ],
)
def test_a_decimal_comma_is_read(keyword, text, hu, pixel_mm, tmp_path):
    path = save(make_slice(0), tmp_path / "a.dcm")
    series = read_series(with_text(path, keyword, text))
    assert (series.hu == hu).all()
    assert series.spacing_mm[0] == pixel_mm


@pytest.mark.parametrize(
    ("keyword", "tag"), [("RescaleIntercept", "0028,1052"), ("RescaleSlope", "0028,1053")]
)
@pytest.mark.parametrize("text", ["-1,024", "about 1", "1,0,2"])
def test_a_rescaling_that_is_no_number_is_refused(keyword, tag, text, tmp_path):
    path = save(make_slice(0), tmp_path / "a.dcm")
    with pytest.raises(PixelDataError, match=rf"{keyword} \({tag}\) is not a number"):
        read_series(with_text(path, keyword, text))


def test_a_slope_of_zero_is_refused(tmp_path):
    with pytest.raises(PixelDataError, match="RescaleSlope"):
        one(tmp_path, np.full(SHAPE, 1024, np.uint16), RescaleSlope=0)


@pytest.mark.parametrize("value", [-2000, -32768])
def test_declared_padding_is_air(tmp_path, value):
    pixels = np.full(SHAPE, 1024, np.int16)
    pixels[0, 0] = pixels[3, 3] = value
    series = one(tmp_path, pixels, PixelPaddingValue=value % 65536)  # VR US for signed pixels
    assert series.hu[0, 0, 0] == series.hu[0, 3, 3] == AIR_HU
    assert series.hu.dtype == np.int16
    assert (series.hu == 0).sum() == 46


def test_a_range_of_padding_is_air(tmp_path):
    pixels = np.full(SHAPE, 1024, np.int16)
    pixels[0, :3] = [-2000, -1990, -1980]
    series = one(tmp_path, pixels, PixelPaddingValue=63536, PixelPaddingRangeLimit=63556)
    assert (series.hu[0, 0, :3] == AIR_HU).all()


def test_declared_padding_that_is_clipped_air_stays_as_it_is(tmp_path):
    pixels = np.full(SHAPE, 1024, np.uint16)
    pixels[0, 0] = 0
    series = one(tmp_path, pixels, PixelPaddingValue=0)
    assert series.hu[0, 0, 0] == -1024
    assert "padding_ignored" not in codes(series)


def test_padding_that_would_blank_out_tissue_is_not_believed(tmp_path):
    pixels = np.full(SHAPE, -1000, np.int16)
    pixels[2:4, 2:6] = 0
    series = one(tmp_path, pixels, RescaleIntercept=0, PixelPaddingValue=0)
    assert (series.hu[0, 2:4, 2:6] == 0).all()
    assert "padding_ignored" in codes(series)


def test_padding_with_a_high_value_is_believed_at_the_corners(tmp_path):
    pixels = np.full(SHAPE, 1024, np.uint16)
    pixels[[0, 0, -1, -1], [0, -1, 0, -1]] = 30000
    series = one(tmp_path, pixels, PixelPaddingValue=30000)
    assert series.hu.max() == 0
    assert series.hu[0, 0, 0] == AIR_HU


@pytest.mark.parametrize("outside", [-2000, -3024, -2048])
def test_padding_that_no_tag_declares_is_air_too(tmp_path, outside):
    pixels = np.full(SHAPE, 0, np.int16)
    pixels[[0, 0, -1, -1], [0, -1, 0, -1]] = outside
    pixels[3, 3] = outside + 30  # a streak, not padding
    series = one(tmp_path, pixels, RescaleIntercept=0)
    assert (series.hu == AIR_HU).sum() == 4
    assert series.hu[0, 3, 3] == outside + 30


def test_values_below_air_inside_the_image_are_kept(tmp_path):
    pixels = np.full(SHAPE, -1000, np.int16)
    pixels[3, 3] = -1300
    assert one(tmp_path, pixels, RescaleIntercept=0).hu[0, 3, 3] == -1300


@pytest.mark.parametrize(
    "tags", [{"RescaleType": "MGML"}, {"ManufacturerModelName": "Varian OBI"}], ids=str
)
def test_values_that_are_not_hounsfield_units_are_flagged(tmp_path, tags):
    assert "not_hu" in codes(one(tmp_path, np.full(SHAPE, 24, np.uint16), **tags))
