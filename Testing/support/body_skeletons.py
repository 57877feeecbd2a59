"""Bodies with their skeleton, sampled coarsely: what the tests of the skeleton look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.implants import paint_bone_implants
from CTDoseSegLib.phantom.bodies.limbs import limb_paths
from CTDoseSegLib.phantom.bodies.outside import Build, couch_rim, paint_belly, paint_outside
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.bodies.skeleton import paint_skeleton
from CTDoseSegLib.phantom.canvas import Sampler
from CTDoseSegLib.phantom.shapes import Cradle

FAT_MM = {0: 4.0, 1: 6.0, 5: 6.0, 10: 8.0}


@dataclass(frozen=True)
class Sampled:
    """A painted body on a coarse grid, [k, j, i] with axes up, to the front, to the right."""

    painter: Painter
    build: Build
    labels: np.ndarray
    corner: np.ndarray
    step_mm: float

    def mask(self, *atoms: str) -> np.ndarray:
        """Return where atoms are; a trailing ``*`` names a family."""
        return np.isin(self.labels, self.painter.of_atoms(*atoms))

    def middle(self, *atoms: str) -> np.ndarray:
        """Return the centre of atoms in mm (x, y, z)."""
        at = np.argwhere(self.mask(*atoms))
        assert len(at), f"nothing of {atoms}"
        return self.corner + self.step_mm * at.mean(axis=0)[::-1]

    def span(self, axis: int, *atoms: str) -> tuple[float, float]:
        """Return least and largest x, y or z (0, 1, 2) of atoms in mm."""
        at = np.argwhere(self.mask(*atoms))[:, 2 - axis]
        low, high = self.corner[axis] + self.step_mm * np.array([at.min(), at.max()])
        return float(low), float(high)

    def ml(self, *atoms: str) -> float:
        """Return the volume of atoms."""
        return float(self.mask(*atoms).sum()) * self.step_mm**3 / 1000

    def at(self, x: float, y: float, z: float) -> str:
        """Return the atom at a point of the reference adult."""
        point = np.array(self.painter.frame.point(x, y, z))
        canvas, value = self.painter.canvas, 0
        near = ((self.boxes[..., 0] <= point) & (point <= self.boxes[..., 1])).all(axis=1)
        px, py, pz = (np.full((1, 1), v, np.float32) for v in point)
        for n in np.flatnonzero(near):
            if np.broadcast_to(canvas.shapes[n].inside(px, py, pz), (1, 1))[0, 0]:
                fill, table = canvas.fills[n], canvas.tables[n]
                if fill is not None:
                    value = fill
                elif value < len(table):
                    value = int(table[value])
        return canvas.materials[value].atom or ""

    @cached_property
    def boxes(self) -> np.ndarray:
        """Bounding boxes of all shapes, [n, 3, 2]."""
        return self.painter.canvas.boxes()


def grown(mask: np.ndarray) -> np.ndarray:
    """Return a mask with its neighbours along the axes."""
    out = mask.copy()
    for axis in range(3):
        for way in (1, -1):
            out |= np.roll(mask, way, axis)
    return out


@lru_cache(maxsize=16)
def body(
    age: float = 30,
    sex: str = "male",
    *,
    arms: str = "down",
    fat_mm: float | None = None,
    sizes: tuple[tuple[str, float], ...] = (),
    implants: tuple[str, ...] = (),
    bones: bool = True,
    z_range: tuple[float, float] = (-1290.0, 500.0),
) -> Sampled:
    """Return a body with skeleton (and nothing else inside), sampled between two levels."""
    person = Person.of(age, sex)
    frame = Frame(person)
    build = Build(fat_mm=fat_mm or FAT_MM.get(int(age), 14.0))
    poses = (arms, arms)
    rim = couch_rim(frame, build, -1.0, 3.0)
    painter = Painter(frame, {}, dict(sizes))
    flat = Cradle((0.0, rim + 1e5), 1e5)
    paint_outside(painter, build, flat, limb_paths(frame, build, poses, rim))
    paint_belly(painter, build)
    if bones:
        paint_skeleton(painter, poses, limb_paths(frame, build, poses, rim), build)
    paint_bone_implants(painter, implants)
    step = 5.0 * (person.height_mm / 1760.0)
    low, high = (float(frame.z(z)) for z in z_range)
    half = 70
    corner = np.array([-(half - 0.5) * step, -34.5 * step, low + step / 2])
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = corner
    sampler = Sampler(painter.canvas, affine)
    i, j = np.arange(2 * half), np.arange(70)
    planes = [sampler.plane(i, j, k) for k in range(int((high - low) / step))]
    return Sampled(painter, build, np.array(planes), corner, step)
