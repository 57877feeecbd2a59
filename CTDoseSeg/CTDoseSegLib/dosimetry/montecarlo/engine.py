"""The dose engine `montecarlo`: photons followed through the patient's own CT."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar

from ...ct.acquisition import Acquisition
from ...ct.scanner_profile import words
from ...errors import InputError
from ...flags import Flag, flag
from ...tasks.progress import Progress
from ..doses import DoseResult, OrganDose
from ..fast.engine import FastEngine, load_model
from ..peak_skin_dose import peak_of
from ..scan import Scan
from .beam_choice import unusual_beams
from .devices import AUTO, available, is_device
from .exposure import child_without_phantom, unusable

if TYPE_CHECKING:
    from .simulation import Simulation

VOLTAGES_KV = (60.0, 150.0)
# The tables' own lists of their files.
_CARDS = ("tables.json", "beams.json")


@dataclass(frozen=True)
class MonteCarloEngine:
    """Photon Monte Carlo on the patient's own CT, normalised by CTDIvol.

    Parameters
    ----------
    relative_se
        The simulation ends when the dose of every organ over 20 ml that lies in the irradiated
        range by half or more has this relative standard error,
    max_minutes
        or after so many minutes,
    histories
        or after so many photons.
    beam
        Name of a beam, of `montecarlo.beams.beam_names` or of the scanner profile; None: the
        profile's for the filter, else by the scanner, else a generic one.
    seed
        Of the random numbers; the same seed and number of photons give the same doses, on a GPU
        but for rounding.
    voxel_mm
        Largest size of the voxels that are simulated; None: 2 mm for heads, 4 mm for others.
    dose_map
        False leaves out the dose of every voxel.
    device
        Where photons are followed: ``cpu`` (numba), ``gpu`` or ``gpu:N`` (NVIDIA Warp with CUDA),
        or ``auto`` for a GPU where Warp finds one, else the processor. The GPU's part was run on
        Warp's processor device alone, never on a GPU.

    Raises
    ------
    InputError
        If a setting is impossible.

    Examples
    --------
    >>> from CTDoseSegLib import MonteCarloEngine
    >>> engine = MonteCarloEngine(relative_se=0.02, max_minutes=1)
    >>> engine.name
    'montecarlo'
    >>> MonteCarloEngine(relative_se=0)
    Traceback (most recent call last):
    CTDoseSegLib.errors.InputError: relative_se is 0; give a number above 0 and at most 0.2.
    """

    relative_se: float = 0.01
    max_minutes: float = 5.0
    histories: int = 200_000_000
    beam: str | None = None
    seed: int = 1
    voxel_mm: float | None = None
    dose_map: bool = True
    device: str = AUTO
    name: ClassVar[str] = "montecarlo"
    # The last run, for other exposures of the same examination.
    _kept: list[Simulation] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("relative_se", 0.0, 0.2),
            ("max_minutes", 0.0, 1e6),
            ("histories", 0, 10**12),
            ("voxel_mm", 0.5, 10.0),
        ):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low < value <= high):
                raise InputError(
                    f"{name} is {value:g}; give a number above {low:g} and at most {high:g}."
                )
        if not is_device(self.device):
            raise InputError(f"device is {self.device}; give auto, cpu, gpu or gpu:N.")

    def available(self, scan: Scan) -> tuple[bool, str]:
        """Return whether the scan can be simulated here, and a sentence with the reason if not.

        Another exposure of the examination can, once the images' own was: what stands against it
        is then in the flags of its organs.
        """
        if not scan.own_exposure:
            if self._run_of(scan) is not None:
                return True, ""
            return False, "another exposure of the examination needs the run of the images' own"
        if reason := next(_objections(scan, own_beam=self._has_own_beam(scan)), ""):
            return False, reason
        return available(self.device)

    def _run_of(self, scan: Scan) -> Simulation | None:
        """Return the run of the same anatomy, where it was the last one."""
        of_scan = (one for one in self._kept if one.run.scan.labelmap is scan.labelmap)
        return next(of_scan, None)

    def _has_own_beam(self, scan: Scan) -> bool:
        """Return whether a beam was chosen that was measured on this scanner."""
        if self.beam is None:
            return False
        return any(words(beam.name) == words(self.beam) for beam in scan.scanner.beams)

    def estimate(self, scan: Scan, progress: Progress | None = None) -> DoseResult:
        """Return the dose of every organ in the images, of red marrow, and of every voxel.

        Raises
        ------
        AcquisitionError
            If there is no beam of the name that was chosen.
        Cancelled
            If the user ended the task.
        """
        flags = tuple(_patient_flags(scan.series.acquisition))
        if child_without_phantom(scan.series):
            refusal = flag("monte_carlo_child_phantom")
            organs = tuple(scan.without_dose(name, (refusal,)) for name in scan.organs)
            return DoseResult(organs, (*flags, refusal))
        from .interval import SHARED_BY
        from .organs import organ_doses
        from .run_flags import run_flags
        from .simulation import Settings, simulate_scan

        settings = Settings(**{one.name: getattr(self, one.name) for one in fields(Settings)})
        if (kept := self._run_of(scan)) is not None and not scan.own_exposure:
            from .events import event_doses

            reason = next(_objections(scan, own_beam=self._has_own_beam(scan)), "")
            return event_doses(kept, scan, settings, reason, progress or Progress())
        simulation = simulate_scan(scan, settings, fast_doses(scan), progress or Progress())
        self._kept[:] = [simulation.without_map()]
        organs = organ_doses(simulation.run)
        about_run = run_flags(simulation, organs, by_name=self.beam is not None)
        return DoseResult(
            organs=organs,
            flags=(*flags, *simulation.run.scan_flags, *about_run),
            model_card=self._card(simulation),
            dose_map=simulation.dose_map,
            shared_by=SHARED_BY,
            peak_skin_dose=peak_of([simulation.skin]),
            skin_dose=simulation.skin,
        )

    def _card(self, simulation: Simulation) -> dict[str, Any]:
        """Return what made the doses, as plain values."""
        run, model = simulation.run, simulation.model
        exposure, response = run.exposure, run.response
        histories = response.tally.total_histories
        return {
            "name": "Monte Carlo on the CT",
            "beam": model.name,
            "beam_source": model.source,
            "bowtie": model.bowtie,
            "hvl_mm_at_120_kV": model.hvl_mm,
            "voltage_kV": simulation.beam.voltage_kV,
            "collimation_mm": exposure.collimation_mm,
            "ctdi_phantom_cm": exposure.phantom_cm,
            "kerma_mGy_cm_per_photon": response.kerma_mGy_cm,
            "kerma_relative_se": response.kerma_relative_se,
            "irradiated_range_mm": list(exposure.range_mm),
            "dose_length_mGy_cm": exposure.dose_length_mGy_cm,
            "histories": histories,
            "device": simulation.device,
            "seed": self.seed,
            "relative_se": self.relative_se,
            "largest_relative_se": simulation.worst.relative_se,
            "seconds": round(simulation.seconds, 1),
            "voxel_mm": list(simulation.patient.voxels.spacing_mm),
            "tables_sha256": _checksums(),
            "fast_law_mGy": beside(run.fast),
            "parts_of_organs": {name: asdict(part) for name, part in simulation.parts.items()},
        }


def _patient_flags(acquisition: Acquisition) -> Iterator[Flag]:
    if acquisition.age_years is None:
        yield flag("age_unknown")
    if acquisition.pregnant:
        effect = (
            "organ doses are those of the mother's organs; for the unborn child there is that of "
            "the uterus region alone"
        )
        yield flag("pregnancy", consequence=effect)


def _objections(scan: Scan, *, own_beam: bool) -> Iterator[str]:
    """Yield why a scan cannot be simulated, the first reason first.

    A beam that was measured on the scanner, and chosen by its name, may be an unusual one.
    """
    series = scan.series
    acquisition = series.acquisition
    if series.not_hu:
        yield "the values of the CT are no Hounsfield units"
    if not scan.organs:
        yield "there is no label map with an organ in the images"
    if acquisition.kvp_kV is None:
        yield "the tube voltage is not known; enter it"
    elif not VOLTAGES_KV[0] <= acquisition.kvp_kV <= VOLTAGES_KV[1]:
        low, high = VOLTAGES_KV
        yield f"the tube voltage is {acquisition.kvp_kV:g} kV, outside {low:g} to {high:g} kV"
    if not own_beam:
        yield from unusual_beams(scan)
    if reason := unusable(scan):
        yield reason


def fast_doses(scan: Scan) -> dict[str, OrganDose]:
    """Return the doses by the fast law where it gives one, by organ."""
    result = FastEngine(load_model()).estimate(scan)
    return {organ.organ: organ for organ in result.organs if organ.dose_mGy is not None}


def _checksums() -> dict[str, str]:
    """Return the SHA-256 of every table, by file name, which reading it has checked."""
    folder = files("CTDoseSegLib.models").joinpath("montecarlo")
    cards = [json.loads(folder.joinpath(card).read_text(encoding="utf-8")) for card in _CARDS]
    return {name: about["sha256"] for card in cards for name, about in card["files"].items()}


def beside(fast: Mapping[str, OrganDose]) -> dict[str, list[float | None]]:
    """Return the fast law's dose of each organ with the ends of its 90 % interval."""
    return {
        name: [organ.dose_mGy, organ.total_low_mGy, organ.total_high_mGy]
        for name, organ in fast.items()
    }
