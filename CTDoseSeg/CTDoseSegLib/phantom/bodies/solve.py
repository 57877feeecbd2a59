"""Finds the sizes of organs, the fat and the muscle that give a body its masses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..shapes import Canvas, Sampler
from .outside import Build
from .painter import Painter

# Cubes to the stature, round by round: the first rounds need not be exact.
_ROUNDS = (200, 200, 240, 280, 320, 360)
_SMALLEST, _LARGEST = 0.15, 2.5  # of a part's size over the reference adult's
_FEW_POINTS = 1200  # an organ with fewer is weighed on a grid of its own
_SMALL_POINTS = 40_000


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    Attributes
    ----------
    sizes
        Of the parts: see `Painter.sizes`.
    build
        Fat and muscle.
    masses_g
        Mass of each organ as painted, at the solver's resolution.
    body_g
        Mass of the whole body.
    """

    sizes: dict[str, float]
    build: Build
    masses_g: dict[str, float]
    body_g: float


def solve(
    paint: Callable[[dict[str, float], Build], Painter], weight_kg: float, start: Build
) -> Solution:
    """Repeat the painting with other sizes until the masses are the wanted ones.

    Parameters
    ----------
    paint
        Paints the body with sizes and build.
    weight_kg
        Of the whole body.
    start
        First guess.
    """
    sizes: dict[str, float] = {}
    build = start
    for parts in _ROUNDS:
        painter = paint(sizes, build)
        masses, body = weigh(painter, parts)
        found = Solution(dict(sizes), build, masses, body)
        wanted = painter.masses_g
        for part, (organs, power) in painter.solved.items():
            target = sum(wanted.get(o, 0.0) for o in organs)
            have = sum(masses.get(o, 0.0) for o in organs)
            if target > 0 and have > 0:
                factor = np.clip((target / have) ** (1 / power), 0.6, 1.6)
                size = sizes.get(part, 1.0) * float(factor)
                sizes[part] = float(np.clip(size, _SMALLEST, _LARGEST))
        build = _next_build(build, painter, masses, body, weight_kg)
    return found


def _next_build(
    build: Build, painter: Painter, masses: dict[str, float], body: float, weight_kg: float
) -> Build:
    """Return fat and muscle for the next round."""
    muscle = build.muscle
    if masses.get("muscle"):
        ratio = painter.masses_g.get("muscle", 0.0) / masses["muscle"]
        muscle = float(np.clip(muscle * np.clip(ratio, 0.7, 1.4) ** 0.8, 0.45, 1.8))
    # Fat under the skin covers about 0.75 of the body's surface at its share of the thickness.
    person = painter.frame.person
    area_mm2 = 1e6 * 0.016667 * (person.height_mm / 10 * person.weight_kg) ** 0.5
    gained = 0.95e-3 * 0.85 * area_mm2 * (1 + 0.5 * build.visceral)
    step = (weight_kg * 1000 - body) / gained
    if muscle != build.muscle and masses.get("muscle"):
        step -= 0.8 * masses["muscle"] * (muscle / build.muscle - 1) / gained
    fat = float(np.clip(build.fat_mm + 0.9 * step, 0.8, 160.0))
    return replace(build, fat_mm=fat, muscle=muscle)


def weigh(painter: Painter, parts: int = 420) -> tuple[dict[str, float], float]:
    """Return the mass of each organ and of the body, g.

    Parameters
    ----------
    painter
        With a finished canvas.
    parts
        How many cubes the stature is sampled by.
    """
    scale = _Scale(painter)
    mm = painter.frame.person.height_mm / parts
    counts = scale.counts(scale.within(None), mm)
    outside = set(painter.of_atoms("couch", "headrest", "blanket"))
    masses: dict[str, float] = {}
    points: dict[str, int] = {}
    total = 0.0
    for n, (_, density, organ) in enumerate(painter.tissues):
        if n == 0 or n in outside:
            continue
        grams = counts[n] * mm**3 / 1000 * density
        masses[organ] = masses.get(organ, 0.0) + grams
        points[organ] = points.get(organ, 0) + int(counts[n])
        total += grams
    small = {organ for organ, count in points.items() if organ and count < _FEW_POINTS}
    return {**masses, **{organ: scale.small(organ) for organ in small}}, float(total)


class _Scale:
    """Weighs what is on a canvas.

    Parameters
    ----------
    painter
        With a finished canvas.
    """

    def __init__(self, painter: Painter) -> None:
        self._tissues, self._canvas = painter.tissues, painter.canvas
        self._boxes = painter.canvas.boxes()
        self._paints = np.array(
            [
                _painted(table) if fill is None else fill
                for fill, table in zip(painter.canvas.fills, painter.canvas.tables, strict=True)
            ]
        )

    def within(self, materials: list[int] | None) -> np.ndarray | None:
        """Return the box [3, 2], mm, of the shapes that paint materials; None: any."""
        chosen = np.abs(self._boxes).max(axis=(1, 2)) < 5000
        if materials is not None:
            chosen &= np.isin(self._paints, materials)
        boxes = self._boxes[chosen]
        if len(boxes) == 0:
            return None
        return np.stack([boxes[:, :, 0].min(axis=0), boxes[:, :, 1].max(axis=0)], axis=1)

    def counts(self, box: np.ndarray | None, mm: float) -> np.ndarray:
        """Return how many points of a cubic grid of `mm` in a box lie in each material."""
        counts = np.zeros(len(self._tissues), np.int64)
        if box is None:
            return counts
        shape = np.ceil((box[:, 1] - box[:, 0]) / mm).astype(int)
        affine = np.diag([mm, mm, mm, 1.0])
        affine[:3, 3] = box[:, 0] + mm / 2
        near = np.flatnonzero(
            ((self._boxes[:, :, 0] <= box[:, 1]) & (self._boxes[:, :, 1] >= box[:, 0])).all(axis=1)
        )
        part = Canvas(
            self._canvas.materials,
            [self._canvas.shapes[n] for n in near],
            [self._canvas.fills[n] for n in near],
            [self._canvas.tables[n] for n in near],
        )
        sampler = Sampler(part, affine)
        for k in range(shape[2]):
            plane = sampler.plane(np.arange(shape[0]), np.arange(shape[1]), k)
            counts += np.bincount(plane.ravel(), minlength=counts.size)[: counts.size]
        return counts

    def small(self, organ: str) -> float:
        """Return the mass, g, of an organ that is too small for the whole body's grid."""
        own = [n for n, (_, _, name) in enumerate(self._tissues) if name == organ]
        box = self.within(own)
        if box is None:
            return 0.0
        mm = float(np.prod(box[:, 1] - box[:, 0]) / _SMALL_POINTS) ** (1 / 3)
        counts = self.counts(box, mm)
        return float(sum(counts[n] * self._tissues[n][1] for n in own) * mm**3 / 1000)


def _painted(table: np.ndarray | None) -> int:
    """Return a material that a table paints with; -1 where it changes nothing."""
    values = np.arange(0) if table is None else np.asarray(table)
    changed = values[values != np.arange(len(values))]
    return int(changed.max()) if len(changed) else -1
