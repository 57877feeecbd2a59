"""A label map is checked against anatomy: what cannot be is taken away or flagged, nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.flags import codes, flag
from CTDoseSegLib.flags.summary import summarize
from CTDoseSegLib.segmentation.anatomy.check import check_anatomy
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.segmentation.segmenting import segment

# [k, j, i] = [superior, posterior, left]: 40 slices of 8 mm, pixels of 4 mm.
SHAPE = (40, 60, 90)
AFFINE = np.array([[-4.0, 0, 0, 180], [0, -4.0, 0, 120], [0, 0, 8, 0], [0, 0, 0, 1.0]])
NAMES = ("body_rest", "bone", "lung_left", "lung_right", "liver", "spleen", "stomach")
NO_BONE = tuple(name for name in NAMES if name != "bone")
VALUE = {name: value for value, name in enumerate(NAMES, start=1)}


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


LIVER = "organ liver"


def test_a_torso_as_it_is_raises_nothing_and_keeps_its_voxels():
    series, labelmap = Torso().scan()
    checked = check_anatomy(series, labelmap)
    assert checked.flags == ()
    assert checked.labels is labelmap.labels


@pytest.mark.parametrize(
    ("transpose", "columns"),
    [((1, 0, 2), (0, 2, 1)), ((0, 2, 1), (1, 0, 2)), ((2, 1, 0), (2, 1, 0))],
)
def test_a_torso_along_other_axes_raises_nothing(transpose, columns):
    turned = AFFINE[:, [*columns, 3]]
    series, labelmap = Torso().scan(turned, transpose)
    assert check_anatomy(series, labelmap).flags == ()


def with_heart_as_liver():
    torso = Torso()
    torso.put("liver", box((20, 30), (10, 34), (38, 56)), 45)
    return torso


def test_a_heart_drawn_as_liver_is_taken_away_and_the_dome_stays():
    torso = with_heart_as_liver()
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    taken = (labelmap.labels == VALUE["liver"]) & (checked.labels == VALUE["body_rest"])
    assert taken[24:30, 10:34, 38:56].mean() > 0.95
    assert taken[20:24, 10:34, 46:56].mean() > 0.95
    assert not taken[:20].any()
    assert not taken[:, :, :36].any()
    assert ("organ_corrected", LIVER) in found(checked)
    assert "slices 20-29" in checked.flags[0].detail


def test_what_was_corrected_and_stays_in_doubt_is_one_notice_with_organs_and_one_consequence():
    flags = check_anatomy(*with_heart_as_liver().scan()).flags
    assert {one.code for one in flags} == {"organ_corrected", "organ_doubtful"}
    (notice,) = summarize(flags)
    assert notice.findings == (
        "What is drawn contradicts anatomy: liver (slices 20-29), 19 % of it had to be taken away: "
        "it is heart, between the lungs and left of the dome.",
    )
    assert notice.consequences == ("volume, HU and dose are those of what is drawn now",)


def test_what_goes_on_above_the_dome_is_taken_away():
    torso = Torso()
    heart = box((23, 27), (20, 26), (38, 44))  # too little to have grown again, near the dome
    torso.put("liver", heart, 60)
    checked = check_anatomy(*torso.scan())
    assert (checked.labels[24:27, 20:26, 38:44] == VALUE["body_rest"]).all()
    assert (checked.labels[20:24, 12:36, 16:36] == VALUE["liver"]).all()


def test_the_liver_does_not_begin_again_above_the_heart():
    torso = with_heart_as_liver()
    atrium = box((30, 33), (14, 34), (26, 36))
    torso.put("liver", atrium, 60)
    checked = check_anatomy(*torso.scan())
    assert (checked.labels[atrium] == VALUE["body_rest"]).all()


def test_an_organ_of_the_users_on_a_body_of_an_engine_stays_as_it_is():
    series, labelmap = with_heart_as_liver().scan()
    checked = check_anatomy(series, labelmap, keep={"liver"})
    assert checked.labels is labelmap.labels
    assert found(checked) == [("organ_doubtful", LIVER)]


def test_the_users_organs_are_flagged_and_never_changed():
    series, labelmap = with_heart_as_liver().scan()
    checked = segment(series, "auto", user_segmentation=labelmap)
    assert checked.labels is labelmap.labels
    assert found(checked) == [("organ_doubtful", LIVER)]


def test_a_kidney_drawn_as_liver_is_taken_away_by_its_density():
    torso = Torso()
    torso.put("liver", box((4, 12), (36, 46), (22, 32)), 170)
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("organ_corrected", LIVER)]
    kidney = checked.labels[5:11, 38:46, 23:31]
    assert (kidney == VALUE["body_rest"]).mean() > 0.95
    assert (checked.labels[4:20, 10:34, 10:50] == VALUE["liver"]).all()


@pytest.mark.parametrize(("hu", "flags"), [(170, []), (300, [("organ_doubtful", LIVER)])])
def test_what_the_liver_encloses_stays_and_is_flagged_over_200_hu(hu, flags):
    torso = Torso()
    torso.put("liver", box((8, 12), (18, 28), (22, 32)), hu)
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == flags
    assert checked.labels is labelmap.labels


def test_a_vessel_full_of_contrast_is_no_bone():
    torso = Torso()
    vessel = box((20, 34), (24, 36), (40, 52))
    torso.put("bone", vessel, 300)
    series, labelmap = torso.scan(np.diag([0.45, 0.45, 0.75, 1.0]) @ AFFINE)
    checked = check_anatomy(series, labelmap)
    place = "organ bone"  # in doubt as well, as much of it had to be taken away
    assert found(checked) == [("organ_corrected", place), ("organ_doubtful", place)]
    assert (checked.labels[vessel] == VALUE["body_rest"]).mean() > 0.9
    spine = box((0, 40), (43, 53), (40, 50))
    assert (checked.labels[spine] == VALUE["bone"]).all()


def test_coarse_images_show_no_cortex_so_that_nothing_is_taken_for_contrast_there():
    torso = Torso()
    torso.put("bone", box((20, 34), (24, 36), (40, 52)), 300)
    assert check_anatomy(*torso.scan()).flags == ()


def test_what_has_a_cortex_is_bone_though_its_inside_is_of_one_density():
    torso = Torso()
    torso.put("bone", box((18, 36), (21, 39), (37, 55)), 570)
    torso.put("bone", box((20, 34), (24, 36), (40, 52)), 470)
    assert check_anatomy(*torso.scan()).flags == ()


def test_values_that_are_no_hu_are_not_judged_by_hu():
    torso = Torso()
    torso.put("bone", box((20, 34), (24, 36), (40, 52)), 300)
    series, labelmap = torso.scan()
    series = replace(series, flags=(flag("not_hu", "test"),))
    assert check_anatomy(series, labelmap).flags == ()


def test_a_small_piece_far_away_is_taken_away_and_a_large_one_is_flagged():
    torso = Torso()
    torso.put("liver", box((12, 16), (44, 48), (74, 78)), 55)
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("organ_corrected", LIVER)]
    assert not (checked.labels[:, 44:48, 74:78] == VALUE["liver"]).any()
    torso.put("spleen", box((24, 30), (48, 54), (60, 76)), 50)
    checked = check_anatomy(*torso.scan())
    assert ("organ_doubtful", "organ spleen") in found(checked)


def test_a_piece_cut_by_the_last_slice_is_not_judged():
    torso = Torso()
    torso.put("spleen", box((36, 40), (48, 54), (60, 76)), 50)
    assert check_anatomy(*torso.scan()).flags == ()


def test_gas_inside_the_stomach_is_given_to_it():
    torso = Torso()
    gas = box((12, 16), (14, 22), (62, 68))
    torso.put("body_rest", gas, -900)
    beside = box((12, 16), (12, 20), (70, 76))
    torso.put("body_rest", beside, -900)
    checked = check_anatomy(*torso.scan())
    assert (checked.labels[gas] == VALUE["stomach"]).all()
    assert (checked.labels[beside] == VALUE["body_rest"]).all()
    assert found(checked) == [("organ_corrected", "organ stomach")]


def test_a_mirrored_volume_is_flagged():
    torso = Torso()
    torso.hu, torso.labels = torso.hu[:, :, ::-1], torso.labels[:, :, ::-1]
    assert ("mirrored", "scan") in found(check_anatomy(*torso.scan()))


def test_left_is_the_patients_left_however_the_voxels_lie():
    torso = Torso()
    torso.hu, torso.labels = torso.hu[:, :, ::-1], torso.labels[:, :, ::-1]
    reversed_i = AFFINE @ np.array([[-1, 0, 0, 89], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    assert check_anatomy(*torso.scan(reversed_i)).flags == ()


def test_a_volume_with_its_slices_in_reverse_is_flagged():
    """The dome and the heart are then not where they are looked for."""
    torso = with_heart_as_liver()
    torso.put("liver", box((30, 32), (20, 24), (48, 52)), 45)
    torso.hu, torso.labels = torso.hu[::-1], torso.labels[::-1]
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("upside_down", "scan")]
    assert checked.labels is labelmap.labels


def test_an_airway_below_lungs_and_liver_is_gas_of_the_bowel_and_turns_nothing_round():
    torso = Torso()
    names = (*NAMES, "trachea")
    torso.labels[box((0, 3), (10, 20), (60, 70))] = len(names)
    torso.hu[box((0, 3), (10, 20), (60, 70))] = -900
    series, labelmap = torso.scan()
    series, labelmap = scan(series.hu, labelmap.labels, names=names)
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("organ_doubtful", "organ trachea")]
    assert "below the lung" in checked.flags[0].detail


def test_a_liver_far_too_small_for_the_body_is_flagged():
    torso = Torso()
    torso.labels[torso.labels == VALUE["liver"]] = VALUE["body_rest"]
    torso.put("liver", box((10, 14), (14, 22), (16, 24)), 60)
    flags = check_anatomy(*torso.scan()).flags
    assert [(one.code, one.place) for one in flags] == [("organ_doubtful", LIVER)]
    assert flags[0].detail.startswith("liver (slices 10-13), 33 ml where a body of this size has ")


def test_a_cylinder_with_rods_of_bone_lung_and_fat_is_no_person():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 10:50, 20:70] = 1
    hu = np.where(labels, 20, -1000).astype(np.int16)
    for n, value in enumerate((900, -800, -100)):
        hu[:, 20:25, 25 + 12 * n : 30 + 12 * n] = value
    (one,) = check_anatomy(*scan(hu, labels, names=("body_rest",))).flags
    assert one.code == "no_person"
    assert "of one density" in one.detail


def test_lungs_that_nobody_drew_are_flagged():
    series, labelmap = Torso().scan()
    lungs = (VALUE["lung_left"], VALUE["lung_right"])
    none = np.where(np.isin(labelmap.labels, lungs), VALUE["body_rest"], labelmap.labels)
    checked = check_anatomy(*scan(series.hu, none.astype(np.uint8)))
    assert ("organ_left_out", "organ lung") in found(checked)
    one_side = np.where(labelmap.labels == lungs[0], VALUE["body_rest"], labelmap.labels)
    checked = check_anatomy(*scan(series.hu, one_side.astype(np.uint8)))
    assert ("organ_left_out", "organ lung") not in found(checked)


def test_bone_that_nobody_drew_is_flagged_and_an_enhanced_vessel_beside_bone_is_not():
    series, labelmap = Torso().scan()
    none = np.where(labelmap.labels == VALUE["bone"], VALUE["body_rest"], labelmap.labels)
    checked = check_anatomy(*scan(series.hu, none.astype(np.uint8)))
    assert found(checked) == [("organ_left_out", "organ bone")]
    without = scan(series.hu, np.where(none > 1, none - 1, none).astype(np.uint8), names=NO_BONE)
    assert [one.code for one in check_anatomy(*without).flags] == ["organ_left_out"]
    assert check_anatomy(*without, keep=NO_BONE).flags == ()
    torso = Torso()
    torso.put("body_rest", box((20, 34), (24, 36), (40, 50)), 400)
    assert check_anatomy(*torso.scan()).flags == ()


def test_metal_is_flagged_with_its_slices():
    torso = Torso()
    torso.hu[box((4, 9), (30, 34), (70, 74))] = 8000
    (one,) = check_anatomy(*torso.scan()).flags
    assert (one.code, one.place) == ("metal", "scan")
    assert one.detail == "10 ml in slices 4-8"


def test_a_cylinder_of_plastic_is_no_person():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 10:50, 20:70] = 1
    hu = np.where(labels, 120, -1000).astype(np.int16)
    checked = check_anatomy(*scan(hu, labels, names=("body_rest",)))
    assert found(checked) == [("no_person", "scan")]


@pytest.mark.parametrize(
    ("lowest", "added", "why"), [(-200, 0, "light as air"), (-1000, 300, "dense as bone")]
)
def test_values_that_are_no_hu_are_no_person(lowest, added, why):
    """As of MR given as CT, and of values with another offset."""
    series, labelmap = Torso().scan()
    hu = (np.maximum(series.hu, lowest) + added).astype(np.int16)
    flags = check_anatomy(*scan(hu, labelmap.labels)).flags
    assert [one.detail for one in flags if one.code == "no_person" and why in one.detail]


def test_a_trunk_smaller_than_a_newborns_is_no_person():
    tiny = AFFINE @ np.diag([0.24, 0.24, 0.24, 1])
    series, labelmap = Torso().scan(tiny)
    details = [f.detail for f in check_anatomy(series, labelmap).flags if f.code == "no_person"]
    assert details == ["the largest section of the trunk has 39 cm2"]


def two_round_bodies(apart):
    j, i = np.ogrid[: SHAPE[1], : SHAPE[2]]
    hu, labels = np.full(SHAPE, -1000, np.int16), np.zeros(SHAPE, np.uint8)
    for middle in (45 - apart / 2, 45 + apart / 2):
        labels[:, (j - 30) ** 2 / 22**2 + (i - middle) ** 2 / 17**2 < 1] = 1
        hu[:, (j - 40) ** 2 + (i - middle) ** 2 < 9] = 700
    inner = ndimage.binary_erosion(labels > 0, np.ones((1, 7, 7)))
    hu[(labels > 0) & (hu < 0)] = -100
    hu[inner & (hu < 0)] = 30
    labels[hu == 700] = 2
    return hu, labels


@pytest.mark.parametrize(("apart", "flags"), [(33, ["several_bodies"]), (20, []), (0, [])])
def test_two_bodies_that_touch_are_several_and_a_wide_one_is_not(apart, flags):
    series, labelmap = scan(*two_round_bodies(apart), names=("body_rest", "bone"))
    assert [one.code for one in check_anatomy(series, labelmap).flags] == flags


def test_two_bodies_beside_each_other_are_not_mirrored():
    torso = Torso()
    torso.hu, torso.labels = torso.hu[:, :, ::-1], torso.labels[:, :, ::-1]
    series, labelmap = torso.scan()
    several = replace(labelmap, flags=(flag("several_bodies"),))
    assert [one.code for one in check_anatomy(series, several).flags] == ["several_bodies"]


@pytest.mark.parametrize("k", [2, 12, 22, 39])
def test_one_slice_raises_nothing(k):
    series, labelmap = Torso().scan()
    one = slice(k, k + 1)
    assert check_anatomy(*scan(series.hu[one], labelmap.labels[one])).flags == ()


def test_slices_20_mm_apart_raise_nothing():
    series, labelmap = Torso().scan()
    thick = AFFINE @ np.diag([1, 1, 2.5, 1])
    few = slice(0, None, 2)
    assert check_anatomy(*scan(series.hu[few], labelmap.labels[few], thick)).flags == ()


def test_a_label_map_without_a_body_is_returned_as_it_is():
    series, labelmap = Torso().scan()
    empty = replace(labelmap, labels=np.zeros_like(labelmap.labels))
    assert check_anatomy(series, empty) is empty


def test_an_organ_at_the_edge_of_the_field_of_view_is_cut_and_its_coverage_unknown():
    series, labelmap = Torso().scan()
    part = slice(14, None)  # the liver begins at column 10
    start = AFFINE @ np.array([14, 0, 0, 1.0])
    affine = np.column_stack([AFFINE[:, :3], start])
    series, labelmap = scan(series.hu[:, :, part], labelmap.labels[:, :, part], affine)
    checked = check_anatomy(series, labelmap)
    assert ("organ_cut_by_field", LIVER) in found(checked)
    organs = {organ.organ: organ for organ in analyze(series, checked).doses.organs}
    assert organs["liver"].coverage is None
    assert "organ_cut_by_field" in codes(organs["liver"].flags)
    assert "organ_cut;" not in codes(organs["liver"].flags) + ";"
    assert organs["spleen"].coverage == 1.0
