"""What touches the skin: cloth, and the shell of a couch or headrest, on the slices themselves.

A threshold cannot part what touches. Cloth is less dense than skin and fat, and thicker than the
blur of the skin's surface. A couch is a thin shell, in cross section an arc that goes on beside
the body: its flanks show where it runs beneath.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..morphology import dilated, dilated_by_crosses, eroded_by_cross
from ..working_grid import box_around

# Fat is about -100 HU; with the noise of a mean of nine pixels it stays above this.
CLOTH_HU = -200.0
# A window this wide holds half of a piece of cloth with its blurred edge, a fifth of a ramp.
FADING_HU, EVEN_HU, EVEN_SHARE = -900.0, 150.0, 0.34
FLANK_MM = 70.0
SHELL_MM = 9.0
SMALLEST_RADIUS_MM = 40.0
TRIPLES = 150
JUDGES = 400
SHORTEST_FLANK_MM = 25.0
# Air that is looked at around a body: what fades out of it is within four pixels.
AROUND_PX = 10


def without_cloth(body: np.ndarray, hu: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Take away a layer of cloth that lies on the body.

    Parameters
    ----------
    body
        Boolean [j, i], the body mask at the surface threshold, with what touches it.
    hu
        [j, i].
    inside
        Boolean [j, i], certainly body (its depth, and the lungs).

    Returns
    -------
    numpy.ndarray
        Boolean [j, i], the body without cloth.
    """
    if not body.any():
        return body
    box = box_around(body, AROUND_PX)
    bare = body.copy()
    bare[box] = _without_cloth(body[box], hu[box], inside[box])
    return bare


def _without_cloth(body: np.ndarray, hu: np.ndarray, inside: np.ndarray) -> np.ndarray:
    tissue = inside | (ndimage.uniform_filter(hu.astype(np.float32), 3) > CLOTH_HU)
    layer = body & ~tissue
    # Blur makes the skin's own surface a layer too, of one pixel.
    core = layer & ~dilated_by_crosses(tissue, 2)
    if not core.any():
        return body
    regions, count = ndimage.label(layer)
    surface = layer & ~eroded_by_cross(body)
    outer, thick = np.zeros((2, count + 1), bool)
    outer[regions[surface]] = thick[regions[core]] = True
    core &= (outer & thick)[regions]
    cloth = core
    for _ in range(3):
        cloth = dilated(cloth, 1, 1) & layer
    return body & ~_even(cloth, body, hu)


def _even(layer: np.ndarray, body: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """Return the pieces of `layer` that have one density.

    Where the surface runs obliquely through a thick slice, the body itself fades out, and all
    densities down to air are equally frequent.
    """
    regions, n = ndimage.label(layer, np.ones((3, 3), bool))
    # What fades out goes on outside the body: count it for the piece that it is near to.
    fading = ~body & (hu > FADING_HU)
    near = np.where(fading, ndimage.maximum_filter(regions, size=9), regions)
    even = np.zeros(n + 1, dtype=bool)
    for index in range(1, n + 1):
        values = np.sort(hu[near == index].astype(np.float32))
        alike = np.searchsorted(values, values + EVEN_HU, side="right") - np.arange(values.size)
        even[index] = alike.max() > EVEN_SHARE * values.size
    return even[regions]


@dataclass(frozen=True)
class Arc:
    """A circle (mm) that a shell runs along, and the shell's thickness as it appears."""

    x: float
    y: float
    radius: float
    thickness: float
    side: float

    @classmethod
    def seen_from(cls, middle: np.ndarray, circle: np.ndarray, thickness: float) -> Arc:
        """Return the arc of a circle (x, y, radius), seen from the body's middle."""
        side = 1.0 if np.linalg.norm(middle - circle[:2]) < circle[2] else -1.0
        x, y, radius = (float(v) for v in circle)
        return cls(x, y, radius, thickness, side)

    def beyond(self, points: np.ndarray) -> np.ndarray:
        """Return how far (mm) points [n, 2] lie beyond the shell's middle, seen from the body."""
        distance = np.hypot(points[:, 0] - self.x, points[:, 1] - self.y)
        return self.side * (distance - self.radius)


@dataclass(frozen=True)
class Couch:
    """What is known of couch and headrest from all slices together.

    Attributes
    ----------
    hidden
        Boolean [j, i]: where it can be and touch the body: on its side of the body, and not seen
        to be air.
    place
        Boolean [j, i]: where it is seen in many slices.
    points
        Pixels [n, 2] (mm along j and i) of its shell on the body's side, where no body hides it.
    circle
        The circle that these lie on and the shell's thickness, as `_fit` gives them.
    """

    hidden: np.ndarray
    place: np.ndarray
    points: np.ndarray
    circle: tuple[np.ndarray, float] | None

    @classmethod
    def of(
        cls,
        dense_slices: Iterable[tuple[np.ndarray, np.ndarray]],
        spacing_mm: tuple[float, float],
    ) -> Couch:
        """Find the couch: it is the same in every slice that shows it, cloth is not.

        Parameters
        ----------
        dense_slices
            (above the threshold, in or near the body), boolean [j, i], of every slice.
        spacing_mm
            Along j and i.

        Returns
        -------
        Couch
        """
        shown, covered = np.zeros((2, 1), dtype=np.int32)
        slices = 0
        for slices, (dense, near) in enumerate(dense_slices, start=1):
            if slices == 1:
                shown, covered = np.zeros((2, *near.shape), dtype=np.int32)
            shown += dense & ~near
            covered += near
        free = slices - covered
        n = int(free.max()) if free.size else 0
        body = np.argwhere(covered > 0) if (covered > 0).any() else np.zeros((1, 2))
        low, high = body.min(axis=0), body.max(axis=0)
        centre = body.mean(axis=0)
        steady = (shown > 0.6 * free) & (free > 0)
        turn = _towards(np.argwhere(steady) - centre, high - low + 1)
        place = turn.apply(
            ndimage.binary_dilation(shown > 0.25 * np.maximum(free, 0.2 * n), iterations=2)
        )
        row = round(turn.row(centre, steady.shape))
        place[: row + 1] = False
        # Where the body always lies, nobody sees the couch.
        hidden = place | turn.apply(ndimage.binary_dilation(free < 0.2 * n, iterations=2))
        hidden[: row + 1] = False
        below = turn.apply(steady).copy()
        below[: row + 1] = False
        started = np.cumsum(below, axis=0) > 0
        first_run = below & (np.cumsum(started & ~below, axis=0) == 0)
        points = np.argwhere(turn.undo(first_run)) * spacing_mm
        circle = _fit(points, max(spacing_mm))
        return cls(turn.undo(hidden), turn.undo(place), points, circle)


@dataclass(frozen=True)
class _Turn:
    """Turns a slice so that its couch is at the last rows."""

    transposed: bool
    reversed: bool

    def apply(self, image: np.ndarray) -> np.ndarray:
        image = image.T if self.transposed else image
        return image[::-1] if self.reversed else image

    def undo(self, image: np.ndarray) -> np.ndarray:
        image = image[::-1] if self.reversed else image
        return np.ascontiguousarray(image.T if self.transposed else image)

    def row(self, centre: np.ndarray, shape: tuple[int, int]) -> float:
        axis = int(self.transposed)
        return shape[axis] - 1 - centre[axis] if self.reversed else float(centre[axis])


def _towards(offsets: np.ndarray, extent: np.ndarray) -> _Turn:
    """Return the side of the body (of `extent`) that the couch is on: where its mean lies.

    `offsets` [n, 2] are its pixels, from the body's middle. Flanks left and right cancel out.
    """
    if not len(offsets):
        return _Turn(transposed=False, reversed=False)
    mean = offsets.mean(axis=0) / extent
    axis = int(np.abs(mean).argmax())
    return _Turn(transposed=axis == 1, reversed=bool(mean[axis] < 0))


def without_couch(
    body: np.ndarray, dense: np.ndarray, couch: Couch, spacing_mm: tuple[float, float]
) -> np.ndarray:
    """Take away the shell of couch or headrest where it touches the body.

    Parameters
    ----------
    body
        Boolean [j, i], the body mask with what touches it.
    dense
        Boolean [j, i], above the surface threshold.
    couch
        What all slices show of the couch.
    spacing_mm
        Along j and i.

    Returns
    -------
    numpy.ndarray
        Boolean [j, i], the body without the shell.
    """
    if not body.any():
        return body
    pixel = max(spacing_mm)
    middle = _mean_place(body) * spacing_mm
    box = box_around(body, 1)
    rim = body[box] & couch.hidden[box] & ~eroded_by_cross(body[box])
    edge = (np.argwhere(rim) + [lines.start for lines in box]) * spacing_mm
    if len(edge) * pixel < SHORTEST_FLANK_MM:
        return body
    best, most = None, SHORTEST_FLANK_MM / pixel
    # All slices together show best where the couch is; a headrest may be in a few slices only.
    flanks = _flanks(body, dense & couch.place, spacing_mm)
    for points, circle in ((couch.points, couch.circle), (flanks, _fit(flanks, pixel))):
        arc, beneath = _arc_beneath(points, circle, edge, middle, pixel)
        if arc is not None and len(beneath) > most:
            best, most = (arc, beneath), 1.2 * len(beneath)
    if best is None:
        return body
    arc, beneath = best
    pixels = np.rint(beneath / spacing_mm).astype(int)
    reach = 2 + round(arc.thickness / min(spacing_mm))
    first = np.maximum(pixels.min(axis=0) - reach, 0)
    last = pixels.max(axis=0) + reach + 1
    part = body[first[0] : last[0], first[1] : last[1]]
    near = np.zeros_like(part)
    near[tuple((pixels - first).T)] = True
    near = dilated_by_crosses(near, reach)
    where = np.argwhere(near & part) + first
    cut = where[arc.beyond(where * spacing_mm) > -0.5 * arc.thickness]
    result = body.copy()
    result[tuple(cut.T)] = False
    return result


def _flanks(body: np.ndarray, shell: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """Return pixels [n, 2] (mm) of the shell beside the body, as far as it can be followed."""
    shell = shell & ~body
    touching = shell & dilated(body, 2, 2)
    if not touching.any():
        return np.empty((0, 2))
    steps = [round(FLANK_MM / step) for step in spacing_mm]
    box = box_around(touching, max(steps))
    touching = touching[box]
    regions, count = ndimage.label(shell[box] & dilated(touching, *steps), np.ones((3, 3), bool))
    followed = np.zeros(count + 1, bool)
    followed[regions[touching]] = True
    return (np.argwhere(followed[regions]) + [lines.start for lines in box]) * spacing_mm


def _mean_place(mask: np.ndarray) -> np.ndarray:
    """Return the mean row and column of a mask [j, i]."""
    lines = (np.count_nonzero(mask, axis=axis) for axis in (1, 0))
    return np.array([(line @ np.arange(line.size)) / line.sum() for line in lines])


def _arc_beneath(
    points: np.ndarray,
    circle: tuple[np.ndarray, float] | None,
    edge: np.ndarray,
    middle: np.ndarray,
    pixel: float,
) -> tuple[Arc | None, np.ndarray]:
    """Return the arc of a shell and the edge of the body along it, each fitted with the other."""
    beneath = np.empty((0, 2))
    if circle is None:
        return None, beneath
    arc = Arc.seen_from(middle, *circle)
    outer = 0.5 * (arc.thickness - pixel)
    for _ in range(3):
        beneath = edge[np.abs(arc.beyond(edge) - outer) < 0.5 * pixel + 0.3]
        if len(beneath) < 5:
            break
        both = np.vstack([points, _moved(beneath, arc, outer)])
        better = _refined(both, np.array([arc.x, arc.y, arc.radius]), pixel, rounds=2)
        if better is None:
            break
        arc = Arc.seen_from(middle, better[0], arc.thickness)
    return arc, beneath


def _moved(points: np.ndarray, arc: Arc, outer: float) -> np.ndarray:
    """Move points on the shell's far side to its middle."""
    away = points - (arc.x, arc.y)
    return points - arc.side * outer * away / np.linalg.norm(away, axis=1, keepdims=True)


def _fit(points: np.ndarray, pixel: float) -> tuple[np.ndarray, float] | None:
    """Fit the circle (x, y, radius) through a shell's pixels, with the shell's thickness.

    None where most lie on no thin arc.

    The best of random triples (RANSAC), judged by a part of the points, then refined on all.
    """
    if len(points) < 12:
        return None
    random = np.random.default_rng(0)
    circles = _circles(points[random.integers(len(points), size=(TRIPLES, 3))])
    judges = points if len(points) <= JUDGES else points[random.integers(len(points), size=JUDGES)]
    x, y = (judges[:, axis] - circles[:, axis, None] for axis in (0, 1))
    distance = np.sqrt(x * x + y * y) - circles[:, 2:]
    near = np.abs(distance) < 1.25 * pixel
    return _refined(points, circles[np.count_nonzero(near, axis=1).argmax()], pixel)


def _refined(
    points: np.ndarray, circle: np.ndarray, pixel: float, rounds: int = 6
) -> tuple[np.ndarray, float] | None:
    """Return what least squares make of a circle on the points near it; None as for `_fit`."""
    reach = 1.25 * pixel
    for _ in range(rounds):
        residual = _from_circle(points, circle)
        inlier = residual < reach
        if np.count_nonzero(inlier) < 12:
            return None
        reach = max(0.75 * pixel, 2.5 * float(np.median(residual[inlier])))
        circle = _least_squares(points[inlier])
    residual = _from_circle(points, circle)[inlier]
    # Pixels that fill a shell evenly are a quarter of its thickness from its middle, in the median.
    thickness = max(4.0 * float(np.median(residual)), pixel)
    length = len(residual) * pixel**2 / thickness
    if (
        not np.isfinite(circle).all()
        or circle[2] < SMALLEST_RADIUS_MM
        or inlier.mean() < 0.6
        or thickness > SHELL_MM
        or length < SHORTEST_FLANK_MM
    ):
        return None
    return circle, thickness


def _from_circle(points: np.ndarray, circle: np.ndarray) -> np.ndarray:
    """Return how far (mm) points [n, 2] are from a circle (x, y, radius)."""
    x, y = (points - circle[:2]).T
    return np.abs(np.sqrt(x * x + y * y) - circle[2])


def _circles(triples: np.ndarray) -> np.ndarray:
    """Return circles (x, y, radius) [n, 3] through triples of points [n, 3, 2]."""
    a, b, c = triples[:, 0], triples[:, 1], triples[:, 2]
    ab, ac = b - a, c - a
    twice = 2.0 * (ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    # Points on a line: a circle so large that it is one.
    twice = np.where(np.abs(twice) < 1e-3, 1e-3, twice)
    squares = (ab**2).sum(axis=1), (ac**2).sum(axis=1)
    x = (ac[:, 1] * squares[0] - ab[:, 1] * squares[1]) / twice
    y = (ab[:, 0] * squares[1] - ac[:, 0] * squares[0]) / twice
    return np.column_stack([a[:, 0] + x, a[:, 1] + y, np.hypot(x, y)])


def _least_squares(points: np.ndarray) -> np.ndarray:
    """Return the circle (x, y, radius) nearest to the points, algebraically (Kasa)."""
    centre = points.mean(axis=0)
    local = points - centre
    system = np.column_stack([2 * local, np.ones(len(local))])
    # The normal equations are small; local points on a line leave their rank to `lstsq`.
    answer = np.linalg.lstsq(system.T @ system, system.T @ (local**2).sum(axis=1), rcond=1e-12)[0]
    radius = np.sqrt(max(0.0, answer[2] + answer[0] ** 2 + answer[1] ** 2))
    return np.array([centre[0] + answer[0], centre[1] + answer[1], radius])
