"""Whether a network's probabilities are right, and the temperature that makes them so.

A network that calls 100 pixels liver with 80 % each should be right in 80 of them. One that is too
sure of itself is mended by dividing its logits by a number over 1 before they become probabilities
(Guo et al. 2017, arXiv 1706.04599): its labels stay, its doubt is right on average.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ...ct.series import CTSeries
from ...segmentation.unet.certainty import SURELY_NOTHING
from ...segmentation.unet.engine import BATCH
from ...segmentation.unet.finer import decide
from ...segmentation.unet.images import network_input, value_scale, working_volume
from ...segmentation.unet.spec import UNetSpec, neighbours
from ...segmentation.unet.surfaces import nearest_pixels
from ...segmentation.working_grid import Canonical
from .metrics import UNKNOWN

if TYPE_CHECKING:
    import torch

BINS = 10
# Beyond these a temperature is not fitted: no network is that wrong.
LIMITS = (0.2, 10.0)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Pixels:
    """Pixels of the working grid with their truth.

    Attributes
    ----------
    logits
        float32 [n, 1 + classes].
    drawn, truth
        Labels by the network and in truth, [n].
    """

    logits: np.ndarray
    drawn: np.ndarray
    truth: np.ndarray

    @classmethod
    def joined(cls, parts: list[Pixels]) -> Pixels:
        """Return all pixels of several scans."""
        names = ("logits", "drawn", "truth")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def confidence(self, temperature: float = 1.0) -> np.ndarray:
        """Return the probability of what is drawn, [n]."""
        p = np.exp(log_softmax(self.logits / temperature, axis=1))
        return np.take_along_axis(p, self.drawn[:, None], axis=1)[:, 0]


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often the network is right where it is as sure as this, by bins of its probability.

    Attributes
    ----------
    count
        Pixels of each bin.
    confidence, right
        Mean probability of what is drawn, and share of pixels that are drawn rightly; NaN where
        the bin is empty.
    """

    count: np.ndarray
    confidence: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, pixels: Pixels, temperature: float = 1.0) -> Reliability:
        """Count pixels in ten bins of equal width."""
        confidence = pixels.confidence(temperature)
        which = np.minimum((confidence * BINS).astype(int), BINS - 1)
        count = np.bincount(which, minlength=BINS)
        right = np.bincount(which, pixels.drawn == pixels.truth, BINS)
        with np.errstate(invalid="ignore"):
            return cls(count, np.bincount(which, confidence, BINS) / count, right / count)

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of probability and share over all pixels."""
        apart = np.nan_to_num(np.abs(self.confidence - self.right))
        return float(apart @ self.count / self.count.sum())


def fit_temperature(pixels: Pixels) -> float:
    """Return the temperature at which the truth is most likely."""
    index = pixels.truth[:, None].astype(np.int64)

    def surprise(log_temperature: float) -> float:
        log_p = log_softmax(pixels.logits / np.float32(np.exp(log_temperature)), axis=1)
        return -float(np.take_along_axis(log_p, index, axis=1).mean(dtype=np.float64))

    low, high = np.log(LIMITS)
    best = minimize_scalar(surprise, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(best.x))


def judged_pixels(
    network: torch.nn.Module,
    spec: UNetSpec,
    series: CTSeries,
    labels: np.ndarray,
    rng: np.random.Generator,
    device: str = "cpu",
    at_most: int = 100_000,
) -> Pixels:
    """Run a network on a labelled scan; return pixels that are not surely nothing, drawn at random.

    Parameters
    ----------
    network, spec
        From `network.for_inference`, on `device`.
    series
        The CT.
    labels
        True ones, uint8 [k, j, i], 255 where they are not known.
    rng
        Chooses the pixels.
    at_most
        How many.
    """
    view = Canonical.of(series)
    true = np.flip(labels.transpose(view.permutation), view.reversed_axes)
    parts = []
    for k, logits in _logits(network, spec, view, series.z_mm, device):
        drawn = decide(logits[None], spec.threshold)[0]
        lead = (logits[1:].max(dim=0).values - logits[0]).cpu().numpy()
        truth = true[k][np.ix_(*nearest_pixels(drawn.shape, true.shape[1:]))]
        where = np.flatnonzero((lead > -SURELY_NOTHING) & (truth != UNKNOWN))
        chosen = rng.choice(where, min(len(where), at_most // len(true)), replace=False)
        values = logits.flatten(1).cpu().numpy()[:, chosen].T
        parts.append(Pixels(values, drawn.ravel()[chosen].astype(int), truth.ravel()[chosen]))
    return Pixels.joined(parts)


def _logits(
    network: torch.nn.Module, spec: UNetSpec, view: Canonical, z_mm: np.ndarray, device: str
) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield each slice of the working grid with its logits [1 + classes, rows, columns]."""
    import torch

    small = working_volume(view.hu, view.spacing_mm[1:], spec)
    z = z_mm[:: -1 if 0 in view.reversed_axes else 1]
    shown = neighbours(np.asarray(z, float), spec.context, spec.context_mm)
    scale = value_scale(small, spec)
    with torch.inference_mode():
        for start in range(0, len(small), BATCH):
            some = shown[start : start + BATCH]
            logits = network(network_input(small, some, spec, scale).to(device)).float()
            for k, one in enumerate(logits, start=start):
                yield k, one[:, : small.shape[1], : small.shape[2]]
