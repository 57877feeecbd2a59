"""Measuring: what one pass gives equals what each organ's own voxels give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.errors import Cancelled, GeometryError, PixelDataError, SegmentationError
from CTDoseSegLib.measurement.measurements import DENSE_BINS, mean_and_sd, measure
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap
from CTDoseSegLib.tasks.progress import Collected

AFFINE = np.diag([0.8, 0.7, 3.0, 1.0])


def make_series(hu, affine=AFFINE):
    slices = tuple(SliceInfo(z_mm=3.0 * k) for k in range(hu.shape[0]))
    return CTSeries(hu, affine, slices, Acquisition(), "test")


def make_labelmap(labels, values, groups=None, affine=AFFINE):
    atoms = tuple(Atom(v, f"atom{v}", "", "#ffffff", "test") for v in values)
    groups = groups or {a.name: (a.name,) for a in atoms}
    return Labelmap(labels, affine, atoms, groups, "test")


def by_hand(hu, labels, values):
    """Counts, sums and sums of squares, atom by atom, in Python's integers."""
    out = np.zeros((3, hu.shape[0], len(values)), dtype=object)
    for k in range(hu.shape[0]):
        for column, value in enumerate(values):
            voxels = [int(v) for v in hu[k][labels[k] == value]]
            out[:, k, column] = len(voxels), sum(voxels), sum(v * v for v in voxels)
    return out


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_counts_and_sums_are_exact_whatever_the_values_and_labels(data):
    shape = data.draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=6))
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    top = int(np.iinfo(dtype).max)
    values = data.draw(st.lists(st.integers(1, top), min_size=1, max_size=5, unique=True))
    hu = data.draw(hnp.arrays(np.int16, shape))
    labels = data.draw(hnp.arrays(dtype, shape, elements=st.sampled_from([0, *values])))

    got = measure(make_series(hu), make_labelmap(labels, values))

    expected = by_hand(hu, labels, values)
    assert (got.counts == expected[0]).all()
    assert (got.sums == expected[1]).all()
    assert (got.squares == expected[2]).all()
    assert (got.histogram.sum(axis=1) == got.counts.sum(axis=0)).all()
    assert (got.histogram @ got.histogram_hu == got.sums.sum(axis=0)).all()


@pytest.mark.parametrize("atoms", [3, 40])
@pytest.mark.parametrize("limit", [40, 32000])
def test_metal_and_padding_with_many_labels_stay_exact(atoms, limit):
    rng = np.random.default_rng(1)
    values = list(range(1, 5 * atoms, 5))
    hu = rng.integers(-limit, limit, (2, 64, 64)).astype(np.int16)
    hu[0, 0, :2] = -32768, 32767
    labels = rng.choice([0, *values], (2, 64, 64)).astype(np.uint16)
    labels[0, 0, :2] = values[0], values[-1]

    got = measure(make_series(hu), make_labelmap(labels, values))

    expected = by_hand(hu, labels, values)
    assert (got.counts == expected[0]).all()
    assert (got.sums == expected[1]).all()
    assert (got.squares == expected[2]).all()
    if atoms == 40:
        assert atoms * 65536 > DENSE_BINS  # this case went past the dense route


def test_one_organ_may_span_all_of_int16():
    hu = np.array([[[-32768, 32767, 5]]], np.int16)
    got = measure(make_series(hu), make_labelmap(np.full(hu.shape, 9, np.uint8), [9]))
    assert got.counts.tolist() == [[3]]
    assert got.sums.tolist() == [[4]]
    assert got.squares.tolist() == [[32768**2 + 32767**2 + 25]]
    assert got.histogram_hu[[0, -1]].tolist() == [-32768, 32767]


def test_slices_larger_than_a_block_are_summed_whole():
    hu = np.full((1, 1100, 700), 32767, np.int16)
    labels = np.ones(hu.shape, np.uint8)

    got = measure(make_series(hu), make_labelmap(labels, [1]))

    assert got.counts[0, 0] == hu.size
    assert got.sums[0, 0] == hu.size * 32767
    assert got.squares[0, 0] == hu.size * 32767**2


def test_mean_and_sd_of_a_group_are_those_of_its_voxels_together():
    rng = np.random.default_rng(2)
    hu = rng.normal(30, 80, (3, 40, 40)).round().astype(np.int16)
    labels = rng.integers(0, 4, hu.shape).astype(np.uint8)
    labels[1] = 0
    labelmap = make_labelmap(labels, [1, 2, 3], {"pair": ("atom1", "atom3")})

    pair = measure(make_series(hu), labelmap).of("pair")

    for k in (0, 2):
        voxels = hu[k][np.isin(labels[k], (1, 3))].astype(np.float64)
        assert pair.count[k] == voxels.size
        assert pair.area_mm2[k] == pytest.approx(voxels.size * 0.8 * 0.7)
        assert pair.mean_hu[k] == pytest.approx(voxels.mean(), rel=1e-12)
        assert pair.sd_hu[k] == pytest.approx(voxels.std(), rel=1e-12)
    assert pair.count[1] == 0
    assert pair.area_mm2[1] == 0
    assert np.isnan(pair.mean_hu[1])
    assert np.isnan(pair.sd_hu[1])


def test_float_volumes_are_measured_without_rounding():
    rng = np.random.default_rng(3)
    hu = rng.normal(30, 80, (2, 50, 50)).astype(np.float32)
    labels = rng.integers(0, 3, hu.shape).astype(np.uint8)

    got = measure(make_series(hu), make_labelmap(labels, [1, 2])).of("atom2")

    for k in range(2):
        voxels = hu[k][labels[k] == 2].astype(np.float64)
        assert got.mean_hu[k] == pytest.approx(voxels.mean(), rel=1e-12)
        assert got.sd_hu[k] == pytest.approx(voxels.std(), rel=1e-12)


def test_float_values_fall_into_the_bin_below_them():
    hu = np.array([[[-0.5, 0.0, 0.99, 40.5]]], np.float32)
    got = measure(make_series(hu), make_labelmap(np.ones(hu.shape, np.uint8), [1]))
    filled = {int(h): int(n) for h, n in zip(got.histogram_hu, got.histogram[0], strict=True) if n}
    assert filled == {-1: 1, 0: 2, 40: 1}


def test_one_value_has_sd_zero_however_large_it_is():
    n, value = 10**6 + 3, 31743
    mean, sd = mean_and_sd(np.array([n]), np.array([n * value]), np.array([n * value**2]))
    assert mean[0] == value
    assert sd[0] == 0


def test_sd_of_nearly_equal_values_does_not_cancel():
    hu = np.full((1, 512, 512), -3024, np.int16)
    hu[0, 0, 0] = -3023
    sd = measure(make_series(hu), make_labelmap(np.ones(hu.shape, np.uint8), [1])).of("atom1").sd_hu
    p = 1 / hu.size
    assert sd[0] == pytest.approx(np.sqrt(p * (1 - p)), rel=1e-9)


def test_volume_is_voxels_times_their_size():
    labels = np.zeros((4, 10, 10), np.uint8)
    labels[1:3, 2:7, 2:7] = 1
    got = measure(make_series(np.zeros(labels.shape, np.int16)), make_labelmap(labels, [1]))
    assert got.volume_ml("atom1", 2.5) == pytest.approx(50 * 0.8 * 0.7 * 2.5 / 1000)


def test_histogram_of_a_group_counts_every_voxel_at_its_value():
    hu = np.array([[[-1000, 0, 0, 60, 1200]]], np.int16)
    labels = np.array([[[0, 1, 2, 2, 1]]], np.uint8)
    got = measure(make_series(hu), make_labelmap(labels, [1, 2], {"all": ("atom1", "atom2")}))
    assert got.histogram_hu[0] == 0
    assert got.histogram_hu[-1] == 1200
    assert got.histogram_of("all")[[0, 60, 1200]].tolist() == [2, 1, 1]
    assert got.histogram_of("all").sum() == 4


def test_an_empty_label_map_gives_no_numbers_instead_of_an_error():
    hu = np.zeros((2, 5, 5), np.int16)
    got = measure(make_series(hu), make_labelmap(np.zeros(hu.shape, np.uint8), [1]))
    assert np.isnan(got.of("atom1").mean_hu).all()
    assert got.histogram_hu.size == 0
    assert got.histogram.shape == (1, 0)


def test_a_label_without_a_name_is_refused_and_named():
    labels = np.zeros((2, 5, 5), np.uint8)
    labels[1, 2, 2] = 9
    with pytest.raises(SegmentationError, match=r"Slice 1 .* value 9"):
        measure(make_series(np.zeros(labels.shape, np.int16)), make_labelmap(labels, [1]))


def test_a_float_volume_with_missing_values_in_the_body_is_refused():
    hu = np.zeros((1, 4, 4), np.float32)
    hu[0, 0, 0] = np.nan
    labels = np.ones(hu.shape, np.uint8)
    with pytest.raises(PixelDataError, match="not finite"):
        measure(make_series(hu), make_labelmap(labels, [1]))
    labels[0, 0, 0] = 0
    assert measure(make_series(hu), make_labelmap(labels, [1])).counts[0, 0] == 15


def test_a_label_map_of_another_size_or_place_is_refused():
    series = make_series(np.zeros((2, 5, 5), np.int16))
    with pytest.raises(GeometryError, match="voxels"):
        measure(series, make_labelmap(np.zeros((2, 5, 6), np.uint8), [1]))
    moved = AFFINE.copy()
    for apart_mm, words in ((3.0, "3 mm"), (0.05, r"0\.05 mm")):
        moved[2, 3] = AFFINE[2, 3] + apart_mm
        with pytest.raises(GeometryError, match=words):
            measure(series, make_labelmap(np.zeros((2, 5, 5), np.uint8), [1], affine=moved))


def test_measuring_reports_progress_and_can_be_cancelled():
    series = make_series(np.zeros((40, 4, 4), np.int16))
    labelmap = make_labelmap(np.ones((40, 4, 4), np.uint8), [1])
    progress = Collected()
    measure(series, labelmap, progress)
    assert [e["event"] for e in progress.log] == ["progress", "progress"]
    progress.cancel()
    with pytest.raises(Cancelled):
        measure(series, labelmap, progress)
