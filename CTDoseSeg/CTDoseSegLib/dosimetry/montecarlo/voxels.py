"""What photons pass through, and what is scored in it.

Coordinates of a simulation are millimetres: x grows to the patient's left, y to posterior, z to
superior, and z is the RAS superior coordinate of the CT. Arrays are [k, j, i], i along x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Voxels:
    """Materials, densities and regions on a grid; outside it is vacuum.

    Attributes
    ----------
    material
        uint8 [k, j, i]: index into the materials of the photon data.
    density_g_cm3
        float32 [k, j, i].
    region
        uint16 [k, j, i]: exclusive regions, which scores gather; what is in region 0 is scored
        nowhere.
    spacing_mm
        (x, y, z) of a voxel.
    corner_mm
        (x, y, z) of the outer corner of voxel [0, 0, 0].
    isocentre_mm
        (x, y) of the axis of rotation.

    Raises
    ------
    ValueError
        If the arrays differ in shape, have another type, or hold an impossible density: a mistake
        in the program.

    Examples
    --------
    >>> import numpy as np
    >>> cube = np.zeros((10, 20, 30))
    >>> voxels = Voxels(
    ...     cube.astype(np.uint8), cube.astype(np.float32) + 1, cube.astype(np.uint16),
    ...     spacing_mm=(1, 1, 2), corner_mm=(-15, -10, 0), isocentre_mm=(0, 0),
    ... )
    >>> voxels.size_mm, round(float(voxels.voxel_mass_g().sum()), 3)
    ((30.0, 20.0, 20.0), 12.0)
    """

    material: np.ndarray
    density_g_cm3: np.ndarray
    region: np.ndarray
    spacing_mm: tuple[float, float, float]
    corner_mm: tuple[float, float, float]
    isocentre_mm: tuple[float, float]

    def __post_init__(self) -> None:
        arrays = (
            ("material", self.material, np.uint8),
            ("density", self.density_g_cm3, np.float32),
            ("region", self.region, np.uint16),
        )
        for name, array, kind in arrays:
            if array.ndim != 3 or array.dtype != kind or array.size == 0:
                raise ValueError(
                    f"The {name} of voxels must be a three-dimensional {np.dtype(kind)} array that "
                    f"is not empty, not {array.dtype} {array.shape}."
                )
            if array.shape != self.material.shape:
                raise ValueError(
                    f"The material of voxels has the shape {self.material.shape} and their {name} "
                    f"{array.shape}; they must be equal."
                )
        if not (np.isfinite(self.density_g_cm3).all() and (self.density_g_cm3 >= 0).all()):
            raise ValueError("Densities of voxels must be finite and not negative.")
        if len(self.spacing_mm) != 3 or not all(0 < s < np.inf for s in self.spacing_mm):
            raise ValueError(f"Voxels have a spacing of {self.spacing_mm} mm; it must be positive.")
        places = (*self.corner_mm, *self.isocentre_mm)
        if len(places) != 5 or not np.isfinite(places).all():
            raise ValueError(
                f"Voxels need a corner (x, y, z) and an isocentre (x, y) in mm, not "
                f"{self.corner_mm} and {self.isocentre_mm}."
            )

    @property
    def size_mm(self) -> tuple[float, float, float]:
        """(x, y, z) of the whole grid."""
        k, j, i = self.material.shape
        x, y, z = self.spacing_mm
        return float(i * x), float(j * y), float(k * z)

    def voxel_mass_g(self) -> np.ndarray:
        """Return the mass of each voxel, float32 [k, j, i]."""
        mass_g: np.ndarray = self.density_g_cm3 * np.float32(np.prod(self.spacing_mm) / 1000.0)
        return mass_g

    def region_mass_g(self) -> np.ndarray:
        """Return the mass of each region, from 0 to the highest one, [region]."""
        return np.bincount(self.region.ravel(), weights=self.voxel_mass_g().ravel())


@dataclass(frozen=True)
class Scores:
    """Groups of regions whose energy is summed history by history.

    Attributes
    ----------
    names
        One for each score, all different.
    members
        For each score its region numbers (1 or higher); a region may be in several scores.

    Raises
    ------
    ValueError
        If names and members do not fit together, or a region is 0 or stands twice in a score.

    Examples
    --------
    >>> scores = Scores(("left", "right", "lung"), ((1,), (2,), (1, 2)))
    >>> scores.index_of("lung")
    2
    """

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.members) or len(set(self.names)) != len(self.names):
            raise ValueError(
                f"Scores need one name each, all different: {len(self.names)} names "
                f"({len(set(self.names))} different) for {len(self.members)} groups."
            )
        for name, regions in zip(self.names, self.members, strict=True):
            if len(set(regions)) != len(regions) or any(not 0 < r < 1 << 16 for r in regions):
                raise ValueError(
                    f"The score {name} gathers the regions {regions}; each must be between 1 and "
                    f"65535 and stand there once."
                )

    def __len__(self) -> int:
        return len(self.names)

    def index_of(self, name: str) -> int:
        """Return the position of a score; ValueError if there is none of that name."""
        return self.names.index(name)

    def of_regions(self, per_region: np.ndarray) -> np.ndarray:
        """Return the sums over each score's regions, [score], of a value per region, [region]."""
        values = np.asarray(per_region, dtype=float)
        return np.array(
            [values[[r for r in regions if r < len(values)]].sum() for regions in self.members]
        )
