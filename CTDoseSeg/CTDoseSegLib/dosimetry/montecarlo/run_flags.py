"""What to know of a whole run: its beam, its end, its map, and the fast law beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...flags import Flag, flag
from ..dose_map import DoseMap
from ..doses import OrganDose
from .beam_choice import filter_phantom_cm
from .simulation import Simulation
from .stopping import histories_to, in_millions

# From here on a voxel's dose is not one to read off the map.
NOISY_VOXELS = 0.15


def run_flags(
    simulation: Simulation, organs: Sequence[OrganDose], *, by_name: bool
) -> Iterator[Flag]:
    """Yield what holds for all organs of a run.

    Parameters
    ----------
    simulation
        The run.
    organs
        Its doses.
    by_name
        True where the user chose the beam.
    """
    run, model = simulation.run, simulation.model
    if model.name.startswith("generic"):
        yield flag("monte_carlo_generic_beam", model.name)
    if by_name:
        yield from other_filter(
            model.name, model.phantom_cm, filter_phantom_cm(run.scan, run.exposure.phantom_cm)
        )
    if not simulation.worst.reached:
        wider = f"the intervals of these organs are wider; {run.ended.value}"
        yield flag("monte_carlo_stopped", simulation.worst.in_words, consequence=wider)
    if simulation.dose_map is not None:
        yield from noisy_map(simulation.dose_map, simulation.worst.relative_se)
    yield from beside_fast(organs, run.fast)


def beside_fast(organs: Sequence[OrganDose], fast: Mapping[str, OrganDose]) -> Iterator[Flag]:
    """Yield how the simulated doses lie beside the fast law's, where both give any."""
    beside = ((one.dose_mGy, fast[one.organ].dose_mGy) for one in organs if one.organ in fast)
    ratios = np.array([own / law for own, law in beside if own and law])
    if not ratios.size:
        return
    low, middle, high = np.percentile(ratios, (0, 50, 100))
    spread = f"{low:.2g} to {high:.2g} times those, median {middle:.2g}"
    yield flag("monte_carlo_beside_fast", f"{spread}, in {len(ratios)} organs")


def noisy_map(dose_map: DoseMap, relative_se: float) -> Iterator[Flag]:
    """Yield that single voxels of a map are noise, and what it takes until they are not.

    Parameters
    ----------
    dose_map
        With its standard deviations.
    relative_se
        That the run reached in the organ that is least certain; both fall with photons alike.
    """
    dose = dose_map.dose_mGy
    there = dose > 0
    if not there.any():
        return
    middle = float(np.median(dose_map.statistical_sd_mGy[there] / dose[there]))
    if not middle > NOISY_VOXELS:
        return
    photons = in_millions(histories_to(NOISY_VOXELS, middle, dose_map.histories))
    only = (
        "the map shows means of organs only; for voxels ask for "
        f"{photons} photons, which bring half of them to {NOISY_VOXELS:.0%}"
    )
    if 0 < relative_se < np.inf:
        needed = 100 * relative_se * NOISY_VOXELS / middle
        only += f", or a relative standard error of {needed:.1g} %"
    detail = f"{middle:.0%} standard deviation in half of the voxels or more"
    yield flag("monte_carlo_noisy_map", detail, consequence=only)


def other_filter(name: str, phantom_cm: int, usual_cm: int) -> Iterator[Flag]:
    """Yield that the beam has the filter for another part of the body than was scanned.

    Parameters
    ----------
    name
        Of the beam.
    phantom_cm, usual_cm
        CTDI phantom that goes with its filter, and with that of such a scan: 16 for heads, 32 for
        bodies.
    """
    if phantom_cm == usual_cm:
        return
    part = {16: "heads", 32: "bodies"}
    detail = f"{name} has the filter for {part[phantom_cm]}, and such a scan that for"
    yield flag("monte_carlo_other_filter", f"{detail} {part[usual_cm]}")
