"""Effective dose from organ doses: tissue weights, shares, bounds, intervals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make, scan_of

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ct.organs import organs as table_of_organs
from CTDoseSegLib.dosimetry.doses import (
    BONE_SURFACE,
    IN_BONES,
    RED_MARROW,
    DoseResult,
    OrganDose,
)
from CTDoseSegLib.dosimetry.montecarlo.interval import SHARED_BY
from CTDoseSegLib.dosimetry.montecarlo.marrow import active_share, seen_marrow_share
from CTDoseSegLib.dosimetry.size_specific_effective_dose import (
    LEAST_SHARE,
    size_specific_effective_dose,
)
from CTDoseSegLib.dosimetry.tissue_doses import BONE_OVER_MARROW
from CTDoseSegLib.dosimetry.tissue_weights import MUSCLES, reference_mass_g, tissues
from CTDoseSegLib.flags import SIZE_SPECIFIC, flag
from CTDoseSegLib.measurement.ctdi_per_mas import K90
from CTDoseSegLib.outputs.result_json import write_result_json
from CTDoseSegLib.reporting.terminal import summary
from CTDoseSegLib.result import Result, read_result

# One organ for each row of the table.
EVERY = tuple(dict.fromkeys(name for tissue in tissues() for name in tissue.organs[0]))
BUDGET = {"ctdivol_display": 0.1, "partial_volume": 0.05}
REST = 0.12 / 13


def organ(name, dose_mGy=1.0, *, budget=BUDGET, **changes):
    """An organ that ends inside the images, with an interval of its components."""
    half = K90 * math.sqrt(sum(sd**2 for sd in budget.values()))
    low, high = dose_mGy * math.exp(-half), dose_mGy * math.exp(half)
    made = OrganDose(
        *(name, "", dose_mGy, low, high, low, high, dose_mGy, None, 1, 1.0),
        *("montecarlo", {}, np.array([dose_mGy]), budget),
    )
    return replace(made, **changes)


def every(*without, **doses_mGy):
    """Every organ of the table at 1 mGy, or at the doses given."""
    return [organ(name, doses_mGy.get(name, 1.0)) for name in EVERY if name not in without]


def effective(organs, **patient):
    return size_specific_effective_dose(DoseResult(tuple(organs), shared_by=SHARED_BY), **patient)


def width(found):
    """The interval over the value."""
    return (found.high_mSv - found.low_mSv) / found.value_mSv


def test_the_weights_are_those_of_icrp_103_and_add_up_to_one():
    weights = {}
    for tissue in tissues():
        weights[tissue.name] = weights.get(tissue.name, 0.0) + tissue.weight
    assert sum(weights.values()) == pytest.approx(1.0)
    twelve = ("red_marrow", "colon", "lung", "stomach", "breast")
    four = ("urinary_bladder", "esophagus", "liver", "thyroid")
    one = ("bone_surface", "brain", "salivary_glands", "skin")
    named = {**dict.fromkeys(twelve, 0.12), "gonads": 0.08}
    named |= {**dict.fromkeys(four, 0.04), **dict.fromkeys(one, 0.01)}
    for name, weight in named.items():
        assert weights.pop(name) == pytest.approx(weight), name
    assert list(weights.values()) == pytest.approx([REST] * 13)


def test_every_organ_of_the_table_has_a_name_of_the_project():
    names = {name for tissue in tissues() for way in tissue.organs for name in way} | set(MUSCLES)
    assert names - set(table_of_organs()) == set(IN_BONES)


def test_a_dose_of_1_mGy_everywhere_is_1_mSv():
    found = effective(every())
    assert found.value_mSv == pytest.approx(1.0)
    assert found.predicted_share == pytest.approx(1.0)
    assert found.bounded_mSv == pytest.approx(0.0)
    assert sum(found.by_tissue_mSv.values()) == pytest.approx(1.0)
    assert not found.flags
    assert "not a personal risk" in found.note


def test_each_tissue_counts_by_its_weight():
    found = effective(every(colon=2.0, thyroid_gland=3.0))
    assert found.by_tissue_mSv["colon"] == pytest.approx(0.24)
    # A half of the extrathoracic region is taken as the thyroid.
    assert found.value_mSv == pytest.approx(1.0 + 0.12 + 0.04 * 2 + REST)


def test_missing_tissues_lower_the_share_and_widen_the_interval():
    whole, without, less = (
        effective(every(*missing)) for missing in ((), ("brain",), ("brain", "liver"))
    )
    assert without.predicted_share == pytest.approx(0.99)
    assert less.predicted_share == pytest.approx(0.95)
    assert width(whole) < width(without) < width(less)
    # Half of the bound, which is the dose of what lies near.
    assert without.value_mSv == pytest.approx(1.0 - 0.005)
    assert without.bounded_mSv == pytest.approx(0.01)
    assert codes(without.flags) == {"size_specific_bounded"}
    assert "missing: brain." in without.flags[0].message
    assert {one.place for one in without.flags} == {SIZE_SPECIFIC}


def test_what_is_missing_gets_at_most_what_the_nearest_part_of_the_body_gets():
    found = effective(every("brain", thyroid_gland=0.2, salivary_glands=0.1, tongue=0.15, lung=9.0))
    assert found.by_tissue_mSv["brain"] == pytest.approx(0.01 * 0.2 / 2)  # thyroid: of the head too
    above = effective(every("brain", "salivary_glands", "tongue", thyroid_gland=0.2, lung=9.0))
    assert above.by_tissue_mSv["brain"] == pytest.approx(0.01 * 0.2 / 2)


def test_bone_surface_is_bounded_by_red_marrow():
    found = effective(every(BONE_SURFACE, red_marrow=2.0))
    assert found.predicted_share == pytest.approx(0.99)
    assert found.by_tissue_mSv[BONE_SURFACE] == pytest.approx(0.01 * BONE_OVER_MARROW)


def test_too_few_tissues_give_no_value_but_a_flag_that_names_them():
    found = effective(every("breast", "red_marrow"))
    assert found.predicted_share == pytest.approx(0.76)
    assert found.predicted_share < LEAST_SHARE
    assert found.value_mSv is found.low_mSv is found.high_mSv is found.predicted_mSv is None
    assert not found.by_tissue_mSv
    (one,) = found.flags
    assert (one.code, one.severity) == ("size_specific_not_offered", "info")
    assert "76%; 80% are needed; missing: red marrow, breast." in one.message
    assert "segmentation" in one.mends


def test_tissues_that_are_predicted_in_part_are_named_apart():
    cut = organ("colon", 2.0, coverage=None, seen_mass_g=100.0)
    (one,) = effective([*every("colon", "brain"), cut]).flags
    assert one.detail.endswith("%; missing: brain; in part: colon")


def test_without_any_dose_there_is_nothing_to_add_to_the_organs_reasons():
    found = effective([])
    assert (found.value_mSv, found.predicted_share, found.flags) == (None, 0.0, ())


def test_the_other_sexs_organs_are_bounded():
    man = effective(every("ovary", "uterus", urinary_bladder=3.0), sex="M")
    assert man.predicted_by_tissue["gonads"] == pytest.approx(0.5)
    assert man.predicted_share == pytest.approx(1 - 0.04 - REST / 2)
    # Testes of 1 mGy, and ovaries between 0 and what the bladder gets.
    assert man.by_tissue_mSv["gonads"] == pytest.approx(0.04 * 1.0 + 0.04 * 1.5)
    both = effective(every(ovary=3.0, testis=1.0))
    assert both.by_tissue_mSv["gonads"] == pytest.approx(0.08 * 2.0)


def test_sides_are_put_together_and_a_missing_one_is_bounded():
    sides = [organ("kidney_left", 1.0), organ("kidney_right", 3.0)]
    both = effective([*every("kidney"), *sides])
    assert both.by_tissue_mSv["kidneys"] == pytest.approx(REST * 2.0)
    one = effective([*every("kidney"), sides[0]])
    assert one.predicted_by_tissue["kidneys"] == pytest.approx(0.5)


def test_contrast_agent_counts_nowhere():
    bright = organ("liver", 1.4, iodine_free_dose_mGy=1.0)
    assert effective([*every("liver"), bright]).value_mSv == pytest.approx(1.0)
    whole = replace(bright, whole_organ_dose_mGy=0.7, coverage=None)
    found = effective([*every("liver"), whole])
    assert found.by_tissue_mSv["liver"] == pytest.approx(0.04 * 0.5)


def test_an_upper_end_that_reaches_up_for_contrast_agent_is_not_taken():
    liver = organ("liver")
    reaching = replace(liver, total_high_mGy=5.0)
    plain, wide, free = (
        effective([*every("liver"), one])
        for one in (liver, reaching, replace(reaching, flags=(flag("iodine"),)))
    )
    assert wide.high_mSv > plain.high_mSv
    assert free.high_mSv == pytest.approx(plain.high_mSv)


def test_a_cut_organ_counts_by_its_mass_and_the_rest_is_bounded():
    mass = reference_mass_g("colon", 5.0)
    cut = organ("colon", 2.0, coverage=None, seen_mass_g=0.6 * mass)
    found = effective([*every("colon"), cut], age_years=5.0)
    assert found.predicted_by_tissue["colon"] == pytest.approx(0.6)
    assert found.by_tissue_mSv["colon"] == pytest.approx(0.12 * (0.6 * 2.0 + 0.4 * 1.0))
    unknown = effective([*every("colon"), replace(cut, seen_mass_g=None)], age_years=5.0)
    assert unknown.predicted_by_tissue["colon"] == 0.0
    assert unknown.bounded_mSv == pytest.approx(0.12 * 2.0)


def test_a_completed_organ_is_whole():
    cut = organ("colon", 2.0, coverage=None, seen_mass_g=10.0, whole_organ_dose_mGy=0.5)
    found = effective([*every("colon"), cut])
    assert found.by_tissue_mSv["colon"] == pytest.approx(0.12 * 0.5)
    assert found.predicted_share == pytest.approx(1.0)


def test_red_marrow_counts_by_its_share_in_the_images():
    marrow = organ(RED_MARROW, 2.0, coverage=None)
    found = effective([*every(RED_MARROW), marrow], marrow_share=0.7)
    assert found.predicted_by_tissue["red_marrow"] == pytest.approx(0.7)
    assert found.by_tissue_mSv["red_marrow"] == pytest.approx(0.12 * (1.4 + 0.3))
    unknown = effective([*every(RED_MARROW), marrow])
    assert unknown.predicted_by_tissue["red_marrow"] == 0.0


def test_muscle_is_made_of_single_muscles_by_their_mass():
    masses = {"autochthon_left": 400.0, "gluteus_maximus_right": 1200.0}
    muscles = [
        organ(name, dose, seen_mass_g=mass)
        for (name, mass), dose in zip(masses.items(), (1.0, 2.0), strict=True)
    ]
    found = effective([*every("skeletal_muscle"), *muscles], sex="M")
    share = 1600.0 / reference_mass_g("skeletal_muscle", sex="M")
    assert found.predicted_by_tissue["muscle"] == pytest.approx(share)
    assert found.by_tissue_mSv["muscle"] == pytest.approx(REST * 1.75 * (share + 1) / 2)


def test_shared_components_add_up_and_those_of_organs_average_out():
    scanner, of_organs = (
        effective([organ(name, budget={component: 0.1}) for name in EVERY])
        for component in ("ctdivol_display", "partial_volume")
    )
    assert math.log(scanner.high_mSv / scanner.value_mSv) == pytest.approx(K90 * 0.1)
    # As if there were 1 / sum of w^2 organs of one weight.
    assert 0.2 * K90 * 0.1 < math.log(of_organs.high_mSv / of_organs.value_mSv) < 0.4 * K90 * 0.1


def test_a_component_of_which_nothing_is_stated_counts_as_shared():
    found = effective([organ(name, budget={"of my engine": 0.1}) for name in EVERY])
    assert math.log(found.high_mSv / found.value_mSv) == pytest.approx(K90 * 0.1)
    without = [replace(organ(name, budget={"x": 0.1}), budget={}) for name in EVERY]
    assert effective(without).high_mSv == pytest.approx(found.high_mSv)


def test_doses_without_an_interval_give_a_value_without_one():
    none = {"total_low_mGy": None, "total_high_mGy": None, "budget": {}}
    found = effective([replace(one, **none) for one in every()])
    assert found.value_mSv == pytest.approx(1.0)
    assert found.low_mSv is found.high_mSv is None


def test_the_interval_holds_the_value_and_scales_with_it():
    found, twice = (
        effective([organ(name, dose) for name in EVERY if name != "breast"]) for dose in (1.0, 2.0)
    )
    assert 0 < found.low_mSv < found.value_mSv < found.high_mSv
    for name in ("value_mSv", "low_mSv", "high_mSv", "bounded_mSv"):
        assert getattr(twice, name) == pytest.approx(2 * getattr(found, name))


def test_reference_masses_grow_and_a_side_has_half():
    for name in ("liver", "skeletal_muscle", "lung", "colon"):
        masses = [reference_mass_g(name, age) for age in (0, 1, 3, 5, 8, 10, 15, 20, 70)]
        assert masses == sorted(masses), name
    assert reference_mass_g("breast", sex="F") > 10 * reference_mass_g("breast", sex="M")
    assert reference_mass_g("lung_left") == reference_mass_g("lung") / 2
    assert reference_mass_g("aorta") is None


def test_the_marrow_in_the_images_follows_from_the_labels():
    whole = scan_of(*make(organs=("sacrum", "sternum"), slices=40))
    assert seen_marrow_share(whole) == pytest.approx(active_share("sacrum", 50) + 0.034, abs=0.002)
    # The first slice cuts both.
    cut = scan_of(*make(organs=("sacrum", "sternum"), slices=20, first=15))
    assert seen_marrow_share(cut) == pytest.approx(seen_marrow_share(whole) / 2)
    assert seen_marrow_share(scan_of(*make(organs=("liver",)))) is None


class Everything:
    """A dose engine that gives every organ of the table 4 mGy, whatever the scan holds."""

    name = "everything"

    def available(self, scan):
        return True, ""

    def estimate(self, scan, progress=None):
        blank = np.full(len(scan.series.slices), np.nan)
        organs = (replace(organ(name, 4.0), slice_dose_mGy=blank) for name in EVERY)
        return DoseResult(tuple(organs), shared_by=SHARED_BY)


def test_it_is_part_of_an_analysis_its_file_and_its_summary(tmp_path):
    labelled = tuple(name for name in EVERY if name not in (*IN_BONES, "skin"))
    analysis = analyze(*make(organs=labelled), dose_engine=Everything())
    assert analysis.size_specific_effective_dose.value_mSv == pytest.approx(4.0)
    write_result_json(Result.of(analysis), tmp_path / "result.json")
    again = read_result(tmp_path)
    assert again.size_specific_effective_dose == analysis.size_specific_effective_dose
    text = "\n".join(summary(again))
    assert "size-specific, ICRP 103: 4.00 mSv (90 % interval 3.39 - 4.72), 100 % of the" in text
    assert "not a personal risk" in text


def test_the_fast_law_gives_one_where_labels_of_a_trunk_hold_enough_organs():
    bones = ("sacrum", "sternum", *(f"vertebrae_L{n}" for n in range(1, 6)))
    bones += tuple(f"vertebrae_T{n}" for n in range(1, 13))
    of_head = (*IN_BONES, "skin", "brain", "salivary_glands", "tongue", "testis")
    labelled = (*(name for name in EVERY if name not in of_head), *bones)
    found, twice = (analyze(*make(organs=labelled, ctdivol=ctdivol)) for ctdivol in (9.0, 18.0))
    effective_dose = found.size_specific_effective_dose
    assert effective_dose.predicted_by_tissue["breast"] == 1.0
    assert 0.3 < effective_dose.predicted_by_tissue["red_marrow"] < 1.0
    share = effective_dose.predicted_share
    assert LEAST_SHARE < share < 1.0
    # A mean of organ doses by weights that add up to the share.
    doses_mGy = [organ.dose_mGy for organ in found.doses.organs if organ.dose_mGy is not None]
    assert share * min(doses_mGy) < effective_dose.predicted_mSv < share * max(doses_mGy)
    assert 0 < effective_dose.low_mSv < effective_dose.value_mSv < effective_dose.high_mSv
    value_mSv = twice.size_specific_effective_dose.value_mSv
    assert value_mSv == pytest.approx(2 * effective_dose.value_mSv)


def test_few_organs_give_none_and_the_summary_stays_without():
    analysis = analyze(*make())
    found = analysis.size_specific_effective_dose
    assert found.value_mSv is None
    assert codes(found.flags) == {"size_specific_not_offered"}
    assert set(found.flags) <= set(analysis.flags)
    assert set(found.flags) <= set(Result.of(analysis).flags)
    assert "size-specific" not in "\n".join(summary(Result.of(analysis)))
