"""How photons of 5 to 150 keV interact with the materials of the Monte Carlo engine.

`models/montecarlo/photons.npz` holds the elements (xraylib's cross sections, form factors and
scattering functions); materials are mixtures of them by mass. The kerma coefficient is

    mu_tr/rho = photoelectric (1 - k E_K / E) + Compton <T> / E

where k is the mean number of K photons for each photoelectric event, E_K their mean energy, and
<T> the mean energy that Compton scattering (Klein and Nishina's cross section times the
scattering function) hands to electrons. Only elements from Z = 50 on (iodine) give K photons:
28 keV go 2.4 cm in tissue. L lines of iodine (4 keV, 0.1 mm) and all lines of lighter elements
stay where they are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...errors import CompositionError
from .materials import MATERIALS, Material
from .tables import table_arrays

FILE = "photons.npz"


@dataclass(frozen=True, eq=False)
class Photons:
    """What the transport of photons needs of its materials.

    Arrays over materials are [m, e] or [m, x] in the order of `names`. Between the energies they
    are linear. The step of a K edge lies between the two energies that enclose it.

    Attributes
    ----------
    names
        Of the materials.
    energies_keV
        [e]: 5 to 150 keV in steps of 0.5 keV.
    photoelectric, rayleigh, compton
        Attenuation by process, [m, e] in cm2/g.
    transfer
        mu_tr/rho, [m, e] in cm2/g, without the energy of K photons from Z = 50 on.
    x_per_angstrom
        [x]: sin(angle / 2) over the wavelength, 0 to 13 per angstrom.
    scattering_function
        S(x), [m, x], per gram times Avogadro's number.
    form_factor
        The integral of F(x)^2 over x^2 from 0 to x, [m, x], of any unit.
    k_edge_keV
        Below this energy no K photon is made.
    k_line_keV, k_line_share
        Four lines and how the K photons share them, [4].
    k_emission
        Mean number of K photons for each photoelectric event, [m, e].
    """

    names: tuple[str, ...]
    energies_keV: np.ndarray
    photoelectric: np.ndarray
    rayleigh: np.ndarray
    compton: np.ndarray
    transfer: np.ndarray
    x_per_angstrom: np.ndarray
    scattering_function: np.ndarray
    form_factor: np.ndarray
    k_edge_keV: float
    k_line_keV: np.ndarray
    k_line_share: np.ndarray
    k_emission: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """mu/rho of all processes, [m, e] in cm2/g."""
        return self.photoelectric + self.rayleigh + self.compton


def photons_of(materials: Sequence[Material] = MATERIALS) -> Photons:
    """Return the photon data of materials.

    Parameters
    ----------
    materials
        The place of each is its number.

    Returns
    -------
    Photons
        Its arrays cannot be written to: they are shared by all who ask for the same materials.

    Raises
    ------
    CompositionError
        If the table lacks an element.
    ModelError
        If the table is not the one that was shipped.

    Examples
    --------
    >>> from CTDoseSegLib.dosimetry.montecarlo.materials import index_of
    >>> photons = photons_of()
    >>> at_60_keV = int(np.searchsorted(photons.energies_keV, 60))
    >>> round(float(photons.total[index_of("water"), at_60_keV]), 3)
    0.206
    """
    names = tuple(material.name for material in materials)
    compositions = tuple(tuple(material.mass_fractions.items()) for material in materials)
    return _mixed(names, compositions)


def mass_attenuation(material: Material, energies_keV: np.ndarray) -> np.ndarray:
    """Return mu/rho of a material, coherent scattering included.

    Parameters
    ----------
    material
        Of any composition.
    energies_keV
        5 to 150 keV, of any shape.

    Returns
    -------
    ndarray
        In cm2/g.

    Examples
    --------
    >>> from CTDoseSegLib.dosimetry.montecarlo.materials import index_of
    >>> water = MATERIALS[index_of("water")]
    >>> round(float(mass_attenuation(water, np.array(60.0))), 3)
    0.206
    """
    photons = photons_of((material,))
    return np.interp(energies_keV, photons.energies_keV, photons.total[0])


def mass_energy_transfer(material: Material, energies_keV: np.ndarray) -> np.ndarray:
    """Return mu_tr/rho of a material, without the energy of K photons from Z = 50 on.

    Parameters
    ----------
    material
        Of any composition.
    energies_keV
        5 to 150 keV, of any shape.

    Returns
    -------
    ndarray
        In cm2/g.

    Examples
    --------
    >>> from CTDoseSegLib.dosimetry.montecarlo.materials import index_of
    >>> water = MATERIALS[index_of("water")]
    >>> round(float(mass_energy_transfer(water, np.array(60.0))), 4)
    0.0319
    """
    photons = photons_of((material,))
    return np.interp(energies_keV, photons.energies_keV, photons.transfer[0])


@lru_cache(maxsize=32)
def _mixed(
    names: tuple[str, ...], compositions: tuple[tuple[tuple[str, float], ...], ...]
) -> Photons:
    tables = _elements()
    symbols = [str(element) for element in tables["elements"]]
    mass = np.zeros((len(names), len(symbols)))
    for row, (name, composition) in enumerate(zip(names, compositions, strict=True)):
        for element, share in composition:
            if element not in symbols:
                raise CompositionError(
                    f"{name} holds {element}, which the Monte Carlo tables lack; they have "
                    f"{', '.join(symbols)}"
                )
            mass[row, symbols.index(element)] += share
    heavy = int(np.flatnonzero(tables["k_emission"].any(axis=1))[0])
    lines_keV, shares = tables["k_line_keV"][heavy], tables["k_line_share"][heavy]
    energies = tables["energies_keV"]
    k_photons = mass @ (tables["photoelectric"] * tables["k_emission"])
    photoelectric = mass @ tables["photoelectric"]
    lost = k_photons * (lines_keV @ shares) / energies
    moles = mass / tables["atomic_weight"]
    x_squared = tables["x_per_angstrom"] ** 2
    f_squared = moles @ tables["form_factor"] ** 2
    steps = 0.5 * (f_squared[:, 1:] + f_squared[:, :-1]) * np.diff(x_squared)
    mixed = Photons(
        names=names,
        energies_keV=energies,
        photoelectric=photoelectric,
        rayleigh=mass @ tables["rayleigh"],
        compton=mass @ tables["compton"],
        transfer=photoelectric - lost + mass @ tables["compton_transfer"],
        x_per_angstrom=tables["x_per_angstrom"],
        scattering_function=moles @ tables["scattering_function"],
        form_factor=np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0))),
        k_edge_keV=float(tables["k_edge_keV"][heavy]),
        k_line_keV=lines_keV,
        k_line_share=shares,
        k_emission=k_photons / photoelectric,
    )
    for value in vars(mixed).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return mixed


@lru_cache(maxsize=1)
def _elements() -> dict[str, np.ndarray]:
    """Return the arrays of the elements, numbers as float64."""
    return {
        name: array.astype(float) if array.dtype == np.float32 else array
        for name, array in table_arrays(FILE).items()
    }
