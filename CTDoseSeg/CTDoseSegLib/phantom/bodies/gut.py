"""A body's stomach, duodenum, small bowel and colon: walls, what is in them, and gas.

Points and radii are mm of the reference adult (`frame`). A gut is painted over fat alone; where
others press on it, its wall goes round what is in it (`lining`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..shapes import HalfSpace
from .lining import WALL_MM, line
from .painter import Goal, Painter, Part, Point

Aside = Callable[[np.ndarray], np.ndarray]

# Of the small bowel's loops: where they run to and fro.
_LOOPS_X, _LOOPS_Y = (-62.0, -24.0, 16.0, 58.0), (-4.0, 24.0, 50.0)
_LOOPS_Z = (-172.0, -194.0, -216.0, -238.0, -260.0, -284.0, -308.0)


def inner_size(b: Painter, organ: str, power: float) -> float:
    """Return the size of what is in a hollow organ over the organ's own.

    It begins with the contents' share of the mass and is solved: gas takes room without mass.

    Parameters
    ----------
    b
        Paints.
    organ
        With masses ``ORGAN_wall`` and ``ORGAN_contents``.
    power
        3 for a bag, 2 for a tube.
    """
    first = _asked_size(b, organ, power)
    whole = (f"{organ}_wall", f"{organ}_contents")
    b.goals[f"{organ}_inside"] = Goal(whole[1:], power, of=whole)
    return float(np.clip(first * b.sizes.get(f"{organ}_inside", 1.0), 0.2, 0.985))


def _asked_size(b: Painter, organ: str, power: float) -> float:
    """Return the size of what is in a hollow organ over the organ's own that the masses ask for."""
    wall, contents = (b.masses_g.get(f"{organ}_{part}", 1.0) for part in ("wall", "contents"))
    return float((contents / (wall + contents)) ** (1 / power))


def _paint_gut(
    part: Part,
    organ: str,
    tissue: str,
    path: np.ndarray,
    radii: ArrayLike,
    free: tuple[int, ...],
    *,
    atom: str = "",
    filled: ArrayLike = 1.0,
) -> int:
    """Paint a gut's wall and what is in it, and return the material of that.

    Parameters
    ----------
    part
        Paints.
    organ
        Whose masses ``ORGAN_wall`` and ``ORGAN_contents`` are painted.
    tissue
        Of the wall.
    path
        Points [n, 3] of this person, mm.
    radii
        Outside, along the path.
    free
        Materials that it is painted over.
    atom
        Name of its labels; empty: `organ`.
    filled
        Radius of the inside over the mean one, along the path.
    """
    b, name = part.painter, atom or organ
    wall, core = (
        part.material(f"{name}_wall", tissue, mass=f"{organ}_wall", layer=layer)
        for layer in ("", "core")
    )
    filling = part.material(f"{name}_contents", "gut_contents", mass=f"{organ}_contents")
    at = np.linspace(0, 1, len(path))
    outer, share = (
        np.interp(at, np.linspace(0, 1, np.size(v)), np.atleast_1d(v)) for v in (radii, filled)
    )
    start, size = len(b.canvas.shapes), inner_size(b, organ, 2)
    # A newborn's wall is thinner than a label map's voxel all round: then most of the wall that
    # the masses ask for.
    asked = 1 - _asked_size(b, organ, 2)
    thin = min(WALL_MM, 0.5 * asked * float(outer.mean()) * part.mean)
    part.chain(wall, path, outer, free)
    inner = np.minimum(outer * size * share, outer - thin / part.mean)
    part.chain(core, path, np.maximum(inner, 0.2 * outer), over=(wall,))
    line(b, start, core, filling, free, mm=thin)
    return filling


def paint_stomach(b: Painter, free: tuple[int, ...], up: float) -> None:
    """Paint the stomach; gas rises to `up`, +1 anterior, -1 posterior."""
    masses = ("stomach_wall", "stomach_contents")
    part = b.part("stomach", (-46.0, 26.0, -62.0), masses, wander=3.0, power=2)
    rng = part.rng
    low = 9.0 * b.variation * float(rng.standard_normal())  # a long or a steer-horn stomach
    course = [(-46, 0, -34), (-60, 14, -48), (-58, 40, -76), (-34, 50, -104 + low),
              (2, 48, -112 + low), (28, 36, -104)]  # fmt: skip
    radii = np.array([28, 33, 29, 24, 18, 12])
    filling = _paint_gut(part, "stomach", "stomach_wall", part.curve(course), radii, free)
    if rng.random() < 0.75:
        gas = part.material("stomach_contents", "air", mass="")
        level = part.point(-60, 36 + 10 * b.variation * float(rng.uniform(-1, 1)), -40)[1]
        part.tube(gas, course[:4], radii[:4] * 0.8, over=(filling,),
                  clip=HalfSpace((0.0, -up, 0.0), -up * level))  # fmt: skip


def paint_duodenum(b: Painter, free: tuple[int, ...]) -> None:
    """Paint the C from the pylorus round the head of the pancreas to the jejunum."""
    # Its masses are the small bowel's, whose size is solved for both.
    part = b.part("duodenum", (40.0, 10.0, -130.0), wander=2.0)
    course = [(31, 37, -104), (50, 26, -98), (62, 10, -110), (63, 4, -140), (44, 2, -168),
              (6, 2, -172), (-20, 4, -158), (-28, 12, -136)]  # fmt: skip
    path = part.curve(course, 6.0)
    _paint_gut(part, "small_bowel", "gut_wall", path, 11.5, free, atom="duodenum")


def paint_colon(
    b: Painter, free: tuple[int, ...], up: float, aside: Aside | None, low: float
) -> None:
    """Paint the large bowel from the caecum to the rectum.

    Parameters
    ----------
    b, free
        Paints, and over which materials.
    up
        Where gas rises to: +1 anterior, -1 posterior.
    aside
        Pushes a path out of a womb's way.
    low
        How far a large liver presses the right flexure down, mm of the reference adult.
    """
    part = b.part("colon", (0.0, 0.0, -220.0), ("colon_wall", "colon_contents"), power=2)
    rng = part.rng
    course = np.array(_colon_course(rng, b.variation, low))
    shake = 4.0 * b.variation * rng.standard_normal((len(course), 3))
    path = part.curve([(float(x), float(y), float(z)) for x, y, z in course + shake], 7.0)
    path = path if aside is None else aside(path)
    waves = rng.uniform(0.9, 1.7) if b.variation else 1.3
    haustra = 20 + 4 * np.sin(np.arange(len(path)) * waves) + rng.normal(0, 1, len(path))
    filling = _paint_gut(part, "colon", "gut_wall", path, haustra, free, filled=_filled(b, rng))
    _paint_gas(part, "colon", path, filling, int(rng.integers(3, 10)), 7, 11.0, 4.0 * up)


def _colon_course(rng: np.random.Generator, variation: float, low: float) -> list[Point]:
    """Return the colon's course: caecum, transverse colon and sigmoid differ most."""
    caecum, sag, right, high = variation * rng.standard_normal(4)
    sag, high = 14.0 * abs(sag), 22.0 * abs(high)
    return [
        (84, 12, -266 + 12 * caecum), (94, -2, -212 - low / 2), (96, -6, -162 - low),
        (78, 26, -146 - low),
        (30, 56, -150 - sag - low / 2), (-34, 58, -142 - sag), (-84, 24, -104), (-102, -2, -120),
        (-100, -8, -180), (-94, -2, -238), (-56, 10, -286),
        (-14 + 26 * right, 0, -292 + high), (6 + 10 * right, -30, -326), (0, -44, -400),
    ]  # fmt: skip


def paint_small_bowel(b: Painter, free: tuple[int, ...], up: float, aside: Aside | None) -> None:
    """Paint jejunum and ileum into the room that all others leave."""
    masses = ("small_bowel_wall", "small_bowel_contents")
    part = b.part("small_bowel", (0.0, 10.0, -220.0), masses, power=2)
    rng = part.rng
    path = part.curve(_loops(rng, b.variation), 8.0)
    path = path if aside is None else aside(path)
    radii = np.linspace(13.0, 11.0, len(path))  # the jejunum is the wider
    filled = _filled(b, rng)
    filling = _paint_gut(part, "small_bowel", "gut_wall", path, radii, free, filled=filled)
    _paint_gas(part, "small_bowel", path, filling, int(rng.integers(2, 16)), 4, 6.0, 3.0 * up)


def _loops(rng: np.random.Generator, variation: float) -> list[Point]:
    """Return the small bowel's course: to and fro along axes in an order of the body's own."""
    axes = (_LOOPS_X, _LOOPS_Y, _LOOPS_Z)
    order = rng.permutation(3) if variation else np.array([2, 1, 0])
    mirror = -1.0 if variation and rng.random() < 0.5 else 1.0
    drawn = np.array(_to_and_fro([axes[n] for n in order]))
    points = drawn[:, np.argsort(order)]
    points[:, 0] *= mirror * np.where(points[:, 2] > -280, 1.0, 0.7)
    points += rng.normal(0, 7, points.shape) * max(variation, 0.5)
    return [(float(x), float(y), float(z)) for x, y, z in points]


def _to_and_fro(axes: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """Return the points of a grid in an order in which each is beside the one before."""
    if not axes:
        return [()]
    rest = _to_and_fro(axes[1:])
    return [
        (value, *point)
        for n, value in enumerate(axes[0])
        for point in (rest[::-1] if n % 2 else rest)
    ]


def _filled(b: Painter, rng: np.random.Generator) -> np.ndarray:
    """Return how wide a gut's inside is along it over the mean: full and empty stretches."""
    return 1.0 + 0.22 * b.variation * rng.uniform(-1, 1, 15)


def _paint_gas(
    part: Part,
    organ: str,
    path: np.ndarray,
    filling: int,
    bubbles: int,
    pieces: int,
    radius: float,
    lift_mm: float,
) -> None:
    """Paint bubbles of gas, each `pieces` of the path long, into what is in a gut."""
    gas = part.material(f"{organ}_contents", "air", mass="")
    lift = np.array([0.0, lift_mm * part.local[1], 0.0])
    widths = radius * np.sin(np.linspace(0.3, np.pi - 0.3, 5))
    starts = max(len(path) - pieces - 1, 1)
    for start in part.rng.permutation(starts)[:bubbles]:
        part.chain(gas, path[start : start + pieces] + lift, widths, over=(filling,))
