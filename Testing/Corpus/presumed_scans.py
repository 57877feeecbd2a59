"""What is presumed of a series: which of its slices are one body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from .base import UID, Base, Table, alter, new_series, pixels, put_pixels, write
from .presumed import by_ctdivol, entry, right_size

PRESUMED_SCANS = Table("presumed")


# How the images are grouped.


def _later(slices: list[Dataset], number: int, noise: int = 3, **tags: object) -> list[Dataset]:
    """The slices as another acquisition of the same series, with noise of its own."""
    rng = np.random.default_rng(number)
    for data in slices:
        values = pixels(data)
        put_pixels(data, values + rng.integers(-noise, noise + 1, values.shape, dtype=np.int16))
    return alter(
        slices,
        SOPInstanceUID=lambda k: f"{UID}.{number}.{k}",
        InstanceNumber=lambda k: 100 * number + k,
        **tags,
    )


def _event(number: int) -> dict[str, object]:
    return {
        "AcquisitionNumber": number,
        "IrradiationEventUID": f"{UID}.90.{number}",
        "AcquisitionTime": f"1200{30 * (number - 1):02d}",
    }


def _two_scans(base: Base, folder: Path, end: int, start: int) -> list[object]:
    """One scan of the slices up to `end`, a later one of those from `start`."""
    first = alter(base.slices()[:end], **_event(1))
    return [write([*first, *_later(base.slices()[start:], 2, **_event(2))], folder)]


for _name, _end, _start, _flags in (
    ("overlap_by_two", 9, 7, ("scans_joined", "several_events")),
    ("overlap_by_four", 10, 6, ("scans_joined", "several_events")),
    ("adjoin", 8, 8, "several_events"),
):
    entry(
        PRESUMED_SCANS,
        f"two_scans_that_{_name}",
        f"one series of two scans that {_name.replace('_', ' ')} slices".replace(
            "adjoin s", "adjoin, s"
        ),
        lambda base, folder, end=_end, start=_start: _two_scans(base, folder, end, start),
        flags=_flags,
        without=("phases_left_out",),
        check=right_size,
        doses=True,
    )


def _passes(base: Base, folder: Path, count: int, by: str) -> list[object]:
    """Four positions, each `count` times, with the CTDIvol of all passes on each image."""
    every = []
    for number in range(1, count + 1):
        of_pass = {
            "time": {"AcquisitionTime": f"1200{5 * number:02d}"},
            "number": {"AcquisitionNumber": number},
        }.get(by, {})
        every += _later(base.slices()[6:10], number, 20, CTDIvol=80.0, **of_pass)
    tags = {"SpiralPitchFactor": None, "TableFeedPerRotation": None, "TableSpeed": None}
    tags |= {"AcquisitionType": "STATIONARY", "ScanOptions": "PERFUSION"}
    return [write(alter(every, **tags), folder)]


def of_all_passes(folder: Path, result: dict) -> None:
    """SSDE is that of 80 mGy, and the flag says that this may be of all passes."""
    by_ctdivol(80.0)(folder, result)
    (phases,) = [f for f in result["flags"] if f["code"] == "phases_left_out"]
    assert "80 mGy may be of all" in phases["message"]


for _count, _by in ((4, "time"), (4, "number"), (4, "nothing"), (3, "time")):
    entry(
        PRESUMED_SCANS,
        f"{_count}_passes_told_by_{_by}",
        f"{_count} passes over the same positions, told apart by {_by}, CTDIvol of all on each",
        lambda base, folder, count=_count, by=_by: _passes(base, folder, count, by),
        flags=("phases_left_out", "ssde_scan_ctdivol"),
        check=of_all_passes,
        doses=True,
    )


def _localizer(base: Base, folder: Path, image_type: list[str]) -> list[object]:
    slices = base.slices()
    scout = base.slices()[8]
    scout.ImageType = image_type
    scout.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    scout.ImagePositionPatient = [-213.75, 0, 200]
    scout.SOPInstanceUID = f"{UID}.91"
    return [write([*slices, scout], folder)]


for _name, _kind in {
    "two_values": ["ORIGINAL", "PRIMARY"],
    "axial": ["ORIGINAL", "PRIMARY", "AXIAL"],
}.items():
    entry(
        PRESUMED_SCANS,
        f"scout_with_image_type_of_{_name}",
        "a scout in the series whose image type does not say so: " + "\\".join(_kind),
        lambda base, folder, kind=_kind: _localizer(base, folder, kind),
        check=right_size,
        doses=True,
    )
entry(
    PRESUMED_SCANS,
    "two_reconstructions_in_one_series",
    "a soft and a sharp reconstruction in one series",
    lambda base, folder: [
        write([*base.slices(), *_later(base.slices(), 2, 90, ConvolutionKernel="BONE")], folder)
    ],
    flags="reconstructions_left_out",
    without=("phases_left_out",),
    check=right_size,
    doses=True,
)


def thirty_two_slices(folder: Path, result: dict) -> None:
    """All 32 positions were measured, 271.8 mm within 1 mm."""
    wed = result["slices"]["wed_mm"]
    assert len(wed) == 32
    assert abs(np.mean(wed) - 271.8) < 1


def _half_way(base: Base, folder: Path) -> list[object]:
    between = _later(base.slices(), 2, ConvolutionKernel="BONE", SliceThickness=5)
    for data in between:
        x, y, z = data.ImagePositionPatient
        data.ImagePositionPatient = [x, y, z + 10]
    return [write([*base.slices(), *between], folder)]


entry(
    PRESUMED_SCANS,
    "two_reconstructions_half_way",
    "two reconstructions whose slices lie half way between each other's",
    _half_way,
    check=thirty_two_slices,
    doses=True,
)


def _zoomed(base: Base, folder: Path, *, own_series: bool) -> list[object]:
    """A thin reconstruction of the middle beside the one of the whole body."""
    thin = _later(base.slices(), 2, SliceThickness=2, PixelSpacing=[2.25, 2.25])
    if own_series:
        thin = new_series(thin, 5, SeriesDescription="Spine 2.0")
    for data in thin:
        middle = pixels(data)[24:72, 24:72]
        put_pixels(data, middle.repeat(2, 0).repeat(2, 1))
        corner = -213.75 + 24 * 4.5 - 1.125
        data.ImagePositionPatient = [corner, corner, data.ImagePositionPatient[2]]
        data.ReconstructionDiameter = 216
    write(alter(base.slices(), SliceThickness=5), folder, "whole")
    return [write(thin, folder, "zoomed")]


for _name, _own in {"a_series_of_its_own": True, "the_same_series": False}.items():
    entry(
        PRESUMED_SCANS,
        f"zoomed_thin_slices_in_{_name}",
        f"2 mm slices of the spine alone in {_name.replace('_', ' ')}, 5 mm ones of the whole body",
        lambda base, folder, own=_own: _zoomed(base, folder, own_series=own),
        without=("body_truncated",),
        check=right_size,
        doses=True,
    )
