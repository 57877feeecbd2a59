"""Organ doses of another exposure of the same anatomy: an event of the examination.

With the beam of the run it is another weighted sum; another voltage is simulated, in the same
voxels and to a lower precision.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from ...flags import flag
from ...tasks.progress import Progress
from ..doses import DoseResult, OrganDose
from ..peak_skin_dose import SkinDose
from ..scan import Scan
from .beam_choice import beam_model
from .beams import beam_of
from .ctdi import ctdi_weighted_per_history
from .exposure import Exposure, exposure_of
from .maps import scale_of_maps
from .organs import organ_doses, patient_organs
from .response import path_of
from .run import Run
from .simulation import Cancels, Settings, Simulation, simulate_scan
from .skin import skin_dose_of
from .skin_interval import skin_components, skin_flags
from .transport import simulate

# Voltages that differ by less are the same.
_SAME_KV = 0.5
# Precise enough for a part of a total.
_LEAST_SE = 0.02
# What little an organ gets from an event beside it may be noisy, for it is added to more.
_LARGEST_SE = 1.0
# Of the skin's own run, where the run of the images had as many.
_LEAST_HISTORIES = 500_000


def event_doses(
    kept: Simulation, scan: Scan, settings: Settings, objection: str, progress: Progress
) -> DoseResult:
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
    progress
        Takes progress; may cancel.
    """
    names = patient_organs(scan)
    if objection:
        refusal = flag("monte_carlo_event", objection)
        return DoseResult(tuple(scan.without_dose(name, (refusal,)) for name in names))
    exposure = _within(exposure_of(scan), kept)
    if exposure is None:  # so far away that nothing of it comes here
        organs = tuple(_nothing(scan, name) for name in names)
        return DoseResult(organs, skin_dose=_no_skin_dose(kept))
    voltage = scan.series.acquisition.kvp_kV or 0.0
    same_beam = beam_model(settings.beam, scan, exposure) == kept.model
    if same_beam and abs(voltage - kept.beam.voltage_kV) < _SAME_KV:
        run = _recombined(kept, scan, exposure)
        return DoseResult(organ_doses(run), skin_dose=skin_of_event(kept, run, settings, progress))
    rougher = max(settings.relative_se, _LEAST_SE)
    settings = replace(settings, relative_se=rougher, dose_map=False)
    other = simulate_scan(scan, settings, {}, progress, kept.patient)
    organs = organ_doses(replace(other.run, largest_se=_LARGEST_SE))
    return DoseResult(organs, skin_dose=other.skin)


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


def skin_of_event(kept: Simulation, run: Run, settings: Settings, progress: Progress) -> SkinDose:
    """Return the dose to skin of an exposure with the beam of the run that was kept.

    Its doses by place of the tube are known for organs alone, so that a run of its own follows,
    with as many photons for each millimetre that is irradiated.

    Parameters
    ----------
    kept
        Run of the images' own exposure.
    run
        The same for the event.
    settings
        As of that run.
    progress
        May cancel.
    """
    exposure, patient = run.exposure, kept.patient
    beam = beam_of(kept.model, kept.beam.voltage_kV, collimation_mm=exposure.collimation_mm)
    path = path_of(exposure)
    own, other = (_irradiated_mm(one) for one in (kept.run.exposure, exposure))
    total = kept.run.response.tally.total_histories
    histories = int(np.clip(total * other / own, min(_LEAST_HISTORIES, total), total))
    ends = time.monotonic() + 60.0 * settings.max_minutes
    tally = simulate(
        patient.voxels,
        beam,
        path,
        patient.scores,
        histories=histories,
        seed=settings.seed + 1,  # other photons: their noise is not that of the run
        batches=len(kept.skin.dose_mGy),
        with_map=True,
        map_weights=exposure.weights(path.z_edges_mm, path.angle_bins),
        until=lambda _: time.monotonic() >= ends,
        progress=Cancels(progress),
        device=kept.device,
    )
    scale = scale_of_maps(exposure.dose_length_mGy_cm, run.response.kerma_mGy_cm)
    skin = skin_dose_of(tally, patient.voxels, kept.surface, beam, scale)
    return replace(skin, log_sd=skin_components(run, beam), flags=skin_flags(run, patient))


def _irradiated_mm(exposure: Exposure) -> float:
    low, high = exposure.range_mm
    return high - low + exposure.collimation_mm


def _no_skin_dose(kept: Simulation) -> SkinDose:
    skin = kept.skin
    return replace(skin, dose_mGy=np.zeros_like(skin.dose_mGy), histories=0, log_sd={}, flags=())


def _within(exposure: Exposure, kept: Simulation) -> Exposure | None:
    """Return the part of an exposure that the run's path covers; None where there is none."""
    first, last = kept.run.response.path.z_edges_mm[[0, -1]]
    low, high = exposure.range_mm
    low, high = max(low, float(first)), min(high, float(last))
    return replace(exposure, range_mm=(low, high)) if low < high else None


def _nothing(scan: Scan, name: str) -> OrganDose:
    organ = scan.without_dose(name)
    return replace(organ, dose_mGy=0.0, total_low_mGy=0.0, total_high_mGy=0.0)
