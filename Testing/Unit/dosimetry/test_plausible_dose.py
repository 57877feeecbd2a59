"""The interval of a dose by what a network knows of its own doubt."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, PIXEL_MM, SLICES, make, scan_of

from CTDoseSegLib.dosimetry.fast import plausible
from CTDoseSegLib.dosimetry.fast.along_body import AlongBody
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.fast.plausible import DoseOfMasks
from CTDoseSegLib.segmentation.doubt import Doubt, OrganDoubt

NONE = np.zeros(SLICES)
# The dose falls from one end of the liver to the other.
STEEP = np.linspace(2.0, 20.0, SLICES)
LIVER_MM2 = (4 * PIXEL_MM) ** 2


def known(both=100, less=NONE, more=NONE, again=NONE):
    return OrganDoubt(100, 100, both, less, more, again)


def liver(doubt, ctdivol=STEEP):
    """The dose of a liver on slices 12 to 27 by what is known of it."""
    series, labelmap = make(ctdivol=ctdivol)
    labelmap = replace(labelmap, doubt=Doubt({"liver": doubt}) if doubt else None)
    organs = FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs
    return next(organ for organ in organs if organ.organ == "liver")


def masks(ctdivol=STEEP):
    scan = scan_of(*make(ctdivol=ctdivol))
    shared = MODEL.regions["abdomen"]
    slices = scan.measurements.of("liver")
    return DoseOfMasks.of(AlongBody.of(scan), shared, shared.organs["liver"], "ctdivol", slices)


def at(slices, value):
    column = NONE.copy()
    column[slices] = value
    return column


def test_the_dose_of_the_drawn_mask_is_the_organs_dose():
    drawn = masks()
    assert drawn.mean_mGy(drawn.area_mm2) == pytest.approx(liver(None).dose_mGy, rel=1e-12)


def test_an_area_in_other_slices_gives_the_dose_of_an_organ_drawn_there():
    drawn = masks()
    scan = scan_of(*make(ctdivol=STEEP, organ_slices=(12, 32)))
    shared = MODEL.regions["abdomen"]
    parts = (shared, shared.organs["liver"], "ctdivol", scan.measurements.of("liver"))
    longer = DoseOfMasks.of(AlongBody.of(scan), *parts)
    area = drawn.area_mm2 + at(slice(28, 32), LIVER_MM2)
    assert drawn.mean_mGy(area) == pytest.approx(longer.mean_mGy(longer.area_mm2), rel=1e-9)
    assert drawn.mean_mGy(area) > 1.05 * drawn.mean_mGy(drawn.area_mm2)


def test_without_doubt_the_component_is_the_fixed_one():
    assert liver(None).budget["segmentation"] == plausible.WITHOUT_DOUBT == 0.03


def test_a_network_that_is_sure_leaves_the_floor():
    assert liver(known()).budget["segmentation"] == pytest.approx(plausible.FLOOR)


def test_an_end_that_may_lie_elsewhere_widens_the_interval_where_the_dose_is_uneven():
    doubt = known(more=at(slice(28, 34), LIVER_MM2), less=at(slice(24, 28), -LIVER_MM2))
    steep, flat = liver(doubt), liver(doubt, ctdivol=10.0)
    assert steep.budget["segmentation"] > 2 * flat.budget["segmentation"]
    sure = liver(known())
    assert steep.dose_mGy == sure.dose_mGy
    assert steep.total_low_mGy < sure.total_low_mGy
    assert steep.total_high_mGy > sure.total_high_mGy


def test_both_ends_may_move_together():
    both_ends = at([10, 11, 28, 29], LIVER_MM2)
    # Larger at both ends hardly changes the mean; moved to one side it does.
    drawn = masks()
    doubt = known(more=both_ends, less=at([12, 13, 26, 27], -LIVER_MM2))
    doses = [drawn.mean_mGy(area) for area in drawn.plausible_areas(doubt)]
    mean = drawn.mean_mGy(drawn.area_mm2)
    assert abs(math.log(doses[1] / mean)) < 0.02
    assert doses[3] > 1.05 * mean
    assert doses[4] < mean / 1.05


def test_disagreement_of_the_network_with_itself_widens_the_interval():
    half = liver(known(both=50)).budget["segmentation"]
    assert half == pytest.approx(math.hypot(plausible.FLOOR, 0.5 * plausible.PER_DISAGREEMENT))
    assert half > liver(known(both=95)).budget["segmentation"]


def test_an_organ_that_may_be_nowhere_has_a_finite_component():
    doubt = known(both=0, less=at(slice(12, 28), -LIVER_MM2), again=at(slice(12, 28), -LIVER_MM2))
    assert 0 < liver(doubt).budget["segmentation"] < 1
