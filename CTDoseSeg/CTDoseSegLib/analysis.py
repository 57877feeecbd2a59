"""The whole way from a CT series to organ doses, and the object that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .ct.scanner_profile import GENERIC, Scanner, ScannerProfile
from .ct.series import CTSeries
from .dosimetry.doses import DoseResult
from .dosimetry.effective_dose import EffectiveDose, effective_dose
from .dosimetry.engines import DoseEngine, choose_engine, model_kind
from .dosimetry.estimate import estimate
from .dosimetry.examination import Examination, examine
from .dosimetry.montecarlo.engine import MonteCarloEngine
from .dosimetry.montecarlo.marrow import seen_marrow_share
from .dosimetry.scan import Scan
from .dosimetry.size_specific_effective_dose import (
    SizeSpecificEffectiveDose,
    size_specific_effective_dose,
)
from .dosimetry.uterus_dose import UterusDose, is_asked, uterus_dose
from .flags import Flag, organ_place
from .measurement.body_contour import BodyContours
from .measurement.ctdi_check import with_checked_ctdivol, with_known_output
from .measurement.measurements import Measurements, measure
from .measurement.plausibility import implausible_organs
from .measurement.size import SizeProfile, measure_size
from .measurement.ssde import SSDEProfile, ssde
from .provenance import Provenance, provenance
from .reading.scanner_profile_use import with_profile
from .segmentation.certainty import certainty_of, flags_of_group
from .segmentation.labelmap import Labelmap
from .tasks.progress import Progress, Stage


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
        All flags of the scan as a whole, of effective doses and of the examination, each with its
        place; those of a slice or an organ stand with it.
    examination
        All irradiation events of the examination and their total; None without a dose report.
    effective_dose
        k * DLP, or why it is not given.
    size_specific_effective_dose
        By the organ doses, or which tissues are missing.
    uterus_dose
        Of the uterus region where pregnancy is stated; else None.
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
    size_specific_effective_dose: SizeSpecificEffectiveDose = field(
        default_factory=SizeSpecificEffectiveDose
    )
    uterus_dose: UterusDose | None = None
    scanner: Scanner = GENERIC


def analyze(
    series: CTSeries,
    labelmap: Labelmap,
    *,
    region: str = "auto",
    dose_engine: str | DoseEngine = "auto",
    dose_model: str | Path = "bundled",
    dose_arrays: str | Path | None = None,
    scanner_profile: ScannerProfile | None = None,
    measurements: Measurements | None = None,
    outlines: BodyContours | None = None,
    parameters: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse one CT: one pass over the volume, then size and dose from its sums.

    Parameters
    ----------
    series
        HU in [k, j, i] with geometry and exposure.
    labelmap
        Exclusive atoms on the same grid.
    region
        ``auto`` (each organ by the region whose model knows it), ``chest`` or ``abdomen``.
    dose_engine
        Name of a dose engine (`dosimetry.engines.NAMES`), or one of your own (`DoseEngine`),
        such as a `MonteCarloEngine` with settings.
    dose_model
        ``bundled``, or a folder: of the published repository for its networks, or of
        ``ctdoseseg train-dose`` for a fast law of your own.
    dose_arrays
        Folder of the published repository's arrays, where `dose_model` holds its networks alone.
    scanner_profile
        Measurements on the scanner that made the CT: they correct CTDIvol and narrow intervals.
        None for a series whose CTDIvol one has corrected already (`CTSeries.scanner`).
    measurements, outlines
        Of this label map on this CT, where they are known already.
    parameters
        Further choices of the user, for the provenance.
    progress
        Takes progress; may cancel.

    Returns
    -------
    Analysis
        All results with their flags and their provenance.

    Raises
    ------
    GeometryError
        If the label map is not on the grid of the CT.
    DoseEngineChoiceError
        If the dose engine cannot use that dose model.
    DoseEngineError
        If the dose engine cannot run on this CT, fails, or gives an impossible result.
    ModelError
        If the dose model's files are missing or damaged.
    AcquisitionError
        If the scanner profile is of another scanner.

    Examples
    --------
    >>> from CTDoseSegLib import analyze, read_ct, segment
    >>> series = read_ct("ct")
    >>> analysis = analyze(series, segment(series, "classical"))
    >>> print(f"WED {analysis.size.summary().mean_mm:.0f} mm")
    WED ... mm
    """
    progress = progress or Progress()
    engine = choose_engine(dose_engine, dose_model, dose_arrays=dose_arrays, region=region)
    series = with_checked_ctdivol(series)
    if scanner_profile is not None:
        series = with_profile(series, scanner_profile)
    series, scanner = with_known_output(series, series.scanner)
    measured = 0.1 if engine.name == MonteCarloEngine.name else 0.7
    if measurements is None:
        measurements = measure(series, labelmap, Stage(progress, 0.0, measured))
    odd = implausible_organs(series, labelmap, measurements)
    labelmap = replace(labelmap, flags=_each_once(labelmap.flags, odd))
    progress.update(measured, "measuring size")
    size = measure_size(series, labelmap, measurements, outlines)
    size_specific = ssde(series, size, scanner=scanner)
    progress.update(measured + 0.1, "predicting organ doses")
    scan = Scan.of(series, labelmap, measurements, size, scanner)
    doses = _flagged(estimate(engine, scan, Stage(progress, measured + 0.1, 0.9)), labelmap)
    examination = examine(scan, doses, engine, Stage(progress, 0.9, 0.95))
    effective = effective_dose(series, measurements, overranging_mm=scanner.overranging_mm)
    by_organs = size_specific_effective_dose(
        doses,
        age_years=series.acquisition.age_years,
        sex=series.acquisition.sex,
        marrow_share=seen_marrow_share(scan),
    )
    uterus = None
    if is_asked(series.acquisition):
        uterus = uterus_dose(scan, doses, engine.name)
    progress.update(1.0, "analysed")
    choices: dict[str, Any] = {"dose_engine": engine.name}
    if engine is not dose_engine:  # chosen by its name
        choices |= {"region": region, "dose_model": model_kind(dose_model)}
    return Analysis(
        series=series,
        labelmap=labelmap,
        measurements=measurements,
        size=size,
        ssde=size_specific,
        doses=doses,
        provenance=provenance(series, labelmap, {**choices, **(parameters or {})}),
        flags=_each_once(
            *(series.flags, scanner.flags, labelmap.flags),
            *(size.scan_flags, size_specific.flags, doses.flags),
            effective.flags,
            by_organs.flags,
            uterus.flags if uterus else (),
            examination.flags if examination else (),
            doses.peak_skin_dose.flags if doses.peak_skin_dose else (),
            examination.peak_skin_flags if examination else (),
        ),
        examination=examination,
        effective_dose=effective,
        size_specific_effective_dose=by_organs,
        uterus_dose=uterus,
        scanner=scanner,
    )


def _flagged(doses: DoseResult, labelmap: Labelmap) -> DoseResult:
    """Return doses whose organs have the label map's flags of their place, and its certainty."""
    organs = []
    for organ in doses.organs:
        place = organ_place(organ.organ)
        own = tuple(one for one in labelmap.flags if one.place == place)
        flags = _each_once(organ.flags, own, flags_of_group(labelmap, organ.organ))
        word = certainty_of(labelmap, organ.organ, flags)
        organs.append(replace(organ, flags=flags, segmentation_certainty=word))
    return replace(doses, organs=tuple(organs))


def _each_once(*sources: tuple[Flag, ...]) -> tuple[Flag, ...]:
    return tuple(dict.fromkeys(flag for flags in sources for flag in flags))
