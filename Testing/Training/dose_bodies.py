"""Bodies that organ doses are learned on: any age, sex and build, scanned in two regions.

A trunk goes from the groin to the seventh cervical vertebra, a head from the upper chest to the
vertex; any scan of a part is a weighted sum of the responses of the whole, so that chests, abdomens
and pelves need no bodies of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

TRUNK, HEAD = "trunk", "head_neck"
# Of ten bodies in a row.
_TRUNKS = 7
_PHASES = {"none": 0.5, "arterial": 0.12, "portal": 0.25, "nephrographic": 0.08, "excretory": 0.05}
# Pixels of an image and distance of slices in an adult, mm.
_GRID = {TRUNK: (144, 6.0), HEAD: (272, 2.5)}
_REFERENCE_MM = 1700.0
_ADULT_Y, _OLDEST_MOTHER_Y, _PREGNANT = 18.0, 45.0, 0.12


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class LearningBody:
    """A scan with what is known of the body; `about` holds plain values."""

    scan: Scan
    about: dict[str, Any]


def learning_body(seed: int) -> LearningBody:
    """Make the body of a seed: three of ten are heads.

    CTDIvol is 1 mGy and the irradiated range reaches 100 mm beyond the images, where the
    simulation repeats the last slices.
    """
    rng = np.random.default_rng([seed, 18])
    person = Person.drawn(rng)
    region = TRUNK if seed % 10 < _TRUNKS else HEAD
    phase = str(rng.choice(list(_PHASES), p=list(_PHASES.values())))
    mother = person.sex == "female" and _ADULT_Y <= person.age_y <= _OLDEST_MOTHER_Y
    pregnant = mother and region == TRUNK and rng.random() < _PREGNANT
    week = round(float(rng.uniform(8, 40)), 1)
    more = {"pregnancy_week": week} if pregnant else {}
    body = Body(person=person, seed=seed, phase="none" if pregnant else phase, **more)
    pixels, slice_mm = _GRID[region]
    arms = "up" if region == TRUNK and rng.random() < 0.8 else "down"
    phantom = Phantom.of_body(
        body,
        region,
        pixels=pixels,
        slice_mm=slice_mm * min(1.0, (person.height_mm / _REFERENCE_MM) ** 0.6),
        seed=seed,
        arms=arms,
        noise_hu=0.0,
    )
    series, truth = phantom_series(phantom)
    atoms = tuple(Atom(n, name, "", "#888888", "truth") for name, n in truth.names.items())
    groups = {name: tuple(members) for name, members in truth.groups.items()}
    labelmap = Labelmap(truth.labels, truth.affine, atoms, groups, "truth")
    about = {
        "seed": seed,
        "region": region,
        "age_y": round(person.age_y, 2),
        "sex": person.sex,
        "height_cm": round(person.height_mm / 10, 1),
        "weight_kg": round(person.weight_kg, 2),
        "phase": body.phase,
        "arms": arms,
        "week": week if pregnant else None,
    }
    contrast = phase != "none" and not pregnant
    return LearningBody(scan_of(series, labelmap, person.age_y, person.sex, contrast), about)


def scan_of(
    series: CTSeries, labelmap: Labelmap, age_y: float | None, sex: str | None, contrast: bool
) -> Scan:
    """Return a scan of 1 mGy at 120 kV that goes on 100 mm beyond the images."""
    z = np.sort(series.z_mm)
    half = float(np.median(np.diff(z))) / 2
    acquisition = Acquisition(
        kvp_kV=120.0,
        ctdivol_mGy=1.0,
        phantom_cm=32,
        total_collimation_mm=20.0,
        age_years=age_y,
        sex=sex[0].upper() if sex else None,
        contrast=contrast,
        irradiated_range_mm=(float(z[0]) - half - 100.0, float(z[-1]) + half + 100.0),
        sources={"irradiated_range_mm": "user"},
    )
    slices = tuple(SliceInfo(z_mm=float(one)) for one in series.z_mm)
    series = CTSeries(series.hu, series.affine, slices, acquisition, "learning body")
    measured = measure(series, labelmap)
    return Scan.of(series, labelmap, measured, measure_size(series, labelmap, measured))
