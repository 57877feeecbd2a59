"""The chest: lungs have the density of their age, and the rib cage the room for it."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.phantom.bodies.body import Body, Pose
from CTDoseSegLib.phantom.bodies.outside import Build
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.canvas import Sampler


def lung_g_ml(painter: Painter) -> float:
    return next(density for name, density, _ in painter.tissues if name == "lung")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("age_y", "sex", "density", "litres"),
    [(0, "female", (0.40, 0.62), (0.09, 0.17)), (1, "male", (0.30, 0.45), (0.30, 0.50)),
     (30, "female", (0.18, 0.28), (3.2, 5.2))],
)  # fmt: skip
def test_a_lung_has_the_density_of_its_age(age_y, sex, density, litres):
    body = Body(person=Person.of(age_y, sex), variation=0.0)
    painted_g = body.solution.masses_g["lungs"]
    assert painted_g == pytest.approx(body.masses_g["lungs"], rel=0.05)
    g_ml = lung_g_ml(body.painted(Pose(couch=False)))
    assert density[0] < g_ml < density[1]
    assert litres[0] < painted_g / g_ml / 1000 < litres[1]


def test_a_deeper_breath_widens_the_lungs_but_not_the_belly():
    def room(breath: float) -> list[int]:
        body = Body(person=Person.of(0, "male"), variation=0.0)
        painter = body._paint({"breath": breath}, Build(fat_mm=4.0), Pose(couch=False))
        lungs = painter.of_atoms("lung_*")
        affine = np.diag([1.0, 1.0, 1.0, 1.0])
        counts = []
        for atoms, level in ((lungs, 100.0), (painter.of_atoms("skin", "torso_fat"), -200.0)):
            affine[:3, 3] = (-90.0, -90.0, float(painter.frame.z(level)))
            plane = Sampler(painter.canvas, affine).plane(np.arange(180), np.arange(180), 0)
            counts.append(int(np.isin(plane, atoms).sum()))
        return counts

    shallow, deep = room(0.7), room(1.0)
    assert deep[0] > 1.3 * shallow[0]
    assert deep[1] == pytest.approx(shallow[1], rel=0.01)
