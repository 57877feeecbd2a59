"""Batches of varied slices, each from a generator seeded by (seed, epoch, step, sample).

A batch is the same whichever process makes it and whatever was made before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ...segmentation.unet.images import network_input, value_scale
from ...segmentation.unet.spec import neighbours
from .augment import augment
from .case import Case
from .config import Config
from .validation import stand_ins

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


class Batches(Dataset):
    """The batches of a run, by (epoch, step).

    Parameters
    ----------
    cases
        To draw slices from.
    config
        Of the run.
    """

    def __init__(self, cases: Sequence[Case], config: Config) -> None:
        self.cases, self.config = list(cases), config
        self._drawn = _probabilities(self.cases, config)
        self._shown = [
            neighbours(c.z_mm, config.network.context, config.network.context_mm)
            for c in self.cases
        ]
        self._crop = _crop_shape(self.cases, config)

    def __getitem__(self, place: tuple[int, int]) -> Batch:
        """Input [n, channels, j, i], labels [n, j, i], classes not drawn, what stands for them."""
        config, spec = self.config, self.config.network
        inputs, labels, sources = [], [], []
        for n in range(config.training.batch):
            rng = np.random.default_rng([config.training.seed, *place, n])
            number = int(rng.choice(len(self.cases), p=self._drawn))
            case = self.cases[number]
            k = int(case.slices[rng.integers(len(case.slices))])
            slices = case.volume[self._shown[number][k]].astype(np.float32)
            slices, drawn = _cropped(slices, case.labels[k], self._crop, rng)
            if config.training.augment:
                slices, drawn = augment(slices, drawn, spec, spec.pixel_mm or 1.0, rng)
            shown = np.arange(slices.shape[0])[None]
            inputs.append(network_input(slices, shown, spec, value_scale(case.volume, spec)))
            labels.append(torch.from_numpy(drawn.astype(np.int16)))
            sources.append(config.data[case.source])
        missing, stands = stand_ins(sources, spec.classes)
        return torch.cat(inputs), torch.stack(labels), missing, stands

    def stream(self, first_epoch: int) -> Iterator[Batch]:
        """Return all batches from an epoch on, made ahead by the configuration's workers."""
        training = self.config.training
        places = [
            (e, s) for e in range(first_epoch, training.epochs) for s in range(training.steps)
        ]
        ahead: dict[str, Any] = {"prefetch_factor": 4} if training.workers else {}
        return iter(
            DataLoader(
                self,
                batch_size=None,
                sampler=places,
                num_workers=training.workers,
                pin_memory=torch.cuda.is_available(),
                **ahead,
            )
        )


def _probabilities(cases: Sequence[Case], config: Config) -> np.ndarray:
    """Return how often each case is drawn: sources by weight, inside one by number of slices."""
    slices = np.array([len(c.slices) for c in cases], float)
    totals = np.bincount([c.source for c in cases], slices, minlength=len(config.data))
    weight = np.array([config.data[c.source].weight for c in cases])
    drawn = weight * slices / totals[[c.source for c in cases]]
    return drawn / drawn.sum()


def _crop_shape(cases: Sequence[Case], config: Config) -> tuple[int, int]:
    multiple, crop = config.network.multiple, config.training.crop_px
    if crop:
        return crop, crop
    rows, columns = np.max([c.volume.shape[1:] for c in cases], axis=0)
    return int(-(-rows // multiple) * multiple), int(-(-columns // multiple) * multiple)


def _cropped(
    slices: np.ndarray, labels: np.ndarray, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return slices and labels of `shape`: filled up with air, or cut at a random place."""
    for axis, wanted in ((1, shape[0]), (2, shape[1])):
        have = slices.shape[axis]
        if have < wanted:
            low = (wanted - have) // 2
            pad = [(0, 0)] * 3
            pad[axis] = (low, wanted - have - low)
            slices = np.pad(slices, pad, constant_values=slices.min())
            labels = np.pad(labels, pad[1:])
        elif have > wanted:
            # About the middle: that is where the patient is.
            slack = have - wanted
            low = int(np.clip(rng.normal(slack / 2, slack / 4), 0, slack))
            part = slice(low, low + wanted)
            slices = slices[:, part] if axis == 1 else slices[:, :, part]
            labels = labels[part] if axis == 1 else labels[:, part]
    return slices, labels
