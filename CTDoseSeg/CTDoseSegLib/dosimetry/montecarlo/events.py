"""Organ doses of another exposure of the same anatomy: an event of the examination.

With the beam of the run it is another weighted sum; another voltage is simulated, in the same
voxels and to a lower precision.
"""

from __future__ import annotations

from dataclasses import replace

from ...flags import flag
from ...tasks.progress import Progress
from ..doses import DoseResult, OrganDose
from ..scan import Scan
from .beam_choice import beam_model
from .ctdi import ctdi_weighted_per_history
from .exposure import Exposure, exposure_of
from .organs import organ_doses, patient_organs
from .run import Run
from .simulation import Settings, Simulation, simulate_scan

# Voltages that differ by less are the same.
_SAME_KV = 0.5
# Precise enough for a part of a total.
_LEAST_SE = 0.02
# What little an organ gets from an event beside it may be noisy, for it is added to more.
_LARGEST_SE = 1.0


def event_doses(kept: Simulation, scan: Scan, settings: Settings, objection: str) -> DoseResult:
    """Return the organ doses of an event.

    Parameters
    ----------
    kept
        Run of the images' own exposure.
    scan
        The same anatomy with the exposure of the event.
    settings
        As of that run.
    objection
        Why the event cannot be simulated; empty where it can.
    """
    names = patient_organs(scan)
    if objection:
        refusal = flag("monte_carlo_event", objection)
        return DoseResult(tuple(scan.without_dose(name, (refusal,)) for name in names))
    exposure = _within(exposure_of(scan), kept)
    if exposure is None:  # so far away that nothing of it comes here
        return DoseResult(tuple(_nothing(scan, name) for name in names))
    voltage = scan.series.acquisition.kvp_kV or 0.0
    same_beam = beam_model(settings.beam, scan, exposure) == kept.model
    if same_beam and abs(voltage - kept.beam.voltage_kV) < _SAME_KV:
        return DoseResult(organ_doses(_recombined(kept, scan, exposure)))
    rougher = max(settings.relative_se, _LEAST_SE)
    settings = replace(settings, relative_se=rougher, dose_map=False)
    other = simulate_scan(scan, settings, {}, Progress(), kept.patient)
    return DoseResult(organ_doses(replace(other.run, largest_se=_LARGEST_SE)))


def _recombined(kept: Simulation, scan: Scan, exposure: Exposure) -> Run:
    """Return the run as if it had been made for another exposure with its beam."""
    kerma, error = ctdi_weighted_per_history(kept.beam, exposure.phantom_cm)
    response = replace(kept.run.response, kerma_mGy_cm=kerma, kerma_relative_se=error / kerma)
    return replace(
        kept.run,
        scan=scan,
        exposure=exposure,
        response=response,
        slice_dose_mGy={},
        fast={},
        largest_se=_LARGEST_SE,
    )


def _within(exposure: Exposure, kept: Simulation) -> Exposure | None:
    """Return the part of an exposure that the run's path covers; None where there is none."""
    first, last = kept.run.response.path.z_edges_mm[[0, -1]]
    low, high = exposure.range_mm
    low, high = max(low, float(first)), min(high, float(last))
    return replace(exposure, range_mm=(low, high)) if low < high else None


def _nothing(scan: Scan, name: str) -> OrganDose:
    organ = scan.without_dose(name)
    return replace(organ, dose_mGy=0.0, total_low_mGy=0.0, total_high_mGy=0.0)
