"""From a scan to a simulated run: patient, beam, path, histories, and what explains the doses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...segmentation.atoms import is_number
from ...segmentation.labelmap import BODY, BODY_REST
from ...tasks.progress import Progress, Stage
from ..dose_map import DoseMap
from ..doses import OrganDose
from ..peak_skin_dose import SkinDose
from ..scan import Scan
from .beam_choice import beam_model
from .beam_doubt import beam_components, compared
from .beams import BeamModel, beam_of
from .ctdi import ctdi_weighted_per_history
from .devices import CPU, chosen
from .dose_volume import DoseVolume, dose_volumes
from .exposure import Exposure, exposure_of
from .maps import dose_map_of, scale_of_maps, slice_doses
from .patient import Patient, patient_of
from .response import Response, path_of
from .run import Run
from .skin import SkinSurface, skin_dose_of, skin_of
from .skin_interval import skin_components, skin_flags
from .source_path import SourcePath
from .stopping import Precision, StopRule, deciding_organs
from .surfaces import surface_shares
from .tally import Tally
from .transport import simulate
from .xray_beam import XRayBeam

# Histories that tell how doses change with the beam: their noise cancels.
_DOUBT_HISTORIES = 200_000
_DOUBT_SEED = 1009
# Parts of a run, for the uncertainty of its map; each takes 12 bytes for each voxel.
_BATCHES, _MANY_VOXELS = 20, 4_000_000
# Of a table that stands still: no organ may decide, and 1 cm2 of skin has some 2 to 3 % with these.
_AT_REST_HISTORIES = 4_000_000
# The path goes on beyond the range by this, so that another range needs no other run.
_MARGIN_MM = 50.0


@dataclass(frozen=True)
class Settings:
    """How to simulate a scan; the fields are those of `MonteCarloEngine`."""

    relative_se: float
    max_minutes: float
    histories: int
    beam: str | None
    seed: int
    voxel_mm: float | None
    dose_map: bool
    device: str = CPU


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Simulation:
    """A finished run with what it took.

    Attributes
    ----------
    run
        What organ doses are made from.
    patient, model, beam
        What was irradiated, and with what.
    dose_map
        None where it was not asked for.
    parts
        Organ to the doses of its parts.
    worst
        Precision of the organ that is farthest from what was asked for.
    seconds
        Of the histories alone.
    device
        Where they were followed: ``cpu``, ``gpu`` or ``gpu:N``.
    skin
        Dose of the exposure to the body's surface.
    surface
        Of the patient.
    """

    run: Run
    patient: Patient
    model: BeamModel
    beam: XRayBeam
    dose_map: DoseMap | None
    parts: Mapping[str, DoseVolume]
    worst: Precision
    seconds: float
    device: str
    skin: SkinDose
    surface: SkinSurface

    def without_map(self) -> Simulation:
        """Return the run without the doses of its voxels, which take most of the memory."""
        tally = replace(self.run.response.tally, map_keV=None)
        run = replace(self.run, response=replace(self.run.response, tally=tally))
        return replace(self, run=run, dose_map=None)


class Cancels(Progress):
    """Passes on that the user cancelled, and no reports: the stop rule makes those."""

    def __init__(self, whole: Progress) -> None:
        super().__init__()
        self._whole = whole

    def check_cancelled(self) -> None:
        self._whole.check_cancelled()


def simulate_scan(
    scan: Scan,
    settings: Settings,
    fast: Mapping[str, OrganDose],
    progress: Progress,
    patient: Patient | None = None,
) -> Simulation:
    """Simulate a scan until its organs are as certain as the settings ask.

    Parameters
    ----------
    scan
        Which the engine can be used on.
    settings
        How to simulate it.
    fast
        Doses by the fast law, to stand beside.
    progress
        Takes progress; may cancel.
    patient
        Of the scan, where it is known already.
    """
    progress.update(0.0, "preparing the simulation")
    setup = _Setup.of(scan, settings, patient, Stage(progress, 0.0, 0.05))
    rule = setup.stop_rule(settings, Stage(progress, 0.05, 0.95))
    started = time.monotonic()
    tally = setup.follow(settings, rule, Cancels(progress))
    seconds = time.monotonic() - started
    progress.update(0.95, "comparing beams")
    run = replace(setup.run(tally, fast, Cancels(progress)), ended=rule.ended(tally))
    progress.update(0.97, "making the dose map")
    dose_map = setup.dose_map(tally) if settings.dose_map else None
    surface = skin_of(setup.patient)
    return Simulation(
        run=run,
        patient=setup.patient,
        model=setup.model,
        beam=setup.beam,
        dose_map=dose_map,
        parts=setup.parts_of_organs(tally),
        worst=rule.worst(tally),
        seconds=seconds,
        device=setup.device,
        skin=setup.skin(tally, run, surface),
        surface=surface,
    )


@dataclass(frozen=True, eq=False)
class _Setup:
    """What a run needs before its first photon, and what turns its tally into doses."""

    scan: Scan
    exposure: Exposure
    model: BeamModel
    beam: XRayBeam
    patient: Patient
    path: SourcePath
    device: str
    kerma_mGy_cm: float
    kerma_se: float

    @classmethod
    def of(
        cls, scan: Scan, settings: Settings, patient: Patient | None, progress: Progress
    ) -> _Setup:
        device = chosen(settings.device)
        exposure = exposure_of(scan)
        model = beam_model(settings.beam, scan, exposure)
        voltage = float(scan.series.acquisition.kvp_kV or 0.0)
        beam = beam_of(model, voltage, collimation_mm=exposure.collimation_mm)
        if patient is None:
            patient = patient_of(scan, voxel_mm=settings.voxel_mm, progress=progress)
        path = path_of(exposure, reach_mm=_reach_mm(patient, scan, exposure))
        kerma = ctdi_weighted_per_history(beam, exposure.phantom_cm)
        return cls(scan, exposure, model, beam, patient, path, device, *kerma)

    @property
    def scale(self) -> float:
        """Dose to 1 g for 1 keV per emitted photon, mGy."""
        return scale_of_maps(self.exposure.dose_length_mGy_cm, self.kerma_mGy_cm)

    def response_of(self, tally: Tally) -> Response:
        error = self.kerma_se / self.kerma_mGy_cm
        return Response(tally, self.path, self.patient.mass_g, self.kerma_mGy_cm, error)

    def stop_rule(self, settings: Settings, progress: Progress) -> StopRule:
        scores = {name: n for n, name in enumerate(self.patient.scores.names)}
        return StopRule(
            organs=deciding_organs(self.scan, self.exposure, scores),
            relative_se=settings.relative_se,
            max_seconds=60.0 * settings.max_minutes,
            response_of=self.response_of,
            exposure=self.exposure,
            progress=progress,
            least_histories=_AT_REST_HISTORIES if self.exposure.at_rest else 0,
        )

    def follow(self, settings: Settings, rule: StopRule, progress: Progress) -> Tally:
        """Follow photons until the rule is content."""
        return simulate(
            self.patient.voxels,
            self.beam,
            self.path,
            self.patient.scores,
            histories=settings.histories,
            seed=settings.seed,
            batches=_batches(self.patient),
            with_map=True,
            map_weights=self.exposure.weights(self.path.z_edges_mm, self.path.angle_bins),
            progress=progress,
            until=rule,
            device=self.device,
        )

    def run(self, tally: Tally, fast: Mapping[str, OrganDose], progress: Progress) -> Run:
        """Return the run with what explains its doses."""
        patient = self.patient
        z_mm = self.scan.series.z_mm
        return Run(
            scan=self.scan,
            exposure=self.exposure,
            response=self.response_of(tally),
            surface_share=surface_shares(patient.voxels, patient.scores),
            beam_sd=self._beam_sd(progress),
            slice_dose_mGy=slice_doses(tally, patient.voxels, patient.scores, self.scale, z_mm),
            fast=fast,
            marrow_share=_marrow_shares(patient),
            marrow_share_known=any(site.active_share is not None for site in patient.marrow),
            iodine_mg_ml=patient.iodine_mg_ml,
            flags=patient.flags,
        )

    def dose_map(self, tally: Tally) -> DoseMap:
        patient = self.patient
        seen = _seen_slices(patient)
        return dose_map_of(tally, patient.voxels, self.scale, body=patient.body, slices=seen)

    def skin(self, tally: Tally, run: Run, surface: SkinSurface) -> SkinDose:
        """Return the dose to the skin, with its uncertainty components and flags."""
        skin = skin_dose_of(tally, self.patient.voxels, surface, self.beam, self.scale)
        components = skin_components(run, self.beam)
        return replace(skin, log_sd=components, flags=skin_flags(run, self.patient))

    def parts_of_organs(self, tally: Tally) -> dict[str, DoseVolume]:
        patient = self.patient
        named = (name for name in patient.scores.names if name in self.scan.organs)
        unnamed = {atom.name for atom in self.scan.labelmap.atoms if is_number(atom.name)}
        organs = [name for name in named if name not in (BODY, BODY_REST, *unnamed)]
        return dose_volumes(tally, patient.voxels, patient.scores, organs, self.scale)

    def _beam_sd(self, progress: Progress) -> np.ndarray:
        """Return the uncertainty component of the beam for every score, [score]."""
        width = self.exposure.collimation_mm
        models = (self.model, *self.model.variants())
        voltage = self.beam.voltage_kV
        beams = compared([beam_of(one, voltage, collimation_mm=width) for one in models])
        tally = simulate(
            self.patient.voxels,
            beams[0],
            SourcePath(np.array(self.exposure.range_mm), np.ones(1), 1),
            self.patient.scores,
            histories=_DOUBT_HISTORIES,
            seed=_DOUBT_SEED,
            by_fan_and_energy=True,
            progress=progress,
            device=self.device,
        )
        return beam_components(tally, np.ones((1, 1)), beams, self.exposure.phantom_cm)


def _batches(patient: Patient) -> int:
    """Return the number of batches: fewer where their maps would take too much memory."""
    return _BATCHES if patient.voxels.material.size <= _MANY_VOXELS else _BATCHES // 2


def _reach_mm(patient: Patient, scan: Scan, exposure: Exposure) -> tuple[float, float]:
    """Return how far the path goes: for other exposures of the examination, and a little more."""
    low, high = exposure.range_mm
    report = scan.series.dose_report
    placed = [] if report is None else [one.range_mm for one in report.events]
    ends = [(low - _MARGIN_MM, high + _MARGIN_MM), *(one for one in placed if one is not None)]
    bottom = patient.voxels.corner_mm[2]
    top = bottom + patient.voxels.size_mm[2]
    first = max(min(end for end, _ in ends), bottom)
    last = min(max(end for _, end in ends), top)
    return min(first, low), max(last, high)


def _marrow_shares(patient: Patient) -> dict[str, float]:
    """Return the share of the body's active marrow by score, of what the images show.

    Where labels do not name the bones it is in proportion to their mass, and adds up to 1.
    """
    named = {
        site.score: share for site in patient.marrow if (share := site.share_in_images) is not None
    }
    if named:
        return named
    mass = dict(zip(patient.scores.names, patient.mass_g, strict=True))
    unnamed = {site.score: float(mass[site.score]) for site in patient.marrow}
    total = sum(unnamed.values())
    return {score: part / total for score, part in unnamed.items()} if total > 0 else {}


def _seen_slices(patient: Patient) -> slice:
    """Return the k of the simulation's voxels that the images show."""
    voxels = patient.voxels
    step = voxels.spacing_mm[2]
    low, high = patient.image_range_mm
    count = voxels.material.shape[0]
    first = int(np.clip(np.floor((low - voxels.corner_mm[2]) / step + 0.01), 0, count - 1))
    last = int(np.clip(np.ceil((high - voxels.corner_mm[2]) / step - 0.01), first + 1, count))
    return slice(first, last)
