"""Organ doses as they leave the dosimetry, whichever model made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..flags import Flag
from .dose_map import DoseMap
from .peak_skin_dose import PeakSkinDose, SkinDose

# `OrganDose.route` of an organ without a dose.
NO_BASIS = "none"
# Organs of a dose that are no groups of the label map: they lie in the bones.
RED_MARROW, BONE_SURFACE = "red_marrow", "bone_surface"
IN_BONES = (RED_MARROW, BONE_SURFACE)


@dataclass(frozen=True)
class OrganDose:
    """Mean dose of one organ in the scanned range. None is "not given"; `flags` hold the reason.

    Attributes
    ----------
    organ
        Name in the table of organs.
    region
        Part of the body: ``head``, ``chest``, ``abdomen``, ``pelvis`` or ``trunk``.
    dose_mGy
        Headline: the mean over slices weighted by area times density (energy over mass).
    model_low_mGy, model_high_mGy
        Ends of the 90 % interval of the engine itself: of the fast law against bodies left out,
        with what other beams would change; of Monte Carlo by the number of photons.
    total_low_mGy, total_high_mGy
        Ends of the 90 % interval with all uncertainty components.
    dose_slice_mean_mGy
        Unweighted mean over the organ's slices.
    volume_ml
        Volume in the scan; None where the slices are not regularly spaced.
    n_slices
        Number of slices that the organ is on.
    coverage
        1.0 where the organ, as drawn, ends inside the scan; None where the scan's first or last
        slice or the field of view cuts it, so that an unknown part of it is missing. It does not
        say how well the organ was drawn.
    route
        Scaling basis, ``ctdivol``, ``mas`` or ``none``: what the dose was scaled with; engines
        that scale with neither have their own name here.
    by_route
        Scaling basis to headline dose in mGy, None where it cannot be used.
    slice_dose_mGy
        Dose in each slice, [k]; NaN where the organ is absent or no dose is given.
    budget
        Uncertainty component to its standard deviation of ln(dose).
    flags
        What to know about this organ's dose.
    whole_organ_dose_mGy
        Of the completed organ: the dose of the seen part where the organ ends inside the images,
        an estimate where it does not, None where there is none; `flags` hold the reason.
    whole_organ_low_mGy, whole_organ_high_mGy
        Ends of the 90 % interval of `whole_organ_dose_mGy`.
    seen_mass_g
        Mass of the organ in the images, without what contrast agent adds to its HU.
    missing_mass_g
        What a reference adult's organ has more.
    segmentation_certainty
        How surely the organ is drawn: ``certain`` or ``uncertain``; empty where the engine does not
        know and nothing contradicts what is drawn.
    iodine_free_dose_mGy
        `dose_mGy` without what contrast agent adds to it, of an organ whose dose includes that;
        None for all others.
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
    segmentation_certainty: str | None = None
    iodine_free_dose_mGy: float | None = None


@dataclass(frozen=True)
class DoseResult:
    """The doses of all organs of one scan.

    Attributes
    ----------
    organs
        In the order of the model's table; an organ of the label map that the model names but has
        no dose for is here too, with `dose_mGy` None and the reason in its flags.
    flags
        What holds for the whole scan.
    model_card
        Name, version, SHA-256, training data and figures of the model, as plain values.
    dose_map
        Dose of every voxel, where the engine follows the radiation.
    shared_by
        Uncertainty component to what two doses must have in common (``scanner``, ``model``,
        ``organ``, ``scan``, ``patient``) for it to be the same error in both, so that it cancels
        when they are compared.
    peak_skin_dose
        The largest mean dose over 1 cm2 of skin by this exposure alone, where the engine
        follows the radiation.
    skin_dose
        What that is the peak of, to be added to that of other exposures.
    """

    organs: tuple[OrganDose, ...]
    flags: tuple[Flag, ...] = ()
    model_card: Mapping[str, Any] = field(default_factory=dict)
    dose_map: DoseMap | None = None
    shared_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peak_skin_dose: PeakSkinDose | None = None
    skin_dose: SkinDose | None = None
