"""How sure a network is: Dice from its probabilities, and agreement with itself."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")

from CTDoseSegLib.segmentation.unet.certainty import Certainty, put_back, unsure, varied  # noqa: E402
from CTDoseSegLib.segmentation.unet.finer import decide  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import UNetSpec  # noqa: E402

SPEC = UNetSpec(classes=("lung_left", "lung_right", "liver"), context=0)


def blob(sharp):
    """Logits [1, 4, 64, 64] of a liver whose edge is as sharp as the network is sure."""
    y, x = np.mgrid[:64, :64]
    inside = 14.0 - np.hypot(y - 32, x - 32)
    logits = np.full((1, 4, 64, 64), -12.0, np.float32)
    logits[0, 0], logits[0, 3] = 0.0, sharp * inside
    return torch.from_numpy(logits)


@pytest.mark.parametrize("sharp", [0.2, 0.5, 3.0])
def test_the_expected_dice_is_that_of_truths_drawn_from_the_probabilities(sharp):
    logits = blob(sharp)
    labels = decide(logits, 0.5)
    certainty = Certainty.empty(1, 3)
    certainty.add(0, logits, labels)
    expected = certainty.expected_dice()
    assert np.isnan(expected[:2]).all()
    p = torch.softmax(logits, dim=1)[0, 3].numpy()
    rng = np.random.default_rng(5)
    drawn = labels[0] == 3
    dice = []
    for _ in range(200):
        truth = rng.random(p.shape) < p
        dice.append(2 * (drawn & truth).sum() / (drawn.sum() + truth.sum()))
    assert expected[2] == pytest.approx(np.mean(dice), abs=0.01)


def test_a_network_that_is_less_sure_lets_expect_less():
    def expected(sharp):
        certainty = Certainty.empty(1, 3)
        certainty.add(0, blob(sharp), decide(blob(sharp), 0.5))
        return certainty.expected_dice()[2]

    assert expected(3.0) > 0.95
    assert expected(0.2) < 0.8


def test_labels_of_a_varied_slice_come_back_to_where_they_were():
    labels = np.zeros((20, 24), np.uint8)
    labels[6:10, 4:8], labels[6:10, 14:20], labels[12:15, 4:9] = 2, 1, 3
    slices = varied(1000.0 * labels[None], np.random.default_rng(1))
    assert not np.array_equal(slices[0], np.roll(1000.0 * labels, (3, -2), (0, 1)))  # noisier
    assert np.array_equal(put_back(np.rint(slices[0] / 1000.0).astype(np.uint8)), labels)


def test_agreement_counts_only_slices_that_were_shown_again():
    certainty = Certainty.empty(2, 3)
    one = np.zeros((8, 8), np.uint8)
    one[2:6, 2:6] = 3
    logits = torch.nn.functional.one_hot(torch.from_numpy(one).long(), 4).permute(2, 0, 1)
    certainty.add(0, 20.0 * logits.float()[None].repeat(2, 1, 1, 1), np.stack([one, one]))
    moved = np.roll(one, 2, axis=1)
    certainty.add_again(1, one, moved)
    assert certainty.agreement()[2] == pytest.approx(0.5)
    assert certainty.expected_dice()[2] == pytest.approx(1.0, abs=1e-6)


def test_an_organ_that_is_drawn_anew_elsewhere_is_flagged_at_its_place():
    certainty = Certainty.empty(1, 3)
    one = np.zeros((16, 16), np.uint8)
    one[2:8, 2:8], one[10:14, 2:14] = 3, 1
    logits = torch.nn.functional.one_hot(torch.from_numpy(one).long(), 4).permute(2, 0, 1)
    certainty.add(0, 20.0 * logits.float()[None], one[None])
    other = one.copy()
    other[2:4, 2:8] = 0
    certainty.add_again(0, one, other)
    (flag,) = unsure(certainty, SPEC, SPEC.classes)
    assert (flag.code, flag.place) == ("organ_unsure", "organ liver")
    assert flag.detail == "agreement with itself 0.800, sure from 0.96 on"
    assert unsure(certainty, SPEC, ("body_rest",)) == ()


def test_the_least_sure_organ_comes_first_and_one_that_is_only_drawn_again_is_known():
    certainty = Certainty.empty(1, 3)
    one = np.zeros((16, 16), np.uint8)
    one[2:8, 2:8] = 3
    logits = torch.nn.functional.one_hot(torch.from_numpy(one).long(), 4).permute(2, 0, 1)
    certainty.add(0, 20.0 * logits.float()[None], one[None])
    other = one.copy()
    other[2:4, 2:8], other[12, 12] = 0, 2
    certainty.add_again(0, one, other)
    flags = unsure(certainty, SPEC, SPEC.classes)
    assert [flag.place for flag in flags] == [f"organ {SPEC.classes[1]}", "organ liver"]
    assert certainty.doubt(SPEC.classes, pixel_mm2=4.0).atoms[SPEC.classes[1]].agreement == 0.0


def test_what_label_maps_keep_of_it_is_areas_by_slice():
    certainty = Certainty.empty(3, 3)
    logits = torch.cat([blob(0.2)] * 3)
    labels = decide(logits, 0.5)
    certainty.add(0, logits, labels)
    certainty.add_again(0, labels[0], labels[0])
    certainty.add_again(2, labels[2], np.zeros_like(labels[2]))
    doubt = certainty.doubt(SPEC.classes, pixel_mm2=4.0)
    assert list(doubt.atoms) == ["liver"]
    liver = doubt.atoms["liver"]
    p = torch.softmax(logits, dim=1)[0, 3].numpy()
    drawn, less, more = (labels[0] == 3).sum(), (p > 0.75).sum(), (p > 0.25).sum()
    assert less < drawn < more
    assert liver.less_mm2.tolist() == [4.0 * (less - drawn)] * 3
    assert liver.more_mm2.tolist() == [4.0 * (more - drawn)] * 3
    assert liver.agreement == pytest.approx(2 / 3)
    # The slice between two that were shown again has half of their change.
    assert liver.again_mm2.tolist() == [0.0, -2.0 * drawn, -4.0 * drawn]


def test_doubt_is_what_is_left_of_the_probability_of_what_is_drawn():
    logits = blob(0.5)
    labels = decide(logits, 0.5)
    doubt = Certainty.empty(1, 3).add(0, logits, labels)
    p = torch.softmax(logits, dim=1)[0].numpy()
    own = np.take_along_axis(p, labels.astype(int), axis=0)[0]
    assert doubt[0] == pytest.approx(255 * (1 - own), abs=0.75)
    assert doubt.max() > 100
    assert doubt[0, 0, 0] == 0


def test_a_higher_temperature_doubts_more_and_draws_the_same():
    logits = blob(0.5)
    labels = decide(logits, 0.5)
    cold = Certainty.empty(1, 3).add(0, logits, labels).astype(int)
    warm = Certainty.empty(1, 3).add(0, logits, labels, 2.0).astype(int)
    by_hand = Certainty.empty(1, 3).add(0, logits / 2.0, labels).astype(int)
    assert (warm >= cold).all()
    assert (warm > cold + 20).any()
    assert np.array_equal(warm, by_hand)
