"""How well a network draws cases on the working grid: loss, Dice of each class, accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...segmentation.unet.finer import decide
from ...segmentation.unet.images import network_input, value_scale
from ...segmentation.unet.network import UNet
from ...segmentation.unet.spec import neighbours
from .case import Case
from .config import Config, DataSource
from .loss import loss
from .metrics import decided

# Slices that the network is shown at once.
BATCH = 8


class Agreement:
    """Counts of pixels, added up over pictures.

    Own, and not torchmetrics' confusion matrix: where torch is asked for deterministic results, as
    a training is, that one (1.9) makes a table of pixels x classes squared, 0.9 GB for a batch of
    eight slices and 20 classes. Judging (`metrics`), which is not, takes torchmetrics.
    """

    def __init__(self, classes: int) -> None:
        self._size = 1 + classes
        self._sums = np.zeros((3, self._size))
        self._right = self._pixels = 0

    def add(
        self,
        predicted: np.ndarray,
        truth: np.ndarray,
        skipped: Sequence[int] = (),
        stands: int = 0,
    ) -> None:
        """Add pictures of one source, of any shape; where the truth is 255, nothing counts.

        A class to skip, which nobody drew, has no Dice of its own here; and where it is predicted
        and the truth has what stands for it, the pixel may be right, and counts neither.
        """
        known = decided(predicted, truth, skipped, stands)
        pairs = truth[known].astype(np.int64) * self._size + predicted[known]
        table = np.bincount(pairs, minlength=self._size**2).reshape(self._size, self._size)
        counted = np.ones(self._size, bool)
        counted[list(skipped)] = False
        self._sums[:, counted] += np.stack([table.diagonal(), table.sum(0), table.sum(1)])[
            :, counted
        ]
        self._right += int(table.trace())
        self._pixels += int(known.sum())

    @property
    def dice(self) -> np.ndarray:
        """Dice of each class; NaN of those that are in no truth."""
        both, predicted, true = self._sums[:, 1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(true > 0, 2 * both / (predicted + true), np.nan)

    @property
    def accuracy(self) -> float:
        """Part of the pixels that have the right class, background among them."""
        return self._right / max(self._pixels, 1)


@dataclass(frozen=True)
class Validation:
    """Of one epoch: mean loss, Dice of each class (NaN: in no case) and accuracy."""

    loss: float
    dice: np.ndarray
    accuracy: float


def stand_ins(
    sources: Sequence[DataSource], classes: tuple[str, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which classes nobody drew [n, 1 + classes], and what stands for them [n]."""
    missing = torch.zeros(len(sources), 1 + len(classes), dtype=torch.bool)
    stands = torch.zeros(len(sources), dtype=torch.long)
    for n, source in enumerate(sources):
        for name in source.not_drawn:
            missing[n, 1 + classes.index(name)] = True
        if source.drawn_as:
            stands[n] = 1 + classes.index(source.drawn_as)
    return missing, stands


def validate(network: UNet, held: Sequence[Case], config: Config, device: str) -> Validation:
    """Judge a network by cases, on the working grid, without variations.

    Parameters
    ----------
    network
        In evaluation mode, on `device`.
    held
        The cases; of each the slices that count.
    config
        Of the run.
    device
        torch's name of it.
    """
    spec, training = config.network, config.training
    agreement = Agreement(len(spec.classes))
    losses, slices = 0.0, 0
    for case in held:
        shown = neighbours(case.z_mm, spec.context, spec.context_mm)
        scale = value_scale(case.volume, spec)
        source = config.data[case.source]
        missing, stands = stand_ins([source], spec.classes)
        skipped = np.flatnonzero(missing[0]).tolist()
        for start in range(0, len(case.slices), BATCH):
            some = case.slices[start : start + BATCH]
            truth = case.labels[some]
            rows, columns = truth.shape[1:]
            with torch.inference_mode():
                inputs = network_input(case.volume, shown[some], spec, scale)
                logits = network(inputs.to(device))[..., :rows, :columns].float()
                value = loss(
                    logits,
                    torch.from_numpy(truth.astype(np.int16)).to(device),
                    *(t.to(device) for t in stand_ins([source] * len(some), spec.classes)),
                    cross_entropy=training.cross_entropy,
                    dice=training.dice,
                )
            losses += float(value) * len(some)
            slices += len(some)
            agreement.add(decide(logits, spec.threshold), truth, skipped, int(stands[0]))
    return Validation(losses / max(slices, 1), agreement.dice, agreement.accuracy)
