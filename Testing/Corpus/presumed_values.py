"""Numbers of DICOM that other programs write against the standard: decimal commas, bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import JPEG2000Lossless, RLELossless

from .base import Base, Table, alter, pixels, put_pixels, write
from .presumed import entry, no_size, right_size

PRESUMED_VALUES = Table("presumed")


def as_text(data: Dataset, tag: int, text: str) -> None:
    """Write a number as another program would, against the standard."""
    raw = text.encode() + b" " * (len(text) % 2)
    data[Tag(tag)] = RawDataElement(Tag(tag), "DS", len(raw), raw, 0, False, True, True)


def _rescaled(
    base: Base, folder: Path, *, stored: int = 1, texts: dict[int, str] | None = None, **tags
):
    """The phantom with -2000 as padding, its values times `stored`, and other tags."""
    slices = alter(base.slices(), **tags)
    for data in slices:
        values = pixels(data).astype(int)
        values[:6, :6] = values[-6:, -6:] = -2000
        put_pixels(data, (values * stored).astype("<i2"))
        for tag, text in (texts or {}).items():
            as_text(data, tag, text)
    return [write(slices, folder)]


_INTERCEPT, _SLOPE, _SPACING = 0x00281052, 0x00281053, 0x00280030
_COMMAS = {
    "intercept": (1, {_INTERCEPT: "-1024,0"}),
    "slope": (1, {_SLOPE: "1,0"}),
    "slope_and_intercept": (1, {_INTERCEPT: "-1024,0", _SLOPE: "1,0"}),
    "slope_of_a_half": (2, {_SLOPE: "0,5"}),
    "spacing": (1, {_SPACING: "4,5\\4,5"}),
    "all_of_them": (4, {_INTERCEPT: "-1024,00", _SLOPE: "0,25", _SPACING: "4,50\\4,50"}),
}
for _name, (_stored, _texts) in _COMMAS.items():
    entry(
        PRESUMED_VALUES,
        f"decimal_comma_in_{_name}",
        "decimal commas in " + _name.replace("_", " ") + ", and padding of -2000",
        lambda base, folder, n=_stored, texts=_texts: _rescaled(
            base, folder, stored=n, texts=texts
        ),
        check=right_size,
        doses=True,
    )
entry(
    PRESUMED_VALUES,
    "intercept_alone_missing",
    "a slope without an intercept, and padding of -2000",
    lambda base, folder: _rescaled(base, folder, RescaleIntercept=None),
    says=("0028,1052",),
)
entry(
    PRESUMED_VALUES,
    "slope_alone_missing",
    "an intercept without a slope, which was 0.5",
    lambda base, folder: _rescaled(base, folder, stored=2, RescaleSlope=None),
    flags="not_hu",
    check=no_size,
)
for _name, _spacings in {
    "sixth_decimal": ("4.50006", "4.50004"),
    "seventh_decimal": ("4.50015", "4.50014999"),
    "no_decimal": ("4.5", "4.5000000001"),
}.items():
    entry(
        PRESUMED_VALUES,
        f"spacing_rounded_at_the_{_name}",
        "PixelSpacing {} and {} in turn".format(*_spacings),
        lambda base, folder, two=_spacings: [
            write(alter(base.slices(), PixelSpacing=lambda k: [two[k % 2]] * 2), folder)
        ],
        check=right_size,
        doses=True,
    )


# Bits beside those that are stored.


def _twelve_bits(base: Base, folder: Path, change: Callable[[np.ndarray], np.ndarray], **tags):
    """The phantom in 12 bits of 16, after `change`; tags are set last."""
    compress = tags.pop("compress", None)
    slices = base.slices()
    for data in slices:
        put_pixels(data, change(np.clip(pixels(data), 0, 4095).astype("<u2")))
        if compress is not None:
            data.compress(compress, generate_instance_uid=False)
    return [write(alter(slices, **{"BitsStored": 12, "HighBit": 11, **tags}), folder)]


def _drawn(bit: int) -> Callable[[np.ndarray], np.ndarray]:
    def draw(values: np.ndarray) -> np.ndarray:
        values[30:60, 30:60] |= np.uint16(1 << bit)
        return values

    return draw


def _lifted(bits: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: values << np.uint16(bits)


_BITS = {
    "overlay_in_bit_12": ("an overlay in bit 12", _drawn(12), {}),
    "overlay_in_bit_15": ("an overlay in bit 15", _drawn(15), {}),
    "overlay_in_jpeg_2000": (
        "an overlay in bit 12, as JPEG 2000",
        _drawn(12),
        {"compress": JPEG2000Lossless},
    ),
    "overlay_in_rle": ("an overlay in bit 12, as RLE", _drawn(12), {"compress": RLELossless}),
    "high_bit_15": (
        "values in bits 4 to 15",
        _lifted(4),
        {"HighBit": 15},
    ),
    "high_bit_13": (
        "values in bits 2 to 13",
        _lifted(2),
        {"HighBit": 13},
    ),
}
for _name, (_what, _change, _tags) in _BITS.items():
    entry(
        PRESUMED_VALUES,
        _name,
        f"12 bits stored of 16: {_what}",
        lambda base, folder, change=_change, tags=_tags: _twelve_bits(base, folder, change, **tags),
        check=right_size,
        doses=True,
    )
