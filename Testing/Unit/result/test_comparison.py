"""Two results side by side, with numbers that can be worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tiny_analysis import organ_dose, tiny_result

from CTDoseSegLib import compare
from CTDoseSegLib.provenance import Provenance, SeriesProvenance

K90 = 1.645
MODEL = {"name": "law", "sha256": "aa"}
SHARED_BY = {"law": ("model", "organ", "patient"), "ctdivol_display": ("scanner",)}


def result(dose_mGy=10.0, *, identity="scan", engine="fast", **changes):
    """A result with one dosed organ whose budget alone makes its interval."""
    sd = {"law": 0.06, "ctdivol_display": 0.08}  # together 0.1
    sd = changes.pop("budget", sd)
    half = K90 * math.sqrt(sum(part**2 for part in sd.values()))
    ends = (dose_mGy * math.exp(-half), dose_mGy * math.exp(half))
    lung = replace(
        organ_dose("lung", dose_mGy), budget=sd, total_low_mGy=ends[0], total_high_mGy=ends[1]
    )
    whole = tiny_result(organs=(lung,))
    about = Provenance(
        parameters={"dose_engine": engine}, series=SeriesProvenance(identity_sha256=identity)
    )
    return replace(
        whole, provenance=about, dose_model=MODEL, uncertainty_shared_by=SHARED_BY, **changes
    )


def with_voxels(whole, factor):
    """The same result with another drawing of the lung."""
    lung = whole.structures["lung"]
    other = replace(lung, count=lung.count * factor, volume_ml=lung.volume_ml * factor)
    return replace(whole, structures={**whole.structures, "lung": other})


def codes(flags):
    return {one.code for one in flags}


def half_width(organ):
    return math.log(organ.ratio_high / organ.ratio), math.log(organ.ratio / organ.ratio_low)


def test_what_both_doses_share_is_taken_off_the_interval_of_their_ratio():
    """Of one scan and model all of it, so that two doses of one scan differ by any amount."""
    (lung,) = compare(result(10.0), result(12.0)).organs
    assert lung.difference_mGy == pytest.approx(2.0)
    assert lung.percent == pytest.approx(20.0)
    assert lung.ratio_low == pytest.approx(1.2)
    assert lung.ratio_high == pytest.approx(1.2)
    assert lung.differs


def test_a_component_of_another_model_is_both_doses_own():
    """law: 0.06 of each, in quadrature; the CTDIvol is of one scanner and cancels."""
    other = replace(result(12.0), dose_model={"name": "law", "sha256": "bb"})
    (lung,) = compare(result(10.0), other).organs
    expected = K90 * math.hypot(0.06, 0.06)
    assert half_width(lung) == pytest.approx((expected, expected))


def test_what_one_component_is_larger_in_one_dose_is_its_own():
    wide = result(10.0, budget={"law": 0.06, "ctdivol_display": 0.10})
    (lung,) = compare(result(10.0), wide).organs
    assert half_width(lung) == pytest.approx((K90 * 0.06,) * 2)  # 0.10^2 - 0.08^2 = 0.06^2
    assert not lung.differs


def test_of_two_scanners_nothing_cancels():
    """law is the patient's too, who is not known to be the same."""
    (lung,) = compare(result(10.0), result(12.0, identity="another")).organs
    assert half_width(lung) == pytest.approx((K90 * math.sqrt(2) * 0.1,) * 2)


def test_scans_of_one_scanner_share_its_ctdivol():
    def of(**changes):
        whole = result(**changes)
        named = replace(whole.acquisition, manufacturer="Maker", model="CT 1")
        return replace(whole, acquisition=named)

    comparison = compare(of(), of(identity="another"))
    assert comparison.shared == {"scanner", "model"}
    assert half_width(comparison.organs[0]) == pytest.approx((K90 * math.hypot(0.06, 0.06),) * 2)


def test_scans_with_one_dose_report_are_of_one_patient():
    def of(identity):
        series = SeriesProvenance(identity_sha256=identity, dose_reports_sha256=("cc",))
        return replace(result(), provenance=Provenance(series=series))

    assert "patient" in compare(of("arterial"), of("portal")).shared
    assert "scan" not in compare(of("arterial"), of("portal")).shared


def test_a_simulation_shares_with_the_law_what_both_take_from_the_scan():
    simulated = result(12.0, engine="montecarlo", budget={"statistics": 0.01, "law": 0.05})
    (lung,) = compare(result(10.0), simulated).organs
    expected = K90 * math.sqrt(0.06**2 + 0.08**2 + 0.05**2 + 0.01**2)  # no component in common
    assert half_width(lung) == pytest.approx((expected,) * 2)
    same = result(12.0, engine="montecarlo", budget={"statistics": 0.01, "ctdivol_display": 0.08})
    (lung,) = compare(result(10.0), same).organs
    assert half_width(lung) == pytest.approx((K90 * math.hypot(0.06, 0.01),) * 2)


def test_two_drawings_of_an_organ_have_their_own_errors_of_drawing():
    shared = {**SHARED_BY, "segmentation": ("organ", "scan")}
    one = replace(result(budget={"segmentation": 0.03}), uncertainty_shared_by=shared)
    (alike,) = compare(one, one).organs
    assert half_width(alike) == pytest.approx((0.0, 0.0))
    (drawn,) = compare(one, with_voxels(one, 2)).organs
    assert half_width(drawn) == pytest.approx((K90 * math.hypot(0.03, 0.03),) * 2)


def test_an_interval_that_reaches_beyond_its_components_does_so_in_the_ratio():
    """Upward by K90 x 0.26, not 0.10: 0.24 beyond; B's own where the organ is drawn anew."""
    one = result()
    (lung,) = one.organs
    wide = replace(lung, total_high_mGy=10.0 * math.exp(K90 * 0.26))
    other = with_voxels(replace(one, organs=(wide,)), 2)
    (compared,) = compare(one, other).organs
    assert half_width(compared) == pytest.approx((K90 * 0.24, 0.0), abs=1e-9)
    (compared,) = compare(replace(one, organs=(wide,)), replace(one, organs=(wide,))).organs
    assert half_width(compared) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_a_result_that_states_nothing_shared_keeps_both_intervals_and_a_flag():
    old = replace(result(12.0), uncertainty_shared_by={})
    comparison = compare(result(10.0), old)
    assert "compared_unstated_sharing" in codes(comparison.flags)
    assert half_width(comparison.organs[0]) == pytest.approx((K90 * math.sqrt(2) * 0.1,) * 2)


def test_an_organ_in_one_result_alone_is_listed_with_the_reason():
    one, both = result(), replace(result(), organs=(*result().organs, organ_dose("liver", 3.0)))
    for pair in ((one, both), (both, one)):
        lung, liver = compare(*pair).organs
        assert (lung.organ, liver.organ) == ("lung", "liver")
        assert codes(liver.flags) == {"compared_in_one"}
        assert liver.ratio is liver.difference_mGy is liver.differs is None
    refused = replace(result(), organs=(organ_dose("lung", None),))
    (lung,) = compare(one, refused).organs
    assert lung.dose_b_mGy is None
    assert codes(lung.flags) == {"compared_in_one"}


def test_a_dose_without_an_interval_has_a_ratio_without_one():
    (lung,) = result().organs
    open_end = replace(result(), organs=(replace(lung, total_high_mGy=None),))
    (compared,) = compare(result(), open_end).organs
    assert compared.ratio == 1.0
    assert compared.ratio_low is None
    assert codes(compared.flags) == {"compared_no_interval"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"region": "abdomen"}, "compared_other_region"),
        ({"coverage": None}, "compared_other_part"),
        ({"route": "mas"}, "compared_other_basis"),
    ],
)
def test_doses_that_are_not_alike_are_flagged_at_the_organ(change, code):
    (lung,) = result().organs
    (compared,) = compare(result(), replace(result(), organs=(replace(lung, **change),))).organs
    assert codes(compared.flags) == {code}
    assert compared.flags[0].place == "organ lung"


def test_doses_of_two_phantoms_are_flagged_and_no_other_number_is():
    one = result()
    other = replace(one, acquisition=replace(one.acquisition, phantom_cm=16))
    comparison = compare(one, other)
    flagged = {q.name for q in comparison.quantities if q.flags}
    assert flagged == {"ctdivol_mGy", "dlp_mGy_cm"}
    assert "compared_other_exposure" in codes(comparison.flags)
    assert "phantom_cm 32 and 16" in " ".join(one.message for one in comparison.flags)
    assert "scan" not in comparison.shared


def test_numbers_of_the_scan_are_compared():
    one = result()
    other = replace(one, slices=replace(one.slices, ssde_mGy=1.1 * one.slices.ssde_mGy))
    by_name = {q.name: q for q in compare(one, other).quantities}
    assert by_name["ssde_mGy"].percent == pytest.approx(10.0)
    assert by_name["wed_mm"].difference == 0.0
    assert by_name["peak_skin_dose_mGy"].difference is None


def test_slices_of_one_grid_are_matched_one_by_one():
    one = result()
    other = replace(one, slices=replace(one.slices, wed_mm=one.slices.wed_mm + 3.0))
    matched = compare(one, other).slices
    assert matched.index_b.tolist() == [0, 1, 2, 3]
    assert matched.wed_difference_mm == pytest.approx([3.0] * 4)


def moved(whole, by_mm):
    affine = np.array(whole.geometry.affine_ijk_to_ras)
    affine[2, 3] += by_mm
    grid = replace(whole.geometry, affine_ijk_to_ras=tuple(map(tuple, affine)))
    return replace(
        whole, geometry=grid, slices=replace(whole.slices, z_mm=whole.slices.z_mm + by_mm)
    )


def test_slices_of_two_grids_are_matched_by_position():
    """5 mm apart, at -40 to -25 and 6 mm higher: 1 mm off the next one, and none below."""
    comparison = compare(result(), moved(result(), 6.0))
    assert comparison.slices.index_b.tolist() == [-1, 0, 1, 2]
    assert np.isnan(comparison.slices.wed_b_mm).tolist() == [True, False, False, False]
    assert "compared_other_grid" in codes(comparison.flags)


def test_scans_without_a_common_slice_are_flagged():
    comparison = compare(result(), moved(result(), 200.0))
    assert "compared_no_common_slice" in codes(comparison.flags)
    assert np.isnan(comparison.slices.wed_difference_mm).all()


def test_slices_that_a_registration_moved_are_matched_where_they_lie():
    one, other = result(), moved(result(), 200.0)
    z_mm = one.slices.z_mm
    assert compare(one, other, z_b_mm=z_mm).slices.index_b.tolist() == [0, 1, 2, 3]
    assert compare(one, one, z_b_mm=z_mm[::-1]).slices.index_b.tolist() == [3, 2, 1, 0]
