"""The histogram of all voxels and the montage of slices."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text
from tiny_analysis import tiny_series

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.flags import flag
from CTDoseSegLib.reading.npy_volume import write_npy_volume
from CTDoseSegLib.reporting.slice_montage import Montage, draw_montage
from CTDoseSegLib.reporting.voxel_histogram import draw_voxel_histogram, voxel_histogram


def with_hu(hu):
    return replace(tiny_series(len(hu)), hu=hu)


@pytest.mark.parametrize("bins", [1, 7, 50])
def test_every_voxel_is_in_one_bin_of_equal_width(bins):
    series = tiny_series()
    histogram = voxel_histogram(series, bins)
    assert histogram.voxels.sum() == series.hu.size
    assert len(histogram.voxels) == bins
    np.testing.assert_allclose(np.diff(histogram.edges_hu), np.ptp(series.hu) / bins)
    assert histogram.edges_hu[0] == series.hu.min()


@pytest.mark.parametrize("bins", [0, -3, 10**9])
def test_an_impossible_number_of_bins_is_refused(bins):
    with pytest.raises(InputError, match="--bins"):
        voxel_histogram(tiny_series(), bins)


@pytest.mark.parametrize(
    ("value", "words"),
    [(-2000, "below air: padding"), (-1000, "which is read as air"), (50, "more than noise")],
)
def test_a_value_of_many_voxels_is_pointed_out(value, words):
    hu = np.random.default_rng(0).integers(-1000, 1000, (4, 24, 32)).astype(np.int16)
    hu[:, :3] = value
    sentences = voxel_histogram(with_hu(hu)).sentences
    (found,) = (s for s in sentences if f"exactly {value} HU" in s)
    assert words in found
    assert f"{100 * (hu == value).mean():.1f} %" in found


def test_the_range_and_the_shares_are_those_of_the_voxels():
    hu = np.full((1, 10, 10), -1000, np.int16)
    hu[0, :2] = 40
    hu[0, 2, 0] = 1200
    first, shares, *_ = voxel_histogram(with_hu(hu)).sentences
    assert first == "100 voxels from -1000 to 1200 HU."
    assert "air (below -900 HU) 79.0 %" in shares
    assert "water and soft tissue (-30 to 100 HU) 20.0 %" in shares
    assert "(from 300 HU) 1.0 %" in shares


def words_of(figure) -> str:
    (axes,) = figure.axes
    return " ".join(text.get_text() for text in figure.findobj(Text)) + axes.get_xlabel()


def test_values_that_are_not_hu_have_no_unit_and_no_substances():
    hu = np.linspace(-1000, 1000, 600, dtype=np.float32).reshape(1, 20, 30)
    series = with_hu(hu)
    assert "HU)" in (words := words_of(draw_voxel_histogram(voxel_histogram(series))))
    assert "water" in words
    histogram = voxel_histogram(replace(series, flags=(flag("not_hu", "a test"),)))
    assert histogram.sentences[0] == "600 voxels from -1000 to 1000."
    words = words_of(draw_voxel_histogram(histogram))
    assert "Value (50 bins of 40)" in words
    for word in ("HU", "air", "water", "fat"):
        assert word not in words


def test_the_montage_of_values_that_are_not_hu_has_no_unit_in_its_caption():
    montage = Montage(1, 1, window_hu=(0.0, 10.0))
    for in_hu, caption in ((True, "Window 0 to 10 HU."), (False, "Window 0 to 10.")):
        spacing_mm = (1.0, 1.0, 1.0)
        figure = draw_montage(tiny_series().hu, montage, spacing_mm, "Slices", in_hu=in_hu)
        assert caption in {text.get_text() for text in figure.texts}


def test_the_window_of_a_montage_is_what_is_black_and_white():
    montage = Montage(1, 1, window_hu=(0.0, 10.0))
    figure = draw_montage(tiny_series().hu, montage, (1.0, 1.0, 1.0), "Slices")
    (image,) = figure.axes[0].get_images()
    assert image.get_clim() == (0.0, 10.0)


def test_a_volume_of_one_value_is_drawn():
    histogram = voxel_histogram(with_hu(np.full((1, 4, 4), 7, np.int16)))
    figure = draw_voxel_histogram(histogram)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (bars,) = axes.patches
    assert bars.get_data().values.sum() == 16


def test_without_matplotlib_a_sentence_states_what_to_install(tmp_path, monkeypatch, capfd):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    write_npy_volume(tiny_series(), tmp_path / "ct.npy")
    arguments = ("pictures", tmp_path / "ct.npy", "--output", tmp_path / "out", "--events", "none")
    assert command_line.main([str(one) for one in arguments]) == 3
    error = capfd.readouterr().err
    assert "Pictures need the package matplotlib; install it" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("montage", "count", "expected"),
    [
        (Montage(6, 6, 10, 3), 145, list(range(10, 118, 3))),
        (Montage(2, 2), 100, [0, 33, 66, 99]),
        (Montage(2, 3), 4, [0, 1, 2, 3]),
        (Montage(2, 2, 3, 2), 6, [3, 5]),
        (Montage(1, 1), 1, [0]),
        (Montage(1, 1, 4), 9, [4]),
    ],
)
def test_the_slices_of_a_montage(montage, count, expected):
    assert montage.slices(count) == expected


@pytest.mark.parametrize(
    ("montage", "words"),
    [
        (Montage(0, 3), "--rows"),
        (Montage(3, 21), "--columns"),
        (Montage(start=4), r"slices 0 to 3; give --start"),
        (Montage(start=-1), "--start"),
        (Montage(step=0), "--step"),
        (Montage(window_hu=(40.0, 40.0)), "lower value first"),
        (Montage(window_hu=(400.0, -100.0)), "lower value first"),
        (Montage(window_hu=(float("nan"), 1.0)), "lower value first"),
    ],
)
def test_a_montage_that_makes_no_sense_is_refused(montage, words):
    with pytest.raises(InputError, match=words):
        draw_montage(tiny_series().hu, montage, (1.0, 1.0, 1.0), "Slices")


def test_a_montage_shows_numbered_slices_in_true_proportions_and_says_where_the_stack_ends():
    series = tiny_series()
    figure = draw_montage(series.hu, Montage(2, 2, 1, 2), (1.0, 2.0, 5.0), "Slices")
    assert [axes.get_title() for axes in figure.axes] == ["slice 1", "slice 3"]
    for axes, k in zip(figure.axes, (1, 3), strict=True):
        (image,) = axes.get_images()
        np.testing.assert_array_equal(image.get_array(), series.hu[k])
        size = axes.get_window_extent()
        assert size.height / size.width == pytest.approx(24 * 2 / 32, rel=1e-3)
    assert any("2 of 4 tiles: the stack ends at slice 3" in t.get_text() for t in figure.texts)
