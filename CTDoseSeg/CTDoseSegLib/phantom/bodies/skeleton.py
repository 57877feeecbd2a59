"""The skeleton below the skull, with cartilage, canal and cord."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .outside import Build
from .painter import Painter
from .skeleton_bone import Kit
from .skeleton_chest import paint_chest
from .skeleton_limbs import paint_limbs
from .skeleton_pelvis import paint_hips
from .skeleton_spine import paint_spine


def paint_skeleton(
    b: Painter,
    arms: tuple[str, str],
    limbs: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    build: Build,
) -> None:
    """Paint all bones but skull and mandible, after the outside and the belly's cavity.

    Bone replaces only fat, muscle and cartilage, so that it never leaves the skin. `b.sizes` may
    hold ``bones`` (thickness of bones over the reference adult's; mass goes as its square) and
    ``cortex`` (thickness of the shells).

    Parameters
    ----------
    b
        Paints.
    arms
        ``up`` or ``down`` for the right and the left arm.
    limbs
        From `limbs.limb_paths`.
    build
        Whose belly widens the lower chest.
    """
    kit = Kit(b)
    paint_spine(kit)
    paint_chest(kit, arms, build)
    paint_hips(kit)
    paint_limbs(kit, list(limbs))
