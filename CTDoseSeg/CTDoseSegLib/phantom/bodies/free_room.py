"""Where a body still has room for an organ: what is painted so far is asked, point by point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from ..canvas import Canvas, Sampler
from ..shapes import Shape
from .painter import Painter

_POINTS = 14  # planes, rows and columns that a shape is looked at by
ENOUGH = 0.998
Choice = TypeVar("Choice")


def free_share(
    b: Painter, shape: Shape, free: Iterable[int], without: Shape | None = None
) -> float:
    """Return which share of a shape is free.

    Parameters
    ----------
    b
        Has painted what is there.
    shape
        In the person's mm.
    free
        Materials that may give way.
    without
        Room that is kept for something else.
    """
    low, high = shape.box.T
    step = (high - low) / _POINTS
    boxes = b.canvas.boxes()
    near = np.flatnonzero(((boxes[:, :, 0] <= high) & (boxes[:, :, 1] >= low)).all(axis=1))
    part = Canvas(
        b.canvas.materials,
        [b.canvas.shapes[n] for n in near],
        [b.canvas.fills[n] for n in near],
        [b.canvas.tables[n] for n in near],
    )
    affine = np.diag([*step, 1.0])
    affine[:3, 3] = low + step / 2
    sampler, at = Sampler(part, affine), np.arange(_POINTS)
    labels = np.array([sampler.plane(at, at, k) for k in range(_POINTS)])
    x, y, z = (low[n] + step[n] * (at + 0.5) for n in range(3))
    own = [(x[None, :], y[:, None], np.full((1, 1), level)) for level in z]
    inside = np.array([shape.inside(*points) for points in own])
    open_ = np.isin(labels, list(free))
    if without is not None:
        open_ &= ~np.array([without.inside(*points) for points in own])
    return float(open_[inside].mean()) if inside.any() else 0.0


def roomiest(
    b: Painter,
    choices: Sequence[tuple[Choice, Shape]],
    free: Iterable[int],
    without: Shape | None = None,
) -> Choice:
    """Return the first of some choices whose shape has room, or that with the most.

    Parameters
    ----------
    b
        Has painted what is there.
    choices
        The best first, each with its shape in the person's mm.
    free
        Materials that may give way.
    without
        Room that is kept for something else.
    """
    best, most = choices[0][0], -1.0
    for choice, shape in choices:
        share = free_share(b, shape, free, without)
        if share > ENOUGH:
            return choice
        if share > most + 1e-3:
            best, most = choice, share
    return best
