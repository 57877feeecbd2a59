"""Whatever is missing or impossible in a scan: a dose is a possible number, or has a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, codes, doses, make
from hypothesis import given, settings
from hypothesis import strategies as st

from CTDoseSegLib.ct.scanner_profile import check_profile
from CTDoseSegLib.dosimetry.effective_dose import effective_dose
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.measurement.ssde import ssde
from CTDoseSegLib.reading.scanner_profile_use import with_profile

pytestmark = pytest.mark.slow

SLICES = 12
BAD = st.sampled_from([None, 0.0, -5.0, float("nan"), float("inf")])
NUMBERS = ("dose_mGy", "model_low_mGy", "model_high_mGy", "total_low_mGy", "total_high_mGy")
WHOLE = ("whole_organ_dose_mGy", "whole_organ_low_mGy", "whole_organ_high_mGy")
PROFILE = check_profile(
    {"manufacturer": "A", "model": "B", "overranging_mm": 40, "nctdiw_mGy_per_100mAs": {"120": 7}}
)


def per_slice(low, high):
    good = st.floats(low, high)
    one = st.one_of(good, good, good, BAD)
    return st.one_of(st.lists(one, min_size=SLICES, max_size=SLICES), good, BAD)


@st.composite
def broken_scans(draw):
    """A scan of twelve slices of which anything may be missing or impossible."""
    changes = {
        "current": draw(per_slice(20, 700)),
        "ctdivol": draw(per_slice(1, 40)),
        "slices": SLICES,
        "organ_slices": draw(st.sampled_from([(0, 12), (0, 5), (4, 9), (11, 12)])),
        "kvp_kV": draw(st.sampled_from([None, 65.0, 80.0, 120.0, 140.0])),
        "rotation_time_s": draw(st.one_of(st.just(0.5), BAD)),
        "pitch": draw(st.one_of(st.just(1.0), BAD)),
        "phantom_cm": draw(st.sampled_from([None, 16, 32])),
        "age_years": draw(st.sampled_from([None, 9.0, 50.0])),
        "body_part": draw(st.sampled_from([None, "HEAD", "KNEE"])),
        "total_collimation_mm": draw(st.sampled_from([None, 38.4, 80.0, 200.0])),
        "dlp_mGy_cm": draw(st.one_of(st.just(120.0), BAD)),
        "irradiated_range_mm": draw(
            st.sampled_from([None, (-30.0, 90.0), (20.0, 30.0), (400.0, 500.0)])
        ),
        "sex": draw(st.sampled_from([None, "M", "F", "O"])),
        "manufacturer": "A",
        "model": "B",
    }
    lost = draw(st.sets(st.integers(0, SLICES - 1)))
    light = draw(st.sets(st.integers(0, SLICES - 1)))
    return changes, sorted(lost), sorted(light), draw(st.booleans())


@settings(max_examples=200, deadline=None)
@given(scan=broken_scans())
def test_a_dose_is_a_possible_number_or_has_a_reason(scan):
    changes, lost, light, profiled = scan
    series, labelmap = make(organs=("liver", "aorta", "gallbladder"), **changes)
    series.hu[light] = -1400  # lighter than a vacuum: no diameter there
    if profiled:
        series = with_profile(series, PROFILE)
    scanner = series.scanner
    measured = measure(series, labelmap)
    size = measure_size(series, labelmap, measured)
    wed = size.wed_mm.copy()
    wed[lost] = np.nan
    size = replace(size, wed_mm=wed, wed_corrected_mm=wed)
    scan = Scan.of(series, labelmap, measured, size, scanner)
    result = estimate(FastEngine(MODEL), scan)
    assert result.organs
    for organ in result.organs:
        assert_possible(organ, result.flags)
    found = effective_dose(series, measured, overranging_mm=scanner.overranging_mm)
    values = (found.effective_dose_mSv, found.low_mSv, found.high_mSv)
    if found.effective_dose_mSv is None:
        assert values == (None, None, None)
        assert any(f.severity == "refusal" for f in found.flags)
    else:
        assert np.isfinite(values).all()
        assert 0 < found.low_mSv <= found.effective_dose_mSv <= found.high_mSv
    sized = ssde(series, size)
    known = sized.ssde_mGy[np.isfinite(sized.ssde_mGy)]
    assert (known > 0).all()


def assert_possible(organ, scan_flags) -> None:
    values = [getattr(organ, name) for name in NUMBERS]
    if organ.dose_mGy is None:
        assert values == [None] * len(NUMBERS)
        assert [getattr(organ, name) for name in WHOLE] == [None] * len(WHOLE)
        assert np.isnan(organ.slice_dose_mGy).all()
        assert any(f.severity == "refusal" for f in (*organ.flags, *scan_flags))
        return
    assert np.isfinite(values).all()
    dose, low, high, total_low, total_high = values
    assert 0 < total_low <= low <= dose <= high <= total_high
    known = np.isfinite(organ.slice_dose_mGy)
    assert known.any()
    assert (organ.slice_dose_mGy[known] >= 0).all()
    if known.sum() < organ.n_slices:
        assert "slices_without_features" in codes(organ.flags)
    assert all(np.isfinite(line) and line >= 0 for line in organ.budget.values())
    whole = [getattr(organ, name) for name in WHOLE]
    if whole[0] is None:
        assert whole == [None] * len(WHOLE)
        assert any(code.startswith("whole_organ_") for code in codes(organ.flags))
    else:
        assert np.isfinite(whole).all()
        assert 0 < whole[1] <= whole[0] <= whole[2]


LIVER = MODEL.regions["abdomen"].organs["liver"]


def body_of(wed_mm):
    """Half axes of a body of this water-equivalent diameter, within 2 %."""
    return {"half_axes_mm": (wed_mm / 2, wed_mm / 2)}


FACTS = {
    "refused": {
        "ctdivol_phantom_of_child": {"age_years": 17.9, "phantom_cm": None, "current": None},
        "limb": {"body_part": "KNEE"},
        "cone_beam": {"total_collimation_mm": 200.0},
        "no_exposure": {"ctdivol": None, "ecg_gated": True},
        "size_outside_training": body_of(0.9 * LIVER.bodies_wed_mm.low),
    },
    "warned": {
        "ctdivol_phantom_assumed": {"phantom_cm": None},
        "tube_voltage_outside": {"kvp_kV": 65.0},
        "tube_voltage_unknown": {"kvp_kV": None},
        "unusual_beam": {"tin_filter": True},
        "mas_only": {"ctdivol": None},
        "pregnancy": {"pregnancy_stated": True},
        "organ_cut": {"organ_slices": (0, 20)},
        "outside_training": body_of(0.95 * LIVER.usual_wed_mm.low),
        "dose_range_unknown": {},
    },
}


@pytest.mark.parametrize("code", FACTS["refused"])
def test_what_must_be_refused_has_no_number(code):
    result, organs = doses(**FACTS["refused"][code])
    liver = organs["liver"]
    assert code in codes((*liver.flags, *result.flags))
    assert_possible(liver, result.flags)
    assert liver.dose_mGy is None


@pytest.mark.parametrize("code", FACTS["warned"])
def test_what_must_be_warned_of_has_a_number_and_a_warning(code):
    result, organs = doses(**FACTS["warned"][code])
    liver = organs["liver"]
    (found,) = [f for f in (*liver.flags, *result.flags) if f.code == code]
    assert found.severity == "warning"
    assert_possible(liver, result.flags)
    assert liver.dose_mGy is not None


TRUNK = ("chest", "abdomen", "pelvis", "trunk")
SHARED = set(MODEL.regions["head"].organs) & {o for r in TRUNK for o in MODEL.regions[r].organs}


@pytest.mark.parametrize(("body_part", "of_head"), [("HEAD", True), ("CHEST", False)])
def test_what_head_and_trunk_share_is_given_once_by_the_one_that_was_scanned(body_part, of_head):
    organs = ("eye_left", "spinal_cord") if of_head else ("lung_left", "spinal_cord")
    result, by_name = doses(organs=organs, body_part=body_part, half_axes_mm=(100.0, 90.0))
    assert {"skin", "spinal_cord"} <= SHARED & set(by_name)
    assert len(result.organs) == len(by_name)
    for name in SHARED & set(by_name):
        assert (by_name[name].region == "head") is of_head


def test_no_organ_of_the_trunk_is_known_to_two_regions_of_it():
    in_trunk = [name for region in TRUNK for name in MODEL.regions[region].organs]
    assert len(in_trunk) == len(set(in_trunk))


@pytest.mark.parametrize("region", ["head", "trunk"])
@pytest.mark.parametrize("body_part", ["HEAD", "CHEST"])
def test_a_chosen_region_overrules_what_was_scanned(region, body_part):
    _, organs = doses(organs=(), region=region, body_part=body_part, half_axes_mm=(100.0, 90.0))
    assert organs["skin"].region == region
