"""The surface of a simulated body, and the dose to the skin on it.

An element of the surface is a voxel of the body with a face to the air around it, as wide as its
faces are. Its dose is that of soft tissue in the voxel's fluence (tally `SOFT_TISSUE`), which does
not depend on how much of the voxel is air: both the energy that is scored and the mass go with its
density, and tentative collisions are as many in air as in tissue. Bone below thin skin does not
count either.

The voxels of the surface reach some millimetres deep, and the skin's basal layer lies at 0.07 mm
(ICRP 118: 0.05 to 0.1 mm). The dose at the surface itself follows from that of the first two layers
of voxels, as dose falls exponentially with the mass in front of it. One factor holds for all of the
irradiated skin, for which these doses are precise. Electrons that a CT sets free come to rest
within about 0.1 mm, so that kerma is dose there.

What soft tissue gets becomes what skin gets (ICRU 44) by both coefficients of energy transfer,
averaged over the beam's photons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..peak_skin_dose import SkinDose
from .maps import LEAST_DENSITY_G_CM3, ras_affine
from .materials import index_of
from .patient import Patient
from .photons import photons_of
from .tally import SOFT_TISSUE, Tally
from .voxels import Voxels
from .xray_beam import XRayBeam

# Of the brightest slab; where the skin gets less it tells nothing of how dose falls with depth.
_IN_BEAM = 0.5
# No CT beam falls by more from the surface to the middle of a voxel.
_MOST_FALL = 1.25


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class SkinSurface:
    """The surface of a body on the voxels of a simulation.

    Attributes
    ----------
    voxel
        Of each element, position in the flat grid, [n].
    area_mm2
        Of each element, [n].
    below
        Voxels of the body that touch the elements from inside, positions in the flat grid.
    depth_share
        Mass in front of the middle of the first layer, over that between the middles of both.
    place_mm
        Middles of the elements, RAS, [n, 3].
    """

    voxel: np.ndarray
    area_mm2: np.ndarray
    below: np.ndarray
    depth_share: float
    place_mm: np.ndarray

    @classmethod
    def of(cls, voxels: Voxels, body: np.ndarray, completed: np.ndarray) -> SkinSurface:
        """Return the surface of a body, without what was added to the images.

        Parameters
        ----------
        voxels
            That are simulated.
        body
            Boolean [k, j, i].
        completed
            Boolean [k, j, i]: anatomy that the images do not show; where that begins is no skin.

        Examples
        --------
        A cube of 4 x 4 x 4 voxels of 5 mm has 56 at its surface, which is 150 cm2 less some at the
        edges, where a voxel counts by the diagonal of its faces:

        >>> import numpy as np
        >>> body = np.zeros((6, 6, 6), bool)
        >>> body[1:5, 1:5, 1:5] = True
        >>> of = (body.astype(np.uint8), body.astype(np.float32), body.astype(np.uint16))
        >>> voxels = Voxels(*of, (5, 5, 5), (-15, -15, 0), (0, 0))
        >>> surface = SkinSurface.of(voxels, body, np.zeros_like(body))
        >>> len(surface.voxel), round(surface.area_mm2.sum() / 100)
        (56, 18)
        """
        inside = body & ~completed & (voxels.density_g_cm3 >= LEAST_DENSITY_G_CM3)
        air = _air_around(body | completed)
        x, y, z = voxels.spacing_mm
        squares = np.zeros(body.shape, np.float32)
        for axis, face_mm2 in enumerate((x * y, x * z, y * z)):
            squares += (face_mm2 * _faces(air, axis)) ** 2
        surface = inside & (squares > 0)
        second = inside & ~surface & _beside(surface)
        outer = air & _beside(surface)
        density = voxels.density_g_cm3
        first, below, before = (
            float(density[part].mean()) if part.any() else 0.0 for part in (surface, second, outer)
        )
        between = (first + below) / 2
        k, j, i = np.nonzero(surface)
        affine = ras_affine(voxels)
        return cls(
            voxel=np.flatnonzero(surface),
            area_mm2=np.sqrt(squares[surface].astype(float)),
            below=np.flatnonzero(second),
            depth_share=(before + first / 2) / between if between > 0 else 0.0,
            place_mm=np.stack((i, j, k), axis=1) @ affine[:3, :3].T + affine[:3, 3],
        )


def skin_of(patient: Patient) -> SkinSurface:
    """Return the surface of a patient that is simulated."""
    return SkinSurface.of(patient.voxels, patient.body, patient.completed)


def skin_dose_of(
    tally: Tally, voxels: Voxels, surface: SkinSurface, beam: XRayBeam, mGy_g_per_keV: float
) -> SkinDose:
    """Return the dose to the skin by a run.

    Parameters
    ----------
    tally
        With its map.
    voxels
        That were simulated.
    surface
        Of the body in them.
    beam
        Whose photons weigh the coefficients of skin and soft tissue.
    mGy_g_per_keV
        Dose to 1 g for 1 keV per emitted photon, mGy.

    Raises
    ------
    ValueError
        If the tally has no map.
    """
    energy = tally.map_of(SOFT_TISSUE)
    batches = energy.reshape(len(energy), -1)
    mass_g = voxels.voxel_mass_g().ravel()
    dose, below = (
        batches[:, part] * (np.float32(mGy_g_per_keV) / mass_g[part])
        for part in (surface.voxel, surface.below)
    )
    fall = _fall(dose.mean(axis=0), below.mean(axis=0), surface, voxels.material[0].size)
    factor = fall**surface.depth_share * skin_over_soft_tissue(beam)
    return SkinDose(
        place_mm=surface.place_mm,
        area_mm2=surface.area_mm2,
        dose_mGy=(dose * np.float32(factor)).astype(np.float32),
        histories=tally.total_histories,
    )


def skin_over_soft_tissue(beam: XRayBeam) -> float:
    """Return the dose to skin over that to soft tissue in the fluence of a beam.

    Examples
    --------
    >>> from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of
    >>> round(skin_over_soft_tissue(beam_of("generic head", 80)), 2)
    1.01
    """
    photons = photons_of()
    skin, soft = (
        np.interp(beam.energies_keV, photons.energies_keV, photons.transfer[index_of(name)])
        for name in ("skin", "soft_tissue")
    )
    energy = beam.probabilities().sum(axis=0) * beam.energies_keV
    return float(energy @ skin / (energy @ soft))


def _fall(
    first_mGy: np.ndarray, second_mGy: np.ndarray, surface: SkinSurface, of_slab: int
) -> float:
    """Return the dose of the first layer over that of the second, where the beam hits them."""
    slabs = [part // of_slab for part in (surface.voxel, surface.below)]
    count = 1 + max((int(slab.max()) for slab in slabs if slab.size), default=0)
    numbers = [np.bincount(slab, minlength=count) for slab in slabs]
    sums = [
        np.bincount(slab, dose, count)
        for slab, dose in zip(slabs, (first_mGy, second_mGy), strict=True)
    ]
    both = (numbers[0] > 0) & (numbers[1] > 0)
    if not both.any():
        return 1.0
    outer, inner = (
        np.divide(total, number, out=np.zeros(count), where=number > 0)
        for total, number in zip(sums, numbers, strict=True)
    )
    used = both & (outer >= _IN_BEAM * outer[both].max())
    weight = numbers[0][used]
    fall = float(outer[used] @ weight / max(inner[used] @ weight, 1e-30))
    return fall if 1.0 / _MOST_FALL <= fall <= _MOST_FALL and math.isfinite(fall) else 1.0


def _air_around(solid: np.ndarray) -> np.ndarray:
    """Return what is not solid and, within its slab, goes on to a side of the grid, [k, j, i]."""
    from scipy import ndimage

    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    regions, count = ndimage.label(~solid, structure=in_plane)
    open_ones = np.zeros(count + 1, bool)
    for side in (regions[:, [0, -1]], regions[:, :, [0, -1]]):
        open_ones[side] = True
    open_ones[0] = False
    return np.asarray(open_ones[regions])


def _faces(air: np.ndarray, axis: int) -> np.ndarray:
    """Return how many of the two faces of each voxel across an axis meet air, float32."""
    faces = np.zeros(air.shape, np.float32)
    to, of = np.moveaxis(faces, axis, 0), np.moveaxis(air, axis, 0)
    to[1:] += of[:-1]
    to[:-1] += of[1:]
    return faces


def _beside(where: np.ndarray) -> np.ndarray:
    """Return the voxels with a neighbour, by a face, that is `where`."""
    return np.asarray(sum(_faces(where, axis) for axis in range(3)) > 0)
