"""Where a network is not sure: in the right place, whatever the axes, and only what it drew."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.outputs.tables import read_doubt, write_labelmap
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.combining import combine
from CTDoseSegLib.segmentation.doubt_map import DoubtMap
from CTDoseSegLib.segmentation.labelmap import Labelmap

AXIAL = np.array([[-2.0, 0, 0, 50], [0, -2, 0, 60], [0, 0, 5, -100], [0, 0, 0, 1]])
# Slices are sagittal and run to the left, rows run down, columns to the back.
SAGITTAL = np.array([[0, 0, -5.0, 70], [-2, 0, 0, 60], [0, -2, 0, 30], [0, 0, 0, 1]])


def labelmap(labels, affine=AXIAL, doubt=None, name="body_rest"):
    atoms = (named_atom(1, name, "drawn"),)
    return Labelmap(labels, affine, atoms, groups_of([name]), "drawn", doubt_map=doubt)


def corners(shape, affine):
    ends = np.array([(i, j, k, 1) for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
    ends[:, :3] = ends[:, :3] * np.array(shape[::-1]) - 0.5
    return ends @ affine.T


@pytest.mark.parametrize("affine", [AXIAL, SAGITTAL])
def test_the_outer_edges_are_those_of_the_ct(affine):
    doubt = DoubtMap.of(np.zeros((6, 7, 9), np.uint8), (6, 20, 31), affine)
    assert corners((6, 7, 9), doubt.affine) == pytest.approx(corners((6, 20, 31), affine))


@pytest.mark.parametrize("affine", [AXIAL, SAGITTAL], ids=["axial", "sagittal"])
def test_doubt_lies_where_the_network_has_it(affine):
    torch = pytest.importorskip("torch", reason="the UNet needs torch")
    from CTDoseSegLib.segmentation.unet.engine import predict
    from CTDoseSegLib.segmentation.unet.spec import UNetSpec

    class DoubtsWhatIsDense(torch.nn.Module):
        def forward(self, x):
            body = torch.where(x < -0.5, -9.0, torch.where(x < 0.3, 9.0, 0.4))
            return torch.cat((torch.zeros_like(body), body), dim=1)

    hu = np.full((12, 40, 40), -1000, np.int16)
    hu[:, 4:36, 4:36] = 0
    cube = np.s_[2:6, 8:16, 20:28]  # not in the middle, along any axis
    hu[cube] = 500
    slices = tuple(SliceInfo(z_mm=float(k)) for k in range(12))
    series = CTSeries(hu, affine, slices, Acquisition(), "")
    spec = UNetSpec(classes=("body_rest",), context=0, pixel_mm=4.0, windows=((-1000.0, 1000.0),))
    certainty: list = []
    predict(DoubtsWhatIsDense(), spec, series, certainty=certainty)
    doubt = DoubtMap.of(certainty[0].doubt_map, hu.shape, affine)
    assert doubt.values.shape != hu.shape

    def box(voxels, own):
        ends = np.array([(a.min() - 0.5, a.max() + 0.5) for a in np.nonzero(voxels)[::-1]])
        at = own @ np.array([*np.moveaxis(ends, 1, 0).T, (1, 1)])
        return np.sort(at[:3], axis=1)

    p = 1.0 / (1.0 + np.exp(-0.4))
    assert np.unique(doubt.values[doubt.values > 60]) == pytest.approx(255 * (1 - p), abs=1)
    assert box(doubt.values > 60, doubt.affine) == pytest.approx(box(hu == 500, affine))


def test_what_the_user_drew_is_doubted_no_more():
    doubt = DoubtMap(np.full((4, 5, 5), 200, np.uint8), np.eye(4))
    drawn = np.zeros((10, 10), bool)
    drawn[3, 8] = True
    doubt.forget(5, drawn, 8)
    assert np.argwhere(doubt.values == 0).tolist() == [[2, 1, 4]]


def test_organs_of_the_user_on_a_networks_body_have_no_doubt():
    values = np.full((2, 4, 4), 90, np.uint8)
    beneath = labelmap(np.ones((2, 8, 8), np.uint8), doubt=DoubtMap.of(values, (2, 8, 8), AXIAL))
    organ = np.zeros((2, 8, 8), np.uint8)
    organ[1, 4:, :2] = 1
    made = combine(beneath, labelmap(organ, name="liver"))
    assert np.argwhere(made.doubt_map.values == 0).tolist() == [[1, 2, 0], [1, 3, 0]]
    assert (values == 90).all()
    # A network without a body, on one that thresholds found, keeps its own.
    above = labelmap(organ, name="liver", doubt=DoubtMap.of(values, (2, 8, 8), AXIAL))
    assert combine(labelmap(np.ones((2, 8, 8), np.uint8)), above).doubt_map is above.doubt_map


def test_doubt_is_written_beside_the_label_map_and_read_again(tmp_path):
    values = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    labels = np.ones((2, 9, 9), np.uint8)
    made = labelmap(labels, doubt=DoubtMap.of(values, labels.shape, AXIAL))
    names = {path.name.partition(".")[0] for path in write_labelmap(made, tmp_path)}
    assert names == {"segmentation", "labels", "groups", "doubt"}
    back = read_doubt(tmp_path, labelmap(labels))
    assert back.values.dtype == np.uint8
    assert np.array_equal(back.values, values)
    assert back.affine == pytest.approx(made.doubt_map.affine)


def test_a_label_map_without_doubt_has_no_file_of_it(tmp_path):
    write_labelmap(labelmap(np.ones((2, 9, 9), np.uint8)), tmp_path)
    assert not list(tmp_path.glob("doubt*"))
    assert read_doubt(tmp_path, labelmap(np.ones((2, 9, 9), np.uint8))) is None
