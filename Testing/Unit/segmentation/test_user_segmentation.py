"""Label maps that users bring."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from label_files import image_of

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.ct.volume_files import write_nifti
from CTDoseSegLib.errors import GeometryError, InputError, SegmentationError
from CTDoseSegLib.outputs.tables import write_labelmap
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.combining import combine
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.segmentation.user import read_labelmap

AFFINE = np.array([[-0.75, 0, 0, 180], [0, -0.75, 0, 150.5], [0, 0, 5, -420.25], [0, 0, 0, 1]])
SHAPE = (3, 4, 5)


def series(shape=SHAPE, affine=AFFINE) -> CTSeries:
    slices = tuple(SliceInfo(z_mm=float(k)) for k in range(shape[0]))
    return CTSeries(np.zeros(shape, np.int16), affine, slices, Acquisition(), "test")


def some_labels(values=(0, 1, 5), shape=SHAPE, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(1).choice(values, size=shape).astype(dtype)


def write(path: Path, labels: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    sitk.WriteImage(image_of(labels, affine), str(path))
    return path


@pytest.mark.parametrize("name", ["seg.nii.gz", "seg.nii", "seg.nrrd"])
def test_values_without_a_table_have_no_names(tmp_path, name):
    labels = some_labels()
    read = read_labelmap(write(tmp_path / name, labels), series())
    assert (read.labels == labels).all()
    assert {a.value: a.name for a in read.atoms} == {1: "label_1", 5: "label_5"}
    assert [f.code for f in read.flags] == ["unnamed_labels"]
    assert "1, 5" in read.flags[0].message


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.sampled_from(list(itertools.permutations(range(3)))),
    turned=st.sets(st.integers(0, 2)),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4)),
)
def test_order_and_direction_of_axes_do_not_matter(tmp_path, order, turned, shape):
    """The same voxels in another order of axes come back to the series' grid exactly."""
    labels = some_labels(shape=shape)
    labels[0, 0, 0] = 5
    other = np.flip(labels.transpose(order), tuple(turned))
    affine = AFFINE.copy()
    affine[:3, :3] = AFFINE[:3, [2 - order[2], 2 - order[1], 2 - order[0]]]
    for axis in turned:
        column = 2 - axis
        affine[:3, 3] += affine[:3, column] * (other.shape[axis] - 1)
        affine[:3, column] *= -1
    path = write(tmp_path / "turned.nrrd", np.ascontiguousarray(other), affine)
    read = read_labelmap(path, series(shape))
    assert (read.labels == labels).all()
    assert (read.affine == AFFINE).all()


def test_another_grid_is_refused_with_both_grids(tmp_path):
    moved = AFFINE.copy()
    moved[2, 3] += 2.5
    path = write(tmp_path / "seg.nii.gz", some_labels(), moved)
    with pytest.raises(GeometryError, match=r"5 x 4 x 3 voxels.*-417.75.*series.*-420.25"):
        read_labelmap(path, series())


def test_another_size_is_refused(tmp_path):
    path = write(tmp_path / "seg.nii.gz", some_labels(shape=(3, 4, 4)))
    with pytest.raises(GeometryError, match="4 x 4 x 3 voxels"):
        read_labelmap(path, series())


def test_rounding_of_a_header_is_no_other_grid(tmp_path):
    path = write(tmp_path / "seg.nii.gz", some_labels(), AFFINE + np.eye(4, k=3) * 0.002)
    assert read_labelmap(path, series()).atoms


@pytest.mark.parametrize("wrong", [np.full(SHAPE, 0.5, np.float32), np.full(SHAPE, -3, np.int16)])
def test_a_map_that_holds_no_labels_is_refused(tmp_path, wrong):
    with pytest.raises(SegmentationError, match="no labels"):
        read_labelmap(write(tmp_path / "seg.nrrd", wrong), series())


def test_not_a_number_is_no_label(tmp_path):
    labels = some_labels(dtype=np.float32)
    labels[0, 0, 0] = np.nan
    with pytest.raises(SegmentationError, match="no labels"):
        read_labelmap(write(tmp_path / "seg.nrrd", labels), series())


def test_whole_numbers_stored_as_floats_are_labels(tmp_path):
    labels = some_labels(dtype=np.float64)
    assert (read_labelmap(write(tmp_path / "seg.nrrd", labels), series()).labels == labels).all()


def test_an_empty_map_is_refused(tmp_path):
    with pytest.raises(SegmentationError, match="every voxel is 0"):
        read_labelmap(write(tmp_path / "seg.nii.gz", np.zeros(SHAPE, np.uint8)), series())


def test_a_missing_or_broken_file_is_reported_by_name(tmp_path):
    with pytest.raises(InputError, match=r"no label map seg\.nii\.gz"):
        read_labelmap(tmp_path / "seg.nii.gz", series())
    (tmp_path / "seg.nii.gz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"seg\.nii\.gz: not a readable NIfTI"):
        read_labelmap(tmp_path / "seg.nii.gz", series())


def test_unknown_values_are_named_and_flagged(tmp_path):
    (tmp_path / "labels.csv").write_text("value,name\n5,liver\n")
    read = read_labelmap(write(tmp_path / "seg.nii.gz", some_labels((0, 5, 200))), series())
    assert {a.name for a in read.atoms} == {"liver", "label_200"}
    assert [f.code for f in read.flags] == ["unknown_labels"]
    assert "200" in read.flags[0].message


@pytest.mark.parametrize("table", ["labels.csv", "seg.csv"])
def test_a_table_beside_the_file_names_the_labels(tmp_path, table):
    (tmp_path / table).write_text("Value,Name,color\n1,liver,\n5,my_organ,#123456\n")
    read = read_labelmap(write(tmp_path / "seg.nii.gz", some_labels()), series())
    assert {a.value: a.name for a in read.atoms} == {1: "liver", 5: "my_organ"}
    assert {a.name: a.color for a in read.atoms}["my_organ"] == "#123456"
    assert {a.name: a.snomed_code for a in read.atoms}["liver"] == "10200004"


def test_the_files_own_table_comes_before_that_of_its_folder_and_json_last(tmp_path):
    (tmp_path / "seg.json").write_text(json.dumps({"1": "aorta", "5": "aorta"}))
    for table, name in (("labels.csv", "spleen"), ("seg.csv", "liver")):
        (tmp_path / table).write_text(f"value,name\n1,{name}\n")
        read = read_labelmap(write(tmp_path / "seg.nii.gz", some_labels((0, 1))), series())
        assert [a.name for a in read.atoms] == [name]


@pytest.mark.parametrize(
    "content", [{"labels": {"background": 0, "liver": 1, "aorta": 5}}, {"1": "liver", "5": "aorta"}]
)
def test_a_json_beside_the_file_names_the_labels(tmp_path, content):
    (tmp_path / "seg.json").write_text(json.dumps(content))
    read = read_labelmap(write(tmp_path / "seg.nii.gz", some_labels()), series())
    assert {a.value: a.name for a in read.atoms} == {1: "liver", 5: "aorta"}


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("value,name\n1,liver\n1,spleen\n", "only once"),
        ("value,name\n1,liver\n5,liver\n", "only once"),
        ("value,name\n1.5,liver\n", "whole number"),
        ("number,organ\n1,liver\n", "no column value and name"),
        ("", "no column"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, table, problem):
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(InputError, match=problem):
        read_labelmap(write(tmp_path / "seg.nii.gz", some_labels()), series())


def body_mask() -> Labelmap:
    names = ("body_rest", "skin", "couch", "lung_left", "lung_right", "trachea", "bone")
    labels = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE) % 8
    atoms = tuple(named_atom(v, n, "classical") for v, n in enumerate(names, 1))
    return Labelmap(labels, AFFINE, atoms, groups_of(names), "classical")


def user_map(tmp_path, **organ) -> Labelmap:
    """A label map with the first voxels of the grid marked, one organ after the other."""
    labels = np.zeros(SHAPE, np.uint8)
    for value, name in enumerate(organ, 1):
        labels.ravel()[organ[name]] = value
    rows = "".join(f"{value},{name}\n" for value, name in enumerate(organ, 1))
    (tmp_path / "labels.csv").write_text("value,name\n" + rows)
    return read_labelmap(write(tmp_path / "seg.nii.gz", labels), series())


def test_organs_lie_on_top_of_the_body_mask(tmp_path):
    both = combine(body_mask(), user_map(tmp_path, liver=slice(0, 10)))
    assert both.mask("liver").ravel()[:10].all()
    assert both.mask("liver").sum() == 10
    assert (both.mask("skin").ravel()[10:] == body_mask().mask("skin").ravel()[10:]).all()
    assert (both.mask("couch").ravel()[10:] == body_mask().mask("couch").ravel()[10:]).all()
    assert {a.name: a.origin for a in both.atoms} == {
        "liver": "given",
        **{a.name: "classical" for a in body_mask().atoms},
    }


def test_every_voxel_of_body_stays_body(tmp_path):
    both = combine(body_mask(), user_map(tmp_path, rib_left_1=[3, 4], lung=[11]))
    expected = body_mask().mask("body")
    expected.ravel()[[3, 4, 11]] = True
    assert (both.mask("body") == expected).all()


def test_lobes_of_the_user_replace_the_lungs_beneath(tmp_path):
    both = combine(
        body_mask(), user_map(tmp_path, lung_upper_lobe_left=[20], lung_lower_lobe_right=[21])
    )
    assert both.mask("lung").sum() == 2
    assert "trachea" in both.groups
    assert "bone" in both.groups


def test_one_lobe_of_the_user_leaves_the_other_side(tmp_path):
    both = combine(body_mask(), user_map(tmp_path, lung_upper_lobe_left=[0]))
    assert "lung_left" not in {a.name for a in both.atoms}
    assert (both.mask("lung_right") == body_mask().mask("lung_right")).all()


def test_an_organ_that_labels_without_a_name_cover_is_none_any_more(tmp_path):
    """Half of the left lung is covered: neither it nor the lungs as a whole are measured."""
    lung = np.flatnonzero(body_mask().mask("lung_left").ravel())
    both = combine(body_mask(), user_map(tmp_path, label_1=lung[: lung.size // 2]))
    assert not {"lung", "lung_left", "lung_right"} & set(both.groups)
    assert {"trachea", "bone", "skin", "couch"} <= set(both.groups)
    assert both.mask("body").sum() == body_mask().mask("body").sum()
    assert {f.code for f in both.flags} == {"unknown_labels", "covered_by_unnamed"}
    assert "lung_left, lung_right" in both.flags[-1].message


def test_a_small_label_without_a_name_leaves_the_organ_beneath(tmp_path):
    names = ("body_rest", "liver")
    labels = np.full((3, 10, 10), 2, np.uint8)
    atoms = tuple(named_atom(v, n, "classical") for v, n in enumerate(names, 1))
    beneath = Labelmap(labels, AFFINE, atoms, groups_of(names), "classical")
    drawn = np.zeros(labels.shape, np.uint8)
    drawn[0, 0] = 9
    lesion = Labelmap(drawn, AFFINE, (named_atom(9, "label_9", "given"),), {}, "given")
    both = combine(beneath, lesion)
    assert both.mask("liver").sum() == 290
    assert both.flags == ()


def test_a_named_label_takes_its_voxels_from_the_organ_beneath(tmp_path):
    lung = np.flatnonzero(body_mask().mask("lung_left").ravel())
    both = combine(body_mask(), user_map(tmp_path, tumor=lung[: lung.size // 2]))
    assert both.mask("lung_left").sum() == lung.size - lung.size // 2
    assert both.flags == ()


def test_labels_in_the_air_are_flagged(tmp_path):
    air = np.flatnonzero(body_mask().labels.ravel() == 0)[:4]
    both = combine(body_mask(), user_map(tmp_path, liver=air))
    assert [f.code for f in both.flags] == ["labels_in_air"]
    assert "100 %" in both.flags[0].message


def test_a_complete_map_needs_no_body_mask(tmp_path):
    complete = user_map(tmp_path, body=slice(0, 20), liver=[3])
    assert combine(body_mask(), complete) is complete
    assert complete.mask("body").sum() == 20


def test_what_was_written_reads_back_the_same(tmp_path):
    both = combine(body_mask(), user_map(tmp_path, liver=slice(0, 10), label_200=[12]))
    folder = tmp_path / "out"
    folder.mkdir()
    write_labelmap(both, folder)
    read = read_labelmap(folder / "segmentation.nii.gz", series())
    assert (read.labels == both.labels).all()
    assert set(read.atoms) == set(both.atoms)
    assert {g: set(m) for g, m in read.groups.items()} == {
        g: set(m) for g, m in both.groups.items()
    }


def test_the_real_label_map_falls_on_its_slab(data_dir):
    """Rows of the file run the other way than the DICOM slices'; organs must have their HU."""
    from CTDoseSegLib.reading.reader import read_series

    folder = data_dir / "ct" / "totalsegmentator_reference"
    ct = read_series(folder / "example_ct_dicom")
    read = read_labelmap(folder / "example_seg_dicom.nii.gz", ct)
    mean = {name: ct.hu[read.mask(name)].mean() for name in ("liver", "spleen", "aorta")}
    assert mean["liver"] == pytest.approx(89.3, abs=0.1)
    assert mean["spleen"] == pytest.approx(79.6, abs=0.1)
    assert mean["aorta"] == pytest.approx(177.3, abs=0.1)
    assert ct.hu[read.mask("liver")].std() < 25


def test_a_skin_of_the_user_is_not_enlarged_by_the_body_mask():
    shape, affine = (1, 4, 6), AFFINE
    drawn_body = np.zeros(shape, np.uint8)
    drawn_body[0, :, :4] = 1
    drawn_body[0, :, 4:] = 2
    names = ("body_rest", "skin")
    atoms = tuple(named_atom(n, name, "classical") for n, name in enumerate(names, 1))
    beneath = Labelmap(drawn_body, affine, atoms, groups_of(names), "classical")
    drawn = np.zeros(shape, np.uint8)
    drawn[0, :, 5] = 9
    user_skin = Labelmap(
        drawn, affine, (named_atom(9, "skin", "given"),), groups_of(["skin"]), "given"
    )
    both = combine(beneath, user_skin)
    assert (both.mask("skin") == (drawn == 9)).all()
    assert both.mask("body").all()


def test_label_maps_that_lie_elsewhere_are_not_combined():
    from dataclasses import replace

    from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
    from CTDoseSegLib.segmentation.combining import combine
    from CTDoseSegLib.segmentation.labelmap import Labelmap

    atoms = (named_atom(1, "body_rest", "a"), named_atom(2, "liver", "a"))
    labels = np.array([[[1, 2]]], np.uint8)
    groups = groups_of(atom.name for atom in atoms)
    one = Labelmap(labels, np.eye(4), atoms, groups, "a")
    moved = np.eye(4)
    moved[0, 3] = 0.5
    assert combine(one, replace(one, affine=np.eye(4))).labels.shape == labels.shape
    with pytest.raises(GeometryError, match="different grids"):
        combine(one, replace(one, affine=moved))


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 2.0), (2.0, 0.0), (1.0, 0.0)])
def test_a_label_map_whose_header_scales_it_is_flagged(tmp_path, slope, intercept):
    ct = series()
    labels = np.zeros(ct.hu.shape, np.uint8)
    labels[2:4, 2:5, 2:5] = 1
    write_nifti(tmp_path / "labels.nii", labels, ct.affine)
    data = bytearray((tmp_path / "labels.nii").read_bytes())
    data[112:120] = np.array([slope, intercept], "<f4").tobytes()
    (tmp_path / "labels.nii").write_bytes(bytes(data))
    flags = {entry.code: entry.detail for entry in read_labelmap(tmp_path / "labels.nii", ct).flags}
    scaled = (slope, intercept) != (1.0, 0.0)
    assert ("labels_scaled" in flags) == scaled
    if scaled:
        assert flags["labels_scaled"] == f"slope {slope:g}, intercept {intercept:g}"


def test_segments_that_are_only_numbered_take_their_names_from_the_option(tmp_path):
    (tmp_path / "names.csv").write_text("value,name\n1,liver\n2,spleen\n")
    labels = np.zeros(SHAPE, np.uint8)
    labels.ravel()[:6], labels.ravel()[6:9] = 1, 2
    (tmp_path / "labels.csv").write_text("value,name\n1,Segment_1\n2,spleen\n")
    path = write(tmp_path / "seg.nii.gz", labels)
    labelmap = read_labelmap(path, series(), labels=tmp_path / "names.csv")
    assert {atom.name for atom in labelmap.atoms} == {"liver", "spleen"}
    assert "unknown_labels" not in {entry.code for entry in labelmap.flags}


def test_an_organ_that_the_user_drew_is_not_covered_by_numbered_segments(tmp_path):
    beneath = user_map(tmp_path, body_rest=slice(20, None), liver=slice(0, 20))
    above = user_map(tmp_path, liver=slice(0, 8), label_7=slice(8, 20))
    both = combine(beneath, above)
    assert both.mask("liver").sum() == 8
    assert "covered_by_unnamed" not in {entry.code for entry in both.flags}
    only_numbered = combine(beneath, user_map(tmp_path, label_1=slice(8, 20)))
    assert "covered_by_unnamed" in {entry.code for entry in only_numbered.flags}
