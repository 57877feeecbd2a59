"""What a file leaves to be presumed of the size of its voxels.

Programs take a wrong size from such files without a word. Here the right number is known: it is
that of the phantom.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .base import Base, Make, Table, pixels

PRESUMED = Table("presumed")
# Mean water-equivalent diameter of the phantom within its exact labels.
WED_MM = 271.8
# The phantom's voxels, i, j, k to RAS.
SIZE_MM = (4.5, 4.5, 20.0)
AFFINE = np.diag([-4.5, -4.5, 20.0, 1.0])
AFFINE[:3, 3] = 213.75, 213.75, -175.0
SHORT = ("--engine", "classical")  # a network would take ten times as long, and is not asked here


def entry(table: Table, name: str, what: str, make: Make, **expected: object) -> None:
    """Add a case whose name is no function's."""

    def named(base: Base, folder: Path):
        return [*make(base, folder), *SHORT]

    named.__name__ = name
    table.case(what, **expected)(named)


def right_size(folder: Path, result: dict) -> None:
    """WED of 16 slices, 271.8 mm within 1 mm."""
    wed = result["slices"]["wed_mm"]
    assert len(wed) == 16
    assert abs(np.mean(wed) - WED_MM) < 1, np.mean(wed)


def no_size(folder: Path, result: dict) -> None:
    """No WED and no dose."""
    assert not any(result["slices"]["wed_mm"])
    assert not [organ for organ in result["organs"] if organ["dose_mGy"] is not None]


def by_ctdivol(stated_mGy: float, least: float = 0.98) -> Callable[[Path, dict], None]:
    """Return a check of SSDE by a stated CTDIvol: AAPM Report 204, table of the 32 cm phantom."""

    def check(folder: Path, result: dict) -> None:
        wed_cm = np.array(result["slices"]["wed_mm"]) / 10
        expected = stated_mGy * (3.704369 * np.exp(-0.03671937 * wed_cm)).mean()
        assert least < result["ssde"]["mean_mGy"] / expected < 2 - least, expected

    check.__doc__ = f"SSDE is that of {stated_mGy} mGy and the WED."
    return check


def hu_of(base: Base) -> np.ndarray:
    """HU of the phantom, [k, j, i]."""
    return np.stack([pixels(data) for data in base.slices()]) - np.int16(1024)


# The size of voxels: NIfTI.


def _nifti(hu: np.ndarray, folder: Path, *, sform=None, qform=None, pixdim=SIZE_MM, unit="mm"):
    """A NIfTI file whose fields for the voxel size are written one by one."""
    import nibabel

    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape(hu.shape[::-1])
    header.set_xyzt_units(unit)
    if qform is not None:
        header.set_qform(qform, 1)
    header["pixdim"][1:4] = pixdim
    if sform is not None:
        header.set_sform(sform, 1)
    start = header.binaryblock[:344] + b"n+1\0" + bytes(4)
    voxels = np.ascontiguousarray(hu, "<i2").tobytes()
    path = folder / "ct.nii.gz"
    path.write_bytes(gzip.compress(_at(start, 108, np.float32(352)) + voxels, 1))
    return [path]


def _at(header: bytes, offset: int, value: np.generic) -> bytes:
    raw = value.tobytes()
    return header[:offset] + raw + header[offset + len(raw) :]


def _scaled(*factors: float) -> np.ndarray:
    return AFFINE @ np.diag([*factors, 1.0])


def _in_unit(mm: float) -> np.ndarray:
    return np.diag([1 / mm] * 3 + [1.0]) @ AFFINE


_UNIT_ROWS = _scaled(1 / 4.5, 1 / 4.5, 1 / 20)
_TWO_SIZES = {
    "sform_of_another_step": (_scaled(1, 1, 4 / 3), AFFINE, SIZE_MM, "0.75 in volumes"),
    "sform_of_unit_rows": (_UNIT_ROWS, None, SIZE_MM, "4.5 in WED"),
    "sform_of_unit_rows_beside_qform": (_UNIT_ROWS, AFFINE, SIZE_MM, "4.5 in WED"),
    "stale_pixdim": (AFFINE, None, (3.0, 3.0, 20.0), "0.667 in WED"),
    "sform_in_cm": (_scaled(0.1, 0.1, 0.1), AFFINE, SIZE_MM, "10 in WED"),
    "pixdim_of_one_axis_stale": (AFFINE, None, (9.0, 4.5, 20.0), "1.41 in WED"),
}
for _name, (_sform, _qform, _pixdim, _factor) in _TWO_SIZES.items():
    entry(
        PRESUMED,
        f"nifti_{_name}",
        "NIfTI whose sform and pixdim have two voxel sizes: " + _name.replace("_", " "),
        lambda base, folder, s=_sform, q=_qform, p=_pixdim: _nifti(
            hu_of(base), folder, sform=s, qform=q, pixdim=p
        ),
        says=("sform", "pixdim", _factor),
    )
for _unit, _mm in {"meter": 1000.0, "micron": 1e-3}.items():
    entry(
        PRESUMED,
        f"nifti_in_{_unit}",
        f"NIfTI whose unit is the {_unit}",
        lambda base, folder, unit=_unit, mm=_mm: _nifti(
            hu_of(base),
            folder,
            sform=_in_unit(mm),
            qform=_in_unit(mm),
            pixdim=np.array(SIZE_MM) / mm,
            unit=unit,
        ),
        flags="unit_converted",
        check=right_size,
    )
for _name, _sign in {"identity": (1, 1), "turned_identity": (-1, -1)}.items():
    entry(
        PRESUMED,
        f"nifti_{_name}",
        "NIfTI of a program that knew no geometry: " + _name.replace("_", " "),
        lambda base, folder, sign=_sign: _nifti(
            hu_of(base).repeat(4, 1).repeat(4, 2),
            folder,
            sform=np.diag([*sign, 1.0, 1.0]),
            pixdim=(1, 1, 1),
        ),
        flags="voxel_size_presumed",
    )


# The size of voxels: NRRD.


def _nrrd(hu: np.ndarray, folder: Path, *fields: str, encoding: str = "raw"):
    sizes = " ".join(map(str, hu.shape[::-1]))
    lines = ("NRRD0005", "type: short", "dimension: 3", f"sizes: {sizes}", "endian: little")
    header = "\n".join((*lines, *fields, f"encoding: {encoding}", "", "")).encode()
    voxels = np.ascontiguousarray(hu, "<i2").tobytes()
    (folder / "ct.nrrd").write_bytes(
        header + (gzip.compress(voxels, 1) if encoding == "gzip" else voxels)
    )
    return [folder / "ct.nrrd"]


def _space(name: str, i: float, j: float, k: float) -> tuple[str, ...]:
    """A space with its directions along the axes, centred; of `name`, for a file in mm."""
    return (
        f"space: {name}",
        f"space directions: ({i},0,0) (0,{j},0) (0,0,{k})",
        f"space origin: ({-47.5 * i},{-47.5 * j},{-175 * k / 20})",
    )


_LPS = "left-posterior-superior"
_NRRD_RIGHT = {
    "ras": (_space("right-anterior-superior", -4.5, -4.5, 20.0), ()),
    "las": (_space("left-anterior-superior", 4.5, -4.5, 20.0), ()),
    "lps": (_space(_LPS, 4.5, 4.5, 20.0), ()),
    "scanner_xyz": (_space("scanner-xyz", 4.5, 4.5, 20.0), ()),
    "spacings_alone": (("spacings: 4.5 4.5 20",), "orientation_unknown"),
    "in_cm": ((*_space(_LPS, 0.45, 0.45, 2.0), 'space units: "cm" "cm" "cm"'), "unit_converted"),
}
for _name, (_fields, _flags) in _NRRD_RIGHT.items():
    entry(
        PRESUMED,
        f"nrrd_{_name}",
        "NRRD with its voxel size: " + _name.replace("_", " "),
        lambda base, folder, fields=_fields: _nrrd(hu_of(base), folder, *fields, encoding="gzip"),
        flags=_flags,
        check=right_size,
    )
entry(
    PRESUMED,
    "nrrd_without_spacing",
    "NRRD without a voxel size",
    lambda base, folder: _nrrd(hu_of(base), folder),
    says=("ct.nrrd", "no voxel size"),
)
entry(
    PRESUMED,
    "nrrd_of_two_sizes",
    "NRRD whose space directions and spacings disagree",
    lambda base, folder: _nrrd(
        hu_of(base), folder, *_space(_LPS, 4.5, 4.5, 20.0), "spacings: 3 3 20"
    ),
    says=("space directions", "spacings", "0.667 in WED"),
)
entry(
    PRESUMED,
    "nrrd_in_two_units",
    "NRRD in millimetres and centimetres",
    lambda base, folder: _nrrd(
        hu_of(base), folder, *_space(_LPS, 4.5, 4.5, 2.0), 'space units: "mm" "mm" "cm"'
    ),
    says=("ct.nrrd", "cm, mm"),
)
for _name, _order in {"zyx": (1, 2, 0), "xzy": (1, 0, 2)}.items():
    entry(
        PRESUMED,
        f"nrrd_axes_{_name}",
        f"NRRD whose axes were written in the order {_name}, its spacing in xyz",
        lambda base, folder, order=_order: _nrrd(
            hu_of(base).transpose(order), folder, *_space(_LPS, 4.5, 4.5, 20.0)
        ),
        flags="axes_doubtful",
    )
