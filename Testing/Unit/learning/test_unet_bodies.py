"""Bodies as training cases, and contrast agent painted into labelled organs."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")

from CTDoseSegLib.learning.unet import bodies  # noqa: E402
from CTDoseSegLib.learning.unet.augment import _contrast  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import UNetSpec  # noqa: E402

CLASSES = ("body_rest", "couch", "bone", "heart", "aorta", "vessels", "brain", "liver")


@pytest.mark.slow
def test_a_body_has_its_organs_where_its_image_shows_them(monkeypatch):
    monkeypatch.setattr(bodies, "_PIXELS", 64)
    monkeypatch.setattr(bodies, "_SLICE_MM", (24.0, 25.0))
    monkeypatch.setattr(bodies, "_REGIONS", {"trunk": 1.0})
    monkeypatch.setattr(bodies, "_PHASES", {"arterial": 1.0})
    series, labels = bodies.training_body(1003, CLASSES)
    assert labels.shape == series.hu.shape
    median = {
        name: np.median(series.hu[labels == n])
        for n, name in enumerate(CLASSES, start=1)
        if (labels == n).any()
    }
    assert median.keys() == set(CLASSES) - {"brain"}
    assert median["aorta"] > 150
    assert median["heart"] > median["liver"] > 0


@pytest.mark.slow
def test_all_bones_of_a_body_are_bone(monkeypatch):
    monkeypatch.setattr(bodies, "_PIXELS", 96)
    monkeypatch.setattr(bodies, "_SLICE_MM", (12.0, 13.0))
    monkeypatch.setattr(bodies, "_REGIONS", {"head_neck": 1.0})
    series, labels = bodies.training_body(1000, CLASSES)
    within = np.isin(labels, [CLASSES.index(name) + 1 for name in ("bone", "body_rest")])
    dense = within & (series.hu > 600)
    # A skull is an organ in two parts, cortex and spongiosa; both are bone. The rest is pixels on
    # its edge.
    assert dense.sum() > 500
    assert (labels[dense] == CLASSES.index("bone") + 1).mean() > 0.88


def contrast(seed, hu):
    """A slice of 60 HU, in it one block of bone and one of aorta, with contrast by a seed."""
    spec = UNetSpec(classes=("body_rest", "bone", "aorta"), context=0)
    labels = np.ones((32, 32), np.uint8)
    labels[4:12, 4:12], labels[20:28, 20:28] = 2, 3
    slices = np.full((1, 32, 32), 60.0, np.float32)
    slices[0, labels == 2], slices[0, labels == 3] = 500.0, hu
    made = _contrast(slices, labels, spec, np.random.default_rng(seed))
    return made[0, labels == 2], made[0, labels == 3]


def test_contrast_agent_fills_blood_and_never_bone():
    aorta = []
    for seed in range(40):
        bone, blood = contrast(seed, 40.0)
        assert (bone == 500.0).all()
        aorta.append(blood.mean())
    assert max(aorta) > 200
    assert min(aorta) == 40.0


def test_contrast_agent_is_taken_away_now_and_then():
    means = [contrast(seed, 300.0)[1].mean() for seed in range(60)]
    assert min(means) < 70
    assert max(means) > 300
