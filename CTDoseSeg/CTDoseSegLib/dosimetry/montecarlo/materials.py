"""What voxels are made of in the Monte Carlo engine: elements by mass, and a density.

`models/montecarlo/materials.json` holds each composition with its source (ICRP 110 and 143,
ICRU 44, NIST). A voxel has a material of this list and a density of its own, so that the density
here is only that of the reference. Tissue with iodine is the soft tissue with iodine added to
each ml, its volume unchanged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ...errors import CompositionError, ModelError
from .tables import table_bytes

FILE = "materials.json"


@dataclass(frozen=True)
class Material:
    """A substance of voxels.

    Attributes
    ----------
    name
        As in `MATERIALS`, or any other for a material of your own.
    mass_fractions
        Mass fraction of each element by its chemical symbol; their sum is 1.
    density_g_cm3
        Of the reference, in g/cm3.
    iodine_mg_ml
        Iodine of a contrast medium in mg/ml, which `mass_fractions` and density hold.
    source
        Where the composition was read.
    """

    name: str
    mass_fractions: Mapping[str, float] = field(hash=False)
    density_g_cm3: float
    iodine_mg_ml: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        total = math.fsum(self.mass_fractions.values())
        if not all(share >= 0 for share in self.mass_fractions.values()) or abs(total - 1) > 1e-6:
            raise CompositionError(
                f"the mass fractions of {self.name} add up to {total:.6g}; give fractions, none "
                "below zero, that add up to 1"
            )
        if not (math.isfinite(self.density_g_cm3) and self.density_g_cm3 > 0):
            raise CompositionError(
                f"a density of {self.density_g_cm3:g} g/cm3 is impossible for {self.name}; give "
                "one above zero"
            )

    @classmethod
    def of_percent(
        cls, name: str, mass_percent: str, density_g_cm3: float, source: str = ""
    ) -> Material:
        """Return a material from a line such as "H 11.19 O 88.81".

        Published percentages are rounded; they are scaled to add up to 100.

        Parameters
        ----------
        name
            Of the material.
        mass_percent
            Chemical symbols, each followed by its mass percent.
        density_g_cm3
            In g/cm3.
        source
            Where the composition was read.

        Returns
        -------
        Material

        Examples
        --------
        >>> Material.of_percent("oxygen", "O 99.9", 1.1).mass_fractions["O"]
        1.0
        """
        cells = mass_percent.split()
        percent = dict(zip(cells[::2], map(float, cells[1::2]), strict=True))
        total = math.fsum(percent.values())
        fractions = {element: value / total for element, value in percent.items()}
        return cls(name, MappingProxyType(fractions), density_g_cm3, source=source)

    def with_iodine(self, mg_per_ml: float) -> Material:
        """Return the material with iodine added to each ml, its volume unchanged.

        Parameters
        ----------
        mg_per_ml
            Iodine in mg per ml of the material.

        Returns
        -------
        Material
            Its name ends in `_iodine_` and the concentration.

        Examples
        --------
        >>> water = Material.of_percent("water", "H 11.19 O 88.81", 1.0)
        >>> round(water.with_iodine(5).density_g_cm3, 3)
        1.005
        """
        added = mg_per_ml / 1000.0
        density = self.density_g_cm3 + added
        fractions = {e: w * self.density_g_cm3 / density for e, w in self.mass_fractions.items()}
        fractions["I"] = fractions.get("I", 0.0) + added / density
        name = f"{self.name}_iodine_{mg_per_ml:g}"
        return Material(name, MappingProxyType(fractions), density, mg_per_ml, self.source)


def index_of(name: str) -> int:
    """Return the place of a material in `MATERIALS`, which is its number in voxels.

    Parameters
    ----------
    name
        Of the material.

    Returns
    -------
    int

    Raises
    ------
    CompositionError
        If there is no such material.

    Examples
    --------
    >>> MATERIALS[index_of("water")].density_g_cm3
    1.0
    """
    if name not in _INDEX:
        raise CompositionError(
            f"the Monte Carlo engine has no material {name!r}; it has {', '.join(_INDEX)}"
        )
    return _INDEX[name]


def iodine_material(mg_per_ml: float, tissue: str = "soft_tissue") -> Material:
    """Return the tissue whose iodine is nearest to a concentration.

    Parameters
    ----------
    mg_per_ml
        Iodine in mg per ml of tissue.
    tissue
        `soft_tissue`, or `blood`, which stands for vessels and for organs full of blood too:
        without iodine, kerma per gram of blood and liver is 11 % above that of soft tissue (which
        holds fat) at 40 keV and 6 % at 60 keV.

    Returns
    -------
    Material
        Without iodine below half of the least concentration.

    Raises
    ------
    CompositionError
        If the concentration is below zero or no number, or the tissue is another one.

    Examples
    --------
    >>> iodine_material(6.0).name, iodine_material(0.2).name
    ('soft_tissue_iodine_5', 'soft_tissue')
    """
    if not (math.isfinite(mg_per_ml) and mg_per_ml >= 0):
        raise CompositionError(
            f"a concentration of {mg_per_ml:g} mg iodine/ml is impossible; give zero or more"
        )
    if tissue not in _IODINE:
        raise CompositionError(
            f"the Monte Carlo engine has no {tissue!r} with iodine; it has {', '.join(_IODINE)}"
        )
    return min(_IODINE[tissue], key=lambda material: abs(material.iodine_mg_ml - mg_per_ml))


def _read() -> tuple[tuple[Material, ...], dict[str, tuple[Material, ...]]]:
    """Return all materials, and each tissue without iodine and with it."""
    try:
        content = json.loads(table_bytes(FILE))
        listed = [
            Material.of_percent(
                row["name"], row["mass_percent"], row["density_g_cm3"], row["source"]
            )
            for row in content["materials"]
        ]
        by_name = {material.name: material for material in listed}
        enhanced = {
            name: tuple(by_name[name].with_iodine(mg) for mg in content["iodine"]["mg_per_ml"])
            for name in content["iodine"]["tissues"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the Monte Carlo table {FILE} is not of the expected form") from error
    materials = (*listed, *(material for steps in enhanced.values() for material in steps))
    return materials, {name: (by_name[name], *steps) for name, steps in enhanced.items()}


MATERIALS, _IODINE = _read()
_INDEX = {material.name: place for place, material in enumerate(MATERIALS)}
