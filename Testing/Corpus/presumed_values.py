"""Values presumed to be Hounsfield units: misread numbers, bits, windows, maps of materials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import JPEG2000Lossless, RLELossless

from .base import Base, Table, alter, pixels, put_pixels, write
from .presumed import AFFINE, entry, hu_of, no_size, right_size

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


# Volumes whose values were changed before they were written.


def _volume(hu: np.ndarray, folder: Path) -> list[object]:
    import nibabel

    nibabel.Nifti1Image(hu.T.astype("<i2"), AFFINE).to_filename(folder / "ct.nii.gz")
    return [folder / "ct.nii.gz"]


_WINDOWS = {
    "everything": (-1024, 3071, True),
    "air_to_bone": (-1000, 400, True),
    "lung_to_bone": (-1000, 200, True),
    "soft_tissue": (-200, 250, False),
    "soft_tissue_and_fat": (-250, 250, False),
    "liver": (-150, 250, False),
    "brain": (0, 80, False),
}
for _name, (_low, _high, _whole) in _WINDOWS.items():
    entry(
        PRESUMED_VALUES,
        f"window_of_{_name}",
        f"HU cut off at {_low} and {_high}",
        lambda base, folder, low=_low, high=_high: _volume(hu_of(base).clip(low, high), folder),
        flags=() if _whole else "not_hu",
        without=("not_hu",) if _whole else (),
        check=right_size if _whole else no_size,
    )


def _turned(base: Base, folder: Path, degrees: float, axis: int, by: int) -> list[object]:
    """Resampled with 0 where there is nothing, as programs do that know no HU."""
    from scipy import ndimage

    hu = np.roll(hu_of(base).astype("f4"), by, axis)
    np.moveaxis(hu, axis, 0)[:by] = 0
    turned = ndimage.rotate(hu, degrees, axes=(1, 2), reshape=False, order=1, cval=0.0)
    return _volume(np.rint(turned), folder)


for _degrees in (8, 15, -8):
    entry(
        PRESUMED_VALUES,
        f"zero_fill_turned_by_{_degrees}".replace("-", "minus_"),
        f"turned by {_degrees} degrees, and 0 in the corners that came in",
        lambda base, folder, degrees=_degrees: _turned(base, folder, degrees, 1, 0),
        without=("not_hu",),
        check=right_size,
    )
entry(
    PRESUMED_VALUES,
    "zero_fill_shifted_down",
    "shifted down by 45 mm within the image, and 0 above",
    lambda base, folder: _turned(base, folder, 0, 1, 10),
    without=("not_hu",),
    check=right_size,
)
entry(
    PRESUMED_VALUES,
    "zero_fill_shifted_out",
    "shifted by 63 mm, so that the body leaves the image, and 0 where nothing was",
    lambda base, folder: _turned(base, folder, 0, 2, 14),
    flags="body_truncated",
)


# Maps of materials, and images made from others.


def _derived(base: Base, folder: Path, change, description: str, *kinds: str, **tags):
    slices = base.slices()
    for data in slices:
        put_pixels(data, change(pixels(data) - 1024.0).astype("<i2") + np.int16(1024))
    tags = {"ImageType": ["DERIVED", *kinds], "SeriesDescription": description, **tags}
    return [write(alter(slices, **tags), folder)]


def _iodine(air: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda hu: np.where(hu < -900, air, np.clip(0.3 * (hu - 20), 0, None))


def _without_bone(hu: np.ndarray) -> np.ndarray:
    return np.where(hu > 150, -1000, hu)


def _same(hu: np.ndarray) -> np.ndarray:
    return hu


_NO_WATER = "Iodine no Water[mg/ml]"
_SECONDARY, _SIEMENS = ("SECONDARY", "AXIAL"), ("SECONDARY", "AXIAL", "CT_SOM7 SPI DUAL")
_MAPS = {
    "iodine_in_hu": (_iodine(-1000), _NO_WATER, ("PRIMARY", "AXIAL"), {}),
    "iodine_by_image_type": (_iodine(-1000), "DE", (*_SIEMENS, "DE_IODINE"), {}),
    "iodine_in_mg_per_ml": (_iodine(-1000), "DE", _SECONDARY, {"RescaleType": "MGML"}),
    "iodine_without_air": (_iodine(0), "DE", _SECONDARY, {}),
    "iodine_material_specific": (_iodine(-1000), "DE", (*_SECONDARY, "MAT_SPECIFIC"), {}),
    "calcium_map": (_iodine(-1000), "Calcium map", _SECONDARY, {}),
    "effective_z": (_iodine(-1000), "Rho/Z", _SECONDARY, {"RescaleType": "Z_EFF"}),
    "bone_removed": (_without_bone, "CTA bone removed", _SECONDARY, {}),
    "bone_subtracted": (_without_bone, "Angio bone-subtraction", _SECONDARY, {}),
}
for _name, (_change, _description, _kinds, _tags) in _MAPS.items():
    entry(
        PRESUMED_VALUES,
        _name,
        "a map or an image without bone: " + _name.replace("_", " "),
        lambda base, folder, c=_change, d=_description, k=_kinds, t=_tags: _derived(
            base, folder, c, d, *k, **t
        ),
        flags="not_hu",
        check=no_size,
    )
_ENERGIES = {
    "virtual_non_contrast": (lambda hu: np.where(hu > 100, hu / 2, hu), "VNC", "MAT_REMOVED"),
    "at_40_kev": (lambda hu: np.where(hu > 60, 2.5 * hu, hu), "MonoE 40keV", "VMI"),
    "at_70_kev": (_same, "MonoE 70keV", "VMI"),
}
for _name, (_change, _description, _kind) in _ENERGIES.items():
    entry(
        PRESUMED_VALUES,
        _name,
        f"an image of two energies, {_description}",
        lambda base, folder, c=_change, d=_description, k=_kind: _derived(
            base, folder, c, d, *_SECONDARY, k
        ),
        flags=("derived", "dual_energy"),
        without=("not_hu",),
    )


def _grey(base: Base, folder: Path, low: int, high: int, **tags: float) -> list[object]:
    """A picture of 256 grey levels, from `low` to `high` in HU."""
    slices = base.slices()
    for data in slices:
        grey = (pixels(data) - 1024.0 - low) / (high - low) * 255
        put_pixels(data, np.clip(grey, 0, 255).astype("u1"))
    return [write(alter(slices, **tags), folder)]


_GREY = {
    "with_the_old_slope": (-160, 240, {}, True),
    "of_all_hu_with_the_old_slope": (-1000, 1000, {}, True),
    "of_the_lung_with_no_slope": (
        *(-1350, 150),
        {"RescaleSlope": None, "RescaleIntercept": None},
        True,
    ),
    "rescaled_to_its_window": (
        *(-160, 240),
        {"RescaleSlope": 1.568627, "RescaleIntercept": -160},
        False,
    ),
    "rescaled_to_a_narrow_window": (
        *(-100, 155),
        {"RescaleSlope": 1, "RescaleIntercept": -100},
        False,
    ),
}
for _name, (_low, _high, _tags, _refused) in _GREY.items():
    entry(
        PRESUMED_VALUES,
        f"grey_picture_{_name}",
        "8 bits, " + _name.replace("_", " "),
        lambda base, folder, low=_low, high=_high, tags=_tags: _grey(
            base, folder, low, high, **tags
        ),
        says="HU|Hounsfield" if _refused else (),
        flags=() if _refused else "not_hu",
        check=None if _refused else no_size,
    )
