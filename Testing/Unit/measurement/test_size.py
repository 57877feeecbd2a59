"""Size and SSDE: exact shapes in, known diameters and factors out."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.errors import AcquisitionError
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import SizeProfile, measure_size, water_equivalent_diameter_mm
from CTDoseSegLib.measurement.ssde import BODY_16, BODY_32, HEAD_16, anatomy_of, ssde
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap


def disc(radius_mm, center_mm=(0.0, 0.0), shape=(512, 512), pixel_mm=(0.8, 0.8), fine=1):
    """Part of each pixel that a disc covers, sampled `fine` x `fine` times; centre is (x, y)."""
    y, x = (np.arange(n * fine) / fine + 0.5 / fine - n / 2 for n in shape)
    inside = (x * pixel_mm[0] - center_mm[0]) ** 2 + (
        (y * pixel_mm[1] - center_mm[1])[:, None] ** 2
    ) < radius_mm**2
    rows, columns = shape
    return inside.reshape(rows, fine, columns, fine).mean(axis=(1, 3))


def sized(body, hu=None, pixel_mm=(0.8, 0.8), **acquisition):
    """Series and size of body masks [k, j, i]; water in noisy air unless there is `hu`."""
    body = np.asarray(body, bool)
    if hu is None:
        noise = np.random.default_rng(0).integers(-10, 10, body.shape)
        hu = np.where(body, 0, -1000 + noise).astype(np.int16)
    affine = np.diag([*pixel_mm, 5.0, 1.0])
    ctdivol = acquisition.pop("slice_ctdivol_mGy", [None] * len(body))
    slices = tuple(SliceInfo(5.0 * k, ctdivol_mGy=c) for k, c in enumerate(ctdivol))
    series = CTSeries(hu, affine, slices, Acquisition(**acquisition), "test")
    atom = Atom(1, "body_rest", "", "#ffffff", "test")
    labelmap = Labelmap(body.astype(np.uint8), affine, (atom,), {"body": ("body_rest",)}, "test")
    return series, measure_size(series, labelmap, measure(series, labelmap))


def codes(flags):
    return {f.code for f in flags}


def organs_in(name: str):
    """Size of a disc of 320 mm that holds one of 200 mm, labelled as `name` and liver."""
    whole, liver = disc(160.0) > 0.5, disc(100.0) > 0.5
    hu = np.where(whole, 0, -1000).astype(np.int16)[None]
    series = CTSeries(hu, np.diag([0.8, 0.8, 5.0, 1.0]), (SliceInfo(0.0),), Acquisition(), "test")
    labels = np.where(liver, 2, whole if name else 0).astype(np.uint8)[None]
    atoms = [named_atom(2, "liver", "test")] + [named_atom(1, name, "test")] * bool(name)
    groups = groups_of(atom.name for atom in atoms)
    labelmap = Labelmap(labels, series.affine, tuple(atoms), groups, "test")
    return measure_size(series, labelmap, measure(series, labelmap))


def test_organs_without_a_body_are_measured_with_a_warning_on_scan_and_slice():
    size = organs_in("")
    assert size.wed_mm[0] == pytest.approx(200, rel=0.02)  # not the 320 mm of the body
    (warning,) = size.scan_flags
    assert (warning.code, warning.severity) == ("body_of_organs", "warning")
    assert codes(size.flags[0]) == {"body_of_organs"}


@pytest.mark.parametrize("name", ["body_rest", "body_trunc"])
def test_a_label_map_with_a_body_has_no_such_warning(name):
    size = organs_in(name)
    assert size.wed_mm[0] == pytest.approx(320, rel=0.02)
    assert not size.scan_flags


def profile(wed_mm):
    wed = np.atleast_1d(np.asarray(wed_mm, float))
    nothing = np.zeros(wed.size)
    return SizeProfile(nothing, nothing, wed, nothing, nothing, wed, ((),) * wed.size)


def exposed(wed_mm, slice_ctdivol_mGy=10.0, **acquisition):
    wed = np.atleast_1d(wed_mm)
    slices = tuple(SliceInfo(float(k), ctdivol_mGy=slice_ctdivol_mGy) for k in range(wed.size))
    hu = np.zeros((wed.size, 1, 1), np.int16)
    return CTSeries(hu, np.eye(4), slices, Acquisition(**acquisition), "test")


@pytest.mark.parametrize("diameter_mm", [80.0, 160.0, 250.0, 320.0, 393.7])
@pytest.mark.parametrize("pixel_mm", [(0.8, 0.8), (0.97, 0.8)])
def test_wed_of_a_water_cylinder_is_its_diameter(diameter_mm, pixel_mm):
    cover = disc(diameter_mm / 2, (0.3, -0.2), pixel_mm=pixel_mm, fine=8)
    hu = np.rint(1000 * cover - 1000).astype(np.int16)[None]  # partial volume at the rim
    _, size = sized(cover[None] > 0, hu, pixel_mm)
    assert size.wed_mm[0] == pytest.approx(diameter_mm, rel=1e-3)
    assert size.truncated_fraction[0] == 0
    assert size.wed_corrected_mm[0] == size.wed_mm[0]
    assert size.flags == ((),)


def test_wed_of_lung_is_smaller_by_the_root_of_its_density():
    assert water_equivalent_diameter_mm(np.pi * 100.0**2, -750.0) == pytest.approx(100.0)


def test_a_slice_without_body_has_no_size_and_a_flag():
    body = np.stack([disc(80.0) > 0, np.zeros((512, 512), bool)])
    _, size = sized(body)
    assert np.isfinite(size.wed_mm[0])
    for values in (size.wed_mm, size.truncated_fraction, size.wed_corrected_mm):
        assert np.isnan(values[1])
    assert size.flags[0] == ()
    assert codes(size.flags[1]) == {"slice_without_body"}
    assert "slices 1" in size.scan_flags[0].message


@pytest.mark.parametrize("air_hu", [-990, -1024])  # noise in air above a skull; padding
def test_a_mask_without_tissue_is_no_body(air_hu):
    body = np.stack([disc(80.0) > 0] * 3)
    hu = np.where(body, 40, -1000).astype(np.int16)
    hu[1] = air_hu + np.random.default_rng(0).integers(0, 40, hu[1].shape)
    _, whole = sized(body[::2], hu[::2])
    _, size = sized(body, hu)
    for values in (size.wed_mm, size.body_mean_hu, size.truncated_fraction, size.wed_corrected_mm):
        assert np.isnan(values[1])
        assert np.isfinite(values[::2]).all()
    assert size.body_area_mm2[1] == 0
    assert [codes(flags) for flags in size.flags] == [set(), {"slice_without_body"}, set()]
    assert size.summary().mean_mm == pytest.approx(whole.summary().mean_mm)
    assert size.summary().low_mm == pytest.approx(whole.summary().low_mm)


def test_a_slice_of_lungs_keeps_its_size():
    body = disc(150.0) > 0
    hu = np.where(disc(130.0) > 0, -870, np.where(body, 40, -1000)).astype(np.int16)
    _, size = sized(body[None], hu[None])
    assert -680 < size.body_mean_hu[0] < -620  # emptier than any patient's slice
    assert np.isfinite(size.wed_mm[0])
    assert size.flags == ((),)


def test_a_mask_of_noise_in_every_slice_is_no_body():
    _, size = sized(np.ones((2, 20, 20), bool), np.full((2, 20, 20), -950, np.int16))
    assert codes(size.scan_flags) == {"no_body"}


def test_a_scan_without_any_body_is_flagged_once_for_the_scan():
    _, size = sized(np.zeros((3, 20, 20), bool))
    assert np.isnan(size.wed_mm).all()
    assert codes(size.scan_flags) == {"no_body"}


def test_values_that_are_not_hu_give_no_diameter():
    body = np.ones((1, 20, 20), bool)
    body[0, 0] = False
    _, size = sized(body, np.full((1, 20, 20), -1500, np.int16))
    assert np.isnan(size.wed_mm[0])
    assert "body_lighter_than_air" in codes(size.scan_flags)


@pytest.mark.parametrize("pixel_mm", [(0.8, 0.8), (0.9, 0.75)])
@pytest.mark.parametrize("depth_mm", [5.0, 15.0, 40.0])
def test_truncated_fraction_of_a_disc_cut_by_the_image_is_chord_over_contour(pixel_mm, depth_mm):
    radius = 150.0
    half = 512 * pixel_mm[0] / 2
    _, size = sized(
        [disc(radius, (half - radius + depth_mm, 0), pixel_mm=pixel_mm) > 0.5], None, pixel_mm
    )
    angle = np.arccos(1 - depth_mm / radius)
    chord, arc = 2 * radius * np.sin(angle), 2 * radius * (np.pi - angle)
    assert size.truncated_fraction[0] == pytest.approx(chord / (chord + arc), rel=0.05)


@pytest.mark.parametrize("sides", ["left", "right", "front", "back"])
def test_every_side_of_the_image_is_a_border(sides):
    body = np.zeros((1, 200, 200), bool)
    body[0, 50:150, 50:150] = True
    shift = {"left": (0, -50), "right": (0, 50), "front": (-50, 0), "back": (50, 0)}[sides]
    _, size = sized(np.roll(body, shift, axis=(1, 2)))
    side = 100 / (100 + 300 * np.pi / 4)
    assert size.truncated_fraction[0] == pytest.approx(side)


def ellipse_in_a_disc(corner_hu):
    """A body wider than the circle of reconstruction; outside the circle, `corner_hu`."""
    y, x = np.mgrid[:512, :512] - 255.5
    circle = np.hypot(x, y) <= 256
    body = ((x / 300) ** 2 + (y / 180) ** 2 < 1) & circle
    noise = np.random.default_rng(1).integers(-20, 20, body.shape)
    hu = np.where(body, 0, -1000 + noise)
    return body, np.where(circle, hu, corner_hu(noise)).astype(np.int16)


def test_a_body_cut_by_the_circle_of_reconstruction_is_truncated():
    body, hu = ellipse_in_a_disc(lambda noise: -1000)
    _, size = sized(body[None], hu[None])
    # Where the ellipse leaves the circle: (x/300)^2 + (y/180)^2 = 1 on x^2 + y^2 = 256^2.
    y = np.sqrt((1 - (256 / 300) ** 2) / (1 / 180**2 - 1 / 300**2))
    arcs = 4 * 256 * np.arcsin(y / 256)
    t = np.linspace(np.arcsin(y / 180), np.pi / 2, 2000)
    rest = 4 * np.hypot(np.diff(300 * np.cos(t)), np.diff(180 * np.sin(t))).sum()
    assert size.truncated_fraction[0] == pytest.approx(arcs / (arcs + rest), rel=0.05)
    assert np.isnan(size.wed_corrected_mm[0])
    assert codes(size.flags[0]) == {"truncation_not_corrected"}


def test_corners_with_noise_mean_that_the_whole_image_is_the_field_of_view():
    body, hu = ellipse_in_a_disc(lambda noise: -1000 + noise)
    _, size = sized(body[None], hu[None])
    assert 0 < size.truncated_fraction[0] < 0.06  # it only touches the image's two sides


def test_a_body_inside_a_circle_of_reconstruction_is_whole():
    body = disc(150.0) > 0.5
    hu = np.where(body, 0, -1000).astype(np.int16)
    _, size = sized(body[None], hu[None])
    assert size.truncated_fraction[0] == 0


def test_small_truncation_is_corrected_beside_the_measured_value():
    radius, half = 150.0, 512 * 0.8 / 2
    _, size = sized([disc(radius, (half - radius + 5, 0)) > 0.5])
    fraction = size.truncated_fraction[0]
    assert 0 < fraction < 0.2
    assert size.wed_corrected_mm[0] == pytest.approx(size.wed_mm[0] * np.exp(1.15 * fraction**3))
    assert codes(size.flags[0]) == {"body_truncated"}
    assert "all slices, up to" in size.scan_flags[0].message
    assert "the corrected one beside it was up to 1 % too small" in size.scan_flags[0].consequence


def test_summary_gives_centre_mean_and_range_of_the_slices_with_a_body():
    summary = profile([np.nan, 200.0, 300.0, 250.0]).summary()
    assert (summary.centre_mm, summary.low_mm, summary.high_mm) == (300.0, 200.0, 300.0)
    assert summary.mean_mm == 250.0
    assert np.isnan(profile([np.nan]).summary().mean_mm)


@pytest.mark.parametrize(
    ("phantom", "anatomy", "wed_mm", "table", "factor"),
    [
        (32, "body", 300.0, BODY_32, 3.704369 * np.exp(-0.03671937 * 30)),
        (16, "body", 180.0, BODY_16, 0.934),  # worked values for a diameter of 18 cm
        (16, "head", 180.0, HEAD_16, 0.828),
    ],
)
def test_factor_goes_by_anatomy_and_phantom_together(phantom, anatomy, wed_mm, table, factor):
    result = ssde(exposed([wed_mm], phantom_cm=phantom), profile([wed_mm]), anatomy)
    assert result.table == table
    assert result.factor[0] == pytest.approx(factor, abs=5e-4)
    assert result.ssde_mGy[0] == pytest.approx(10.0 * result.factor[0])
    assert result.alternative_ssde_mGy is None


def test_a_newborn_is_a_child():
    size = profile([100.0])
    newborn = ssde(exposed(100.0, phantom_cm=16, age_years=0.0), size)
    assert newborn.table == BODY_16
    assert ssde(exposed(100.0, phantom_cm=16), size).table == HEAD_16


def test_a_16_cm_phantom_of_unknown_anatomy_gives_both_results():
    result = ssde(exposed([180.0], phantom_cm=16), profile([180.0]))
    assert (result.table, result.alternative_table) == (HEAD_16, BODY_16)
    assert result.ssde_mGy[0] == pytest.approx(8.28, abs=0.01)
    assert result.alternative_ssde_mGy[0] == pytest.approx(9.34, abs=0.01)
    assert "ssde_in_doubt" in codes(result.flags)


def test_a_child_of_unknown_anatomy_is_taken_as_a_body_with_the_head_beside_it():
    result = ssde(exposed([180.0], phantom_cm=16, age_years=6.0), profile([180.0]))
    assert (result.table, result.alternative_table) == (BODY_16, HEAD_16)


def test_a_large_diameter_leaves_no_doubt_that_it_is_a_body():
    result = ssde(exposed([300.0], phantom_cm=16), profile([300.0]))
    assert result.table == BODY_16
    assert result.alternative_table is None


def test_the_body_part_decides_where_the_user_does_not():
    series = exposed([180.0], phantom_cm=16, body_part="BRAIN")
    assert ssde(series, profile([180.0])).table == HEAD_16
    assert ssde(series, profile([180.0]), "body").table == BODY_16


def test_a_phantom_that_is_not_stated_is_assumed_with_a_flag():
    result = ssde(exposed([300.0], body_part="CHEST"), profile([300.0]))
    assert result.table == BODY_32
    (assumed,) = [f for f in result.flags if f.code == "ssde_phantom_assumed"]
    assert "32 cm" in assumed.message
    other = 1.874799 * np.exp(-0.03871313 * 30) / (3.704369 * np.exp(-0.03671937 * 30))
    assert f"would be {other:.2f} times as large" in assumed.consequence


def test_no_flag_is_about_the_phantom_where_there_is_no_ctdivol():
    result = ssde(exposed([300.0], None, body_part="CHEST"), profile([300.0]))
    assert codes(result.flags) == {"ssde_without_ctdivol"}


def test_a_head_with_the_body_phantom_has_no_factor_and_is_asked_for_the_other():
    result = ssde(exposed([180.0], phantom_cm=32), profile([180.0]), "head")
    assert np.isnan(result.ssde_mGy).all()
    assert result.table == ""
    (refused,) = [one for one in result.flags if one.code == "ssde_head_body_phantom"]
    assert "needs that of the 16 cm phantom" in refused.message


def test_a_head_without_ctdivol_is_asked_for_that_of_the_16_cm_phantom():
    (missing,) = ssde(exposed([180.0], None, body_part="HEAD"), profile([180.0])).flags
    assert "CTDIvol of the 16 cm phantom" in missing.message
    (missing,) = ssde(exposed([300.0], None, body_part="CHEST"), profile([300.0])).flags
    assert "16 cm" not in missing.message


@pytest.mark.parametrize("unknown", [None, 0.0])
def test_ssde_is_missing_where_ctdivol_is_not_known(unknown):
    series, size = sized([disc(100.0) > 0] * 2, slice_ctdivol_mGy=[12.0, unknown], phantom_cm=32)
    result = ssde(series, size, "body")
    assert result.ssde_mGy[0] == pytest.approx(12.0 * 3.704369 * np.exp(-0.3671937 * 2), rel=0.01)
    assert np.isnan(result.ssde_mGy[1])
    assert codes(result.slice_flags[1]) == {"ssde_without_ctdivol"}
    assert result.mean_mGy == pytest.approx(result.ssde_mGy[0])


def test_the_scans_ctdivol_serves_every_slice_where_no_slice_has_its_own():
    series = exposed([300.0], None, phantom_cm=32, ctdivol_mGy=8.0)
    result = ssde(series, profile([300.0]), "body")
    assert result.ssde_mGy[0] == pytest.approx(8.0 * result.factor[0])
    assert "ssde_scan_ctdivol" in codes(result.flags)


def test_diameters_outside_the_fit_are_flagged_slice_by_slice():
    wed = [60.0, 300.0, 460.0]
    result = ssde(exposed(wed, phantom_cm=32), profile(wed), "body")
    assert [codes(f) for f in result.slice_flags] == [
        {"ssde_outside_fit"},
        set(),
        {"ssde_outside_fit"},
    ]
    assert np.isfinite(result.ssde_mGy).all()


@pytest.mark.parametrize(
    ("body_part", "anatomy"),
    [
        ("HEAD", "head"),
        ("BRAIN", "head"),
        ("CHEST_TO_PELVIS", "body"),
        ("Thorax", "body"),
        ("PANCREAS", "body"),
        ("HEADNECK", None),
        ("NECK", None),
        ("KNEE", None),
        ("", None),
        (None, None),
    ],
)
def test_anatomy_is_read_only_from_body_parts_that_decide_it(body_part, anatomy):
    assert anatomy_of(body_part) == anatomy


def test_an_unknown_anatomy_is_refused():
    with pytest.raises(AcquisitionError, match="body or head"):
        ssde(exposed([300.0]), profile([300.0]), "leg")
