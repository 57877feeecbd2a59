"""The temperature of a network: over 1 for one that is too sure, and its doubt is right then."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries, SliceInfo  # noqa: E402
from CTDoseSegLib.learning.unet.calibration import (  # noqa: E402
    Pixels,
    Reliability,
    fit_temperature,
    judged_pixels,
)
from CTDoseSegLib.segmentation.unet.spec import UNetSpec  # noqa: E402


def pixels(too_sure, count=40_000, seed=1):
    """Truth drawn from probabilities whose logits the network states `too_sure` times as large."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 4))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (p.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    stated = (too_sure * logits).astype(np.float32)
    return Pixels(stated, stated.argmax(axis=1), truth)


@pytest.mark.parametrize("too_sure", [0.5, 1.0, 2.5])
def test_the_temperature_is_how_many_times_too_sure_the_network_is(too_sure):
    assert fit_temperature(pixels(too_sure)) == pytest.approx(too_sure, rel=0.05)


def test_after_calibration_as_many_pixels_are_right_as_stated():
    sure = pixels(2.5)
    before, after = Reliability.of(sure), Reliability.of(sure, fit_temperature(sure))
    assert before.error > 0.1
    assert after.error < 0.01
    assert before.count.sum() == after.count.sum() == 40_000
    filled = after.count > 2000
    assert after.right[filled] == pytest.approx(after.confidence[filled], abs=0.03)


def test_pixels_are_judged_where_they_lie_and_what_is_unknown_is_left_out():
    class DenseIsBody(torch.nn.Module):
        def forward(self, x):
            body = torch.where(x > -0.5, 3.0, -3.0)
            return torch.cat((torch.zeros_like(body), body), dim=1)

    hu = np.full((6, 32, 32), -1000, np.int16)
    labels = np.zeros(hu.shape, np.uint8)
    hu[1:3, 4:12, 20:28] = 0
    labels[1:3, 4:12, 20:28] = 1
    labels[2] = 255
    # Slices run head to foot, rows to the front and columns to the right.
    affine = np.diag([2.0, 2.0, -5.0, 1.0])
    slices = tuple(SliceInfo(z_mm=-5.0 * k) for k in range(6))
    series = CTSeries(hu, affine, slices, Acquisition(), "")
    spec = UNetSpec(classes=("body_rest",), context=0, pixel_mm=4.0, windows=((-1000.0, 1000.0),))
    rng = np.random.default_rng(0)
    judged = judged_pixels(DenseIsBody(), spec, series, labels, rng)
    assert len(judged.truth) == 5 * 16 * 16
    assert (judged.truth == 1).sum() == 4 * 4
    assert (judged.drawn == judged.truth).all()
