"""Values: rescaling, padding, overflow, spacing; and numbers that are no Hounsfield units."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .base import Base, Table, alter, pixels, put_pixels, write

VALUES = Table("values")
case = VALUES.case
HU_ZERO = 1024  # stored value of 0 HU


@case("slope and intercept of each slice its own", flags="rescale_varies", same_size=True)
def rescale_varies(base: Base, folder: Path):
    slices = base.slices()
    for k, data in enumerate(slices):
        hu = pixels(data) - HU_ZERO
        data.RescaleIntercept = -1024 - 10 * k
        put_pixels(data, (hu + 1024 + 10 * k).astype("<i2"))
    return [write(slices, folder)]


@case("no slope and intercept, no negative value", says=(r"slice_\d\d.dcm", "0028,1052"))
def rescale_missing(base: Base, folder: Path):
    slices = alter(base.slices(), RescaleSlope=None, RescaleIntercept=None)
    for data in slices:
        put_pixels(data, np.clip(pixels(data), 0, None))
    return [write(slices, folder)]


@case("no slope and intercept, values are HU", flags="rescale_missing", doses=True, same_size=True)
def rescale_missing_but_hu(base: Base, folder: Path):
    slices = alter(base.slices(), RescaleSlope=None, RescaleIntercept=None)
    for data in slices:
        put_pixels(data, pixels(data) - np.int16(HU_ZERO))
    return [write(slices, folder)]


@case("a slope of 0", says=(r"slice_\d\d.dcm", "0028,1053"))
def slope_zero(base: Base, folder: Path):
    return [write(alter(base.slices(), RescaleSlope=0), folder)]


@case("a broken slope", doses=True, same_size=True)
def broken_slope(base: Base, folder: Path):
    slices = alter(base.slices(), RescaleSlope=0.25, RescaleIntercept=-1024)
    for data in slices:
        put_pixels(data, (pixels(data).astype(int) * 4).astype("<i2"))
    return [write(slices, folder)]


def _padded(base: Base, folder: Path, hu: int, declared: bool) -> list[object]:
    """Outside the round field of view `hu` instead of air."""
    slices = base.slices()
    rows, columns = np.ogrid[:96, :96]
    outside = (rows - 47.5) ** 2 + (columns - 47.5) ** 2 > 48**2
    for data in slices:
        stored = pixels(data)
        stored[outside] = hu + HU_ZERO
        put_pixels(data, stored)
        if declared:
            data.add_new(0x00280120, "SS", hu + HU_ZERO)
    return [write(slices, folder)]


def no_padding_measured(folder: Path, result: dict) -> None:
    """No slice's body is lighter than a chest can be."""
    assert min(result["slices"]["body_mean_hu"]) > -450
    assert 200 < np.mean(result["slices"]["wed_mm"]) < 330


@case("-2000 outside the field of view, declared", check=no_padding_measured, doses=True)
def padding_declared(base: Base, folder: Path):
    return _padded(base, folder, -2000, True)


@case("-2000 outside the field of view, not declared", check=no_padding_measured, doses=True)
def padding_not_declared(base: Base, folder: Path):
    return _padded(base, folder, -2000, False)


@case("-3024 outside the field of view, not declared", check=no_padding_measured, doses=True)
def padding_3024(base: Base, folder: Path):
    return _padded(base, folder, -3024, False)


@case("a padding value that soft tissue has", flags="padding_ignored", doses=True)
def padding_in_tissue(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        data.add_new(0x00280120, "SS", HU_ZERO + 40)
    return [write(slices, folder)]


def metal_is_kept(folder: Path, result: dict) -> None:
    """The bright voxels were measured as they are."""
    known = [v for s in result["structures"].values() for v in s["sd_hu"] if v is not None]
    assert max(known) > 500


@case("unsigned values beyond 32,767", check=metal_is_kept)
def unsigned_overflow(base: Base, folder: Path):
    slices = alter(base.slices(), RescaleIntercept=-32768)
    for data in slices:
        hu = pixels(data).astype(int) - HU_ZERO
        hu[40:44, 40:44] = 32767
        put_pixels(data, (hu + 32768).astype("<u2"))
    return [write(slices, folder)]


@case("metal of 20,000 HU", check=metal_is_kept)
def metal(base: Base, folder: Path):
    slices = base.slices()
    for data in slices[4:12]:
        stored = pixels(data)
        stored[44:50, 44:50] = 20000
        put_pixels(data, stored)
    return [write(slices, folder)]


@case("cone-beam CT", flags="not_hu", doses=False)
def cone_beam(base: Base, folder: Path):
    return [write(alter(base.slices(), ManufacturerModelName="On-board Imager OBI"), folder)]


@case("rescale type US (unspecified)", flags="rescale_type", doses=True)
def rescale_type(base: Base, folder: Path):
    return [write(alter(base.slices(), RescaleType="US"), folder)]


@case("PixelSpacing of 0", says=(r"slice_\d\d.dcm", "0028,0030"))
def spacing_zero(base: Base, folder: Path):
    return [write(alter(base.slices(), PixelSpacing=[0, 0]), folder)]


@case("no PixelSpacing", says=(r"slice_\d\d.dcm", "0028,0030"))
def spacing_missing(base: Base, folder: Path):
    return [write(alter(base.slices(), PixelSpacing=None), folder)]


@case("PixelSpacing with one value", says=(r"slice_\d\d.dcm", "0028,0030"))
def spacing_of_one_value(base: Base, folder: Path):
    return [write(alter(base.slices(), PixelSpacing=4.5), folder)]


def locations_empty(folder: Path, result: dict) -> None:
    """The column is there and empty."""
    lines = (folder / "slices.csv").read_text(encoding="utf-8").splitlines()
    column = lines[0].split(",").index("slice_location_mm")
    assert {line.split(",")[column] for line in lines[1:]} == {""}


@case("no SliceLocation", check=locations_empty, doses=True, same_size=True)
def no_slice_location(base: Base, folder: Path):
    return [write(alter(base.slices(), SliceLocation=None), folder)]


@case("nothing but air", says="[Bb]ody")
def only_air(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        put_pixels(data, np.full((96, 96), 24, "<i2"))
    return [write(slices, folder)]


@case("one value everywhere", flags="not_hu")
def one_value(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        put_pixels(data, np.full((96, 96), HU_ZERO, "<i2"))
    return [write(slices, folder)]
