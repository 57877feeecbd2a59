"""An analytic CT: known shapes, known HU, and therefore exact truth.

The image is not easy: partial volume, point-spread blur, correlated noise, a couch that touches
the skin, a blanket, arms. Whatever is asserted of a segmentation or a size is held against
`PhantomTruth`, which is computed from the shapes and not from the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..ct.acquisition import Acquisition
from ..ct.series import CTSeries, SliceInfo
from ..errors import GeometryError, InputError
from .adult_groups import adult_groups
from .bodies.body import ARMS, Body, Pose
from .bodies.frame import Frame
from .bodies.groups import groups_of
from .bodies.regions import REGIONS, check_grid, check_reach, grid, grid_shape, region_mm
from .bodies.seed import check_seed
from .canvas import Canvas
from .head import paint_head
from .render import PhantomSlice, PhantomTruth, Renderer, label_type
from .shapes import Column
from .trunk import TrunkOptions, paint_trunk

__all__ = [
    "Phantom",
    "PhantomSlice",
    "PhantomTruth",
    "phantom_series",
    "water_cylinder",
]

# Low and high end along z of the reference adult, mm; the grid is centred between them.
RANGE_MM = {
    "trunk": (-300.0, 250.0),
    "chest": (-70.0, 240.0),
    "abdomen": (-330.0, 30.0),
    "head": (-90.0, 100.0),
    "cylinder": (-50.0, 50.0),
}
# Direction of increasing columns and rows (DICOM LPS) in the usual images of a patient position.
POSITIONS = {
    "HFS": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "FFS": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "HFP": (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    "FFP": (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
}


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """An analytic CT, made slice by slice and the same for the same parameters.

    Attributes
    ----------
    seed
        Of anatomy (size, positions, HU) and noise.
    variant
        ``trunk``, ``chest``, ``abdomen``, ``head`` or ``cylinder``.
    shape
        Rows, columns, slices.
    spacing_mm
        Row spacing, column spacing, distance of slices.
    position
        DICOM patient position: HFS, FFS, HFP or FFP. Prone, the couch is in front.
    cosines
        Row and column direction of oblique images (DICOM LPS, orthonormal); None: by `position`.
    arms
        ``up`` or ``down`` beside the trunk.
    blanket, couch
        Whether there is one; the head's couch is a headrest.
    offset_mm
        Shift of the grid's centre (RAS); moved far enough, the body is cut by the field of view.
    scale, fat_mm
        Size relative to the reference adult and thickness of the fat layer; None: by the seed.
    noise_hu
        Standard deviation of the noise, correlated over about a pixel.
    psf_fwhm_mm
        Full width at half maximum of the blur in the slice plane, after averaging over pixels.
    diameter_mm
        Of the cylinder.
    body
        Of any age, sex and size, in place of the reference adult; `variant` is then one of
        `bodies.regions.REGIONS`, and `scale` and `fat_mm` are the body's own.
    """

    seed: int = 0
    variant: str = "trunk"
    shape: tuple[int, int, int] = (512, 512, 60)
    spacing_mm: tuple[float, float, float] = (0.98, 0.98, 8.0)
    position: str = "HFS"
    cosines: tuple[float, ...] | None = None
    arms: str = "up"
    blanket: bool = False
    couch: bool = True
    offset_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float | None = None
    fat_mm: float | None = None
    noise_hu: float = 25.0
    psf_fwhm_mm: float = 1.0
    diameter_mm: float = 320.0
    # Not in the representation, which the UIDs of phantoms without a body are made of.
    body: Body | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        whose = (RANGE_MM, ("up", "down")) if self.body is None else (REGIONS, ARMS)
        for name, value, known in (
            ("variant", self.variant, tuple(whose[0])),
            ("position", self.position, tuple(POSITIONS)),
            ("arms", self.arms, tuple(whose[1])),
        ):
            if value not in known:
                raise InputError(f"A phantom has no {name} {value!r}; choose {', '.join(known)}.")
        if self.body and (self.scale, self.fat_mm) != (None, None):
            raise InputError(
                "A body's size is its person's height and weight; give no scale or fat layer."
            )
        check_seed(self.seed)
        measures = (*self.spacing_mm, *self.offset_mm, self.noise_hu, self.psf_fwhm_mm)
        if not np.isfinite(measures).all():
            raise GeometryError(
                f"A phantom's spacing, offset, noise and blur are finite, not {self.spacing_mm} "
                f"mm, {self.offset_mm} mm, {self.noise_hu} HU and {self.psf_fwhm_mm} mm."
            )
        if min(self.shape) < 1 or min(self.spacing_mm) <= 0:
            raise GeometryError(
                f"A phantom needs a positive shape and spacing, not {self.shape} and "
                f"{self.spacing_mm} mm."
            )
        sizes = (1.0 if self.scale is None else self.scale, self.diameter_mm)
        if min(sizes) <= 0 or min(self.noise_hu, self.psf_fwhm_mm, self.fat_mm or 0.0) < 0:
            raise InputError(
                "A phantom's scale and diameter must be positive, its fat, noise and blur not "
                "negative."
            )
        row, column = self._directions
        if abs(row @ column) > 1e-6 or not np.allclose([row @ row, column @ column], 1, atol=1e-6):
            raise GeometryError(
                f"The phantom's image directions {self.cosines} are not two perpendicular unit "
                "vectors."
            )
        if self.body:
            check_grid(self.shape)
            check_reach(Frame(self.body.person), self.affine, self.shape)

    @property
    def _directions(self) -> tuple[np.ndarray, np.ndarray]:
        six = np.array(self.cosines or POSITIONS[self.position], float)
        return six[:3], six[3:]

    @cached_property
    def affine(self) -> np.ndarray:
        """4 x 4, (i, j, k, 1) to RAS in mm; k rises from foot to head."""
        row, column = self._directions
        normal = np.cross(row, column)
        normal = -normal if normal[2] < -1e-9 else normal
        rows, columns, slices = self.shape
        step = np.column_stack(
            [row * self.spacing_mm[1], column * self.spacing_mm[0], normal * self.spacing_mm[2]]
        )
        to_ras = np.diag([-1.0, -1.0, 1.0])
        centre = np.array([0.0, 0.0, float(np.mean(self._range_mm))]) + self.offset_mm
        affine = np.eye(4)
        affine[:3, :3] = to_ras @ step
        affine[:3, 3] = centre - affine[:3, :3] @ (np.array([columns, rows, slices]) - 1) / 2
        return affine

    @classmethod
    def of_body(
        cls,
        body: Body,
        region: str = "trunk",
        *,
        pixels: int = 512,
        slice_mm: float = 5.0,
        **parameters: Any,
    ) -> Phantom:
        """Return a scan of a part of a body, in a field of view that holds the skin.

        Parameters
        ----------
        body
            Of the family.
        region
            One of `bodies.regions.REGIONS`.
        pixels
            Rows and columns.
        slice_mm
            Thickness and distance of slices.
        **parameters
            Others of `Phantom`.
        """
        if region not in REGIONS:
            raise InputError(f"A body has no region {region!r}; choose {', '.join(REGIONS)}.")
        own = sorted({"shape", "spacing_mm", "variant"} & set(parameters))
        if own:
            raise InputError(f"{own[0]} follows from region, pixels and slice_mm; do not give it.")
        pose = cls(body=body, variant=region, **parameters).pose
        grid_shape(Frame(body.person), region, pixels, slice_mm)  # before the body is solved
        shape, spacing, offset = grid(body.painted(pose), region, pixels, slice_mm)
        return cls(
            **{"offset_mm": offset, **parameters},
            body=body,
            variant=region,
            shape=shape,
            spacing_mm=spacing,
        )

    @property
    def pose(self) -> Pose:
        """How a body lies."""
        return Pose(self.arms, self.position.endswith("P"), self.couch, self.blanket)

    @property
    def _range_mm(self) -> tuple[float, float]:
        if self.body is None:
            return RANGE_MM[self.variant]
        return region_mm(Frame(self.body.person), self.variant)

    @cached_property
    def canvas(self) -> Canvas:
        """The shapes and their materials."""
        if self.body:
            return self.body.painted(self.pose).canvas
        rng = np.random.default_rng([self.seed, 1])
        if self.variant == "cylinder":
            canvas = Canvas()
            radius = self.diameter_mm / 2
            water = canvas.material("body_rest", 0.0)
            canvas.paint(Column(np.array([[0.0, radius, radius, 0.0, 0.0]])), water)
            return canvas
        if self.variant == "head":
            return paint_head(rng, couch=self.couch, scale=self.scale)
        prone = self.position.endswith("P")
        options = TrunkOptions(self.arms, self.blanket, self.couch, prone, self.scale, self.fat_mm)
        return paint_trunk(rng, options)

    @cached_property
    def names(self) -> dict[str, int]:
        """Atom name to its value in the labels: the order of first painting."""
        atoms = dict.fromkeys(m.atom for m in self.canvas.materials if m.atom)
        return {name: value for value, name in enumerate(atoms, start=1)}

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Group name to the names of its atoms."""
        return (adult_groups if self.body is None else groups_of)(tuple(self.names))

    def slices(self) -> Iterator[PhantomSlice]:
        """Yield the slices from k = 0 on; memory does not grow with their number."""
        renderer = Renderer(self)
        for k in range(self.shape[2]):
            yield renderer.slice(k)

    def render(
        self, after_slice: Callable[[int], None] | None = None
    ) -> tuple[np.ndarray, PhantomTruth]:
        """Render the whole volume.

        Parameters
        ----------
        after_slice
            Called with each slice's k when it is made.

        Returns
        -------
        hu : numpy.ndarray
            int16 [k, j, i].
        truth : PhantomTruth
        """
        rows, columns, slices = self.shape
        hu = np.empty((slices, rows, columns), np.int16)
        labels = np.empty(hu.shape, label_type(self.names))
        sizes = np.empty((4, slices))
        for s in self.slices():
            hu[s.index], labels[s.index] = s.hu, s.labels
            sizes[:, s.index] = s.sizes
            if after_slice is not None:
                after_slice(s.index)
        return hu, PhantomTruth(labels, self.affine, self.names, self.groups, *sizes)


def phantom_series(phantom: Phantom) -> tuple[CTSeries, PhantomTruth]:
    """Return a phantom as a CT without exposure, as if it had been read, and its truth.

    Parameters
    ----------
    phantom
        Rendered whole.

    Returns
    -------
    series : CTSeries
    truth : PhantomTruth
    """
    hu, truth = phantom.render()
    z_mm = (phantom.affine @ np.array([[0, 0, k, 1] for k in range(len(hu))]).T)[2]
    slices = tuple(SliceInfo(z_mm=float(z)) for z in z_mm)
    name = f"phantom {phantom.seed}"
    return CTSeries(hu, phantom.affine, slices, Acquisition(), name), truth


def water_cylinder(diameter_mm: float = 320.0, **parameters: Any) -> Phantom:
    """Return a cylinder of water along z in air: its WED is its diameter.

    The blur is a sharp kernel's: what blur carries across the contour, a mask with the true contour
    does not count (about 0.4 sigma of its length).

    Parameters
    ----------
    diameter_mm
        Of the cylinder.
    **parameters
        Others of `Phantom`.

    Returns
    -------
    Phantom
    """
    usual = {"shape": (512, 512, 5), "spacing_mm": (0.8, 0.8, 5.0), "psf_fwhm_mm": 0.7}
    chosen: dict[str, Any] = {**usual, **parameters}
    return Phantom(variant="cylinder", diameter_mm=diameter_mm, **chosen)
