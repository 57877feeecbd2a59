"""Variations of the images that a UNet learns from."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.learning.unet.augment import augment  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import mirrored_classes  # noqa: E402


def test_a_mirrored_body_has_its_left_on_the_other_side():
    table = mirrored_classes(("lung_left", "liver", "lung_right"))
    assert table[[0, 1, 2, 3, 255]].tolist() == [0, 3, 2, 1, 255]


def test_variations_are_the_same_for_the_same_seed_and_keep_unknown_unknown():
    from CTDoseSegLib.segmentation.unet.spec import UNetSpec

    spec = UNetSpec(classes=("body_rest", "couch", "liver"))
    rng = np.random.default_rng(1)
    slices = rng.normal(-900, 10, (3, 48, 48)).astype(np.float32)
    labels = np.zeros((48, 48), np.uint8)
    labels[10:40, 8:40], labels[20:30, 14:24] = 1, 3
    slices[:, labels > 0] = 40
    labels[12:16, 12:16] = 255
    changed = 0
    for seed in range(30):
        first = augment(slices, labels, spec, 2.5, np.random.default_rng(seed))
        again = augment(slices, labels, spec, 2.5, np.random.default_rng(seed))
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])
        assert np.isfinite(first[0]).all()
        assert set(np.unique(first[1])) <= {0, 1, 2, 3, 255}
        changed += not np.array_equal(first[1], labels)
    assert changed == 30
