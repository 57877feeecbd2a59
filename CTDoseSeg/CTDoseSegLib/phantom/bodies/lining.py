"""Keeps a wall round what is in a hollow organ where other organs press on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ..shapes import (
    Both,
    Capsule,
    Column,
    Cradle,
    Ellipsoid,
    HalfSpace,
    Shape,
    Superellipsoid,
)
from .painter import Painter

# The least wall, mm: what a label map of 2 mm shows as a closed layer.
WALL_MM = 2.05


def grown(shape: Shape, mm: float) -> Shape | None:
    """Return a shape with its surface moved outwards; None where nothing is left of it.

    Half axes of an ellipsoid grow by `mm`: its surface moves by a little less between them.

    Parameters
    ----------
    shape
        Any of a phantom's shapes.
    mm
        Positive outwards.

    Examples
    --------
    >>> grown(Ellipsoid.from_axes((0, 0, 0), (10, 20, 30)), 2.0).box[2]
    array([-32.,  32.])
    """
    if isinstance(shape, Both):
        first, second = grown(shape.first, mm), grown(shape.second, -mm if shape.without else mm)
        if shape.without:
            return first if first is None or second is None else Both(first, second, without=True)
        return None if first is None or second is None else Both(first, second)
    if isinstance(shape, Ellipsoid):
        half = 1 / np.linalg.norm(shape.matrix, axis=1)
        if half.min() + mm <= 0:
            return None
        return replace(shape, matrix=shape.matrix * (half / (half + mm))[:, None])
    if isinstance(shape, Capsule):
        start, end = shape.start_radius + mm, shape.end_radius + mm
        if min(start, end) <= 0:
            return None
        return replace(shape, start_radius=start, end_radius=end)
    if isinstance(shape, Superellipsoid):
        x, y, z = (half + mm for half in shape.half_axes)
        below = shape.half_axis_below + mm
        if min(x, y, z, below) <= 0:
            return None
        return replace(shape, half_axes=(x, y, z), half_axis_below=below)
    if isinstance(shape, Column):
        low, high = shape.z_range
        return replace(shape, extra=shape.extra + mm, z_range=(low - mm, high + mm))
    if isinstance(shape, HalfSpace):
        return replace(shape, offset=shape.offset + mm * float(np.linalg.norm(shape.normal)))
    if isinstance(shape, Cradle):
        return replace(shape, radius=shape.radius + mm)
    raise TypeError(f"{type(shape).__name__} cannot grow.")


def line(
    b: Painter,
    start: int,
    core: int,
    inside: int,
    free: Collection[int],
    joined: Collection[int] = (),
    mm: float = WALL_MM,
) -> None:
    """Turn an organ's core into its inside wherever the organ's surroundings are `mm` away.

    What was painted before the organ is gone through in its order: a shape of a free material,
    shrunk, makes the core an inside; any other shape, grown, makes it a core again.

    Parameters
    ----------
    b
        Paints.
    start
        How many shapes the canvas had before the organ.
    core
        Material, of the organ's wall, that fills the organ but for its outermost layer.
    inside
        Material that takes its place.
    free
        Materials that the organ was painted over.
    joined
        Materials that the inside may touch, as vessels do the heart's chambers.
    mm
        Least thickness of the wall.
    """
    canvas, joined = b.canvas, set(joined)
    to_core, to_inside = np.arange(inside + 1), np.arange(core + 1)
    to_core[inside], to_inside[core] = core, inside
    for n in _in_order(b, start, core, set(free)):
        painted = set(_targets(b, n))
        if painted <= joined:
            continue
        is_free = painted <= set(free)
        shape = grown(canvas.shapes[n], -mm if is_free else mm)
        if shape is not None:
            canvas.repaint(shape, to_inside if is_free else to_core)


def _in_order(b: Painter, start: int, core: int, free: set[int]) -> list[int]:
    """Return the shapes before `start` near the core, in the order in which they count.

    One that changes nothing from free to not free, or back, is left out.
    """
    order: list[int] = []
    for n in _near(b, start, core):
        over, painted = _sources(b, n), set(_targets(b, n))
        if over is None:
            order.append(n)
        elif not painted <= free:
            order += [n] if free & set(over) else []
        elif not set(over) <= free:
            again = _not_under(b, order, {*over, *free}, set(over))
            order += [] if again is None else [n, *again]
    return order


def _not_under(b: Painter, order: list[int], gone: set[int], over: set[int]) -> list[int] | None:
    """Return the shapes that a free one, painted over some materials only, left what they were.

    Back to the last that painted one of these everywhere; None if there is none, as then the free
    one lies inside another organ.
    """
    again: list[int] = []
    for m in reversed(order):
        painted = set(_targets(b, m))
        if painted <= over and _sources(b, m) is None:
            return again[::-1]
        if not painted <= gone:
            again.append(m)
    return None


def _near(b: Painter, start: int, core: int) -> np.ndarray:
    """Return which of the first shapes come near a shape of the core."""
    boxes, paints = b.canvas.boxes(), b.canvas.paints()
    near = np.zeros(start, bool)
    for box in boxes[start:][paints[start:] == core]:
        low, high = box[:, 0] - 2 * WALL_MM, box[:, 1] + 2 * WALL_MM
        near |= ((boxes[:start, :, 0] <= high) & (boxes[:start, :, 1] >= low)).all(axis=1)
    return np.flatnonzero(near)


def _targets(b: Painter, n: int) -> list[int]:
    """Return the materials that a shape paints."""
    fill, table = b.canvas.fills[n], b.canvas.tables[n]
    if fill is not None or table is None:
        return [] if fill is None else [fill]
    return sorted({int(table[old]) for old in _sources(b, n) or []})


def _sources(b: Painter, n: int) -> list[int] | None:
    """Return the materials that a shape is painted over; None: everything."""
    table = b.canvas.tables[n]
    return None if table is None else np.flatnonzero(table != np.arange(len(table))).tolist()
