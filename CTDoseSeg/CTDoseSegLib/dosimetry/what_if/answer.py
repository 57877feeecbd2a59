"""A scan that can be asked for the doses of other exposures, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...ct.series import CTSeries
from ...errors import AcquisitionError
from ...flags import Flag, flag
from ...measurement.ctdi_per_mas import K90
from ...measurement.ctdivol import slice_ctdivol_mGy
from ...measurement.size_interval import ctdivol_log_sd, ssde_cut_log, ssde_interval_mGy
from ...measurement.ssde import SSDEProfile, ssde
from ..dose_length_product import DoseLengthProduct
from ..doses import DoseResult, OrganDose
from ..effective_dose import EffectiveDose
from ..estimate import estimate
from ..fast.engine import FastEngine
from ..fast.uncertainty import ninety_percent
from ..montecarlo.marrow import seen_marrow_share
from ..scan import Scan
from ..size_specific_effective_dose import (
    SizeSpecificEffectiveDose,
    size_specific_effective_dose,
)
from .change import FACTORS, Change, OutputRatio, output_ratio, problems, without_what_stays
from .exposed import effective_dose_of, exposed, irradiated, mas_factor, times
from .organs import SHARED_BY, by_law, in_proportion, is_simulated, known_doses, with_voltage


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Hypothetical:
    """The doses of one exposure, hypothetical unless its change is none.

    Attributes
    ----------
    change
        As it was asked for, without what stays as it is, and with the tube current factor that
        reaches a target SSDE.
    output
        What the tube voltage makes of CTDIvol.
    ctdivol_mGy
        Mean over the irradiated slices; None where it is not known.
    dlp
        None where it is not known.
    ssde_mGy
        Mean over the irradiated slices; None where it is not known.
    ssde_interval_mGy
        Ends of its 90 % interval.
    effective_dose
        k x DLP, its range widened by what is not known of CTDIvol.
    size_specific_effective_dose
        By the organ doses.
    organs
        Their doses with intervals; None where the change gives none, and `flags` hold the reason.
    flags
        What holds for all of it.
    """

    change: Change
    output: OutputRatio
    ctdivol_mGy: float | None
    dlp: DoseLengthProduct | None
    ssde_mGy: float | None
    ssde_interval_mGy: tuple[float, float] | None
    effective_dose: EffectiveDose
    size_specific_effective_dose: SizeSpecificEffectiveDose
    organs: tuple[OrganDose, ...]
    flags: tuple[Flag, ...] = ()

    def dose_of(self, organ: str) -> OrganDose | None:
        """Return the dose of an organ; None where there is no such organ."""
        return next((one for one in self.organs if one.organ == organ), None)

    def with_log_sd(self, value: float) -> tuple[float, float] | None:
        """Return the 90 % interval that the tube voltage gives a number that follows CTDIvol."""
        sd = self.output.log_sd
        return (value * math.exp(-K90 * sd), value * math.exp(K90 * sd)) if sd else None


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class WhatIf:
    """One scan and its doses, to be asked for those of other exposures.

    Attributes
    ----------
    scan
        As a dose engine sees it; its series is the checked one of `analysis.analyze`.
    doses
        Of the scan, by any dose engine.
    law
        The fast law for other voltages and ranges.

    Examples
    --------
    >>> from CTDoseSegLib import analyze, read_ct, segment
    >>> from CTDoseSegLib.dosimetry.fast.engine import load_model
    >>> series = read_ct("ct")
    >>> made = analyze(series, segment(series, "classical"))
    >>> scan = Scan.of(made.series, made.labelmap, made.measurements, made.size, made.scanner)
    >>> what_if = WhatIf(scan, made.doses, FastEngine(load_model()))
    >>> doubled = what_if.ask(Change(tube_current_factor=2.0))
    >>> round(doubled.dose_of("lung").dose_mGy / what_if.present.dose_of("lung").dose_mGy, 6)
    2.0
    """

    scan: Scan
    doses: DoseResult
    law: FastEngine
    _of_beams: dict[Change, tuple[OrganDose, ...]] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def present(self) -> Hypothetical:
        """The exposure that was made."""
        return self.ask(Change())

    def problems(self, change: Change) -> dict[str, str]:
        """Return which parts of a change cannot be, by name, each with a sentence."""
        found = problems(self.scan, change)
        if change.target_ssde_mGy is not None and not math.isfinite(self._ssde.mean_mGy):
            found["target_ssde_mGy"] = (
                "SSDE of the scan is not known; enter CTDIvol with its exposure."
            )
        elif change.target_ssde_mGy is not None and not found:
            factor = self._reaching(change)
            if not FACTORS[0] <= factor <= FACTORS[1]:
                low, high = (change.target_ssde_mGy * limit / factor for limit in FACTORS)
                found["target_ssde_mGy"] = (
                    f"That SSDE needs {factor:.3g} times the tube current; write one from "
                    f"{low:.3g} to {high:.3g} mGy."
                )
        return found

    def ask(self, change: Change) -> Hypothetical:
        """Return the doses of an exposure that differs by a change.

        Raises
        ------
        AcquisitionError
            If the change cannot be; the sentence names the reason.
        """
        for sentence in self.problems(change).values():
            raise AcquisitionError(sentence)
        change = without_what_stays(self.scan, change)
        output, inside = self._output(change), irradiated(self.scan, change)
        if change.target_ssde_mGy is not None:
            change = replace(change, tube_current_factor=self._reaching(change))
        ssde_mGy = times(_mean(self._ssde.ssde_mGy, inside), self._factor(change, output))
        scan = exposed(self.scan, change, output)
        effective = _widened_range(effective_dose_of(scan, change), output)
        organs = tuple(self._organs(change, output))
        return Hypothetical(
            change=change,
            output=output,
            ctdivol_mGy=self._ctdivol(change, output, inside),
            dlp=effective.dlp,
            ssde_mGy=ssde_mGy,
            ssde_interval_mGy=self._ssde_interval(ssde_mGy, output),
            effective_dose=effective,
            size_specific_effective_dose=self._size_specific(organs, self.doses.shared_by),
            organs=organs,
            flags=tuple(self._flags(change, output)),
        )

    def simulated(self, answer: Hypothetical, doses: DoseResult) -> Hypothetical:
        """Return an answer with the doses that a simulation with its exposure gave."""
        organs = tuple(with_voltage(organ, answer.output) for organ in doses.organs)
        flags = tuple(one for one in answer.flags if one.code != "hypothetical_by_law")
        return replace(
            answer,
            organs=organs,
            size_specific_effective_dose=self._size_specific(organs, doses.shared_by),
            flags=flags,
        )

    def exposed(self, change: Change) -> CTSeries:
        """Return the CT with the exposure of a change, to be given to a dose engine."""
        answer = self.ask(change)
        return exposed(self.scan, answer.change, answer.output).series

    @cached_property
    def _ssde(self) -> SSDEProfile:
        return ssde(self.scan.series, self.scan.size, scanner=self.scan.scanner)

    @cached_property
    def _by_law(self) -> DoseResult:
        return estimate(self.law, self.scan)

    @cached_property
    def _marrow_share(self) -> float | None:
        return seen_marrow_share(self.scan)

    def _output(self, change: Change) -> OutputRatio:
        return OutputRatio() if change.kvp_kV is None else output_ratio(self.scan, change.kvp_kV)

    def _reaching(self, change: Change) -> float:
        """Return the factor on the tube current by which the target SSDE is reached."""
        ssde_mGy = _mean(self._ssde.ssde_mGy, irradiated(self.scan, change))
        if ssde_mGy is None or change.target_ssde_mGy is None:
            return 1.0
        without = replace(change, tube_current_factor=1.0)
        return change.target_ssde_mGy / (ssde_mGy * self._factor(without, self._output(change)))

    def _factor(self, change: Change, output: OutputRatio) -> float:
        """Return SSDE of a slice over that of the scan, which follows CTDIvol or mAs."""
        by_mas = any(one.code == "ssde_by_mas" for one in self._ssde.flags)
        beyond = 1.0 if by_mas else change.ctdivol_factor
        return mas_factor(self.scan, change) * output.value * beyond

    def _ssde_interval(
        self, ssde_mGy: float | None, output: OutputRatio
    ) -> tuple[float, float] | None:
        if ssde_mGy is None:
            return None
        sd = ctdivol_log_sd(self.scan.series, self._ssde, self.scan.scanner)
        cut = ssde_cut_log(self.scan.size, self._ssde)
        return ssde_interval_mGy(ssde_mGy, math.hypot(sd, output.log_sd), cut)

    def _ctdivol(self, change: Change, output: OutputRatio, inside: np.ndarray) -> float | None:
        """Return the mean CTDIvol: as stated, where it is, times that of the irradiated slices."""
        used, _ = slice_ctdivol_mGy(self.scan.series)
        here, everywhere = _mean(used, inside), _mean(used, np.ones(len(used), bool))
        if here is None or everywhere is None:
            return None
        stated = self.scan.series.acquisition.ctdivol_mGy or everywhere
        return stated * here / everywhere * self._factor(change, output)

    def _organs(self, change: Change, output: OutputRatio) -> Iterator[OrganDose]:
        """Yield the doses: by the law for another beam, once for all mAs that go with it."""
        beam = Change(kvp_kV=change.kvp_kV, irradiated_range_mm=change.irradiated_range_mm)
        if beam not in self._of_beams:
            organs = known_doses(self.doses)
            if beam.beam_changes:
                then = estimate(self.law, exposed(self.scan, beam, output))
                organs = by_law(self.doses, self._by_law, then, beam, output)
            self._of_beams[beam] = tuple(organs)
        mas = mas_factor(self.scan, change)
        return in_proportion(self._of_beams[beam], mas, change.ctdivol_factor)

    def _size_specific(
        self, organs: tuple[OrganDose, ...], shared_by: Mapping[str, tuple[str, ...]]
    ) -> SizeSpecificEffectiveDose:
        patient = self.scan.series.acquisition
        return size_specific_effective_dose(
            DoseResult(organs, shared_by={**shared_by, **SHARED_BY}),
            age_years=patient.age_years,
            sex=patient.sex,
            marrow_share=self._marrow_share,
        )

    def _flags(self, change: Change, output: OutputRatio) -> Iterator[Flag]:
        if not change.words:
            return
        yield flag("hypothetical", change.words)
        if output.source:
            detail = f"{output.value:.2f} times that of the scan ({output.source})"
            effect = f"90 % intervals allow {ninety_percent(output.log_sd)} for it"
            yield flag("hypothetical_voltage", detail, consequence=effect)
        used = self._ssde.ctdivol_used_mGy
        known = used[np.isfinite(used)]
        if known.size and np.ptp(known) > 1e-3 * known.mean():
            yield flag("hypothetical_modulation")
        if change.beam_changes and any(map(is_simulated, self.doses.organs)):
            yield flag("hypothetical_by_law")


def _mean(values: np.ndarray, inside: np.ndarray) -> float | None:
    """Return the mean of what is known of the irradiated slices; None where nothing is."""
    known = values[inside & np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _widened_range(effective: EffectiveDose, output: OutputRatio) -> EffectiveDose:
    """Return an effective dose whose range holds that of CTDIvol at another voltage as well."""
    if not output.log_sd:
        return effective
    low, high = (math.exp(sign * K90 * output.log_sd) for sign in (-1, 1))
    return replace(
        effective,
        low_mSv=times(effective.low_mSv, low),
        high_mSv=times(effective.high_mSv, high),
    )
