"""Flags of images that share their positions: whose dose the result is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dicom.header import Header
from ..dicom.times import acquisition_datetime
from ..flags import Flag, flag
from .stacking import SAME_POSITION_MM, along, positions_beyond
from .tag_values import exposure_item

# Acquisition times of one exposure as its images write them differ by less.
_CLOCK_S = 2.0
# What can differ between images that are computed from one exposure.
_COMPUTED = (
    *("ConvolutionKernel", "SliceThickness", "ImageType", "NominalPercentageOfCardiacPhase"),
)


def joined_flag(scans: int, common: int, taken: int) -> Flag:
    """Return the flag of scans that were put together.

    Parameters
    ----------
    scans
        How many.
    common
        Number of slices that were dropped, as another scan has their position.
    taken
        Number of slices that are measured.
    """
    return flag(
        "scans_joined", f"{scans} scans overlap by {common} slices; {taken} positions were measured"
    )


def left_out_flags(taken: Sequence[Header], others: Sequence[Sequence[Header]]) -> list[Flag]:
    """Return the flags of images at positions that others were taken for.

    Parameters
    ----------
    taken
        The slices that are measured.
    others
        The slices of each reconstruction, phase or pass that was left out.

    Returns
    -------
    list of Flag
    """
    reconstructions = [part for part in others if _same_exposure(taken, part)]
    phases = [part for part in others if not _same_exposure(taken, part)]
    flags = []
    if reconstructions:
        detail = _detail("reconstructions", 1 + len(reconstructions), taken, reconstructions)
        flags.append(flag("reconstructions_left_out", detail))
    if phases:
        counted: list[Sequence[Header]] = []
        for phase in phases:
            if not any(_same_exposure(phase, other) for other in counted):
                counted.append(phase)
        number = 1 + len(counted)
        detail = _detail("phases", number, taken, phases)
        if all(_other_event(taken, phase) for phase in counted):
            flags.append(flag("phases_left_out", detail))
        else:
            consequence = _of_all_or_one(number, taken)
            flags.append(flag("phases_left_out", detail, consequence=consequence))
    return flags


def _detail(
    what: str, number: int, taken: Sequence[Header], others: Sequence[Sequence[Header]]
) -> str:
    """Return how many there are, and what of them is not measured."""
    left_out = sum(map(len, others))
    detail = (
        f"{number} {what}, of which one with {len(taken)} slices was taken and {left_out} slices "
        "were left out"
    )
    if lost := positions_beyond(taken, [header for part in others for header in part]):
        detail += f"; {lost} positions were not measured"
    return detail


def _of_all_or_one(number: int, taken: Sequence[Header]) -> str:
    """Return whose dose it is where the headers do not show that each has its own CTDIvol."""
    stated = {
        value
        for header in taken
        for value in (*header.numbers("CTDIvol"), *exposure_item(header).get("CTDIvol", ()))
    }
    if not any(stated):
        return ""
    value = f" of {min(stated):g} mGy" if len(stated) == 1 else ""
    return (
        f"CTDIvol{value} may be of all {number} together, as scanners write it for passes over the "
        f"same positions: the doses by CTDIvol are then of all {number}, on average {number} times "
        "those of one; if it is of one, they are of the one that was taken"
    )


def _other_event(one: Sequence[Header], other: Sequence[Header]) -> bool:
    """Return whether both state their irradiation events, which are not the same."""
    mine, theirs = ({h.text("IrradiationEventUID") for h in part} for part in (one, other))
    return "" not in mine | theirs and not mine & theirs


def _same_exposure(one: Sequence[Header], other: Sequence[Header]) -> bool:
    """Return whether two sets of images are reconstructions: computed alike from one exposure."""
    if _other_event(one, other):
        return False
    for tag in ("AcquisitionNumber", "TemporalPositionIdentifier"):
        mine, theirs = ({h.text(tag) for h in part} - {""} for part in (one, other))
        if mine and theirs and not mine & theirs:
            return False
    if _apart(one, other):
        return False
    return any(
        {h.text(tag) for h in one}.isdisjoint(h.text(tag) for h in other) for tag in _COMPUTED
    )


def _apart(one: Sequence[Header], other: Sequence[Header]) -> bool:
    """Return whether images of the same positions were acquired at other times."""
    heights = along([*one, *other])
    mine, theirs = heights[: len(one)], heights[len(one) :]
    apart = []
    for header, height in zip(other, theirs, strict=True):
        nearest = int(np.argmin(np.abs(mine - height)))
        first, second = acquisition_datetime(one[nearest]), acquisition_datetime(header)
        if first and second and abs(mine[nearest] - height) <= SAME_POSITION_MM:
            apart.append(abs((first - second).total_seconds()))
    return bool(apart) and float(np.median(apart)) > _CLOCK_S
