"""Bodies out of real anatomy: patients of the development data, warped.

A patient's anatomy (`warped_anatomy`) is deformed smoothly, grown along each axis, given more or
less fat under the skin, and rendered: HU follow from tissue, voltage and contrast phase, so that
the truth is exact although the label maps are not. For developers: none of it is shipped, and
patients who are kept out of training are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from warped_anatomy import MATERIALS, Anatomy
from warped_fat import with_fat

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.contrast import iodine_of_body
from CTDoseSegLib.phantom.render import NOISE_SIGMA_PIXELS, PhantomTruth, noise_gain
from CTDoseSegLib.phantom.tissues import tissue
from CTDoseSegLib.segmentation.atoms import groups_of

LEAST_JACOBIAN = 0.3
CONTROL_MM = 80.0  # distance of the deformation's control points


@dataclass(frozen=True)
class WarpedBody:
    """A body that nobody has.

    Attributes
    ----------
    materials
        uint8 [k, j, i], values of `MATERIALS`, `parts` x `parts` of them a pixel.
    spacing_mm
        Of slices, rows and columns of pixels.
    parts
        Odd, so that one of them is at the pixel's centre.
    least_jacobian
        Smallest local volume of the patient per volume of the body, growth aside.
    """

    materials: np.ndarray
    spacing_mm: tuple[float, float, float]
    parts: int
    least_jacobian: float


class _Warp:
    """Where in the patient each point of the body comes from; both in mm from their centres.

    A cubic B-spline of random control points moves the points.
    """

    def __init__(self, seed: int, size: np.ndarray, half_mm: np.ndarray, warp_mm: float) -> None:
        self.size, self.half_mm = size, half_mm
        counts = np.ceil(2 * half_mm / CONTROL_MM).astype(int) + 4
        self.control = np.random.default_rng([seed, 3]).standard_normal((3, *counts))
        lattice = [np.linspace(-h, h, max(3, int(2 * h / 5) + 1)) for h in half_mm]
        largest = np.sqrt((self.moved(*lattice) ** 2).sum(axis=0)).max()
        self.control *= warp_mm / largest
        while (least := self._least_jacobian(lattice)) <= LEAST_JACOBIAN:
            self.control *= 0.9
        self.least_jacobian = least

    def moved(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the displacement on a grid [3, z, y, x]; along z there is none at its ends."""
        weights = [
            _spline(points / CONTROL_MM + (n - 1) / 2, n)
            for points, n in zip((z, y, x), self.control.shape[1:], strict=True)
        ]
        moved = np.einsum("cpqr,zp,yq,xr->czyx", self.control, *weights, optimize=True)
        moved[0] *= (1 - (z / self.half_mm[0]) ** 2)[:, None, None]
        return moved

    def source(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the points of the patient [3, z, y, x] for a grid of the body."""
        return np.stack(np.meshgrid(z, y, x, indexing="ij")) / _column(self.size) + self.moved(
            z, y, x
        )

    def _least_jacobian(self, lattice: list[np.ndarray]) -> float:
        steps = [axis[1] - axis[0] for axis in lattice]
        rows = [np.gradient(component, *steps) for component in self.source(*lattice)]
        jacobian = np.linalg.det(np.moveaxis(np.array(rows), (0, 1), (-2, -1)))
        return float(jacobian.min() * self.size.prod())


def _column(three: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.asarray(three)[:, None, None, None]


def _spline(at: np.ndarray, controls: int) -> np.ndarray:
    """Return the weights of a uniform cubic B-spline's control points [point, control]."""
    away = np.abs(at[:, None] - np.arange(controls))
    near, far = 2 / 3 - away**2 + away**3 / 2, np.clip(2 - away, 0, None) ** 3 / 6
    return np.where(away < 1, near, far)


def warped(
    anatomy: Anatomy,
    *,
    seed: int,
    size: tuple[float, float, float] = (1.0, 1.0, 1.0),
    warp_mm: float = 12.0,
    fat_mm: float = 0.0,
    pixel_mm: float = 1.5,
    parts: int = 3,
) -> WarpedBody:
    """Return a body made of a patient's anatomy.

    Parameters
    ----------
    anatomy
        Of `read_anatomy`.
    seed
        Of the deformation.
    size
        Growth from left to right, front to back and foot to head; above zero.
    warp_mm
        Largest displacement; less where space would shrink below 0.3 of itself.
    fat_mm
        Thickness added to the fat under the skin, in the slice; below zero: taken off, as far as
        there is fat.
    pixel_mm, parts
        Of the image to be made of it, and samples of a pixel along each side (odd).
    """
    if min(size) <= 0 or warp_mm < 0 or pixel_mm <= 0 or parts < 1 or parts % 2 == 0:
        raise InputError("Growth and pixel must be above zero, displacement not below, parts odd.")
    growth = np.array(size[::-1])
    spacing = np.array(anatomy.spacing_mm)
    (box,) = ndimage.find_objects((anatomy.materials > 0).astype(np.uint8))
    source = np.pad(anatomy.materials[:, box[1], box[2]], ((0, 0), (1, 1), (1, 1)))
    half = np.array(source.shape) * spacing / 2 * growth
    slices = max(1, round(len(source) * growth[0]))
    margin = np.array([0, 1, 1]) * (warp_mm * growth + max(fat_mm, 0.0) + 10.0)
    pixels = np.ceil(2 * (half + margin)[1:] / pixel_mm).astype(int)
    warp = _Warp(seed, growth, half + margin, warp_mm)
    fine = pixel_mm / parts
    z = (np.arange(slices) + 0.5) / slices * 2 * half[0] - half[0]
    y, x = ((np.arange(n * parts) - (n * parts - 1) / 2) * fine for n in pixels)
    made = np.empty((slices, y.size, x.size), np.uint8)
    for k in range(slices):
        index = warp.source(z[k : k + 1], y, x) / _column(spacing)
        index += (_column(source.shape) - 1) / 2
        made[k] = with_fat(_most_of(source, index[:, 0]), fat_mm, fine)
    return WarpedBody(made, (2 * half[0] / slices, pixel_mm, pixel_mm), parts, warp.least_jacobian)


def _most_of(source: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return at each index [3, ...] the material with most weight among its eight neighbours."""
    padded = np.pad(source, ((0, 1),) * 3, mode="edge")
    strides = (padded.shape[1] * padded.shape[2], padded.shape[2], 1)
    at = [np.clip(part, 0, n - 1) for part, n in zip(index, source.shape, strict=True)]
    low = [part.astype(np.int32) for part in at]
    first = sum(part * stride for part, stride in zip(low, strides, strict=True))
    corners = [sum(np.multiply(strides, corner)) for corner in np.ndindex(2, 2, 2)]
    values = np.array([padded.ravel().take(first + corner) for corner in corners])
    made = values[0].copy()
    mixed = (values != made).any(axis=0)
    up = [(part - floor)[mixed] for part, floor in zip(at, low, strict=True)]
    weights = [
        np.prod([u if c else 1 - u for u, c in zip(up, corner, strict=True)], axis=0)
        for corner in np.ndindex(2, 2, 2)
    ]
    values = values[:, mixed]
    materials = np.unique(values)
    shares = [np.where(values == material, weights, 0).sum(axis=0) for material in materials]
    if shares:
        made[mixed] = materials[np.argmax(shares, axis=0)]
    return made


def rendered(
    body: WarpedBody,
    *,
    seed: int,
    kvp: float = 120.0,
    phase: str = "portal",
    lung_g_ml: float = 0.26,
    noise_hu: float = 20.0,
    psf_fwhm_mm: float = 1.0,
) -> tuple[CTSeries, PhantomTruth]:
    """Return the CT of a body without exposure, as if it had been read, and its exact truth.

    Parameters
    ----------
    body
        Of `warped`.
    seed
        Of iodine and noise.
    kvp, phase
        Tube voltage, and contrast phase as in `contrast.PHASES`.
    lung_g_ml
        Density of the lungs.
    noise_hu, psf_fwhm_mm
        As in `phantom.Phantom`.
    """
    iodine = iodine_of_body(phase, np.random.default_rng([seed, 4]))
    hu = np.full(256, tissue("air").hu(kvp))
    atoms = np.zeros(256, np.uint8)
    names: dict[str, int] = {}
    for value, (atom, of, vessel) in MATERIALS.items():
        density = lung_g_ml if of == "lung" else None
        hu[value] = tissue(of).hu(kvp, iodine.get(vessel, 0.0), density)
        atoms[value] = names.setdefault(atom, len(names) + 1)
    n, (slices, rows, columns) = body.parts, body.materials.shape
    rows, columns = rows // n, columns // n
    image = np.empty((slices, rows, columns), np.int16)
    wed, area = np.zeros(slices), np.zeros(slices)
    pixel_mm2 = body.spacing_mm[1] * body.spacing_mm[2] / n**2
    for k, plane in enumerate(body.materials):
        mean = hu[plane].reshape(rows, n, columns, n).mean(axis=(1, 3))
        blurred = ndimage.gaussian_filter(mean, psf_fwhm_mm / 2.3548 / body.spacing_mm[1])
        noise = np.random.default_rng([seed, 2, k]).standard_normal(mean.shape)
        noise = ndimage.gaussian_filter(noise, NOISE_SIGMA_PIXELS) / noise_gain()
        image[k] = np.rint(blurred + noise_hu * noise)
        inside = np.bincount(plane.ravel(), minlength=256) * (atoms > 0) * pixel_mm2
        area[k] = inside.sum()
        wed[k] = 2 * np.sqrt((inside * (hu / 1000 + 1)).sum() / np.pi)
    dz, dy, dx = body.spacing_mm
    affine = np.diag([-dx, -dy, dz, 1.0])
    affine[:3, 3] = np.array([dx * (columns - 1), dy * (rows - 1), -dz * (slices - 1)]) / 2
    labels = atoms[body.materials[:, n // 2 :: n, n // 2 :: n]]
    names = {name: value for name, value in names.items() if (labels == value).any()}
    truth = PhantomTruth(labels, affine, names, groups_of(names), wed, area, wed, area)
    infos = tuple(SliceInfo(z_mm=float(affine[2, 3] + dz * k)) for k in range(slices))
    return CTSeries(image, affine, infos, Acquisition(), f"warped body {seed}"), truth
