"""Everything of an analysis but its voxels; all that is shown or written is a view of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from .. import NOTICE
from ..analysis import Analysis
from ..ct.acquisition import Acquisition
from ..ct.scanner_profile import GENERIC, Scanner
from ..dosimetry.doses import OrganDose
from ..dosimetry.effective_dose import EffectiveDose
from ..dosimetry.examination import Examination
from ..dosimetry.peak_skin_dose import PeakSkinDose
from ..dosimetry.size_specific_effective_dose import SizeSpecificEffectiveDose
from ..dosimetry.uterus_dose import UterusDose
from ..errors import InputError
from ..files.codec import plain, read_as, read_dataclass
from ..flags import Flag
from ..measurement.size_interval import (
    ctdivol_log_sd,
    ssde_cut_log,
    ssde_interval_mGy,
    wed_interval_mm,
)
from ..provenance import SCHEMA_VERSION, Provenance
from ..segmentation.doubt import CHANGES
from .values import (
    Geometry,
    HUHistogram,
    SegmentationSummary,
    SizeSummary,
    Slices,
    SSDESummary,
    Structure,
    structures_of,
)

# Field of `Acquisition` that the file has beside each value instead.
SOURCES = "sources"
# Keys of the file that are no field of `Result`: type and meaning.
OTHER_KEYS = {
    "schema_version": (
        "text",
        "Version of the layout; a new first number means that readers must change.",
    ),
    "notice": ("text", "What the result must not be used for."),
    "flags": (
        "list of [Flag](#flag)",
        "Flags of the scan, of effective dose and of the examination, each once; those of organs "
        "and slices stand with them.",
    ),
    "slice_sources": (
        "object: name to text",
        "Where those values came from that each slice has of its own; as `source` of the others.",
    ),
}


@dataclass(frozen=True, eq=False)
class Result:
    """One analysed CT, typed and complete, without its voxels.

    Attributes
    ----------
    provenance
        How it came to be.
    geometry
        The grid of the CT.
    acquisition
        How the scan was exposed, each value with its source.
    slices
        Position, exposure, size and SSDE of every slice.
    size
        Body size of the scan.
    ssde
        SSDE of the scan.
    organs
        Organ doses with both intervals; in the order of the dose model.
    structures
        Organ to what was measured in it.
    segmentation
        What drew the label map.
    effective_dose
        k * DLP, or why it is not given.
    examination
        All irradiation events and their total; None without a dose report.
    scanner_profile
        What a profile of the scanner changed.
    hu_histogram
        Voxels of each organ by HU; None where none was taken (an edited scene, a result of version
        0.1.0).
    reading_flags
        What was noticed while reading.
    dose_flags
        What holds for all organ doses.
    dose_model
        The model card: name, version, SHA-256, training data and figures.
    uncertainty_shared_by
        Uncertainty component to what two doses must have in common for it to be the same error in
        both; as in `dosimetry.doses.DoseResult`.
    size_specific_effective_dose
        By the organ doses, or which tissues are missing; without a value in results of older
        versions.
    peak_skin_dose
        Largest mean dose over 1 cm2 of skin by the images' own exposure; None where the dose engine
        does not follow the radiation, and in results of older versions. That of all events is in
        `examination`.
    uterus_dose
        Of the uterus region, for a medical physicist to judge; None where pregnancy is not stated.

    Examples
    --------
    >>> from CTDoseSegLib import Result, analyze, read_ct, segment
    >>> series = read_ct("ct")
    >>> result = Result.of(analyze(series, segment(series, "classical")))
    >>> lung = result.dose_of("lung")
    >>> lung.total_low_mGy < lung.dose_mGy < lung.total_high_mGy
    True
    """

    provenance: Provenance
    geometry: Geometry
    acquisition: Acquisition
    slices: Slices
    size: SizeSummary
    ssde: SSDESummary
    effective_dose: EffectiveDose
    segmentation: SegmentationSummary
    organs: tuple[OrganDose, ...]
    structures: Mapping[str, Structure]
    examination: Examination | None = None
    scanner_profile: Scanner = GENERIC
    hu_histogram: HUHistogram | None = None
    reading_flags: tuple[Flag, ...] = ()
    dose_flags: tuple[Flag, ...] = ()
    dose_model: Mapping[str, Any] = field(default_factory=dict)
    uncertainty_shared_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    size_specific_effective_dose: SizeSpecificEffectiveDose = field(
        default_factory=SizeSpecificEffectiveDose
    )
    peak_skin_dose: PeakSkinDose | None = None
    uterus_dose: UterusDose | None = None

    @classmethod
    def of(cls, analysis: Analysis) -> Result:
        """Return an analysis without its voxels.

        Parameters
        ----------
        analysis
            As `analyze` returns it.

        Returns
        -------
        Result
            All of its numbers, flags and provenance.
        """
        series, labelmap, doses = analysis.series, analysis.labelmap, analysis.doses
        size, ssde = analysis.size, analysis.ssde
        return cls(
            provenance=analysis.provenance,
            geometry=Geometry.of(series),
            acquisition=series.acquisition,
            slices=Slices.of(series, size, ssde),
            size=SizeSummary(size.summary(), size.scan_flags, wed_interval_mm(size)),
            ssde=SSDESummary(
                ssde.table,
                ssde.alternative_table,
                ssde.mean_mGy,
                ssde.flags,
                ssde_interval_mGy(
                    ssde.mean_mGy,
                    ctdivol_log_sd(series, ssde, analysis.scanner),
                    ssde_cut_log(size, ssde),
                ),
            ),
            effective_dose=analysis.effective_dose,
            segmentation=SegmentationSummary(
                labelmap.engine,
                labelmap.atoms,
                labelmap.about,
                labelmap.flags,
                doubt=labelmap.doubt.atoms if labelmap.doubt else {},
            ),
            organs=doses.organs,
            structures=structures_of(series, analysis.measurements),
            examination=analysis.examination,
            scanner_profile=analysis.scanner,
            hu_histogram=HUHistogram.of(analysis.measurements),
            reading_flags=series.flags,
            dose_flags=doses.flags,
            dose_model=doses.model_card,
            uncertainty_shared_by=doses.shared_by,
            size_specific_effective_dose=analysis.size_specific_effective_dose,
            peak_skin_dose=doses.peak_skin_dose,
            uterus_dose=analysis.uterus_dose,
        )

    @property
    def schema_version(self) -> str:
        """Version of the file that this result was read from, or will be written as."""
        return self.provenance.schema_version

    @property
    def mean_ctdivol_mGy(self) -> float | None:
        """CTDIvol of the scan: the mean over the slices that have one, else the series' own.

        None where it is not known. Its phantom is `acquisition.phantom_cm`.
        """
        stated = self.slices.ctdivol_mGy[np.isfinite(self.slices.ctdivol_mGy)]
        return float(stated.mean()) if stated.size else self.acquisition.ctdivol_mGy

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Flags of the scan, of effective dose and of the examination, each once."""
        parts = (
            *(self.reading_flags, self.scanner_profile.flags, self.segmentation.flags),
            *(self.size.flags, self.ssde.flags, self.dose_flags),
            self.examination.flags if self.examination else (),
            self.effective_dose.flags,
            self.size_specific_effective_dose.flags,
            self.peak_skin_dose.flags if self.peak_skin_dose else (),
            self.examination.peak_skin_flags if self.examination else (),
            self.uterus_dose.flags if self.uterus_dose else (),
        )
        return tuple(dict.fromkeys(flag for flags in parts for flag in flags))

    def all_flags(self) -> Iterator[Flag]:
        """Yield the flags of the scan, then those of events, of organs and of slices.

        Yields
        ------
        Flag
            Each with its place; an equal flag may come again.
        """
        yield from self.flags
        for event in self.examination.events if self.examination else ():
            yield from event.flags
        for organ in self.organs:
            yield from organ.flags
        for flags in self.slices.flags:
            yield from flags

    def dose_of(self, organ: str, region: str | None = None) -> OrganDose:
        """Return the dose of an organ.

        Parameters
        ----------
        organ
            Name in the table of organs.
        region
            ``chest`` or ``abdomen``: by the model of that region; None: the first.

        Returns
        -------
        OrganDose
            Its `dose_mGy` is None where no dose is given.

        Raises
        ------
        KeyError
            If the result has no such organ.
        """
        for dose in self.organs:
            if dose.organ == organ and region in (None, dose.region):
                return dose
        known = ", ".join(dict.fromkeys(dose.organ for dose in self.organs)) or "none"
        raise KeyError(f"The result has no dose entry for {organ}; it has {known}.")

    def chosen(self, parameter: str, default: Any = None) -> Any:
        """Return what the user chose for a parameter of the analysis.

        Parameters
        ----------
        parameter
            Its name, such as ``region``.
        default
            Returned where the provenance does not hold it.

        Returns
        -------
        Any
            As it stands in the provenance.
        """
        return self.provenance.parameters.get(parameter, default)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain values, in the layout of the present schema.

        Returns
        -------
        dict
            Of text, numbers, lists and dictionaries; None for what is not known.

        Examples
        --------
        >>> from CTDoseSegLib import read_result
        >>> read_result("results").to_json()["notice"]
        'Research software, not for clinical use.'
        """
        content: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "notice": NOTICE}
        content["flags"] = plain(self.flags)
        content |= {f.name: plain(getattr(self, f.name)) for f in fields(self)}
        content["provenance"]["schema_version"] = SCHEMA_VERSION
        sources = content["acquisition"].pop(SOURCES)
        content["acquisition"] = {
            name: {"value": value, "source": sources.pop(name, None)}
            for name, value in content["acquisition"].items()
        }
        # Of values that each slice has of its own.
        content["slice_sources"] = sources
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Result:
        """Return the result that `to_json` gave, in the layout of the present schema.

        Parameters
        ----------
        content
            Plain values.

        Returns
        -------
        Result
            With the present schema version.

        Raises
        ------
        InputError
            If a value is missing or of another kind; the sentence names it.
        """
        content = {**content, "acquisition": _acquisition(content)}
        result: Result = read_dataclass(cls, content, "")
        result = replace(
            result, provenance=replace(result.provenance, schema_version=SCHEMA_VERSION)
        )
        _check_lengths(result)
        for dose in result.organs:
            _check_order(dose)
        return result


def _acquisition(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return values and sources apart, as `Acquisition` has them."""
    entry = Mapping[str, Any]
    stated = read_as(Mapping[str, entry], content.get("acquisition"), "acquisition")
    sources = {name: e.get("source") for name, e in stated.items() if e.get("source")}
    sources |= read_as(Mapping[str, str], content.get("slice_sources", {}), "slice_sources")
    return {**{name: e.get("value") for name, e in stated.items()}, SOURCES: sources}


def _check_lengths(result: Result) -> None:
    n = result.geometry.shape_kji[0]
    columns = {f"slices.{f.name}": getattr(result.slices, f.name) for f in fields(Slices)}
    columns |= {f"organs.{o.organ}.slice_dose_mGy": o.slice_dose_mGy for o in result.organs}
    columns |= {f"structures.{name}.count": s.count for name, s in result.structures.items()}
    for name, one in result.segmentation.doubt.items():
        changes = {f: getattr(one, f) for f in CHANGES}
        columns |= {f"segmentation.doubt.{name}.{f}": column for f, column in changes.items()}
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise InputError(f"{name} has {len(column)} values for {n} slices.")


def _check_order(dose: OrganDose) -> None:
    """Refuse intervals without a dose, and ends that do not enclose it."""
    ends = {
        "model": (dose.model_low_mGy, dose.model_high_mGy),
        "total": (dose.total_low_mGy, dose.total_high_mGy),
    }
    for name, (low, high) in ends.items():
        if dose.dose_mGy is None:
            right = low is None and high is None
        else:
            given = (0.0 if low is None else low, math.inf if high is None else high)
            right = 0.0 <= given[0] <= dose.dose_mGy <= given[1] and math.isfinite(dose.dose_mGy)
        if not right:
            raise InputError(
                f"the {name} interval of {dose.organ}, {low} to {high}, does not enclose its dose "
                f"of {dose.dose_mGy} mGy"
            )
