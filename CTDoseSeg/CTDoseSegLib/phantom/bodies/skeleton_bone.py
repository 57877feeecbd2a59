"""How a bone is painted: a dense shell around marrow, over fat, muscle and cartilage only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..shapes import Both, Capsule, Column, Ellipsoid, Shape
from .frame import Point
from .painter import Goal, Painter, Part

# Share of the linear size of ends, carpals, tarsals and other late nuclei that is bone; the rest
# is cartilage (project's judgement after the usual ages of the nuclei).
_AGES = (0.0, 1.0, 5.0, 10.0, 15.0, 18.0)
_OSSIFIED = (0.25, 0.45, 0.75, 0.88, 0.97, 1.0)
# Cortex over the adult's at the same size of bone: thin at birth (project's judgement).
_CORTEX = (0.50, 0.62, 0.75, 0.80, 0.95, 1.0)
# Shafts hold blood-forming marrow up to here, then fat (Cristy 1981, rounded).
_YELLOW_FROM_Y = 7.0
# Brings the masses of adults near those of ICRP 145 at size 1.
_GIRTH, _SHELL = 1.05, 1.05
_THINNEST_MM = 0.25


@dataclass
class Kit:
    """What all bones of a body share.

    Attributes
    ----------
    painter
        Paints.
    """

    painter: Painter
    _columns: dict[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.painter.goals["bones"] = Goal(("bone_spongiosa",), 2.0)
        self.painter.goals["cortex"] = Goal(("bone_cortical",), 1.0)

    @cached_property
    def girth(self) -> float:
        """Thickness of all bones over the reference adult's; their length is the frame's."""
        return _GIRTH * float(self.painter.sizes.get("bones", 1.0))

    @cached_property
    def shell(self) -> float:
        """Thickness of the cortex over the reference adult's."""
        age = self.painter.frame.person.age_y
        grown = _SHELL * float(np.interp(age, _AGES, _CORTEX))
        return grown * float(self.painter.sizes.get("cortex", 1.0))

    @cached_property
    def ossified(self) -> float:
        """Share of the linear size of the ends of bones that is bone."""
        return float(np.interp(self.painter.frame.person.age_y, _AGES, _OSSIFIED))

    @property
    def free(self) -> list[int]:
        """Materials that bone may replace."""
        return self.painter.of_atoms(
            "skeletal_muscle", "subcutaneous_fat", "torso_fat", "cartilage"
        )

    @property
    def cartilage(self) -> int:
        """Material of joints and of ends that are not yet bone."""
        return self.painter.material("cartilage", "cartilage", mass="cartilage")

    def columns(self, name: str, make: Callable[[Kit], Column]) -> Column:
        """Return a column that several bones share, made once."""
        if name not in self._columns:
            self._columns[name] = make(self)
        return self._columns[name]

    def part(self, z: float) -> Part:
        """Return a part at a level of the reference adult, for points and scales there."""
        return Part(self.painter, "bones", np.array((0.0, 0.0, z)), 1.0, np.zeros(3))

    def bone(self, atom: str, region: str, z: float) -> Bone:
        """Begin a bone.

        Parameters
        ----------
        atom
            Its name; ``_cortex`` and ``_spongiosa`` are added.
        region
            Of its spongiosa, as in `tissues.csv`.
        z
            Level of the reference adult whose scales it has.
        """
        return Bone(self, atom, region, self.part(z))


@dataclass
class Bone:
    """Collects the shapes of one bone; `paint` paints their union."""

    kit: Kit
    atom: str
    region: str
    part: Part
    outer: list[Shape] = field(default_factory=list)
    inner: list[Shape] = field(default_factory=list)
    hollow: list[Shape] = field(default_factory=list)

    @property
    def cortex(self) -> int:
        """Material of the shell."""
        name = f"{self.atom}_cortex"
        return self.kit.painter.material(name, "cortical_bone", mass="bone_cortical")

    @property
    def spongiosa(self) -> int:
        """Material of the inside."""
        tissue = f"spongiosa_{self.region}"
        name = f"{self.atom}_spongiosa"
        return self.kit.painter.material(name, tissue, mass="bone_spongiosa")

    @property
    def medullary(self) -> int:
        """Material of the cavity of a shaft."""
        old = self.kit.painter.frame.person.age_y >= _YELLOW_FROM_Y
        tissue = "yellow_marrow" if old else f"spongiosa_{self.region}"
        name = f"{self.atom}_medullary"
        return self.kit.painter.material(name, tissue, mass="bone_spongiosa")

    def thick(self, shell: float) -> float:
        """Return a cortex of the reference adult in this person's mm."""
        return shell * self.part.mean * self.kit.shell

    def add(self, outer: Shape, inner: Shape | None) -> None:
        """Add a shape and what lies inside its cortex."""
        self.outer.append(outer)
        if inner is not None:
            self.inner.append(inner)

    def blob(
        self,
        centre: Point,
        half_axes: ArrayLike,
        turn: Point = (0.0, 0.0, 0.0),
        *,
        shell: float = 1.4,
        clip: Shape | None = None,
        end: bool = False,
    ) -> None:
        """Add an ellipsoid; an `end` is cartilage that becomes bone with age."""
        half = np.array(half_axes, float) * self.kit.girth
        if end:
            grown = self._cut(self.part.ellipsoid(centre, half, turn), clip)
            self.kit.painter.canvas.paint(grown, self.kit.cartilage, self.kit.free)
            half = half * self.kit.ossified
            if self.kit.ossified < 0.4:
                return
        thick = self.thick(shell)
        inner = None
        if (half * self.part.local).min() > thick + _THINNEST_MM:
            inside = self.part.ellipsoid(centre, half, turn, -thick)
            inner = self._cut(inside, clip)
        self.add(self._cut(self.part.ellipsoid(centre, half, turn), clip), inner)

    def ball(self, centre: np.ndarray, radius: float, *, shell: float = 1.4) -> None:
        """Add a ball at a point in the person's mm that becomes bone with age."""
        own = radius * self.part.mean * self.kit.girth
        place = triple(centre)
        grown = Ellipsoid.from_axes(place, (own, own, own))
        self.kit.painter.canvas.paint(grown, self.kit.cartilage, self.kit.free)
        if self.kit.ossified < 0.4:
            return
        own *= self.kit.ossified
        less = own - self.thick(shell)
        inner = Ellipsoid.from_axes(place, (less, less, less)) if less > _THINNEST_MM else None
        self.add(Ellipsoid.from_axes(place, (own, own, own)), inner)

    def tube(
        self,
        points: Sequence[Point],
        radii: ArrayLike,
        *,
        shell: float = 1.4,
        step_mm: float = 16.0,
    ) -> None:
        """Add a tube along a smooth curve through points of the reference adult."""
        straight = len(points) == 2
        path = self.part.points(points) if straight else self.part.curve(points, step_mm)
        self.chain(path, radii, shell=shell)

    def chain(self, path: np.ndarray, radii: ArrayLike, *, shell: float = 1.4) -> None:
        """Add a tube along a path [n, 3] in the person's mm; radii are the reference adult's."""
        radius = self._along(path, radii)
        less = radius - self.thick(shell)
        for n, piece in enumerate(_pieces(path, radius)):
            self.add(piece, None)
            if less[n : n + 2].min() > _THINNEST_MM:
                self.inner += _pieces(path[n : n + 2], less[n : n + 2])

    def shaft(self, path: np.ndarray, radii: ArrayLike, cavity: ArrayLike) -> None:
        """Add a shaft with a marrow cavity; where the cavity is 0 there is spongiosa.

        Parameters
        ----------
        path
            Points [n, 3] in the person's mm.
        radii, cavity
            Of the shaft and of its cavity, at equal distances, mm of the reference adult.
        """
        radius, wide = self._along(path, radii), self._along(path, cavity)
        self.outer += _pieces(path, radius)
        hollow = np.maximum(radius - (radius - wide) * self.kit.shell, 0.0)
        for n in range(len(path) - 1):
            ends = slice(n, n + 2)
            if wide[ends].min() > 0:
                if hollow[ends].min() > _THINNEST_MM:
                    self.hollow += _pieces(path[ends], hollow[ends])
            else:
                less = radius[ends] - self.thick(1.8)
                if less.min() > _THINNEST_MM:
                    self.inner += _pieces(path[ends], less)

    def paint(self, more: Sequence[int] = ()) -> None:
        """Paint the bone over fat, muscle, cartilage and `more`."""
        canvas, cortex = self.kit.painter.canvas, self.cortex
        over = [*self.kit.free, *more]
        for shape in self.outer:
            canvas.paint(shape, cortex, over)
        if self.inner:
            spongiosa = self.spongiosa
            for shape in self.inner:
                canvas.paint(shape, spongiosa, (cortex,))
        if self.hollow:
            medullary = self.medullary
            for shape in self.hollow:
                canvas.paint(shape, medullary, (cortex,))

    def _along(self, path: np.ndarray, radii: ArrayLike) -> np.ndarray:
        given = np.atleast_1d(np.asarray(radii, float)) * self.part.mean * self.kit.girth
        at = np.linspace(0, 1, len(path))
        return np.interp(at, np.linspace(0, 1, len(given)), given)

    @staticmethod
    def _cut(shape: Shape, clip: Shape | None) -> Shape:
        return shape if clip is None else Both(shape, clip)


def triple(v: ArrayLike) -> Point:
    """Return a point or a direction as three numbers."""
    x, y, z = map(float, np.asarray(v, float))
    return x, y, z


def _pieces(path: np.ndarray, radius: np.ndarray) -> list[Shape]:
    """Return a tube's pieces."""
    return [
        Capsule(
            triple(path[n]),
            triple(path[n + 1]),
            float(radius[n]),
            float(radius[n + 1]),
        )
        for n in range(len(path) - 1)
    ]
