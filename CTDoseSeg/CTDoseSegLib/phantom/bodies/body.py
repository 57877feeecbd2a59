"""A body: who it is, and its shapes, with organs of known mass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import InputError
from ..shapes import Cradle
from .abdomen import paint_abdomen
from .breasts import paint_breasts
from .chest import paint_chest
from .contrast import PHASES
from .frame import Frame
from .masses import organ_masses_g
from .outside import Build, couch_rim, limb_paths, paint_belly, paint_outside
from .painter import Painter
from .pelvis import paint_pelvis
from .person import Person
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

    Examples
    --------
    >>> body = Body(person=Person.of(5, "female"), phase="portal")
    >>> round(body.masses_g["liver"])
    737
    """

    person: Person
    seed: int = 0
    variation: float = 1.0
    phase: str = "none"
    kvp: float = 120.0

    def __post_init__(self) -> None:
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

    @cached_property
    def masses_g(self) -> dict[str, float]:
        """Masses that the organs aim at, g."""
        rng = np.random.default_rng([self.seed, 4]) if self.variation else None
        return organ_masses_g(self.person, rng)

    @cached_property
    def solution(self) -> Solution:
        """Sizes, fat and muscle that give the masses; it does not depend on the pose."""
        age = self.person.age_y
        start = Build(fat_mm=float(np.interp(age, (0, 1, 10, 20), (4, 6, 8, 14))))
        bare = Pose(couch=False)
        return solve(lambda *found: self._paint(*found, bare), self.person.weight_kg, start)

    def painted(self, pose: Pose) -> Painter:
        """Return the finished painting in a pose."""
        return self._paint(self.solution.sizes, self.solution.build, pose)

    def _paint(self, sizes: dict[str, float], build: Build, pose: Pose) -> Painter:
        side = 1.0 if pose.prone else -1.0
        frame = Frame(self.person)
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
        if pose.blanket:
            paint_blanket(b, frame, build, -side)
        limbs = limb_paths(frame, build, ARMS[pose.arms], rim)
        paint_outside(b, build, top, limbs)
        paint_belly(b, build)
        paint_skeleton(b, ARMS[pose.arms], limbs, build)
        paint_chest(b, build)
        paint_pelvis(b)
        paint_abdomen(b, up=-side)
        paint_breasts(b, build)
        return b


def _on_the_couch(frame: Frame, rim: float, side: float) -> Frame:
    """Return the frame with the head lifted to where the couch is.

    The head's back lies 111 mm behind, its nose 105 mm before the line of the neck in the
    reference adult; the neck bends by at most 45 mm.
    """
    s = frame.head_scale
    wanted = rim + 111 * s if side < 0 else rim - 105 * s
    least, most = (-15 * s, 45 * s) if side < 0 else (-45 * s, 15 * s)
    return Frame(frame.person, float(np.clip(wanted, least, most)))
