"""Paints a body's organs: shapes of the reference adult, carried to the person, with tissues."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..canvas import Canvas
from ..shapes import ENDLESS, Both, Capsule, Column, Ellipsoid, Shape
from ..tissues import tissue
from .contrast import iodine_of_body
from .frame import Frame, Point

# Metal is brighter than any usual scanner's scale, which ends here (12 bits).
MOST_HU = 3050.0


@dataclass(frozen=True)
class Goal:
    """What the size of a part is solved for.

    Attributes
    ----------
    organs
        Of `Painter.masses_g`, whose sum the part is to have.
    power
        How that mass grows with the size: 3 as a whole, 2 where a tube of fixed course grows
        wider, 1 for a thickness or a density.
    of
        Organs of whose sum it is a share; empty: the mass itself is the goal.
    times
        What that mass is multiplied by: density over the wanted one, where a volume is the goal.
    """

    organs: tuple[str, ...]
    power: float = 3.0
    of: tuple[str, ...] = ()
    times: float = 1.0


@dataclass
class Painter:
    """What all parts of a body share while it is painted.

    Attributes
    ----------
    frame
        Carries points of the reference adult to the person.
    masses_g
        Mass of each organ with its blood: what the sizes aim at.
    sizes
        Linear size of each part over the reference adult's after the frame's scaling; parts
        without an entry have 1.
    seed
        Of positions, fillings and jitter. Each part draws from a generator of its own, so that
        a change of one part's size leaves all other draws as they were.
    variation
        0: nothing is drawn but textures; 1: positions and HU vary as published.
    kvp
        Tube voltage that the HU are of.
    phase
        Of contrast: one of `contrast.PHASES`.
    """

    frame: Frame
    masses_g: Mapping[str, float]
    sizes: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    variation: float = 1.0
    kvp: float = 120.0
    phase: str = "none"
    canvas: Canvas = field(default_factory=Canvas)
    # By material: the tissue's name, its density in g/ml, and the organ whose mass it is of.
    tissues: list[tuple[str, float, str]] = field(default_factory=lambda: [("air", 0.0012, "")])
    goals: dict[str, Goal] = field(default_factory=dict)  # by part
    _known: dict[tuple, int] = field(default_factory=dict)
    _iodine_mg_ml: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        drawn = self.rng("contrast") if self.variation else None
        self._iodine_mg_ml = iodine_of_body(self.phase, drawn)

    def rng(self, name: str) -> np.random.Generator:
        """Return the generator of a part, the same for the same seed and name."""
        return np.random.default_rng([self.seed, 3, zlib.crc32(name.encode())])

    def material(
        self,
        atom: str,
        name: str,
        *,
        mass: str = "",
        density_g_ml: float | None = None,
        blood: str | None = None,
        layer: str = "",
    ) -> int:
        """Return the index of a material, which is added when it is new.

        Parameters
        ----------
        atom
            Label that it belongs to.
        name
            Of its tissue in `tissues.csv`.
        mass
            Organ in `masses_g` that its mass counts for.
        density_g_ml
            Other than the tissue's own.
        blood
            Vessel or organ in `contrast.csv` whose iodine it takes up; None: that of `mass`.
        layer
            Keeps apart materials that are alike but for what is painted over them.
        """
        key = (atom, name, mass, density_g_ml, blood, layer)
        if key not in self._known:
            what = tissue(name, self.frame.person.age_y)
            iodine = self._iodine_mg_ml.get(blood or mass, 0.0)
            density = what.density_g_ml if density_g_ml is None else density_g_ml
            hu = what.hu(self.kvp, iodine_mg_ml=iodine, density_g_ml=density)
            hu = min(hu, MOST_HU)
            hu += 3.0 * self.variation * float(self.rng(f"hu {atom}").standard_normal())
            self._known[key] = self.canvas.material(atom, hu)
            self.tissues.append((name, density, mass))
        return self._known[key]

    def of_atoms(self, *atoms: str) -> list[int]:
        """Return the materials so far of these atoms; an atom ending in ``*`` names a family."""
        names = [m.atom or "" for m in self.canvas.materials]
        return [
            n
            for n, name in enumerate(names)
            if any(name.startswith(a[:-1]) if a.endswith("*") else name == a for a in atoms)
        ]

    def air(self) -> list[int]:
        """Return what is outside the body and may give way to it: the air and a blanket."""
        return [0, *self.of_atoms("blanket")]

    def of_tissues(self, *names: str) -> list[int]:
        """Return the materials so far of these tissues."""
        return [n for n, (name, _, _) in enumerate(self.tissues) if name in names]

    def part(
        self,
        name: str,
        about: Point,
        masses: Sequence[str] = (),
        *,
        wander: float = 0.0,
        place: str = "",
        power: float = 3.0,
    ) -> Part:
        """Begin a part: an organ, or organs that grow and move together.

        Parameters
        ----------
        name
            Key of its size in `sizes`.
        about
            Point of the reference adult about which it grows.
        masses
            Organs of `masses_g` that it is made of: its size is solved for their sum.
        wander
            SD of its position along each axis, mm in the reference adult.
        place
            Name that its position is drawn by; empty: `name`.
        power
            See `Goal`.
        """
        self.goals[name] = Goal(tuple(masses), power)
        shift = wander * self.variation * self.rng(f"place {place or name}").standard_normal(3)
        size = float(self.sizes.get(name, 1.0))
        return Part(self, name, np.array(about, float), size, shift, power == 3)


@dataclass(frozen=True)
class Part:
    """Paints one part; all points, half axes and radii are mm of the reference adult."""

    painter: Painter
    name: str
    about: np.ndarray
    size: float
    shift: np.ndarray
    whole: bool = True  # False: its size widens it but leaves its course as it is

    @property
    def rng(self) -> np.random.Generator:
        """A new generator for this part's own draws."""
        return self.painter.rng(self.name)

    @property
    def local(self) -> tuple[float, float, float]:
        """Breadth, depth and height at the part's place over the reference adult's, with size."""
        wide, deep, tall = self.painter.frame.scale(float(self.about[2]))
        return wide * self.size, deep * self.size, tall * self.size

    @property
    def mean(self) -> float:
        """One scale for radii."""
        return float(np.prod(self.local) ** (1 / 3))

    def point(self, x: float, y: float, z: float) -> Point:
        """Return the person's point, mm, of a point of the reference adult in this part."""
        size = self.size if self.whole else 1.0
        own = self.about + size * (np.array([x, y, z]) - self.about) + self.shift
        return self.painter.frame.point(*own)

    def points(self, points: Iterable[Point]) -> np.ndarray:
        """Return points [n, 3] of this person."""
        return np.array([self.point(*p) for p in points])

    def material(self, atom: str, name: str, **more) -> int:
        """Return a material: `Painter.material`; its mass counts for the part's first organ."""
        masses = self.painter.goals[self.name].organs
        more.setdefault("mass", masses[0] if masses else "")
        return self.painter.material(atom, name, **more)

    def paint(self, shape: Shape, material: int, over: Iterable[int] | None = None) -> None:
        """Paint a shape that is already in this person's mm."""
        self.painter.canvas.paint(shape, material, over)

    def ellipsoid(
        self, centre: Point, half_axes: ArrayLike, turn: Point = (0.0, 0.0, 0.0), grow: float = 0.0
    ) -> Ellipsoid:
        """Return an ellipsoid; `grow` is added to its half axes, in the person's own mm."""
        half = np.maximum(np.array(half_axes, float) * self.local + grow, 0.2)
        return Ellipsoid.from_axes(self.point(*centre), half, turn)

    def blob(
        self,
        material: int,
        centre: Point,
        half_axes: ArrayLike,
        turn: Point = (0.0, 0.0, 0.0),
        over: Iterable[int] | None = None,
        *,
        grow: float = 0.0,
        clip: Shape | None = None,
    ) -> Ellipsoid:
        """Paint an ellipsoid and return it."""
        shape = self.ellipsoid(centre, half_axes, turn, grow)
        self.paint(Both(shape, clip) if clip else shape, material, over)
        return shape

    def curve(self, points: Sequence[Point], step_mm: float = 8.0) -> np.ndarray:
        """Return a smooth curve [n, 3] through points, in the person's mm."""
        from scipy.interpolate import CubicSpline

        knots = self.points(points)
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
        at = np.linspace(0, length[-1], max(3, int(length[-1] / (step_mm * self.mean))))
        if len(knots) == 2:
            return np.linspace(knots[0], knots[1], len(at))
        return CubicSpline(length, knots)(at)

    def tube(
        self,
        material: int,
        points: Sequence[Point],
        radii: ArrayLike,
        over: Iterable[int] | None = None,
        *,
        step_mm: float = 8.0,
        grow: float = 0.0,
        clip: Shape | None = None,
    ) -> None:
        """Paint a tube along a smooth curve; `radii` are at equal distances along it."""
        self.chain(material, self.curve(points, step_mm), radii, over, grow=grow, clip=clip)

    def chain(
        self,
        material: int,
        path: np.ndarray,
        radii: ArrayLike,
        over: Iterable[int] | None = None,
        *,
        grow: float = 0.0,
        clip: Shape | None = None,
    ) -> None:
        """Paint a tube along a path [n, 3] in the person's mm; `grow` (own mm) widens it."""
        for piece in self.pieces(path, radii, grow):
            self.paint(Both(piece, clip) if clip else piece, material, over)

    def pieces(self, path: np.ndarray, radii: ArrayLike, grow: float = 0.0) -> list[Capsule]:
        """Return the pieces of a tube along a path [n, 3] in the person's mm."""
        scaled = np.atleast_1d(np.asarray(radii, float)) * self.mean + grow
        if scaled.max() <= 0:
            return []
        at, given = np.linspace(0, 1, len(path)), np.linspace(0, 1, len(scaled))
        radius = np.maximum(np.interp(at, given, scaled), 0.1)
        return [
            Capsule(tuple(path[n]), tuple(path[n + 1]), radius[n], radius[n + 1])
            for n in range(len(path) - 1)
        ]

    def column(
        self,
        knots: ArrayLike,
        *,
        grow: float = 0.0,
        power: float = 2.0,
        z_range: tuple[float, float] | None = None,
    ) -> Column:
        """Return a column through knots (z, half axes x and y, centre x and y)."""
        own = []
        for z, a, b, x, y in np.asarray(knots, float):
            wide, deep, _ = self.painter.frame.scale(z)
            cx, cy, cz = self.point(x, y, z)
            own.append((cz, a * wide * self.size, b * deep * self.size, cx, cy))
        ends = ENDLESS
        if z_range is not None:
            low, high = (self.point(0, 0, z)[2] for z in z_range)
            ends = (low, high)
        return Column.smooth(np.array(own), power, ends, grow)
