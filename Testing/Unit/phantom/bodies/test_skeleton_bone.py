"""A single bone: shell, inside, and what it may replace."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.bodies.skeleton_bone import Kit
from CTDoseSegLib.phantom.canvas import Sampler
from CTDoseSegLib.phantom.shapes import Ellipsoid


def _kit(age: float = 30, **sizes: float) -> Kit:
    return Kit(Painter(Frame(Person.of(age, "male")), {}, sizes))


def _along_x(kit: Kit, step: float = 0.1) -> list[str]:
    affine = np.diag([step, 1.0, 1.0, 1.0])
    affine[0, 3] = -40.0
    plane = Sampler(kit.painter.canvas, affine).plane(np.arange(800), np.arange(1), 0)
    return [kit.painter.canvas.materials[n].atom or "" for n in plane[0]]


def _muscle(kit: Kit, radius: float = 35.0) -> None:
    muscle = kit.painter.material("skeletal_muscle", "muscle", mass="muscle")
    kit.painter.canvas.paint(Ellipsoid.from_axes((0, 0, 0), (radius,) * 3), muscle)


def test_bone_stays_inside_what_it_may_replace():
    kit = _kit()
    _muscle(kit, 10.0)
    bone = kit.bone("femur_left", "femora", 0.0)
    bone.blob((0, 0, 0), (20, 20, 20))
    bone.paint()
    atoms = _along_x(kit)
    wide = sum(atom.startswith("femur_left") for atom in atoms)
    assert wide == pytest.approx(200, abs=1)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_shell_follows_the_cortex_size(factor):
    kit = _kit(cortex=factor)
    _muscle(kit)
    bone = kit.bone("femur_left", "femora", 0.0)
    bone.blob((0, 0, 0), (20, 20, 20), shell=1.0)
    bone.paint()
    shell = 0.1 * _along_x(kit).count("femur_left_cortex") / 2
    assert shell == pytest.approx(kit.shell, abs=0.11)
    assert kit.shell == pytest.approx(factor * _kit().shell)


def test_parts_of_one_bone_have_no_wall_between_them():
    kit = _kit()
    _muscle(kit)
    bone = kit.bone("femur_left", "femora", 0.0)
    bone.blob((-8, 0, 0), (12, 12, 12), shell=1.0)
    bone.blob((8, 0, 0), (12, 12, 12), shell=1.0)
    bone.paint()
    assert _along_x(kit)[400] == "femur_left_spongiosa"


def test_the_end_of_a_bone_is_cartilage_first():
    wide = {}
    for age in (0, 5, 30):
        kit = _kit(age)
        _muscle(kit)
        bone = kit.bone("femur_left", "femora", 0.0)
        bone.ball(np.zeros(3), 20.0)
        bone.paint()
        atoms = _along_x(kit)
        wide[age] = (atoms.count("cartilage"), sum(a.startswith("femur") for a in atoms))
    assert wide[0][0] > 0
    assert wide[0][1] == 0
    assert min(wide[5]) > 0
    assert wide[30][0] == 0
