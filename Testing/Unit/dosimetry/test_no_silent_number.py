"""Whatever is missing or impossible in a scan: a dose is a possible number, or has a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, codes, doses, make, scan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from CTDoseSegLib.ct.scanner_profile import GENERIC, check_profile
from CTDoseSegLib.dosimetry.effective_dose import effective_dose
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.measurement.ssde import ssde
from CTDoseSegLib.reading.scanner_profile_use import with_profile
from CTDoseSegLib.segmentation.labelmap import Atom

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
        "kvp_kV": draw(st.sampled_from([None, 80.0, 120.0, 140.0])),
        "rotation_time_s": draw(st.one_of(st.just(0.5), BAD)),
        "pitch": draw(st.one_of(st.just(1.0), BAD)),
        "phantom_cm": draw(st.sampled_from([None, 16, 32])),
        "age_years": draw(st.sampled_from([None, 9.0, 50.0])),
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
    scanner = GENERIC
    if profiled:
        series, scanner = with_profile(series, PROFILE)
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


FACTS = {
    "refused": {
        "child": {"age_years": 17.9},
        "not_trunk": {"body_part": "HEAD"},
        "no_exposure": {"ctdivol": None, "ecg_gated": True},
        "size_outside_training": {"half_axes_mm": (80.0, 60.0)},
    },
    "warned": {
        "tube_voltage": {"kvp_kV": 80.0},
        "pregnancy": {"pregnancy_stated": True},
        "organ_cut": {"organ_slices": (0, 20)},
        "outside_training": {"half_axes_mm": (104.0, 102.0)},
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


def with_lungs(lung_slices, **changes):
    """Doses of a scan with lungs (a third of the body) on `lung_slices` of its 40."""
    region = changes.pop("region", "auto")
    series, labelmap = make(organs=("liver", "aorta"), **changes)
    labels = labelmap.labels
    lung = labels[slice(*lung_slices), 24:56, 42:60]
    lung[lung == 1] = 9
    atoms = (*labelmap.atoms, Atom(9, "lung", "", "#0000aa", "test"))
    names = tuple(atom.name for atom in atoms)
    groups = {**labelmap.groups, "lung": ("lung",), "body": names}
    labelmap = replace(labelmap, atoms=atoms, groups=groups)
    series.hu[labels == 9] = -800
    result = FastEngine(MODEL, region).estimate(scan_of(series, labelmap))
    return {organ.organ: organ for organ in result.organs}


@pytest.mark.parametrize(
    ("lung_slices", "region"), [((0, 40), "chest"), ((19, 40), "chest"), ((21, 40), "abdomen")]
)
def test_skin_which_both_regions_know_goes_by_most_slices(lung_slices, region):
    organs = with_lungs(lung_slices)
    assert organs["skin"].region == region
    assert (organs["liver"].region, organs["aorta"].region) == ("abdomen", "chest")
    assert [name for name in organs if name == "skin"] == ["skin"]


def skin_flags(**changes) -> set[str]:
    return codes(doses(**changes)[1]["skin"].flags)


@pytest.mark.parametrize(
    "changes",
    [{"organs": ("aorta",)}, {"organs": ("colon",), "body_part": "ART"}, {"organs": ("brain",)}],
)
def test_skin_of_a_scan_of_whose_region_nothing_is_known_is_flagged(changes):
    assert "skin_region_presumed" in skin_flags(**changes)
    for region in MODEL.regions:  # chosen, not presumed
        assert "skin_region_presumed" not in skin_flags(region=region, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"organs": ("liver",)},
        {"organs": ("vertebrae_T5",)},
        {"organs": ("aorta",), "body_part": "ABDOMEN"},
        {"organs": ("aorta",), "body_part": "PELVIS"},
    ],
)
def test_skin_of_a_scan_whose_region_organs_or_header_tell_is_not_flagged(changes):
    assert "skin_region_presumed" not in skin_flags(**changes)


def test_the_chests_model_gives_less_to_skin_by_as_much_as_the_flag_says():
    less = [
        1 - chest.dose_mGy / abdomen.dose_mGy
        for half_axes in ((140, 105), (160, 120), (180, 140))
        for chest, abdomen in [
            [
                doses(region=region, half_axes_mm=half_axes)[1]["skin"]
                for region in ("chest", "abdomen")
            ]
        ]
    ]
    assert (min(less), max(less)) == (
        pytest.approx(0.06, abs=0.005),
        pytest.approx(0.14, abs=0.005),
    )


def test_a_chosen_region_overrules_the_lungs_for_skin():
    for region in MODEL.regions:
        assert with_lungs((0, 40), region=region)["skin"].region == region


def test_only_skin_is_known_to_both_regions():
    chest, abdomen = (set(MODEL.regions[name].organs) for name in ("chest", "abdomen"))
    assert chest & abdomen == {"skin"}
