"""Contours of an RTSTRUCT: filled where they lie, holes open, gaps between planes closed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from label_files import write_rtstruct, write_seg

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.errors import SegmentationError
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.reading.rtstruct import inside
from CTDoseSegLib.segmentation.user import read_labelmap

AFFINE = np.array([[-2.0, 0, 0, 50], [0, -2.0, 0, 40], [0, 0, 5, -100], [0, 0, 0, 1]])
SHAPE = (9, 40, 50)


def series() -> CTSeries:
    slices = tuple(SliceInfo(z_mm=-100.0 + 5 * k) for k in range(SHAPE[0]))
    return CTSeries(np.zeros(SHAPE, np.int16), AFFINE, slices, Acquisition(), "test")


def at(k: float, corners) -> np.ndarray:
    """LPS points of corners (i, j) in slice `k`."""
    ijk = np.array([(i, j, k, 1) for i, j in corners], float)
    ras = (AFFINE @ ijk.T).T[:, :3]
    return ras * (-1, -1, 1)


def box(i0, i1, j0, j1):
    return [(i0, j0), (i1, j0), (i1, j1), (i0, j1)]


def labels_of(tmp_path: Path, structures):
    read = read_labelmap(write_rtstruct(tmp_path / "rt.dcm", structures), series())
    return {atom.name: read.labels == atom.value for atom in read.atoms}, read


def test_a_contour_fills_the_pixels_whose_centres_it_holds(tmp_path):
    masks, read = labels_of(tmp_path, {"Liver": [at(3, box(4.6, 10.4, 7.6, 12.4))]})
    expected = np.zeros(SHAPE, bool)
    expected[3, 8:13, 5:11] = True
    np.testing.assert_array_equal(masks["liver"], expected)
    assert read.flags == ()


def test_a_contour_in_a_contour_is_a_hole_and_one_beside_it_another_part(tmp_path):
    contours = [
        at(3, box(4.5, 20.5, 4.5, 20.5)),
        at(3, box(8.5, 12.5, 8.5, 12.5)),
        at(3, box(30.5, 34.5, 4.5, 8.5)),
    ]
    masks, _ = labels_of(tmp_path, {"Bladder": contours})
    (mask,) = masks.values()
    assert mask.sum() == 16 * 16 - 4 * 4 + 4 * 4
    assert not mask[3, 9:13, 9:13].any()


def test_slices_between_planes_take_the_nearer_and_a_real_gap_stays(tmp_path):
    planes = [at(k, box(4.5, 8.5, 4.5, 8.5)) for k in (0, 2, 4, 8)]
    masks, _ = labels_of(tmp_path, {"Spleen": planes})
    drawn = masks["spleen"].any(axis=(1, 2))
    assert drawn.tolist() == [True, True, True, True, True, True, False, True, True]


@pytest.mark.parametrize("first", [1.5, 1.6, 1.8])
def test_planes_closer_than_slices_fill_each_slice_once_with_its_hole(tmp_path, first):
    planes = [first + 0.2 * n + 0.004 * (-1) ** n for n in range(16)]
    contours = [at(k, box(4.5, 20.5, 4.5, 20.5)) for k in planes]
    contours += [at(k + 0.002, box(8.5, 12.5, 8.5, 12.5)) for k in planes]
    masks, read = labels_of(tmp_path, {"Liver": contours})
    within = (np.arange(SHAPE[0]) >= first - 0.1) & (np.arange(SHAPE[0]) <= planes[-1] + 0.1)
    assert masks["liver"].sum(axis=(1, 2)).tolist() == (within * (16 * 16 - 4 * 4)).tolist()
    assert read.flags == ()


def test_a_line_that_two_contours_share_belongs_to_one_of_them(tmp_path):
    beside = [at(3, box(4, 8, 4, 8)), at(3, box(8, 12, 4, 8))]
    below = [at(4, box(4, 8, 4, 8)), at(4, box(4, 8, 8, 12))]
    masks, _ = labels_of(tmp_path, {"Liver": beside + below})
    assert masks["liver"].sum(axis=(1, 2)).tolist() == [0, 0, 0, 32, 32, 0, 0, 0, 0]


def test_contours_beyond_the_slices_are_left_out_and_flagged(tmp_path):
    contours = [at(k, box(4.5, 8.5, 4.5, 8.5)) for k in range(6, 12)]
    across = at(3, box(4.5, 8.5, 4.5, 8.5))
    across[:2, 2] += 4
    masks, read = labels_of(tmp_path, {"Liver": [*contours, across]})
    assert masks["liver"].any(axis=(1, 2)).tolist() == [False] * 6 + [True] * 3
    assert [(one.code, one.detail) for one in read.flags] == [("contours_left_out", "4 contours")]


@pytest.fixture
def ct(tmp_path):
    write_dicom(Phantom(variant="chest", shape=(64, 64, 4), spacing_mm=(7, 7, 5)), tmp_path)
    return read_series(tmp_path / "dicom")


def test_contours_of_another_frame_of_reference_are_refused(tmp_path, ct):
    own = str(pydicom.dcmread(ct.files[0], stop_before_pixels=True).FrameOfReferenceUID)
    ras = [ct.affine @ (i, j, 2, 1) for i, j in box(20.5, 30.5, 20.5, 30.5)]
    structures = {"Liver": [np.array(ras)[:, :3] * (-1, -1, 1)]}
    for frame in (own, ""):
        read = read_labelmap(write_rtstruct(tmp_path / "rt.dcm", structures, frame), ct)
        assert (read.labels > 0).sum() == 100
    path = write_rtstruct(tmp_path / "rt.dcm", structures, "1.2.826.0.1.1")
    with pytest.raises(SegmentationError, match="drawn on another examination"):
        read_labelmap(path, ct)


def test_a_seg_of_another_frame_and_grid_is_refused(tmp_path, ct):
    pytest.importorskip("highdicom", reason="writes and reads DICOM SEG")
    labels = np.zeros(ct.hu.shape, np.uint8)
    labels[1:3, 20:30, 20:30] = 1
    liver = [("Liver", "10200004", "")]
    path = write_seg(tmp_path / "seg.dcm", labels, ct.affine, liver, "LABELMAP")
    assert (read_labelmap(path, ct).labels == labels).all()
    coarser = ct.affine @ np.diag([1, 1, 2, 1])
    path = write_seg(tmp_path / "seg.dcm", labels, coarser, liver, "LABELMAP")
    with pytest.raises(SegmentationError, match="drawn on another examination"):
        read_labelmap(path, ct)


def test_structures_that_overlap_are_flagged(tmp_path):
    structures = {
        "Liver": [at(2, box(4.5, 20.5, 4.5, 20.5))],
        "Kidney_L": [at(2, box(8.5, 12.5, 8.5, 12.5))],
    }
    masks, read = labels_of(tmp_path, structures)
    assert [flag.code for flag in read.flags] == ["segments_overlap"]
    assert masks["liver"].sum() == 16 * 16 - 4 * 4


def test_two_structures_of_one_name_are_both_kept(tmp_path):
    structures = {
        "PTV": [at(2, box(4.5, 8.5, 4.5, 8.5))],
        "PTV ": [at(2, box(20.5, 24.5, 4.5, 8.5))],
    }
    masks, _ = labels_of(tmp_path, structures)
    assert len(masks) == 2


def test_contours_of_another_place_are_refused(tmp_path):
    far = np.add(at(3, box(4.5, 8.5, 4.5, 8.5)), (0, 0, 900))
    with pytest.raises(SegmentationError, match="do not lie in the slices of this CT"):
        labels_of(tmp_path, {"Liver": [far]})


def test_contours_on_uneven_slices_are_refused(tmp_path):
    from dataclasses import replace

    path = write_rtstruct(tmp_path / "rt.dcm", {"Liver": [at(3, box(4.5, 8.5, 4.5, 8.5))]})
    with pytest.raises(SegmentationError, match="even slices alone"):
        read_labelmap(path, replace(series(), regular=False))


def test_a_triangle_holds_the_centres_that_a_polygon_library_finds():
    from matplotlib.path import Path as Polygon

    corners = np.array([[2.3, 1.2], [17.8, 6.4], [5.1, 18.9]])
    j, i = np.mgrid[:20, :20]
    expected = Polygon(corners).contains_points(np.c_[i.ravel(), j.ravel()]).reshape(20, 20)
    np.testing.assert_array_equal(inside(corners, (20, 20)), expected)


def test_a_liver_of_contours_has_its_volume_within_two_percent(tmp_path):
    """Case 21 of the public reports: the phantom's liver of 1098 ml, as contours."""
    measure = pytest.importorskip("skimage.measure", reason="draws the contours")
    phantom = Phantom(variant="abdomen", shape=(128, 128, 40), spacing_mm=(3.3, 3.3, 8))
    write_dicom(phantom, tmp_path)
    ct = read_series(tmp_path / "dicom")
    truth = read_labelmap(tmp_path / "truth" / "segmentation.nii.gz", ct)
    (value,) = (atom.value for atom in truth.atoms if atom.name == "liver")
    mask = truth.labels == value
    contours = []
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        for points in measure.find_contours(np.pad(mask[k], 1).astype(float), 0.5):
            ijk = np.c_[points[:, 1] - 1, points[:, 0] - 1, np.full(len(points), k)]
            ras = (ct.affine @ np.c_[ijk, np.ones(len(ijk))].T).T[:, :3]
            contours.append(ras * (-1, -1, 1))
    read = read_labelmap(write_rtstruct(tmp_path / "rt.dcm", {"Liver": contours}), ct)
    assert (read.labels > 0).sum() == pytest.approx(mask.sum(), rel=0.02)
