"""What `export` writes: volumes with their affine, organs, surfaces."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
import trimesh
from dicom_files import codes, write_series
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_analysis import AFFINE, tiny_labelmap, tiny_series

from CTDoseSegLib.ct.series import SliceInfo
from CTDoseSegLib.errors import GeometryError, InputError, SegmentationError
from CTDoseSegLib.outputs.export import MASKED_HU, export, file_name
from CTDoseSegLib.outputs.resampling import isotropic_shape
from CTDoseSegLib.outputs.surfaces import surface
from CTDoseSegLib.reading.array_series import series_from_array
from CTDoseSegLib.reading.reader import read_series

SINGLE = {"no thickness": {"SliceThickness": None}}


def volume(path):
    image = nibabel.load(path)
    return np.asarray(image.dataobj).T, image.affine


def test_the_hu_volume_comes_back_exact(tmp_path):
    series = tiny_series()
    (path,) = export(series, None, tmp_path / "out")
    hu, affine = volume(path)
    assert hu.dtype == np.int16
    np.testing.assert_array_equal(hu, series.hu)
    np.testing.assert_allclose(affine, AFFINE, atol=1e-5)


def test_hu_that_are_not_whole_stay_so(tmp_path):
    series = replace(tiny_series(), hu=tiny_series().hu.astype(np.float32) + np.float32(0.25))
    (path,) = export(series, None, tmp_path)
    np.testing.assert_array_equal(volume(path)[0], series.hu)


def gradient_series(affine):
    """HU that are a linear function of the position in the patient."""
    index = np.stack(np.meshgrid(*map(np.arange, (9, 20, 24)), indexing="ij"), axis=-1)[..., ::-1]
    ras = index @ affine[:3, :3].T + affine[:3, 3]
    infos = tuple(SliceInfo(z_mm=float(k)) for k in range(9))
    return replace(
        tiny_series(9), hu=(ras @ (2.0, -3.0, 4.0)).astype(np.float32), affine=affine, slices=infos
    )


@settings(max_examples=15, deadline=None)
@given(
    spacing=st.floats(0.9, 6.0),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    order=st.permutations([0, 1, 2]),
)
def test_resampling_moves_nothing_in_the_patient(tmp_path_factory, spacing, signs, order):
    affine = np.eye(4)
    affine[:3, :3] = (np.diag(signs) * (1.5, 2.0, 5.0))[order]
    affine[:3, 3] = 12.5, -30.0, 7.0
    folder = tmp_path_factory.mktemp("iso")
    export(gradient_series(affine), None, folder, spacing_mm=spacing)
    hu, new = volume(folder / "hu_iso.nii.gz")
    np.testing.assert_allclose(np.linalg.norm(new[:3, :3], axis=0), spacing, rtol=1e-5)
    index = np.stack(np.meshgrid(*map(np.arange, hu.shape), indexing="ij"), axis=-1)[..., ::-1]
    ras = index @ new[:3, :3].T + new[:3, 3]
    # Within the first and last voxel centres of the old grid, where interpolation has both sides.
    old = (ras - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    inside = ((old >= 0) & (old <= (23, 19, 8))).all(axis=-1)
    assert inside.any()
    np.testing.assert_allclose(hu[inside], (ras @ (2.0, -3.0, 4.0))[inside], atol=0.02)


def test_resampled_whole_hu_are_rounded_not_cut(tmp_path):
    series = tiny_series()
    flat = replace(series, hu=np.full_like(series.hu, -7))
    export(flat, None, tmp_path, spacing_mm=3.0)
    hu, _ = volume(tmp_path / "hu_iso.nii.gz")
    assert hu.dtype == np.int16
    assert set(np.unique(hu)) <= {-7, -1000}


def test_labels_are_resampled_without_mixing_with_their_tables_beside(tmp_path):
    export(tiny_series(), tiny_labelmap(), tmp_path, spacing_mm=4.0)
    labels, affine = volume(tmp_path / "segmentation_iso.nii.gz")
    assert set(np.unique(labels)) == {0, 1, 2, 3, 7}
    liver_ml = (labels == 3).sum() * 4.0**3 / 1000
    assert liver_ml == pytest.approx(4 * 36 * 8 * 8 * 5 / 1000, rel=0.05)
    np.testing.assert_array_equal(affine, volume(tmp_path / "hu_iso.nii.gz")[1])
    assert (tmp_path / "labels.csv").exists()


def test_a_masked_volume_holds_the_organ_alone(tmp_path):
    series, labelmap = tiny_series(), tiny_labelmap()
    export(series, labelmap, tmp_path, organ="lung")
    hu, affine = volume(tmp_path / "hu_lung.nii.gz")
    mask = labelmap.mask("lung")
    np.testing.assert_array_equal(hu[mask], series.hu[mask])
    assert (hu[~mask] == MASKED_HU).all()
    np.testing.assert_allclose(affine, AFFINE, atol=1e-5)


def ball(affine):
    index = np.stack(np.meshgrid(*[np.arange(40)] * 3, indexing="ij"), axis=-1)[..., ::-1]
    away = (index - 19.3) @ affine[:3, :3].T
    return np.linalg.norm(away, axis=-1) < 0.4 * 40 * np.linalg.norm(affine[:3, :3], axis=0).min()


@pytest.mark.parametrize(
    "axes",
    [np.diag([-1.0, -1.0, 1.5]), np.diag([1.0, 1.0, 1.0]), np.diag([1.0, 1.0, -2.0])],
    ids=["DICOM", "RAS", "left-handed"],
)
def test_a_surface_is_closed_turned_outward_and_has_the_organs_volume(axes):
    affine = np.eye(4)
    affine[:3, :3] = axes
    mask = ball(affine)
    mesh = surface(mask, affine)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(mask.sum() * abs(np.linalg.det(axes)), rel=0.02)
    centre = mesh.triangles_center - mesh.center_mass
    assert (np.einsum("ij,ij->i", centre, mesh.face_normals) > 0).mean() > 0.95


def test_an_organ_cut_by_the_scans_end_is_closed_there():
    mask = np.zeros((6, 20, 20), bool)
    mask[:, 5:15, 5:15] = True
    mesh = surface(mask, np.eye(4))
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(mask.sum(), rel=0.05)


@pytest.mark.parametrize("kind", ["stl", "ply"])
def test_a_mesh_file_lies_where_the_organ_lies_and_names_its_space(tmp_path, kind):
    labelmap = tiny_labelmap()
    export(tiny_series(), labelmap, tmp_path, organ="liver", mesh=True)
    path = tmp_path / f"liver.{kind}"
    assert b"SPACE=LPS" in path.read_bytes()[:200]
    mesh = trimesh.load(path)
    k, j, i = (np.argwhere(labelmap.mask("liver")).mean(axis=0)).tolist()
    ras = (AFFINE @ (i, j, k, 1))[:3]
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), ras * (-1, -1, 1), atol=0.01)
    assert mesh.volume == pytest.approx(4 * 36 * 8 * 8 * 5, rel=0.06)


@pytest.mark.parametrize("choice", [{"spacing_mm": 2.0}, {"organ": "lung", "mesh": True}])
def test_an_irregular_series_is_neither_resampled_nor_meshed(tmp_path, choice):
    with pytest.raises(GeometryError, match="not equally spaced"):
        export(tiny_series(regular=False), tiny_labelmap(), tmp_path / "out", **choice)
    assert not (tmp_path / "out").exists()


def test_an_irregular_series_still_gives_its_volume_and_the_masked_one(tmp_path):
    written = export(tiny_series(regular=False), tiny_labelmap(), tmp_path, organ="lung", npy=True)
    names = ["hu.npy", "hu.json", "hu_lung.npy", "hu_lung.json"]
    assert [path.name for path in written] == names
    assert not read_series(tmp_path / "hu_lung.npy").regular


@pytest.mark.parametrize("kind", ["missing", "uneven", "no thickness"])
def test_slices_without_one_distance_are_no_volume_file(tmp_path, kind):
    slices = {"missing": [0, 1, 2, 5, 6], "uneven": [0, 1, 2.4, 3.1], "no thickness": [0]}[kind]
    series = read_series(write_series(tmp_path / "ct", slices, **SINGLE.get(kind, {})))
    with pytest.raises(GeometryError, match="add --npy"):
        export(series, None, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    export(series, None, tmp_path / "out", npy=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"hu.npy", "hu.json"}
    read = read_series(tmp_path / "out" / "hu.npy")
    assert [s.z_mm for s in read.slices] == [s.z_mm for s in series.slices]
    assert not read.regular


def test_a_tilted_gantry_is_in_the_affine_of_the_volume_file(tmp_path):
    affine = AFFINE.copy()
    affine[1, 2] = 1.5
    series = series_from_array(tiny_series().hu, affine)
    assert not series.regular
    export(series, None, tmp_path)
    np.testing.assert_allclose(volume(tmp_path / "hu.nii.gz")[1], affine, atol=1e-5)
    assert "tilted" in codes(read_series(tmp_path / "hu.nii.gz"))


def test_an_unknown_organ_is_answered_with_what_is_there(tmp_path):
    with pytest.raises(SegmentationError, match=r"spleen is not .* body, couch, liver, lung,"):
        export(tiny_series(), tiny_labelmap(), tmp_path / "out", organ="spleen")
    assert not (tmp_path / "out").exists()


def test_an_organ_without_a_voxel_is_refused(tmp_path):
    labelmap = tiny_labelmap()
    empty = replace(labelmap, labels=np.where(labelmap.labels == 3, 1, labelmap.labels))
    with pytest.raises(SegmentationError, match="no voxel"):
        export(tiny_series(), empty, tmp_path, organ="liver")


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"mesh": True}, "name it with --organ"),
        ({"spacing_mm": 0.0}, "outside 0.1 to 20 mm"),
        ({"spacing_mm": -1.0}, "outside 0.1 to 20 mm"),
        ({"spacing_mm": float("nan")}, "outside 0.1 to 20 mm"),
        ({"spacing_mm": 50.0}, "outside 0.1 to 20 mm"),
    ],
)
def test_choices_that_make_no_sense_are_refused(tmp_path, choice, words):
    with pytest.raises(InputError, match=words):
        export(tiny_series(), tiny_labelmap(), tmp_path, **choice)


def test_an_organ_without_a_label_map_is_refused(tmp_path):
    with pytest.raises(InputError, match="give a label map"):
        export(tiny_series(), None, tmp_path, organ="lung")


@pytest.mark.parametrize("name", ["couch", "headrest"])
def test_without_a_label_map_nothing_is_taken_away_and_that_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"without {name}, give a label map"):
        export(tiny_series(), None, tmp_path / "out", without=name)
    assert not (tmp_path / "out").exists()


def test_nothing_of_another_ct_stays_in_the_folder(tmp_path):
    choices = {"spacing_mm": 4.0, "organ": "liver", "mesh": True, "npy": True, "threshold_hu": 40}
    first = export(tiny_series(), tiny_labelmap(), tmp_path, **choices)
    assert {"labels.csv", "liver.stl", "surface_40_hu.ply"} < {path.name for path in first}
    (tmp_path / "notes.stl").write_text("of the user")
    export(tiny_series(2), None, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"hu.nii.gz", "notes.stl"}


def test_what_another_command_wrote_stays_in_the_folder(tmp_path):
    names = {"segmentation.nii.gz", "labels.csv", "groups.csv", "lung_mask.nii.gz"}
    for name in (*names, "hu_lungs.nii.gz", "segmentation_iso.nii.gz"):
        (tmp_path / name).touch()
    export(tiny_series(), None, tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names, "hu_lungs.nii.gz", "hu.nii.gz"}


def test_the_ct_stays_where_it_is_exported_to_its_own_folder(tmp_path):
    export(tiny_series(), None, tmp_path, npy=True)
    json = (tmp_path / "hu.json").read_bytes()
    export(read_series(tmp_path / "hu.npy"), None, tmp_path, spacing_mm=4.0)
    np.testing.assert_array_equal(np.load(tmp_path / "hu.npy"), tiny_series().hu)
    assert (tmp_path / "hu.json").read_bytes() == json


def test_a_spacing_that_would_fill_the_memory_is_refused(tmp_path):
    series = replace(tiny_series(), affine=np.diag([60.0, 60.0, 60.0, 1.0]))
    with pytest.raises(InputError, match="give --spacing a larger value"):
        export(series, None, tmp_path, spacing_mm=0.1)


@pytest.mark.parametrize(
    ("organ", "name"),
    [("lung", "lung"), ("../../etc/passwd", "etc_passwd"), ("a b/ü", "a_b"), ("...", "organ")],
)
def test_a_file_name_is_safe_whatever_the_organ_is_called(organ, name):
    assert file_name(organ) == name


# npy, thresholds and pages -----------------------------------------------------------------


def test_the_npy_volume_is_exact_and_read_back_with_its_exposure(tmp_path):
    series = tiny_series()
    export(series, None, tmp_path, npy=True)
    np.testing.assert_array_equal(np.load(tmp_path / "hu.npy"), series.hu)
    read = read_series(tmp_path / "hu.npy")
    assert read.hu.dtype == np.int16
    assert read.grid.same_as(series.grid)
    assert read.acquisition.kvp_kV == series.acquisition.kvp_kV
    assert [s.ctdivol_mGy for s in read.slices] == [s.ctdivol_mGy for s in series.slices]
    text = (tmp_path / "hu.json").read_text(encoding="utf-8")
    assert series.identity not in text
    assert "Doe" not in text


def test_the_resampled_npy_volume_has_no_values_of_other_slices(tmp_path):
    series = tiny_series()
    export(series, None, tmp_path, npy=True, spacing_mm=2.5)
    read = read_series(tmp_path / "hu_iso.npy")
    hu, affine = volume(tmp_path / "hu_iso.nii.gz")
    np.testing.assert_array_equal(read.hu, hu)
    np.testing.assert_allclose(read.affine, affine, atol=1e-5)
    assert read.hu.shape == isotropic_shape(series, 2.5)
    assert read.acquisition.kvp_kV == series.acquisition.kvp_kV
    assert {s.tube_current_mA for s in read.slices} == {None}
    assert {s.ctdivol_mGy for s in read.slices} == {None}
