"""The phantom: is its truth true?"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CTDoseSegLib.errors import GeometryError, InputError
from CTDoseSegLib.phantom.acceptance import ACCEPTANCE_SEEDS
from CTDoseSegLib.phantom.canvas import Canvas
from CTDoseSegLib.phantom.phantom import RANGE_MM, Phantom, water_cylinder
from CTDoseSegLib.phantom.shapes import Column, Ellipsoid

pytestmark = pytest.mark.slow

COARSE = {"shape": (96, 96, 14), "spacing_mm": (4.6, 4.6, 38.0)}


def wed_by_mask(hu, body, pixel_area_mm2):
    """AAPM 220 over a mask, slice by slice."""
    return np.array(
        [
            2 * np.sqrt((h[m].mean(dtype=float) / 1000 + 1) * m.sum() * pixel_area_mm2 / np.pi)
            for h, m in zip(hu, body, strict=True)
        ]
    )


def mask_of(truth, group):
    return np.isin(truth.labels, [truth.names[atom] for atom in truth.groups[group]])


def centroid_ras(truth, group):
    kji = np.argwhere(mask_of(truth, group)).mean(axis=0)
    return truth.affine[:3, :3] @ kji[::-1] + truth.affine[:3, 3]


class Drawn(Phantom):
    """A phantom of the shapes passed in."""

    @cached_property
    def canvas(self):
        canvas = Canvas()
        canvas.paint(
            Column(np.array([[0.0, 150.0, 100.0, 3.0, -2.0]])), canvas.material("body_rest", 40)
        )
        canvas.paint(
            Ellipsoid.from_axes((20, 10, 0), (50, 30, 400), (0, 0, 30)),
            canvas.material("liver", -700),
        )
        return canvas


# --- exact size


@settings(max_examples=8, deadline=None)
@given(diameter=st.floats(120, 420), spacing=st.floats(0.6, 2.0))
def test_wed_of_a_water_cylinder_is_its_diameter(diameter, spacing):
    size = int(440 / spacing)
    cylinder = water_cylinder(diameter, shape=(size, size, 1), spacing_mm=(spacing, spacing, 2.0))
    assert next(cylinder.slices()).wed_mm == pytest.approx(diameter, rel=2e-4)


def test_wed_of_an_ellipse_with_an_insert_is_the_closed_form():
    drawn = Drawn(variant="cylinder", shape=(300, 300, 1), spacing_mm=(1.1, 1.2, 1.0))
    # The insert is an ellipsoid so long that its section at z = 0 is 50 x 30 mm.
    outer, insert = 150 * 100, 50 * 30
    expected = 2 * np.sqrt(1.04 * (outer - insert) + 0.3 * insert)
    only = next(drawn.slices())
    assert only.wed_mm == pytest.approx(expected, rel=1e-4)
    assert only.body_area_mm2 == pytest.approx(np.pi * outer, rel=2e-4)


def test_water_cylinder_measured_at_512_is_within_a_tenth_of_a_per_cent():
    cylinder = water_cylinder(320.0)
    hu, truth = cylinder.render()
    assert wed_by_mask(hu, truth.labels > 0, 0.64) == pytest.approx(320.0, rel=1e-3)


def test_trunk_measured_at_512_is_within_a_fifth_of_a_per_cent():
    errors = []
    for dz in (-200.0, 0.0, 120.0):
        phantom = Phantom(
            seed=1, shape=(512, 512, 1), spacing_mm=(0.8, 0.8, 5.0), offset_mm=(0, 0, dz)
        )
        hu, truth = phantom.render()
        assert truth.wed_mm == pytest.approx(truth.wed_in_view_mm, abs=1e-9)  # body is whole
        errors.append(wed_by_mask(hu, mask_of(truth, "body"), 0.64)[0] / truth.wed_mm[0] - 1)
    assert np.abs(errors).max() < 2e-3


def test_wed_does_not_depend_on_the_sampling_of_the_image():
    wed = [
        next(Phantom(seed=5, shape=(n, n, 1), spacing_mm=(460 / n, 460 / n, 1.0)).slices()).wed_mm
        for n in (200, 317, 512)
    ]
    assert max(wed) / min(wed) - 1 < 2e-4


# --- labels


def test_atoms_partition_the_volume(trunk):
    _, _, truth = trunk
    assert set(np.unique(truth.labels)) <= {0, *truth.names.values()}
    outside = {"couch", "headrest", "blanket"} & set(truth.names)
    assert set(truth.groups["body"]) | outside == set(truth.names)
    assert not set(truth.groups["body"]) & outside


def test_vessels_belong_to_their_lobe_their_lung_and_the_vessels(trunk):
    _, _, truth = trunk
    atom = "lung_vessels_lower_lobe_left"
    holders = {group for group, atoms in truth.groups.items() if atom in atoms}
    wanted = {"body", "lung", "lung_left", "lung_lower_lobe_left", "lung_vessels", atom}
    assert holders == wanted
    assert not set(truth.groups["lung_left"]) & set(truth.groups["lung_right"])
    both = set(truth.groups["lung_left"]) | set(truth.groups["lung_right"])
    assert both == set(truth.groups["lung"])


@pytest.mark.parametrize("seed", [3, 8])
def test_organs_of_the_published_models_are_there(seed):
    truth = Phantom(
        seed=seed, shape=(192, 192, 40), spacing_mm=(2.4, 2.4, 15.0), offset_mm=(0, 0, -40)
    ).render()[1]
    present = set(np.unique(truth.labels))
    for group in (
        *("adrenal_gland_left", "adrenal_gland_right", "colon", "gallbladder", "kidney_left"),
        *("kidney_right", "liver", "pancreas", "skin", "small_bowel", "spleen", "stomach"),
        *("urinary_bladder", "aorta", "esophagus", "heart_atrium_left", "heart_atrium_right"),
        *("heart_myocardium", "heart_ventricle_left", "heart_ventricle_right", "lung"),
        *("lung_lower_lobe_left", "lung_lower_lobe_right", "lung_middle_lobe_right"),
        *("lung_trachea_bronchia", "lung_upper_lobe_left", "lung_upper_lobe_right"),
        *("lung_vessels", "pulmonary_artery", "spine", "ribs", "couch"),
    ):
        assert present & {truth.names[atom] for atom in truth.groups[group]}, group


def test_organs_lie_on_their_side(trunk):
    _, _, truth = trunk
    right = ("liver", "kidney_right", "lung_right")
    left = ("spleen", "kidney_left", "lung_left", "heart", "stomach")
    assert all(centroid_ras(truth, organ)[0] > 10 for organ in right)
    assert all(centroid_ras(truth, organ)[0] < -10 for organ in left)
    assert centroid_ras(truth, "couch")[1] < centroid_ras(truth, "spine")[1] - 40
    assert centroid_ras(truth, "lung")[2] > centroid_ras(truth, "liver")[2] + 60


def test_couch_touches_the_skin():
    phantom = Phantom(seed=2, shape=(400, 400, 20), spacing_mm=(1.2, 1.2, 24.0))
    _, truth = phantom.render()
    skin, couch = mask_of(truth, "skin"), mask_of(truth, "couch")
    touching = (skin[:, :-1] & couch[:, 1:]).any(axis=(1, 2))  # rows go from front to back
    assert touching.mean() > 0.3


def test_prone_patient_has_the_couch_in_front():
    _, truth = Phantom(seed=3, position="HFP", **COARSE).render()
    assert centroid_ras(truth, "couch")[1] > centroid_ras(truth, "stomach")[1] + 30
    assert truth.affine[0, 0] > 0  # columns go to the patient's right


def test_head_has_brain_in_skull_and_rests_on_its_headrest():
    _, truth = Phantom(
        seed=1, variant="head", shape=(128, 128, 40), spacing_mm=(2.0, 2.0, 5.0)
    ).render()
    brain, skull = mask_of(truth, "brain"), mask_of(truth, "skull")
    # Along every line of the vertex half, brain has bone on both sides.
    upper = slice(24, 36)
    assert (skull[upper].any(axis=2) | ~brain[upper].any(axis=2)).all()
    assert centroid_ras(truth, "headrest")[1] < centroid_ras(truth, "brain")[1] - 60
    assert truth.groups["body"] == tuple(n for n in truth.names if n != "headrest")


# --- geometry


@pytest.mark.parametrize(
    "cosines",
    [
        (1, 0, 0, 0, 0, -1),  # coronal
        (0, 1, 0, 0, 0, -1),  # sagittal
        (-1, 0, 0, 0, 1, 0),  # mirrored
        (0, 1, 0, -1, 0, 0),  # turned by a quarter
    ],
)
def test_other_orientation_gives_the_same_labels_in_patient_space(cosines):
    grid = {"shape": (36, 36, 36), "spacing_mm": (12.0, 12.0, 12.0)}
    axial, other = Phantom(seed=4, **grid), Phantom(seed=4, cosines=cosines, **grid)
    expected, labels = axial.render()[1].labels, other.render()[1].labels
    kji = np.indices(expected.shape).reshape(3, -1)
    ijk = np.vstack([kji[::-1], np.ones(kji.shape[1])])
    indices = np.rint(np.linalg.solve(other.affine, axial.affine @ ijk)[:3]).astype(int)
    seen = labels[tuple(indices[::-1])]
    assert np.mean(seen == expected.ravel()) > 0.9999


def test_oblique_plane_cuts_a_tilted_cylinder_to_an_ellipse():
    tilt = np.deg2rad(30)
    cylinder = water_cylinder(
        200.0,
        shape=(300, 300, 1),
        spacing_mm=(1.0, 1.0, 1.0),
        cosines=(1, 0, 0, 0, np.cos(tilt), np.sin(tilt)),
    )
    area = next(cylinder.slices()).body_area_mm2
    assert area == pytest.approx(np.pi * 100**2 / np.cos(tilt), rel=3e-4)


def test_slices_go_from_foot_to_head():
    for position in ("HFS", "FFS", "HFP", "FFP"):
        assert Phantom(position=position, **COARSE).affine[2, 2] > 0
    low, high = RANGE_MM["trunk"]
    affine = Phantom(**COARSE).affine
    assert affine[2, 3] + 6.5 * affine[2, 2] == pytest.approx((low + high) / 2)


def test_row_and_column_spacing_are_not_mixed_up():
    phantom = Phantom(shape=(50, 70, 3), spacing_mm=(4.0, 5.0, 6.0))
    assert np.linalg.norm(phantom.affine[:3, :3], axis=0) == pytest.approx([5.0, 4.0, 6.0])
    assert phantom.render()[0].shape == (3, 50, 70)


# --- what the parameters do


def test_same_seed_same_image_other_seed_other_patient():
    grid = {"shape": (96, 96, 2), "spacing_mm": (5.0, 5.0, 100.0)}
    (a, truth), (b, _) = (Phantom(seed=9, **grid).render() for _ in range(2))
    assert np.array_equal(a, b)
    _, other = Phantom(seed=10, **grid).render()
    assert abs(other.wed_mm.mean() / truth.wed_mm.mean() - 1) > 0.005


def test_slices_one_at_a_time_are_those_of_the_volume(trunk):
    phantom, hu, truth = trunk
    third = [s for s, _ in zip(phantom.slices(), range(3), strict=False)][2]
    assert np.array_equal(third.hu, hu[2])
    assert np.array_equal(third.labels, truth.labels[2])
    assert third.wed_mm == truth.wed_mm[2]


def test_truncation_keeps_the_whole_size_and_tells_the_part_in_view(trunk):
    phantom, _, whole = trunk
    cut = replace(phantom, shape=(96, 50, 14)).render()[1]
    assert cut.wed_mm == pytest.approx(whole.wed_mm, rel=3e-4)
    assert (cut.wed_in_view_mm < 0.95 * cut.wed_mm).all()
    assert (cut.body_area_in_view_mm2 < cut.body_area_mm2).all()


def test_arms_down_are_body_and_make_it_larger(trunk):
    phantom, _, up = trunk
    down = replace(phantom, arms="down").render()[1]
    low = slice(1, 8)  # abdomen: arms that are up are not there
    assert (down.body_area_mm2[low] > 1.05 * up.body_area_mm2[low]).all()


def test_blanket_and_couch_are_not_body(trunk):
    phantom, _, truth = trunk
    bare = replace(phantom, couch=False, blanket=False).render()[1]
    assert "couch" not in bare.names
    covered = replace(phantom, blanket=True).render()[1]
    assert mask_of(covered, "blanket").any()
    assert "blanket" not in covered.groups["body"]
    assert not mask_of(truth, "couch")[mask_of(truth, "body")].any()


def test_acceptance_phantoms_differ_and_are_not_easy():
    assert len(ACCEPTANCE_SEEDS) == 10
    assert min(p.noise_hu for p in ACCEPTANCE_SEEDS) >= 20
    trunks = [p for p in ACCEPTANCE_SEEDS if p.variant == "trunk"]
    thin = [replace(p, shape=(96, 96, 1), spacing_mm=(6.0, 6.0, 1.0)) for p in trunks]
    middle = [next(p.slices()).wed_mm for p in thin]
    assert max(middle) / min(middle) > 1.4
    assert {p.arms for p in trunks} == {"up", "down"}
    assert any(p.blanket for p in trunks)
    assert all(p.couch for p in ACCEPTANCE_SEEDS)


def test_noise_has_the_stated_size_and_is_a_little_correlated():
    cylinder = water_cylinder(300.0, noise_hu=30.0, shape=(256, 256, 1), spacing_mm=(1.5, 1.5, 1))
    middle = next(cylinder.slices()).hu[96:160, 96:160].astype(float)
    assert middle.std() == pytest.approx(30.0, rel=0.05)
    assert abs(middle.mean()) < 2.0
    assert 0.3 < np.corrcoef(middle[:, 1:].ravel(), middle[:, :-1].ravel())[0, 1] < 0.8


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"variant": "leg"}, InputError),
        ({"arms": "crossed"}, InputError),
        ({"shape": (10, 0, 3)}, GeometryError),
        ({"spacing_mm": (1.0, 1.0, -1.0)}, GeometryError),
        ({"noise_hu": -1.0}, InputError),
        ({"scale": 0.0}, InputError),
        ({"cosines": (1, 0, 0, 1, 0, 0)}, GeometryError),
    ],
)
def test_impossible_parameters_are_refused(bad, error):
    with pytest.raises(error):
        Phantom(**bad)
