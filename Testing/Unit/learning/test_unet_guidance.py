"""What a training says of itself: counts, Dice, and what to try where it is low."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from pathlib import Path  # noqa: E402

from CTDoseSegLib.learning.unet.case import Case  # noqa: E402
from CTDoseSegLib.learning.unet.config import Config, Training  # noqa: E402
from CTDoseSegLib.learning.unet.guidance import guidance  # noqa: E402
from CTDoseSegLib.learning.unet.history import Epoch, History  # noqa: E402
from CTDoseSegLib.learning.unet.split import OTHER_PATIENTS, SAME_SCAN, Split  # noqa: E402
from CTDoseSegLib.learning.unet.validation import Agreement  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import UNetSpec  # noqa: E402

CLASSES = ("left", "right")
CONFIG = Config(UNetSpec(classes=CLASSES), (), Training(), Path())


def labels(slices=60, exchanged=()):
    out = np.zeros((slices, 20, 40), np.uint8)
    out[:, 5:15, 4:12], out[:, 5:15, 28:36] = 1, 2
    for k in exchanged:
        out[k] = np.array([0, 2, 1], np.uint8)[out[k]]
    return out


def parts(drawn, validated_on=OTHER_PATIENTS):
    case = Case("scan", "p", 0, drawn.astype(np.int16), drawn, np.arange(len(drawn), dtype=float))
    return Split([case], [], validated_on)


def history(losses, dice, trained=None):
    made = History(CLASSES, OTHER_PATIENTS)
    made.epochs = [
        Epoch(n, loss, (dice, dice), 1.0, training_dice=trained or dice)
        for n, loss in enumerate(losses, start=1)
    ]
    return made


FALLING = np.linspace(2.0, 0.2, 20)


def test_a_good_run_is_called_good_and_nothing_else():
    assert guidance(history(FALLING, 0.95), parts(labels()), CONFIG) == [
        "Good: mean Dice 0.950, lowest 0.950 (left), in validation on other patients (epoch 1)."
    ]


def test_one_class_that_is_low_is_named_whatever_the_mean():
    run = history(FALLING, 0.95)
    run.epochs = [Epoch(1, 0.2, (0.99, 0.65), 1.0)]
    first = guidance(run, parts(labels()), CONFIG)[0]
    assert first.startswith("Low: mean Dice 0.820, lowest 0.650 (right)")


@pytest.mark.parametrize(
    ("run", "drawn", "words"),
    [
        (history(np.full(20, 1.9), 0.1), labels(), "hardly fell"),
        (history(FALLING, 0.5), labels(), "still falling"),
        (history(FALLING, 0.4, 0.9), labels(), "by heart"),
        (history(FALLING, 0.4), labels(12), "12 slices are few"),
    ],
)
def test_a_low_dice_gets_the_reason_that_the_history_shows(run, drawn, words):
    advice = guidance(run, parts(drawn), CONFIG)
    assert advice[0].startswith("Low: ")
    assert any(words in sentence for sentence in advice[1:])


@pytest.mark.parametrize(("losses", "words"), [([2.458], "One epoch says"), ([2, 2], "2 epochs")])
def test_so_few_epochs_say_nothing_of_the_loss(losses, words):
    advice = guidance(history(losses, 0.1, 0.9), parts(labels()), CONFIG)
    assert len(advice) == 2
    assert advice[1].startswith(words)
    assert "nothing of how a training goes" in advice[1]


def test_a_label_in_few_slices_and_one_scan_alone_are_named():
    drawn = labels()
    drawn[5:][drawn[5:] == 2] = 0
    advice = " ".join(guidance(history(FALLING, 0.4), parts(drawn, SAME_SCAN), CONFIG))
    assert "right (5 of 60)" in advice
    assert "left (" not in advice
    assert "one scan with 60 slices" in advice


def test_labels_that_changed_places_in_one_slice_are_found_even_where_dice_is_high():
    advice = guidance(history(FALLING, 0.9), parts(labels(exchanged=[17])), CONFIG)
    assert len(advice) == 2
    assert "left and right look exchanged in slice 17 of scan" in advice[1]
    moving = np.stack([np.roll(one, k // 12, axis=1) for k, one in enumerate(labels())])
    assert len(guidance(history(FALLING, 0.9), parts(moving), CONFIG)) == 1


def test_labels_that_changed_places_are_found_where_the_body_lies_elsewhere_in_the_image():
    drawn = np.zeros((60, 20, 40), np.uint8)
    drawn[:, 5:15, 4:8], drawn[:, 5:15, 12:16] = 1, 2
    drawn[17] = np.roll(np.array([0, 2, 1], np.uint8)[drawn[17]], 16, axis=1)
    advice = guidance(history(FALLING, 0.9), parts(drawn), CONFIG)
    assert len(advice) == 2
    assert "left and right look exchanged in slice 17 of scan" in advice[1]


def test_counts_give_the_dice_and_accuracy_that_torchmetrics_gives():
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score

    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 4, (2, 3, 16, 16), dtype=np.uint8)
    truth[0, :4] = 255
    counted = Agreement(3)
    for one, other in zip(found, truth, strict=True):
        counted.add(one, other)
    pair = [torch.from_numpy(a.astype(np.int64)) for a in (found, truth)]
    options = {"num_classes": 4, "ignore_index": 255}
    dice = multiclass_f1_score(*pair, average="none", **options)[1:]
    assert counted.dice == pytest.approx(dice.numpy(), abs=1e-6)
    accuracy = multiclass_accuracy(*pair, average="micro", **options)
    assert counted.accuracy == pytest.approx(float(accuracy), abs=1e-6)


def test_a_class_in_no_truth_has_no_dice_and_one_that_nobody_drew_is_not_counted():
    counted = Agreement(2)
    truth, found = np.ones((4, 4), np.uint8), np.full((4, 4), 2, np.uint8)
    counted.add(found, truth, skipped=[2])
    assert counted.dice[0] == 0.0
    assert np.isnan(counted.dice[1])


@pytest.mark.parametrize("stands", [0, 1])
def test_a_perfect_drawing_is_perfect_where_a_source_lacks_a_class_that_stands_as_another(stands):
    drawn = np.array([[0, 0, 1, 1], [0, 0, 2, 2]], np.uint8)
    undrawn = np.where(drawn == 2, stands, drawn)
    counted = Agreement(2)
    counted.add(drawn, drawn)
    counted.add(drawn, undrawn, skipped=[2], stands=stands)
    assert counted.dice.tolist() == [1.0, 1.0]
    assert counted.accuracy == 1.0
    counted.add(np.full_like(drawn, 2), np.full_like(drawn, 1 - stands), skipped=[2], stands=stands)
    assert counted.accuracy == pytest.approx(14 / 22)  # nothing there can be of the class
