"""DLP and effective dose: k by what the scan covers, with its phantom, or a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.dosimetry.effective_dose import (
    AAPM_96,
    ICRP_103,
    K_FACTORS,
    RELATIVE_HALF_WIDTH,
    dose_length_product,
    effective_dose,
)
from CTDoseSegLib.measurement.body_parts import UNKNOWN, named_parts, parts_of_slices
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.segmentation.labelmap import Atom

# 40 slices of 5 mm: name of an organ to the slices that it is on, foot to head.
CHEST = {"lung": (0, 40)}
ABDOMEN = {"liver": (5, 40), "kidney_left": (0, 20)}
ABDOMEN_PELVIS = {"hip_left": (0, 18), "liver": (20, 40)}
TRUNK = {"sacrum": (0, 12), "liver": (14, 28), "lung": (25, 40)}
HEAD = {"brain": (0, 40)}
NECK = {"thyroid_gland": (5, 12), "vertebrae_C5": (0, 40)}
TYPED = {"irradiated_range_mm": "user"}


def scan(organs, **changes):
    """Series and measurements with `organs` on their slices, lungs a third of the body."""
    series, labelmap = make(organs=(), **changes)
    atoms, groups = list(labelmap.atoms), dict(labelmap.groups)
    for value, (name, (first, last)) in enumerate(organs.items(), start=3):
        columns = slice(16, 30) if name == "lung" else slice(34, 38)
        rest = labelmap.labels[first:last, 24:56, columns]
        rest[rest > 0] = value
        atoms.append(Atom(value, name, "", "#aa0000", "test"))
        groups[name] = (name,)
    names = tuple(atom.name for atom in atoms)
    labelmap = replace(labelmap, atoms=tuple(atoms), groups={**groups, "body": names})
    return series, measure(series, labelmap)


def dose(organs, **changes):
    return effective_dose(*scan(organs, **changes))


@pytest.mark.parametrize(
    ("organs", "phantom", "name", "icrp", "aapm"),
    [
        (HEAD, 16, "head", 0.0019, 0.0021),
        (NECK, 16, "neck", 0.0051, 0.0059),
        (CHEST, 32, "chest", 0.0145, 0.014),
        (ABDOMEN, 32, "abdomen", 0.0153, 0.015),
        ({"sacrum": (0, 40)}, 32, "pelvis", 0.0129, 0.015),
        (TRUNK, 32, "trunk", 0.0152, 0.015),
    ],
)
def test_k_goes_by_what_the_scan_covers(organs, phantom, name, icrp, aapm):
    effective = dose(organs, phantom_cm=phantom, dlp_mGy_cm=400.0)
    assert effective.scanned_range == name
    assert effective.k_mSv_per_mGy_cm == {ICRP_103: icrp, AAPM_96: aapm}
    assert effective.coefficients == ICRP_103
    assert effective.effective_dose_mSv == pytest.approx(400 * icrp)
    assert effective.by_coefficients_mSv[AAPM_96] == pytest.approx(400 * aapm)
    assert effective.low_mSv == pytest.approx(400 * icrp * (1 - RELATIVE_HALF_WIDTH))
    assert effective.high_mSv == pytest.approx(400 * icrp * (1 + RELATIVE_HALF_WIDTH))
    assert "never the sum of organ doses" in effective.note


def test_abdomen_with_pelvis_has_a_factor_in_one_set_alone():
    effective = dose(ABDOMEN_PELVIS, dlp_mGy_cm=400.0)
    assert effective.scanned_range == "abdomen and pelvis"
    assert effective.coefficients == AAPM_96
    assert effective.by_coefficients_mSv == {ICRP_103: None, AAPM_96: pytest.approx(6.0)}


@pytest.mark.parametrize(
    "organs",
    [
        {"liver": (0, 20), "lung": (20, 40)},
        {"lung": (0, 20), "vertebrae_C4": (20, 40)},
        {"brain": (25, 40), "lung": (0, 15)},
        {"sacrum": (0, 8)},
        {},
    ],
    ids=["chest and abdomen", "neck and chest", "head to chest", "mostly legs", "nothing known"],
)
def test_a_range_that_no_factor_is_for_is_refused_with_a_flag(organs):
    effective = dose(organs, dlp_mGy_cm=400.0)
    assert effective.effective_dose_mSv is None
    assert effective.low_mSv is effective.high_mSv is None
    assert effective.by_coefficients_mSv == {}
    (why,) = [f for f in effective.flags if f.severity == "refusal"]
    assert why.code == "effective_dose_region"
    assert "%" in why.message


@pytest.mark.parametrize(
    ("organs", "phantom", "words"),
    [
        (CHEST, None, "not stated"),
        (CHEST, 16, "16 cm, 32 cm for chest"),
        (HEAD, 32, "32 cm, 16 cm for head"),
        (NECK, 32, "32 cm, 16 cm for neck"),
    ],
)
def test_a_phantom_that_is_unknown_or_of_another_region_is_refused(organs, phantom, words):
    effective = dose(organs, phantom_cm=phantom, dlp_mGy_cm=400.0)
    assert effective.effective_dose_mSv is None
    (why,) = [f for f in effective.flags if f.severity == "refusal"]
    assert why.code == "effective_dose_phantom"
    assert words in why.message


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age_years": 17.9}, "effective_dose_child"),
        ({"pregnancy_stated": True}, "effective_dose_pregnancy"),
        ({"ctdivol": None, "dlp_mGy_cm": None}, "effective_dose_no_dlp"),
        ({"ctdivol": 0.0, "dlp_mGy_cm": float("nan")}, "effective_dose_no_dlp"),
        ({"ctdivol": None, "dlp_mGy_cm": 0.0}, "effective_dose_no_dlp"),
        ({"body_part": "HEAD"}, "effective_dose_region"),
    ],
)
def test_refusals_are_sentences(changes, code):
    effective = dose(CHEST, **{"dlp_mGy_cm": 400.0, **changes})
    assert effective.effective_dose_mSv is None
    (why,) = [f for f in effective.flags if f.severity == "refusal"]
    assert why.code == code
    assert why.message.endswith(".")


def test_the_scanners_body_part_helps_where_organs_show_too_little():
    effective = dose({}, body_part="ABDOMEN", dlp_mGy_cm=200.0)
    assert effective.scanned_range == "abdomen"
    assert codes(effective.flags) == {"effective_dose_body_part"}
    assert effective.shares == {UNKNOWN: pytest.approx(1.0)}
    # Lungs on half of it and nothing known below: not a chest, whatever it is called.
    half = {"lung": (30, 40)}
    assert dose(half, body_part="ABDOMEN", dlp_mGy_cm=400.0).effective_dose_mSv is None
    assert dose(half, body_part="CHEST", dlp_mGy_cm=400.0).scanned_range == "chest"
    assert "effective_dose_body_part" in codes(dose(half, body_part="CHEST").flags)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CHEST", ("chest",)),
        ("CHESTABDPELVIS", ("chest", "abdomen", "pelvis")),
        ("ABDOMEN AND PELVIS", ("abdomen", "pelvis")),
        ("TRUNK", ("chest", "abdomen", "pelvis")),
        ("HEADNECK", ("head", "neck")),
        ("C-SPINE", ("neck",)),
        ("KNEE", ()),
        (None, ()),
    ],
)
def test_a_body_part_names_parts(text, parts):
    assert named_parts(text) == parts


def test_a_slice_that_nothing_marks_takes_its_neighbours_part_or_none():
    series, measured = scan({"sacrum": (0, 5), "lung": (30, 35)})
    parts = parts_of_slices(series, measured)
    assert parts[:5] == ("pelvis",) * 5
    assert parts[5:30] == ("abdomen",) * 25  # all that lies between them
    assert parts[30:] == ("chest",) * 10
    series, measured = scan({"lung": (0, 5)})
    parts = parts_of_slices(series, measured)
    assert parts[:15] == ("chest",) * 15  # 50 mm beyond
    assert set(parts[15:]) == {None}
    turned = replace(series, slices=series.slices[::-1])
    assert parts_of_slices(turned, measured)[:15] == parts[:15]


def test_dlp_is_ctdivol_times_length_over_the_images_and_a_lower_bound():
    series, _ = scan(CHEST, ctdivol=9.0)
    dlp, flags = dose_length_product(series)
    assert dlp.value_mGy_cm == pytest.approx(9.0 * 40 * 0.5)
    assert dlp.length_mm == pytest.approx(200.0)
    assert dlp.lower_bound
    assert dlp.source.startswith("computed")
    assert codes(flags) == {"dlp_computed", "dlp_lower_bound"}


def test_dlp_takes_the_ctdivol_of_each_slice():
    per_slice = np.linspace(4, 14, 40)
    dlp, _ = dose_length_product(scan(CHEST, ctdivol=per_slice)[0])
    assert dlp.value_mGy_cm == pytest.approx(per_slice.sum() * 0.5)


@pytest.mark.parametrize(("low", "high"), [(-30.0, 260.0), (50.0, 120.0), (150.0, 300.0)])
def test_dlp_over_a_known_range_is_no_bound(low, high):
    series, _ = scan(CHEST, irradiated_range_mm=(low, high), sources=TYPED)
    dlp, flags = dose_length_product(series)
    assert dlp.value_mGy_cm == pytest.approx(9.0 * (high - low) / 10)
    assert not dlp.lower_bound
    assert codes(flags) == {"dlp_computed"}


def test_overranging_of_the_scanner_profile_lengthens_a_planned_range():
    series, _ = scan(CHEST, irradiated_range_mm=(0.0, 200.0))
    dlp, _ = dose_length_product(series, overranging_mm=44.0)
    assert dlp.length_mm == pytest.approx(244.0)


def test_a_stated_dlp_is_taken_as_it_is_with_its_source():
    series, _ = scan(CHEST, dlp_mGy_cm=201.0, sources={"dlp_mGy_cm": "rdsr"})
    dlp, flags = dose_length_product(series)
    assert (dlp.value_mGy_cm, dlp.source) == (201.0, "rdsr")
    assert dlp.computed_mGy_cm == pytest.approx(180.0)
    assert flags == ()


@pytest.mark.parametrize("stated", [90.0, 600.0])
def test_a_stated_dlp_that_does_not_fit_is_flagged_and_used(stated):
    effective = dose(CHEST, dlp_mGy_cm=stated)
    assert codes(effective.flags) == {"dlp_disagrees"}
    assert effective.effective_dose_mSv == pytest.approx(stated * 0.0145)


def test_a_short_range_is_flagged():
    organs = {"lung": (0, 40)}
    series, measured = scan(organs, irradiated_range_mm=(80.0, 110.0), sources=TYPED)
    assert "effective_dose_short" in codes(effective_dose(series, measured).flags)
    assert "effective_dose_short" not in codes(dose(organs).flags)


def test_one_slice_has_a_dlp_only_with_a_thickness():
    series, _ = make(slices=1, organs=())
    assert dose_length_product(series)[0] is None
    thick = replace(series.slices[0], thickness_mm=8.0)
    dlp, _ = dose_length_product(replace(series, slices=(thick,)))
    assert dlp.value_mGy_cm == pytest.approx(9.0 * 0.8)


def test_slices_that_are_not_axial_have_no_dlp():
    from CTDoseSegLib.flags import flag

    series: CTSeries = replace(scan(CHEST)[0], flags=(flag("not_axial"),))
    assert dose_length_product(series)[0] is None


def test_both_sets_have_the_factors_of_their_sources():
    for table in K_FACTORS.values():
        assert 0.0018 < min(table.values()) < max(table.values()) < 0.016
    assert ("abdomen", "pelvis") not in K_FACTORS[ICRP_103]
