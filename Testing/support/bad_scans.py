"""Scans that are no plain scan of one person, made of a small phantom: what each shows is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series

AIR = -1000
# Of a person as wide as the table lets it be: without contrast agent.
TRUNK = Phantom(seed=3, shape=(100, 130, 22), spacing_mm=(4.0, 4.0, 25.0))


@cache
def person() -> CTSeries:
    """A trunk without contrast agent."""
    return phantom_series(TRUNK)[0]


def _of(hu: np.ndarray) -> CTSeries:
    return replace(person(), hu=np.ascontiguousarray(hu, np.int16))


def metal() -> CTSeries:
    """Six slices with a rod of metal in the middle, and its streaks."""
    hu = person().hu.astype(np.float32)
    j, i = np.ogrid[: hu.shape[1], : hu.shape[2]]
    far, angle = np.hypot(j - 50, i - 52), np.arctan2(j - 50, i - 52)
    hu[6:12] += 600 * np.sin(12 * angle) * np.exp(-far / 25)
    hu[6:12, far < 6] = 8000
    return _of(np.clip(hu, -1024, 30000))


def motion() -> CTSeries:
    """Eight slices as two positions of the body at once, one after the other to both sides."""
    hu = person().hu.astype(np.float32)
    for k in range(8, 16):
        moved = 3 if k % 2 else -3
        hu[k] = 0.5 * np.roll(hu[k], moved, 1) + 0.5 * np.roll(hu[k], -moved, 0)
    return _of(hu)


def two_people(gap: int) -> CTSeries:
    """Two trunks beside each other, so many pixels of air apart."""
    hu = phantom_series(replace(TRUNK, couch=False))[0].hu
    columns = np.flatnonzero((hu > -300).any(axis=(0, 1)))
    one = hu[:, :, columns[0] : columns[-1] + 1]
    beside, between = (np.full((*hu.shape[:2], n), AIR) for n in (10, gap))
    return _of(np.concatenate([beside, one, between, one, beside], axis=2))


def small_animal() -> CTSeries:
    """As long as a rat; for want of an animal, the person at 0.15 of its size."""
    return _scaled(0.15)


def _scaled(factor: float) -> CTSeries:
    series = person()
    slices = tuple(replace(one, z_mm=factor * one.z_mm) for one in series.slices)
    return replace(series, affine=series.affine @ np.diag([factor] * 3 + [1]), slices=slices)


def plastic(*rods: int) -> CTSeries:
    """A cylinder of one plastic, with rods of these HU in it."""
    cylinder = Phantom(
        variant="cylinder", shape=(100, 100, 10), spacing_mm=(4.0, 4.0, 10.0), diameter_mm=250.0
    )
    series = phantom_series(cylinder)[0]
    hu = np.where(series.hu > -300, series.hu + 30, series.hu)
    j, i = np.ogrid[: hu.shape[1], : hu.shape[2]]
    for n, value in enumerate(rods):
        hu[
            :,
            np.hypot(j - 50 - 15 * np.sin(n * np.pi / 2), i - 50 - 15 * np.cos(n * np.pi / 2)) < 3,
        ] = value
    return replace(series, hu=hu.astype(np.int16))


def magnetic_resonance() -> CTSeries:
    """T1-weighted: fat bright, bone and air dark, nothing below zero."""
    signal = np.interp(
        person().hu,
        [-1100, -900, -300, -120, -60, 20, 60, 150, 300, 1500],
        [5, 20, 60, 900, 800, 380, 420, 300, 120, 20],
    )
    return _of(np.abs(signal + np.random.default_rng(2).normal(0, 15, signal.shape)))


def thick() -> CTSeries:
    """Every other slice of slices of 10 mm: 20 mm from one to the next."""
    series = phantom_series(replace(TRUNK, spacing_mm=(4.0, 4.0, 10.0), shape=(100, 130, 44)))[0]
    affine = series.affine @ np.diag([1, 1, 2, 1])
    return replace(series, hu=series.hu[::2].copy(), slices=series.slices[::2], affine=affine)


def one_slice() -> CTSeries:
    """A slice of the chest."""
    series = person()
    return replace(series, hu=series.hu[14:15].copy(), slices=series.slices[14:15])


def filled(value: int, noise: float = 0.0) -> CTSeries:
    """Every voxel of one value."""
    return _of(np.random.default_rng(3).normal(value, noise, person().hu.shape))


SCANS: Mapping[str, Callable[[], CTSeries]] = {
    "a person": person,
    "metal": metal,
    "motion": motion,
    "two people apart": lambda: two_people(15),
    "two people that touch": lambda: two_people(0),
    "a small animal": small_animal,
    "plastic": plastic,
    "plastic with rods": lambda: plastic(900, -950, -95, 120),
    "MR": magnetic_resonance,
    "negated": lambda: _of(-person().hu),
    "inverted": lambda: _of(person().hu.max() + person().hu.min() - person().hu),
    "without intercept": lambda: _of(person().hu + 1024),
    "mirrored": lambda: _of(person().hu[:, :, ::-1]),
    "upside down": lambda: _of(person().hu[::-1]),
    "one slice": one_slice,
    "slices of 20 mm": thick,
    "air": lambda: filled(AIR),
    "air with noise": lambda: filled(AIR, 20.0),
    "nothing but 0": lambda: filled(0),
    "nothing but 40": lambda: filled(40),
    "nothing but 3071": lambda: filled(3071),
}
