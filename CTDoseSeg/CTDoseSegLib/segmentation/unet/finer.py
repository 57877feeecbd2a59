"""From a network's logits on the working grid to labels on the image's own pixels.

Logits are interpolated before they are decided, so that edges are finer than the working pixel.
Between four working pixels of one label there is no other one, so that only the pixels at edges,
about a tenth of an image, are interpolated: more classes cost little more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def decide(logits: torch.Tensor, threshold: float) -> np.ndarray:
    """Return the labels, uint8 [n, j, i], of logits [n, 1 + classes, j, i].

    A pixel has a label where the labels' probabilities add up to more than `threshold`.
    """
    import torch

    best, which = logits[:, 1:].max(dim=1)
    if logits.shape[1] > 2 or threshold != 0.5:
        # The labels together have at least the best one's logit and at most log(labels) more: the
        # sum is needed for few pixels.
        odds = float(np.log(threshold / (1.0 - threshold)))
        lead = best - logits[:, 0]
        inside = lead > odds
        unsure = ~inside & (lead > odds - float(np.log(logits.shape[1] - 1)) - 1e-3)
        few = logits.movedim(1, -1)[unsure]
        inside[unsure] = torch.logsumexp(few[:, 1:], dim=1) - few[:, 0] > odds
    else:
        inside = best > logits[:, 0]
    return ((which + 1) * inside).to(torch.uint8).cpu().numpy()


@dataclass(frozen=True)
class Finer:
    """Bilinear interpolation from a working grid to an image with the same outer edges.

    Attributes
    ----------
    rows, columns
        (first, second, weight of the second) working row or column for each of the image's.
    """

    rows: tuple[np.ndarray, np.ndarray, np.ndarray]
    columns: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(cls, coarse: tuple[int, int], fine: tuple[int, int]) -> Finer:
        """Return the interpolation between two shapes, [rows, columns]."""
        return cls(*(_between(m, n) for m, n in zip(coarse, fine, strict=True)))

    def labels(self, logits: torch.Tensor, decided: np.ndarray, threshold: float) -> np.ndarray:
        """Return the labels of one slice on the image's pixels, uint8 [j, i].

        Parameters
        ----------
        logits
            [1 + classes, rows, columns].
        decided
            Their labels, uint8 [rows, columns].
        threshold
            As in `decide`.
        """
        import torch

        (top, bottom, down), (left, right, across) = self.rows, self.columns
        first = decided[top[:, None], left]
        mixed = np.zeros(decided.shape, bool)
        mixed[:-1] |= decided[:-1] != decided[1:]
        mixed[:, :-1] |= decided[:, :-1] != decided[:, 1:]
        mixed[:-1, :-1] |= decided[:-1, :-1] != decided[1:, 1:]
        j, i = np.nonzero(mixed[top[:, None], left])
        if not len(j):
            return first
        flat = logits.permute(1, 2, 0).reshape(-1, len(logits))
        width = decided.shape[1]
        y, x = torch.from_numpy(down[j])[:, None], torch.from_numpy(across[i])[:, None]
        upper, lower = (
            torch.lerp(
                flat[torch.from_numpy(row * width + left[i])],
                flat[torch.from_numpy(row * width + right[i])],
                x.to(flat),
            )
            for row in (top[j], bottom[j])
        )
        few = torch.lerp(upper, lower, y.to(flat))
        first[j, i] = decide(few.T[None, :, :, None], threshold)[0, :, 0]
        return first


def _between(coarse: int, fine: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)
    first = at.astype(np.int64)
    return first, np.minimum(first + 1, coarse - 1), (at - first).astype(np.float32)
