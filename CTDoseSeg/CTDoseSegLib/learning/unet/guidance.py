"""What a training's history and its labels say when Dice stays low, and what to try.

The limits are judgement: they decide which sentences are shown, no number depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .config import Config
from .history import History
from .metrics import UNKNOWN
from .split import SAME_SCAN, Split

GUIDANCE_FILE = "what_to_try.txt"
# Of the mean over the classes, and of each class.
GOOD_DICE, LOW_DICE = 0.8, 0.7
# Below this part of the loss at first it has fallen; within this part of itself it still falls.
FALLEN, STILL_FALLING = 0.7, 0.95
GAP = 0.15
# Fewer epochs show no course.
FEW_EPOCHS = 3
FEW_SLICES = 50
RARE = 0.25
# Two labels look exchanged where so they come so much nearer to where they usually lie, as part of
# the image's width.
EXCHANGED = 0.08


def guidance(history: History, parts: Split, config: Config) -> list[str]:
    """Return sentences about a run: how it went, and if Dice stayed low, why and what to try.

    Parameters
    ----------
    history
        Of the run; at least one epoch.
    parts
        Its cases.
    config
        Of the run.
    """
    best = history.best
    dice = None if best is None else best.validation_dice
    if best is None or dice is None:
        return ["No class could be validated: the held slices have no label."]
    known = {n: d for n, d in zip(history.classes, best.dice, strict=True) if d is not None}
    worst = min(known, key=lambda name: known[name])
    of = (
        f"mean Dice {dice:.3f}, lowest {known[worst]:.3f} ({worst}), in validation on "
        f"{history.validated_on} (epoch {best.epoch})"
    )
    exchanged = _exchanged_labels(parts, history.classes)
    if dice >= GOOD_DICE and known[worst] >= LOW_DICE:
        return [f"Good: {of}.", *exchanged]
    return [
        f"Low: {of}. With consistent labels {GOOD_DICE:g} and more is usual.",
        *_course(history, config),
        *exchanged,
        *_rare_labels(parts, history.classes),
        *_amount(parts),
    ]


def _course(history: History, config: Config) -> list[str]:
    """Return what the loss and the gap between training and validation say."""
    losses = np.array([e.loss for e in history.epochs])
    if (count := len(losses)) < FEW_EPOCHS:
        epochs = "One epoch says" if count == 1 else f"{count} epochs say"
        return [f"{epochs} nothing of how a training goes: train for more epochs."]
    quarter = max(1, len(losses) // 4)
    first, last = float(losses[0]), float(losses[-quarter:].mean())
    sentences = []
    if last > FALLEN * first:
        sentences.append(
            f"The loss hardly fell ({first:.3f} to {last:.3f}): look at first_batch.png and "
            "data_check.png whether the labels lie on their images; then train for more epochs, "
            f"or with another learning_rate than {config.training.learning_rate:g}."
        )
    elif len(losses) >= 8 and last < STILL_FALLING * losses[-2 * quarter : -quarter].mean():
        sentences.append("The loss was still falling at the end: train for more epochs.")
    end = history.epochs[-1]
    if end.training_dice is not None and end.validation_dice is not None:
        gap = end.training_dice - end.validation_dice
        if gap > GAP:
            sentences.append(
                f"Training Dice ({end.training_dice:.3f}) is much above validation Dice "
                f"({end.validation_dice:.3f}): the network learns its slices by heart, or the held "
                "ones differ. Add scans, set dropout = 0.2 to 0.5 or smaller widths under "
                "[network]."
            )
    return sentences


def _exchanged_labels(parts: Split, classes: Sequence[str]) -> list[str]:
    return [
        f"{classes[a - 1]} and {classes[b - 1]} look exchanged in slice {k} of scan {number} "
        "(counted from the feet): a label must mean the same everywhere; correct the file, or the "
        "order of the labels."
        for number, k, a, b in _exchanged(parts, classes)[:5]
    ]


def _rare_labels(parts: Split, classes: Sequence[str]) -> list[str]:
    cases = [*parts.train, *parts.held]
    slices = sum(len(c.slices) for c in cases)
    rare = []
    for n, name in enumerate(classes, start=1):
        there = sum(int((c.labels[c.slices] == n).any(axis=(1, 2)).sum()) for c in cases)
        if there < RARE * slices:
            rare.append(f"{name} ({there} of {slices})")
    if not rare:
        return []
    return [
        f"In few slices is {', '.join(rare)}: such a label is learnt late. Leave slices out in "
        "which nothing is labelled, train longer, or give it a weight (class_weights under "
        "[training])."
    ]


def _exchanged(parts: Split, classes: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Return (number of the scan, slice, label, label) where two labels look exchanged.

    In each slice the middles of two labels are compared with where these usually lie, seen from
    the middle of all labels of the slice.
    """
    places = []
    whose = []
    for case in {c.number: c for c in [*parts.train, *parts.held]}.values():
        for k, labels in enumerate(case.labels):
            whose.append((case.number, k))
            places.append(_middles(labels, len(classes)))
    middles = np.array(places)  # [slices, classes, 2]
    with np.errstate(all="ignore"):
        if np.isfinite(middles).any(axis=(0, 2)).sum() < 2:
            return []
        of_label = middles.swapaxes(0, 1)
        usual = np.array([np.nanmedian(m, 0) if np.isfinite(m).any() else m[0] for m in of_label])
    found = []
    for (number, k), one in zip(whose, middles, strict=True):
        away = np.linalg.norm(one[:, None] - usual[None], axis=2)  # [label, usual place]
        gain = np.diag(away)[:, None] + np.diag(away)[None] - away - away.T
        gain = np.nan_to_num(gain, nan=0.0)
        a, b = np.unravel_index(int(gain.argmax()), gain.shape)
        here = np.diag(away)[a] + np.diag(away)[b]
        if gain[a, b] > 2 * EXCHANGED and gain[a, b] > 0.5 * here:
            first, second = sorted((int(a), int(b)))
            found.append((number, k, first + 1, second + 1))
    return found


def _middles(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return (row, column) of each label's middle, parts of the image, from the middle of all."""
    out = np.full((classes, 2), np.nan)
    known = np.where(labels == UNKNOWN, 0, labels)
    if not known.any():
        return out
    centre = np.argwhere(known).mean(axis=0)
    for n in np.unique(known[known > 0]):
        out[n - 1] = (np.argwhere(known == n).mean(axis=0) - centre) / labels.shape
    return out


def _amount(parts: Split) -> list[str]:
    slices = sum(len(c.slices) for c in parts.train)
    if parts.validated_on == SAME_SCAN:
        return [
            f"There is one scan with {slices} slices to train on: label slices of other patients, "
            "fifty or more in all, that show the same part of the body."
        ]
    if slices < FEW_SLICES:
        return [f"{slices} slices are few to train on: label {FEW_SLICES} or more."]
    return []
