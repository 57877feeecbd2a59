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
from .unet_doubts import is_doubtful

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
    """Thresholds, shapes and components: body, skin, couch, lungs, trachea and bone."""

    name: str = classical.ENGINE

    def available(self) -> tuple[bool, str]:
        return True, ""

    def segment(self, series: CTSeries, events: Events) -> Labelmap:
        return classical.segment(series, events)


@dataclass(frozen=True)
class Instead:
    """An engine that stands in for a better one; its label map says why.

    Attributes
    ----------
    engine
        The one that runs.
    code
        Of the flag.
    reason
        Why the better one does not run, and which organs are missing for that.
    """

    engine: SegmentationEngine
    code: str
    reason: str

    @property
    def name(self) -> str:
        return self.engine.name

    def available(self) -> tuple[bool, str]:
        return self.engine.available()

    def segment(self, series: CTSeries, events: Events) -> Labelmap:
        labelmap = self.engine.segment(series, events)
        code, reason = self.code, self.reason
        if is_doubtful(labelmap):
            # Rules find what is dense, whatever it is.
            labelmap = ClassicalEngine().segment(series, events)
            code = "no_network"
            reason += ", and the UNet left out much that is solid and as dense as tissue"
        return replace(labelmap, flags=(*labelmap.flags, flag(code, reason)))


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

    ``auto`` is TotalSegmentator where it can run, else the UNet, else the engine without a network.

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
        lesser, why = networks[1].available()
        if lesser:
            missing = "heart, kidneys, bowel and the other organs are missing"
            return Instead(networks[1], "bundled_network", f"{reason}, so that {missing}")
        missing = "heart, liver, kidneys, spleen, stomach, bowel and the other organs are missing"
        return Instead(ClassicalEngine(), "no_network", f"{reason}, and {why}, so that {missing}")
    (chosen,) = (network for network in networks if network.name == engine)
    if not chosen.available()[0]:
        raise SegmentationError(_refusal(chosen))
    return chosen
