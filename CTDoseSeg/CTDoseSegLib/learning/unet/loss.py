"""Cross entropy plus soft Dice, with unknown pixels and classes that nobody drew."""

from __future__ import annotations

import torch

UNKNOWN = 255


def loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    not_drawn: torch.Tensor,
    drawn_as: torch.Tensor,
    *,
    cross_entropy: float = 1.0,
    dice: float = 1.0,
    class_weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the loss of a batch.

    Parameters
    ----------
    logits
        [n, classes, rows, columns], the background first.
    labels
        [n, rows, columns]; 255 counts in neither part.
    not_drawn
        Boolean [n, classes]: True for classes that are not drawn in this sample though they may
        be there.
    drawn_as
        [n]: the class that stands where a class of `not_drawn` is: there the network may say
        either.
    cross_entropy, dice
        Weights of the parts.
    class_weights
        Of the cross entropy, [classes].

    Notes
    -----
    Soft Dice is taken over the whole batch, for the classes that are in it; a class that is not
    counts by what is wrongly given to it, as part of the pixels, so that an image without the
    organ teaches that there is none (Milletari et al. 2016, arXiv 1606.04797, for the Dice loss).
    """
    log_p = torch.log_softmax(logits, dim=1)
    if not_drawn.any():
        log_p = _either(log_p, not_drawn, drawn_as)
    known = labels != UNKNOWN
    target = torch.where(known, labels, 0).long()
    nll = -log_p.gather(1, target[:, None])[:, 0]
    weight = known.float()
    if class_weights is not None:
        weight = weight * class_weights[target]
    total = cross_entropy * (nll * weight).sum() / weight.sum().clamp(min=1.0)
    if dice:
        total = total + dice * _soft_dice_loss(log_p, target, known, not_drawn)
    return total


def _either(log_p: torch.Tensor, not_drawn: torch.Tensor, drawn_as: torch.Tensor) -> torch.Tensor:
    """Return the probability of `drawn_as` with that of the classes that nobody drew."""
    columns = []
    for one, missing, target in zip(log_p, not_drawn, drawn_as, strict=True):
        if missing.any():
            together = missing.clone()
            together[target] = True
            summed = torch.logsumexp(one[together], dim=0)
            index = torch.arange(len(one), device=one.device)[:, None, None] == target
            one = torch.where(index, summed[None], one)
        columns.append(one)
    return torch.stack(columns)


def _soft_dice_loss(
    log_p: torch.Tensor, target: torch.Tensor, known: torch.Tensor, not_drawn: torch.Tensor
) -> torch.Tensor:
    p = log_p.exp() * known[:, None] * ~not_drawn[:, :, None, None]
    truth = torch.zeros_like(p).scatter_(1, target[:, None], 1.0) * known[:, None]
    axes = (0, 2, 3)
    both, given, true = (p * truth).sum(axes)[1:], p.sum(axes)[1:], truth.sum(axes)[1:]
    present = true > 0
    pixels = known.sum().clamp(min=1)
    score = torch.where(present, 1 - 2 * both / (given + true + 1e-6), 10.0 * given / pixels)
    return score.mean()
