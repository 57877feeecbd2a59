"""A body: who it is, and its shapes, with organs of known mass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...errors import InputError
from ..shapes import Cradle
from .abdomen import paint_abdomen
from .breasts import paint_breasts
from .chest import paint_chest
from .contrast import PHASES
from .frame import Frame
from .head import paint_dental_fillings, paint_head, paint_headrest
from .head_skull import head_for_brain
from .implants import BONE_IMPLANTS, check_bone_implants, paint_bone_implants
from .implants_soft import SOFT_IMPLANTS, check_soft_implants, paint_soft_implants
from .limbs import limb_paths
from .masses import organ_masses_g
from .outside import Build, couch_rim, paint_belly, paint_outside
from .painter import Painter
from .pelvis import paint_pelvis
from .person import Person
from .pregnancy import (
    build_with_womb,
    check_pregnancy,
    paint_pregnancy,
    pregnancy_masses_g,
    womb_of,
)
from .seed import check_seed
from .skeleton import paint_skeleton
from .solve import Solution, solve
from .table import paint_blanket, paint_couch

# Pose of the right and of the left arm.
ARMS = {
    "up": ("up", "up"),
    "down": ("down", "down"),
    "right_up": ("up", "down"),
    "left_up": ("down", "up"),
}
KVP_RANGE = (70.0, 150.0)
DENTAL_FILLINGS = "dental_fillings"
# Subcutaneous over visceral fat of the abdomen is 1.2 +- 0.5 in men, 2.2 +- 0.9 in women
# (Maurovich-Horvat 2007, CT of 100 people): log-normal, this is its SD.
_VISCERAL_SPREAD = 0.4
_FILLINGS_FROM_Y = 3.0  # the molars of the first set are there
IMPLANTS = (*BONE_IMPLANTS, *SOFT_IMPLANTS, DENTAL_FILLINGS)


@dataclass(frozen=True)
class Pose:
    """How a body lies in the scanner.

    Attributes
    ----------
    arms
        One of `ARMS`.
    prone
        Whether it lies on its front.
    couch, blanket
        Whether there is one.
    """

    arms: str = "up"
    prone: bool = False
    couch: bool = True
    blanket: bool = False


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body of the family, the same for the same parameters.

    Attributes
    ----------
    person
        Age, sex, height and weight.
    seed
        Of the organs' sizes and positions, textures and fillings.
    variation
        0: reference masses and positions; 1: with the published spreads.
    phase
        Of contrast: one of `contrast.PHASES`.
    kvp
        Tube voltage that the HU are of, kV, 70 to 150.
    pregnancy_week
        Weeks from the last menstruation, 5 to 41; None: not pregnant. The person's weight is that
        before: womb and fetus come on top of it.
    implants
        Some of `IMPLANTS`.

    Examples
    --------
    >>> body = Body(person=Person.of(5, "female"), phase="portal", variation=0.0)
    >>> round(body.masses_g["liver"])
    723
    """

    person: Person
    seed: int = 0
    variation: float = 1.0
    phase: str = "none"
    kvp: float = 120.0
    pregnancy_week: float | None = None
    implants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.phase not in PHASES:
            raise InputError(
                f"There is no phase of contrast {self.phase!r}; choose {', '.join(PHASES)}."
            )
        low, high = KVP_RANGE
        if not low <= self.kvp <= high:
            raise InputError(
                f"A body's HU are known from {low:g} to {high:g} kV, not at {self.kvp:g} kV."
            )
        if not 0 <= self.variation <= 1:
            raise InputError(
                f"A body's variation is between 0 (the references) and 1, not {self.variation:g}."
            )
        if self.pregnancy_week is not None:
            check_pregnancy(self.person, self.pregnancy_week)
        unknown = [name for name in self.implants if name not in IMPLANTS]
        if unknown:
            raise InputError(
                f"There is no implant {unknown[0]!r}; choose among {', '.join(IMPLANTS)}."
            )
        check_soft_implants(self.person, [n for n in self.implants if n in SOFT_IMPLANTS])
        check_bone_implants(self.person, [n for n in self.implants if n in BONE_IMPLANTS])
        if DENTAL_FILLINGS in self.implants and self.person.age_y < _FILLINGS_FROM_Y:
            raise InputError(f"Teeth have fillings from {_FILLINGS_FROM_Y:g} years on.")

    @cached_property
    def masses_g(self) -> dict[str, float]:
        """Masses that the organs aim at, g."""
        rng = np.random.default_rng([self.seed, 4]) if self.variation else None
        masses = organ_masses_g(self.person, rng)
        if self.pregnancy_week is not None:
            masses |= pregnancy_masses_g(self.pregnancy_week)
        return masses

    @cached_property
    def solution(self) -> Solution:
        """Sizes, fat and muscle that give the masses; it does not depend on the pose."""
        age = self.person.age_y
        fat_mm = float(np.interp(age, (0, 1, 10, 20), (4, 6, 8, 14)))
        start = Build(fat_mm=fat_mm, visceral=self.visceral)
        bare = Pose(couch=False)
        weight_kg = self.person.weight_kg + self.gained_kg
        return solve(lambda sizes, build: self._paint(sizes, build, bare), weight_kg, start)

    @property
    def visceral(self) -> float:
        """How much of the fat lies behind the belly's wall: `Build.visceral`."""
        if not self.variation:
            return Build.visceral
        drawn = np.random.default_rng([self.seed, 5]).standard_normal()
        return float(Build.visceral * np.exp(_VISCERAL_SPREAD * np.clip(drawn, -2.5, 2.5)))

    @property
    def gained_kg(self) -> float:
        """What a pregnancy adds to the person's weight."""
        if self.pregnancy_week is None:
            return 0.0
        grown = sum(pregnancy_masses_g(self.pregnancy_week).values())
        return (grown - organ_masses_g(self.person)["uterus"]) / 1000

    def painted(self, pose: Pose) -> Painter:
        """Return the finished painting in a pose."""
        return self._paint(self.solution.sizes, self.solution.build, pose)

    def _paint(self, sizes: dict[str, float], build: Build, pose: Pose) -> Painter:
        side = 1.0 if pose.prone else -1.0
        frame, week = Frame(self.person, skin=build.skin), self.pregnancy_week
        frame = replace(frame, head=head_for_brain(frame, self.masses_g["brain"]))
        if week is not None:
            build = build_with_womb(frame, build, week)
        rim = couch_rim(frame, build, side, 5.0 * frame.scale(0.0)[1])
        frame = _on_the_couch(frame, rim, side)
        b = Painter(
            frame,
            self.masses_g,
            sizes,
            seed=self.seed,
            variation=self.variation,
            kvp=self.kvp,
            phase=self.phase,
        )
        radius = float(b.rng("couch").choice([420.0, 700.0, 20000.0]))
        top = Cradle((0.0, rim - side * radius), radius)
        if pose.couch:
            paint_couch(b, top, side)
            paint_headrest(b, rim, side)
        if pose.blanket:
            paint_blanket(b, frame, build, -side)
        limbs = limb_paths(frame, build, ARMS[pose.arms], rim)
        paint_outside(b, build, top, limbs)
        paint_belly(b, build)
        paint_skeleton(b, ARMS[pose.arms], limbs, build)
        paint_bone_implants(b, [name for name in self.implants if name in BONE_IMPLANTS])
        paint_chest(b, build)
        womb = None if week is None else womb_of(frame, build, week)
        paint_pelvis(b, build, womb)
        if week is not None:
            paint_pregnancy(b, build, week)
        paint_abdomen(b, up=-side, aside=None if womb is None else womb.aside)
        # Before the breasts, which lie on their implants.
        soft = tuple(name for name in self.implants if name in SOFT_IMPLANTS)
        paint_breasts(b, build, paint_soft_implants(b, build, soft))
        paint_head(b)
        if DENTAL_FILLINGS in self.implants:
            paint_dental_fillings(b)
        return b


def _on_the_couch(frame: Frame, rim: float, side: float) -> Frame:
    """Return the frame with the head lifted to where the couch is.

    The head's back lies 111 mm behind, its nose 105 mm before the line of the neck in the
    reference adult; the neck bends by at most 45 mm.
    """
    s = frame.head_scale
    wanted = rim + 111 * s if side < 0 else rim - 105 * s
    least, most = (-15 * s, 45 * s) if side < 0 else (-45 * s, 15 * s)
    return replace(frame, head_lift_mm=float(np.clip(wanted, least, most)))
