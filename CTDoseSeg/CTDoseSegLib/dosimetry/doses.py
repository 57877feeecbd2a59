"""Organ doses as they leave the dosimetry, whichever model made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..flags import Flag, organ_place


@dataclass(frozen=True)
class OrganDose:
    """Mean dose of one organ in the scanned range. None is "not given"; `flags` say why.

    Attributes
    ----------
    organ, region
        Name in the table of organs and the model's region (``chest`` or ``abdomen``); skin has a
        model in each.
    dose_mGy
        Headline: the mean over slices weighted by area times density (energy over mass).
    model_low_mGy, model_high_mGy
        90 % interval of the model alone (conformal): valid for scans like those trained on. For
        organs with air it reaches down to the training label, which falls with the air.
    total_low_mGy, total_high_mGy
        90 % interval with every line of `budget`.
    dose_slice_mean_mGy
        Unweighted mean over the organ's slices, which is what the models were calibrated on.
    volume_ml
        Volume in the scan; None where the slices are not regularly spaced.
    n_slices
        Number of slices that the organ is on.
    coverage
        1.0 where the organ ends inside the scan; None where it touches the scan's first or last
        slice, so that an unknown part of it is missing.
    route
        ``ctdivol``, ``mas`` or ``none``: what the dose was scaled with; reference models have
        their own name here.
    by_route
        Route to headline dose in mGy, None where the route is not possible.
    slice_dose_mGy
        [k], NaN where the organ is absent or no dose is given.
    budget
        Line of the uncertainty budget to its standard deviation of ln(dose).
    flags
        What the user should know about this organ's dose.
    whole_organ_dose_mGy, whole_organ_low_mGy, whole_organ_high_mGy
        Of the whole organ, with its own 90 % interval: the dose of the seen part where the organ
        ends inside the images, an estimate where it does not (`whole_organ`), None where there is
        none; `flags` say why.
    seen_mass_g, missing_mass_g
        Of the organ in the images, and what a reference adult's has more.
    """

    organ: str
    region: str
    dose_mGy: float | None
    model_low_mGy: float | None
    model_high_mGy: float | None
    total_low_mGy: float | None
    total_high_mGy: float | None
    dose_slice_mean_mGy: float | None
    volume_ml: float | None
    n_slices: int
    coverage: float | None
    route: str
    by_route: Mapping[str, float | None]
    slice_dose_mGy: np.ndarray
    budget: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    whole_organ_dose_mGy: float | None = None
    whole_organ_low_mGy: float | None = None
    whole_organ_high_mGy: float | None = None
    seen_mass_g: float | None = None
    missing_mass_g: float | None = None

    def placed(self) -> OrganDose:
        """Return the same dose with its flags at this organ."""
        place = organ_place(self.organ)
        return replace(self, flags=tuple(flag.at(place) for flag in self.flags))


@dataclass(frozen=True)
class DoseResult:
    """The doses of all organs of one scan.

    Attributes
    ----------
    organs
        In the order of the model's table; an organ of the published list that is in the label map
        but has no dose is here too, with `dose_mGy` None and the reason in its flags.
    flags
        What holds for the whole scan.
    model_card
        Name, version, SHA-256, training data and figures of the model, as plain values.
    """

    organs: tuple[OrganDose, ...]
    flags: tuple[Flag, ...] = ()
    model_card: Mapping[str, Any] = field(default_factory=dict)
