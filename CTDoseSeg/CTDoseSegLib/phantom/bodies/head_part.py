"""Paints parts in mm of the reference adult's head, from the brain's centre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .frame import Frame, Point
from .painter import Painter, Part

_FACE_TOP = -22.0  # below it the face's heights are the face's own (see `Frame.head_point`)


def cranial_point(frame: Frame, x: float, y: float, z: float) -> Point:
    """Return the person's point of a point of the braincase: one scale, also below the orbits."""
    s, (cx, cy, cz) = frame.head_scale, frame.head_point(0.0, 0.0, 0.0)
    return cx + s * x, cy + s * y, cz + s * z


def face_depth(frame: Frame) -> float:
    """Return how far the face stands out over the adult's proportion: an infant's is flat.

    Judgement: the fourth root of the face's lag in height, 0.84 at birth.
    """
    return float((frame.face_scale / frame.head_scale) ** 0.25)


def face_point(frame: Frame, x: float, y: float, z: float) -> Point:
    """Return the person's point of a point of the face or the head's outside."""
    below = float(np.interp(z, (-28.0, -4.0), (1.0, 0.0)))  # the forehead keeps its place
    flat = (1.0 - face_depth(frame)) * below * max(y - 20.0, 0.0)
    return frame.head_point(x, y - flat, z)


@dataclass(frozen=True)
class HeadPart(Part):
    """A part whose points, half axes and radii are mm from the brain's centre.

    Attributes
    ----------
    braincase
        Whether it grows with the braincase, and not with the face.
    """

    braincase: bool = False

    @classmethod
    def begin(
        cls,
        b: Painter,
        name: str,
        about: Point,
        masses: Sequence[str] = (),
        *,
        braincase: bool = False,
        first: float = 1.0,
        **more,
    ) -> HeadPart:
        """Begin a part; see `Painter.part`.

        Parameters
        ----------
        b
            Paints.
        name, about, masses, more
            As in `Painter.part`.
        braincase
            Whether it grows with the braincase.
        first
            Size, before it is solved, over the template's.
        """
        part = b.part(name, about, masses, **more)
        return cls(
            b, name, part.about, first * part.size, part.shift, part.whole, braincase=braincase
        )

    @property
    def local(self) -> tuple[float, float, float]:
        """Breadth, depth and height over the reference adult's, with size."""
        frame = self.painter.frame
        face = not self.braincase and self.about[2] < _FACE_TOP
        s, tall = frame.head_scale, frame.face_scale if face else frame.head_scale
        deep = s * face_depth(frame) if face and self.about[1] > 40 else s
        return s * self.size, deep * self.size, tall * self.size

    def point(self, x: float, y: float, z: float) -> Point:
        """Return the person's point, mm, of a point of the head."""
        size = self.size if self.whole else 1.0
        px, py, pz = self.about + size * (np.array([x, y, z]) - self.about) + self.shift
        frame = self.painter.frame
        return cranial_point(frame, px, py, pz) if self.braincase else face_point(frame, px, py, pz)


def by_age(b: Painter, ages: Sequence[float], values: Sequence[float]) -> float:
    """Return a value at the person's age."""
    return float(np.interp(b.frame.person.age_y, ages, values))


def cortex_share(b: Painter) -> float:
    """Return the thickness of the skull's cortex over the usual: it follows the cortical mass."""
    return float(np.clip(b.sizes.get("cortex", 1.0), 0.35, 1.6))


def first_size(b: Painter, organ: str, adult_g: float) -> float:
    """Return the size over the head's own that an organ's mass asks for, before it is solved."""
    frame = b.frame
    grown = b.masses_g.get(organ, adult_g) / adult_g
    return float((grown / (frame.head_scale**2 * frame.face_scale)) ** (1 / 3))


def soft_fat(b: Painter) -> int:
    """Return the material of the fat between the organs of the head."""
    return b.material("connective_tissue", "adipose", mass="adipose")


def free_soft(b: Painter) -> tuple[int, ...]:
    """Return the materials that organs of head and neck may take the place of."""
    return (*b.of_atoms("skeletal_muscle", "subcutaneous_fat", "torso_fat"), soft_fat(b))
