"""Materials of the patient: the label decides what a voxel is, HU how dense it is."""

from __future__ import annotations

import numpy as np
import pytest
from box_bodies import box_scan
from dose_scans import codes

from CTDoseSegLib.ct.attenuation import hounsfield
from CTDoseSegLib.dosimetry.fast.density import UNENHANCED_G_CM3
from CTDoseSegLib.dosimetry.montecarlo.materials import MATERIALS, index_of
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of
from CTDoseSegLib.dosimetry.montecarlo.tissue_laws import HULaws, Kind, kind_of

BOX = (slice(3, 9), slice(40, 72), slice(40, 72))
ELSEWHERE = (slice(3, 9), slice(44, 56), slice(80, 100))


def inside(patient, name):
    """Materials and densities of an organ's voxels."""
    voxels = patient.voxels
    where = np.isin(voxels.region, patient.scores.members[patient.scores.index_of(name)])
    return voxels.material[where], voxels.density_g_cm3[where]


def iodine_mg_ml(patient, name):
    """Mean iodine of the materials of an organ's voxels."""
    material, _ = inside(patient, name)
    return float(np.mean([MATERIALS[m].iodine_mg_ml for m in material]))


def names(material) -> set[str]:
    return {MATERIALS[m].name for m in np.unique(material)}


def beside(mg_ml) -> set[str]:
    """The two tissues with iodine that a concentration lies between."""
    held = sorted((m.iodine_mg_ml, m.name) for m in MATERIALS if m.name.startswith("blood_iodine"))
    levels = [level for level, _ in held]
    above = int(np.searchsorted(levels, mg_ml))
    return {held[above - 1][1], held[above][1]}


def hu_of(material, density, kvp) -> float:
    """Mean HU that materials and densities have; iodine adds to a ml, density is without it."""
    total = 0.0
    for number, g_cm3 in zip(material, density, strict=True):
        of = MATERIALS[number]
        plain = MATERIALS[index_of("blood")] if of.iodine_mg_ml else of
        total += hounsfield(plain.mass_fractions, float(g_cm3), kvp, of.iodine_mg_ml)
    return total / len(material)


@pytest.mark.parametrize("kvp", [80.0, 120.0, 140.0])
@pytest.mark.parametrize(
    ("name", "hu", "within"),
    [
        ("body_rest", -100.0, 12.0),
        ("body_rest", -30.0, 12.0),
        ("body_rest", 45.0, 12.0),
        ("lung_left", -820.0, 8.0),
        ("liver", 55.0, 20.0),
        ("liver", 110.0, 25.0),
        ("kidney_left", 35.0, 12.0),
        ("kidney_left", 200.0, 20.0),
        ("aorta", 350.0, 25.0),
        ("vertebrae_L1", 120.0, 30.0),
        ("vertebrae_L1", 600.0, 30.0),
        ("vertebrae_L1", 1200.0, 30.0),
        ("couch", -600.0, 8.0),
        ("couch", 200.0, 8.0),
    ],
)
def test_materials_attenuate_as_the_images_do(name, hu, within, kvp):
    """Attenuation relative to water by composition and density gives the HU back."""
    where = (slice(3, 9), slice(96, 112), slice(40, 100)) if name == "couch" else BOX
    boxes = {} if name == "body_rest" else {name: (where, hu)}
    scan = box_scan(boxes, body_hu=hu if name == "body_rest" else 40.0, kvp_kV=kvp)
    patient = patient_of(scan)
    if name == "couch":
        place = patient.voxels.material == index_of("carbon")
        material, density = patient.voxels.material[place], patient.voxels.density_g_cm3[place]
        material, density = material[density > 0.05], density[density > 0.05]
    else:
        material, density = inside(patient, "body" if name == "body_rest" else name)
    assert hu_of(material, density, kvp) == pytest.approx(hu, abs=within)


def test_an_enhanced_kidney_is_tissue_with_iodine_and_never_bone():
    patient = patient_of(box_scan({"kidney_left": (BOX, 250.0)}))
    material, density = inside(patient, "kidney_left")
    assert names(material) == beside((250 - 35) / 25.2)
    assert density == pytest.approx(1.05)
    assert iodine_mg_ml(patient, "kidney_left") == pytest.approx((250 - 35) / 25.2, rel=0.03)
    assert patient.iodine_mg_ml["kidney_left"] == pytest.approx((250 - 35) / 25.2, rel=0.01)


def test_the_same_hu_are_less_iodine_at_a_lower_voltage():
    low, high = (
        iodine_mg_ml(patient_of(box_scan({"aorta": (BOX, 300.0)}, kvp_kV=kvp)), "aorta")
        for kvp in (80.0, 120.0)
    )
    assert low / high == pytest.approx(25.2 / 40.2, rel=0.05)


def test_the_edges_of_a_bone_beside_an_organ_make_no_iodine_in_it():
    """A quarter of the gland has the HU of bone's edges: its mean is that of an enhanced one."""
    gland = (slice(3, 9), slice(40, 60), slice(52, 60))
    jaw = (slice(3, 9), slice(40, 60), slice(60, 70))
    edge = (slice(3, 9), slice(40, 60), slice(58, 60))

    def paint(hu):
        hu[edge] = 400.0

    scan = box_scan({"parotid_gland_left": (gland, 25.0), "skull": (jaw, 900.0)}, paint=paint)
    assert scan.series.hu[gland].mean() > 100.0
    patient = patient_of(scan)
    assert "parotid_gland_left" not in patient.iodine_mg_ml
    assert patient.mass_g[patient.scores.index_of("parotid_gland_left")] > 0


@pytest.mark.parametrize("noise_hu", [0.0, 60.0])
def test_noise_makes_no_iodine_in_an_organ_without_any(noise_hu):
    scan = box_scan({"liver": (BOX, 58.0)}, noise_hu=noise_hu)
    patient = patient_of(scan)
    assert iodine_mg_ml(patient, "liver") < 0.05
    _, density = inside(patient, "liver")
    assert density.mean() == pytest.approx(1.05, rel=0.01)


def test_noise_does_not_change_the_iodine_of_an_organ_with_some():
    quiet, noisy = (
        iodine_mg_ml(patient_of(box_scan({"liver": (BOX, 120.0)}, noise_hu=noise)), "liver")
        for noise in (0.0, 40.0)
    )
    assert noisy == pytest.approx(quiet, rel=0.05)


def test_a_weakly_enhanced_organ_holds_iodine_where_another_surely_does():
    spleen = {"spleen": (ELSEWHERE, 75.0)}
    alone = patient_of(box_scan(spleen))
    beside = patient_of(box_scan({**spleen, "aorta": (BOX, 200.0)}))
    assert iodine_mg_ml(alone, "spleen") == 0
    assert iodine_mg_ml(beside, "spleen") == pytest.approx((75 - 48) / 25.2, rel=0.1)


def test_muscle_with_fat_in_it_holds_as_much_iodine_as_its_mean_hu_say():
    def marbled(hu):
        hu[3:9, 44:56, 80:100] += np.where(np.indices((6, 12, 20))[1] % 4 < 2, 50.0, -50.0)

    muscle = {"iliopsoas_left": (ELSEWHERE, 65.0)}
    scan = box_scan({**muscle, "aorta": (BOX, 200.0)}, paint=marbled)
    assert iodine_mg_ml(patient_of(scan), "iliopsoas_left") == pytest.approx(
        (65 - 43.5) / 25.2, rel=0.15
    )


def test_an_organ_beside_bone_is_not_enhanced_by_it():
    """A thin layer of fluid along the skull, which partial volume lifts."""
    fluid = (slice(3, 9), slice(38, 40), slice(40, 72))
    patient = patient_of(
        box_scan({"skull": (BOX, 900.0), "cerebrospinal_fluid": (fluid, 150.0)}, contrast=True)
    )
    assert iodine_mg_ml(patient, "cerebrospinal_fluid") == 0


def test_the_couch_is_light_carbon_however_dense_it_shows():
    couch = (slice(0, 12), slice(94, 100), slice(30, 110))
    patient = patient_of(box_scan({"couch": (couch, 600.0)}))
    material = patient.voxels.material[len(patient.voxels.material) // 2, 47:50]
    assert names(material[:, 16:54]) == {"carbon"}
    assert not {"couch"} & set(patient.scores.names)
    carbon = patient.voxels.material == index_of("carbon")
    assert not patient.voxels.region[carbon].any()


def test_air_around_the_body_weighs_nothing():
    patient = patient_of(box_scan({"liver": (BOX, 58.0)}, noise_hu=30.0))
    outside = patient.voxels.region == 0
    outside &= ~patient.completed
    assert patient.voxels.density_g_cm3[outside].max() <= 1e-6
    assert names(patient.voxels.material[outside]) == {"air"}


def test_gas_in_the_bowel_is_air():
    def paint(hu):
        hu[4:8, 50:60, 50:60] = -1000.0

    patient = patient_of(box_scan({"colon": (BOX, 40.0)}, paint=paint))
    material, density = inside(patient, "colon")
    gas = material == index_of("air")
    assert gas.sum() == 4 * 5 * 5
    assert density[gas].max() < 0.002


def test_a_heart_that_was_labelled_bone_is_contrast_agent():
    patient = patient_of(box_scan({"bone": (BOX, 260.0)}, noise_hu=20.0))
    assert "bone_is_contrast" in codes(patient.flags)
    assert "bone" not in patient.scores.names or inside(patient, "bone")[0].size < 20
    inner = patient.voxels.region[len(patient.voxels.region) // 2, 22:34, 22:34]
    material = patient.voxels.material[len(patient.voxels.region) // 2, 22:34, 22:34]
    assert inner.all()
    assert all(name.startswith("blood_iodine") for name in names(material))


def test_bone_stays_bone_where_no_contrast_agent_was_given():
    patient = patient_of(box_scan({"bone": (BOX, 260.0)}, contrast=False))
    assert "bone_is_contrast" not in codes(patient.flags)
    assert inside(patient, "bone")[0].size == 6 * 16 * 16


def test_a_vertebra_with_a_cortex_stays_bone():
    def cortex(hu):
        k, j, i = BOX
        for rows, columns in ((j, i.start), (j, i.stop - 1)):
            hu[k, rows, columns] = 700.0
        for row in (j.start, j.stop - 1):
            hu[k, row, i] = 700.0

    patient = patient_of(box_scan({"vertebrae_L1": (BOX, 200.0)}, paint=cortex, noise_hu=20.0))
    assert "bone_is_contrast" not in codes(patient.flags)
    material, density = inside(patient, "vertebrae_L1")
    bones = {"yellow_marrow", "spongiosa", "mixed_bone", "cortical_bone"}
    assert names(material) <= bones
    assert density.max() > 1.2


def test_metal_is_titanium_no_denser_than_photons_can_be_tracked_through():
    metal = (slice(4, 8), slice(50, 58), slice(50, 58))

    def paint(hu):
        hu[metal] = 3071.0

    patient = patient_of(box_scan({"vertebrae_L1": (BOX, 400.0)}, paint=paint))
    titanium = patient.voxels.material == index_of("titanium")
    assert titanium.sum() == 4 * 4 * 4
    assert patient.voxels.density_g_cm3[titanium] == pytest.approx(3.0)
    assert "metal_simulated" in codes(patient.flags)


def test_metal_beyond_titanium_on_an_extended_scale_is_iron():
    def paint(hu):
        hu[4:8, 50:58, 50:58] = 20000.0

    patient = patient_of(box_scan({"body_trunc": (BOX, 40.0)}, paint=paint))
    assert (patient.voxels.material == index_of("iron")).sum() == 4 * 4 * 4


def test_unlabelled_bone_is_bone_by_its_hu_and_flagged():
    def paint(hu):
        hu[3:9, 40:60, 40:60] = 700.0

    patient = patient_of(box_scan({"liver": (ELSEWHERE, 55.0)}, paint=paint))
    k = len(patient.voxels.material) // 2
    assert names(patient.voxels.material[k, 21:29, 21:29]) <= {"mixed_bone", "cortical_bone"}
    assert "tissue_by_hu" in codes(patient.flags)


def test_an_unlabelled_vessel_holds_iodine_where_bones_are_labelled():
    def paint(hu):
        hu[3:9, 40:60, 40:60] = 300.0

    patient = patient_of(box_scan({"vertebrae_L1": (ELSEWHERE, 400.0)}, paint=paint))
    k = len(patient.voxels.material) // 2
    found = names(patient.voxels.material[k, 21:29, 21:29])
    assert found == beside((300 - 45) / 25.2)
    assert "iodine_by_hu" in codes(patient.flags)


def test_tissue_beside_bone_is_not_taken_for_contrast_agent():
    """Partial volume lifts the HU of what lies beside a bone above those of tissue."""

    def blur(hu):
        hu[3:9, 40:72, 72] = 300.0

    patient = patient_of(box_scan({"vertebrae_L1": (BOX, 700.0)}, paint=blur))
    material, _ = inside(patient, "body")
    assert not any(name.startswith("blood_iodine") for name in names(material))


def test_without_a_body_all_tissue_goes_by_hu_and_is_flagged():
    def paint(hu):
        hu[:, 30:90, 30:110] = np.maximum(hu[:, 30:90, 30:110], 40.0)
        hu[3:9, 80:88, 60:80] = 900.0

    patient = patient_of(box_scan({"liver": (BOX, 55.0)}, body_hu=None, paint=paint))
    assert "body_by_hu" in codes(patient.flags)
    k = len(patient.voxels.material) // 2
    assert names(patient.voxels.material[k, 41:43, 32:38]) <= {"mixed_bone", "cortical_bone"}
    assert patient.voxels.density_g_cm3[k, 18, 20] == pytest.approx(1.05, abs=0.02)
    assert patient.voxels.density_g_cm3[k, 2, 2] < 0.002


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lung_upper_lobe_left", Kind.LUNG),
        ("lung", Kind.LUNG),
        ("lung_vessels", Kind.SOFT),
        ("lung_nodules", Kind.SOFT),
        ("trachea", Kind.SOFT),
        ("rib_left_7", Kind.BONE),
        ("costal_cartilages", Kind.SOFT),
        ("skull", Kind.BONE),
        ("mandible", Kind.BONE),
        ("teeth", Kind.BONE),
        ("spinal_cord", Kind.SOFT),
        ("breast_left", Kind.REST),
        ("subcutaneous_fat", Kind.REST),
        ("skeletal_muscle", Kind.SOFT),
        ("headrest", Kind.COUCH),
        ("skull_cortex", Kind.BONE),
        ("kidney_cortex_left", Kind.SOFT),
        ("hip_prosthesis_left", Kind.REST),
        ("bone_cement", Kind.REST),
        ("renal_pelvis_left", Kind.SOFT),
        ("skin", Kind.REST),
        ("my structure", Kind.REST),
    ],
)
def test_every_label_has_a_kind(name, kind):
    assert kind_of(name) is kind


def test_an_organ_of_the_table_of_densities_has_its_density_unless_it_is_mixed_with_fat():
    laws = HULaws.at(120.0)
    mixed = set()
    for name, g_cm3 in UNENHANCED_G_CM3.items():
        tissue = laws.tissue(name, 30.0)
        if kind_of(name) is Kind.REST and name != "skin":
            mixed.add(name)
        else:
            assert tissue.most_g_cm3 == g_cm3
    sides = {"breast_left", "breast_right", "breast"}
    assert mixed == {"subcutaneous_fat", "torso_fat", "red_marrow", *sides}


@pytest.mark.parametrize("name", ["breast_left", "subcutaneous_fat"])
def test_what_is_mixed_with_fat_is_as_dense_by_its_hu_as_any_other_tissue(name):
    laws = HULaws.at(120.0)
    one, rest = laws.density_table([laws.tissue(n, -50.0) for n in (name, "body_rest")], 150.0)
    np.testing.assert_array_equal(one, rest)


def test_an_unknown_voltage_is_flagged_and_read_at_120_kv():
    patient = patient_of(box_scan({"kidney_left": (BOX, 250.0)}, kvp_kV=None))
    assert "hu_voltage_assumed" in codes(patient.flags)
    assert HULaws.at(None).kvp == 120.0
    assert HULaws.at(60.0).kvp == 70.0
