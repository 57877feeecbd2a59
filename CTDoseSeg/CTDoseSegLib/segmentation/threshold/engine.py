"""Threshold-based segmentation: body, skin, couch, lungs, trachea, bone and brain, no network.

Where things are is decided on a coarse grid (`working_grid.Coarse`), where their surface runs on
the slices themselves, one after the other, so that memory stays at the size of the labels.
"""

from __future__ import annotations

import numpy as np

from ...ct.series import CTSeries
from ...errors import SegmentationError
from ...flags import Flag, flag, organ_place
from ...segmentation.atoms import groups_of, named_atom
from ...tasks.progress import Progress
from ..labelmap import BODY_REST, COUCH, SKIN, Labelmap, counts
from ..morphology import (
    dilated_by_crosses,
    dilated_by_disc,
    eroded_by_cross,
    eroded_by_disc,
)
from ..slice_threads import for_each_slice, in_the_plane
from ..working_grid import Canonical, Coarse, field_of_view
from .body import find_body, surface_threshold
from .bones import WEAK_HU, find_bone
from .brain import BRAIN, Brain, brain_in_slice, find_brain
from .contact import Couch, without_cloth, without_couch
from .lungs import Lungs, find_lungs
from .skin import air_around, skin_shell

ENGINE = "classical"
NAMES = (BODY_REST, SKIN, COUCH, "lung_left", "lung_right", "trachea", "bone", BRAIN)
VALUE = {name: value for value, name in enumerate(NAMES, start=1)}
# Deeper than any cloth is thick: certainly body.
DEEP_MM = 12.0


def segment(series: CTSeries, progress: Progress | None = None) -> Labelmap:
    """Segment `series` without a network.

    Parameters
    ----------
    series
        Any grid; slices may be few, thick, uneven, and may cut the body.
    progress
        Receives progress; may cancel.

    Returns
    -------
    Labelmap
        Atoms body_rest, skin, couch, lung_left, lung_right, trachea, bone and brain (those that
        are there) on the grid of the series. `couch` holds everything denser than the surface
        threshold outside the body: couch, headrest, clothing, blanket, cables.

    Raises
    ------
    SegmentationError
        If no body is found.
    """
    progress = progress or Progress()
    view = Canonical.of(series)
    progress.update(0.02, "looking at the slices")
    coarse = Coarse.of(view)
    threshold = surface_threshold(coarse.hu)
    progress.update(0.15, "finding the body")
    body, bodies = find_body(coarse, threshold, progress)
    if not body.any():
        raise SegmentationError(
            "No body was found, nothing in the volume is as dense and as thick as tissue: check "
            "that the values are HU, or give a label map."
        )
    progress.update(0.35, "finding the lungs")
    lungs = find_lungs(coarse, body, progress)
    progress.update(0.5, "finding bone")
    bone = find_bone(coarse, body & ~lungs.left & ~lungs.right)
    progress.update(0.54, "finding the brain")
    brain = find_brain(coarse, body)
    labels = _refine(view, coarse, threshold, body, lungs, bone, brain, progress)
    present = np.flatnonzero(counts(labels))
    atoms = tuple(named_atom(VALUE[n], n, ENGINE) for n in NAMES if VALUE[n] in present)
    flags: tuple[Flag, ...] = () if series.regular else (flag("slices_not_regular"),)
    if bodies > 1:
        flags += (flag("several_bodies", f"{bodies} separate ones"),)
    flags += brain.flags
    if series.acquisition.contrast and VALUE["bone"] in present:
        flags += (flag("bone_by_thresholds").at(organ_place("bone")),)
    return Labelmap(
        labels=view.restore(labels),
        affine=series.affine,
        atoms=atoms,
        groups=groups_of(a.name for a in atoms),
        engine=ENGINE,
        flags=flags,
    )


def _refine(
    view: Canonical,
    coarse: Coarse,
    threshold: float,
    body: np.ndarray,
    lungs: Lungs,
    bone: np.ndarray,
    brain: Brain,
    progress: Progress,
) -> np.ndarray:
    """Draw the coarse structures on the slices; uint8 labels on the view's grid."""
    shape = view.hu.shape[1:]
    seen = field_of_view(view.hu)
    labels = np.zeros(view.hu.shape, dtype=np.uint8)
    around = in_the_plane(lambda slices: dilated_by_disc(slices, 1), body)
    around |= ~coarse.seen
    near = (
        (hu > threshold, coarse.enlarge(b, shape)) for hu, b in zip(view.hu, around, strict=True)
    )
    couch = Couch.of(near, view.spacing_mm[1:])
    depth = coarse.radius_px(DEEP_MM)
    inside = in_the_plane(lambda slices: eroded_by_disc(slices, depth, beyond=True), body)
    inside |= dilated_by_disc(lungs.left | lungs.right, 1) & body
    open_air = air_around(body)

    def draw(k: int) -> None:
        hu, out = view.hu[k], labels[k]
        dense = hu > threshold
        body_mask = _surface(coarse, body[k], dense, shape)
        deep = coarse.enlarge(inside[k], shape)
        body_mask = without_couch(body_mask, dense & seen, couch, view.spacing_mm[1:])
        body_mask = without_cloth(body_mask, hu, deep)
        out[dense & seen] = VALUE[COUCH]
        out[body_mask] = VALUE[BODY_REST]
        outside = coarse.enlarge(open_air[k], shape)
        out[skin_shell(body_mask, hu, seen, outside, view.spacing_mm[1:])] = VALUE[SKIN]
        hard = body_mask & _surface(coarse, bone[k], hu > WEAK_HU, shape)
        out[hard & (out == VALUE[BODY_REST])] = VALUE["bone"]
        air = hu < lungs.threshold
        rest = body_mask & (out == VALUE[BODY_REST])
        for name, mask in (
            ("trachea", lungs.trachea),
            ("lung_left", lungs.left),
            ("lung_right", lungs.right),
        ):
            drawn = _surface(coarse, mask[k], air, shape) & rest
            out[drawn] = VALUE[name]
            rest &= ~drawn
        rest &= brain.near(coarse, k, shape)
        out[brain_in_slice(hu, rest, view.spacing_mm[1:])] = VALUE[BRAIN]

    def drawn(k: int) -> None:
        if k % 8 == 0:
            progress.update(0.55 + 0.44 * k / len(labels), "drawing surfaces")

    for_each_slice(draw, range(len(labels)), drawn)
    return labels


def _surface(
    coarse: Coarse, mask: np.ndarray, belongs: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Bring a coarse mask [j, i] to the fine grid; near its surface `belongs` decides."""
    if not mask.any():
        return np.zeros(shape, dtype=bool)
    inside = coarse.enlarge(eroded_by_cross(mask), shape)
    near = coarse.enlarge(dilated_by_crosses(mask), shape)
    return inside | (near & belongs)
