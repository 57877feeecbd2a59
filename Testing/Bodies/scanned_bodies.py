"""The 21 bodies that segmentation is judged on: people whom no network was trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.phantom import Phantom, PhantomTruth, phantom_series

WHO = ("body", "region", "age_y", "sex", "bmi", "phase")


@dataclass(frozen=True)
class Scan:
    """A scan of a body; `more` is what else of the body, `scanned` what else of the phantom."""

    name: str
    region: str
    age_y: float
    sex: str
    bmi: float | None = None
    phase: str = "none"
    more: dict[str, Any] = field(default_factory=dict)
    scanned: dict[str, Any] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        """Who it is."""
        return Person.of(self.age_y, self.sex, bmi=self.bmi)

    def made(self) -> tuple[CTSeries, PhantomTruth]:
        """Return the image and its labels."""
        seed = 1 + SCANS.index(self)
        body = Body(person=self.person, seed=seed, phase=self.phase, **self.more)
        return phantom_series(
            Phantom.of_body(body, self.region, pixels=256, slice_mm=5.0, seed=seed, **self.scanned)
        )

    def about(self) -> dict[str, Any]:
        """Return what a row says of it."""
        return dict(
            zip(
                WHO,
                (
                    self.name,
                    self.region,
                    self.age_y,
                    self.sex,
                    f"{self.person.bmi:.1f}",
                    self.phase,
                ),
                strict=True,
            )
        )


DOWN = {"arms": "down"}
SCANS = (
    Scan("man", "trunk", 35, "male"),
    Scan("woman", "trunk", 35, "female"),
    Scan("woman, arms down", "trunk", 45, "female", scanned=DOWN),
    Scan("thin woman", "trunk", 25, "female", bmi=17),
    Scan("obese man", "trunk", 55, "male", bmi=42),
    Scan("obese woman", "abdomen_pelvis", 50, "female", bmi=48),
    Scan("newborn", "trunk", 0, "female"),
    Scan("child, 1 y", "chest", 1, "male"),
    Scan("child, 5 y", "trunk", 5, "female"),
    Scan("child, 10 y", "abdomen_pelvis", 10, "male"),
    Scan("youth, 15 y", "trunk", 15, "male"),
    Scan("man, pelvis", "pelvis", 60, "male"),
    Scan("man, hip prosthesis", "pelvis", 70, "male", more={"implants": ("hip_prosthesis_left",)}),
    Scan("man, head", "head", 40, "male", scanned=DOWN),
    Scan("woman, head and neck", "head_neck", 50, "female", scanned=DOWN),
    Scan("child, 5 y, head", "head", 5, "male", scanned=DOWN),
    Scan("newborn, head", "head", 0, "male", scanned=DOWN),
    Scan("man, portal", "trunk", 60, "male", phase="portal"),
    Scan("child, 5 y, portal", "trunk", 5, "female", phase="portal"),
    Scan("woman, arterial", "chest", 60, "female", phase="arterial"),
    Scan("pregnant, week 30", "abdomen_pelvis", 30, "female", more={"pregnancy_week": 30.0}),
)
