"""The shape of a fetus: head, trunk and bent limbs, of a given size and weight.

Points are mm along the fetus' own axes: to its right, to its front, to its head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..shapes import Both, Capsule, Ellipsoid, Shape
from .fetus import Fetus
from .painter import Part

_TERM_G = 3619.0
_DENSITY = 1.04  # g/ml, soft tissue with a little bone
# The trunk's length over its diameter; where weight asks for more, it grows wider (judgement).
_LONGEST_TRUNK = 2.0
# Radii of hips, belly and chest over the belly's, and the mean square of what is between.
_HIPS, _CHEST, _MEAN_SQUARE = 0.84, 0.88, 0.86
# Share of the limbs outside the trunk and each other; head and face over the skull's ellipsoid.
_LIMBS_FREE, _HEAD_FREE = 0.64, 1.02  # with the face
# How far the back is bent by week, degrees over the trunk's length: the less room, the rounder.
_BENT_WEEKS, _BENT_DEG = (14, 22, 30, 38), (45.0, 65.0, 95.0, 115.0)
_NOD_DEG = 15.0
# Where there is no room, the trunk gives way: so much more are points of head and limbs worth.
_HEAD_WEIGHT, _LIMB_WEIGHT = 3000.0, 20.0
# Folded limbs fill the room that is left rather than the trunk (judgement).
_LIMBS_GIVE = 2.0


@dataclass(frozen=True)
class Pose:
    """How a fetus lies: columns are its right, front and head in the mother's axes."""

    axes: np.ndarray

    @classmethod
    def draw(
        cls, rng: np.random.Generator, week: float, variation: float, *, head_down: bool
    ) -> Pose:
        """Draw a lie: head down, or before that also breech and (in an early womb) transverse."""
        lie, side, turn = rng.random(), rng.choice((-1.0, 1.0)), rng.normal(0.0, 12.0)
        head = np.array([0.0, 0.0, -1.0])
        front = np.array([side, 0.0, 0.0])
        if not head_down and lie > 0.85 and week < 26:
            head, front = np.array([side, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
        elif not head_down and lie > 0.55:
            head = -head
        angle = np.deg2rad(turn * variation)
        right = np.cross(front, head)
        front = np.cos(angle) * front + np.sin(angle) * right
        return cls(np.column_stack([np.cross(front, head), front, head]))

    def leant(self, lean_deg: float) -> np.ndarray:
        """Return the axes, leant about the mother's x as the womb is."""
        a = np.deg2rad(lean_deg)
        lean = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        return lean @ self.axes


@dataclass(frozen=True)
class FetusSizes:
    """Lengths of a fetus, mm, whose volume is that of its weight."""

    head: np.ndarray  # half axes of the skull: right, front, up
    scalp: float
    girth: float  # radius of the trunk as measured
    length: float  # of the trunk
    small: float  # over a fetus at term
    thick: float  # trunk's thickness over the measured
    limbs: float  # limbs' thickness over the measured

    @classmethod
    def of(cls, fetus: Fetus, size: float) -> FetusSizes:
        """Return the sizes of a week; `size` changes how thick trunk and limbs are."""
        small = (fetus.weight_g / _TERM_G) ** (1 / 3)
        head = 0.5 * np.array([1.0, 1.0, 1.0]) * fetus.biparietal_mm
        head[1] = 0.5 * fetus.occipitofrontal_mm
        scalp = 3.0 * small
        # What a full womb presses flat is made up for.
        pressed = float(np.interp(fetus.week, (20, 40), (1.02, 1.18)))
        volume = fetus.weight_g * 1000 / _DENSITY * pressed
        skull = 4 / 3 * np.pi * float(np.prod(head + scalp)) * _HEAD_FREE
        limbs = sum(c.volume_at_term for c in LIMBS) * small**3 * 2 * _LIMBS_FREE
        trunk = max(volume - skull - limbs, 0.3 * volume)
        girth = fetus.abdominal_circumference_mm / (2 * np.pi)
        length = _trunk_length(trunk, girth)
        if length > 2 * girth * _LONGEST_TRUNK:
            girth *= (trunk / _trunk_volume(2 * girth * _LONGEST_TRUNK, girth)) ** (1 / 3)
            length = 2 * girth * _LONGEST_TRUNK
        return cls(head, scalp, girth, length, small, size, size**_LIMBS_GIVE)


def _trunk_volume(length: float, girth: float) -> float:
    """Return the volume of two tapering pieces with round ends."""
    ends = 2 / 3 * np.pi * girth**3 * (_HIPS**3 + _CHEST**3)
    return float(_MEAN_SQUARE * np.pi * girth**2 * (length - (_HIPS + _CHEST) * girth) + ends)


def _trunk_length(volume: float, girth: float) -> float:
    """Return the length, at least that of a ball, that gives a volume."""
    per_mm = _MEAN_SQUARE * np.pi * girth**2
    length = (volume - _trunk_volume(0.0, girth)) / per_mm
    return float(max(length, 1.9 * girth))


@dataclass(frozen=True)
class Limb:
    """A piece of a limb: ends in trunk radii (right, front) and trunk lengths (up); mm at term.

    `bone` is its bone's length over the femur's, 0 without one.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radii: tuple[float, float]
    volume_at_term: float
    bone: float = 0.0

    @property
    def ends(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Both ends."""
        return self.start, self.end


# Lengths of tibia, humerus and radius over the femur's: memory, Jeanty 1984 and Chitty 2002.
LIMBS = (
    Limb((0.45, 0.35, -0.24), (0.8, 1.25, 0.06), (32, 25), 300e3, 1.0),  # thigh
    Limb((0.8, 1.25, 0.06), (0.4, 1.2, -0.3), (24, 16), 138e3, 0.87),  # shank
    Limb((0.4, 1.2, -0.3), (0.25, 1.5, -0.32), (13, 10), 17e3),  # foot
    Limb((0.8, 0.1, 0.28), (1.0, 0.75, 0.1), (19, 16), 78e3, 0.9),  # upper arm
    Limb((1.0, 0.75, 0.1), (0.4, 1.2, 0.2), (16, 10), 57e3, 0.78),  # forearm and hand
)


@dataclass(frozen=True)
class Room:
    """The room for a fetus: inside all of some ellipsoids, with a film of fluid about it.

    Attributes
    ----------
    within
        Ellipsoids of the mother's mm: the womb's room, which it never leaves, and that beside the
        placenta, which its head never leaves.
    middle
        Of the room.
    """

    within: tuple[Ellipsoid, ...]
    middle: np.ndarray

    def beyond(self, points: np.ndarray) -> np.ndarray:
        """Return how far points [n, 3] are out of each ellipsoid [n, m], 0 inside."""
        out = [((points - e.centre) @ e.matrix.T) ** 2 for e in self.within]
        return np.maximum(np.sqrt(np.stack(out).sum(axis=2)).T - 1.0, 0.0)

    def cut(self, shape: Shape) -> Shape:
        """Return what of a shape is inside the first ellipsoid."""
        return Both(shape, self.within[0])


@dataclass(frozen=True)
class FetusBody:
    """Paints the pieces of one fetus."""

    part: Part
    axes: np.ndarray
    middle: np.ndarray
    sizes: FetusSizes
    fetus: Fetus
    room: Room

    @property
    def bend(self) -> float:
        """How far the back is bent, radians over the trunk's length."""
        return float(np.deg2rad(np.interp(self.fetus.week, _BENT_WEEKS, _BENT_DEG)))

    def at(self, right: float, front: float, up: float) -> np.ndarray:
        """Return the mother's point of trunk radii (right, front) and trunk lengths (up).

        The trunk's axis is an arc, hollow to the front.
        """
        s, bend = self.sizes, self.bend
        turn = bend * up
        # Beyond the trunk's ends the axis goes straight on.
        end = float(np.clip(up, -0.5, 0.5))
        edge = bend * end
        along = s.length * np.array([(1 - np.cos(edge)) / bend, np.sin(edge) / bend])
        along += s.length * (up - end) * np.array([np.sin(edge), np.cos(edge)])
        turn = edge
        out = front * s.girth * np.array([np.cos(turn), -np.sin(turn)])
        # The whole fetus, head and bent legs, is about its middle.
        own = np.array([right * s.girth, *(along + out)]) - [0.0, 0.4 * s.girth, s.head[2]]
        return self.middle + self.axes @ own

    @property
    def head(self) -> np.ndarray:
        """Middle of the head: the chin lies on the chest."""
        up = 0.5 + 0.6 * self.sizes.head[2] / self.sizes.length
        return self.at(0, 0.4, up)

    @property
    def nodded(self) -> np.ndarray:
        """The head's axes, bent to the front."""
        a = np.deg2rad(_NOD_DEG) + 0.5 * self.bend
        nod = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
        return self.axes @ nod

    def placed(self) -> FetusBody:
        """Return this fetus, moved to where the least of it is beyond its room."""
        from scipy.optimize import minimize

        s, sphere = self.sizes, _sphere()
        head = self.head + (sphere * (s.head + s.scalp)) @ self.nodded.T
        trunk = [self.at(0, f, u) + r * sphere for f, u, r in self.trunk()]
        limbs = [self.at(d * p[0], p[1], p[2]) for i in LIMBS for d in (-1, 1) for p in i.ends]
        points = np.concatenate([head, *trunk, limbs])
        weight = np.ones(len(points))
        weight[: len(head)] = _HEAD_WEIGHT
        weight[-len(limbs) :] = _LIMB_WEIGHT

        def out(shift: np.ndarray) -> float:
            return float(weight @ (self.room.beyond(points + shift * s.girth) ** 2).sum(axis=1))

        best = minimize(out, np.zeros(3), method="Powell", options={"xtol": 1e-3, "ftol": 1e-6})
        return replace(self, middle=self.middle + best.x * s.girth)

    def trunk(self) -> list[tuple[float, float, float]]:
        """Return points along the trunk: front, up and radius in mm."""
        s = self.sizes
        belly = s.girth * s.thick
        hips, chest = _HIPS * belly, _CHEST * belly
        low, high = _HIPS * s.girth / s.length - 0.5, 0.5 - _CHEST * s.girth / s.length
        return [(0.05, low, hips), (-0.05, 0.5 * low, belly), (-0.05, 0.0, belly),
                (0.0, 0.5 * high, 0.95 * belly), (0.05, high, chest)]  # fmt: skip

    def paint(self, soft: int, fluid: int) -> int:
        """Paint soft tissue, then skull and brain in it; return the material of bone."""
        s, over, part = self.sizes, (fluid,), self.part
        for (f, u, r), (f2, u2, r2) in pairwise(self.trunk()):
            piece = Capsule(tuple(self.at(0, f, u)), tuple(self.at(0, f2, u2)), r, r2)
            part.paint(self.room.cut(piece), soft, over)
        head, nod = self.head, self.nodded
        part.paint(ellipsoid(head, nod, s.head + s.scalp), soft, over)
        face = head + nod @ (s.head * [0.0, 0.55, -0.68])
        part.paint(self.room.cut(ellipsoid(face, nod, s.head * [0.6, 0.45, 0.55])), soft, over)
        neck = Capsule(tuple(self.at(0, 0.0, 0.35)), tuple(head), 0.6 * s.girth, 0.5 * s.girth)
        part.paint(self.room.cut(neck), soft, over)
        for limb in LIMBS:
            for side in (-1, 1):
                part.paint(self.room.cut(self._capsule(limb, side)), soft, over)
        bone = part.material("fetus_bone", "fetus_bone", mass="fetus")
        brain = part.material("fetus_brain", "brain", mass="fetus")
        part.paint(ellipsoid(head, nod, s.head), bone, (soft,))
        part.paint(ellipsoid(head, nod, s.head - 2.2 * s.scalp / 3.0), brain, (bone,))
        return bone

    def _capsule(self, limb: Limb, side: int) -> Capsule:
        a, c = (self.at(side * p[0], p[1], p[2]) for p in limb.ends)
        r = np.array(limb.radii) * self.sizes.small * self.sizes.limbs
        return Capsule(tuple(a), tuple(c), float(r[0]), float(r[1]))


def _sphere() -> np.ndarray:
    """Return points [120, 3] spread evenly over a unit sphere."""
    n = np.arange(120) + 0.5
    up, turn = 1 - 2 * n / 120, np.pi * (1 + 5**0.5) * n
    flat = np.sqrt(1 - up**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), up])


def ellipsoid(centre: np.ndarray, axes: np.ndarray, half: np.ndarray) -> Shape:
    """Return an ellipsoid of half axes along the columns of `axes`."""
    # Symmetric: `Ellipsoid` takes a matrix of three numbers for a diagonal one.
    matrix = axes @ np.diag(1.0 / np.maximum(half, 0.2)) @ axes.T
    x, y, z = map(float, centre)
    return Ellipsoid((x, y, z), matrix)
