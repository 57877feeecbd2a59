"""A grown man's chest and belly on a grid of 2 mm, painted with sizes from before the solving."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from CTDoseSegLib.phantom.bodies.body import Body, Pose
from CTDoseSegLib.phantom.bodies.outside import Build
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.bodies.solve import START
from CTDoseSegLib.phantom.canvas import Sampler

MM, LOW, HIGH = 2.0, -410.0, 130.0


@dataclass(frozen=True)
class Grid:
    """Materials [z, y, x] of a body and their atoms; mm of `at` are the reference adult's."""

    materials: np.ndarray
    atoms: tuple[str, ...]
    low: np.ndarray

    def of(self, *atoms: str) -> np.ndarray:
        """Return where these atoms are."""
        return np.isin(self.materials, [n for n, a in enumerate(self.atoms) if a in atoms])

    def at(self, *atoms: str) -> np.ndarray:
        """Return the points [n, 3] of these atoms: x, y, z in mm."""
        found = np.argwhere(self.of(*atoms))
        assert len(found), atoms
        return found[:, ::-1] * MM + self.low


@lru_cache(maxsize=4)
def reference_man(seed: int) -> Grid:
    """Return a man of 30 years, with all spreads."""
    painter = Body(person=Person.of(30, "male"), seed=seed)._paint(
        dict(START), Build(), Pose(couch=False)
    )
    low = np.array([-180.0, -130.0, float(painter.frame.z(LOW))])
    affine = np.diag([MM, MM, MM, 1.0])
    affine[:3, 3] = low
    sampler, planes = Sampler(painter.canvas, affine), int((HIGH - LOW) / MM)
    drawn = [sampler.plane(np.arange(180), np.arange(130), k) for k in range(planes)]
    return Grid(np.array(drawn), tuple(m.atom or "" for m in painter.canvas.materials), low)


def touching(grid: Grid, inside: tuple[str, ...]) -> np.ndarray:
    """Return the share of the surface of atoms, by neighbour's material."""
    mine, counts = grid.of(*inside), np.zeros(len(grid.atoms))
    for axis in range(3):
        for step in (1, -1):
            beside = np.roll(grid.materials, step, axis)[mine & ~np.roll(mine, step, axis)]
            counts += np.bincount(beside, minlength=len(counts))
    return counts / counts.sum()


def bare_share(grid: Grid, inside: tuple[str, ...], may_touch: tuple[str, ...]) -> float:
    """Return the share of the surface of atoms that touches anything but `may_touch`."""
    shares = touching(grid, inside)
    return float(
        sum(s for s, atom in zip(shares, grid.atoms, strict=True) if atom not in may_touch)
    )
