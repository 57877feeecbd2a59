"""Which scans the Monte Carlo engine takes, and how it is chosen."""

from __future__ import annotations

import argparse
from dataclasses import replace

import pytest
from dose_scans import codes, make, scan_of

from CTDoseSegLib import MonteCarloEngine
from CTDoseSegLib.cli.arguments import (
    chooses_doses,
    chooses_segmentation,
    simulation_settings,
)
from CTDoseSegLib.ct.scanner_profile import MeasuredBeam, Scanner
from CTDoseSegLib.dosimetry.engines import DoseEngine, choose_engine
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine, load_model
from CTDoseSegLib.dosimetry.montecarlo.beam_choice import beam_model, filter_phantom_cm
from CTDoseSegLib.dosimetry.montecarlo.exposure import exposure_of
from CTDoseSegLib.errors import DoseEngineChoiceError, DoseEngineError, InputError
from CTDoseSegLib.flags import flag
from CTDoseSegLib.segmentation.labelmap import Labelmap


def scan(**changes):
    return scan_of(*make(**changes))


def reason(made) -> str:
    able, why = MonteCarloEngine().available(made)
    assert able == (not why)
    return why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kvp_kV": None}, "the tube voltage is not known"),
        ({"kvp_kV": 50.0}, "the tube voltage is 50 kV, outside 60 to 150 kV"),
        ({"kvp_kV": 160.0}, "outside 60 to 150 kV"),
        ({"tin_filter": True}, "a tin filter"),
        ({"dual_source": True}, "two tubes"),
        ({"total_collimation_mm": 200.0}, "cone-beam"),
        ({"model": "XVI"}, "cone-beam"),
        ({"ctdivol": None}, "CTDIvol is not known"),
        ({"ctdivol": None, "current": None}, "CTDIvol is not known"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason(changes, why):
    assert why in reason(scan(**changes))


@pytest.mark.parametrize("changes", [{}, {"kvp_kV": 60.0}, {"kvp_kV": 150.0}, {"phantom_cm": 16}])
def test_usual_scans_are_taken(changes):
    assert reason(scan(**changes)) in ("", MonteCarloEngine().available(scan())[1])


BODY = MeasuredBeam("body", 32, "GE VCT-like large", 1.0, 7.7, 0.1, 560.0)
TIN = MeasuredBeam("tin", 32, "GE VCT-like large", 1.0, 11.0, 0.2, 560.0)


def test_a_beam_that_was_measured_on_the_scanner_may_be_an_unusual_one():
    series, labelmap = make(tin_filter=True)
    profiled = scan_of(series, labelmap, Scanner("A B", beams=(BODY, TIN)))
    assert "tin filter" in MonteCarloEngine().available(profiled)[1]
    assert "tin filter" in MonteCarloEngine(beam="generic body").available(profiled)[1]
    assert "tin filter" not in MonteCarloEngine(beam="Tin").available(profiled)[1]


def test_a_profiles_beam_comes_before_the_scanners_and_a_name_before_both():
    series, labelmap = make(manufacturer="SIEMENS", model="SOMATOM Force")
    plain = scan_of(series, labelmap)
    profiled = scan_of(series, labelmap, Scanner("A B", beams=(TIN, BODY)))
    exposure = exposure_of(plain)
    assert beam_model(None, plain, exposure).name == "Siemens Force W3"
    assert beam_model(None, profiled, exposure).hvl_mm == TIN.hvl_mm
    assert beam_model("body", profiled, exposure).hvl_mm == BODY.hvl_mm
    assert beam_model("generic head", profiled, exposure).name == "generic head"


@pytest.mark.parametrize(
    ("changes", "phantom_cm"),
    [
        ({}, 32),
        ({"body_part": "HEAD", "phantom_cm": 16}, 16),
        ({"age_years": 4.0, "phantom_cm": 16, "body_part": "CHEST"}, 32),
        ({"age_years": 4.0, "phantom_cm": 16}, 32),  # its organs are a trunk's
        ({"filter_type": "HEAD FILTER"}, 16),
        ({"phantom_cm": 16, "organs": ("brain",)}, 16),
    ],
)
def test_the_filter_goes_with_the_anatomy_and_not_with_the_reports_phantom(changes, phantom_cm):
    made = scan(**changes)
    assert filter_phantom_cm(made, exposure_of(made).phantom_cm) == phantom_cm


def test_two_voltages_and_values_that_are_no_hu_are_refused():
    series, labelmap = make()
    two = replace(series, flags=(flag("dual_energy"),))
    assert "two tube voltages" in reason(scan_of(two, labelmap))
    raw = replace(series, flags=(flag("not_hu"),))
    assert "no Hounsfield units" in reason(scan_of(raw, labelmap))


def test_a_label_map_without_an_organ_is_refused():
    series, labelmap = make()
    empty = Labelmap(labelmap.labels * 0, labelmap.affine, labelmap.atoms, labelmap.groups, "none")
    assert "no label map" in reason(scan_of(series, empty))


def test_a_child_without_a_phantom_gets_no_dose_and_needs_no_simulation():
    child = scan(age_years=9.0, phantom_cm=None)
    result = MonteCarloEngine().estimate(child)
    assert {organ.organ for organ in result.organs} == set(child.organs)
    assert all(organ.dose_mGy is None for organ in result.organs)
    assert "monte_carlo_child_phantom" in codes(result.flags)


def test_a_pregnancy_is_flagged_without_a_word_of_a_model_that_was_fitted_without():
    stated = scan(pregnancy_stated=True, age_years=16.0, phantom_cm=None)
    simulated, fitted = (
        next(one for one in engine.estimate(stated).flags if one.code == "pregnancy")
        for engine in (MonteCarloEngine(), FastEngine(load_model()))
    )
    assert "that of the uterus region alone" in simulated.consequence
    assert "dose model" in fitted.consequence
    assert "model" not in simulated.consequence


def test_the_error_of_estimate_names_the_engine_and_the_reason():
    with pytest.raises(DoseEngineError, match="montecarlo cannot be used: a tin filter"):
        estimate(MonteCarloEngine(), scan(tin_filter=True))


def test_it_is_chosen_by_name_and_never_by_itself():
    engine = choose_engine("montecarlo")
    assert isinstance(engine, MonteCarloEngine)
    assert isinstance(engine, DoseEngine)
    assert choose_engine("auto").name == "fast"
    with pytest.raises(DoseEngineChoiceError, match="no region"):
        choose_engine("montecarlo", region="chest")


@pytest.mark.parametrize(
    "setting",
    [{"relative_se": 0.5}, {"max_minutes": 0}, {"histories": 0}, {"voxel_mm": 50}],
)
def test_impossible_settings_are_refused_by_their_name(setting):
    (name,) = setting
    with pytest.raises(InputError, match=name):
        MonteCarloEngine(**setting)


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    chooses_segmentation(parser)
    chooses_doses(parser)
    return parser.parse_args(arguments)


def test_the_command_line_takes_its_settings_for_this_engine_alone():
    chosen = parsed("--dose-engine", "montecarlo", "--relative-se", "0.02", "--max-minutes", "3")
    assert simulation_settings(chosen) == {"relative_se": 0.02, "max_minutes": 3.0}
    named = parsed("--dose-engine", "montecarlo", "--beam", "generic body")
    assert MonteCarloEngine(**simulation_settings(named)).beam == "generic body"
    assert simulation_settings(parsed()) == {}
    with pytest.raises(DoseEngineChoiceError, match="--relative-se is for Monte Carlo"):
        simulation_settings(parsed("--relative-se", "0.02"))


@pytest.mark.parametrize(
    ("device", "settings"),
    [("cpu", {"device": "cpu"}), ("gpu:1", {"device": "gpu:1"}), ("auto", {}), ("mps", {})],
)
def test_the_device_is_that_of_both_engines_and_mps_is_auto_here(device, settings):
    chosen = parsed("--dose-engine", "montecarlo", "--device", device)
    assert simulation_settings(chosen) == settings
    MonteCarloEngine(**settings)
    assert simulation_settings(parsed("--device", device)) == {}


@pytest.mark.parametrize("value", ["0", "-1", "0.3", "one", "nan"])
def test_an_uncertainty_that_cannot_be_asked_for_is_wrong_usage(value, capsys):
    with pytest.raises(SystemExit) as stopped:
        parsed("--dose-engine", "montecarlo", "--relative-se", value)
    assert stopped.value.code == 2
    assert "such as 0.01" in capsys.readouterr().err
