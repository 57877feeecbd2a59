"""The order of organs in the table and in the chart of their doses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ct.organs import spoken_name
from ..parameters import OrganOrder

if TYPE_CHECKING:
    from ...result import OrganDose, Result

# Skin, muscle and marrow of the trunk are everywhere in it.
_HEAD_TO_FEET = ("head", "chest", "abdomen", "pelvis", "trunk")


def listed(organs: Sequence[OrganDose]) -> list[OrganDose]:
    """Return the organs that a table lists: those with a dose; all where none has one."""
    return [organ for organ in organs if organ.dose_mGy is not None] or list(organs)


def in_order(result: Result, order: OrganOrder = OrganOrder.BODY) -> list[OrganDose]:
    """Return the organs that a table lists, in the order that was chosen.

    Organs without the number that the order goes by come last.
    """
    keys: dict[OrganOrder, Callable[[OrganDose], Any]] = {
        OrganOrder.BODY: lambda organ: (_region(organ), -_height_mm(result, organ.organ)),
        OrganOrder.DOSE: lambda organ: _falling(organ.dose_mGy),
        OrganOrder.NAME: lambda organ: spoken_name(organ.organ).casefold(),
        OrganOrder.UPPER: lambda organ: _falling(organ.total_high_mGy),
        OrganOrder.VOLUME: lambda organ: _falling(organ.volume_ml),
        OrganOrder.NOTES: lambda organ: -len(organ.flags),
    }
    return sorted(listed(result.organs), key=keys[order])


def _falling(value: float | None) -> float:
    return np.inf if value is None else -value


def _region(organ: OrganDose) -> int:
    known = organ.region in _HEAD_TO_FEET
    return _HEAD_TO_FEET.index(organ.region) if known else len(_HEAD_TO_FEET)


def _height_mm(result: Result, organ: str) -> float:
    """Return the mean z of an organ's voxels, towards the head; the lowest for one without any."""
    structure = result.structures.get(organ)
    if structure is None or not structure.count.any():
        return -np.inf
    return float(np.average(result.slices.z_mm, weights=structure.count))
