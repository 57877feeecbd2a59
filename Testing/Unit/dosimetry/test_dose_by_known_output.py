"""Organ doses where CTDIvol is not known but the model's CTDI per mAs is."""

from __future__ import annotations

import math

import pytest
from dose_scans import MODEL, codes, make, scan_of

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.measurement.ctdi_check import with_known_output

FLASH = {"manufacturer": "SIEMENS", "model": "SOMATOM Definition Flash"}
VCT = {"manufacturer": "GE MEDICAL SYSTEMS", "model": "LightSpeed VCT"}


def liver(**changes):
    series, labelmap = make(organs=("liver",), **changes)
    series, scanner = with_known_output(series)
    result = FastEngine(MODEL).estimate(scan_of(series, labelmap, scanner))
    return next(organ for organ in result.organs if organ.organ == "liver"), result


@pytest.mark.parametrize(("made", "per_mas"), [(FLASH, 0.0676), (VCT, 0.0849)])
def test_the_dose_is_that_of_the_ctdivol_that_the_model_gives(made, per_mas):
    estimated, result = liver(**made, ctdivol=None)
    stated, _ = liver(**made, ctdivol=150 * per_mas)
    assert estimated.dose_mGy == pytest.approx(stated.dose_mGy, rel=1e-6)
    assert estimated.route == "mas"
    assert "mas_by_table" in codes(result.flags)
    assert not {"mas_only", "mas_by_profile"} & codes(result.flags)


def test_its_interval_names_the_table_and_is_wider_than_with_a_stated_ctdivol():
    estimated, _ = liver(**FLASH, ctdivol=None)
    stated, _ = liver(**FLASH, ctdivol=10.0)
    assert estimated.budget["nctdiw"] == pytest.approx(-math.log(0.65) / 1.645)
    assert "nctdiw" not in stated.budget
    assert estimated.total_low_mGy <= 0.65 * estimated.dose_mGy
    assert estimated.total_high_mGy >= 1.35 * estimated.dose_mGy
    by_table, by_header = (math.log(o.total_high_mGy / o.dose_mGy) for o in (estimated, stated))
    assert by_table > by_header


def test_an_unknown_model_stays_with_mas_alone():
    _, result = liver(manufacturer="SIEMENS", model="SOMATOM Force", ctdivol=None)
    assert "mas_only" in codes(result.flags)


def test_an_analysis_has_ssde_and_doses_but_no_effective_dose_by_the_table():
    analysis = analyze(*make(**FLASH, ctdivol=None))
    assert analysis.ssde.mean_mGy > 0
    assert {"ssde_by_mas", "mas_by_table", "effective_dose_no_dlp"} <= codes(analysis.flags)
    assert analysis.effective_dose.effective_dose_mSv is None
    assert analysis.series.acquisition.ctdivol_mGy is None


def test_an_analysis_flags_a_ctdivol_that_does_not_fit_and_infers_the_phantom():
    assert "ctdivol_per_mas" in codes(analyze(*make(rotation_time_s=1.5)).flags)
    analysis = analyze(*make(phantom_cm=None))
    assert analysis.series.acquisition.phantom_cm == 32
    assert "phantom_inferred" in codes(analysis.flags)
    assert not {"ssde_phantom_assumed", "ctdivol_phantom_assumed"} & codes(analysis.flags)
