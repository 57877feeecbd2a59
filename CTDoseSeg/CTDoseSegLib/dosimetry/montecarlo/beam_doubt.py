"""What a beam unlike the simulated one would do to organ doses, from one short run.

The run is stored by fan bin and photon energy: the dose by any other beam of the same scanner
geometry is another weighted sum of the same histories, so that their noise cancels in the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .ctdi import ctdi_weighted_per_history
from .tally import Tally
from .xray_beam import XRayBeam

# Enough bins for spectra and filters, which are smooth, and few enough for the memory.
_FAN_BINS, _ENERGY_BINS = 25, 24


def coarse(beam: XRayBeam, energy_edges_keV: np.ndarray, fan_edges: np.ndarray) -> XRayBeam:
    """Return a beam with few fan bins and energies, the same for all that are to be compared.

    Parameters
    ----------
    beam
        As it is simulated.
    energy_edges_keV
        Edges of the energy bins, [e + 1]; their middles become the energies.
    fan_edges
        Edges of the fan bins, as tangents, [f + 1].
    """
    middles = (beam.fan_tangent_edges[1:] + beam.fan_tangent_edges[:-1]) / 2
    fan = np.clip(np.digitize(middles, fan_edges) - 1, 0, len(fan_edges) - 2)
    energy = np.clip(
        np.digitize(beam.energies_keV, energy_edges_keV) - 1, 0, len(energy_edges_keV) - 2
    )
    numbers = np.zeros((len(fan_edges) - 1, len(energy_edges_keV) - 1))
    np.add.at(numbers, np.ix_(fan, energy), beam.probabilities())
    few = replace(
        beam,
        energies_keV=(energy_edges_keV[1:] + energy_edges_keV[:-1]) / 2,
        fan_tangent_edges=fan_edges,
        photons=np.ones_like(numbers),
    )
    return replace(few, photons=numbers / few.solid_angles_sr()[:, None])


def compared(beams: Sequence[XRayBeam]) -> list[XRayBeam]:
    """Return beams with the same few fan bins and energies, in their order."""
    top = max(float(beam.energies_keV[-1]) for beam in beams)
    low = min(float(beam.energies_keV[0]) for beam in beams)
    energies = np.linspace(max(low - 0.25, 5.0), min(top + 0.25, 150.0), _ENERGY_BINS + 1)
    fan = beams[0].fan_tangent_edges
    edges = np.linspace(float(fan[0]), float(fan[-1]), _FAN_BINS + 1)
    return [coarse(beam, energies, edges) for beam in beams]


def beam_components(
    tally: Tally, along: np.ndarray, beams: Sequence[XRayBeam], phantom_cm: int
) -> np.ndarray:
    """Return the uncertainty component of the beam for every score, the SD of ln(dose), [score].

    Parameters
    ----------
    tally
        Of a run with the first beam, stored by fan bin and energy: [z, a, f, e].
    along
        Relative number of photons by z and angle, [z, a].
    beams
        What was simulated, then those with a lower and a higher half-value layer, then others that
        the scanner might have as well; of one fan and the same energies (`compared`).
    phantom_cm
        CTDI phantom of the CTDIvol that is displayed.

    Returns
    -------
    numpy.ndarray
        Half the change from the lower to the higher half-value layer, which are a standard
        deviation away, and the scatter of the others about the first, in quadrature. 0 where no
        photon arrived.
    """
    doses = []
    for beam in beams:
        weights = along[:, :, None, None] * beam.probabilities()
        mean, _ = tally.mean_energy_keV(weights=weights)
        kerma, _ = ctdi_weighted_per_history(beam, phantom_cm)
        doses.append(mean / kerma)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(np.array(doses) / doses[0])
    variance = ((change[2] - change[1]) / 2) ** 2
    if len(beams) > 3:
        variance = variance + np.mean(change[3:] ** 2, axis=0)
    return np.nan_to_num(np.sqrt(variance), nan=0.0, posinf=0.0)
