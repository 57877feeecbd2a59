"""What is not in Hounsfield units gets no diameter, no SSDE and no dose, for that one reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import make

from CTDoseSegLib.analysis import Analysis, analyze
from CTDoseSegLib.dosimetry.doses import DoseResult
from CTDoseSegLib.flags import EFFECTIVE_DOSE, flag
from CTDoseSegLib.result import Result

RANGE_MM = (0.0, 195.0)


def analysis(*codes: str) -> Analysis:
    series, labelmap = make(irradiated_range_mm=RANGE_MM, dlp_mGy_cm=200.0, body_part="ABDOMEN")
    series = replace(series, flags=tuple(flag(code, "seen") for code in codes))
    return analyze(series, labelmap)


def test_no_number_is_made_of_values_that_are_no_hounsfield_units():
    withheld, usual = analysis("not_hu"), analysis()
    assert np.isfinite(usual.size.wed_mm).all()
    assert np.isfinite(usual.ssde.ssde_mGy).all()
    assert any(organ.dose_mGy for organ in usual.doses.organs)
    assert np.isnan(withheld.size.wed_mm).all()
    assert np.isnan(withheld.size.wed_corrected_mm).all()
    assert np.isnan(withheld.ssde.ssde_mGy).all()
    assert withheld.ssde.alternative_ssde_mGy is None
    assert withheld.effective_dose.effective_dose_mSv is None
    assert withheld.doses.organs
    for organ in withheld.doses.organs:
        assert organ.dose_mGy is None
        assert organ.whole_organ_dose_mGy is None
        assert np.isnan(organ.slice_dose_mGy).all()
        # That a label lies on the wrong side is seen without HU.
        assert {entry.code for entry in organ.flags} - {"not_this_organ"} == {"not_hu"}


def test_what_the_values_are_is_still_shown():
    withheld, usual = analysis("not_hu"), analysis()
    assert withheld.size.body_mean_hu == pytest.approx(usual.size.body_mean_hu)
    assert withheld.size.body_area_mm2 == pytest.approx(usual.size.body_area_mm2)
    assert withheld.effective_dose.dlp == usual.effective_dose.dlp
    organs = {o.organ: o for o in usual.doses.organs}
    for organ in withheld.doses.organs:
        assert organ.volume_ml == organs[organ.organ].volume_ml


def test_the_reason_is_given_and_no_consequence_of_it():
    withheld = analysis("not_hu")
    flags = [entry for entry in withheld.flags if entry.code != "not_this_organ"]
    assert {entry.code for entry in flags if entry.severity != "info"} == {"not_hu"}
    assert {entry.place for entry in flags} == {"scan", EFFECTIVE_DOSE}
    assert all("not_hu" in {f.code for f in one} for one in withheld.size.flags)


def test_a_stored_result_holds_no_number_either():
    stored = Result.of(analysis("not_hu")).to_json()
    assert set(stored["slices"]["wed_mm"]) == {None}
    assert stored["ssde"]["mean_mGy"] is None
    assert {organ["dose_mGy"] for organ in stored["organs"]} == {None}


class _Constant:
    """An engine that asks nothing of the CT."""

    name = "constant"

    def available(self, scan):
        return True, ""

    def estimate(self, scan, progress=None):
        dose = replace(scan.without_dose("liver"), dose_mGy=5.0)
        return DoseResult((dose,), (flag("contrast_by_hu", "aorta 200 HU"),))


def test_no_engine_gives_a_dose_of_such_values():
    series, labelmap = make()
    (usual,) = analyze(series, labelmap, dose_engine=_Constant()).doses.organs
    assert usual.dose_mGy == 5.0
    series = replace(series, flags=(flag("not_hu", "seen"),))
    doses = analyze(series, labelmap, dose_engine=_Constant()).doses
    assert doses.organs[0].dose_mGy is None
    assert doses.flags == ()
