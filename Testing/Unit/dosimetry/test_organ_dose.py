"""The doses that a scan gets: headline, scaling bases, intervals, refusals and flags."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, MODELLED, PIXEL_MM, STEP_MM, codes, doses, make, scan_of

from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.fast.uncertainty import DOSE_BY_SIZE, total_log_half_width
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.flags.summary import summarize
from CTDoseSegLib.measurement.ctdi_per_mas import K90


@pytest.mark.parametrize(("region", "organ"), MODELLED)
def test_every_organ_of_the_model_gets_a_dose_with_both_intervals(region, organ):
    usual = MODEL.regions[region].organs[organ].usual_wed_mm
    radius = (usual.low + usual.high) / 4
    of_head = {"body_part": "HEAD", "phantom_cm": 16} if region == "head" else {}
    drawn = () if organ == "skin" else (organ,)
    _, organs = doses(region=region, organs=drawn, half_axes_mm=(radius, radius), **of_head)
    found = organs[organ]
    assert found.region == region
    assert found.total_low_mGy < found.model_low_mGy < found.dose_mGy
    assert found.dose_mGy < found.model_high_mGy < found.total_high_mGy
    on_slices = range(40) if organ == "skin" else range(12, 28)
    assert np.flatnonzero(np.isfinite(found.slice_dose_mGy)).tolist() == list(on_slices)


def test_doubling_the_tube_current_doubles_every_dose():
    once, _ = doses(ctdivol=None, current=200.0)
    twice, _ = doses(ctdivol=None, current=400.0)
    for a, b in zip(once.organs, twice.organs, strict=True):
        assert b.dose_mGy == pytest.approx(2 * a.dose_mGy, rel=1e-9)


def test_cropping_a_scan_to_the_organ_changes_its_dose_by_little():
    current = 300 + 60 * np.sin(np.arange(40) * STEP_MM / 60)
    _, whole = doses(ctdivol=None, current=current)
    _, cropped = doses(ctdivol=None, current=current[10:30], first=10, slices=20)
    for organ in ("liver", "aorta"):
        assert cropped[organ].dose_mGy == pytest.approx(whole[organ].dose_mGy, rel=0.05)


def test_both_scaling_bases_agree_where_ctdivol_per_mas_is_the_usual_one():
    mas = 300.0 * 0.5
    _, organs = doses(ctdivol=mas * 0.076)
    liver = organs["liver"]
    assert liver.route == "ctdivol"
    assert liver.by_route["mas"] == pytest.approx(liver.by_route["ctdivol"], rel=1e-9)
    assert "routes_disagree" not in codes(liver.flags)


def test_scaling_bases_that_disagree_by_more_than_a_fifth_are_flagged():
    _, organs = doses(ctdivol=300.0 * 0.5 * 0.076 * 1.3)
    for organ in organs.values():
        assert organ.by_route["ctdivol"] / organ.by_route["mas"] == pytest.approx(1.3)
        assert "routes_disagree" in codes(organ.flags)


def test_exposures_of_one_scan_add_up_in_every_organ():
    first = 200 + 100 * np.sin(np.arange(40) / 5)
    second = np.linspace(50, 400, 40)
    one, two, both = (
        doses(ctdivol=None, current=current)[0].organs
        for current in (first, second, first + second)
    )
    for a, b, c in zip(one, two, both, strict=True):
        np.testing.assert_allclose(c.slice_dose_mGy, a.slice_dose_mGy + b.slice_dose_mGy, rtol=1e-9)
        assert c.dose_mGy == pytest.approx(a.dose_mGy + b.dose_mGy, rel=1e-9)


def test_the_headline_weights_slices_by_area_and_density():
    liver = doses(ctdivol=[5.0] * 20 + [15.0] * 20, narrow_below=20)[1]["liver"]
    profile = liver.slice_dose_mGy[12:28]
    # Below slice 20 the liver is half as wide; its HU is the same everywhere.
    area = np.where(np.arange(12, 28) < 20, 1.0, 2.0)
    assert liver.dose_mGy == pytest.approx(np.average(profile, weights=area), rel=1e-9)
    assert liver.dose_slice_mean_mGy == pytest.approx(profile.mean(), rel=1e-9)
    assert liver.dose_mGy > 1.05 * liver.dose_slice_mean_mGy
    assert liver.n_slices == 16
    assert liver.volume_ml == pytest.approx((8 * 8 + 8 * 16) * PIXEL_MM**2 * STEP_MM / 1000)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body_part": "KNEE"}, "limb"),
        ({"body_part": "LOWER LEG"}, "limb"),
        ({"body_part": "LOWEREXTREMITY"}, "limb"),
        ({"body_part": "LEGS"}, "limb"),
        ({"body_part": "FEET"}, "limb"),
        ({"body_part": "Sprunggelenk"}, "limb"),
        ({"body_part": "Jambes"}, "limb"),
        ({"ctdivol": None, "current": None}, "no_exposure"),
        ({"ctdivol": None, "pitch": None}, "no_exposure"),
        ({"ctdivol": None, "dual_source": True}, "no_exposure"),
        ({"ctdivol": None, "ecg_gated": True}, "no_exposure"),
        ({"ctdivol": None, "tin_filter": True}, "no_exposure"),
        ({"ctdivol": None, "kvp_kV": 100.0}, "no_exposure"),
        ({"age_years": 5.0, "phantom_cm": None, "current": None}, "no_exposure"),
    ],
)
def test_refused_scans_give_no_dose_and_the_reason(changes, code):
    result, organs = doses(**changes)
    assert code in codes(result.flags)
    assert organs
    for organ in organs.values():
        assert organ.dose_mGy is None
        assert organ.route == "none"
        assert code in codes(organ.flags)
        assert np.isnan(organ.slice_dose_mGy).all()


@pytest.mark.parametrize(
    "changes",
    [{"phantom_cm": None}, {"ctdivol": None, "current": None}, {"age_years": 5.0}],
    ids=["phantom not stated", "no exposure", "child"],
)
def test_a_limb_is_not_asked_for_an_exposure(changes):
    result, _ = doses(body_part="KNEE", **changes)
    assert codes(result.flags) == {"limb"}
    assert not {"ctdivol_mGy", "phantom_cm"} & set(result.flags[0].mends)


@pytest.mark.parametrize(
    "body_part",
    [
        *("CHEST", "ABDOMEN", "HEAD AND CHEST", "PARTIALBODY", "HEART", "NECKCHEST", "TSPINE"),
        *("NECK", "C-SPINE", "SHOULDER", "HIPS", "LEGS AND PELVIS", None),
    ],
)
def test_trunks_are_not_refused_for_their_body_part(body_part):
    result, organs = doses(body_part=body_part)
    assert organs["liver"].dose_mGy == doses()[1]["liver"].dose_mGy
    assert codes(result.flags) == {"dose_range_unknown"}


@pytest.mark.parametrize("body_part", ["HEAD", "Kopf", "Sch\u00e4del", "HEADNECK", "ORBITS"])
def test_heads_are_not_refused_for_their_body_part(body_part):
    head = {"organs": ("eye_left",), "half_axes_mm": (80.0, 95.0), "phantom_cm": 16}
    organs = doses(body_part=body_part, **head)[1]
    assert organs["eye_left"].dose_mGy > 0
    assert organs["skin"].region == "head"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pregnancy_stated": True}, "pregnancy"),
        ({"kvp_kV": None}, "tube_voltage_unknown"),
        ({"contrast": True}, "contrast_unseen"),
        ({}, "dose_range_unknown"),
        ({"irradiated_range_mm": (5000.0, 6000.0)}, "irradiated_range_elsewhere"),
        ({"irradiated_range_mm": (5000.0, 6000.0)}, "dose_range_unknown"),
    ],
)
def test_doubtful_scans_give_a_dose_with_a_flag(changes, code):
    result, organs = doses(**changes)
    assert code in codes(result.flags)
    assert organs["liver"].dose_mGy is not None


def test_no_flag_speaks_of_the_interval_of_a_dose_that_is_not_given():
    doubts = {"kvp_kV": 65.0, "tin_filter": True, "contrast": True}
    assert {"tube_voltage_outside", "unusual_beam"} <= codes(doses(**doubts)[0].flags)
    assert codes(doses(**doubts, body_part="KNEE")[0].flags) == {"limb"}


def test_an_organ_that_touches_the_end_of_the_images_is_flagged_as_cut():
    _, organs = doses(organ_slices=(0, 20))
    assert "organ_cut" in codes(organs["liver"].flags)
    assert organs["liver"].coverage is None
    _, organs = doses(organ_slices=(1, 20))
    assert "organ_cut" not in codes(organs["liver"].flags)
    assert organs["liver"].coverage == 1.0


@pytest.mark.parametrize(
    ("organ", "has_dose"),
    [("spleen", True), ("trachea", True), ("testis_left", False), ("testis_right", False)],
)
@pytest.mark.parametrize("organ_slices", [(0, 20), (30, 40), (1, 39)])
def test_coverage_and_flag_agree_whether_an_organ_has_a_dose_or_not(organ, has_dose, organ_slices):
    found = doses(organs=(organ,), organ_slices=organ_slices)[1][organ]
    cut = [one for one in found.flags if one.code == "organ_cut"]
    assert (found.dose_mGy is not None) is has_dose
    assert (found.coverage is None) is bool(cut) is (organ_slices != (1, 39))
    for one in cut:
        assert ("the dose is that of the part" in one.consequence) is has_dose


def test_a_refused_organ_that_is_cut_has_its_flag_too():
    liver = doses(body_part="KNEE", organ_slices=(0, 20))[1]["liver"]
    assert (liver.dose_mGy, liver.coverage) == (None, None)
    assert {"limb", "organ_cut"} <= codes(liver.flags)


def test_skin_goes_on_beyond_any_scan_and_says_so_in_its_own_words():
    skin = doses()[1]["skin"]
    assert skin.coverage is None
    assert {"organ_cut", "whole_organ_undefined"} & codes(skin.flags) == {"whole_organ_undefined"}


def test_a_notice_gives_the_reason_of_every_organ_without_a_dose_to_the_whole():
    found = estimate(
        FastEngine(MODEL),
        scan_of(
            *make(
                organs=("liver", "aorta", "colon"),
                organ_slices=(0, 20),
                irradiated_range_mm=(-100.0, 300.0),
            )
        ),
    )
    flags = [one for organ in found.organs for one in organ.flags]
    (notice,) = [one for one in summarize(flags) if one.cause == "irradiated_range"]
    # The patches weigh 40 g: of a liver, less than a tenth.
    assert "of which less than a tenth is seen (liver)" in notice.text
    assert "whose reference mass is not tabulated (aorta, colon)" in notice.text
    assert "as no scan holds all skin (skin)" in notice.text


def test_unevenly_spaced_slices_count_by_their_width():
    series, labelmap = make(ctdivol=np.linspace(4, 16, 40), organs=("liver",))
    z = np.concatenate((np.arange(20) * 1.0, 20 + np.arange(20) * 9.0))
    infos = tuple(replace(s, z_mm=float(at)) for s, at in zip(series.slices, z, strict=True))
    series = replace(series, slices=infos, regular=False)
    result = FastEngine(MODEL).estimate(scan_of(series, labelmap))
    organs = {organ.organ: organ for organ in result.organs}
    profile = organs["liver"].slice_dose_mGy[12:28]
    expected = np.average(profile, weights=np.gradient(z)[12:28])
    assert organs["liver"].dose_mGy == pytest.approx(expected, rel=1e-9)
    assert organs["liver"].dose_mGy > 1.05 * profile.mean()


def test_a_body_cut_by_the_field_of_view_widens_the_total_interval():
    scan = scan_of(*make(organs=("liver",)))
    whole = scan.size

    def liver(fraction):
        part = np.full(40, fraction)
        corrected = whole.wed_mm if fraction < 0.2 else np.full(40, np.nan)
        size = replace(whole, truncated_fraction=part, wed_corrected_mm=corrected)
        return FastEngine(MODEL).estimate(replace(scan, size=size)).organs[0]

    lines = [liver(fraction).budget["truncation"] for fraction in (0.0, 0.1, 0.4)]
    # Crops cut on both sides were up to 23 % too small.
    by_size = DOSE_BY_SIZE * -np.log(1 - 0.23) / 1.645
    np.testing.assert_allclose(lines, [0.0, 0.03, by_size])
    (cut,) = [f for f in liver(0.4).flags if f.code == "organ_truncated"]
    assert "too high" in cut.message


def test_the_dose_changes_with_size_as_fast_as_the_component_of_truncation_takes_it_to():
    reference_beam = np.zeros(len(BEAM_TERMS))
    near_270_mm = 270.0 * np.array([[0.995, 0.995], [1.005, 1.005]])
    falls = []
    for region, name in MODELLED:
        if region != "head":
            organ = MODEL.regions[region].organs[name]
            smaller, larger = organ.log_factor(near_270_mm, reference_beam)
            falls.append((smaller - larger) / np.log(1.005 / 0.995))
    assert np.median(falls) == pytest.approx(DOSE_BY_SIZE, rel=0.05)
    assert 0.8 < min(falls) < max(falls) < 1.5


def test_organs_that_too_few_bodies_had_are_listed_with_the_reason():
    _, organs = doses(organs=("liver", "testis_left", "testis_right"))
    assert organs["liver"].dose_mGy > 0
    for name in ("testis_left", "testis_right"):
        assert organs[name].dose_mGy is None
        (why,) = organs[name].flags
        assert why.code == "no_dose_model"
        assert why.severity == "info"
        assert MODEL.not_predicted[name] in why.message


def test_organs_that_nobody_models_are_not_listed():
    assert "femur_left" not in doses(organs=("liver", "femur_left"))[1]


def test_a_chosen_region_gives_its_own_organs_alone():
    chest = doses(region="chest")[1]
    assert {"aorta", "heart_myocardium"} <= set(chest)
    assert not {"liver", "skin"} & set(chest)
    assert set(doses(region="trunk")[1]) == {"skin"}


def test_an_unknown_region_is_refused_with_those_that_the_model_has():
    with pytest.raises(InputError, match="auto, abdomen, chest, head, pelvis, trunk"):
        doses(region="arm")


def test_the_total_interval_is_the_root_sum_of_squares_of_its_lines():
    liver = doses()[1]["liver"]
    half = K90 * np.sqrt(sum(v**2 for v in liver.budget.values()))
    assert np.log(liver.total_high_mGy / liver.dose_mGy) == pytest.approx(half)
    assert np.log(liver.dose_mGy / liver.total_low_mGy) == pytest.approx(half)


def test_scaling_by_mas_is_less_certain_than_by_ctdivol():
    by_ctdivol = doses()[1]["liver"].budget
    by_mas = doses(ctdivol=None)[1]["liver"].budget
    assert total_log_half_width(by_mas) > total_log_half_width(by_ctdivol)
    # What is displayed says nothing of a dose by mAs, nor the output per mAs of one by CTDIvol.
    assert set(by_ctdivol) ^ set(by_mas) == {"ctdivol_display", "dose_per_mas"}
