"""Pictures: laid out by the affine, never blank, and for every kind of result."""

from __future__ import annotations

import importlib
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.legend import Legend
from matplotlib.text import Text
from tiny_analysis import (
    REFUSAL,
    WARNING,
    organ_dose,
    tiny_analysis,
    tiny_labelmap,
    tiny_result,
    tiny_series,
)

from CTDoseSegLib import result_folder
from CTDoseSegLib.errors import DependencyError
from CTDoseSegLib.flags import flag
from CTDoseSegLib.reporting import charts
from CTDoseSegLib.reporting.charts_dose import draw_organ_doses, reason, with_own_warnings
from CTDoseSegLib.reporting.charts_hu import draw_histogram
from CTDoseSegLib.reporting.charts_slices import draw_size
from CTDoseSegLib.reporting.figure import STYLE
from CTDoseSegLib.reporting.numbers import number
from CTDoseSegLib.reporting.overlay import draw_overlay, oriented
from CTDoseSegLib.result import HUHistogram, Result
from CTDoseSegLib.result.values import BIN_HU
from CTDoseSegLib.segmentation.doubt_map import DoubtMap
from CTDoseSegLib.tasks.progress import Collected

# Two volumes of one body: a liver at the patient's right, a spot at the front, a spot at the top.
RIGHT, FRONT, TOP = 1, 2, 3
ORIENTATIONS = {
    "head first, supine, as DICOM": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "RAS, and head first, prone": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "feet first, supine": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "head first, on the left side": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    "sagittal slices": ((0, -1, 0), (0, 0, -1), (-1, 0, 0)),
    "coronal slices": ((-1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "turned by 20 degrees": ((-0.94, -0.34, 0), (0.34, -0.94, 0), (0, 0, 1)),
}


def write_all(analysis, folder):
    """All pictures of an analysis."""
    return charts.write_charts(Result.of(analysis), analysis.series, analysis.labelmap, folder)


def marked_volume(columns):
    """A 9 x 9 x 9 volume whose marks lie in patient directions, whatever the array's axes are."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(columns, float).T * (2.0, 2.0, 5.0)
    centre = affine[:3, :3] @ (4, 4, 4)
    index = np.stack(np.meshgrid(*[np.arange(9)] * 3, indexing="ij"), axis=-1)[..., ::-1]
    ras = index @ affine[:3, :3].T - centre
    labels = np.zeros((9, 9, 9), np.uint8)
    for value, axis in ((RIGHT, 0), (FRONT, 1), (TOP, 2)):
        others = np.delete(ras, axis, axis=-1)
        labels[(ras[..., axis] > 4) & (np.abs(others) < 4).all(axis=-1)] = value
    return affine, labels


def marked_scan(columns):
    """Series and label map of a marked volume."""
    affine, labels = marked_volume(columns)
    base = tiny_series(9)
    infos = tuple(
        replace(info, z_mm=float(affine[2, :3] @ (4, 4, k))) for k, info in enumerate(base.slices)
    )
    series = replace(base, hu=labels.astype(np.int16), affine=affine, slices=infos)
    atoms = tuple(replace(a, value=v) for v, a in enumerate(tiny_labelmap().atoms[:3], start=1))
    return series, replace(tiny_labelmap(), labels=labels, affine=affine, atoms=atoms, groups={})


@pytest.mark.parametrize("columns", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_right_is_left_front_is_up_and_head_comes_last_in_any_orientation(columns):
    views = oriented(*marked_scan(columns))
    centre = {v: np.argwhere(views.labels == v).mean(axis=0) for v in (RIGHT, FRONT, TOP)}
    assert centre[RIGHT][2] < 3.5  # columns run from the patient's right to the left
    assert centre[FRONT][1] < 3.5  # rows run from the front to the back
    assert centre[TOP][0] > 4.5  # slices run from the feet to the head
    assert (np.diff(views.z_mm) > 0).all()
    np.testing.assert_array_equal(views.hu, views.labels)


def pixels(path):
    return matplotlib.image.imread(path)[..., :3]


def test_the_liver_is_painted_in_the_left_half_of_each_axial_picture(tmp_path):
    figure = draw_overlay(tiny_series(), tiny_labelmap())
    for axes in figure.axes[:4]:
        image = np.asarray(axes.images[0].get_array())
        half = image.shape[1] // 2
        reddish = image[..., 0] > image[..., 2] + 0.05  # the liver's colour, not the lung's
        assert reddish[:, :half].any()
        assert not reddish[:, half:].any()


def test_coronal_pictures_have_true_proportions_and_the_head_up():
    figure = draw_overlay(tiny_series(12), tiny_labelmap(12))
    coronal = next(a for a in figure.axes if a.texts[0].get_text() == "coronal")
    box, (wide, high) = coronal.get_position(), coronal.figure.get_size_inches()
    left, right, bottom, top = coronal.images[0].get_extent()
    assert (box.width * wide) / (box.height * high) == pytest.approx(
        (right - left) / (bottom - top), rel=1e-3
    )
    image = np.asarray(coronal.images[0].get_array())
    blue = (image[..., 2] > image[..., 0] + 0.05).any(axis=1)  # left lung: not in the lowest slice
    assert blue[0]
    assert not blue[-1]


@pytest.mark.parametrize(
    ("route", "inner"),
    [("ctdivol", "90 %, model alone"), ("montecarlo", "90 %, number of photons alone")],
)
def test_the_legend_says_what_the_inner_interval_holds(route, inner):
    doses = [replace(organ_dose(name, 3.0), route=route) for name in ("liver", "spleen")]
    figure = draw_organ_doses(replace(tiny_result(), organs=tuple(doses)))
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    said = [text.get_text() for one in legends if one for text in one.get_texts()]
    assert inner in said
    assert sum(text.endswith("alone") for text in said) == 1


MANY = tuple(organ_dose(f"organ_number_{n}", 3.0 + n, 4, WARNING) for n in range(32))
NO_INTERVAL = dict.fromkeys(("model_low_mGy", "model_high_mGy", "total_low_mGy", "total_high_mGy"))
BARS = tuple(replace(organ, route="published", **NO_INTERVAL) for organ in MANY)
KINDS = {
    "usual": {},
    "no intervals": {"organs": (*BARS, organ_dose("liver", None, 4, REFUSAL))},
    "many organs": {"organs": (*MANY, organ_dose("liver", None, 4, REFUSAL))},
    "one organ": {"organs": MANY[:1]},
    "all refused": {"organs": tuple(organ_dose(n, None, 4, REFUSAL) for n in ("lung", "liver"))},
    "no organ": {"organs": ()},
    "no dose index": {"ctdivol": False},
    "one slice": {"slices": 1},
    "uneven slices": {"regular": False},
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_result_gives_four_pictures_that_are_not_blank(tmp_path, kind):
    paths = write_all(tiny_analysis(**kind), tmp_path)
    assert [path.name for path in paths] == list(charts.CHARTS)
    for path in paths:
        image = pixels(path)
        assert min(image.shape[:2]) > 100
        assert max(image.shape[:2]) < 2500
        assert image.std() > 0.02


def test_a_volume_without_a_body_still_has_pictures(tmp_path):
    analysis = tiny_analysis()
    empty = replace(analysis.labelmap, labels=np.zeros_like(analysis.labelmap.labels))
    measurements = replace(analysis.measurements, histogram=analysis.measurements.histogram * 0)
    analysis = replace(analysis, labelmap=empty, measurements=measurements)
    assert len(write_all(analysis, tmp_path)) == 4


@pytest.mark.parametrize("draw", [draw_size, draw_organ_doses, draw_histogram])
def test_every_axis_of_a_chart_has_quantity_and_unit(draw):
    for axes in draw(tiny_result()).axes:
        for label in (axes.get_xlabel(), axes.get_ylabel()):
            assert not label or any(unit in label for unit in ("mm", "mA", "mGy", "ml", "HU"))


def test_intervals_in_the_picture_are_those_of_the_result():
    organ = organ_dose("lung", 10.0)
    axes = draw_organ_doses(tiny_result(organs=(organ,))).axes[0]
    ends = {tuple(line.get_segments()[0][:, 0]) for line in axes.collections[:2]}
    assert ends == {
        (organ.total_low_mGy, organ.total_high_mGy),
        (organ.model_low_mGy, organ.model_high_mGy),
    }


def test_organs_are_sorted_and_refused_ones_come_last_with_the_reason():
    organs = (organ_dose("liver", None, 4, REFUSAL), organ_dose("a", 2.0), organ_dose("b", 9.0))
    axes = draw_organ_doses(tiny_result(organs=organs)).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["b", "a", "liver"]
    assert any("too large: WED 400 mm" in text.get_text() for text in axes.texts)
    assert reason(organs[0]) == "The body is too large: WED 400 mm"


def test_doses_without_intervals_are_bars_with_the_organs_along_the_abscissa():
    """As many organs as the published networks have; no name or value covers another."""
    refused = organ_dose("thyroid_gland", None, 4, REFUSAL)
    organs = (*BARS[:3], refused, *BARS[3:])
    figure = draw_organ_doses(tiny_result(organs=organs))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == sorted((organ.dose_mGy for organ in BARS), reverse=True)
    assert [text.get_text() for text in axes.texts] == [number(height) for height in heights]
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert names[0] == BARS[-1].organ.replace("_", " ")
    assert names[-1] == "thyroid gland"
    assert axes.get_title() == "Organ doses, published networks, without intervals"
    assert axes.get_ylabel() == "Organ dose (mGy)"
    assert "thyroid gland: The body is too large: WED 400 mm" in axes.get_xlabel()
    for texts in (axes.get_xticklabels(), axes.texts):
        boxes = [text.get_window_extent() for text in texts]
        assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[n + 1 :])
    (legend,) = figure.legends
    assert not any("%" in text.get_text() for text in legend.get_texts())


def test_a_warning_that_all_doses_share_stands_once_below_the_bars():
    far = flag("published_outside_training", "mean HU on 3 of 4 slices, by up to 5.0 SD")
    organs = tuple(replace(organ, flags=(far,)) for organ in BARS[:12])
    figure = draw_organ_doses(tiny_result(organs=organs))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_xlabel().count("all doses: input is more than 3 SD") == 1
    assert not any("*" in text.get_text() for text in axes.texts)
    # Of one organ alone it is that organ's own.
    some = (organs[0], *(replace(organ, flags=()) for organ in BARS[1:12]))
    (axes,) = draw_organ_doses(tiny_result(organs=some)).axes
    assert "all doses" not in axes.get_xlabel()
    assert sum("*" in text.get_text() for text in axes.texts) == 1


def test_the_legend_of_few_bars_covers_no_part_of_a_long_title():
    organs = (*BARS[:6], *(replace(organ, route="none") for organ in BARS[6:12]))
    with rc_context(STYLE):
        figure = draw_organ_doses(tiny_result(organs=organs))
        figure.draw_without_rendering()
    (title,) = (t for t in figure.findobj(Text) if t.get_text().startswith("Organ doses"))
    (legend,) = figure.findobj(Legend)
    assert not legend.get_window_extent().overlaps(title.get_window_extent())


def test_one_interval_among_the_doses_keeps_the_rows():
    axes = draw_organ_doses(tiny_result(organs=(BARS[0], MANY[1]))).axes[0]
    assert not axes.patches
    assert "Organ dose (mGy)" in axes.get_xlabel()


def test_only_warnings_of_an_organs_own_are_marked():
    other = replace(WARNING, code="other")
    organs = [organ_dose("a", 2.0, 4, WARNING), organ_dose("b", 2.0, 4, WARNING, other)]
    assert with_own_warnings(organs) == organs[1:]


def test_a_truncated_slice_is_marked_and_only_there_a_correction_is_drawn():
    analysis = tiny_analysis()
    truncated = np.array([0.0, 0.1, 0.4, 0.0])
    wed = np.array([200.0, 190.0, 180.0, 200.0])
    corrected = np.array([200.0, 195.0, np.nan, 200.0])
    size = replace(
        analysis.size, wed_mm=wed, truncated_fraction=truncated, wed_corrected_mm=corrected
    )
    lines = {
        line.get_label().split("\n")[0]: line.get_ydata()
        for line in draw_size(Result.of(replace(analysis, size=size))).axes[0].lines
    }
    np.testing.assert_array_equal(lines["WED, as measured"], wed)
    np.testing.assert_array_equal(lines["WED, corrected"], [np.nan, 195.0, np.nan, np.nan])
    np.testing.assert_array_equal(lines["truncated"], [190.0])
    np.testing.assert_array_equal(lines["truncated too much"], [180.0])


@settings(deadline=None)
@given(
    first=st.integers(-3024, 0),
    counts=st.lists(st.integers(0, 1000), min_size=1, max_size=400),
)
def test_joining_bins_loses_no_voxel_and_keeps_each_in_its_interval(first, counts):
    hu = np.arange(first, first + len(counts))
    measurements = tiny_analysis().measurements
    histogram = np.zeros((len(measurements.names), len(counts)), np.int64)
    histogram[0] = counts
    joined = HUHistogram.of(replace(measurements, histogram_hu=hu, histogram=histogram))
    body = joined.counts["body"]
    assert sum(body) == sum(counts)
    assert (np.diff(joined.edges_hu) == BIN_HU).all()
    expected, _ = np.histogram(hu, bins=joined.edges_hu, weights=counts)
    np.testing.assert_array_equal(body, expected)


def test_without_matplotlib_the_tables_are_written_and_the_pictures_are_missed(
    tmp_path, monkeypatch
):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(DependencyError, match="Pictures need the package matplotlib"):
        write_all(tiny_analysis(), tmp_path)
    (tmp_path / "overlay.png").write_bytes(b"of an earlier run")
    progress = Collected()
    names = {path.name for path in result_folder.write_result(tiny_analysis(), tmp_path, progress)}
    assert "result.json" in names
    assert not list(tmp_path.glob("*.png"))
    assert [event["code"] for event in progress.log if event["event"] == "warning"] == [
        "no_pictures"
    ]


def test_an_overlay_that_a_thread_drew_before_is_the_one_that_is_written(tmp_path):
    analysis = tiny_analysis()
    with ThreadPoolExecutor(1) as beside:
        overlay = beside.submit(charts.overlay_png, analysis.series, analysis.labelmap)
        result_folder.write_result(analysis, tmp_path / "beside", overlay=overlay)
    write_all(analysis, tmp_path)
    drawn = (tmp_path / "beside" / "overlay.png").read_bytes()
    assert drawn == overlay.result() == (tmp_path / "overlay.png").read_bytes()
    drawn_before: Future[bytes] = Future()
    drawn_before.set_result(b"drawn before")
    result_folder.write_result(analysis, tmp_path / "before", overlay=drawn_before)
    assert (tmp_path / "before" / "overlay.png").read_bytes() == b"drawn before"


def test_pictures_leave_matplotlibs_global_state_alone(tmp_path):
    matplotlib = importlib.import_module("matplotlib")
    before = dict(matplotlib.rcParams)
    write_all(tiny_analysis(), tmp_path)
    assert dict(matplotlib.rcParams) == before
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


@pytest.mark.parametrize("columns", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_doubt_lies_in_the_picture_where_it_lies_in_the_patient(columns):
    series, labelmap = marked_scan(columns)
    values = np.where(labelmap.labels == FRONT, 255, 0).astype(np.uint8)
    values[labelmap.labels == TOP] = 40
    doubt = DoubtMap.of(values, labelmap.labels.shape, labelmap.affine)
    views = oriented(series, replace(labelmap, doubt_map=doubt))
    for k in range(len(views.labels)):
        box = (slice(1, 8), slice(0, 9))
        shown = views.doubt_at(k, *box)
        assert np.array_equal(shown == 255, views.labels[k][box] == FRONT)
        assert np.array_equal(shown == 40, views.labels[k][box] == TOP)
    rows = np.arange(9)[::-1]
    assert np.array_equal(views.doubt_at(rows, box[0], 4) == 255, views.labels[rows, 1:8, 4] == 2)


def test_much_doubt_is_hatched_and_stands_in_the_legend():
    labelmap = tiny_labelmap()
    values = np.zeros((4, 12, 16), np.uint8)
    values[:, 5:8, 7:9] = 100
    views = oriented(
        tiny_series(),
        replace(labelmap, doubt_map=DoubtMap.of(values, labelmap.labels.shape, labelmap.affine)),
    )
    fine = views.doubt.repeat(2, axis=1).repeat(2, axis=2)
    assert np.array_equal(views.doubt_at(1, slice(3, 20), slice(5, 30)), fine[1, 3:20, 5:30])
    little = DoubtMap.of(values.copy(), labelmap.labels.shape, labelmap.affine)
    values[:, 5:8, 7:9] = 200
    much = DoubtMap.of(values, labelmap.labels.shape, labelmap.affine)

    def words(doubt):
        figure = draw_overlay(tiny_series(), replace(labelmap, doubt_map=doubt))
        hatched = sum(bool(getattr(c, "hatches", None)) for a in figure.axes for c in a.collections)
        return hatched, [text.get_text() for text in figure.legends[0].get_texts()]

    plain, shown = words(little), words(much)
    assert "doubt over 50 %" not in plain[1]
    assert "doubt over 50 %" in shown[1]
    assert shown[0] > plain[0]
