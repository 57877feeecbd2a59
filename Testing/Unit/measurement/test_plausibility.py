"""What a label map calls an organ must be able to be that organ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ct import organs
from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.flags import flag
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.plausibility import implausible_organs
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.result import Result
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

# i to the patient's left, j backward, k to the head.
AFFINE = np.array([[-5.0, 0, 0, 150], [0, -5.0, 0, 100], [0, 0, 10, 0], [0, 0, 0, 1.0]])
SHAPE = (6, 40, 60)
RIGHT, LEFT = slice(10, 20), slice(40, 50)
SOLID = 50


def scan(parts: dict[str, tuple[slice, int]], affine=AFFINE, shape=SHAPE):
    """A body of water with one block for each organ: its columns and its HU."""
    names = ["body_rest", *parts]
    labels = np.zeros(shape, np.uint8)
    hu = np.full(shape, -1000, np.int16)
    labels[:, 5:35, 5:55] = 1
    hu[:, 5:35, 5:55] = 0
    for value, (columns, mean) in enumerate(parts.values(), start=2):
        block = (slice(1, 5), slice(5 * value, 5 * value + 5), columns)
        labels[block], hu[block] = value, mean
    slices = tuple(SliceInfo(z_mm=10.0 * k) for k in range(shape[0]))
    series = CTSeries(hu, affine, slices, Acquisition(), "test")
    atoms = tuple(named_atom(value, name, "test") for value, name in enumerate(names, start=1))
    return series, Labelmap(labels, affine, atoms, groups_of(names), "test")


def found(series, labelmap) -> dict[str, str]:
    flags = implausible_organs(series, labelmap, measure(series, labelmap))
    assert {(f.code, f.severity) for f in flags} <= {("not_this_organ", "warning")}
    return {f.place: f.detail for f in flags}


def test_organs_as_they_are_raise_no_flag():
    right = {"liver": (RIGHT, SOLID), "kidney_right": (RIGHT, 30)}
    left = {"kidney_left": (LEFT, 30), "spleen": (LEFT, SOLID)}
    assert found(*scan({**right, **left})) == {}


def test_a_lung_called_spleen_is_flagged_for_its_hu():
    flags = found(*scan({"spleen": (LEFT, -690)}))
    assert list(flags) == ["organ spleen"]
    assert flags["organ spleen"].startswith("mean -690 HU (")


@pytest.mark.parametrize(
    ("organ", "columns", "hu"),
    [("lung", LEFT, 40), ("trachea", LEFT, 40), ("vertebrae_L1", LEFT, -700), ("aorta", LEFT, -90)],
)
def test_other_organs_of_an_impossible_hu_are_flagged(organ, columns, hu):
    assert f"organ {organ}" in found(*scan({organ: (columns, hu)}))


def test_iodine_and_fat_are_possible():
    organs_of = {"kidney_left": (LEFT, 400), "aorta": (LEFT, 600), "liver": (RIGHT, -30)}
    assert found(*scan(organs_of)) == {}


def test_an_adrenal_gland_of_100_ml_is_flagged():
    flags = found(*scan({"adrenal_gland_left": (slice(36, 56), 20)}, AFFINE))
    assert flags["organ adrenal_gland_left"].startswith("100 ml (up to 60 ml")


def test_exchanged_kidneys_are_flagged_both():
    flags = found(*scan({"kidney_right": (LEFT, 30), "kidney_left": (RIGHT, 30)}))
    assert set(flags) == {"organ kidney_left", "organ kidney_right"}
    assert "150 mm to the patient's right of kidney_right" in flags["organ kidney_left"]


@pytest.mark.parametrize("organ", ["liver", "kidney_right", "lung_upper_lobe_right"])
def test_an_organ_on_the_wrong_side_is_flagged(organ):
    hu = -800 if organ.startswith("lung") else SOLID
    assert "patient's left half" in found(*scan({organ: (LEFT, hu)}))[f"organ {organ}"]
    assert found(*scan({organ: (RIGHT, hu)})) == {}


def test_left_is_the_patients_left_however_the_voxels_lie():
    """The same columns, with i running to the patient's right."""
    mirrored = AFFINE @ np.diag([-1, 1, 1, 1])
    assert found(*scan({"spleen": (LEFT, SOLID)})) == {}
    assert list(found(*scan({"spleen": (LEFT, SOLID)}, mirrored))) == ["organ spleen"]


def test_vessels_of_the_middle_have_no_side():
    assert found(*scan({"brachiocephalic_vein_left": (RIGHT, 200)})) == {}


def test_values_that_are_not_hu_are_not_judged_by_hu():
    series, labelmap = scan({"spleen": (LEFT, -690)})
    assert found(replace(series, flags=(flag("not_hu", "test"),)), labelmap) == {}


def test_a_rim_says_nothing():
    series, labelmap = scan({"spleen": (LEFT, -690)})
    value = labelmap.value_of("spleen")
    labels = np.where(labelmap.labels == value, 1, labelmap.labels)
    labels[3, 11, 45:48] = value
    assert found(series, replace(labelmap, labels=labels)) == {}


@pytest.mark.parametrize("variant", ["trunk", "chest", "abdomen", "head"])
def test_the_phantoms_raise_no_flag(variant):
    phantom = Phantom(shape=(96, 96, 16), spacing_mm=(4.5, 4.5, 20), variant=variant)
    series, truth = phantom_series(phantom)
    atoms = tuple(named_atom(v, n, "test") for n, v in truth.names.items())
    assert found(series, Labelmap(truth.labels, truth.affine, atoms, truth.groups, "test")) == {}


def test_a_map_of_version_1_read_as_version_2_is_flagged():
    series, truth = phantom_series(Phantom(shape=(96, 96, 16), spacing_mm=(4.5, 4.5, 20)))
    version_1 = {name: value for value, name in organs.total_names(1).items()}
    lookup = np.zeros(256, np.uint8)
    for name, value in truth.names.items():
        lookup[value] = version_1.get(name, 0)
    labels = lookup[truth.labels]
    labels[(labels == 0) & (truth.labels > 0)] = 255
    total = {**organs.total_names(2), 255: "body_rest"}
    atoms = tuple(named_atom(int(v), total[int(v)], "test") for v in np.unique(labels) if v)
    groups = groups_of(a.name for a in atoms)
    flags = found(series, Labelmap(labels, truth.affine, atoms, groups, "test"))
    assert len(flags) > 8
    assert {"organ lung_upper_lobe_left", "organ thyroid_gland"} <= set(flags)


def test_the_flag_stands_with_the_organs_dose_and_in_the_result():
    series, labelmap = scan({"spleen": (LEFT, -690), "liver": (RIGHT, SOLID)})
    result = Result.of(analyze(series, labelmap))
    assert "not_this_organ" in {f.code for f in result.dose_of("spleen").flags}
    assert "not_this_organ" not in {f.code for f in result.dose_of("liver").flags}
    assert [f.place for f in result.flags if f.code == "not_this_organ"] == ["organ spleen"]
