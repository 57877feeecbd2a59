"""The shape of a fetus: head, trunk and bent limbs, of a given size and weight.

Points are mm along the fetus' own axes: to its right, to its front, to its head.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..shapes import Capsule, Ellipsoid, Shape
from .fetus import Fetus
from .painter import Part

_TERM_G = 3619.0
_EMBRYO_BEFORE_WEEK = 12.0
_DENSITY = 1.04  # g/ml, soft tissue with a little bone
# The trunk's length over its diameter; where weight asks for more, it grows wider (judgement).
_LONGEST_TRUNK = 1.8
# Radii of hips, belly and chest over the belly's, and the mean square of what is between.
_HIPS, _CHEST, _MEAN_SQUARE = 0.84, 0.88, 0.86
# Share of the limbs outside the trunk and each other; head and face over the skull's ellipsoid.
_LIMBS_FREE, _HEAD_FREE = 0.64, 1.02  # with the face


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
class _Sizes:
    """Lengths of a fetus, mm, whose volume is that of its weight."""

    head: np.ndarray  # half axes of the skull: right, front, up
    scalp: float
    girth: float  # radius of the trunk
    length: float  # of the trunk
    limb: float  # scale of the limbs' radii

    @classmethod
    def of(cls, fetus: Fetus, size: float) -> _Sizes:
        """Return the sizes of a week; `size` changes trunk and limbs, not the head."""
        small = (fetus.weight_g / _TERM_G) ** (1 / 3)
        head = 0.5 * np.array([1.0, 1.0, 1.0]) * fetus.biparietal_mm
        head[1] = 0.5 * fetus.occipitofrontal_mm
        scalp = 3.0 * small
        # What a full womb presses flat is made up for.
        pressed = float(np.interp(fetus.week, (20, 40), (1.02, 1.18)))
        volume = fetus.weight_g * 1000 / _DENSITY * pressed
        skull = 4 / 3 * np.pi * float(np.prod(head + scalp)) * _HEAD_FREE
        limbs = sum(c.volume_at_term for c in _LIMBS) * small**3 * 2 * _LIMBS_FREE
        trunk = max(volume - skull - limbs, 0.3 * volume)
        girth = fetus.abdominal_circumference_mm / (2 * np.pi)
        length = _trunk_length(trunk, girth)
        if length > 2 * girth * _LONGEST_TRUNK:
            girth *= (trunk / _trunk_volume(2 * girth * _LONGEST_TRUNK, girth)) ** (1 / 3)
            length = 2 * girth * _LONGEST_TRUNK
        return cls(head, scalp, girth * size, length * size, small * size)


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
class _Limb:
    """A piece of a limb: ends in trunk radii (right, front) and trunk lengths (up); mm at term."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radii: tuple[float, float]
    volume_at_term: float
    bone: bool = False


_LIMBS = (
    _Limb((0.45, 0.35, -0.24), (0.8, 1.25, 0.06), (32, 25), 300e3, bone=True),  # thigh
    _Limb((0.8, 1.25, 0.06), (0.4, 1.2, -0.3), (24, 16), 138e3),  # shank
    _Limb((0.4, 1.2, -0.3), (0.25, 1.5, -0.32), (13, 10), 17e3),  # foot
    _Limb((0.8, 0.1, 0.28), (1.0, 0.75, 0.1), (19, 16), 78e3),  # upper arm
    _Limb((1.0, 0.75, 0.1), (0.4, 1.2, 0.2), (16, 10), 57e3),  # forearm and hand
)


def paint_fetus(
    part: Part, fetus: Fetus, pose: Pose, middle: np.ndarray, lean_deg: float, fluid: int
) -> None:
    """Paint a fetus into the amniotic fluid; an embryo is one ellipsoid.

    Parameters
    ----------
    part
        The fetus, whose size is solved for its mass.
    fetus
        Its sizes.
    pose
        How it lies.
    middle
        Of the room for it, mother's mm.
    lean_deg
        Of the womb.
    fluid
        Material that it is painted over.
    """
    soft = part.material("fetus", "fetus_soft", mass="fetus")
    axes = pose.leant(lean_deg)
    if fetus.week < _EMBRYO_BEFORE_WEEK:
        volume = fetus.weight_g * 1000 / 1.03 * part.size**3
        longest = (volume / (4 / 3 * np.pi * 0.65 * 0.75)) ** (1 / 3)
        half = longest * np.array([0.65, 0.75, 1.0])
        part.paint(_ellipsoid(middle, axes, half), soft, (fluid,))
        return
    _Fetus(part, axes, np.asarray(middle), _Sizes.of(fetus, part.size), fluid).paint(
        soft, fetus.femur_mm
    )


@dataclass(frozen=True)
class _Fetus:
    """Paints the pieces of one fetus."""

    part: Part
    axes: np.ndarray
    middle: np.ndarray
    sizes: _Sizes
    fluid: int

    def at(self, right: float, front: float, up: float) -> np.ndarray:
        """Return the mother's point of trunk radii (right, front) and trunk lengths (up).

        The whole fetus, head and bent legs, is centred in the room for it.
        """
        s = self.sizes
        back = -0.4 * s.girth
        down = -1.0 * s.head[2]
        own = np.array([right * s.girth, front * s.girth + back, up * s.length + down])
        return self.middle + self.axes @ own

    def paint(self, soft: int, femur_mm: float) -> None:
        """Paint soft tissue, then brain and bones in it."""
        s, over = self.sizes, (self.fluid,)
        hips, belly, chest = _HIPS * s.girth, s.girth, _CHEST * s.girth
        low, high = hips / s.length - 0.5, 0.5 - chest / s.length
        knots = ((0.12, low, hips), (-0.05, 0.0, belly), (0.05, high, chest))
        for (f, u, r), (f2, u2, r2) in pairwise(knots):
            a, c = tuple(self.at(0, f, u)), tuple(self.at(0, f2, u2))
            self.part.paint(Capsule(a, c, r, r2), soft, over)
        # The chin lies on the chest.
        head = self.at(0, 0.35, 0.5) + self.axes @ np.array([0, 0, 0.5 * s.head[2]])
        nod = self._nodded()
        self.part.paint(_ellipsoid(head, nod, s.head + s.scalp), soft, over)
        face = head + nod @ (s.head * [0.0, 0.62, -0.72])
        self.part.paint(_ellipsoid(face, nod, s.head * [0.62, 0.5, 0.62]), soft, over)
        for limb in _LIMBS:
            for side in (-1, 1):
                self.part.paint(self._capsule(limb, side), soft, over)
        bone = self.part.material("fetus_bone", "fetus_bone", mass="fetus")
        brain = self.part.material("fetus_brain", "brain", mass="fetus")
        thick = 2.2 * s.scalp / 3.0
        self.part.paint(_ellipsoid(head, nod, s.head), bone, (soft,))
        self.part.paint(_ellipsoid(head, nod, s.head - thick), brain, (bone,))
        self._paint_bones(bone, soft, femur_mm)

    def _nodded(self) -> np.ndarray:
        """Return the head's axes, bent to the front."""
        a = np.deg2rad(15.0)
        nod = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
        return self.axes @ nod

    def _capsule(self, limb: _Limb, side: int, share: float = 1.0) -> Capsule:
        a, c = (self.at(side * p[0], p[1], p[2]) for p in (limb.start, limb.end))
        r = np.array(limb.radii) * self.sizes.limb * share
        return Capsule(tuple(a), tuple(c), float(r[0]), float(r[1]))

    def _paint_bones(self, bone: int, soft: int, femur_mm: float) -> None:
        """Paint the spine, and the femora as long as ultrasound measures them."""
        back = [(0, -0.5, 0.4), (0, -0.72, 0.2), (0, -0.8, -0.05), (0, -0.5, -0.36)]
        radius = 5.5 * self.sizes.limb
        for start, end in pairwise(back):
            a, c = tuple(self.at(*start)), tuple(self.at(*end))
            self.part.paint(Capsule(a, c, radius, radius), bone, (soft,))
        thin = 3.5 * self.sizes.limb
        for limb in (piece for piece in _LIMBS if piece.bone):
            for side in (-1, 1):
                hip, knee = (self.at(side * p[0], p[1], p[2]) for p in (limb.start, limb.end))
                along = (knee - hip) / np.linalg.norm(knee - hip)
                reach = max(0.5 * femur_mm - thin, 0.1) * along
                middle = 0.5 * (hip + knee)
                ends = tuple(middle - reach), tuple(middle + reach)
                self.part.paint(Capsule(*ends, thin, thin), bone, (soft,))


def _ellipsoid(centre: np.ndarray, axes: np.ndarray, half: np.ndarray) -> Shape:
    """Return an ellipsoid of half axes along the columns of `axes`."""
    # Symmetric: `Ellipsoid` takes a matrix of three numbers for a diagonal one.
    matrix = axes @ np.diag(1.0 / np.maximum(half, 0.2)) @ axes.T
    x, y, z = map(float, centre)
    return Ellipsoid((x, y, z), matrix)
