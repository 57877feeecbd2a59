"""Mass of organs whose HU contrast agent lifts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, make, scan_of, with_hu

from CTDoseSegLib.ct.organs import organs
from CTDoseSegLib.dosimetry.doses import RED_MARROW
from CTDoseSegLib.dosimetry.fast.density import UNENHANCED_G_CM3, density
from CTDoseSegLib.dosimetry.fast.engine import FastEngine

VOLUME_ML = 16 * 16 * 25 * 5.0 / 1000  # 16 slices of 16 pixels of 25 mm2, 5 mm apart


@pytest.mark.parametrize(
    ("organ", "hu", "g_cm3"),
    [
        ("kidney_left", 200, 1.05),
        ("spleen", 130, 1.04),
        ("aorta", 350, 1.06),
        ("heart_ventricle_left", 300, 1.06),
        ("stomach", 400, 1.04),
        ("colon", 250, 1.04),
        ("pancreas", 110, 1.05),
        ("esophagus", 90, 1.03),
        ("kidney_left", 30, 1.03),
        ("pancreas", 0, 1.0),
        ("lung_upper_lobe_left", -850, 0.15),
        ("stomach", -1000, 0.01),
        ("uterus", 110, 1.03),
        ("breast_left", 60, 1.02),
        ("breast_left", -60, 0.94),
        ("torso_fat", 10, 0.95),
        ("subcutaneous_fat", -100, 0.9),
    ],
)
def test_an_organ_is_never_heavier_than_its_tissue_without_contrast_agent(organ, hu, g_cm3):
    (dose,) = [o for o in with_hu(hu, organ).organs if o.organ == organ]
    assert dose.seen_mass_g == pytest.approx(g_cm3 * VOLUME_ML, rel=1e-3)


def test_a_slice_full_of_contrast_agent_weighs_no_more_than_another():
    series, labelmap = make(organs=("kidney_left",), ctdivol=[5.0] * 20 + [15.0] * 20)
    kidney = labelmap.labels == 3
    series.hu[kidney] = 60
    series.hu[:20][kidney[:20]] = 300
    (organ,) = [
        o
        for o in FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs
        if o.organ == "kidney_left"
    ]
    assert organ.dose_mGy == pytest.approx(organ.dose_slice_mean_mGy, rel=1e-9)


def test_the_heart_of_enhanced_chambers_has_their_mass_without_the_iodine():
    names = ("heart_myocardium", "heart_atrium_left", "heart_atrium_right")
    names += ("heart_ventricle_left", "heart_ventricle_right")
    series, labelmap = make(organs=names)
    for value, hu in zip(range(3, 8), (110, 300, 350, 280, 320), strict=True):
        series.hu[labelmap.labels == value] = hu
    labelmap = replace(labelmap, groups={**labelmap.groups, "heart": names})
    result = FastEngine(MODEL).estimate(scan_of(series, labelmap))
    (heart,) = [o for o in result.organs if o.organ == "heart"]
    assert heart.seen_mass_g == pytest.approx(5 * 1.05 * VOLUME_ML, rel=1e-3)


def test_bone_keeps_the_density_of_its_hu_and_the_marrow_in_it_has_its_own():
    assert density("bone", np.array([700.0])) == pytest.approx(1.7)
    assert density("red_marrow", np.array([250.0])) == pytest.approx(1.03)


def test_every_organ_with_a_density_is_one_of_the_table():
    assert set(UNENHANCED_G_CM3) <= {*organs(), RED_MARROW}


@pytest.mark.parametrize("organ", sorted({o for r in MODEL.regions.values() for o in r.organs}))
def test_every_organ_of_the_dose_model_has_its_tissues_density(organ):
    assert organ in UNENHANCED_G_CM3
