"""DLP and effective dose: k by what the scan covers, with its phantom, or a reason."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.dosimetry.effective_dose import dose_length_product, effective_dose
from CTDoseSegLib.dosimetry.k_factors import all_factors, body_size_of, published_factors
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
    """Effective dose of a scan, of a person of normal size unless stated otherwise."""
    return effective_dose(*scan(organs, **{"half_axes_mm": (140.0, 110.0), **changes}))


@pytest.mark.parametrize(
    ("organs", "phantom", "name", "source", "k"),
    [
        (HEAD, 16, "head", "Deak 2010", 0.0019),
        (NECK, 16, "neck", "Huda 2008", 0.0054),
        (CHEST, 32, "chest", "Lee 2012, 120 kV", 0.0210),
        (ABDOMEN, 32, "abdomen", "Deak 2010", 0.0153),
        ({"sacrum": (0, 40)}, 32, "pelvis", "Deak 2010", 0.0129),
        (ABDOMEN_PELVIS, 32, "abdomen and pelvis", "Lee 2012, 120 kV", 0.0179),
        (TRUNK, 32, "trunk", "Lee 2012, 120 kV", 0.0180),
    ],
)
def test_k_goes_by_what_the_scan_covers(organs, phantom, name, source, k):
    effective = dose(organs, phantom_cm=phantom, dlp_mGy_cm=400.0)
    assert effective.scanned_range == name
    assert effective.coefficients == "ICRP 103"
    assert effective.source == source
    assert effective.k_mSv_per_mGy_cm[source] == k
    assert effective.effective_dose_mSv == pytest.approx(400 * k)
    assert effective.by_coefficients_mSv[source] == pytest.approx(400 * k)
    assert effective.low_mSv == pytest.approx(min(effective.by_coefficients_mSv.values()))
    assert effective.high_mSv == pytest.approx(max(effective.by_coefficients_mSv.values()))
    assert effective.relative_half_width is None
    assert "never the sum of organ doses" in effective.note


# Of the publications themselves, adults of normal size at 120 kV.
PUBLISHED = {
    "head": (HEAD, 16, (0.0017, 0.00172, 0.0019, 0.0021, 0.0022, 0.0026)),
    "neck": (NECK, 16, (0.0051, 0.0054, 0.0059, 0.0110)),
    "chest": (CHEST, 32, (0.014, 0.0145, 0.018, 0.0210, 0.0253, 0.024)),
    "abdomen": (ABDOMEN, 32, (0.015, 0.0153, 0.018)),
    "pelvis": ({"sacrum": (0, 40)}, 32, (0.0129, 0.015, 0.018)),
    "abdomen and pelvis": (ABDOMEN_PELVIS, 32, (0.015, 0.0179, 0.018, 0.019)),
    "trunk": (TRUNK, 32, (0.015, 0.0152, 0.0175, 0.018)),
}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("kvp", [None, 80.0, 100.0, 120.0, 140.0])
def test_every_published_factor_lies_in_the_range(name, kvp):
    organs, phantom, published = PUBLISHED[name]
    effective = dose(organs, phantom_cm=phantom, dlp_mGy_cm=400.0, kvp_kV=kvp)
    for k in published:
        assert effective.low_mSv <= 400 * k * (1 + 1e-9)
        assert effective.high_mSv >= 400 * k * (1 - 1e-9)
    assert effective.low_mSv <= effective.effective_dose_mSv <= effective.high_mSv


@pytest.mark.parametrize("age", [0.0, 1.0, 3.0, 5.0, 8.0, 10.0, 15.0, 17.9])
@pytest.mark.parametrize(("organs", "name"), [(CHEST, "chest"), (TRUNK, "trunk"), (HEAD, "head")])
def test_every_published_factor_of_a_childs_age_lies_in_the_range(age, organs, name):
    effective = dose(organs, phantom_cm=16, dlp_mGy_cm=100.0, age_years=age, kvp_kV=120.0)
    known = [f for f in all_factors() if f.scanned_range == name and f.phantom_cm == 16]
    ages = {f.age_years for f in known if f.age_years is not None}
    near = max(a for a in ages if a <= age), min((a for a in ages if a >= age), default=15.0)
    ks = [f for f in known if f.age_years in near and f.kvp_kV in (None, 120.0)]
    assert len(ks) > (age < 15)
    for factor in ks:
        value = 100 * factor.k_mSv_per_mGy_cm
        assert effective.low_mSv - 1e-9 <= value <= effective.high_mSv + 1e-9
    (child,) = [f for f in effective.flags if f.code == "effective_dose_child"]
    assert child.severity == "info"
    assert "16 cm phantom" in child.message


def test_a_lower_voltage_takes_its_own_factor():
    at = {
        kvp: dose(CHEST, dlp_mGy_cm=100.0, kvp_kV=kvp).effective_dose_mSv
        for kvp in (70.0, 80.0, 100.0, 110.0, 120.0, 140.0, None)
    }
    assert at == pytest.approx(
        {70.0: 1.91, 80.0: 1.91, 100.0: 2.03, 110.0: 2.03, 120.0: 2.1, 140.0: 2.1, None: 2.1}
    )


@pytest.mark.parametrize(
    ("half_axes_mm", "size", "k"),
    [
        ((140.0, 110.0), "normal", 0.021),
        ((150.0, 122.0), "overweight", 0.017),
        ((165.0, 145.0), "obese I", 0.016),
        ((180.0, 155.0), "obese II", 0.014),
        ((195.0, 175.0), "obese III", 0.012),
    ],
)
def test_a_larger_chest_takes_the_factor_of_its_body_size(half_axes_mm, size, k):
    effective = dose(CHEST, dlp_mGy_cm=100.0, half_axes_mm=half_axes_mm)
    assert effective.body_size == size
    assert effective.effective_dose_mSv == pytest.approx(100 * k)
    assert effective.low_mSv <= effective.effective_dose_mSv <= effective.high_mSv
    assert dose(ABDOMEN, dlp_mGy_cm=100.0, half_axes_mm=half_axes_mm).body_size is None


def test_sizes_have_classes():
    assert [body_size_of(mm) for mm in (200.0, 260.0, 300.0, 349.9, 400.0)] == [
        *("normal", "overweight", "obese I", "obese II", "obese III")
    ]
    assert body_size_of(float("nan")) is None


@pytest.mark.parametrize(
    ("organs", "phantom", "name", "k"),
    [
        ({"liver": (0, 20), "lung": (20, 40)}, 32, "chest and abdomen", (0.0210 + 0.0153) / 2),
        # A neck with the trunk's 32 cm: its DLP counts twice.
        (
            {"lung": (0, 20), "vertebrae_C4": (20, 40)},
            32,
            "neck and chest",
            (0.0210 + 2 * 0.0054) / 2,
        ),
        # A chest with the head's 16 cm: its DLP counts half.
        ({"lung": (0, 20), "brain": (20, 40)}, 16, "head and chest", (0.0019 + 0.0210 / 2) / 2),
        ({"vertebrae_C4": (0, 10), "brain": (10, 40)}, 16, "head and neck", None),
        (
            {"sacrum": (0, 10), "liver": (10, 20), "lung": (20, 30), "thyroid_gland": (30, 40)},
            32,
            "neck and trunk",
            (3 * 0.0180 + 2 * 0.0054) / 4,
        ),
    ],
)
def test_the_dlp_of_several_ranges_is_split_by_position(organs, phantom, name, k):
    effective = dose(organs, phantom_cm=phantom, dlp_mGy_cm=400.0)
    assert effective.scanned_range == name
    k = k or 0.75 * 0.0019 + 0.25 * 0.0054
    assert effective.effective_dose_mSv == pytest.approx(400 * k)
    assert sum(effective.dlp_by_range_mGy_cm.values()) == pytest.approx(400.0)
    assert effective.low_mSv < effective.effective_dose_mSv < effective.high_mSv
    mixed = "chest and abdomen" != name != "head and neck"
    assert ("effective_dose_converted" in codes(effective.flags)) == mixed


def test_the_split_goes_by_dlp_not_by_length():
    ctdivol = [4.0] * 20 + [12.0] * 20
    effective = dose({"liver": (0, 20), "lung": (20, 40)}, dlp_mGy_cm=160.0, ctdivol=ctdivol)
    assert effective.dlp_by_range_mGy_cm == pytest.approx({"chest": 120.0, "abdomen": 40.0})


@pytest.mark.parametrize("age", [1.0, 5.0, 7.0, 12.0])
def test_a_childs_trunk_with_32_cm_is_converted_and_flagged(age):
    small, large = (
        dose(CHEST, phantom_cm=cm, dlp_mGy_cm=dlp, age_years=age)
        for cm, dlp in ((16, 200), (32, 100))
    )
    assert large.effective_dose_mSv == pytest.approx(small.effective_dose_mSv)
    assert "effective_dose_converted" in codes(large.flags)
    assert "effective_dose_converted" not in codes(small.flags)
    if age == 5.0:  # as was measured with 32 cm
        assert large.low_mSv <= 4.2
        assert large.high_mSv >= 5.2


def test_a_childs_abdomen_takes_the_factor_of_abdomen_and_pelvis():
    effective = dose(ABDOMEN, phantom_cm=16, dlp_mGy_cm=100.0, age_years=5.0)
    assert effective.effective_dose_mSv == pytest.approx(2.21)


def test_a_lower_bound_has_no_range_below_it():
    bound = dose(CHEST)
    assert bound.dlp.lower_bound
    assert bound.low_mSv == bound.effective_dose_mSv < bound.high_mSv
    stated = dose(CHEST, dlp_mGy_cm=bound.dlp.value_mGy_cm)
    assert stated.low_mSv < stated.effective_dose_mSv == pytest.approx(bound.effective_dose_mSv)


def test_an_age_that_is_not_known_is_flagged():
    (age,) = [f for f in dose(CHEST, age_years=None).flags if f.code == "age_unknown"]
    assert age.place == "effective_dose"
    assert "a child's effective dose per dlp is another" in age.message.lower()
    assert "age_unknown" not in codes(dose(CHEST).flags)


@pytest.mark.parametrize(
    ("organs", "mends"),
    [
        ({"sacrum": (0, 8)}, ("body_part", "segmentation")),
        ({}, ("body_part", "segmentation")),
        # Whoever drew single bones drew what there is.
        ({"hip_left": (0, 8)}, ()),
        ({"femur_left": (0, 40)}, ()),
    ],
    ids=["mostly legs", "nothing known", "mostly legs, bones known", "legs"],
)
def test_a_range_that_no_factor_is_for_is_refused_with_a_flag(organs, mends):
    effective = dose(organs, dlp_mGy_cm=400.0)
    assert effective.effective_dose_mSv is None
    assert effective.low_mSv is effective.high_mSv is None
    assert effective.by_coefficients_mSv == {}
    (why,) = [f for f in effective.flags if f.severity == "refusal"]
    assert why.code == "effective_dose_region"
    # How much of which part, or that no organ shows any.
    assert re.search(r"\d%|no labelled organ shows it", why.message)
    assert why.mends == mends


@pytest.mark.parametrize(
    ("organs", "phantom", "words"),
    [
        (CHEST, None, "not stated"),
        (CHEST, 16, "16 cm, 32 cm for chest"),
        (HEAD, 32, "32 cm, 16 cm for head"),
        (NECK, 32, "32 cm, 16 cm for neck"),
        ({"liver": (0, 20), "lung": (20, 40)}, 16, "16 cm, 32 cm for chest and 32 cm for abdomen"),
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
        ({"age_years": 17.9, "phantom_cm": None}, "effective_dose_phantom"),
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


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        # There is no flag about a phantom, a range or an age that no number depends on.
        ({"ctdivol": None, "phantom_cm": None, "age_years": None}, "effective_dose_no_dlp"),
        ({"ctdivol": None, "body_part": "HEAD"}, "effective_dose_no_dlp"),
        ({"dlp_mGy_cm": 40.0, "body_part": "HEAD", "slices": 10}, "effective_dose_region"),
        ({"dlp_mGy_cm": 40.0, "phantom_cm": 16, "age_years": None}, "effective_dose_phantom"),
    ],
)
def test_a_dose_that_is_refused_has_no_flags_of_its_number(changes, code):
    effective = dose({"lung": (0, 10)} if "slices" in changes else CHEST, **changes)
    assert effective.effective_dose_mSv is None
    assert [one.code for one in effective.flags if one.code != "dlp_disagrees"] == [code]


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
    # One part of several that are named is what nothing marks.
    both = dose({"lung": (20, 40)}, body_part="CHESTABDOMEN", dlp_mGy_cm=400.0)
    assert both.scanned_range == "chest and abdomen"
    assert "effective_dose_body_part" in codes(both.flags)


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
    assert effective.effective_dose_mSv == pytest.approx(stated * 0.0210)


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


def test_a_stated_pregnancy_is_a_flag_with_its_consequence():
    effective = dose(CHEST, dlp_mGy_cm=200.0, pregnancy_stated=True)
    assert effective.effective_dose_mSv == pytest.approx(4.2)
    (flag,) = effective.flags
    assert "says nothing of the fetus" in flag.message


def test_the_table_has_possible_factors_each_once_for_every_age():
    factors = all_factors()
    assert len({(f.scanned_range, f.label) for f in factors}) == len(factors)
    assert all(0.001 < f.k_mSv_per_mGy_cm < 0.06 for f in factors)
    assert {f.tissue_weights for f in factors} == {"ICRP 103", "ICRP 60"}
    for name in {f.scanned_range for f in factors}:
        for age in (0.0, 0.4, 2.0, 5.0, 12.0, 16.0, 17.9, 18.0, 90.0, None):
            best, *_ = published_factors(name, age_years=age)
            assert (best.age_years is None) == (age is None or age >= 18.0)


def test_a_child_of_whom_no_part_is_known_is_refused_for_that():
    effective = dose({}, age_years=8.0, body_part=None, dlp_mGy_cm=100.0)
    assert effective.effective_dose_mSv is None
    assert [f.code for f in effective.flags if f.severity == "refusal"] == ["effective_dose_region"]
