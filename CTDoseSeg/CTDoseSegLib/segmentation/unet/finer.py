"""From a network's logits on the working grid to labels on the image's own pixels.

Logits are interpolated before they are decided, so that edges are finer than the working pixel.
Between four working pixels of one label there is no other one, so that only the pixels at edges,
about a tenth of an image, are interpolated: more classes cost little more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .box import Box

if TYPE_CHECKING:
    import torch


def decide(logits: torch.Tensor, threshold: float) -> np.ndarray:
    """Return the labels, uint8 [n, j, i], of logits [n, 1 + classes, j, i].

    A pixel has a label where the labels' probabilities add up to more than `threshold`.
    """
    # One after the other, so that the planes stay in the processor's own memory.
    return np.stack([_decided(one, threshold) for one in logits])


def _decided(logits: torch.Tensor, threshold: float) -> np.ndarray:
    """Return the labels of the logits of one slice, [1 + classes, j, i]."""
    import torch

    # Plane by plane: numpy's passes over planes are several times faster than torch's maximum
    # with its index over the channels of a pixel.
    planes = logits.to("cpu", torch.float32, memory_format=torch.contiguous_format).numpy()
    best, which = planes[1].copy(), np.ones(planes[1].shape, np.uint8)
    for value in range(2, len(planes)):
        better = planes[value] > best
        np.maximum(best, planes[value], out=best)
        np.maximum(which, better * np.uint8(value), out=which)
    lead = best - planes[0]
    # The labels together have at least the best one's logit and at most log(labels) more: the
    # sum is needed for few pixels.
    odds = float(np.log(threshold / (1.0 - threshold)))
    inside = lead > odds
    if len(planes) > 2:
        unsure = ~inside & (lead > odds - float(np.log(len(planes) - 1)) - 1e-3)
        few = torch.from_numpy(np.moveaxis(planes, 0, -1)[unsure])
        inside[unsure] = (torch.logsumexp(few[:, 1:], dim=1) - few[:, 0] > odds).numpy()
    return which * inside


@dataclass(frozen=True)
class Finer:
    """Bilinear interpolation from a working grid to an image with the same outer edges.

    Attributes
    ----------
    rows, columns
        (first, second, weight of the second) working row or column for each of the image's that
        lie in the box.
    window
        The image's rows and columns that lie in the box.
    """

    rows: tuple[np.ndarray, np.ndarray, np.ndarray]
    columns: tuple[np.ndarray, np.ndarray, np.ndarray]
    window: Box

    @classmethod
    def of(cls, coarse: tuple[int, int], fine: tuple[int, int], box: Box | None = None) -> Finer:
        """Return the interpolation between two shapes, [rows, columns].

        Parameters
        ----------
        coarse, fine
            Rows and columns of the working grid and of the image.
        box
            Rows and columns of the working grid that logits are known of; None: all.
        """
        box = box or (slice(0, coarse[0]), slice(0, coarse[1]))
        (rows, down), (columns, across) = (
            _between(m, n, part) for m, n, part in zip(coarse, fine, box, strict=True)
        )
        return cls(rows, columns, (down, across))

    def labels(self, logits: torch.Tensor, decided: np.ndarray, threshold: float) -> np.ndarray:
        """Return the labels of one slice on the image's pixels in `window`, uint8 [j, i].

        Parameters
        ----------
        logits
            [1 + classes, rows, columns] of the box, or with rows and columns beyond it.
        decided
            Their labels, uint8 [rows, columns] of the box.
        threshold
            As in `decide`.
        """
        import torch

        (top, bottom, down), (left, right, across) = self.rows, self.columns
        first = decided.take(top, axis=0).take(left, axis=1)
        mixed = np.zeros(decided.shape, bool)
        mixed[:-1] |= decided[:-1] != decided[1:]
        mixed[:, :-1] |= decided[:, :-1] != decided[:, 1:]
        mixed[:-1, :-1] |= decided[:-1, :-1] != decided[1:, 1:]
        j, i = np.nonzero(mixed.take(top, axis=0).take(left, axis=1))
        if not len(j):
            return first
        flat = logits.permute(1, 2, 0).reshape(-1, len(logits))
        width = logits.shape[2]

        def at(row: np.ndarray, column: np.ndarray) -> torch.Tensor:
            return flat.index_select(0, torch.from_numpy(row[j] * width + column[i])).float()

        y, x = torch.from_numpy(down[j])[:, None], torch.from_numpy(across[i])[:, None]
        upper = torch.lerp(at(top, left), at(top, right), x)
        lower = torch.lerp(at(bottom, left), at(bottom, right), x)
        few = torch.lerp(upper, lower, y)
        first[j, i] = decide(few.T[None, :, :, None], threshold)[0, :, 0]
        return first


def _between(
    coarse: int, fine: int, box: slice
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], slice]:
    """Return the lines of a box that each fine line lies between, and which fine lines do."""
    at = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)
    first = at.astype(np.int64)
    second = np.minimum(first + 1, coarse - 1)
    within = np.flatnonzero((first >= box.start) & (second < box.stop))
    window = slice(int(within[0]), int(within[-1]) + 1)
    weight = (at - first).astype(np.float32)
    return (first[window] - box.start, second[window] - box.start, weight[window]), window
