"""The rim of partly filled pixels round the body, against a plain search of the whole image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.measurement.body_contour import trace_contours
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

ROWS, COLUMNS = 40, 50
# In the middle, at each border and in a corner, and nowhere.
PLACES = ((15, 20), (0, 20), (30, 20), (15, 0), (15, 40), (30, 40), None)


@pytest.mark.parametrize("pixel_mm", [(0.8, 0.8), (0.4, 0.9)])
def test_it_is_found_on_every_side_of_the_body(pixel_mm):
    random = np.random.default_rng(1)
    labels = np.zeros((len(PLACES), ROWS, COLUMNS), np.uint8)
    for image, place in zip(labels, PLACES, strict=True):
        if place is not None:
            image[place[0] : place[0] + 10, place[1] : place[1] + 10] = 1
    labels[0, 14, 22:26] = 2  # a couch that touches the body: labelled, and no part of the rim
    hu = random.integers(-1000, 100, labels.shape).astype(np.int16)
    affine = np.diag([*pixel_mm, 5.0, 1.0])
    slices = tuple(SliceInfo(5.0 * k) for k in range(len(labels)))
    series = CTSeries(hu, affine, slices, Acquisition(), "test")
    atoms = (Atom(1, "body_rest", "", "#ffffff", "test"), Atom(2, "couch", "", "#888888", "test"))
    labelmap = Labelmap(labels, affine, atoms, {"body": ("body_rest",)}, "test")

    found = trace_contours(series, labelmap).rim_water_mm2

    i_pixels, j_pixels = (max(1, round(1.0 / size)) for size in pixel_mm)
    box = np.ones((2 * j_pixels + 1, 2 * i_pixels + 1), bool)
    for k, image in enumerate(labels):
        rim = ndimage.binary_dilation(image == 1, box) & (image == 0)
        water_mm2 = (hu[k][rim] / 1000.0 + 1.0).sum() * pixel_mm[0] * pixel_mm[1]
        assert found[k] == pytest.approx(water_mm2)
    assert found[-1] == 0 < found[0]
