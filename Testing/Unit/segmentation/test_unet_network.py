"""The UNet: its form, its files, and that no label moves to the working grid and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries, SliceInfo  # noqa: E402
from CTDoseSegLib.errors import ModelError, SegmentationError  # noqa: E402
from CTDoseSegLib.segmentation.engines import Automatic  # noqa: E402
from CTDoseSegLib.segmentation.unet.engine import UNetEngine, _withhold, predict  # noqa: E402
from CTDoseSegLib.segmentation.unet.finer import decide  # noqa: E402
from CTDoseSegLib.segmentation.unet.images import working_volume  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import (  # noqa: E402
    UNet,
    for_inference,
    load_unet,
    sha256,
    weights_bytes,
)
from CTDoseSegLib.segmentation.unet.spec import (  # noqa: E402
    CARD_FILE,
    SPEC_FILE,
    WEIGHTS_FILE,
    UNetSpec,
    neighbours,
)
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

TINY = UNetSpec(classes=("bone",), widths=(4, 8), context=0, pixel_mm=0.0)


class Threshold(torch.nn.Module):
    """Stands in for a trained network: the label where the wide window says more than `hu`."""

    def __init__(self, hu: float) -> None:
        super().__init__()
        self.level = hu / 1000.0

    def forward(self, x):
        middle = x[:, x.shape[1] // 2 - (x.shape[1] % 2 == 0)][:, None]
        return torch.cat((torch.zeros_like(middle), (middle - self.level) * 50.0), dim=1)


def series(hu: np.ndarray, affine: np.ndarray) -> CTSeries:
    z = [float((affine @ (0, 0, k, 1))[2]) for k in range(len(hu))]
    return CTSeries(hu, affine, tuple(SliceInfo(v) for v in z), Acquisition(), "test")


def block(shape=(6, 40, 48)) -> np.ndarray:
    """Air with a block that is off the middle in every direction."""
    hu = np.full(shape, -1000, np.int16)
    hu[1:4, 8:20, 30:44] = 900
    return hu


def write(folder, spec=TINY, seed=0):
    torch.manual_seed(seed)
    content = weights_bytes(UNet(spec))
    folder.mkdir(exist_ok=True)
    (folder / WEIGHTS_FILE).write_bytes(content)
    (folder / SPEC_FILE).write_text(spec.to_json())
    (folder / CARD_FILE).write_text(f"---\nsha256: {sha256(content)}\n---\n")
    return folder


@pytest.mark.parametrize("widths", [(16, 32, 64, 128), (64, 128, 256, 512, 1024)])
def test_both_networks_that_users_know_can_be_expressed(widths):
    network = UNet(UNetSpec(classes=("lung",), widths=widths, context=0, windows=((0, 1),)))
    x = torch.zeros(1, 1, 32, 32)
    assert network(x).shape == (1, 2, 32, 32)


def test_folding_the_normalisation_changes_no_result():
    torch.manual_seed(1)
    network = UNet(replace(TINY, widths=(4, 8, 16)))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -1, 1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    x = torch.randn(2, 2, 32, 32)
    with torch.inference_mode():
        before = network.eval()(x)
        after = for_inference(network)(x)
    assert torch.allclose(before, after, atol=1e-4)


@pytest.mark.parametrize("pixel_mm", [0.0, 2.0, 3.7])
@pytest.mark.parametrize(
    "columns",
    [
        np.diag([-1.0, -1.0, 5.0]),
        np.diag([1.0, 1.0, 5.0]),
        np.diag([-1.0, -1.4, -5.0]),
        np.diag([-0.7, 1.0, -5.0]),
        np.array([[0, 0, 5.0], [0, -1.0, 0], [-1.0, 0, 0]]),
    ],
    ids=["usual", "turned", "feet first, tall pixels", "wide pixels", "sagittal"],
)
def test_a_label_lies_where_the_image_has_it_whatever_the_orientation(columns, pixel_mm):
    affine = np.eye(4)
    affine[:3, :3] = columns
    hu = block()
    spec = replace(TINY, pixel_mm=pixel_mm, least_ml=0.0)
    labels = predict(Threshold(-50.0), spec, series(hu, affine))
    wrong = (labels == 1) != (hu > 0)
    if pixel_mm == 0.0:
        assert not wrong.any()
    else:
        # Off by no more than the pixels of the surface, and by nothing in the middle.
        for axis in range(3):
            expected, drawn = (
                np.where((m).any(axis=tuple({0, 1, 2} - {axis})))[0] for m in (hu > 0, labels == 1)
            )
            assert abs(expected.mean() - drawn.mean()) <= 0.75
        assert 2 * ((labels == 1) & (hu > 0)).sum() / ((labels == 1).sum() + (hu > 0).sum()) > 0.85


def test_a_threshold_below_a_half_gives_more():
    logits = torch.tensor([0.0, -0.4]).reshape(1, 2, 1, 1)
    assert decide(logits, 0.5)[0, 0, 0] == 0
    assert decide(logits, 0.3)[0, 0, 0] == 1


def test_several_unsure_labels_together_are_something():
    logits = torch.tensor([0.5, 0.3, 0.4]).reshape(1, 3, 1, 1)
    assert decide(logits, 0.5)[0, 0, 0] == 2


@pytest.mark.parametrize("classes", [1, 2, 9])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_labels_are_decided_by_the_sum_of_their_probabilities(classes, threshold):
    logits = 2 * torch.randn((2, classes + 1, 50, 50), generator=torch.Generator().manual_seed(1))
    p = logits.softmax(dim=1)
    wanted = (p[:, 1:].sum(dim=1) > threshold) * (1 + p[:, 1:].argmax(dim=1))
    assert (decide(logits, threshold) == wanted.numpy()).all()


def test_small_islands_go_and_the_largest_piece_of_a_single_organ_stays():
    hu = block()
    hu[5, 2, 2] = 900
    hu[5, 30:33, 4:7] = 900
    affine = np.diag([-1.0, -1.0, 5.0, 1.0])
    labels = predict(Threshold(-50.0), replace(TINY, least_ml=0.02), series(hu, affine))
    assert labels[5, 2, 2] == 0
    assert labels[5, 31, 5] == 1
    one = predict(Threshold(-50.0), replace(TINY, single=("bone",)), series(hu, affine))
    assert one[5, 31, 5] == 0
    assert one[2, 10, 35] == 1


def test_neighbours_are_taken_by_distance_and_repeated_at_the_ends():
    z = np.arange(10.0) * 2.0
    indices = neighbours(z, 1, 4.0)
    assert indices[4].tolist() == [2, 4, 6]
    assert indices[0].tolist() == [0, 0, 2]
    assert neighbours(z[::-1], 1, 4.0)[4].tolist() == [2, 4, 6]
    assert neighbours(np.array([3.0]), 2, 5.0).tolist() == [[0, 0, 0, 0, 0]]


def test_padding_is_air_before_pixels_are_averaged():
    hu = np.full((1, 8, 8), -3024, np.int16)
    hu[0, :, :4] = 0
    small = working_volume(hu, (1.0, 1.0), replace(TINY, pixel_mm=2.0))
    assert small.min() >= -1024


@pytest.mark.parametrize(
    ("width", "expected"),
    # Pixels of 2 mm make a square of 120 mm 60 pixels wide; a disc of its area is 1.13 times so.
    [(120, (113, 113)), (60, (226, 226)), (240, (113, 113)), (20, (256, 256)), (0, (113, 113))],
)
def test_small_bodies_are_shown_on_finer_pixels(width, expected):
    hu = np.full((4, 256, 256), -1000, np.int16)
    side = round(width / 0.8828)
    hu[:, 100 : 100 + side, 20 : 20 + side] = 40
    small = working_volume(hu, (0.8828, 0.8828), replace(TINY, pixel_mm=2.0, across=68))
    assert small.shape[1:] == pytest.approx(expected, abs=3)


def test_a_network_comes_back_from_its_files(tmp_path):
    network, spec, digest = load_unet(write(tmp_path / "net"))
    assert spec == TINY
    assert len(digest) == 64
    assert sum(p.numel() for p in network.parameters()) > 0


@pytest.mark.parametrize(
    "damage", ["missing", "changed", "truncated", "other card", "other network", "newer", "no spec"]
)
def test_damaged_files_are_refused_with_a_sentence(tmp_path, damage):
    folder = write(tmp_path / "net")
    if damage == "missing":
        (folder / SPEC_FILE).unlink()
    elif damage == "changed":
        content = bytearray((folder / WEIGHTS_FILE).read_bytes())
        content[-1] ^= 1
        (folder / WEIGHTS_FILE).write_bytes(content)
    elif damage == "truncated":  # and the card written anew for what is left
        content = (folder / WEIGHTS_FILE).read_bytes()[:-100]
        (folder / WEIGHTS_FILE).write_bytes(content)
        (folder / CARD_FILE).write_text(f"---\nsha256: {sha256(content)}\n---\n")
    elif damage == "no spec":
        (folder / SPEC_FILE).write_text('["schema_version", 1]')
    elif damage == "other card":
        (folder / CARD_FILE).write_text("no hash")
    elif damage == "other network":
        (folder / SPEC_FILE).write_text(replace(TINY, widths=(8, 16)).to_json())
    else:
        text = (folder / SPEC_FILE).read_text()
        (folder / SPEC_FILE).write_text(text.replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.raises(ModelError, match=r"\.$"):
        load_unet(folder)


def test_auto_goes_on_without_weights_that_are_damaged_and_says_so(tmp_path, monkeypatch):
    folder = write(tmp_path / "net")
    (folder / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes()[:-100])
    for module in ("engine", "network"):
        name = f"CTDoseSegLib.segmentation.unet.{module}.bundled_folder"
        monkeypatch.setattr(name, lambda: folder)
    scan = series(np.minimum(block(), 40), np.diag([-8.0, -8.0, 8.0, 1.0]))
    made = Automatic("it is not installed").segment(scan, Progress())
    (without,) = [one for one in made.flags if one.code == "no_network"]
    assert made.engine == "classical"
    assert "is not the file that its model_card.md describes" in without.detail


def test_the_engine_reports_why_it_cannot_run(tmp_path):
    able, reason = UNetEngine(tmp_path).available()
    assert not able
    assert WEIGHTS_FILE in reason
    with pytest.raises(ModelError, match="cannot be used"):
        UNetEngine(tmp_path).segment(series(block(), np.eye(4)), Progress())


def test_a_network_that_finds_no_body_is_an_error_and_no_empty_result(tmp_path):
    folder = write(tmp_path / "net", replace(TINY, classes=("body_rest",)))
    with pytest.raises(SegmentationError, match="no body"):
        UNetEngine(folder).segment(
            series(np.full((2, 16, 16), -1000, np.int16), np.eye(4)), Progress()
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": ()},
        {"classes": ("a", "a")},
        {"widths": (4,)},
        {"threshold": 1.0},
        {"windows": ((5.0, 5.0),)},
        {"single": ("b",)},
    ],
)
def test_an_impossible_network_is_refused(wrong):
    with pytest.raises(ModelError, match="not a possible UNet"):
        UNetSpec(**{"classes": ("a",), **wrong})


@pytest.mark.slow
def test_a_network_that_knows_no_body_gets_one_beneath_its_organs(tmp_path, monkeypatch):
    from CTDoseSegLib.measurement.measurements import measure
    from CTDoseSegLib.measurement.size import measure_size
    from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
    from CTDoseSegLib.segmentation import segmenting
    from CTDoseSegLib.segmentation.unet import network

    phantom = Phantom(seed=1, shape=(96, 96, 6), spacing_mm=(4.5, 4.5, 40.0))
    ct, truth = phantom_series(phantom)
    # Bone where HU is high: the weights alone are a stand-in.
    monkeypatch.setattr(network, "load_unet", lambda _: (Threshold(250.0), TINY, "0" * 64))
    monkeypatch.setattr(network, "for_inference", lambda made, _device: made)
    labelmap = segmenting.segment(ct, "unet", unet=write(tmp_path / "unet"))
    names = {atom.name for atom in labelmap.atoms}
    assert {"bone", "body_rest", "skin"} <= names
    size = measure_size(ct, labelmap, measure(ct, labelmap))
    # Bone alone would be a body of some 100 mm.
    assert size.wed_mm == pytest.approx(truth.wed_mm, rel=0.02)


class TwoDensities(torch.nn.Module):
    """Stands in for a trained network: body above -500 HU, bone above 300 HU, else nothing."""

    def forward(self, x):
        middle = x[:, x.shape[1] // 2 - (x.shape[1] % 2 == 0)][:, None]
        return torch.cat((middle * 0, (middle + 0.5) * 50, (middle - 0.3) * 150), dim=1)


def test_a_class_that_is_withheld_becomes_the_rest_of_the_body():
    hu = block()
    hu[2, 10:14, 32:36] = 200
    scan = series(hu, np.diag([-1.0, -1.0, 2.0, 1.0]))
    spec = replace(TINY, classes=("body_rest", "bone"), windows=((-1000.0, 1000.0),), least_ml=0.0)
    shown = predict(TwoDensities(), spec, scan)
    withheld = predict(TwoDensities(), replace(spec, withheld=("bone",)), scan)
    assert (shown == 2).sum() > 100
    assert np.array_equal(withheld, np.where(shown == 2, 1, shown))


def test_what_is_on_no_working_pixel_is_not_drawn():
    labels, coarse = np.ones((1, 4, 4), np.uint8), np.ones((1, 2, 2), np.uint8)
    labels[0, 2, 2] = 2
    _withhold(labels, coarse, replace(TINY, classes=("body_rest", "bone")))
    assert (labels == 1).all()


def test_a_network_that_shows_nothing_is_refused():
    with pytest.raises(ModelError, match="are not some classes"):
        replace(TINY, withheld=("bone",))
