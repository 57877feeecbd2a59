"""The x-ray beam that a simulation emits: a point focus, a fan with a bowtie, a collimation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class XRayBeam:
    """Photons by fan angle and energy, as they leave the bowtie filter.

    Attributes
    ----------
    name
        Of the scanner and filter, for people.
    voltage_kV
        Peak voltage.
    energies_keV
        [e], increasing, 5 to 150; histories start with one of these.
    fan_tangent_edges
        [f + 1], increasing: edges of the fan bins as tangents of the fan angle, that is distance
        from the central ray at the isocentre over the focus-isocentre distance. The tangent grows
        to the side to which a point at the isocentre moves when the tube angle grows from 0: to
        the patient's left for a tube at 0 degrees.
    photons
        [f, e]: relative numbers of photons per unit solid angle in each fan bin.
    focus_isocentre_mm
        Distance of the focus from the axis of rotation.
    collimation_mm
        Width of the beam along z at the isocentre; uniform within it, no penumbra.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or hold values that no beam has.

    Examples
    --------
    >>> import numpy as np
    >>> beam = XRayBeam(
    ...     "pencil", 100, np.array([50.0, 60.0]), np.array([-0.01, 0.01]), np.array([[1.0, 3.0]]),
    ...     focus_isocentre_mm=600, collimation_mm=10,
    ... )
    >>> print(f"{beam.mean_energy_keV:.1f} keV")
    57.5 keV
    """

    name: str
    voltage_kV: float
    energies_keV: np.ndarray
    fan_tangent_edges: np.ndarray
    photons: np.ndarray
    focus_isocentre_mm: float
    collimation_mm: float

    def __post_init__(self) -> None:
        energies, edges = self.energies_keV, self.fan_tangent_edges
        if energies.ndim != 1 or len(energies) == 0 or np.any(np.diff(energies) <= 0):
            raise ValueError(f"The energies of the beam {self.name} must increase.")
        if not (energies[0] >= 5 and energies[-1] <= 150):
            raise ValueError(
                f"The beam {self.name} has photons of {energies[0]:g} to {energies[-1]:g} keV; the "
                "photon data reach from 5 to 150 keV."
            )
        if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all():
            raise ValueError(f"The beam {self.name} needs at least two finite edges of its fan.")
        if np.any(np.diff(edges) <= 0):
            raise ValueError(f"The fan edges of the beam {self.name} must increase.")
        if self.photons.shape != (len(edges) - 1, len(energies)):
            raise ValueError(
                f"The photons of the beam {self.name} have the shape {self.photons.shape}, not "
                f"{(len(edges) - 1, len(energies))} as its fan bins and energies."
            )
        if not np.isfinite(self.photons).all() or np.any(self.photons < 0):
            raise ValueError(f"The beam {self.name} has numbers of photons that cannot be.")
        if not self.photons.any():
            raise ValueError(f"The beam {self.name} has no photons.")
        for what, length in (
            ("focus-isocentre distance", self.focus_isocentre_mm),
            ("collimation", self.collimation_mm),
        ):
            if not 0 < length < np.inf:
                raise ValueError(f"The {what} of the beam {self.name} is {length} mm.")

    @property
    def half_cone_tangent(self) -> float:
        """Tangent of half the cone angle, along z."""
        return 0.5 * self.collimation_mm / self.focus_isocentre_mm

    def solid_angles_sr(self) -> np.ndarray:
        """Return the solid angle of each fan bin, [f].

        A rectangle of the sides t and s, seen from unit distance in front of one of its corners,
        fills arctan(t s / sqrt(1 + t^2 + s^2)).
        """
        t, s = self.fan_tangent_edges, self.half_cone_tangent
        quarter = np.arctan(t * s / np.sqrt(1.0 + t**2 + s**2))
        solid_angles: np.ndarray = 2.0 * np.diff(quarter)
        return solid_angles

    def probabilities(self) -> np.ndarray:
        """Return the share of all photons in each fan bin and energy, [f, e]; sums to 1."""
        numbers = self.photons * self.solid_angles_sr()[:, None]
        probabilities: np.ndarray = numbers / numbers.sum()
        return probabilities

    @property
    def mean_energy_keV(self) -> float:
        """Mean energy of the photons that the beam emits."""
        return float(self.probabilities().sum(axis=0) @ self.energies_keV)
