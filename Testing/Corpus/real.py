"""Real sets of the development data with known faults."""

from __future__ import annotations

from pathlib import Path

from .base import Base, Table, copied
from .dose import by_ctdivol
from .series import no_volume

REAL = Table("real")


def case(what: str, **expected: object):
    return REAL.case(what, data=True, **expected)


@case("head, gantry tilted, 1 to 7 mm apart", flags=("tilted",), check=no_volume, doses=False)
def ge_tilt_variable_spacing(base: Base, folder: Path):
    return [base.unpack("qa_ct_ge_tilt_variable_spacing")]


@case("head phantom, gantry tilted by 18 degrees", flags="tilted", check=no_volume, doses=False)
def philips_tilt(base: Base, folder: Path):
    return [base.unpack("qa_ct_philips_tilt18_every3rd")]


@case("localizers and dose pages without a CT", says=("[Nn]o CT series", "localizer", "picture"))
def philips_mixed_without_ct(base: Base, folder: Path):
    return [base.unpack("qa_ct_philips_nonaxial_mixed")]


@case("a head beside localizers and dose pages", flags="ctdivol_phantom_assumed", doses=True)
def philips_mixed_with_head(base: Base, folder: Path):
    for name in ("qa_ct_philips_nonaxial_mixed", "qa_ct_philips_zmod_5mm"):
        (folder / name).symlink_to(base.unpack(name))
    return [folder]


@case(
    "head phantom, current and CTDIvol of each slice",
    flags="ctdivol_phantom_assumed",
    check=by_ctdivol,
    doses=True,
)
def philips_zmod(base: Base, folder: Path):
    return [base.unpack("qa_ct_philips_zmod_5mm")]


@case("seven patients in one folder", says=("7 patients",))
def seven_patients(base: Base, folder: Path):
    return [base.unpack("covid19_ny_sbu_single_slices")]


def blank_identity(folder: Path, result: dict) -> None:
    """The hash of the pixels stands for the UID."""
    assert result["geometry"]["shape_kji"] == [20, 512, 512]
    assert len(result["provenance"]["series"]["identity_sha256"]) == 64


@case("a slab in JPEG 2000 with blank UIDs", check=blank_identity, doses=True)
def blank_uids_jpeg2000(base: Base, folder: Path):
    slab = base.data / "ct" / "totalsegmentator_reference"
    return [
        slab / "example_ct_dicom",
        "--segmentation",
        copied(slab / "example_seg_dicom.nii.gz", folder),
    ]


@case("enhanced CT of two frames without exposure", doses=False)
def enhanced_two_frames(base: Base, folder: Path):
    return [base.data / "ct" / "enhanced_ct_2frames.dcm"]
