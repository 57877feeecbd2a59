"""Warped bodies: refused patients, deformation, growth, fat, sides, repeatability, exact size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from warped_anatomy import BODY, HELD_BACK, MATERIALS, Anatomy, materials_of, read_anatomy
from warped_bodies import LEAST_JACOBIAN, WarpedBody, rendered, warped

from CTDoseSegLib.ct.organs import organ
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.segmentation.atoms import named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

COARSE = {"pixel_mm": 3.0, "parts": 3}
LIVER, SPLEEN, KIDNEY_LEFT, KIDNEY_RIGHT, FAT = 7, 8, 9, 10, 20


@pytest.fixture(scope="module")
def abdomen(data_dir) -> Anatomy:
    """The abdomen of 3 mm voxels."""
    return read_anatomy("example_ct", data_dir)


@pytest.fixture(scope="module")
def bent(abdomen) -> WarpedBody:
    k, j, i = abdomen.spacing_mm
    thick = replace(abdomen, materials=abdomen.materials[1::3], spacing_mm=(3 * k, j, i))
    return warped(thick, seed=3, size=(1.1, 1.0, 0.95), warp_mm=20, fat_mm=12, **COARSE)


def a_block() -> Anatomy:
    """A block of fat around muscle, with a liver on the right and a spleen on the left."""
    made = np.zeros((12, 70, 90), np.uint8)
    made[:, 5:65, 5:85] = FAT
    made[:, 15:55, 15:75] = BODY
    made[2:10, 25:45, 20:40] = LIVER
    made[3:9, 30:45, 55:70] = SPLEEN
    return Anatomy("block", made, (6.0, 3.0, 3.0))


def ml(body: WarpedBody, *values: int) -> float:
    pixel = np.prod(body.spacing_mm) / body.parts**2
    return float(np.isin(body.materials, values).sum() * pixel) / 1000


def centre_to_the_left(body: WarpedBody, value: int) -> float:
    return float(np.nonzero(body.materials == value)[2].mean())


@pytest.mark.parametrize("name", HELD_BACK)
def test_patient_kept_out_of_training_is_refused(name, tmp_path):
    with pytest.raises(InputError, match="kept out of training"):
        read_anatomy(name, tmp_path)


@pytest.mark.slow
def test_every_other_patient_can_be_read(data_dir):
    names = {path.name.removesuffix(".nii.gz") for path in (data_dir / "labels").glob("*.nii.gz")}
    assert set(HELD_BACK) < names
    for name in sorted(names - set(HELD_BACK)):
        made = read_anatomy(name, data_dir).materials
        assert set(np.unique(made)) <= {0, *MATERIALS}
        shares = np.bincount(made.ravel(), minlength=27) / (made > 0).sum()
        assert 0.1 < shares[FAT] + shares[21] < 0.7
        assert 0.002 < shares[24] < 0.1  # cortical bone


@pytest.mark.parametrize("wrong", [{"size": (1, 0, 1)}, {"warp_mm": -1}, {"parts": 2}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(InputError):
        warped(a_block(), seed=0, **wrong)


def test_every_atom_is_in_the_organ_table():
    assert all(organ(material.atom).color for material in MATERIALS.values())


def test_undecided_voxels_become_the_organ_beside_them_or_the_body():
    labels = np.full((1, 40, 40), BODY, np.uint8)
    labels[:, :3] = 0
    labels[:, 10:20, 10:20] = LIVER
    labels[:, 8:10, 10:20] = labels[:, 25:35, 25:35] = 255
    hu = np.where(labels > 0, 40, -1000).astype(np.int16)
    hu[:, 9, 12] = 40
    made = materials_of(labels, hu, (5.0, 1.5, 1.5))
    assert (made[0, 8:10, 10:20] == LIVER).all()
    assert {MATERIALS[v].atom for v in np.unique(made[0, 25:35, 25:35])} == {"body_rest"}


def test_undecided_fat_beside_an_organ_is_fat():
    labels = np.full((1, 60, 60), BODY, np.uint8)
    labels[:, 30:40, 30:40] = LIVER
    labels[:, 26:30, 30:40] = 255
    hu = np.where(labels == 255, -100, 40).astype(np.int16)
    made = materials_of(labels, hu, (5.0, 1.5, 1.5))
    assert MATERIALS[int(made[0, 27, 35])].tissue == "adipose"


def test_space_is_never_folded_however_large_the_displacement():
    mild = warped(a_block(), seed=1, warp_mm=10, **COARSE).least_jacobian
    wild = warped(a_block(), seed=1, warp_mm=90, **COARSE).least_jacobian
    assert LEAST_JACOBIAN < wild < mild < 1


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (1.2, 0.9, 1.15)])
def test_organs_are_the_patients_and_grow_as_asked(abdomen, size):
    body = warped(abdomen, seed=0, warp_mm=0, size=size, pixel_mm=1.5, parts=1)
    voxel = np.prod(abdomen.spacing_mm) / 1000
    for value in (LIVER, SPLEEN, KIDNEY_LEFT, KIDNEY_RIGHT):
        patient = (abdomen.materials == value).sum() * voxel
        assert ml(body, value) == pytest.approx(patient * np.prod(size), rel=0.015)
    assert body.least_jacobian == pytest.approx(1)


def test_warp_changes_the_shape():
    before, after = (warped(a_block(), seed=4, warp_mm=w, **COARSE) for w in (0, 15))
    moved = [centre_to_the_left(b, SPLEEN) - centre_to_the_left(b, LIVER) for b in (before, after)]
    assert abs(moved[1] - moved[0]) > 1
    assert before.least_jacobian > after.least_jacobian


@pytest.mark.parametrize("fat_mm", [-15.0, 15.0])
def test_fat_grows_and_shrinks_outside_the_organs(fat_mm):
    before = warped(a_block(), seed=0, warp_mm=0, **COARSE)
    after = warped(a_block(), seed=0, warp_mm=0, fat_mm=fat_mm, **COARSE)
    for value in (LIVER, SPLEEN, BODY):
        assert ml(after, value) == pytest.approx(ml(before, value), rel=0.001)
    wide = [np.ptp(np.nonzero(b.materials)[2]) + 1 for b in (before, after)]
    assert wide[1] - wide[0] == pytest.approx(2 * fat_mm, abs=2)


def test_no_more_fat_is_taken_off_than_there_is():
    after = warped(a_block(), seed=0, warp_mm=0, fat_mm=-200, **COARSE)
    before = warped(a_block(), seed=0, warp_mm=0, **COARSE)
    assert ml(after, BODY) == pytest.approx(ml(before, BODY), rel=0.001)
    assert 0 < ml(after, FAT) < 0.2 * ml(before, FAT)


def test_body_is_covered_with_skin_and_in_one_piece(bent):
    for plane in bent.materials[:: len(bent.materials) // 6]:
        outermost = (plane > 0) & ~ndimage.binary_erosion(plane > 0, iterations=1)
        names = [MATERIALS[value].atom for value in plane[outermost]]
        assert names.count("skin") > 0.97 * len(names)
        pieces, count = ndimage.label(plane > 0)
        assert np.bincount(pieces.ravel())[1:].max() > 0.95 * (plane > 0).sum() or count == 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_left_stays_left(abdomen, seed):
    body = warped(abdomen, seed=seed, warp_mm=20, pixel_mm=4.0, parts=1)
    series, truth = rendered(body, seed=seed)
    x_mm = {}
    for name in ("liver", "spleen", "kidney_left", "kidney_right", "stomach"):
        k, j, i = (axis.mean() for axis in np.nonzero(truth.labels == truth.names[name]))
        x_mm[name] = float((series.affine @ [i, j, k, 1])[0])
    assert x_mm["kidney_left"] < 0 < x_mm["kidney_right"]  # RAS: x rises to the right
    assert x_mm["spleen"] < x_mm["stomach"] < x_mm["liver"]


def test_same_seed_gives_the_same_body_and_another_seed_another():
    first, again, other = (warped(a_block(), seed=s, **COARSE) for s in (5, 5, 6))
    assert (first.materials == again.materials).all()
    assert (first.materials != other.materials).any()
    images = [rendered(first, seed=s)[0].hu for s in (1, 1, 2)]
    assert (images[0] == images[1]).all()
    assert (images[0] != images[2]).any()


def test_contrast_and_voltage_show():
    body = warped(a_block(), seed=0, warp_mm=0, **COARSE)

    def liver_hu(**options) -> float:
        series, truth = rendered(body, seed=0, noise_hu=0, **options)
        inside = ndimage.binary_erosion(truth.labels == truth.names["liver"])
        return float(series.hu[inside].mean())

    assert liver_hu(phase="none") == pytest.approx(53, abs=3)
    assert liver_hu(phase="portal") > liver_hu(phase="none") + 30
    assert liver_hu(phase="portal", kvp=80) > liver_hu(phase="portal") + 20


def test_measured_size_agrees_with_the_truth(bent):
    series, truth = rendered(bent, seed=7, noise_hu=25)
    atoms = tuple(named_atom(value, name, "truth") for name, value in truth.names.items())
    labelmap = Labelmap(truth.labels, truth.affine, atoms, truth.groups, "truth")
    profile = measure_size(series, labelmap, measure(series, labelmap))
    assert profile.wed_mm == pytest.approx(truth.wed_mm, rel=0.003)
    assert profile.body_area_mm2 == pytest.approx(truth.body_area_mm2, rel=0.006)
    assert not profile.scan_flags


def test_tissue_that_shares_its_voxels_with_a_lung_is_no_fat_and_no_gas():
    labels = np.full((1, 60, 60), BODY, np.uint8)
    labels[:, 20:40, 20:40] = 3
    hu = np.where(labels == 3, -850, 40).astype(np.int16)
    hu[:, 19, 20:40] = -350
    hu[:, 40, 20:40] = -100
    hu[:, 50:58, 20:40] = -100
    made = materials_of(labels, hu, (5.0, 1.5, 1.5))
    assert (made[0, (19, 40), 22:38] == BODY).all()
    assert MATERIALS[int(made[0, 54, 30])].tissue == "adipose"
