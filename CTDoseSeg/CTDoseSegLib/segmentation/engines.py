"""Engines: ways to a label map. One protocol, and the choice between them with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..ct.series import CTSeries
from ..errors import SegmentationError, flag
from ..events import Events
from . import classical
from .labelmap import Labelmap
from .totalsegmentator import TotalSegmentatorEngine
from .unet import UNetEngine

NAMES = ("auto", "classical", "unet", "totalsegmentator")


class SegmentationEngine(Protocol):
    """Makes a label map of a series."""

    name: str

    def available(self) -> tuple[bool, str]:
        """Whether it can run here, and why not."""
        ...

    def segment(self, series: CTSeries, events: Events) -> Labelmap:
        """Segment `series`; SegmentationError where no honest result is possible."""
        ...


@dataclass(frozen=True)
class ClassicalEngine:
    """Thresholds, shapes and components: body, skin, couch, lungs, trachea and bone.

    Attributes
    ----------
    reason
        Why this engine was chosen where the user left the choice open; empty if asked for.
    """

    reason: str = ""
    name: str = classical.ENGINE

    def available(self) -> tuple[bool, str]:
        return True, ""

    def segment(self, series: CTSeries, events: Events) -> Labelmap:
        labelmap = classical.segment(series, events)
        if not self.reason:
            return labelmap
        return replace(labelmap, flags=(*labelmap.flags, flag("no_network", self.reason)))


def _refusal(engine: SegmentationEngine) -> str:
    why = engine.available()[1]
    return (
        f"The segmentation engine {engine.name} cannot be used: {why}. Choose classical or auto, "
        "or give a label map (for instance TotalSegmentator's output) as the segmentation."
    )


def choose(
    engine: str = "auto",
    unet: str | Path | None = None,
    *,
    totalsegmentator: TotalSegmentatorEngine | None = None,
) -> SegmentationEngine:
    """The engine of that name; ``auto`` takes the best that can run and keeps the reason.

    ``auto`` is TotalSegmentator where it can run, else the engine without a network: the bundled
    UNet is taken where it is named.

    Parameters
    ----------
    engine
        One of `NAMES`.
    unet
        Folder of a UNet to use instead of the bundled one; with ``auto`` it is taken.
    totalsegmentator
        With the quality and the device that the user chose.

    Raises
    ------
    SegmentationError
        If there is no such engine, or it cannot run here.
    """
    if engine not in NAMES:
        raise SegmentationError(
            f"There is no segmentation engine named {engine!r}; choose one of {', '.join(NAMES)}."
        )
    if engine == "classical":
        return ClassicalEngine()
    networks = [totalsegmentator or TotalSegmentatorEngine(), UNetEngine(unet)]
    if engine == "auto":
        if unet is not None:
            return networks[1]
        able, reason = networks[0].available()
        if able:
            return networks[0]
        missing = "heart, liver, kidneys, spleen, stomach, bowel and the other organs are missing"
        return ClassicalEngine(
            reason=f"{reason}, so that {missing} (liver, spleen and stomach are found by unet)"
        )
    (chosen,) = (network for network in networks if network.name == engine)
    if not chosen.available()[0]:
        raise SegmentationError(_refusal(chosen))
    return chosen
