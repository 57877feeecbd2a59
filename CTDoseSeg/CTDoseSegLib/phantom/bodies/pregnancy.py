"""A pregnant woman's womb: uterus, placenta, amniotic fluid and the fetus in it.

Lengths are the woman's own mm: a fetus does not follow its mother's height.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...errors import InputError
from ..shapes import Both, Ellipsoid
from .fetus import FIRST_WEEK as FETUS_FROM
from .fetus import LAST_WEEK as FETUS_TO
from .fetus import Fetus
from .fetus_painting import paint_fetus
from .fetus_shapes import Pose, Room
from .frame import Frame, Point
from .outside import BELLY_CAVITY, Build, trunk_knots
from .painter import Painter
from .person import Person

FIRST_WEEK, LAST_WEEK = 5.0, 41.0
AGES_Y = (15.0, 50.0)
# Grams by week. Uterus: from about 80 g to 1.1 kg (memory: obstetric textbooks). Placenta: memory,
# Boyd and Hamilton 1970. Fluid: memory, Brace and Wolf 1989. Weeks between: judgement.
_WEEKS = (5, 8, 10, 12, 16, 20, 24, 28, 33, 37, 41)
_UTERUS_G = (90, 120, 150, 190, 300, 430, 570, 720, 900, 1030, 1100)
_PLACENTA_G = (0.8, 8, 18, 35, 85, 150, 220, 300, 400, 490, 570)
_FLUID_G = (0.6, 8, 28, 60, 180, 350, 500, 640, 780, 770, 680)
# Half axes over the largest: a pear, then a globe, then an upright egg (judgement).
_SHAPE_WEEKS = (5, 12, 20, 40)
_BREADTH, _DEPTH = (0.72, 0.84, 0.78, 0.80), (0.56, 0.74, 0.62, 0.55)
_UTERUS_DENSITY, _OTHER_DENSITY = 1.045, 1.025
# The cervix and the front of the spine with the great vessels, in the reference adult.
_CERVIX: Point = (0.0, -12.0, -346.0)
_SPINE_FRONT = -18.0
_HEAD_DOWN_FROM_WEEK = 32.0
_GUT_MM = 10.0  # radius of the gut beside the womb
_WALL_GAP_MM = 2.0
# Fluid between a fetus and what is round it; near term little is left (judgement).
_FILM_WEEKS, _FILM_MM = (10, 20, 30, 40), (1.0, 2.5, 2.5, 2.0)
_PRESSED_WEEKS, _PRESSED = (16, 24, 32, 39), (1.0, 1.07, 1.2, 1.3)
_PUSHED_TO = 1.8  # in half axes: how far gut gives way


@dataclass(frozen=True)
class Womb:
    """Where the womb is: an ellipsoid of the woman's own mm, leant to the front.

    Attributes
    ----------
    centre
        Its middle.
    half_axes
        Of the outside.
    inner
        Size of the cavity over the outside.
    lean_deg
        By which its upper end lies in front.
    depth_mm
        How far `Build.womb_mm` has to push the belly's wall so that it goes round the womb.
    """

    centre: Point
    half_axes: np.ndarray
    inner: float
    lean_deg: float
    depth_mm: float

    def ellipsoid(self, size: float, shift_y: float = 0.0) -> Ellipsoid:
        """Return the womb's ellipsoid at a size, shifted in its own depth."""
        x, y, z = self.centre
        return Ellipsoid.from_axes(
            (x, y + shift_y, z), self.half_axes * size, (self.lean_deg, 0.0, 0.0)
        )

    def aside(self, path: np.ndarray) -> np.ndarray:
        """Return a path [n, 3] of a gut, pushed up and to the sides by the womb."""
        room = self.half_axes + _GUT_MM
        a = np.deg2rad(self.lean_deg)
        lean = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        q = (path - np.array(self.centre)) @ lean / room
        edge = np.sqrt(np.maximum(1 - q[:, 1] ** 2, 0.0))
        far = np.hypot(q[:, 0], q[:, 2])
        # What was in the middle goes to the womb's edge; far from it nothing moves.
        pushed = np.where(far < _PUSHED_TO, edge + far * (1 - edge / _PUSHED_TO), far)
        beside = q[:, [0, 2]] / np.maximum(far, 1e-6)[:, None]
        q[:, [0, 2]] = beside * pushed[:, None]
        return q * room @ lean.T + np.array(self.centre)


def check_pregnancy(person: Person, week: float) -> None:
    """Refuse a man, a child, and weeks that no pregnancy has.

    Raises
    ------
    InputError
        The person cannot be pregnant, or the week is outside 5 to 41.
    """
    if person.sex != "female" or not AGES_Y[0] <= person.age_y <= AGES_Y[1]:
        raise InputError(
            f"A {person.sex} body of {person.age_y:g} years cannot be built pregnant; give a woman "
            f"of {AGES_Y[0]:g} to {AGES_Y[1]:g} years."
        )
    if not FIRST_WEEK <= week <= LAST_WEEK:
        raise InputError(
            f"A pregnancy of {week:g} weeks cannot be built; give {FIRST_WEEK:g} to "
            f"{LAST_WEEK:g} weeks from the last menstruation."
        )


def fetus_of(week: float) -> Fetus:
    """Return a fetus also of the weeks that `Fetus.of` leaves out: the embryo grows evenly."""
    fetus = Fetus.of(float(np.clip(week, FETUS_FROM, FETUS_TO)))
    # An embryo of five weeks is 2 mm long, one of eight weeks 16 mm.
    return replace(fetus, weight_g=fetus.weight_g * float(np.exp(2.1 * min(week - FETUS_FROM, 0))))


def pregnancy_masses_g(week: float) -> dict[str, float]:
    """Return the masses of uterus, placenta, amniotic fluid and fetus, in g.

    Examples
    --------
    >>> from CTDoseSegLib.phantom.bodies.pregnancy import pregnancy_masses_g
    >>> {organ: round(mass) for organ, mass in pregnancy_masses_g(24).items()}
    {'uterus': 570, 'placenta': 220, 'amniotic_fluid': 500, 'fetus': 670}
    """
    tables = {"uterus": _UTERUS_G, "placenta": _PLACENTA_G, "amniotic_fluid": _FLUID_G}
    masses = {k: float(np.exp(np.interp(week, _WEEKS, np.log(v)))) for k, v in tables.items()}
    return {**masses, "fetus": fetus_of(week).weight_g}


def womb_of(frame: Frame, build: Build, week: float) -> Womb:
    """Return the womb of a week, resting on the spine behind it and the pelvic floor below."""
    masses = pregnancy_masses_g(week)
    wall = masses["uterus"] / _UTERUS_DENSITY
    inside = sum(masses[k] for k in ("placenta", "amniotic_fluid", "fetus")) / _OTHER_DENSITY
    wide, deep = (float(np.interp(week, _SHAPE_WEEKS, v)) for v in (_BREADTH, _DEPTH))
    longest = ((wall + inside) * 1000 / (4 / 3 * np.pi * wide * deep)) ** (1 / 3)
    half = longest * np.array([wide, deep, 1.0])
    _, cervix_y, cervix_z = frame.point(*_CERVIX)
    spine = frame.point(0.0, _SPINE_FRONT, -220.0)[1]
    risen = float(np.interp(week, (8, 16), (0.0, 1.0)))  # out of the pelvis
    # Fat behind the belly's wall carries the womb to the front, by half of what it does the wall.
    behind = max(cervix_y, spine + half[1] + 0.5 * build.belly_mm)
    y = cervix_y + risen * (behind - cervix_y)
    # The bladder below holds it up.
    z = cervix_z + 1.02 * half[2]
    lean = -30.0 + 14.0 * risen
    centre = (0.0, y, z)
    return Womb(
        centre=centre,
        half_axes=half,
        inner=float((inside / (inside + wall)) ** (1 / 3)),
        lean_deg=lean,
        depth_mm=_needed_bulge_mm(frame, build, centre, half, lean),
    )


def _needed_bulge_mm(
    frame: Frame, build: Build, centre: Point, half: np.ndarray, lean_deg: float
) -> float:
    """Return the bulge that brings the belly's wall before the womb's front at all levels."""
    turn, a = np.deg2rad(np.linspace(-20, 20, 11)), np.deg2rad(lean_deg)
    along, up = half[1] * np.cos(turn), half[2] * np.sin(turn)
    y = centre[1] + along * np.cos(a) - up * np.sin(a)
    z = centre[2] + along * np.sin(a) + up * np.cos(a)
    fronts = []
    for womb_mm in (0.0, 1.0):
        knots = trunk_knots(frame, replace(build, womb_mm=womb_mm), BELLY_CAVITY)[::-1]
        fronts.append(np.interp(z, knots[:, 0], knots[:, 4] + knots[:, 2]))
    share = fronts[1] - fronts[0]
    movable = share > 0.75
    needed = (y + _WALL_GAP_MM - fronts[0])[movable] / share[movable]
    return float(max(needed.max(initial=0.0), 0.0))


def build_with_womb(frame: Frame, build: Build, week: float) -> Build:
    """Return a build whose belly goes round the womb of a week."""
    return replace(build, womb_mm=womb_of(frame, build, week).depth_mm)


def paint_pregnancy(b: Painter, build: Build, week: float) -> None:
    """Paint uterus, placenta, amniotic fluid and fetus; the masses are `pregnancy_masses_g`.

    Parameters
    ----------
    b
        Paints; the bowel, which comes later, fills the room that is left.
    build
        Of `build_with_womb`.
    week
        From the last menstruation, 5 to 41.
    """
    womb = womb_of(b.frame, build, week)
    # A womb presses the muscle of the belly's wall and of the spine's sides away.
    free = (b.material("torso_fat", "adipose", mass="adipose"), *b.of_atoms("skeletal_muscle"))
    about: Point = (0.0, 0.0, -220.0)
    inside = ("amniotic_fluid", "placenta", "fetus")
    outer = b.part("womb", about, ("uterus", *inside))
    wall = outer.material("uterus", "uterus", mass="uterus")
    outer.paint(womb.ellipsoid(outer.size), wall, free)
    cavity = b.part("womb_cavity", about, inside)
    size = min(womb.inner * cavity.size, 0.985 * outer.size)
    fluid = cavity.material("amniotic_fluid", "amniotic_fluid", mass="amniotic_fluid")
    cavity.paint(womb.ellipsoid(size), fluid, (wall,))
    thickness = _paint_placenta(b, womb, size, week, fluid)
    rng = b.rng("fetus pose")
    # The less room, the less mass a thicker trunk adds.
    power = float(np.interp(week, (12, 28, 40), (3.0, 2.0, 1.2)))
    part = b.part("fetus", about, ("fetus",), power=power)
    # Before it is solved: what the womb's wall presses in is added to trunk and limbs.
    part = replace(part, size=part.size * float(np.interp(week, _PRESSED_WEEKS, _PRESSED)))
    pose = Pose.draw(rng, week, b.variation, head_down=week >= _HEAD_DOWN_FROM_WEEK)
    room = _fetus_room(womb, size, thickness, week)
    paint_fetus(part, fetus_of(week), pose, room, womb.lean_deg, fluid)


def _fetus_room(womb: Womb, size: float, thickness: float, week: float) -> Room:
    """Return the cavity without its placenta and without a film of fluid all round."""
    film = float(np.interp(week, _FILM_WEEKS, _FILM_MM))
    inner = replace(womb, half_axes=womb.half_axes * size - film)
    within = (inner.ellipsoid(1.0), inner.ellipsoid(1.0, -thickness))
    return Room(within, np.array(womb.centre) - [0.0, 0.5 * thickness, 0.0])


def _paint_placenta(b: Painter, womb: Womb, size: float, week: float, fluid: int) -> float:
    """Paint the placenta as a disc on the front or back wall; return its signed thickness."""
    part = b.part("placenta", (0.0, 0.0, -220.0), ("placenta",), power=1)
    tissue = part.material("placenta", "blood", mass="placenta")
    front = 1.0 if b.rng("placenta side").random() < 0.5 else -1.0
    half = womb.half_axes * size
    radius = 0.92 * half[0]
    volume = pregnancy_masses_g(week)["placenta"] * 1000 / 1.05
    # A disc on a bent wall: a crescent of 0.87 of the cylinder's volume.
    thickness = min(part.size * volume / (0.87 * np.pi * radius**2), 1.2 * half[1])
    x, y, z = womb.centre
    pole = (x, y + front * 0.75 * half[1], z + 0.2 * half[2])
    disc = Both(womb.ellipsoid(size), Ellipsoid.from_axes(pole, [radius] * 3))
    part.paint(Both(disc, womb.ellipsoid(size, -front * thickness), without=True), tissue, (fluid,))
    return float(front * thickness)
