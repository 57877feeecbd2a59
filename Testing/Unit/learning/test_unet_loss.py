"""The loss of a training run: what counts, and what nobody drew."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.learning.unet.loss import loss  # noqa: E402


def of(logits, labels, missing=None, stands=0, **options):
    n, classes = logits.shape[:2]
    none = torch.zeros(n, classes, dtype=torch.bool)
    for name in missing or ():
        none[:, name] = True
    return float(loss(logits, labels, none, torch.full((n,), stands), **options))


def sure(labels, classes=3, scale=12.0):
    return torch.nn.functional.one_hot(labels, classes).permute(0, 3, 1, 2).float() * scale


def test_the_loss_is_small_for_the_truth_and_unknown_pixels_do_not_count():
    labels = torch.tensor([[[0, 1], [2, 0]]])
    assert of(sure(labels), labels) < 1e-3
    unknown = torch.tensor([[[0, 1], [2, 255]]])
    wrong_there = labels.clone()
    wrong_there[0, 1, 1] = 2
    assert of(sure(wrong_there), unknown) == pytest.approx(of(sure(labels), unknown), abs=1e-6)


def test_an_organ_that_is_not_in_the_slice_costs_only_where_it_is_invented():
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    invented = labels.clone()
    invented[0, 0] = 1
    assert of(sure(labels), labels) < 1e-3
    assert of(sure(invented), labels, cross_entropy=0.0) > 0.5


def test_a_class_that_nobody_drew_may_be_predicted_or_not():
    labels = torch.ones(1, 2, 2, dtype=torch.long)
    other = torch.full((1, 2, 2), 2)
    assert of(sure(other), labels) > 5
    assert of(sure(other), labels, missing=[2], stands=1, dice=0.0) < 1e-3
    assert of(sure(labels), labels, missing=[2], stands=1, dice=0.0) < 1e-3
