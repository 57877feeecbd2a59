"""The canvas that a phantom's shapes are painted on, and the sampler that looks at it.

Shapes are painted one over the other; what was painted last at a point is there, so materials are
exclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from .shapes import Shape, cut

Rectangle = tuple[int, int, int, int]  # first row, row after the last, columns alike
MOST_MATERIALS = 65_535  # beside the air around: their indices are uint16


@dataclass(frozen=True)
class Material:
    """What is at a point: the atom it belongs to (None: air outside everything) and its HU."""

    atom: str | None
    hu: float


@dataclass
class Canvas:
    """Materials and the order in which shapes are painted with them.

    Attributes
    ----------
    materials
        Index is the value that `paint` writes; 0 is the air around.
    shapes
        In the order of painting.
    fills
        Material that each shape is painted with; None where it depends on what is below.
    tables
        Where it does, [old material]: new material. Materials beyond its end stay.
    """

    materials: list[Material] = field(default_factory=lambda: [Material(None, -1000.0)])
    shapes: list[Shape] = field(default_factory=list)
    fills: list[int | None] = field(default_factory=list)
    tables: list[np.ndarray | None] = field(default_factory=list)

    def material(self, atom: str | None, hu: float) -> int:
        """Add a material and return its index."""
        if len(self.materials) > MOST_MATERIALS:
            raise ValueError(f"A phantom has at most {MOST_MATERIALS} materials.")
        self.materials.append(Material(atom, float(hu)))
        return len(self.materials) - 1

    def paint(self, shape: Shape, material: int, over: Iterable[int] | None = None) -> None:
        """Paint `shape`, everywhere or only over the materials `over`."""
        if over is None:
            self._add(shape, material, None)
            return
        below = list(over)
        table = np.arange(max(below, default=0) + 1)
        table[below] = material
        self.repaint(shape, table)

    def repaint(self, shape: Shape, table: np.ndarray) -> None:
        """Change materials inside `shape`: `table` maps old indices to new ones.

        Materials beyond its end stay what they are.
        """
        self._add(shape, None, table)

    def _add(self, shape: Shape, fill: int | None, table: np.ndarray | None) -> None:
        self.shapes.append(shape)
        self.fills.append(fill)
        self.tables.append(table)

    def boxes(self) -> np.ndarray:
        """Return the bounding boxes of all painted shapes, [n, 3, 2] mm."""
        return np.array([shape.box for shape in self.shapes])

    def paints(self) -> np.ndarray:
        """Return a material that each shape is painted with, [n]; -1 where it changes nothing."""
        return np.array(
            [
                _painted(table) if fill is None else fill
                for fill, table in zip(self.fills, self.tables, strict=True)
            ]
        )


def _painted(table: np.ndarray | None) -> int:
    """Return the largest material that a table puts in another's place."""
    values = np.arange(0) if table is None else np.asarray(table)
    changed = values[values != np.arange(len(values))]
    return int(changed.max()) if len(changed) else -1


class Sampler:
    """Samples a canvas on planes of one image grid.

    Parameters
    ----------
    canvas
        What is painted.
    affine
        4 x 4, (i, j, k, 1) to RAS mm, of the image.
    """

    def __init__(self, canvas: Canvas, affine: np.ndarray) -> None:
        self._canvas, self._affine = canvas, affine
        boxes = canvas.boxes()
        centre, half = boxes.mean(axis=2), (boxes[:, :, 1] - boxes[:, :, 0]) / 2
        inverse = np.linalg.inv(affine)
        middle = centre @ inverse[:3, :3].T + inverse[:3, 3]
        reach = half @ np.abs(inverse[:3, :3]).T
        # [n, 3] fractional i, j, k; a little wider, so that rounding cuts nothing off
        self.low, self.high = middle - reach - 1e-3, middle + reach + 1e-3
        self._type = np.min_scalar_type(len(canvas.materials) - 1)
        # Many shapes share one table.
        distinct = {id(table): table for table in canvas.tables if table is not None}
        self._tables = {key: self._whole(table) for key, table in distinct.items()}
        self._changed = {old for _, changes in self._tables.values() for old, _ in changes}

    def _whole(self, table: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Return a table of all materials, and those that it changes with what they become."""
        whole = np.arange(len(self._canvas.materials), dtype=self._type)
        known = min(len(table), len(whole))
        whole[:known] = table[:known]
        changed = np.flatnonzero(whole != np.arange(len(whole)))
        return whole, list(zip(changed.tolist(), whole[changed].tolist(), strict=True))

    def plane(self, i: np.ndarray, j: np.ndarray, k: float) -> np.ndarray:
        """Return the material index at points of a plane.

        Parameters
        ----------
        i, j
            Columns and rows, fractional and increasing.
        k
            Plane, fractional.

        Returns
        -------
        numpy.ndarray
            uint8, uint16 for more than 256 materials, [row, column].
        """
        out = np.zeros((j.size, i.size), dtype=self._type)
        coordinates = [self._coordinate(axis, i, j, k) for axis in range(3)]
        # Where each material that was painted so far can be, of those that a table changes.
        spread: dict[int, Rectangle] = {0: (0, j.size, 0, i.size)}
        for n, rectangle in self._sections(i, j, k):
            fill, table = self._canvas.fills[n], self._canvas.tables[n]
            changes = self._tables[id(table)][1] if fill is None else []
            if fill is None:
                changes = [(old, to) for old, to in changes if old in spread]
                rectangle = _common(rectangle, _around([spread[old] for old, _ in changes]))
            top, bottom, left, right = rectangle
            if top >= bottom or left >= right:
                continue
            rows, columns = slice(top, bottom), slice(left, right)
            part = out[rows, columns]
            x, y, z = [cut(c, rows, columns) for c in coordinates]
            mask = self._canvas.shapes[n].inside(x, y, z)
            if mask.shape != part.shape:
                mask = np.broadcast_to(mask, part.shape)
            if fill is not None:
                np.copyto(part, fill, where=mask, casting="unsafe")
            elif len(changes) == 1:
                mask = mask & (part == changes[0][0])
                np.copyto(part, changes[0][1], where=mask, casting="unsafe")
            else:
                np.copyto(part, self._tables[id(table)][0][part], where=mask)
            painted = {to for _, to in changes} if fill is None else {fill}
            for material in painted & self._changed:
                spread[material] = _around([rectangle, spread.get(material, rectangle)])
        return out

    def _sections(self, i: np.ndarray, j: np.ndarray, k: float) -> Iterator[tuple[int, Rectangle]]:
        """Yield the shapes whose boxes the plane cuts, and where."""
        hits = np.flatnonzero((self.low[:, 2] <= k) & (k <= self.high[:, 2]))
        low, high = self.low[hits], self.high[hits]
        left, right = i.searchsorted(low[:, 0]), i.searchsorted(high[:, 0], "right")
        top, bottom = j.searchsorted(low[:, 1]), j.searchsorted(high[:, 1], "right")
        cut = (left < right) & (top < bottom)
        for n, *ends in np.column_stack([hits, top, bottom, left, right])[cut].tolist():
            yield n, (ends[0], ends[1], ends[2], ends[3])

    def _coordinate(self, axis: int, i: np.ndarray, j: np.ndarray, k: float) -> np.ndarray:
        """Return a RAS coordinate [rows, columns] in mm; 1 along axes that it does not vary on."""
        a = self._affine[axis]
        value = np.full((1, 1), a[2] * k + a[3])
        if abs(a[0]) > 1e-9:
            value = value + a[0] * i[None, :]
        if abs(a[1]) > 1e-9:
            value = value + a[1] * j[:, None]
        return value.astype(np.float32)


def _around(rectangles: list[Rectangle]) -> Rectangle:
    """Return the smallest rectangle around several; an empty one around none."""
    if not rectangles:
        return 0, 0, 0, 0
    tops, bottoms, lefts, rights = zip(*rectangles, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _common(a: Rectangle, b: Rectangle) -> Rectangle:
    """Return what two rectangles have in common; it may be empty."""
    return max(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), min(a[3], b[3])
