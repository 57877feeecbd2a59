"""Effective dose: k by what the scan covers, with its phantom and its range."""

from __future__ import annotations

import pytest
from body_part_scans import ABDOMEN, ABDOMEN_PELVIS, CHEST, HEAD, NECK, TRUNK, dose
from dose_scans import codes

from CTDoseSegLib.dosimetry.k_factors import all_factors, body_size_of, published_factors
from CTDoseSegLib.measurement.body_parts import UNKNOWN


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


@pytest.mark.parametrize(
    ("age", "detail"),
    [
        (
            7.0,
            "7 years; taken are the factors of the nearest reference age, 5 years, and the range "
            "is that of 5 and 10 years",
        ),
        (5.0, "5 years; taken are the factors of the nearest reference age, 5 years"),
    ],
)
def test_a_childs_age_and_that_of_the_factors_are_told_apart(age, detail):
    effective = dose(CHEST, phantom_cm=16, dlp_mGy_cm=100.0, age_years=age, kvp_kV=120.0)
    (child,) = [f for f in effective.flags if f.code == "effective_dose_child"]
    assert child.detail == detail


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
