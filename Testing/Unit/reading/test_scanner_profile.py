"""A scanner's own measurements: read strictly, used for it only, flagged in the result."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace

import numpy as np
import pytest
from dicom_files import make_slice, save
from dose_scans import MODEL, codes, make, scan_of

from CTDoseSegLib.ct.scanner_profile import (
    GENERIC,
    check_profile,
    read_scanner_profile,
)
from CTDoseSegLib.dosimetry.beam import beam_of
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.fast.scaling import mas_basis
from CTDoseSegLib.errors import AcquisitionError
from CTDoseSegLib.measurement.ctdi_per_mas import K90
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.measurement.ssde import ssde
from CTDoseSegLib.reading.scanner_profile_use import with_profile

MADE = {"manufacturer": "SIEMENS", "model": "Biograph40_mCT 4R"}
CHECK = {"ctdivol_check_ratio": 0.9, "ctdivol_check_date": "2026-01-15"}
TODAY = datetime.date(2026, 11, 1)


def profile(**values):
    return check_profile({**MADE, **values})


def applied(values=CHECK, today=TODAY, **changes):
    """Series with the profile of `values`, and what of it holds."""
    series, labelmap = make(organs=("liver",), **{**MADE, **changes})
    series = with_profile(series, profile(**values), today)
    return series, labelmap, series.scanner


def liver(values=CHECK, today=TODAY, **changes):
    result = FastEngine(MODEL).estimate(scan_of(*applied(values, today, **changes)))
    return next(o for o in result.organs if o.organ == "liver"), result


NOTHING: dict = {}


def test_a_profile_is_read_with_its_units(tmp_path):
    path = tmp_path / "scanner.json"
    values = {**MADE, **CHECK, "overranging_mm": 44, "nctdiw_mGy_per_100mAs": {"120": 7.6}}
    path.write_text(json.dumps({**values, "serial": "60064", "station": None}))
    read = read_scanner_profile(path)
    assert read.ctdivol_check_date == datetime.date(2026, 1, 15)
    assert read.nctdiw_mGy_per_100mAs == {120.0: 7.6}
    assert (read.overranging_mm, read.serial, read.station) == (44.0, "60064", None)


BEAM = {
    "name": "body",
    "phantom_cm": 32,
    "bowtie": "Siemens Force W3",
    "bowtie_scale": 1.1,
    "hvl_mm": 7.9,
    "hvl_sd_mm": 0.1,
    "focus_isocentre_mm": 595,
}


def test_measured_beams_reach_the_scan():
    _, _, scanner = applied({"beams": [{**BEAM, "alternatives": {"Siemens Force W1": 0.9}}]})
    (beam,) = scanner.beams
    assert (beam.hvl_mm, beam.phantom_cm, beam.focus_isocentre_mm) == (7.9, 32, 595.0)
    assert beam.alternatives == {"Siemens Force W1": 0.9}
    assert profile().beams == GENERIC.beams == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hvl_mm": 40}, "hvl_mm of beam 1 is 40"),
        ({"hvl_mm": float("nan")}, "hvl_mm of beam 1 is nan"),
        ({"phantom_cm": 10}, "phantom_cm of beam 1 is 10"),
        ({"bowtie_scale": -1}, "bowtie_scale of beam 1 is -1"),
        ({"filter": "body"}, "beam 1 has an unknown value filter"),
        ({"name": ""}, "name of beam 1"),
        ({"alternatives": ["Siemens Force W1"]}, "alternatives of beam 1"),
    ],
)
def test_a_beam_that_cannot_be_is_named(changes, says):
    with pytest.raises(AcquisitionError, match=says):
        profile(beams=[{**BEAM, **changes}])


@pytest.mark.parametrize(
    ("beams", "says"),
    [
        ({"body": BEAM}, "write a list of objects"),
        ([BEAM, BEAM], "'body' twice"),
        ([{k: v for k, v in BEAM.items() if k != "hvl_mm"}], "beam 1 has no hvl_mm"),
    ],
)
def test_beams_are_a_list_of_whole_and_different_ones(beams, says):
    with pytest.raises(AcquisitionError, match=says):
        profile(beams=beams)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"ctdi_ratio": 0.9}, "ctdi_ratio is not a value"),
        ({"manufacturer": None}, "no manufacturer"),
        ({"model": "  "}, "model"),
        ({"model": 4}, "model"),
        ({"ctdivol_check_ratio": 0.9}, "no ctdivol_check_date"),
        ({"ctdivol_check_date": "2026-01-15"}, "no ctdivol_check_ratio"),
        ({**CHECK, "ctdivol_check_ratio": 90}, "ctdivol_check_ratio is 90"),
        ({**CHECK, "ctdivol_check_ratio": True}, "ctdivol_check_ratio is True"),
        ({**CHECK, "ctdivol_check_ratio": float("nan")}, "ctdivol_check_ratio is nan"),
        ({**CHECK, "ctdivol_check_date": "15.1.2026"}, "ctdivol_check_date"),
        ({**CHECK, "ctdivol_check_date": 20260115}, "ctdivol_check_date"),
        ({**CHECK, "ctdivol_check_date": "2999-01-01"}, "ctdivol_check_date"),
        ({"overranging_mm": -3}, "overranging_mm is -3"),
        ({"overranging_mm": "44"}, "overranging_mm is '44'"),
        ({"nctdiw_mGy_per_100mAs": 7.6}, "nctdiw_mGy_per_100mAs"),
        ({"nctdiw_mGy_per_100mAs": {}}, "nctdiw_mGy_per_100mAs"),
        ({"nctdiw_mGy_per_100mAs": {"high": 7.6}}, "'high'"),
        ({"nctdiw_mGy_per_100mAs": {"7000": 7.6}}, "'7000'"),
        ({"nctdiw_mGy_per_100mAs": {"120": 0}}, "at 120 kV is 0"),
    ],
)
def test_an_impossible_value_is_named(values, says):
    with pytest.raises(AcquisitionError, match=says):
        profile(**values)


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"'])
def test_a_file_that_is_no_object_is_refused(tmp_path, text):
    (tmp_path / "scanner.json").write_text(text)
    with pytest.raises(AcquisitionError, match=r"scanner\.json"):
        read_scanner_profile(tmp_path / "scanner.json")
    with pytest.raises(AcquisitionError, match="cannot be read"):
        read_scanner_profile(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    "changes",
    [{"model": "Sensation 64"}, {"manufacturer": "GE MEDICAL SYSTEMS"}, {"model": "Biograph40"}],
)
def test_a_profile_of_another_scanner_is_refused(changes):
    with pytest.raises(AcquisitionError, match=r"images are of .*give the profile"):
        applied(**changes)


def test_names_of_makers_may_be_longer_and_models_spelt_otherwise():
    _, _, scanner = applied(manufacturer="Siemens Healthineers", model="BIOGRAPH40 mCT  4R")
    assert scanner.name == "SIEMENS Biograph40_mCT 4R"


@pytest.mark.parametrize("unknown", ["manufacturer", "model"])
def test_images_without_make_or_model_get_no_profile_and_a_flag(unknown):
    series, _, scanner = applied(**{unknown: None})
    assert scanner.name == "generic"
    assert codes(scanner.flags) == {"scanner_profile_not_used"}
    assert series.slices[0].ctdivol_mGy == 9.0


def test_ctdivol_and_dlp_are_corrected_everywhere_and_flagged():
    sources = {"ctdivol_mGy": "image (0018,9345)", "ctdivol_mGy per slice": "image (0018,9345)"}
    series, labelmap, scanner = applied(
        ctdivol_mGy=9.0, dlp_mGy_cm=200.0, sources={**sources, "dlp_mGy_cm": "rdsr"}
    )
    assert series.slices[3].ctdivol_mGy == pytest.approx(8.1)
    assert series.acquisition.ctdivol_mGy == pytest.approx(8.1)
    assert series.acquisition.dlp_mGy_cm == pytest.approx(180.0)
    for source in series.acquisition.sources.values():
        assert source.endswith(", times 0.9 by the scanner profile")
    assert scanner.ctdivol_ratio == 0.9
    (corrected,) = scanner.flags
    assert (corrected.code, "times 0.9" in corrected.message) == ("ctdivol_corrected", True)
    size = measure_size(series, labelmap, measure(series, labelmap))
    plain = ssde(make(organs=("liver",))[0], size)
    np.testing.assert_allclose(ssde(series, size).ssde_mGy, 0.9 * plain.ssde_mGy)
    assert liver()[0].dose_mGy == pytest.approx(0.9 * liver(NOTHING)[0].dose_mGy)


def test_a_recent_check_narrows_the_display_line_and_an_old_one_does_not():
    lines = {
        day: liver(today=day)[0]
        for day in (
            datetime.date(2026, 11, 1),
            datetime.date(2027, 7, 17),
            datetime.date(2027, 8, 1),
        )
    }
    display = [organ.budget["ctdivol_display"] for organ in lines.values()]
    np.testing.assert_allclose(display, [0.05, 0.05, np.log(1.2) / np.sqrt(3)])
    recent, _, old = lines.values()
    assert recent.total_high_mGy / recent.dose_mGy < old.total_high_mGy / old.dose_mGy
    assert recent.dose_mGy == old.dose_mGy
    assert "scanner_check_old" in codes(applied(today=datetime.date(2029, 1, 1))[2].flags)
    assert set(recent.budget) == set(liver(NOTHING)[0].budget)


def test_the_scans_own_date_decides_where_the_file_has_it(tmp_path):
    data = make_slice()
    for date, checked in (("20250301", True), ("20190301", False)):
        data.StudyDate = date
        path = save(data, tmp_path / f"{date}.dcm")
        series, _ = make(organs=(), **MADE)
        series = replace(series, files=(str(path),))
        scanner = with_profile(series, profile(**CHECK), TODAY).scanner
        assert (scanner.ctdivol_checked, scanner.compared_with) == (checked, "scan")


@pytest.mark.parametrize("name", ["serial", "station"])
def test_another_scanner_of_the_same_model_is_refused(tmp_path, name):
    data = make_slice()
    data.DeviceSerialNumber, data.StationName = "60064", "CT-02"
    path = save(data, tmp_path / "one.dcm")
    series = replace(make(organs=(), **MADE)[0], files=(str(path),))
    own = {"serial": "60064", "station": "ct 02"}[name]
    scanner = with_profile(series, profile(**{name: own})).scanner
    assert scanner.device_checked
    assert own not in repr(scanner)
    with pytest.raises(AcquisitionError, match=f"its {name} is not that of the images"):
        with_profile(series, profile(**{name: "60065"}))


def test_a_profile_corrects_a_series_once():
    series, _, _ = applied()
    with pytest.raises(AcquisitionError, match="corrected by a scanner profile already"):
        with_profile(series, profile(**CHECK), TODAY)


def test_a_device_that_the_images_do_not_state_is_flagged():
    _, _, scanner = applied({"serial": "60064"})
    assert codes(scanner.flags) == {"scanner_device_unknown"}
    assert not scanner.device_checked


def test_the_check_does_not_hold_for_the_small_phantom():
    series, _, scanner = applied(phantom_cm=16)
    assert series.slices[0].ctdivol_mGy == 9.0
    assert codes(scanner.flags) == {"scanner_profile_small_phantom"}
    assert not scanner.ctdivol_checked


def test_overranging_widens_a_planned_range_as_measured():
    series, _ = make(organs=(), irradiated_range_mm=(10.0, 180.0))
    guessed, measured = beam_of(series), beam_of(series, 44.0)
    assert measured.range_mm == (-12.0, 202.0)
    assert measured.edge_sd_mm == pytest.approx(5.0)
    assert measured.edge_sd_mm < guessed.edge_sd_mm
    assert "scanner profile" in measured.flags[0].message
    typed = replace(
        series, acquisition=replace(series.acquisition, sources={"irradiated_range_mm": "user"})
    )
    assert beam_of(typed, 44.0).range_mm == (10.0, 180.0)
    assert beam_of(make(organs=())[0], 44.0).known is False


def test_overranging_narrows_the_ranges_line_near_an_edge():
    where = {"irradiated_range_mm": (55.0, 190.0)}
    wide = liver(NOTHING, **where)[0].budget["irradiated_range"]
    assert liver({"overranging_mm": 30.0}, **where)[0].budget["irradiated_range"] < wide


OWN_OUTPUT = {"nctdiw_mGy_per_100mAs": {"100": 4.4, "120": 7.6}}


def test_ctdi_per_mas_makes_scaling_by_mas_the_scanners_own():
    both, _ = liver(OWN_OUTPUT, ctdivol=7.6 * 1.5)
    assert both.by_route["mas"] == pytest.approx(both.by_route["ctdivol"], rel=1e-9)
    alone, result = liver(OWN_OUTPUT, ctdivol=None)
    assert alone.dose_mGy == pytest.approx(both.dose_mGy)
    assert alone.route == "mas"
    assert "mas_by_profile" in codes(result.flags)
    assert "mas_only" not in codes(result.flags)
    assert alone.budget["nctdiw"] == 0.10
    assert not alone.budget.keys() & {"dose_per_mas", "ctdivol_display"}
    generic = liver(NOTHING, ctdivol=None)[0]
    assert generic.budget["dose_per_mas"] == 0.30
    assert "nctdiw" not in generic.budget
    half = K90 * np.sqrt(sum(v**2 for v in alone.budget.values()))
    assert np.log(alone.total_high_mGy / alone.dose_mGy) == pytest.approx(half)
    assert half < np.log(generic.total_high_mGy / generic.dose_mGy)


def test_another_tube_voltage_is_taken_where_its_output_was_measured():
    at_100 = scan_of(*applied(OWN_OUTPUT, kvp_kV=100.0, ctdivol=None))
    mas = 300 * 0.5 / 1.0
    np.testing.assert_allclose(mas_basis(at_100).values, mas * 0.044)
    assert liver(OWN_OUTPUT, kvp_kV=100.0, ctdivol=None)[0].dose_mGy is not None
    for values, kvp in ((OWN_OUTPUT, 80.0), (NOTHING, 100.0)):
        scan = scan_of(*applied(values, kvp_kV=kvp, ctdivol=None))
        assert mas_basis(scan).values is None
        assert liver(values, kvp_kV=kvp, ctdivol=None)[0].dose_mGy is None


@pytest.mark.parametrize(
    "changes", [{"dual_source": True}, {"tin_filter": True}, {"ecg_gated": True}]
)
def test_a_profile_does_not_lift_the_refusals_of_scaling_by_mas(changes):
    assert mas_basis(scan_of(*applied(OWN_OUTPUT))).values is not None
    assert mas_basis(scan_of(*applied(OWN_OUTPUT, **changes))).values is None


def test_without_a_profile_the_scanner_is_generic():
    assert (GENERIC.name, GENERIC.ctdivol_ratio, GENERIC.flags) == ("generic", None, ())
