"""Regions and scores of the patient: organs as groups, skin, and marrow by bone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from box_bodies import BODY, box_scan
from dose_scans import codes, scan_of

from CTDoseSegLib.dosimetry.montecarlo.marrow import AGES_Y, active_share, marrow_sites
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of
from CTDoseSegLib.dosimetry.montecarlo.regions import CORTEX_G_CM3

LEFT = (slice(3, 9), slice(40, 60), slice(80, 100))
RIGHT = (slice(3, 9), slice(40, 60), slice(40, 60))
SPINE = (slice(0, 12), slice(70, 82), slice(60, 80))
SITES = (
    *("skull", "mandible", "scapulae", "clavicles", "sternum", "ribs", "cervical_spine"),
    *("thoracic_spine", "lumbar_spine", "sacrum", "pelvis", "upper_humeri", "upper_femora"),
)


def members(patient, name):
    return set(patient.scores.members[patient.scores.index_of(name)])


def mass(patient, name):
    return patient.mass_g[patient.scores.index_of(name)]


def test_an_organ_gathers_its_atoms_and_the_body_everything_but_the_couch():
    couch = (slice(0, 12), slice(94, 98), slice(30, 110))
    patient = patient_of(
        box_scan({"lung_left": (LEFT, -800), "lung_right": (RIGHT, -800), "couch": (couch, -500)})
    )
    assert members(patient, "lung") == members(patient, "lung_left") | members(
        patient, "lung_right"
    )
    assert not members(patient, "lung_left") & members(patient, "lung_right")
    scored = set(np.unique(patient.voxels.region)) - {0}
    assert members(patient, "body") == scored
    assert "couch" not in patient.scores.names


def test_masses_are_those_of_the_voxels_that_are_scored():
    patient = patient_of(box_scan({"liver": (LEFT, 55)}))
    by_region = patient.voxels.region_mass_g()
    for name, regions, g in zip(
        patient.scores.names, patient.scores.members, patient.mass_g, strict=True
    ):
        assert g == pytest.approx(by_region[list(regions)].sum()), name


def skin_of(patient):
    return np.isin(patient.voxels.region, list(members(patient, "skin")))


def test_skin_is_a_shell_of_two_millimetres_around_the_body_and_part_of_it():
    scan = box_scan(
        {"liver": ((slice(1, 3), slice(80, 120), slice(90, 130)), 55)},
        shape=(4, 240, 280),
        body=(slice(0, 4), slice(60, 180), slice(60, 220)),
        spacing_mm=(1.0, 1.0, 5.0),
    )
    patient = patient_of(scan)
    shell = (120 * 160 - 116 * 156) * 20.0 / 1000 * 1.05
    assert mass(patient, "skin") == pytest.approx(shell, rel=0.1)
    assert members(patient, "skin") < members(patient, "body")
    _, j, i = np.nonzero(skin_of(patient))
    # Rows 15 to 44 and columns 15 to 54 of the voxels are body.
    assert ((j == 15) | (j == 44) | (i == 15) | (i == 54)).all()


def test_there_is_no_skin_around_a_hole_in_the_label_map():
    scan = box_scan({})
    labels = scan.labelmap.labels.copy()
    labels[:, 50:60, 60:70] = 0
    patient = patient_of(scan_of(scan.series, replace(scan.labelmap, labels=labels)))
    assert not skin_of(patient)[:, 20:40, 20:50].any()
    assert skin_of(patient).any()


def test_there_is_no_skin_where_the_images_end():
    patient = patient_of(box_scan({}, body=(BODY[0], slice(0, 90), slice(30, 110))))
    skin, body = skin_of(patient), patient.voxels.region > 0
    slab = len(skin) // 2
    front = np.flatnonzero(body[slab].any(axis=1))[0]
    middle = skin.shape[2] // 2
    assert not skin[slab, front, middle - 10 : middle + 10].any()
    assert skin[slab, front + 44, middle - 10 : middle + 10].any()


def test_there_is_no_skin_where_the_circle_of_reconstruction_cuts_the_body():
    y, x = np.mgrid[:120, :120]
    circle = (y - 59.5) ** 2 + (x - 59.5) ** 2 <= 60**2
    body = circle & (y > 30) & (y < 90)
    scan = box_scan({}, shape=(4, 120, 120), body=(slice(0, 4), slice(40, 60), slice(40, 60)))
    noise = np.random.default_rng(2).integers(-9, 10, (4, 120, 120))
    hu = np.where(circle, np.where(body, 40, -1000) + noise, -1024).astype(np.int16)
    labels = np.repeat(body[None], 4, axis=0).astype(np.uint8)
    series = replace(scan.series, hu=hu)
    patient = patient_of(scan_of(series, replace(scan.labelmap, labels=labels)))
    skin, scored = skin_of(patient), patient.voxels.region > 0
    rows = slice(22, 38)  # within the body's sides, which the circle cuts, in voxels of the images
    first = (scored.shape[1] - 60) // 2
    assert scored[:, first:][:, rows].any()
    assert not skin[:, first:][:, rows].any()
    assert skin.any()


def test_skin_over_an_organ_belongs_to_both():
    breast = (slice(3, 9), slice(30, 50), slice(40, 60))
    patient = patient_of(box_scan({"breast_right": (breast, -60)}))
    assert members(patient, "breast_right") & members(patient, "skin")


def test_the_front_millilitre_of_an_eye_is_scored_with_its_lens():
    eye = (slice(4, 8), slice(32, 44), slice(80, 92))
    lens = (slice(5, 7), slice(32, 34), slice(84, 88))
    patient = patient_of(box_scan({"eye_left": (eye, 10), "eye_lens_left": (lens, 45)}))
    front = np.isin(patient.voxels.region, list(members(patient, "anterior_eye_left")))
    assert front.sum() * np.prod(patient.voxels.spacing_mm) == pytest.approx(1000.0, rel=0.05)
    rows = np.nonzero(front)[1]
    eye_rows = np.nonzero(np.isin(patient.voxels.region, list(members(patient, "eye_left"))))[1]
    assert rows.min() == eye_rows.min()
    assert rows.max() < eye_rows.max()
    assert members(patient, "eye_lens_left") & members(patient, "anterior_eye_left")
    assert "anterior_eye_right" not in patient.scores.names


def test_marrow_is_scored_in_the_spongiosa_and_not_in_the_cortex():
    def cortex(hu):
        hu[0:12, 70:74, 60:80] = 1300.0

    patient = patient_of(box_scan({"vertebrae_L3": (SPINE, 200)}, paint=cortex))
    bone, marrow = members(patient, "vertebrae_L3"), members(patient, "red_marrow_lumbar_spine")
    assert marrow < bone
    density = patient.voxels.density_g_cm3
    in_marrow = np.isin(patient.voxels.region, list(marrow))
    in_cortex = np.isin(patient.voxels.region, list(bone - marrow))
    assert density[in_marrow].max() <= CORTEX_G_CM3 < density[in_cortex].min()


def test_a_bone_of_cortex_alone_still_has_its_marrow_scored():
    patient = patient_of(box_scan({"rib_left_5": (SPINE, 1300)}))
    assert members(patient, "red_marrow_ribs") == members(patient, "rib_left_5")


def test_the_adults_active_marrow_adds_up_to_all_of_it():
    for sex in ("M", "F", None):
        assert sum(active_share(s, None, sex) for s in SITES) == pytest.approx(1.0, abs=0.002)


def test_children_have_some_of_it_in_bones_that_are_not_in_the_table():
    for age in AGES_Y[:4]:
        assert 0.65 < sum(active_share(s, age) for s in SITES) < 0.98


def test_active_marrow_leaves_the_skull_with_age():
    skull = [active_share("skull", age) for age in (3.0, 10.0, 15.0, 30.0)]
    assert skull == sorted(skull, reverse=True)
    assert active_share("skull", 7.5) == pytest.approx((0.326 + 0.175) / 2)
    assert active_share("pelvis", 15, "F") > active_share("pelvis", 15, "M")


def test_sites_tell_how_much_of_a_bone_is_in_the_images():
    ribs = tuple(f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 7))
    sites = {
        site.site: site
        for site in marrow_sites(
            (*ribs, "sternum", "hip_left", "sacrum", "vertebrae_S1"), ("hip_left",), 40.0, "F"
        )
    }
    assert sites["ribs"].seen_share == 0.5
    assert sites["sternum"].seen_share == 1.0
    assert sites["pelvis"].seen_share == 0.25
    assert sites["sacrum"].seen_share == 1.0
    assert sites["sacrum"].atoms == ("sacrum", "vertebrae_S1")
    assert sites["sternum"].active_share == 0.032


def test_labels_of_a_bones_cortex_and_spongiosa_are_one_bone():
    parts = tuple(f"vertebrae_L{n}_{part}" for n in (1, 2) for part in ("cortex", "spongiosa"))
    (site,) = marrow_sites(parts, (), None, None)
    assert site.seen_share == 0.4
    assert site.atoms == parts


def test_a_spine_without_its_vertebrae_counts_as_all_of_them():
    (spine,) = marrow_sites(("spine",), (), None, "M")
    assert spine.active_share == pytest.approx(0.044 + 0.175 + 0.125)
    assert spine.seen_share is None


def test_bones_that_are_not_told_apart_are_flagged():
    patient = patient_of(box_scan({"bone": (SPINE, 700)}))
    assert "marrow_bones_unnamed" in codes(patient.flags)
    assert patient.marrow[0].active_share is None
