"""Bodies of any age, sex, build and phase of contrast, as training cases with exact labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ct.series import CTSeries
from ...phantom.bodies.body import Body
from ...phantom.bodies.person import Person
from ...phantom.phantom import Phantom, phantom_series
from .metrics import UNKNOWN
from .phantoms import truth_classes

# Counts up when the bodies below change, so that kept ones of another form are not used.
BODY_FORM = 2
_REGIONS = {
    "trunk": 0.36,
    "chest": 0.16,
    "abdomen": 0.12,
    "abdomen_pelvis": 0.12,
    "pelvis": 0.06,
    "head": 0.1,
    "head_neck": 0.08,
}
_PHASES = {
    "none": 0.35,
    "arterial": 0.2,
    "portal": 0.25,
    "nephrographic": 0.1,
    "excretory": 0.1,
}
_ARMS = {"up": 0.55, "down": 0.35, "left_up": 0.05, "right_up": 0.05}
_IMPLANTS = (
    ("hip_prosthesis_left",),
    ("spinal_screws",),
    ("pacemaker",),
    ("breast_implant_left", "breast_implant_right"),
)
# No class of a network: bone, or the tissue about it, may be drawn there.
_UNKNOWN = ("teeth", "hip_prosthesis_left", "spinal_screws", "pacemaker")
_ADULT_Y, _OLDEST_MOTHER_Y = 18.0, 45.0
# Slices this far apart in an adult, and closer in a child.
_SLICE_MM = (3.0, 8.0)
_REFERENCE_MM = 1700.0
_PIXELS = 320


def training_body(seed: int, classes: tuple[str, ...]) -> tuple[CTSeries, np.ndarray]:
    """Make a scan of a body; return it with its labels, uint8 [k, j, i], by the order of `classes`.

    It has no noise: augmentation draws other noise for every batch.
    """
    rng = np.random.default_rng([seed, 5])
    person = Person.drawn(rng)
    region = _one_of(_REGIONS, rng)
    body = Body(
        person=person,
        seed=seed,
        phase=_one_of(_PHASES, rng),
        kvp=float(rng.choice([80.0, 100.0, 120.0, 120.0, 140.0])),
        **_more(person, rng),
    )
    size = person.height_mm / _REFERENCE_MM
    slice_mm = float(rng.uniform(*_SLICE_MM)) * min(1.0, size**0.6)
    phantom = Phantom.of_body(
        body,
        region,
        pixels=_PIXELS,
        slice_mm=0.6 * slice_mm if region.startswith("head") else slice_mm,
        seed=seed,
        position=str(rng.choice(["HFS", "HFP"], p=[0.92, 0.08])),
        arms=_one_of(_ARMS, rng),
        blanket=bool(rng.random() < 0.3),
        couch=bool(rng.random() < 0.92),
        noise_hu=0.0,
    )
    series, truth = phantom_series(phantom)
    labels = truth_classes(truth, classes)
    undecided = [truth.names[name] for name in _UNKNOWN if name in truth.names]
    if undecided:
        labels[np.isin(truth.labels, undecided)] = UNKNOWN
    return series, labels


def _one_of(shares: dict[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _more(person: Person, rng: np.random.Generator) -> dict[str, Any]:
    """Return now and then a pregnancy, metal or a breast implant."""
    pregnant, metal = rng.random(2)
    week = float(rng.uniform(8, 40))
    implants = _IMPLANTS[int(rng.integers(len(_IMPLANTS)))]
    mother = person.sex == "female" and _ADULT_Y <= person.age_y <= _OLDEST_MOTHER_Y
    if mother and pregnant < 0.12:
        return {"pregnancy_week": week}
    for_all = not implants[0].startswith("breast")
    if person.age_y >= _ADULT_Y and metal < 0.08 and (for_all or person.sex == "female"):
        return {"implants": implants}
    return {}
