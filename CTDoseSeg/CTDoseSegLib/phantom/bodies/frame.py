"""Carries points of the reference adult to a person of any age, sex and size.

Anatomy is written once, in mm of a reference adult (a man of 1760 mm), with the origin in the
midline, in the mid-coronal plane, at the level of the xiphoid: x to the patient's right, y
anterior, z superior. A frame maps each level of the body and scales breadth and depth there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .person import Person

Point = tuple[float, float, float]

# Levels of the reference adult, mm. Trunk and neck: vertebral heights of a man of 1760 mm; the
# hip joint stands at 0.525 of the stature, the seventh cervical spine at 0.865 (ANSUR II, men:
# trochanterion and cervicale over stature).
SOLE, ANKLE, KNEE, CROTCH, HIP = -1276.0, -1196.0, -774.0, -440.0, -352.0
PROMONTORY, L1_TOP, T1_TOP, C1_TOP, VERTEX = -250.0, -68.0, 240.0, 349.0, 484.0
BRAIN = (0.0, -10.0, 382.0)  # centre of the brain

AGES = (0.0, 1.0, 5.0, 10.0, 15.0, 20.0)
# Sitting height over stature: adults ANSUR II (0.523 men, 0.526 women); children fall from
# two thirds at birth (project's judgement between).
_SITTING = {"male": (0.67, 0.63, 0.56, 0.53, 0.515, 0.523)}
_SITTING["female"] = (0.67, 0.63, 0.56, 0.53, 0.522, 0.526)
# Head circumference in mm: CDC 2000 (0, 1 y), UK90 (5 to 15 y), ANSUR II (adults).
_HEAD = {
    "male": (358.0, 463.0, 527.0, 545.0, 562.0, 574.0),
    "female": (347.0, 450.0, 517.0, 537.0, 551.0, 561.0),
}
# Breadth and depth over the reference adult's. The trunk's follow the axes that AAPM Report 204
# takes from ICRU Report 74 by age; neck, pelvis and legs are this project's judgement.
_BREADTH = {
    "male": {
        "chest": (0.40, 0.55, 0.655, 0.755, 0.92, 1.0),
        "pelvis": (0.33, 0.46, 0.60, 0.74, 0.93, 1.0),
        "leg": (0.27, 0.42, 0.56, 0.70, 0.92, 1.0),
        "neck": (0.50, 0.62, 0.70, 0.76, 0.93, 1.0),
        "depth": (0.45, 0.54, 0.605, 0.70, 0.89, 1.0),
    },
    "female": {
        "chest": (0.40, 0.55, 0.655, 0.755, 0.875, 0.91),
        "pelvis": (0.33, 0.46, 0.60, 0.74, 0.94, 0.98),
        "leg": (0.27, 0.42, 0.56, 0.70, 0.90, 0.94),
        "neck": (0.50, 0.62, 0.70, 0.74, 0.82, 0.84),
        "depth": (0.45, 0.54, 0.605, 0.70, 0.855, 0.90),
    },
}
# Height of the face over the adult's; it grows to adulthood (project's judgement).
_FACE = (0.50, 0.62, 0.78, 0.88, 0.97, 1.0)


@dataclass(frozen=True)
class Frame:
    """Where the levels of a person lie and how wide and deep the person's skeleton is there.

    Attributes
    ----------
    person
        Age, sex, height and weight; the weight does not change the frame.
    head_lift_mm
        How far the head lies in front of the spine's line, so that it rests where the back does.
    skin
        Thickness of the skin over the reference's.
    head
        Size of the head over what age, sex and height say, so that the brain has its room.
    """

    person: Person
    head_lift_mm: float = 0.0
    skin: float = 1.0
    head: float = 1.0

    def _at(self, table: tuple[float, ...]) -> float:
        return float(np.interp(self.person.age_y, AGES, table))

    @property
    def _tallness(self) -> float:
        """Height over the reference of the age and sex."""
        person = self.person
        return person.height_mm / Person.of(person.age_y, person.sex).height_mm

    @cached_property
    def head_scale(self) -> float:
        """Head's size over the reference adult's; it hardly follows height."""
        return self.head * self._at(_HEAD[self.person.sex]) / 574.0 * self._tallness**0.2

    @cached_property
    def face_scale(self) -> float:
        """Face's height over the reference adult's."""
        return self.head * self._at(_FACE) * self._at(_HEAD[self.person.sex]) / 574.0

    @cached_property
    def levels(self) -> tuple[np.ndarray, np.ndarray]:
        """Levels of the reference adult and of this person, mm, from the sole up."""
        height, sex = self.person.height_mm, self.person.sex
        above_hip = (self._at(_SITTING[sex]) - 0.046) * height
        head = (VERTEX - C1_TOP) * self.head_scale
        neck_share = float(np.interp(self.person.age_y, (0, 1, 5, 20), (0.13, 0.14, 0.15, 0.1555)))
        neck = neck_share * (above_hip - head)
        trunk = above_hip - head - neck
        per_mm = trunk / (T1_TOP - HIP)
        leg = height - above_hip
        hip = HIP * per_mm
        reference = np.array([SOLE, ANKLE, KNEE, HIP, T1_TOP, C1_TOP, VERTEX])
        foot, knee = (leg * (v - SOLE) / (HIP - SOLE) for v in (ANKLE, KNEE))
        sole, t1 = hip - leg, T1_TOP * per_mm
        own = np.array([sole, sole + foot, sole + knee, hip, t1, t1 + neck, t1 + neck + head])
        return reference, own

    @cached_property
    def _scales(self) -> np.ndarray:
        """Rows of level, breadth and depth over the reference adult's."""
        sex, age = self.person.sex, self.person.age_y
        wide = {k: float(np.interp(age, AGES, v)) for k, v in _BREADTH[sex].items()}
        grown = {k: v * self._tallness**0.5 for k, v in wide.items()}
        head = self.head_scale
        return np.array(
            [
                (SOLE, grown["leg"], grown["leg"]),
                (KNEE, grown["leg"], grown["leg"]),
                (CROTCH, grown["pelvis"], 0.5 * (grown["depth"] + grown["leg"])),
                (PROMONTORY, grown["pelvis"], grown["depth"]),
                (-120.0, grown["chest"], grown["depth"]),
                (200.0, grown["chest"], grown["depth"]),
                (270.0, grown["neck"], grown["neck"]),
                (320.0, grown["neck"], grown["neck"]),
                (C1_TOP, head, head),
                (VERTEX, head, head),
            ]
        )

    def z(self, z: float | np.ndarray) -> np.ndarray:
        """Return this person's level, mm, of a level of the reference adult."""
        reference, own = self.levels
        inner = np.interp(z, reference, own)
        above = np.maximum(np.asarray(z, float) - VERTEX, 0.0) * self.head_scale
        below = np.minimum(np.asarray(z, float) - SOLE, 0.0)
        return inner + above + below

    @cached_property
    def _known_scales(self) -> dict[float, tuple[float, float, float]]:
        return {}  # asked for many times at few levels

    def scale(self, z: float) -> tuple[float, float, float]:
        """Return breadth, depth and height over the reference adult's at a level of his."""
        if z not in self._known_scales:
            self._known_scales[z] = self._scale(z)
        return self._known_scales[z]

    def _scale(self, z: float) -> tuple[float, float, float]:
        table = self._scales
        wide, deep = (float(np.interp(z, table[:, 0], table[:, c])) for c in (1, 2))
        reference, own = self.levels
        n = int(np.clip(np.searchsorted(reference, z, side="right") - 1, 0, len(reference) - 2))
        tall = float((own[n + 1] - own[n]) / (reference[n + 1] - reference[n]))
        return wide, deep, tall

    def forward(self, z: float) -> float:
        """Return how far the spine and all at this level lies in front of the reference, mm."""
        return self.head_lift_mm * float(np.interp(z, (T1_TOP, C1_TOP), (0.0, 1.0)))

    def point(self, x: float, y: float, z: float) -> Point:
        """Return this person's point, mm, of a point of the reference adult."""
        wide, deep, _ = self.scale(z)
        return x * wide, y * deep + self.forward(z), float(self.z(z))

    def head_point(self, x: float, y: float, z: float) -> Point:
        """Return this person's point of a point of the head, mm from the brain's centre.

        The head keeps its shape: one scale along all axes. Below the orbits, 22 mm under the
        centre, heights are the face's.
        """
        s, centre = self.head_scale, self.point(*BRAIN)
        down = min(z + 22.0, 0.0)
        return (
            centre[0] + s * x,
            centre[1] + s * y,
            centre[2] + s * max(z, -22.0) + self.face_scale * down,
        )
