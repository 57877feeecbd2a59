"""From a series to its label map, with or without a user segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..ct.series import CTSeries
from ..flags import flag
from ..tasks.progress import Progress, Stage
from .anatomy.check import check_anatomy
from .body_mask import find_body_mask
from .chance import without_chance
from .combining import combine
from .engines import ClassicalEngine, choose
from .headrest import with_headrest
from .labelmap import BODY_REST, Labelmap
from .totalsegmentator.engine import TotalSegmentatorEngine
from .user import read_labelmap


def segment(
    series: CTSeries,
    engine: str = "auto",
    *,
    user_segmentation: str | Path | Labelmap | None = None,
    labels: str | Path | None = None,
    unet: str | Path | None = None,
    quality: str = "fast",
    device: str = "auto",
    extra: Sequence[str] = (),
    progress: Progress | None = None,
) -> Labelmap:
    """Segment a series: by an engine, or a user segmentation completed by one.

    What an engine drew against anatomy is corrected or flagged; of the user's organs it is flagged.
    In a scan of a head what an engine drew as couch is called a headrest (`with_headrest`).

    Parameters
    ----------
    series
        The CT.
    engine
        ``auto`` (TotalSegmentator if it and its weights are installed, else the UNet, else
        ``classical``), ``classical``, ``unet`` or ``totalsegmentator``.
    user_segmentation
        Label map on the grid of the series, or its file. Its organs stay as they are drawn. A
        complete one, with a body of its own, needs no engine; ``auto`` adds body, skin
        and couch by thresholds to any other, a named engine everything that it finds.
    labels
        Names for values that the file of `user_segmentation` does not name, as in `read_labelmap`.
    unet
        Folder of a UNet to use instead of the bundled one; one that knows no body gets body, skin
        and couch beneath its organs.
    quality, device, extra
        Of TotalSegmentator: ``full``, ``fast`` or ``fastest``; ``auto``, ``cpu``, ``gpu``,
        ``gpu:N`` or ``mps``; ``lung_vessels``, ``heart_chambers``, ``body``,
        ``breasts``, ``head_glands``, ``tissue_types``, ``contrast_phase``. A flag names those that
        were asked for where TotalSegmentator did not run.
    progress
        Receives progress; may cancel.

    Returns
    -------
    Labelmap
        Exclusive labels on the grid of the series.

    Raises
    ------
    SegmentationError
        If there is no such engine, it cannot run here, or no honest result is possible.
    GeometryError
        If the user's segmentation is on another grid.
    Cancelled
        If the user ended the task.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
    >>> series, _ = phantom_series(Phantom(shape=(96, 96, 4), spacing_mm=(4.5, 4.5, 40.0)))
    >>> labelmap = segment(series, "classical")
    >>> bool(labelmap.mask("lung").any())
    True
    """
    progress = progress or Progress()
    own = user_segmentation
    if own is not None and not isinstance(own, Labelmap):
        own = read_labelmap(own, series, labels=labels)
    names = {atom.name for atom in own.atoms} if own is not None else set()
    if own is not None and BODY_REST in names:
        return _without_extras(check_anatomy(series, own, keep=names), extra)
    labelmap = _segment(series, engine, own, unet, quality, device, extra, progress)
    return with_headrest(check_anatomy(series, labelmap, keep=names), keep=names)


def _segment(
    series: CTSeries,
    engine: str,
    own: Labelmap | None,
    unet: str | Path | None,
    quality: str,
    device: str,
    extra: Sequence[str],
    progress: Progress,
) -> Labelmap:
    """Run an engine, and put the user's organs on its body."""
    if own is not None and engine == "auto":  # no network was asked for
        return _without_extras(combine(ClassicalEngine().segment(series, progress), own), extra)
    totalsegmentator = TotalSegmentatorEngine(quality, device, tuple(extra))
    chosen = choose(engine, unet, totalsegmentator=totalsegmentator)
    labelmap = chosen.segment(series, Stage(progress, 0.0, 0.7) if unet else progress)
    labelmap = without_chance(labelmap)
    if chosen.name != totalsegmentator.name:
        labelmap = _without_extras(labelmap, extra)
    if BODY_REST not in {atom.name for atom in labelmap.atoms}:
        # A network that knows no body: all of its organs together are none.
        body = find_body_mask(series, Stage(progress, 0.7, 1.0), device)
        labelmap = combine(body, labelmap)
    return combine(labelmap, own) if own is not None else labelmap


def _without_extras(labelmap: Labelmap, extra: Sequence[str]) -> Labelmap:
    """Flag what was asked of TotalSegmentator, which did not run."""
    if not extra:
        return labelmap
    return replace(labelmap, flags=(*labelmap.flags, flag("extras_left_out", ", ".join(extra))))
