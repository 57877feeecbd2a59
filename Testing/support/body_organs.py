"""Whole bodies at size 1, sampled around some atoms: what the tests of organs look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from CTDoseSegLib.phantom.bodies.body import Body, Pose
from CTDoseSegLib.phantom.bodies.outside import Build
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.canvas import Canvas, Sampler

FAT_MM = {0: 4.0, 1: 6.0, 5: 6.0, 10: 8.0, 15: 11.0}


@lru_cache(maxsize=24)
def painted(
    age: float,
    sex: str,
    *,
    bmi: float | None = None,
    fat_mm: float | None = None,
    week: float | None = None,
    implants: tuple[str, ...] = (),
    seed: int = 0,
    variation: float = 0.0,
) -> Painter:
    """Return a painted body whose sizes are not solved."""
    body = Body(
        person=Person.of(age, sex, bmi=bmi),
        seed=seed,
        variation=variation,
        pregnancy_week=week,
        implants=implants,
    )
    build = Build(fat_mm=fat_mm or FAT_MM.get(int(age), 14.0))
    return body._paint({}, build, Pose(couch=False))


@dataclass(frozen=True)
class Around:
    """A part of a body on a grid [k, j, i], axes up, to the front, to the right."""

    painter: Painter
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

    def ml(self, *atoms: str) -> float:
        """Return the volume of atoms."""
        return float(self.mask(*atoms).sum()) * self.step_mm**3 / 1000

    def grams(self, organ: str) -> float:
        """Return the mass of an organ."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.painter.tissues))
        own = [c * d for c, (_, d, name) in zip(counts, self.painter.tissues, strict=True)
               if name == organ]  # fmt: skip
        return float(sum(own)) * self.step_mm**3 / 1000

    def rim(self, *atoms: str) -> np.ndarray:
        """Return where the neighbours of atoms are."""
        mask = np.pad(self.mask(*atoms), 1)
        wide = mask.copy()
        for axis in range(3):
            for way in (1, -1):
                wide |= np.roll(mask, way, axis)
        return (wide & ~mask)[1:-1, 1:-1, 1:-1]

    def beside(self, *atoms: str) -> set[str]:
        """Return the atoms that touch these; the air around the body is ``""``."""
        materials = self.painter.canvas.materials
        return {materials[n].atom or "" for n in np.unique(self.labels[self.rim(*atoms)])}


def around(painter: Painter, *atoms: str, points: int = 48, margin_mm: float = 8.0) -> Around:
    """Return a body sampled on a cubic grid around atoms, `points` along the longest side."""
    canvas, wanted = painter.canvas, painter.of_atoms(*atoms)
    boxes = canvas.boxes()
    own = boxes[[
        n for n, (fill, table) in enumerate(zip(canvas.fills, canvas.tables, strict=True))
        if _paints(fill, table, wanted)
    ]]  # fmt: skip
    low = own[:, :, 0].min(axis=0) - margin_mm
    high = own[:, :, 1].max(axis=0) + margin_mm
    step = float((high - low).max() / points)
    shape = np.ceil((high - low) / step).astype(int)
    near = np.flatnonzero(((boxes[:, :, 0] <= high) & (boxes[:, :, 1] >= low)).all(axis=1))
    lists = (canvas.shapes, canvas.fills, canvas.tables)
    part = Canvas(canvas.materials, *([items[n] for n in near] for items in lists))
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = low + step / 2
    sampler = Sampler(part, affine)
    i, j = np.arange(shape[0]), np.arange(shape[1])
    labels = np.array([sampler.plane(i, j, k) for k in range(shape[2])])
    return Around(painter, labels, low + step / 2, step)


def _paints(fill: int | None, table: np.ndarray | None, wanted: list[int]) -> bool:
    """Return whether a shape paints one of the wanted materials."""
    if table is None:
        return fill in wanted
    return bool(np.isin(table[table != np.arange(len(table))], wanted).any())
