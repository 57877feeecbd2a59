"""The dose of the heart from those of its chambers and its muscle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, codes, make, scan_of

from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine

CHAMBERS = (
    *("heart_myocardium", "heart_atrium_left", "heart_atrium_right"),
    *("heart_ventricle_left", "heart_ventricle_right"),
)


def with_heart(organs=CHAMBERS, region="auto", **changes):
    """Doses of a scan whose heart is the union of `organs`."""
    series, labelmap = make(organs=organs, **changes)
    series.hu[labelmap.labels == 3] = 60  # the first of them is denser than the others
    labelmap = replace(labelmap, groups={**labelmap.groups, "heart": organs})
    result = estimate(FastEngine(MODEL, region), scan_of(series, labelmap))
    return {organ.organ: organ for organ in result.organs}


def test_the_heart_of_chambers_and_muscle_has_their_dose_by_mass():
    organs = with_heart()
    heart = organs["heart"]
    mass = np.array([1.05, *[1.03] * 4])  # g/cm3; all have the same volume
    for name in ("dose_mGy", "model_low_mGy", "total_high_mGy"):
        parts = [getattr(organs[c], name) for c in CHAMBERS]
        assert getattr(heart, name) == pytest.approx(np.average(parts, weights=mass), rel=1e-6)
    assert "union_of_parts" in codes(heart.flags)
    assert heart.region == "chest"
    order = list(organs)
    assert {*order[order.index("heart") + 1 :][:5]} == {*CHAMBERS}
    assert heart.whole_organ_dose_mGy == heart.dose_mGy
    assert np.flatnonzero(np.isfinite(heart.slice_dose_mGy)).tolist() == list(range(12, 28))


@pytest.mark.parametrize(
    "changes",
    [{"organs": CHAMBERS[:4]}, {"organs": (*CHAMBERS, "heart_rest")}, {"region": "abdomen"}],
)
def test_a_heart_that_is_not_the_union_of_its_parts_is_not_predicted(changes):
    heart = with_heart(**changes)["heart"]
    assert heart.dose_mGy is None
    assert codes(heart.flags) == {"no_dose_model"}


def test_a_heart_whose_chambers_are_refused_has_no_dose_and_their_reason():
    heart = with_heart(half_axes_mm=(80.0, 60.0))["heart"]
    assert heart.dose_mGy is None
    assert "size_outside_training" in codes(heart.flags)


def test_a_heart_cut_by_the_images_has_no_dose_of_the_whole():
    heart = with_heart(organ_slices=(0, 20))["heart"]
    assert heart.dose_mGy is not None
    assert heart.whole_organ_dose_mGy is None
    assert {"organ_cut", "whole_organ_undefined"} <= codes(heart.flags)
