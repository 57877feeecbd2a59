"""Values that are presumed to be Hounsfield units: windows, maps of materials, grey pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .base import Base, Table, alter, pixels, put_pixels, write
from .presumed import AFFINE, entry, hu_of, no_size, right_size

PRESUMED_UNITS = Table("presumed")


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
        PRESUMED_UNITS,
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
        PRESUMED_UNITS,
        f"zero_fill_turned_by_{_degrees}".replace("-", "minus_"),
        f"turned by {_degrees} degrees, and 0 in the corners that came in",
        lambda base, folder, degrees=_degrees: _turned(base, folder, degrees, 1, 0),
        without=("not_hu",),
        check=right_size,
    )
entry(
    PRESUMED_UNITS,
    "zero_fill_shifted_down",
    "shifted down by 45 mm within the image, and 0 above",
    lambda base, folder: _turned(base, folder, 0, 1, 10),
    without=("not_hu",),
    check=right_size,
)
entry(
    PRESUMED_UNITS,
    "zero_fill_shifted_out",
    "shifted by 63 mm, so that the body leaves the image, and 0 where nothing was",
    lambda base, folder: _turned(base, folder, 0, 2, 14),
    flags="body_truncated|truncation_not_corrected",
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
        PRESUMED_UNITS,
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
        PRESUMED_UNITS,
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
        PRESUMED_UNITS,
        f"grey_picture_{_name}",
        "8 bits, " + _name.replace("_", " "),
        lambda base, folder, low=_low, high=_high, tags=_tags: _grey(
            base, folder, low, high, **tags
        ),
        says="HU|Hounsfield" if _refused else (),
        flags=() if _refused else "not_hu",
        check=None if _refused else no_size,
    )
