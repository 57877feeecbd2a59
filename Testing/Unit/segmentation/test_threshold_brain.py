"""Thresholds find the brain where a skull is, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.flags import organ_place
from CTDoseSegLib.segmentation.threshold.engine import segment

PIXEL, SLICE = 2.0, 4.0
SHAPE = (56, 110, 100)
AFFINE = np.diag([-PIXEL, -PIXEL, SLICE, 1.0])
MIDDLE = (34, 55, 50)
# mm from the middle of the braincase.
axes = (slice(-m, n - m) for n, m in zip(SHAPE, MIDDLE, strict=True))
up_mm, back_mm, left_mm = np.ogrid[tuple(axes)]
up_mm, back_mm, left_mm = up_mm * SLICE, back_mm * PIXEL, left_mm * PIXEL


def ball(up, back, left, *, at=(0.0, 0.0, 0.0)) -> np.ndarray:
    """Return an ellipsoid with half axes in mm."""
    where = zip((up_mm, back_mm, left_mm), at, (up, back, left), strict=True)
    return sum(((x - c) / half) ** 2 for x, c, half in where) <= 1


def brain_of(size=1.0) -> np.ndarray:
    return ball(64 * size, 82 * size, 66 * size)


def head(size=1.0, wall=7.0) -> np.ndarray:
    """Return HU [k, j, i]: braincase with brain and ventricle, foramen magnum, spine and neck."""
    hu = np.full(SHAPE, -1000.0)
    skull = [ball(64 * size + t, 82 * size + t, 66 * size + t) for t in (wall, wall + 8 * size)]
    neck = (np.hypot(back_mm - 10, left_mm) < 55 * size) & (up_mm < -40 * size)
    hu[skull[1] | neck] = 40
    spine = (np.hypot(back_mm - 25 * size, left_mm) < 20 * size) & (up_mm < -68 * size)
    canal = (np.hypot(back_mm - 25 * size, left_mm) < 12 * size) & (up_mm < -50 * size)
    hu[skull[0] | spine] = 900
    hu[brain_of(size) | canal] = 35
    hu[ball(12 * size, 25 * size, 14 * size)] = 5
    return hu


def made(hu):
    noisy = hu + np.random.default_rng(0).normal(0, 12, hu.shape)
    slices = tuple(SliceInfo(z_mm=SLICE * k) for k in range(len(hu)))
    return segment(CTSeries(np.rint(noisy).astype(np.int16), AFFINE, slices, Acquisition(), "test"))


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def why_left_out(labelmap) -> str:
    """Return why there is no brain although there is a head."""
    assert "brain" not in labelmap.groups
    (one,) = labelmap.flags
    assert (one.code, one.place) == ("organ_left_out", organ_place("brain"))
    return one.detail


@pytest.mark.parametrize(("size", "wall"), [(1.0, 7.0), (0.66, 5.0)], ids=["adult", "newborn"])
def test_soft_tissue_inside_the_skull_is_brain(size, wall):
    drawn = made(head(size, wall))
    assert drawn.flags == ()
    brain, ventricle = drawn.mask("brain"), ball(12 * size, 25 * size, 14 * size)
    assert dice(brain, brain_of(size) & ~ventricle) > 0.95
    assert brain[ventricle].mean() < 0.5
    neck = np.broadcast_to(up_mm < -75 * size, SHAPE)
    assert not brain[neck].any()


def test_body_is_the_same_with_a_brain_in_it():
    drawn = made(head())
    assert set(drawn.groups["body"]) == {a.name for a in drawn.atoms} - {"couch"}
    assert drawn.groups["brain"] == ("brain",)
    assert dice(drawn.mask("body"), head() > -500) > 0.99


def test_a_fontanelle_and_sutures_are_no_opening():
    hu = head(0.66, 5.0)
    scalp = (
        (hu > 500)
        & ((np.hypot(back_mm + 25, left_mm) < 14) | (np.abs(left_mm) < 2.5))
        & (up_mm > 0)
    )
    hu[scalp] = 40
    brain = made(hu).mask("brain")
    assert dice(brain, brain_of(0.66)) > 0.94
    assert brain[scalp].mean() < 0.3


def test_calcifications_and_a_clip_are_holes_and_no_walls():
    hu = head()
    for place in ((0, -30, 0), (10, 40, 20), (20, 0, -30)):
        hu[ball(4, 3, 3, at=place)] = 600
    hu[ball(3, 2, 6, at=(-20, -50, 10))] = 3000
    assert dice(made(hu).mask("brain"), brain_of()) > 0.95


def test_contrast_agent_raises_the_brain():
    hu = head()
    hu[brain_of() & (hu > 20)] = 65
    assert dice(made(hu).mask("brain"), brain_of()) > 0.95


def test_a_skull_with_a_large_piece_missing_gives_no_brain_but_a_flag():
    hu = head()
    flap = (hu > 500) & (left_mm > 20) & (back_mm < 40) & (up_mm > -20)
    hu[flap] = 40
    assert "the skull is open" in why_left_out(made(hu))


def test_a_skull_that_is_too_small_gives_no_brain_but_a_flag():
    assert "the skull holds" in why_left_out(made(head(0.42, 5.0)))


def test_the_lower_part_of_a_head_has_the_brain_that_is_there():
    part = slice(0, 40)
    drawn = made(head()[part])
    assert dice(drawn.mask("brain"), brain_of()[part]) > 0.95


def test_a_few_slices_of_a_head_give_no_brain():
    assert "brain" not in made(head()[34:37]).groups


def test_a_ring_of_bone_in_a_large_body_is_no_skull():
    """As a pelvis that a tilted slice shows closed, or a cast that lies in the abdomen."""
    hu = np.full(SHAPE, -1000.0)
    hu[:, np.hypot(back_mm[0] / 95, left_mm[0] / 95) < 1] = 40
    ring = (np.hypot(back_mm, left_mm) < 50) & (np.hypot(back_mm, left_mm) > 42)
    hu[np.broadcast_to(ring, SHAPE)] = 700
    drawn = made(hu)
    assert "brain" not in drawn.groups
    assert drawn.flags == ()


def test_ribs_are_no_skull():
    """Bars of bone around lungs and liver, each slice with gaps, the chest as wide as a head."""
    hu = np.full(SHAPE, -1000.0)
    wall = (back_mm / 75) ** 2 + (left_mm / 85) ** 2
    hu[np.broadcast_to(wall < 1, SHAPE)] = 55
    angle = np.arctan2(back_mm, left_mm)
    rib = (wall < 0.9) & (wall > 0.72) & (((up_mm + 30 * angle) % 24) < 13)
    hu[rib & (np.abs(angle - np.pi / 2) > 0.2)] = 700
    drawn = made(hu)
    assert "brain" not in drawn.groups
    assert drawn.flags == ()
