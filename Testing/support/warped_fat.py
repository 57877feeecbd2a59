"""More or less fat under the skin of a warped body, slice by slice."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from warped_anatomy import FAT_UNDER_SKIN, SKIN, UNNAMED

SKIN_MM = 2.0
# Of fat that is taken off: what is thinner than twice this goes with it, furrows narrower than
# twice this are spanned, and so much is left over muscle. Judgement.
STRAND_MM, FURROW_MM, LEAST_FAT_MM = 1.5, 10.0, 3.0


def with_fat(made: np.ndarray, fat_mm: float, step_mm: float) -> np.ndarray:
    """Add or take off fat under the skin of a slice, and paint the skin."""
    if not made.any():
        return made
    if fat_mm > 0:
        made[(made == 0) & (_away_mm(made > 0, step_mm) <= fat_mm)] = FAT_UNDER_SKIN
    elif fat_mm < 0:
        made[~_leaner(made, -fat_mm, step_mm)] = 0
    depth = _away_mm(made == 0, step_mm) - step_mm / 2
    made[np.isin(made, UNNAMED) & (depth < SKIN_MM)] = SKIN
    return made


def _leaner(made: np.ndarray, fat_mm: float, step_mm: float) -> np.ndarray:
    """Return the mask of the body without `fat_mm` of the fat under the skin of a slice."""
    depth = _away_mm(made == 0, step_mm)
    core = (made > 0) & ~((made == FAT_UNDER_SKIN) & (depth <= fat_mm))
    # Vessels and septa of the fat that is gone go too.
    core = _away_mm(_away_mm(~core, step_mm) > STRAND_MM, step_mm) <= STRAND_MM
    pieces, _ = ndimage.label(core)
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    core = (areas >= 0.05 * max(areas.max(), 1))[pieces]
    # Skin spans the furrows between muscles, over a little fat.
    lean = core & (made != FAT_UNDER_SKIN)
    core |= _away_mm(lean, step_mm) <= LEAST_FAT_MM
    wide = _away_mm(core, step_mm) <= FURROW_MM
    return (made > 0) & (core | (_away_mm(~wide, step_mm) > FURROW_MM))


def _away_mm(mask: np.ndarray, step_mm: float) -> np.ndarray:
    """Return the distance of each pixel from a mask; large where the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, 1e6)
    return ndimage.distance_transform_edt(~mask) * step_mm
