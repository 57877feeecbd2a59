"""Iodine follows the published enhancement, at 25 HU for each mg/ml."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.contrast import (
    HU_PER_MG_ML,
    PHASES,
    iodine_of_body,
)


# Goshima 2006 and 2007; biphasic CT of 50 kidney donors (119 HU, 40 unenhanced); van Vugt 2018.
@pytest.mark.parametrize(
    ("phase", "tissue", "low_hu", "high_hu"),
    [
        ("arterial", "aorta", 300, 336),
        ("portal", "aorta", 117, 125),
        ("arterial", "spleen", 97, 108),
        ("portal", "spleen", 73, 82),
        ("arterial", "liver", 15, 25),
        ("portal", "liver", 59, 63),
        ("arterial", "portal_vein", 75, 104),
        ("arterial", "hepatic_veins", 24, 51),
        ("arterial", "kidney_cortex", 195, 217),
        ("portal", "kidney_medulla", 135, 150),
        ("arterial", "small_bowel_wall", 74, 84),
        ("portal", "muscle", 6, 9),
    ],
)
def test_iodine_gives_the_published_enhancement(phase, tissue, low_hu, high_hu):
    assert low_hu <= iodine_of_body(phase)[tissue] * HU_PER_MG_ML <= high_hu


def test_without_contrast_there_is_none():
    assert set(iodine_of_body("none", np.random.default_rng(1)).values()) == {0.0}


def test_urine_is_opaque_in_the_excretory_phase_alone():
    iodine = iodine_of_body("excretory")
    assert iodine["renal_pelvis"] > 20 * iodine["liver"] / 3
    assert iodine["urinary_bladder_contents"] > 5
    for phase in ("none", "arterial", "portal", "nephrographic"):
        assert iodine_of_body(phase)["urinary_bladder_contents"] == 0


def test_the_whole_kidney_lies_between_cortex_and_medulla():
    for phase in PHASES[1:]:
        iodine = iodine_of_body(phase)
        parts = sorted((iodine["kidney_cortex"], iodine["kidney_medulla"]))
        assert parts[0] <= iodine["kidneys"] <= parts[1]


def test_in_one_body_vessels_brighten_together():
    rng = np.random.default_rng(2)
    bodies = [iodine_of_body("portal", rng) for _ in range(200)]
    aorta, left = (
        np.array([body[tissue] for body in bodies]) for tissue in ("aorta", "heart_left")
    )
    assert np.std(np.log(aorta)) == pytest.approx(0.19, abs=0.03)
    assert np.corrcoef(aorta, left)[0, 1] > 0.6
    assert np.median(aorta) == pytest.approx(iodine_of_body("portal")["aorta"], rel=0.06)


def test_an_unknown_phase_is_refused():
    with pytest.raises(InputError, match="no contrast phase; choose one of none, arterial"):
        iodine_of_body("venous")
