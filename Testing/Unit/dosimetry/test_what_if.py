"""Doses of another exposure of the same patient: what scales how, and what it leaves open."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, codes, make

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent, MatchedReport, PlacedEvent
from CTDoseSegLib.dosimetry.doses import DoseResult
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.dosimetry.tissue_weights import tissues
from CTDoseSegLib.dosimetry.what_if.answer import WhatIf
from CTDoseSegLib.dosimetry.what_if.change import Change, output_ratio
from CTDoseSegLib.dosimetry.what_if.organs import BY_LAW, VOLTAGE
from CTDoseSegLib.errors import AcquisitionError
from CTDoseSegLib.measurement.ctdi_per_mas import K90

LUNGS = ("lung_left", "lung_right", "liver", "heart_myocardium")
USER = {"irradiated_range_mm": "user"}


def what_if_of(made, doses=None):
    scan = Scan.of(made.series, made.labelmap, made.measurements, made.size, made.scanner)
    return WhatIf(scan, doses or made.doses, FastEngine(MODEL))


def asked(change=None, **scan):
    """What if of a scan, and the answer to a change."""
    what_if = what_if_of(analyze(*make(organs=LUNGS, **scan)))
    return what_if, what_if.ask(change or Change())


def exposed_anew(change_series, **scan):
    """The whole analysis of the same scan with its exposure changed by hand."""
    series, labelmap = make(organs=LUNGS, **scan)
    return analyze(change_series(series), labelmap)


def with_ctdivol(series, factor, **acquisition):
    slices = tuple(replace(s, ctdivol_mGy=s.ctdivol_mGy * factor) for s in series.slices)
    return replace(series, slices=slices, acquisition=replace(series.acquisition, **acquisition))


def by_name(organs):
    return {organ.organ: organ for organ in organs if organ.dose_mGy is not None}


def test_no_change_gives_the_numbers_of_the_scan():
    made = analyze(*make(organs=LUNGS, body_part="CHEST"))
    present = what_if_of(made).present
    assert present.ssde_mGy == pytest.approx(made.ssde.mean_mGy)
    assert present.dlp == made.effective_dose.dlp
    assert present.effective_dose == made.effective_dose
    assert present.ctdivol_mGy == pytest.approx(9.0)
    own = by_name(made.doses.organs)
    assert {n: o.dose_mGy for n, o in by_name(present.organs).items()} == {
        n: o.dose_mGy for n, o in own.items()
    }
    assert not present.flags


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        (Change(tube_current_factor=2.0), 2.0),
        (Change(rotation_time_factor=2.0), 2.0),
        (Change(pitch=0.5), 2.0),
        (Change(pitch=2.0, tube_current_factor=2.0), 1.0),
        (Change(ctdivol_factor=0.5), 0.5),
    ],
)
def test_all_follows_the_mas_over_the_pitch(change, factor):
    what_if, other = asked(change, pitch=1.0, body_part="CHEST")
    present = what_if.present
    assert other.ctdivol_mGy == pytest.approx(9.0 * factor)
    assert other.dlp.value_mGy_cm == pytest.approx(present.dlp.value_mGy_cm * factor)
    assert other.ssde_mGy == pytest.approx(present.ssde_mGy * factor)
    before, after = present.effective_dose, other.effective_dose
    assert after.effective_dose_mSv == pytest.approx(before.effective_dose_mSv * factor)
    for organ in by_name(present.organs).values():
        changed = other.dose_of(organ.organ)
        for name in ("dose_mGy", "total_low_mGy", "total_high_mGy", "model_high_mGy"):
            assert getattr(changed, name) == pytest.approx(getattr(organ, name) * factor)
    assert "hypothetical" in codes(other.flags)
    assert other.with_log_sd(9.0) is None  # proportional: nothing is added to an interval


@pytest.mark.parametrize("kvp", [80.0, 100.0, 140.0])
def test_another_voltage_gives_what_an_analysis_with_it_gives(kvp):
    what_if, other = asked(Change(kvp_kV=kvp), body_part="CHEST")
    ratio = other.output.value
    fresh = exposed_anew(lambda series: with_ctdivol(series, ratio, kvp_kV=kvp), body_part="CHEST")
    assert other.ssde_mGy == pytest.approx(fresh.ssde.mean_mGy)
    assert other.dlp.value_mGy_cm == pytest.approx(fresh.effective_dose.dlp.value_mGy_cm)
    effective = other.effective_dose.effective_dose_mSv
    assert effective == pytest.approx(fresh.effective_dose.effective_dose_mSv)
    for name, organ in by_name(fresh.doses.organs).items():
        assert other.dose_of(name).dose_mGy == pytest.approx(organ.dose_mGy), name
        # Not CTDIvol alone: a hard beam reaches deep organs better.
        per_ctdivol = organ.dose_mGy / what_if.present.dose_of(name).dose_mGy / ratio
        assert (per_ctdivol - 1) * (kvp - 120) > 0


@pytest.mark.parametrize(
    ("kvp", "low", "high"), [(80, 0.26, 0.37), (100, 0.58, 0.66), (140, 1.37, 1.62)]
)
def test_ctdivol_at_another_voltage_is_that_of_scanners(kvp, low, high):
    what_if, other = asked(Change(kvp_kV=kvp))
    assert low < other.output.value < high
    ends = other.with_log_sd(other.output.value)
    assert ends[0] < low * 1.05
    assert high / 1.05 < ends[1]
    assert output_ratio(what_if.scan, 120.0).value == 1.0


def test_the_intervals_allow_for_the_ctdivol_of_another_voltage():
    _, other = asked(Change(kvp_kV=80.0), body_part="CHEST")
    ratio, sd = other.output.value, other.output.log_sd
    fresh = exposed_anew(lambda series: with_ctdivol(series, ratio, kvp_kV=80.0), body_part="CHEST")
    lung = by_name(fresh.doses.organs)["lung_left"]
    mine = other.dose_of("lung_left")
    assert mine.budget[VOLTAGE] == pytest.approx(sd)
    below = math.log(lung.dose_mGy / lung.total_low_mGy)
    assert mine.total_low_mGy == pytest.approx(
        lung.dose_mGy * math.exp(-math.hypot(below, K90 * sd))
    )
    assert other.ssde_interval_mGy[0] < 0.8 * other.ssde_mGy * 0.9
    narrow, wide = fresh.effective_dose, other.effective_dose
    assert wide.low_mSv == pytest.approx(narrow.low_mSv * math.exp(-K90 * sd))
    assert wide.high_mSv == pytest.approx(narrow.high_mSv * math.exp(K90 * sd))
    assert "hypothetical_voltage" in codes(other.flags)


def test_a_beam_unlike_those_of_the_tables_has_a_wider_interval():
    usual = asked(Change(kvp_kV=100.0))[1].output
    tin = asked(Change(kvp_kV=100.0), tin_filter=True)[1].output
    assert tin.log_sd > 2 * usual.log_sd
    assert "tin" in tin.source


def test_another_range_gives_what_an_analysis_with_it_gives():
    low, high = 40.0, 110.0
    what_if, other = asked(Change(irradiated_range_mm=(low, high)), sources={})
    fresh = analyze(*make(organs=LUNGS, irradiated_range_mm=(low, high), sources=USER))
    for name, organ in by_name(fresh.doses.organs).items():
        mine = other.dose_of(name)
        assert mine.dose_mGy == pytest.approx(organ.dose_mGy)
        assert mine.total_high_mGy == pytest.approx(organ.total_high_mGy)
        assert codes(mine.flags) == codes(organ.flags)
    assert other.dlp.value_mGy_cm == pytest.approx(9.0 * 7.0)
    assert fresh.effective_dose.dlp.value_mGy_cm == pytest.approx(9.0 * 7.0)
    assert by_name(other.organs)["liver"].dose_mGy < what_if.present.dose_of("liver").dose_mGy


def test_a_stated_dlp_keeps_its_distance_from_the_computed_one():
    scan = {"irradiated_range_mm": (0.0, 200.0), "sources": USER, "dlp_mGy_cm": 198.0}
    _, other = asked(Change(irradiated_range_mm=(50.0, 150.0)), **scan)
    # Stated 198 for the 180 mGy cm of 200 mm.
    assert other.dlp.value_mGy_cm == pytest.approx(9.0 * 10.0 * 198.0 / 180.0)
    _, doubled = asked(Change(tube_current_factor=2.0), **scan)
    assert doubled.dlp.value_mGy_cm == pytest.approx(396.0)


def test_ctdivol_and_ssde_of_another_range_are_those_of_its_slices():
    current = [100.0] * 20 + [300.0] * 20
    _, other = asked(Change(irradiated_range_mm=(100.0, 196.0)), current=current, ctdivol=10.0)
    # 10 mGy are the mean; the upper half has three times the current of the lower.
    assert other.ctdivol_mGy == pytest.approx(15.0)
    assert "hypothetical_modulation" in codes(other.flags)


def test_effective_dose_of_another_range_is_by_the_parts_in_it():
    series, labelmap = make(organs=("urinary_bladder", "brain"), organ_slices=(0, 40))
    labels = labelmap.labels.copy()
    labels[20:][labels[20:] == 3] = 1  # the bladder below
    labels[:20][labels[:20] == 4] = 1  # the brain above
    made = analyze(series, replace(labelmap, labels=labels))
    what_if = what_if_of(made)
    upper = what_if.ask(Change(irradiated_range_mm=(102.0, 196.0)))
    assert set(upper.effective_dose.shares) == {"head"}
    assert set(what_if.present.effective_dose.shares) > {"head"}


@pytest.mark.parametrize(
    "other", [{}, {"pitch": 2.0}, {"kvp_kV": 100.0, "rotation_time_factor": 2.0}]
)
def test_a_target_ssde_is_reached_by_the_tube_current(other):
    what_if, reached = asked(Change(target_ssde_mGy=5.0, tube_current_factor=3.0, **other))
    assert reached.ssde_mGy == pytest.approx(5.0, rel=1e-6)
    again = what_if.ask(replace(reached.change, target_ssde_mGy=None))
    assert again.ssde_mGy == pytest.approx(5.0, rel=1e-6)
    if not other:
        expected = 5.0 / what_if.present.ssde_mGy
        assert reached.change.tube_current_factor == pytest.approx(expected)


@pytest.mark.parametrize("target", [0.1, 500.0])
def test_a_target_beyond_what_a_tube_current_may_change_is_refused(target):
    what_if, _ = asked(ctdivol=0.5 if target > 1 else 200.0)
    sentence = what_if.problems(Change(target_ssde_mGy=target))["target_ssde_mGy"]
    assert "times the tube current" in sentence
    low, high = (float(word) for word in sentence.split(" from ")[1].split(" mGy")[0].split(" to "))
    present = what_if.present.ssde_mGy
    assert low == pytest.approx(present / 100, rel=0.01)
    assert high == pytest.approx(100 * present, rel=0.01)
    assert not what_if.problems(Change(target_ssde_mGy=0.99 * high if target > 1 else 1.01 * low))


def test_the_voltage_and_range_of_the_scan_are_no_change():
    ends = (0.0, 195.0)
    what_if, other = asked(
        Change(kvp_kV=120.2, irradiated_range_mm=ends), irradiated_range_mm=ends, sources=USER
    )
    assert other.change == Change()
    assert not other.flags
    liver, present = other.dose_of("liver"), what_if.present.dose_of("liver")
    assert (liver.dose_mGy, liver.budget) == (present.dose_mGy, present.budget)


def test_the_ct_that_is_simulated_has_the_output_of_the_other_voltage():
    scan = {"ctdivol": None, "manufacturer": "SIEMENS", "model": "SOMATOM Definition Flash"}
    what_if, other = asked(Change(kvp_kV=80.0), **scan)
    given = what_if.exposed(Change(kvp_kV=80.0)).scanner.nctdiw_mGy_per_100mAs
    assert given == pytest.approx(what_if.scan.scanner.nctdiw_mGy_per_100mAs * other.output.value)


def test_effective_dose_of_a_simulation_shares_what_its_own_engine_shares():
    what_if, answer = asked(Change(tube_current_factor=2.0), body_part="CHEST")
    every = dict.fromkeys(name for tissue in tissues() for name in tissue.organs[0])
    one = replace(
        answer.organs[0],
        dose_mGy=4.0,
        total_low_mGy=4.0 * math.exp(-0.2 * K90),
        total_high_mGy=4.0 * math.exp(0.2 * K90),
        route="montecarlo",
        coverage=1.0,
        budget={"statistics": 0.2},
        flags=(),
    )
    organs = tuple(replace(one, organ=name) for name in every)
    apart = what_if.simulated(answer, DoseResult(organs, shared_by={"statistics": ("organ",)}))
    together = what_if.simulated(answer, DoseResult(organs))
    widths = [
        one.size_specific_effective_dose.high_mSv / one.size_specific_effective_dose.value_mSv
        for one in (apart, together)
    ]
    assert widths[0] < widths[1]


def test_simulated_doses_follow_the_ratio_of_the_law_with_its_error():
    made = analyze(*make(organs=LUNGS))
    simulated = tuple(
        replace(o, dose_mGy=2 * o.dose_mGy, route="montecarlo", budget={"statistics": 0.01},
                total_low_mGy=1.9 * o.dose_mGy, total_high_mGy=2.1 * o.dose_mGy)
        for o in by_name(made.doses.organs).values()
    )  # fmt: skip
    what_if = what_if_of(made, DoseResult(simulated))
    law = what_if_of(made).ask(Change(kvp_kV=100.0))
    other = what_if.ask(Change(kvp_kV=100.0))
    for organ in simulated:
        mine = other.dose_of(organ.organ)
        assert mine.dose_mGy == pytest.approx(2 * law.dose_of(organ.organ).dose_mGy)
        assert mine.budget[BY_LAW] == pytest.approx(law.dose_of(organ.organ).budget["law"])
        assert mine.total_high_mGy / mine.dose_mGy > 1.1
    assert "hypothetical_by_law" in codes(other.flags)
    doubled = what_if.ask(Change(tube_current_factor=2.0))
    assert doubled.dose_of("liver").total_low_mGy == pytest.approx(
        2 * by_name(simulated)["liver"].total_low_mGy
    )
    assert "hypothetical_by_law" not in codes(doubled.flags)


def test_doses_by_mas_follow_mas_and_nothing_beyond():
    scan = {"ctdivol": None, "manufacturer": "SIEMENS", "model": "SOMATOM Definition Flash"}
    what_if, other = asked(Change(ctdivol_factor=3.0), **scan)
    liver = what_if.present.dose_of("liver")
    assert liver.route == "mas"
    assert other.dose_of("liver").dose_mGy == pytest.approx(liver.dose_mGy)
    assert other.ssde_mGy == pytest.approx(what_if.present.ssde_mGy)
    assert what_if.ask(Change(pitch=0.5)).dose_of("liver").dose_mGy == pytest.approx(
        2 * liver.dose_mGy
    )
    slow = what_if.ask(Change(kvp_kV=100.0))
    assert slow.dose_of("liver").dose_mGy < 0.8 * liver.dose_mGy
    assert slow.ctdivol_mGy is None
    assert slow.dlp is None


def test_an_unknown_scanner_without_ctdivol_has_no_dose_at_another_voltage():
    _, other = asked(Change(kvp_kV=100.0), ctdivol=None)
    liver = other.dose_of("liver")
    assert liver.dose_mGy is None
    assert "no_exposure" in codes(liver.flags)


@pytest.mark.parametrize(
    ("change", "name", "word"),
    [
        (Change(pitch=0.05), "pitch", "0.1 to 4"),
        (Change(pitch=math.nan), "pitch", "0.1 to 4"),
        (Change(kvp_kV=300.0), "kvp_kV", "70 to 150"),
        (Change(target_ssde_mGy=0.0), "target_ssde_mGy", "0.1 to"),
        (Change(tube_current_factor=-1.0), "tube_current_factor", "0.01"),
        (Change(irradiated_range_mm=(100.0, 50.0)), "irradiated_range_mm", "lower"),
        (Change(irradiated_range_mm=(-500.0, 50.0)), "irradiated_range_mm", "inside"),
        (Change(irradiated_range_mm=(101.0, 102.0)), "irradiated_range_mm", "No slice"),
        (Change(irradiated_range_mm=(math.nan, 102.0)), "irradiated_range_mm", "lower"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_a_sentence(change, name, word):
    what_if, _ = asked()
    found = what_if.problems(change)
    assert list(found) == [name]
    assert word in found[name]
    with pytest.raises(AcquisitionError, match=word):
        what_if.ask(change)


@pytest.mark.parametrize(
    ("missing", "change", "name"),
    [
        ({"pitch": None}, Change(pitch=1.5), "pitch"),
        ({"kvp_kV": None}, Change(kvp_kV=100.0), "kvp_kV"),
        ({"ctdivol": None}, Change(target_ssde_mGy=5.0), "target_ssde_mGy"),
    ],
)
def test_what_the_scan_does_not_state_is_asked_for(missing, change, name):
    what_if, _ = asked(**missing)
    assert "enter" in what_if.problems(change)[name]


def test_no_voxel_is_looked_at_again():
    made = analyze(*make(organs=LUNGS))
    blind = replace(made.series, hu=np.zeros_like(made.series.hu))
    what_if = what_if_of(made)
    unseen = WhatIf(replace(what_if.scan, series=blind), made.doses, FastEngine(MODEL))
    change = Change(kvp_kV=80.0, irradiated_range_mm=(50.0, 150.0), pitch=2.0)
    mine, seen = (one.ask(change).dose_of("liver") for one in (unseen, what_if))
    assert mine.dose_mGy == seen.dose_mGy


def test_a_mean_current_of_the_dose_report_does_not_count_the_factor_twice():
    series, labelmap = make(organs=LUNGS, current=[100.0] * 20 + [300.0] * 20)
    event = IrradiationEvent(uid="1", kind="spiral", tube_current_mA=250.0)
    placed = PlacedEvent(event, True, None, "")
    report = MatchedReport(DoseReport((event,)), (placed,), "event UID")
    what_if = what_if_of(analyze(replace(series, dose_report=report), labelmap))
    doubled = Change(tube_current_factor=2.0, irradiated_range_mm=(-2.0, 197.0))
    once = replace(doubled, tube_current_factor=1.0)
    before, after = (what_if.ask(change) for change in (once, doubled))
    assert after.dose_of("liver").dose_mGy == pytest.approx(2 * before.dose_of("liver").dose_mGy)
    assert after.dlp.value_mGy_cm == pytest.approx(2 * before.dlp.value_mGy_cm)


def test_a_part_of_the_images_keeps_the_ctdivol_that_they_have_by_the_dose_report():
    series, labelmap = make(organs=LUNGS, current=100.0, body_part="CHEST")
    event = IrradiationEvent(uid="1", kind="spiral", tube_current_mA=190.0)
    report = MatchedReport(DoseReport((event,)), (PlacedEvent(event, True, None, ""),), "event UID")
    what_if = what_if_of(analyze(replace(series, dose_report=report), labelmap))
    effective = what_if.ask(Change(irradiated_range_mm=(48.0, 152.0))).effective_dose
    assert effective.dlp.computed_mGy_cm == pytest.approx(effective.dlp.value_mGy_cm)
    assert "dlp_disagrees" not in codes(effective.flags)
