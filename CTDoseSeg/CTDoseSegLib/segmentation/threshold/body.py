"""The patient without couch, headrest, clothing and blanket, on the coarse grid.

Tissue is thick and closed, a couch is a shell: what an opening with a small disc removes is shell,
unless a cavity of the body lies behind it. The order matters: cavities are decided first (lungs
behind a thin chest wall), then shells go, then the largest structures that are left are the body.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...tasks.progress import Progress
from ..morphology import closed_by_disc, dilated_by_disc, eroded_by_disc, opened_by_disc
from ..slice_threads import for_each_slice, in_the_plane
from ..working_grid import Coarse

OPENING_MM = 5.0
AIR_HU, TISSUE_HU = -1000.0, 0.0
CAVITY_MM2 = 300.0
# Narrower than this radius, and with less than this between it and the air outside: a gap.
GAP_MM, WALL_MM = 5.0, 8.0
# A separate piece (an arm) must have this area in some slice to be a part of the body.
PIECE_MM2 = 350.0
PIECE_RADIUS_MM = 8.0
# A piece is a body of its own where it has this share of the largest one's volume and of its widest
# slice: two raised arms have the volume of the head between them, but are not as wide.
SECOND_BODY, SECOND_BODY_WIDTH = 0.4, 0.5
SEAL_MM = 4.0
SPECK_PIXELS = 6


def surface_threshold(hu: np.ndarray) -> float:
    """Return the HU halfway between air and the tissue at the surface.

    Blur moves a threshold that is not halfway: half a pixel all round a body is one per cent of
    its area. Two classes of the histogram are taken; lung lies between them and is left out.

    Parameters
    ----------
    hu
        Of any shape.

    Returns
    -------
    float
        From -550 to -450 HU.
    """
    counts, edges = np.histogram(hu, bins=np.arange(-1050, 351, 10))
    centres = 0.5 * (edges[1:] + edges[:-1])
    air = np.abs(centres - AIR_HU) <= 60
    tissue = (centres >= -200) & (centres <= 200)
    if counts[air].sum() == 0 or counts[tissue].sum() == 0:
        return 0.5 * (AIR_HU + TISSUE_HU)
    low = np.average(centres[air], weights=counts[air])
    # Skin is water-like even where fat lies beneath it; fat shifts the mean a little.
    high = np.average(centres[tissue], weights=counts[tissue])
    return float(np.clip(0.5 * (low + high), -550.0, -450.0))


def find_body(coarse: Coarse, threshold: float, progress: Progress) -> tuple[np.ndarray, int]:
    """Return the body, filled, on the coarse grid.

    Parameters
    ----------
    coarse
        The slices.
    threshold
        HU between air and tissue, as `surface_threshold` returns it.
    progress
        May cancel.

    Returns
    -------
    body : numpy.ndarray
        Boolean [k, j, i].
    bodies : int
        Number of large bodies (2 or more: several people, or a phantom beside one).
    """
    dense = (coarse.hu > threshold) & coarse.seen
    radius = coarse.radius_px(OPENING_MM)
    core = _choose_pieces(coarse, _opened(dense, radius) & dense)[0]
    # Sinuses open to the air through a nostril; seal what is narrow before looking for cavities.
    sealed = _sealed(dense, coarse.radius_px(SEAL_MM))
    cavity = np.zeros_like(dense)
    couch_side = _couch_side(dense, core)

    def find(k: int) -> None:
        cavity[k] = _cavities(coarse, k, dense[k], core[k], couch_side)
        behind = _closed(coarse.seen & ~sealed[k], coarse) & ~cavity[k] & ~dense[k]
        if behind.any():
            cavity[k] |= _enclosed(behind, core[k])

    for_each_slice(find, range(len(dense)), lambda _: progress.check_cancelled())
    _remove_outside_air(coarse, cavity, dense)
    # An opening of body and cavity together keeps a chest wall that is thinner than the disc.
    whole = (_opened(dense | cavity, radius) | core) & coarse.seen
    chosen, bodies = _choose_pieces(coarse, whole)
    reach = _grown(chosen, radius + 1)
    grown = chosen | (reach & (dense | cavity))
    # What the opening took and this gives back are ears and folds; sheets are thinner still.
    body = _opened(grown, 1) | chosen
    return _without_specks(body & coarse.seen), bodies


def _opened(mask: np.ndarray, radius: int) -> np.ndarray:
    def opened(slices: np.ndarray) -> np.ndarray:
        return _cropped(opened_by_disc(_extended(slices, radius), radius), radius)

    return in_the_plane(opened, mask)


def _sealed(mask: np.ndarray, radius: int) -> np.ndarray:
    def sealed(slices: np.ndarray) -> np.ndarray:
        return _cropped(closed_by_disc(_extended(slices, radius), radius), radius)

    return in_the_plane(sealed, mask)


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    return in_the_plane(lambda slices: dilated_by_disc(slices, radius), mask)


def _extended(mask: np.ndarray, radius: int) -> np.ndarray:
    """Repeat the edge pixels outwards, so that a body cut by the image is not rounded there."""
    width = 2 * radius + 1
    return np.pad(mask, ((0, 0), (width, width), (width, width)), mode="edge")


def _cropped(mask: np.ndarray, radius: int) -> np.ndarray:
    width = 2 * radius + 1
    return mask[:, width:-width, width:-width]


def _couch_side(dense: np.ndarray, core: np.ndarray) -> int | None:
    """Return the side of the body that the couch is on, an index as in `_surrounded`, if any."""
    shell = (dense & ~_grown(core, 2)).sum(axis=0)
    weight = np.where(shell >= 0.5 * len(dense), shell, 0)
    if not weight.any() or not core.any():
        return None
    body = np.argwhere(core.any(axis=0))
    shells = np.argwhere(weight > 0) - body.mean(axis=0)
    mean = np.average(shells, axis=0, weights=weight[weight > 0]) / (np.ptp(body, axis=0) + 1)
    axis = int(np.abs(mean).argmax())
    return 2 * axis + int(mean[axis] > 0)


def _cavities(
    coarse: Coarse, k: int, dense: np.ndarray, core: np.ndarray, couch_side: int | None
) -> np.ndarray:
    """Return the air inside the body in one slice, [j, i], also where the image cuts it."""
    seen = coarse.seen
    inside = _closed(seen & ~core, coarse) & ~dense
    cavity = inside & ~_gaps(coarse, inside, seen & ~dense & ~inside)
    regions, n = ndimage.label(seen & ~dense & ~inside)
    if n == 0:
        return cavity
    sizes = np.bincount(regions.ravel()) * coarse.pixel_mm2
    rim = np.unique(regions[coarse.rim])
    wide = _wide(coarse, seen & ~dense)
    hu = coarse.hu[k]
    for index in range(1, n + 1):
        at_rim = index in rim
        if sizes[index] < (CAVITY_MM2 if at_rim else 4 * coarse.pixel_mm2):
            continue
        region = regions == index
        sides = _surrounded(region, core)
        # Air and foam between body and couch are open to the couch's side.
        if couch_side is not None and not sides[couch_side]:
            continue
        if at_rim:
            accepted = sum(sides) >= 2 and _lung_like(hu, region) and wide[region].mean() > 0.5
        else:
            accepted = sum(sides) >= 3
        if accepted:
            cavity |= region
    return cavity


def _gaps(coarse: Coarse, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return enclosed air that is a gap between arm and flank: narrow, near the air outside."""
    wide = _wide(coarse, inside)
    near = dilated_by_disc(outside, coarse.radius_px(WALL_MM))
    regions, _ = ndimage.label(inside)
    touching = np.unique(regions[near & inside])
    gaps = [
        r
        for r in touching
        if r and wide[regions == r].mean() < 0.3 and _at_side(regions == r, inside | ~outside)
    ]
    return np.isin(regions, gaps)


def _at_side(region: np.ndarray, body: np.ndarray) -> bool:
    """Return whether a region is away from the middle of the body, where nose and bowel are."""
    columns = np.flatnonzero(body.any(axis=0))
    across = (np.nonzero(region)[1].mean() - columns[0]) / max(1, columns[-1] - columns[0])
    return not 0.3 < across < 0.7


def _wide(coarse: Coarse, air: np.ndarray) -> np.ndarray:
    """Return where air in a slice is wider than a gap; beyond the image's edge it may go on."""
    radius = coarse.radius_px(GAP_MM)
    return _cropped(opened_by_disc(_extended(air[None], radius), radius), radius)[0]


def _closed(air: np.ndarray, coarse: Coarse) -> np.ndarray:
    """Return the parts of `air` that do not reach the rim of the field of view."""
    regions, count = ndimage.label(air)
    closed = np.ones(count + 1, dtype=bool)
    closed[regions[coarse.rim]] = False
    return air & closed[regions]


def _surrounded(region: np.ndarray, core: np.ndarray) -> list[bool]:
    """Return whether the core covers most of a region in front, behind, right and left of it."""
    ahead = np.maximum.accumulate(core, axis=0)
    behind = np.maximum.accumulate(core[::-1], axis=0)[::-1]
    right = np.maximum.accumulate(core, axis=1)
    left = np.maximum.accumulate(core[:, ::-1], axis=1)[:, ::-1]
    return [bool(side[region].mean() > 0.7) for side in (ahead, behind, right, left)]


def _enclosed(air: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return the regions of `air` in a slice that have the core on all four sides."""
    regions, n = ndimage.label(air)
    return np.isin(regions, [r for r in range(1, n + 1) if all(_surrounded(regions == r, core))])


def _lung_like(hu: np.ndarray, region: np.ndarray) -> bool:
    """Return whether a region has lung's partial density, not that of air or gas."""
    inner = ndimage.binary_erosion(region, iterations=2)
    values = hu[inner] if inner.sum() >= 8 else hu[region]
    return bool(-945.0 < np.median(values) < -300.0)


def _remove_outside_air(coarse: Coarse, cavity: np.ndarray, dense: np.ndarray) -> None:
    """Take away air that a slice encloses by chance (arm and flank) and its neighbours do not."""
    outside = coarse.seen & ~dense & ~cavity
    for order in (range(1, len(cavity)), range(len(cavity) - 2, -1, -1)):
        for k in order:
            before = k - 1 if order.step > 0 else k + 1
            both = cavity[k] & outside[before]
            if not both.any():
                continue
            regions, n = ndimage.label(cavity[k])
            area = np.bincount(regions.ravel(), minlength=n + 1)
            shared = np.bincount(regions[both], minlength=n + 1)
            for index in np.flatnonzero(shared > 0.6 * area):
                region = regions == index
                if index and not _lung_like(coarse.hu[k], region):
                    cavity[k][region] = False
                    outside[k][region] = True


def _choose_pieces(coarse: Coarse, whole: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the largest structure with what belongs to a body (arms), and the bodies' number."""
    regions, n = ndimage.label(whole)
    if n == 0:
        return whole, 0
    sizes = np.bincount(regions.ravel(), minlength=n + 1)
    sizes[0] = 0
    main = int(sizes.argmax())
    keep = [main]
    for index, window in enumerate(ndimage.find_objects(regions), start=1):
        if index == main or sizes[index] * coarse.pixel_mm2 < PIECE_MM2:
            continue
        piece = regions[window] == index
        if _is_tissue(coarse, piece, window):
            keep.append(index)
    kept = np.zeros(n + 1, dtype=bool)
    kept[keep] = True
    chosen = kept[regions]
    return chosen, count_bodies(np.where(chosen, regions, 0))


def count_bodies(pieces: np.ndarray) -> int:
    """Return how many of some pieces are bodies of their own, and not arms.

    Parameters
    ----------
    pieces
        Number of the piece, from 1, [k, j, i]; 0 elsewhere.
    """
    most = int(pieces.max(initial=0)) + 1
    areas = np.array([np.bincount(image.ravel(), minlength=most)[1:] for image in pieces])
    if areas.size == 0:
        return 0
    volume, widest = areas.sum(axis=0), areas.max(axis=0)
    main = volume.argmax()
    large = volume > SECOND_BODY * volume[main]
    return int((large & (widest > SECOND_BODY_WIDTH * widest[main])).sum())


def _is_tissue(coarse: Coarse, piece: np.ndarray, window: tuple[slice, ...]) -> bool:
    """Return whether a separate piece is a part of a body, not of the couch."""
    areas = piece.sum(axis=(1, 2)) * coarse.pixel_mm2
    if areas.max() < PIECE_MM2:
        return False
    # An arm is as thick as it is wide; where the image cuts it, it goes on.
    around = tuple(
        slice(max(0, w.start - 1), w.stop + 1) if axis else w for axis, w in enumerate(window)
    )
    own = np.zeros(coarse.hu[around].shape, dtype=bool)
    own[:, window[1].start - around[1].start :, window[2].start - around[2].start :][
        :, : piece.shape[1], : piece.shape[2]
    ] = piece
    if not eroded_by_disc(own, coarse.radius_px(PIECE_RADIUS_MM), beyond=True).any():
        return False
    values = coarse.hu[window][piece]
    if not -150.0 < np.median(values) < 150.0:
        return False
    present = piece.mean(axis=0)
    length_mm = len(areas) * coarse.spacing_mm[0]
    constant = (present > 0.95).sum() / max(1, (present > 0.05).sum())
    return not (length_mm > 60.0 and len(areas) > 5 and constant > 0.85)


def _without_specks(body: np.ndarray) -> np.ndarray:
    """Fill holes of a few pixels in a slice; larger ones are air that does not belong to it."""

    def fill(k: int) -> None:
        holes, n = ndimage.label(~body[k])
        if n > 1:
            body[k] |= (np.bincount(holes.ravel()) <= SPECK_PIXELS)[holes]

    for_each_slice(fill, range(len(body)))
    return body
