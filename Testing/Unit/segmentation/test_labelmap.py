"""Exclusive atoms, named groups, and the files that hold them."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from CTDoseSegLib.errors import GeometryError, SegmentationError
from CTDoseSegLib.outputs.tables import write_labelmap
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap, counts

SHEARED = np.array([[-0.8, 0, 0, 90.5], [0, -0.8, 0.7, 80], [0, 0, 2.5, -300], [0, 0, 0, 1]])


def labelmap(labels=None, affine=None, **changes) -> Labelmap:
    if labels is None:
        labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 4
    parts = {
        "labels": labels,
        "affine": np.diag([-0.7, -0.7, 5.0, 1.0]) if affine is None else affine,
        "atoms": tuple(
            named_atom(v, n, "test") for v, n in enumerate(("body_rest", "liver", "couch"), 1)
        ),
        "groups": groups_of(("body_rest", "liver", "couch")),
        "engine": "test",
    }
    return Labelmap(**(parts | changes))


def test_a_group_is_the_union_of_its_atoms():
    made = labelmap()
    assert (made.mask("body") == np.isin(made.labels, [1, 2])).all()
    assert made.values("body") == (1, 2)


def test_labels_must_be_unsigned_integers():
    with pytest.raises(SegmentationError, match="unsigned"):
        labelmap(labels=np.zeros((1, 2, 3), np.int32))


def test_two_atoms_cannot_share_a_value():
    atoms = (Atom(1, "a", "", "#000000", ""), Atom(1, "b", "", "#000001", ""))
    with pytest.raises(SegmentationError, match="unique"):
        labelmap(atoms=atoms, groups={})


def test_a_group_cannot_name_an_unknown_atom():
    with pytest.raises(SegmentationError, match="spleen"):
        labelmap(groups={"body": ("spleen",)})


def test_the_affine_must_be_4_by_4():
    with pytest.raises(GeometryError):
        labelmap(affine=np.eye(3))


def test_counts_add_up_to_the_voxels():
    made = labelmap()
    assert counts(made.labels).tolist() == np.bincount(made.labels.ravel()).tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_written_file_is_read_alike_by_itk(tmp_path, dtype):
    import SimpleITK as sitk

    affine = np.array([[0, 0, 2.5, -20], [-0.7, 0, 0, 30], [0, 0.9, 0, -500.25], [0, 0, 0, 1]])
    made = labelmap(labels=labelmap().labels.astype(dtype), affine=affine)
    image = sitk.ReadImage(str(write_labelmap(made, tmp_path)[0]))
    assert (sitk.GetArrayFromImage(image) == made.labels).all()
    for index in ((0, 0, 0), (3, 2, 1), (1, 2, 0)):
        position = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        assert position == pytest.approx((affine @ (*index, 1))[:3], abs=1e-4)


def made_folder(path):
    path.mkdir()
    return path


def test_the_quaternion_and_the_matrix_in_the_file_agree(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    rng = np.random.default_rng(0)
    for case in range(12):
        axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        affine = np.eye(4)
        affine[:3, :3] = axes * (0.7, 0.8, 3.0)
        affine[:3, 3] = rng.normal(size=3) * 100
        path = write_labelmap(labelmap(affine=affine), made_folder(tmp_path / str(case)))[0]
        header = nibabel.load(path).header
        assert header.get_qform() == pytest.approx(affine, abs=1e-4)
        assert header.get_sform() == pytest.approx(affine, abs=1e-4)


def test_a_sheared_grid_keeps_its_matrix(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    path = write_labelmap(labelmap(affine=SHEARED), tmp_path)[0]
    assert nibabel.load(path).affine == pytest.approx(SHEARED, abs=1e-4)


def test_the_tables_list_atoms_and_groups(tmp_path):
    _, labels, groups = write_labelmap(labelmap(), tmp_path)
    rows = list(csv.DictReader(labels.read_text().splitlines()))
    assert [(r["value"], r["name"], r["snomed_code"]) for r in rows] == [
        ("1", "body_rest", ""),
        ("2", "liver", "10200004"),
        ("3", "couch", ""),
    ]
    pairs = [(r["group"], r["atom"]) for r in csv.DictReader(groups.read_text().splitlines())]
    assert ("body", "liver") in pairs
    assert ("body", "couch") not in pairs
