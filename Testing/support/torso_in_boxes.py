"""A torso of boxes with its label map, for tests of what is checked against anatomy."""

from __future__ import annotations

import numpy as np

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

# [k, j, i] = [superior, posterior, left]: 40 slices of 8 mm, pixels of 4 mm.
SHAPE = (40, 60, 90)
AFFINE = np.array([[-4.0, 0, 0, 180], [0, -4.0, 0, 120], [0, 0, 8, 0], [0, 0, 0, 1.0]])
NAMES = ("body_rest", "bone", "lung_left", "lung_right", "liver", "spleen", "stomach")
NO_BONE = tuple(name for name in NAMES if name != "bone")
VALUE = {name: value for value, name in enumerate(NAMES, start=1)}
LIVER = "organ liver"


def box(k, j, i):
    return tuple(slice(*span) for span in (k, j, i))


class Torso:
    """Boxes in a body; the spine has a cortex and trabeculae."""

    def __init__(self):
        self.hu = np.full(SHAPE, -1000.0)
        self.labels = np.zeros(SHAPE, np.uint8)
        noise = np.random.default_rng(1).normal(0, 1, SHAPE)
        self.put("body_rest", box((0, 40), (4, 56), (5, 85)), -100)
        self.put("body_rest", box((0, 40), (8, 52), (9, 81)), 30)
        self.put("bone", box((0, 40), (43, 53), (40, 50)), 500)
        self.put("bone", box((0, 40), (45, 51), (42, 48)), 220)
        self.noise = 8 * noise
        inside = box((0, 40), (45, 51), (42, 48))
        self.hu[inside] += 80 * noise[inside]
        self.put("liver", box((4, 20), (10, 36), (10, 50)), 60)
        for name, i in (("lung_right", (10, 36)), ("lung_left", (56, 80))):
            self.put(name, box((16, 20), (36, 50), i), -850)
            self.put(name, box((20, 38), (8, 46), i), -850)
        self.put("liver", box((20, 24), (12, 36), (16, 36)), 60)
        self.put("spleen", box((10, 18), (30, 42), (70, 80)), 50)
        self.put("stomach", box((10, 18), (12, 26), (60, 70)), 40)

    def put(self, name, where, hu):
        self.labels[where] = VALUE[name]
        self.hu[where] = hu

    def scan(self, affine=AFFINE, transpose=None):
        hu, labels = (self.hu + self.noise).astype(np.int16), self.labels
        if transpose:
            hu, labels = (np.ascontiguousarray(v.transpose(transpose)) for v in (hu, labels))
        return scan(hu, labels, affine)


def scan(hu, labels, affine=AFFINE, names=NAMES):
    slices = tuple(SliceInfo(z_mm=8.0 * k) for k in range(len(hu)))
    series = CTSeries(np.ascontiguousarray(hu), affine, slices, Acquisition(), "test")
    atoms = tuple(named_atom(value, name, "test") for value, name in enumerate(names, start=1))
    return series, Labelmap(np.ascontiguousarray(labels), affine, atoms, groups_of(names), "test")


def found(checked):
    return [(one.code, one.place) for one in checked.flags]


def with_heart_as_liver():
    torso = Torso()
    torso.put("liver", box((20, 30), (10, 34), (38, 56)), 45)
    return torso
