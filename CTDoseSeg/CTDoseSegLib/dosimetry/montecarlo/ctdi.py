"""CTDI of a beam: the air kerma that its photons give the chambers of a CTDI phantom.

CTDIvol is the 100 mm integral of weighted air kerma (1/3 centre + 2/3 periphery, IEC 60601-2-44) in
a PMMA cylinder 15 cm long. The same integral per simulated photon, c, turns a dose per photon into
a dose: its truncation to 100 mm is in CTDIvol and in c alike and cancels. There is no couch, and a
chamber is what is measured with: a cavity of air in the phantom.

c is linear in the beam's photons. `models/montecarlo/ctdi.npz` holds the integral of one photon by
its distance from the axis and its energy, so that any beam's c is a weighted sum. Around a rotating
tube a ray counts by its distance from the axis alone: where the focus is does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .bowties import CARD, air_kerma_keV_cm2_g
from .tables import table_arrays
from .xray_beam import XRayBeam

PHANTOMS_CM = (16, 32)
LENGTH_MM, CHAMBER_MM = 150.0, 100.0
PMMA_G_CM3 = 1.19
# Axis of a peripheral chamber below the surface.
DEPTH_MM = 10.0
# Pencil chambers hold 3 cm3 over 100 mm.
CHAMBER_RADIUS_MM = 3.1
CENTRE_WEIGHT = 1.0 / 3.0
# keV/g in mGy.
MGY_PER_KEV_G = 1.602176634e-10


@dataclass(frozen=True)
class CTDI:
    """The 100 mm integral of air kerma per photon of a beam, in mGy cm.

    Attributes
    ----------
    centre, periphery
        In the chamber at the centre, and the mean of those 10 mm below the surface.
    centre_se, periphery_se
        Their standard errors, from the number of histories.

    Examples
    --------
    >>> CTDI(3.0, 6.0, 0.01, 0.01).weighted
    5.0
    """

    centre: float
    periphery: float
    centre_se: float
    periphery_se: float

    @property
    def weighted(self) -> float:
        """1/3 centre + 2/3 periphery."""
        return CENTRE_WEIGHT * self.centre + (1.0 - CENTRE_WEIGHT) * self.periphery

    @property
    def weighted_se(self) -> float:
        """Standard error of `weighted`, no less than if both erred alike."""
        return CENTRE_WEIGHT * self.centre_se + (1.0 - CENTRE_WEIGHT) * self.periphery_se

    @property
    def periphery_over_centre(self) -> float:
        """What tells bowtie filters apart."""
        return self.periphery / self.centre


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class CTDIResponse:
    """The 100 mm integral of air kerma of one photon, by its distance from the axis and energy.

    Attributes
    ----------
    phantom_cm
        Diameter.
    offset_edges_mm
        [b + 1], from 0 to the radius.
    energies_keV
        Middles of the energy bins, [e].
    mean_mGy_cm
        [2 (centre, periphery), b, e].
    se_mGy_cm
        Standard errors, [2, b, e].
    """

    phantom_cm: int
    offset_edges_mm: np.ndarray
    energies_keV: np.ndarray
    mean_mGy_cm: np.ndarray
    se_mGy_cm: np.ndarray

    def of(self, beam: XRayBeam) -> CTDI:
        """Return the integrals per photon that the beam emits."""
        weight = self.weights(beam)
        centre, periphery = np.einsum("be,cbe->c", weight, self.mean_mGy_cm)
        errors = np.sqrt(np.einsum("be,cbe->c", weight**2, self.se_mGy_cm**2))
        return CTDI(float(centre), float(periphery), float(errors[0]), float(errors[1]))

    def weights(self, beam: XRayBeam) -> np.ndarray:
        """Return the share of a beam's photons in each cell of the table, [b, e]."""
        photons = beam.probabilities()
        along = _between(np.asarray(beam.energies_keV), self.energies_keV)
        return _overlap(beam, self.offset_edges_mm) @ photons @ along


def ctdi_of(beam: XRayBeam, phantom_cm: int) -> CTDI:
    """Return the CTDI of a beam per photon that it emits, from the table.

    Parameters
    ----------
    beam
        Its collimation is taken as 20 mm at most, as for the CTDIvol that scanners display.
    phantom_cm
        16 or 32.

    Returns
    -------
    CTDI

    Examples
    --------
    >>> from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of
    >>> body = beam_of("generic body", 120)
    >>> ctdi_of(body, 16).weighted > 1.5 * ctdi_of(body, 32).weighted
    True
    """
    return response_of(phantom_cm).of(beam)


def ctdi_weighted_per_history(beam: XRayBeam, phantom_cm: int) -> tuple[float, float]:
    """Return c of a beam and its standard error, in mGy cm per photon that it emits.

    Parameters
    ----------
    beam
        As for `ctdi_of`.
    phantom_cm
        That of the CTDIvol which c is to go with: 16 or 32.
    """
    ctdi = ctdi_of(beam, phantom_cm)
    return ctdi.weighted, ctdi.weighted_se


def ctdi_in_air_per_history(beam: XRayBeam) -> float:
    """Return the integral of air kerma along the axis without a phantom, mGy cm per photon."""
    middle = len(beam.photons) // 2
    central = (
        slice(middle - 1, middle + 1) if len(beam.photons) % 2 == 0 else slice(middle, middle + 1)
    )
    edges = _sine_mm(beam)
    width_cm = (edges[central.stop] - edges[central.start]) / 10.0
    per_cm = beam.probabilities()[central].sum(axis=0) / width_cm
    return float(per_cm @ air_kerma_keV_cm2_g(beam.energies_keV)) * MGY_PER_KEV_G


@lru_cache(maxsize=2)
def response_of(phantom_cm: int) -> CTDIResponse:
    """Return the table of a phantom.

    Raises
    ------
    ModelError
        If the file is missing, or not the one that its card describes.
    ValueError
        If there is no such phantom.
    """
    if phantom_cm not in PHANTOMS_CM:
        raise ValueError(f"CTDI phantoms are 16 or 32 cm wide, not {phantom_cm}.")
    arrays = table_arrays("ctdi.npz", CARD)
    return CTDIResponse(
        phantom_cm,
        arrays[f"offset_edges_mm_{phantom_cm}"],
        arrays["energies_keV"],
        arrays[f"mean_mGy_cm_{phantom_cm}"].astype(float),
        arrays[f"se_mGy_cm_{phantom_cm}"].astype(float),
    )


def _sine_mm(beam: XRayBeam) -> np.ndarray:
    """Return the distance from the axis of the rays at the edges of the fan bins, mm, [f + 1]."""
    tangent = np.asarray(beam.fan_tangent_edges)
    return np.asarray(beam.focus_isocentre_mm * tangent / np.sqrt(1.0 + tangent**2))


def _overlap(beam: XRayBeam, offset_edges_mm: np.ndarray) -> np.ndarray:
    """Return the share of each fan bin that lies in each offset bin, on either side, [b, f].

    Photons per solid angle are photons per mm of offset, as a thin fan's solid angle goes with the
    sine of the fan angle.
    """
    edges = _sine_mm(beam)
    both = np.concatenate((-offset_edges_mm[:0:-1], offset_edges_mm))
    low = np.maximum(both[:-1, None], edges[None, :-1])
    high = np.minimum(both[1:, None], edges[None, 1:])
    share = np.maximum(high - low, 0.0) / np.diff(edges)
    half = len(offset_edges_mm) - 1
    return np.asarray(share[half:] + share[half - 1 :: -1])


def _between(energies_keV: np.ndarray, middles_keV: np.ndarray) -> np.ndarray:
    """Return the weights of linear interpolation between the middles of bins, [e, bin]."""
    place = np.interp(energies_keV, middles_keV, np.arange(len(middles_keV)))
    away = np.abs(place[:, None] - np.arange(len(middles_keV)))
    return np.asarray(np.maximum(0.0, 1.0 - away))
