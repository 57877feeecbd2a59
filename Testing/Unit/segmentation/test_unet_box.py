"""A network is not shown the air beside the patient, and the labels are those of whole slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries, SliceInfo  # noqa: E402
from CTDoseSegLib.errors import Cancelled  # noqa: E402
from CTDoseSegLib.segmentation.unet import engine  # noqa: E402
from CTDoseSegLib.segmentation.unet.box import MARGIN_MM, dense_box  # noqa: E402
from CTDoseSegLib.segmentation.unet.engine import predict, remove_islands  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import UNet, for_inference  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import UNetSpec  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

SPEC = UNetSpec(classes=("body_rest", "bone"), widths=(4, 8, 8, 8), context=1, pixel_mm=2.0)
WHOLE = (slice(0, 100), slice(0, 120))


def small(*blocks) -> np.ndarray:
    hu = np.full((3, 100, 120), -1000, np.int16)
    for k, block in enumerate(blocks):
        hu[(k % 3, *block)] = 40
    return hu


def test_what_is_denser_than_air_in_any_slice_is_shown_with_a_margin():
    rows, columns = dense_box(small(np.s_[40:50, 60:70], np.s_[44:60, 50:65]), SPEC)
    margin = MARGIN_MM / SPEC.pixel_mm
    assert rows.start <= 40 - margin
    assert rows.stop >= 60 + margin
    assert columns.start <= 50 - margin
    assert columns.stop >= 70 + margin
    for lines, dense in ((rows, 20), (columns, 20)):
        assert lines.stop - lines.start < dense + 2 * margin + 2 * SPEC.multiple


def test_a_box_begins_where_the_network_pools_as_in_the_whole_slice():
    for first in range(30, 40):
        rows, columns = dense_box(small(np.s_[first : first + 8, first : first + 8]), SPEC)
        assert rows.start % SPEC.multiple == columns.start % SPEC.multiple == 0


@pytest.mark.parametrize(
    ("block", "spec"),
    [
        (np.s_[0:100, 0:120], SPEC),
        (np.s_[0:0, 0:0], SPEC),
        (np.s_[40:50, 60:70], replace(SPEC, windows=())),
        (np.s_[40:50, 60:70], replace(SPEC, pixel_mm=0.0)),
    ],
    ids=["full", "nothing but air", "MR", "own pixels"],
)
def test_other_slices_are_shown_whole(block, spec):
    assert dense_box(small(block), spec) == WHOLE


def series(hu: np.ndarray) -> CTSeries:
    slices = tuple(SliceInfo(z_mm=5.0 * k) for k in range(len(hu)))
    return CTSeries(hu, np.diag([-1.0, -1.0, 5.0, 1.0]), slices, Acquisition(), "test")


class Levels(torch.nn.Module):
    """Body above -300 HU and bone above 300 HU, each pixel by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x):
        self.shapes.append(tuple(x.shape[2:]))
        wide = x[:, 1:2]
        return torch.cat((torch.zeros_like(wide), 40 * (wide + 0.3), 80 * (wide - 0.1)), dim=1)


def scan(columns=(100, 190)) -> np.ndarray:
    hu = np.full((7, 260, 300), -1000, np.int16)
    y, x = np.mgrid[:260, :300]
    for k in range(7):
        hu[k, np.hypot(y - 90 - 4 * k, x - np.mean(columns)) < np.ptp(columns) / 2] = 30
        hu[k, 100:110, columns[0] + 40 : columns[0] + 50] = 900
    return hu


@pytest.mark.parametrize("columns", [(100, 190), (-20, 70)], ids=["inside", "cut by the image"])
def test_labels_are_those_of_the_whole_slices(columns, monkeypatch):
    hu, shown = scan(columns), Levels()
    labels = predict(shown, SPEC, series(hu))
    monkeypatch.setattr(engine, "dense_box", lambda *_: (slice(0, 130), slice(0, 150)))
    whole = Levels()
    assert np.array_equal(labels, predict(whole, SPEC, series(hu)))
    assert set(np.unique(labels)) == {0, 1, 2}
    assert np.prod(shown.shapes[0]) < 0.6 * np.prod(whole.shapes[0])


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_batches_in_threads_make_the_labels_of_one_thread(two_threads):
    torch.manual_seed(2)
    network = for_inference(UNet(SPEC))
    certain: list = []
    labels = predict(network, SPEC, series(scan()), certainty=certain)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert np.array_equal(labels, predict(network, SPEC, series(scan()), certainty=certain))
    for name in ("drawn", "sure", "probable", "again", "both"):
        assert np.allclose(*(getattr(one, name) for one in certain))


def test_a_cancelled_network_leaves_torch_its_threads(two_threads):
    class Impatient(Progress):
        def emit(self, kind, /, **fields):
            if fields.get("fraction", 0) > 0.1:
                self.cancel()

    with pytest.raises(Cancelled):
        predict(Levels(), SPEC, series(np.repeat(scan(), 6, axis=0)), Impatient())
    assert torch.get_num_threads() == 2


def test_an_island_that_becomes_the_rest_is_judged_as_the_rest_wherever_it_lies():
    spec = UNetSpec(classes=("liver", "body_rest"), least_ml=20.0, pixel_mm=2.0)
    coarse = np.zeros((4, 30, 30), np.uint8)
    coarse[:, 2:10, 2:10], coarse[1:3, 4:6, 4:6] = 2, 1
    coarse[1:3, 25:28, 25:28] = 1  # far from the rest of the body
    labels = coarse.repeat(2, axis=1).repeat(2, axis=2)
    remove_islands(labels, coarse, spec, pixel_ml=0.1)
    expected = np.zeros_like(coarse)
    expected[:, 2:10, 2:10] = 2
    assert np.array_equal(coarse, expected)
    assert np.array_equal(labels, expected.repeat(2, axis=1).repeat(2, axis=2))
