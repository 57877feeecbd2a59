"""Slices of the phantom: their bytes, and that pixels of one material are known beforehand."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np
import pytest

from CTDoseSegLib.phantom.canvas import Canvas
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.phantom.render import Pixels, Renderer
from CTDoseSegLib.phantom.shapes import Column, Ellipsoid


@pytest.mark.parametrize(
    ("phantom", "digest", "wed_mm"),
    [
        (
            Phantom(seed=1, shape=(48, 48, 2), spacing_mm=(9.0, 9.0, 120.0)),
            "a559e8e8b30b9063",
            290.25588288179466,
        ),
        (
            Phantom(
                seed=2,
                position="HFP",
                arms="down",
                blanket=True,
                shape=(40, 44, 2),
                spacing_mm=(11.0, 11.0, 150.0),
            ),
            "06f16c0473a4111c",
            301.50875154620724,
        ),
        (
            Phantom(seed=3, variant="head", shape=(48, 48, 2), spacing_mm=(5.0, 5.0, 40.0)),
            "88d87a88bd243c2b",
            172.82942564141402,
        ),
    ],
    ids=("trunk", "prone", "head"),
)
def test_a_seed_gives_the_same_bytes_for_ever(phantom, digest, wed_mm):
    hu, truth = phantom.render()
    data = hu.astype("<i2").tobytes() + truth.labels.astype("<u2").tobytes()
    assert hashlib.sha256(data).hexdigest()[:16] == digest
    assert truth.wed_mm[0] == pytest.approx(wed_mm, rel=1e-9)


@pytest.mark.parametrize("fine", [(3, 3), (4, 7), (10, 9)])
def test_pixels_of_one_material_and_of_several_have_the_plain_mean_and_counts(fine):
    fx, fy = fine
    rng = np.random.default_rng(4)
    plane = np.zeros((20 * fy, 30 * fx), np.uint8)
    for material in range(1, 6):
        top, left = rng.integers(0, 15 * fy), rng.integers(0, 25 * fx)
        plane[top : top + 4 * fy + 1, left : left + 3 * fx + 2] = material
    phantom = Phantom(seed=1, shape=(12, 22, 1), spacing_mm=(0.39 * fy, 0.39 * fx, 1.0))
    renderer = Renderer(phantom)
    assert renderer.fine == fine
    pixels = Pixels.of(plane, fine)
    assert 0 < len(pixels.rows) < 20 * 30 / 2
    window = (slice(3, 18), slice(4, 29))
    part = plane[3 * fy : 18 * fy, 4 * fx : 29 * fx]
    sums = np.add.reduceat(renderer.hu[part], np.arange(0, part.shape[0], fy), axis=0)
    plain = np.add.reduceat(sums, np.arange(0, part.shape[1], fx), axis=1) / (fx * fy)
    assert np.array_equal(renderer._average(pixels, window), plain)
    assert np.array_equal(pixels.counts(9), np.bincount(plane.ravel(), minlength=9))
    assert np.array_equal(pixels.counts(9, window), np.bincount(part.ravel(), minlength=9))


class Many(Phantom):
    """A column of as many atoms as its diameter has millimetres, each a thin slab."""

    @cached_property
    def canvas(self):
        canvas = Canvas()
        column = np.array([[0.0, 20.0, 20.0, 0.0, 0.0]])
        count = int(self.diameter_mm)
        for n in range(count):
            canvas.paint(
                Column(column, z_range=(n - 150.5, n - 149.5)), canvas.material(f"a{n}", n)
            )
        canvas.paint(Ellipsoid.from_axes((0, 0, 0), (4, 4, 4)), canvas.material("a0", 900))
        return canvas


@pytest.mark.parametrize(("count", "kind"), [(255, np.uint8), (300, np.uint16)])
def test_labels_hold_as_many_atoms_as_there_are(count, kind):
    phantom = Many(
        variant="cylinder",
        diameter_mm=count,
        shape=(9, 9, count),
        spacing_mm=(6.0, 6.0, 1.0),
        offset_mm=(0.0, 0.0, (count - 301) / 2),
        noise_hu=0,
        psf_fwhm_mm=0,
    )
    hu, truth = phantom.render()
    assert truth.labels.dtype == kind
    # Atom n lies at z = n - 150 mm, slice n; off the middle nothing else is painted.
    assert np.array_equal(truth.labels[:, 4, 6], np.arange(1, count + 1))
    assert np.array_equal(hu[:, 4, 6], np.arange(count))
    assert truth.labels[150, 4, 4] == 1
