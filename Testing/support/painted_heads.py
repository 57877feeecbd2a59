"""Heads of bodies, painted alone and sampled on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.head import paint_head
from CTDoseSegLib.phantom.bodies.head_outline import head_shapes
from CTDoseSegLib.phantom.bodies.head_part import cranial_point
from CTDoseSegLib.phantom.bodies.masses import organ_masses_g
from CTDoseSegLib.phantom.bodies.outside import skin_mm
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.canvas import Sampler


def soft_head(age_y: float, sex: str, sizes: tuple[tuple[str, float], ...] = ()) -> Painter:
    """Return a painter with skin, fat and muscle of head and neck alone."""
    person = Person.of(age_y, sex)
    b = Painter(Frame(person), organ_masses_g(person), dict(sizes), variation=0.0)
    neck = b.part("neck", (0.0, -12.0, 290.0))
    knots = [(345, 54, 54, 0, -12), (230, 60, 58, 0, -14)]
    skin, s = skin_mm(b.frame), b.frame.head_scale
    for atom, name, inset in (
        ("skin", "skin", 0.0),
        ("subcutaneous_fat", "adipose", skin),
        ("skeletal_muscle", "muscle", skin + 3.0 * s),
    ):
        material = b.material(atom, name, mass=name)
        shapes = [neck.column(knots, grow=-inset, z_range=(232, 335))]
        for shape in (*shapes, *head_shapes(b.frame, inset)):
            b.canvas.paint(shape, material)
    return b


@lru_cache(maxsize=16)
def painted_head(age_y: float, sex: str, sizes: tuple[tuple[str, float], ...] = ()) -> Painter:
    """Return a finished head with its neck, without spine and neck vessels."""
    b = soft_head(age_y, sex, sizes)
    paint_head(b)
    return b


@dataclass(frozen=True)
class Sampled:
    """Materials on a cubic grid; axes z, y, x."""

    painter: Painter
    index: np.ndarray
    origin: np.ndarray  # x, y, z of the first point
    mm: float

    def of(self, *atoms: str) -> np.ndarray:
        """Return where atoms are; a name that ends in ``*`` names a family."""
        return np.isin(self.index, self.painter.of_atoms(*atoms))

    def middle(self, *atoms: str) -> np.ndarray:
        """Return x, y, z of the middle of atoms, mm from the brain's centre."""
        at = self.origin + self.mm * np.argwhere(self.of(*atoms)).mean(axis=0)[::-1]
        return at - np.array(self.painter.frame.head_point(0.0, 0.0, 0.0))

    def mass_g(self, organ: str) -> float:
        """Return the mass of an organ."""
        counts = np.bincount(self.index.ravel(), minlength=len(self.painter.tissues))
        own = [n for n, (_, _, name) in enumerate(self.painter.tissues) if name == organ]
        grams = sum(float(counts[n]) * self.painter.tissues[n][1] for n in own)
        return grams * self.mm**3 / 1000

    def atom_at(self, x: float, y: float, z: float) -> str | None:
        """Return the atom at a point, in mm of the reference adult's braincase."""
        at = np.array(cranial_point(self.painter.frame, x, y, z))
        i, j, k = np.rint((at - self.origin) / self.mm).astype(int)
        return self.painter.canvas.materials[int(self.index[k, j, i])].atom


def sampled(b: Painter, mm: float, low: np.ndarray, high: np.ndarray) -> Sampled:
    """Return a head's materials in a box, own mm."""
    shape = np.ceil((high - low) / mm).astype(int)
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = low
    sampler = Sampler(b.canvas, affine)
    i, j = np.arange(shape[0]), np.arange(shape[1])
    planes = [sampler.plane(i, j, k) for k in range(shape[2])]
    return Sampled(b, np.array(planes), low, mm)


@lru_cache(maxsize=16)
def sampled_head(
    age_y: float, sex: str, sizes: tuple[tuple[str, float], ...] = (), mm: float = 2.5
) -> Sampled:
    """Return the whole head, at `mm` in the reference adult."""
    b = painted_head(age_y, sex, sizes)
    s, (x, y, z) = b.frame.head_scale, b.frame.head_point(0.0, 0.0, 0.0)
    low = np.array([x - 100 * s, y - 112 * s, float(b.frame.z(240.0))])
    return sampled(b, mm * s, low, np.array([x + 100 * s, y + 130 * s, z + 108 * s]))


def touches(where: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which points have one of the others right beside them."""
    beside = np.zeros_like(where)
    for axis in range(3):
        for step in (1, -1):
            beside |= np.roll(others, step, axis)
    return where & beside
