"""Segmentation engines: one protocol, and the choice between them with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..ct.series import CTSeries
from ..errors import Cancelled, CTDoseSegError, SegmentationError
from ..flags import flag
from ..tasks.progress import Progress, Stage
from .labelmap import Labelmap
from .reasons import without_remedy
from .redrawing import redrawn, to_redraw
from .threshold import engine
from .totalsegmentator.engine import TotalSegmentatorEngine
from .unet.doubts import why_not_used
from .unet.engine import UNetEngine

NAMES = ("auto", "classical", "unet", "totalsegmentator")
# What an engine is called besides; results keep the name that it always had.
ALIASES = {"threshold": "classical"}
# Organs that users look for, and a label that stands for each.
LOOKED_FOR = {
    **{"heart": "heart", "liver": "liver", "kidneys": "kidney_left", "spleen": "spleen"},
    **{"stomach": "stomach", "pancreas": "pancreas", "bowel": "bowel"},
    **{"urinary bladder": "urinary_bladder", "brain": "brain"},
}


class SegmentationEngine(Protocol):
    """Makes a label map of a series."""

    @property
    def name(self) -> str:
        """One of `NAMES`."""
        ...

    def available(self) -> tuple[bool, str]:
        """Return whether it can run here, and why not, with the remedy in brackets."""
        ...

    def segment(self, series: CTSeries, progress: Progress) -> Labelmap:
        """Segment a series.

        Parameters
        ----------
        series
            The CT.
        progress
            Receives progress; may cancel.

        Returns
        -------
        Labelmap
            On the grid of the series.

        Raises
        ------
        SegmentationError
            If no honest result is possible.
        """
        ...


@dataclass(frozen=True)
class ClassicalEngine:
    """Threshold-based segmentation: body, skin, couch, lungs, trachea, bone and brain."""

    name: str = engine.ENGINE

    def available(self) -> tuple[bool, str]:
        """Return that it always can run."""
        return True, ""

    def segment(self, series: CTSeries, progress: Progress) -> Labelmap:
        """Segment a series, as `threshold.engine.segment` does."""
        return engine.segment(series, progress)


@dataclass(frozen=True)
class Automatic:
    """What ``auto`` takes where TotalSegmentator cannot run: the bundled UNet, else thresholds.

    Attributes
    ----------
    reason
        Why TotalSegmentator is not taken.
    """

    reason: str
    name: str = "auto"

    def available(self) -> tuple[bool, str]:
        """Return that it always can run."""
        return True, ""

    def segment(self, series: CTSeries, progress: Progress) -> Labelmap:
        """Segment a series by the UNet; by thresholds what of its result is too doubtful."""
        unet = UNetEngine()
        able, why = unet.available()
        why = without_remedy(why)
        if able:
            try:
                labelmap = unet.segment(series, Stage(progress, 0.0, 0.7))
                why = why_not_used(labelmap)
                if not why:
                    labelmap = self._redrawn(series, labelmap, Stage(progress, 0.7, 1.0))
                    detail = f"{without_remedy(self.reason)}; {_missing(unet.spec.shown)}"
                    return _with(labelmap, "bundled_network", detail)
            except Cancelled:
                raise
            # Nor is a network that cannot run a reason to give no result.
            except (CTDoseSegError, ImportError, OSError, RuntimeError) as error:
                why = f"the UNet failed: {str(error).rstrip('.') or type(error).__name__}"
        rest = Stage(progress, 0.7, 1.0) if able else progress
        labelmap = ClassicalEngine().segment(series, rest)
        detail = f"{without_remedy(self.reason)}; {why}; {_missing(engine.NAMES)}"
        return _with(labelmap, "no_network", detail)

    def _redrawn(self, series: CTSeries, labelmap: Labelmap, progress: Progress) -> Labelmap:
        """Draw by thresholds what the network is far too unsure of; thresholds run for that only.

        Where they find no body, what the network drew stays, with its flags.
        """
        names = to_redraw(labelmap)
        if not names:
            return labelmap
        try:
            return redrawn(labelmap, ClassicalEngine().segment(series, progress), names)
        except SegmentationError:
            return labelmap


def _missing(classes: Sequence[str]) -> str:
    """Return which organs that users look for an engine does not draw."""
    names = [name for name, label in LOOKED_FOR.items() if label not in classes]
    listed = f"{', '.join(names)} and other organs" if names else "other organs"
    return f"{listed} are missing"


def _with(labelmap: Labelmap, code: str, detail: str) -> Labelmap:
    return replace(labelmap, flags=(*labelmap.flags, flag(code, detail)))


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
    """Return the engine of a name; ``auto`` takes the best that can run and keeps the reason.

    ``auto`` is TotalSegmentator where it can run, else the UNet, else the engine without a network.

    Parameters
    ----------
    engine
        One of `NAMES`.
    unet
        Folder of a UNet to use instead of the bundled one; with ``auto`` it is taken.
    totalsegmentator
        With the quality and the device that the user chose.

    Returns
    -------
    SegmentationEngine
        One that can run.

    Raises
    ------
    SegmentationError
        If there is no such engine, or it cannot run here.
    """
    engine = ALIASES.get(engine, engine)
    if engine not in NAMES:
        raise SegmentationError(
            f"There is no segmentation engine named {engine!r}; choose one of {', '.join(NAMES)}."
        )
    if engine == "classical":
        return ClassicalEngine()
    first, second = totalsegmentator or TotalSegmentatorEngine(), UNetEngine(unet)
    if engine == "auto":
        if unet is not None:
            return second
        able, reason = first.available()
        return first if able else Automatic(reason)
    chosen = first if engine == first.name else second
    if not chosen.available()[0]:
        raise SegmentationError(_refusal(chosen))
    return chosen
