"""Voxels of the patient: whatever the grid of the images, mass and place of organs are kept."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from box_bodies import BODY, box_scan, supine
from dose_scans import codes, scan_of

from CTDoseSegLib.ct.series import SliceInfo
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of
from CTDoseSegLib.dosimetry.montecarlo.upright import upright
from CTDoseSegLib.errors import Cancelled, GeometryError, PixelDataError, SegmentationError
from CTDoseSegLib.flags import flag
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.tasks.progress import Progress

LIVER = ((slice(3, 9), slice(40, 70), slice(36, 70)), 60.0)
LIVER_G = 1.05 * 30 * 34 * 6 * 20 / 1000


def organ(patient, name):
    """Mass in g and centre (x, y, z) in mm of an organ's voxels."""
    voxels = patient.voxels
    members = patient.scores.members[patient.scores.index_of(name)]
    k, j, i = np.nonzero(np.isin(voxels.region, members))
    mass = voxels.voxel_mass_g()[k, j, i]
    centre = [
        corner + (np.average(index, weights=mass) + 0.5) * step
        for corner, step, index in zip(voxels.corner_mm, voxels.spacing_mm, (i, j, k), strict=True)
    ]
    return float(mass.sum()), np.array(centre)


def test_pixels_are_gathered_into_whole_voxels_of_four_millimetres():
    patient = patient_of(box_scan({"liver": LIVER}))
    assert patient.voxels.spacing_mm == (4.0, 4.0, 5.0)
    assert patient.voxels.material.shape[1:] == (60, 70)
    mass, centre = organ(patient, "liver")
    assert mass == pytest.approx(LIVER_G, rel=0.01)
    # Columns 36-70 of 140, rows 40-70 of 120, slices 3-9 of 12.
    assert centre == pytest.approx([-34.0, -10.0, 0.0], abs=0.1)


def test_the_mass_of_the_whole_is_that_of_the_pixels():
    scan = box_scan({"liver": LIVER}, noise_hu=20.0, shape=(12, 119, 141))
    patient = patient_of(scan, voxel_mm=6.0)
    assert patient.voxels.spacing_mm[0] == 6.0
    seen = patient.voxels.voxel_mass_g()[~patient.completed.any(axis=(1, 2))].sum()
    body = patient.image_mass_g[patient.scores.index_of("body")]
    # What is not body is air, which is left out.
    assert seen == pytest.approx(body, rel=1e-3)


@pytest.mark.parametrize("thin", [(slice(2, 10), slice(60, 61), slice(40, 100))])
def test_an_organ_thinner_than_a_voxel_keeps_its_mass(thin):
    scan = box_scan({"adrenal_gland_left": (thin, 40.0)})
    patient = patient_of(scan, voxel_mm=8.0)
    mass, centre = organ(patient, "adrenal_gland_left")
    assert mass == pytest.approx(1.03 * 60 * 8 * 20 / 1000, rel=0.15)
    assert centre[1] == pytest.approx(1.0, abs=4.0)


def test_the_commonest_label_takes_a_voxel():
    scan = box_scan({"liver": ((slice(0, 12), slice(30, 90), slice(44, 80)), 60.0)})
    patient = patient_of(scan, voxel_mm=6.0)
    region = patient.voxels.region[len(patient.voxels.region) // 2, 12:28]
    # Columns 42 to 44 are one voxel, of which the last pixel alone is liver.
    liver = np.isin(region, patient.scores.members[patient.scores.index_of("liver")])
    assert not liver[:, 14].any()
    assert liver[:, 15:27].all()


@pytest.mark.parametrize("permutation", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)])
@pytest.mark.parametrize("turned", [(), (0,), (1, 2)])
def test_a_volume_in_any_direction_gives_the_same_patient(permutation, turned):
    scan = box_scan({"liver": LIVER, "spleen": ((slice(6, 11), slice(50, 60), slice(88, 104)), 45)})
    other = reoriented(scan, permutation, turned)
    first, second = patient_of(scan), patient_of(other)
    assert np.array_equal(first.voxels.region, second.voxels.region)
    assert np.array_equal(first.voxels.material, second.voxels.material)
    assert first.voxels.corner_mm == pytest.approx(second.voxels.corner_mm)
    assert first.voxels.isocentre_mm == pytest.approx(second.voxels.isocentre_mm)


def reoriented(scan, permutation, turned):
    """The same scan with its axes permuted and reversed, its affine with them."""
    hu, labels, affine = scan.series.hu, scan.labelmap.labels, scan.series.affine
    shape = hu.shape
    columns = affine[:3, [2, 1, 0]]
    origin = affine[:3, 3].copy()
    for axis in turned:
        origin = origin + columns[:, axis] * (shape[axis] - 1)
    signs = [-1.0 if axis in turned else 1.0 for axis in range(3)]
    moved = (columns * signs)[:, list(permutation)]
    new = np.eye(4)
    new[:3, :3], new[:3, 3] = moved[:, ::-1], origin
    hu, labels = (
        np.ascontiguousarray(np.flip(a, turned).transpose(permutation)) for a in (hu, labels)
    )
    middle = [(n - 1) / 2 for n in hu.shape]
    z = [(new @ [middle[2], middle[1], k, 1])[2] for k in range(len(hu))]
    slices = tuple(SliceInfo(z_mm=float(value)) for value in z)
    series = replace(scan.series, hu=hu, affine=new, slices=slices)
    labelmap = replace(scan.labelmap, labels=labels, affine=new)
    return scan_of(series, labelmap)


def test_a_tilted_volume_is_resampled_and_its_organ_stays_in_its_place():
    upright_scan = box_scan({"liver": LIVER})
    affine = upright_scan.series.affine.copy()
    affine[1, 2] = 2.0  # each slice lies 2 mm farther forward
    affine[1, 3] -= 11.0
    tilted = box_scan({"liver": LIVER}, affine=affine)
    patient = patient_of(tilted)
    mass, centre = organ(patient, "liver")
    true_mass, _ = organ(patient_of(upright_scan), "liver")
    assert mass == pytest.approx(true_mass, rel=0.03)
    assert centre == pytest.approx([-34.0, -10.0, 0.0], abs=1.5)
    assert "grid_resampled" in codes(patient.flags)


def test_ends_that_go_on_beyond_inclined_slices_are_none_of_the_images_mass():
    scan = box_scan({"liver": LIVER})
    angle = np.radians(20.0)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    inclined = box_scan({"liver": LIVER}, affine=turn @ scan.series.affine)
    first, second = patient_of(scan), patient_of(inclined)
    for name in ("body", "liver"):
        masses = [p.image_mass_g[p.scores.index_of(name)] for p in (first, second)]
        assert masses[1] == pytest.approx(masses[0], rel=0.03), name
    assert organ(second, "liver")[1] == pytest.approx(
        turn[:3, :3] * [[1, 1, 1], [1, 1, -1], [1, -1, 1]] @ organ(first, "liver")[1], abs=1.5
    )


def test_a_coronal_volume_that_is_turned_by_ten_degrees_keeps_its_organ():
    scan = box_scan({"liver": LIVER})
    angle = np.radians(10.0)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    other = reoriented(scan, (1, 0, 2), ())
    series = replace(other.series, affine=turn @ other.series.affine)
    labelmap = replace(other.labelmap, affine=turn @ other.labelmap.affine)
    patient = patient_of(scan_of(series, labelmap))
    mass, centre = organ(patient, "liver")
    true_mass, true_centre = organ(patient_of(scan), "liver")
    assert mass == pytest.approx(true_mass, rel=0.03)
    # x is to the left and y to posterior: both are reversed, so the turn stays the same.
    assert centre == pytest.approx(turn[:3, :3] @ true_centre, abs=1.5)


def test_uneven_slices_count_by_how_far_apart_they_are():
    z_mm = np.array([0.0, 5.0, 10.0, 15.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0])
    scan = box_scan({"liver": LIVER}, z_mm=z_mm)
    patient = patient_of(scan)
    # Slices 3 to 8, of which 3 and 4 stand for the 15 mm between them.
    length = (5.0 + 15.0) / 2 + (15.0 + 5.0) / 2 + 4 * 5.0
    mass, _ = organ(patient, "liver")
    assert mass == pytest.approx(1.05 * 30 * 34 * 4 * length / 1000, rel=0.06)
    # Resampled to even slabs, the organ's ends move by half a slab at most.
    image = patient.image_mass_g[patient.scores.index_of("liver")]
    assert image == pytest.approx(1.05 * 30 * 34 * 4 * length / 1000, rel=0.01)


def test_slices_at_one_height_are_refused():
    z_mm = np.array([0.0, 5.0, 5.0, *range(15, 60, 5)])
    with pytest.raises(GeometryError, match="same height"):
        patient_of(box_scan({"liver": LIVER}, z_mm=z_mm))


def test_many_slices_of_small_pixels_take_the_memory_of_a_few():
    shape, whole = (300, 160, 160), (slice(0, 300), slice(20, 140), slice(20, 140))
    scan = box_scan(
        {"liver": ((slice(50, 250), slice(40, 100), slice(40, 100)), 60.0)},
        shape=shape,
        body=whole,
        spacing_mm=(0.2, 0.2, 0.2),
    )
    tracemalloc.start()
    patient = patient_of(scan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert patient.voxels.spacing_mm == pytest.approx((4.0, 4.0, 4.0))
    # A float32 copy of the volume alone would take 30 MB.
    assert peak < 20e6
    assert patient.image_mass_g[patient.scores.index_of("liver")] == pytest.approx(
        1.05 * 200 * 60 * 60 * 0.008 / 1000, rel=0.01
    )


def test_one_slice_is_a_patient_whose_end_goes_on():
    scan = box_scan(
        {"liver": ((slice(0, 1), *LIVER[0][1:]), 60.0)},
        shape=(1, 120, 140),
        body=(slice(0, 1), *BODY[1:]),
    )
    patient = patient_of(scan)
    assert patient.repeated_mm == (100.0, 100.0)
    assert organ(patient, "liver")[0] == pytest.approx(LIVER_G / 6, rel=0.01)


def test_values_that_are_no_numbers_are_air_outside_the_label_map():
    def damage(hu):
        hu[:, 5, 5] = np.nan
        hu[:, 6, 6] = np.inf

    scan = box_scan({"liver": LIVER}, kind=np.float32, paint=damage)
    patient = patient_of(scan)
    clean = patient_of(box_scan({"liver": LIVER}, kind=np.float32))
    assert "hu_not_finite" in codes(patient.flags)
    assert np.array_equal(patient.voxels.density_g_cm3, clean.voxels.density_g_cm3)


def test_an_empty_label_map_is_refused():
    scan = box_scan({"liver": LIVER})
    empty = replace(scan.labelmap, labels=np.zeros_like(scan.labelmap.labels))
    with pytest.raises(SegmentationError, match="label map is empty"):
        patient_of(scan_of(scan.series, empty))
    nothing = Labelmap(empty.labels, empty.affine, (), {}, "test")
    with pytest.raises(SegmentationError, match="label map is empty"):
        patient_of(scan_of(scan.series, nothing))


def test_values_that_are_no_hu_are_refused():
    scan = box_scan({"liver": LIVER})
    series = replace(scan.series, flags=(flag("not_hu"),))
    with pytest.raises(PixelDataError, match="not Hounsfield units"):
        patient_of(replace(scan, series=series))


def test_heads_get_finer_voxels():
    brain = ((slice(2, 10), slice(32, 88), slice(32, 108)), 40.0)
    assert patient_of(box_scan({"brain": brain})).voxels.spacing_mm[0] == 2.0
    eye = ((slice(4, 8), slice(32, 44), slice(80, 92)), 10.0)
    assert patient_of(box_scan({"eye_left": eye})).voxels.spacing_mm[0] == 2.0


def test_the_task_can_be_cancelled():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        patient_of(box_scan({"liver": LIVER}), progress=progress)


def test_an_axis_that_lies_almost_along_the_body_is_not_resampled():
    affine = supine((12, 120, 140), (2.0, 2.0, 5.0))
    affine[0, 2] = 0.05
    scan = box_scan({"liver": LIVER}, affine=affine)
    _, off_mm = upright(scan, 4.0)
    assert 0 < off_mm < 2.0
    assert "grid_resampled" not in codes(patient_of(scan).flags)
