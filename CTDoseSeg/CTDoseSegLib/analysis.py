"""The whole way from a CT series to organ doses, and the object that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .ct.scanner_profile import GENERIC, Scanner, ScannerProfile
from .ct.series import CTSeries
from .dosimetry.doses import DoseResult
from .dosimetry.effective_dose import EffectiveDose, effective_dose
from .dosimetry.examination import Examination, examine
from .dosimetry.fast.engine import load_model, predict
from .dosimetry.published.engine import predict_published
from .flags import Flag
from .measurement.body_contour import Outlines
from .measurement.measurements import Measurements, measure
from .measurement.size import SizeProfile, SSDEProfile, measure_size, ssde
from .provenance import Provenance, provenance
from .reading.scanner_profile_use import with_profile
from .segmentation.labelmap import Labelmap
from .tasks.progress import Events, Stage


@dataclass(frozen=True)
class Analysis:
    """Everything one CT series gave; tables, charts and Slicer's nodes are views of it.

    Attributes
    ----------
    series
        The CT as read.
    labelmap
        Its segmentation, on the same grid.
    measurements
        Counts and HU sums of every slice and atom.
    size
        Body size per slice: area, mean HU, WED, truncation.
    ssde
        Size-specific dose estimate per slice.
    doses
        Organ doses with both intervals.
    provenance
        How the result came to be; no patient identity.
    flags
        All remarks on the scan as a whole; those on a slice or an organ stand with it.
    examination
        All irradiation events of the examination and their total; None without a dose report.
    effective_dose
        k * DLP, or why it is not given.
    scanner
        What a profile of the scanner changed; ``generic`` without one.
    """

    series: CTSeries
    labelmap: Labelmap
    measurements: Measurements
    size: SizeProfile
    ssde: SSDEProfile
    doses: DoseResult
    provenance: Provenance = field(default_factory=Provenance)
    flags: tuple[Flag, ...] = ()
    examination: Examination | None = None
    effective_dose: EffectiveDose = field(default_factory=EffectiveDose)
    scanner: Scanner = GENERIC


def analyze(
    series: CTSeries,
    labelmap: Labelmap,
    *,
    region: str = "auto",
    dose_model: str | Path = "bundled",
    scanner_profile: ScannerProfile | None = None,
    measurements: Measurements | None = None,
    outlines: Outlines | None = None,
    parameters: Mapping[str, Any] | None = None,
    events: Events | None = None,
) -> Analysis:
    """Measure, size and dose of one CT: one pass over the volume, then arithmetic on its sums.

    Parameters
    ----------
    series
        HU in [k, j, i] with geometry and exposure.
    labelmap
        Exclusive atoms on the same grid.
    region
        ``auto`` (each organ by the region whose model knows it), ``chest`` or ``abdomen``.
    dose_model
        ``bundled``, or the folder of the published repository for its networks.
    scanner_profile
        Measurements on the scanner that made the CT: they correct CTDIvol and narrow intervals.
    measurements, outlines
        Of this label map on this CT, where they are known already.
    parameters
        Further choices of the user, for the provenance.
    events
        Told of progress; may cancel.

    Returns
    -------
    Analysis
        All results with their flags and their provenance.

    Raises
    ------
    GeometryError
        If the label map is not on the grid of the CT.
    ModelError
        If the dose model's files are missing or damaged.
    AcquisitionError
        If the scanner profile is of another scanner.
    """
    events = events or Events()
    scanner = GENERIC
    if scanner_profile is not None:
        series, scanner = with_profile(series, scanner_profile)
    if measurements is None:
        measurements = measure(series, labelmap, Stage(events, 0.0, 0.7))
    events.progress(0.7, "measuring size")
    size = measure_size(series, labelmap, measurements, outlines)
    size_specific = ssde(series, size)
    events.progress(0.8, "predicting organ doses")
    predict_for = None
    if dose_model == "bundled":
        model = load_model()

        def predict_for(scan: CTSeries) -> DoseResult:
            return predict(
                model, scan, labelmap, measurements, size, region=region, scanner=scanner
            )

        doses = predict_for(series)
    else:
        doses = predict_published(dose_model, series, labelmap, measurements, size, region=region)
    ratio = scanner.ctdivol_ratio or 1.0
    examination = examine(series, doses, predict_for, ctdivol_ratio=ratio)
    events.progress(1.0, "analysed")
    kind = "bundled" if dose_model == "bundled" else "published"
    choices = {"region": region, "dose_model": kind, **(parameters or {})}
    return Analysis(
        series=series,
        labelmap=labelmap,
        measurements=measurements,
        size=size,
        ssde=size_specific,
        doses=doses,
        provenance=provenance(series, labelmap, choices),
        flags=_each_once(
            *(series.flags, scanner.flags, labelmap.flags),
            *(size.scan_flags, size_specific.flags, doses.flags),
            examination.flags if examination else (),
        ),
        examination=examination,
        effective_dose=effective_dose(series, measurements, overranging_mm=scanner.overranging_mm),
        scanner=scanner,
    )


def _each_once(*sources: tuple[Flag, ...]) -> tuple[Flag, ...]:
    return tuple(dict.fromkeys(flag for flags in sources for flag in flags))
