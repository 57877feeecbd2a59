"""A simulated scan, and what its organ doses and their intervals follow from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...flags import SCAN, Flag
from ..doses import OrganDose
from ..scan import Scan
from .exposure import Exposure, image_range
from .interval import beyond_images_components, range_components, start_angle_components
from .response import Response
from .stopping import Ended
from .tally import MEDIUM, SOFT_TISSUE

# A mean that is less certain than this is no dose.
LARGEST_SE = 0.10


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Run:
    """A simulated scan, and what explains its doses.

    Attributes
    ----------
    scan, exposure, response
        What was simulated.
    regions
        For each score its region numbers.
    surface_share
        Of each score, `geometry.surface_shares`, [score].
    beam_sd
        Of each score, `beam_doubt.beam_components`, [score].
    slice_dose_mGy
        Organ to its dose on each slice of the CT, [k].
    fast
        Organ to its dose by the fast law, where that gives one.
    marrow_share
        Score to the share of the body's active red marrow that lies in it.
    marrow_share_known
        False where no label names the bones: shares are then those of the bones' mass, and what
        part of the marrow the images hold is not known.
    iodine_mg_ml
        Organ to the concentration of iodine in it, where it holds any.
    flags
        Of the simulated patient; those that have an organ's place go to that organ.
    largest_se
        Relative standard error of a dose that is still given.
    ended
        What ended it.
    """

    scan: Scan
    exposure: Exposure
    response: Response
    surface_share: np.ndarray
    beam_sd: np.ndarray
    slice_dose_mGy: Mapping[str, np.ndarray] = field(default_factory=dict)
    fast: Mapping[str, OrganDose] = field(default_factory=dict)
    marrow_share: Mapping[str, float] = field(default_factory=dict)
    marrow_share_known: bool = True
    iodine_mg_ml: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    largest_se: float = LARGEST_SE
    ended: Ended = Ended.HISTORIES

    @property
    def scores(self) -> dict[str, int]:
        """Name of each score to its position."""
        return {name: n for n, name in enumerate(self.response.tally.names)}

    @property
    def scan_flags(self) -> tuple[Flag, ...]:
        """What holds for all organs."""
        return (*self.exposure.flags, *(one for one in self.flags if one.place == SCAN))

    @cached_property
    def dose(self) -> tuple[np.ndarray, np.ndarray]:
        """Dose of every score and its relative standard error, [score]."""
        return self.response.doses(self.exposure, MEDIUM)

    @cached_property
    def soft_tissue_mGy(self) -> np.ndarray:
        """Dose to soft tissue in place of every score, [score]."""
        return self.response.doses(self.exposure, SOFT_TISSUE)[0]

    @cached_property
    def along_components(self) -> dict[str, np.ndarray]:
        """Uncertainty components by the place of the tube, by name, [score]."""
        dose, _ = self.dose
        images = image_range(self.scan.series)
        of_scores = (self.response, self.exposure)
        return {
            "irradiated_range": range_components(*of_scores, dose),
            "missing_anatomy": beyond_images_components(*of_scores, images, dose),
            "start_angle": start_angle_components(*of_scores, dose),
        }
