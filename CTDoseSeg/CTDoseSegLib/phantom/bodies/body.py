"""A body: who it is, how it lies, and its shapes, with organs of known mass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..shapes import Cradle
from .abdomen import paint_abdomen
from .breasts import paint_breasts
from .chest import paint_chest
from .frame import Frame
from .implants_soft import check_soft_implants, paint_soft_implants
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
from .solve import Solution, solve


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body of the family.

    Attributes
    ----------
    person
        Age, sex, height and weight.
    seed
        Of the organs' sizes and positions, textures and fillings.
    variation
        0: reference masses and positions; 1: with the published spreads.
    arms
        ``up``, ``down``, ``right_up`` or ``left_up`` (the other is down).
    phase
        Of contrast: one of `contrast.PHASES`.
    kvp
        Tube voltage of the HU, kV.
    pregnancy_week
        Weeks from the last menstruation, 5 to 41; None: not pregnant. The person's weight is that
        before: womb and fetus come on top of it.
    implants
        Names of `implants_soft.SOFT_IMPLANTS`.
    """

    person: Person
    seed: int = 0
    variation: float = 1.0
    arms: str = "up"
    phase: str = "none"
    kvp: float = 120.0
    pregnancy_week: float | None = None
    implants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pregnancy_week is not None:
            check_pregnancy(self.person, self.pregnancy_week)
        check_soft_implants(self.person, self.implants)

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
        """Sizes, fat and muscle that give the masses."""
        start = Build(fat_mm=float(np.interp(self.person.age_y, (0, 1, 10, 20), (4, 6, 8, 14))))
        return solve(self._paint, self.person.weight_kg + self._gained_kg, start)

    @property
    def _gained_kg(self) -> float:
        """Return what a pregnancy adds to the person's weight."""
        if self.pregnancy_week is None:
            return 0.0
        grown = sum(pregnancy_masses_g(self.pregnancy_week).values())
        return (grown - organ_masses_g(self.person)["uterus"]) / 1000

    @cached_property
    def painter(self) -> Painter:
        """The finished painting."""
        return self._paint(self.solution.sizes, self.solution.build)

    def _paint(self, sizes: dict[str, float], build: Build) -> Painter:
        frame, week = Frame(self.person), self.pregnancy_week
        if week is not None:
            build = build_with_womb(frame, build, week)
        rim = couch_rim(frame, build, 5.0 * frame.scale(0.0)[1])
        lift = rim + 111 * frame.head_scale
        frame = Frame(
            self.person, float(np.clip(lift, -15 * frame.head_scale, 45 * frame.head_scale))
        )
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
        top = Cradle((0.0, rim + radius), radius)
        paint_outside(b, build, top, self._poses, rim)
        paint_belly(b, build)
        paint_chest(b, build)
        if week is None:
            paint_pelvis(b)
        else:
            paint_pelvis(b, womb=womb_of(frame, build, week))
            paint_pregnancy(b, build, week)
        paint_abdomen(b)
        # Implants lie behind the breasts and in the heart.
        forward = paint_soft_implants(b, build, self.implants)
        paint_breasts(b, build, forward)
        return b

    @property
    def _poses(self) -> tuple[str, str]:
        """Return the pose of the right and of the left arm."""
        return {
            "up": ("up", "up"),
            "down": ("down", "down"),
            "right_up": ("up", "down"),
            "left_up": ("down", "up"),
        }[self.arms]
