"""Finds the sizes of organs, the fat and the muscle that give a body its masses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...ct.organs import OUTSIDE_BODY
from ..canvas import Canvas, Sampler
from .outside import Build
from .painter import Goal, Painter

# Cubes to the stature, round by round: the first rounds need not be exact.
_ROUNDS = (180, 200, 240, 300, 360)
_FINE_FROM = 240  # where small organs are worth a grid of their own
# Sizes of ICRP's reference man: where every body begins.
START = {
    "bones": 1.14, "cortex": 1.1, "lung_density": 0.84, "heart": 1.32, "heart_chambers": 1.4,
    "thymus": 1.43, "kidneys": 1.2, "adrenal_glands": 1.4, "pancreas": 1.7, "gallbladder": 1.35,
    "spleen": 1.3, "liver": 1.5, "stomach": 1.25, "colon": 1.1, "small_bowel": 1.15,
    "breasts": 0.87,
}  # fmt: skip
_SMALLEST, _LARGEST = 0.15, 4.0  # of a part's size over the reference adult's
_LEAST_MUSCLE = 0.3
_FEW_POINTS = 600  # an organ with fewer is weighed on a grid of its own
_SMALL_POINTS = 10_000
_PLANES = 2.0


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
    sizes, build = dict(START), start
    tried: list[tuple[float, float]] = []  # fat and weight
    for parts in _ROUNDS:
        painter = paint(sizes, build)
        masses, body = weigh(painter, parts)
        found = Solution(dict(sizes), build, masses, body)
        for part, goal in painter.goals.items():
            factor = _factor(goal, painter.masses_g, masses)
            sizes[part] = float(np.clip(sizes.get(part, 1.0) * factor, _SMALLEST, _LARGEST))
        tried.append((build.fat_mm, body))
        build = _next_build(build, painter, masses, weight_kg, tried)
    return found


def _factor(goal: Goal, wanted: Mapping[str, float], masses: Mapping[str, float]) -> float:
    """Return by what a part's size is to be multiplied."""
    target, have = (sum(m.get(o, 0.0) for o in goal.organs) for m in (wanted, masses))
    if target <= 0 or have <= 0:
        return 1.0
    if goal.of:
        target /= sum(wanted.get(o, 0.0) for o in goal.of)
        have /= sum(masses.get(o, 0.0) for o in goal.of)
    return float(np.clip((goal.times * target / have) ** (1 / goal.power), 0.6, 1.6))


def _next_build(
    build: Build,
    painter: Painter,
    masses: Mapping[str, float],
    weight_kg: float,
    tried: list[tuple[float, float]],
) -> Build:
    """Return fat, muscle and skin for the next round."""
    muscle = build.muscle
    if masses.get("muscle"):
        ratio = painter.masses_g.get("muscle", 0.0) / masses["muscle"]
        muscle = float(np.clip(muscle * np.clip(ratio, 0.7, 1.4), _LEAST_MUSCLE, 1.8))
    skin = build.skin
    if masses.get("skin"):
        skin *= painter.masses_g.get("skin", 0.0) / masses["skin"]
    (fat, body), earlier = tried[-1], tried[:-1]
    # Fat under the skin covers most of the body's surface at a share of the belly's thickness.
    person = painter.frame.person
    surface_mm2 = 1e6 * 0.016667 * (person.height_mm / 10 * person.weight_kg) ** 0.5
    grams_a_mm = 0.95e-3 * 0.6 * surface_mm2 * (1 + build.visceral)
    if earlier and abs(fat - earlier[-1][0]) > 0.2:
        slope = (body - earlier[-1][1]) / (fat - earlier[-1][0])
        grams_a_mm = float(np.clip(slope, 0.6 * grams_a_mm, 2.5 * grams_a_mm))
    missing = weight_kg * 1000 - body
    missing -= 0.5 * masses.get("skin", 0.0) * (skin / build.skin - 1)
    missing -= 0.6 * masses.get("muscle", 0.0) * (muscle / build.muscle - 1)
    fat = float(np.clip(fat + missing / grams_a_mm, 0.5, 170.0))
    return replace(build, muscle=muscle, skin=float(np.clip(skin, 0.4, 2.5)), fat_mm=fat)


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
    outside = set(painter.of_atoms(*OUTSIDE_BODY))
    masses: dict[str, float] = {}
    points: dict[str, int] = {}
    total = 0.0
    for n, (_, density, organ) in enumerate(painter.tissues):
        if n == 0 or n in outside:
            continue
        grams = counts[n] * _PLANES * mm**3 / 1000 * density
        masses[organ] = masses.get(organ, 0.0) + grams
        points[organ] = points.get(organ, 0) + int(counts[n])
        total += grams
    small = [organ for organ, count in points.items() if organ and count < _FEW_POINTS]
    fine = scale.small(small, mm) if parts >= _FINE_FROM else {}
    return {**masses, **fine}, float(total)


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
        self._paints = painter.canvas.paints()

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
        """Return how many points of a grid in a box lie in each material.

        The grid has steps of `mm` in planes that are `_PLANES` times as far apart, because a plane
        costs more than its points.
        """
        counts = np.zeros(len(self._tissues), np.int64)
        if box is None:
            return counts
        steps = np.array([mm, mm, _PLANES * mm])
        shape = np.ceil((box[:, 1] - box[:, 0]) / steps).astype(int)
        affine = np.diag([*steps, 1.0])
        affine[:3, 3] = box[:, 0] + steps / 2
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

    def small(self, organs: list[str], mm: float) -> dict[str, float]:
        """Return the mass, g, of those organs that a grid of their own shows better than `mm`."""
        found = {}
        for organ in organs:
            own = [n for n, (_, _, name) in enumerate(self._tissues) if name == organ]
            box = self.within(own)
            if box is None:
                continue
            step = float(np.prod(box[:, 1] - box[:, 0]) / _PLANES / _SMALL_POINTS) ** (1 / 3)
            if step < 0.7 * mm:
                counts = self.counts(box, step)
                density = np.array([self._tissues[n][1] for n in own])
                grams = _PLANES * step**3 / 1000 * (counts[own] @ density)
                found[organ] = float(grams)
        return found
