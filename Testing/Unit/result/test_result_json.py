"""`result.json`: everything, in strict JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_analysis import AFFINE, tiny_analysis, tiny_result

from CTDoseSegLib.ct.scanner_profile import Scanner
from CTDoseSegLib.dosimetry.effective_dose import effective_dose
from CTDoseSegLib.files.codec import plain
from CTDoseSegLib.outputs.result_json import write_result_json
from CTDoseSegLib.result import Result


def strict(path):
    def refuse(word):
        raise ValueError(f"{word} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return strict(write_result_json(tiny_result(), tmp_path_factory.mktemp("json") / "result.json"))


def test_the_file_states_how_it_was_made_and_that_it_is_research(content):
    assert content["schema_version"] == "2.0"
    assert content["provenance"]["inputs"] == [{"sha256": "00" * 32}]
    assert "not for clinical use" in content["notice"]
    assert content["dose_model"] == {"name": "test model"}


def test_an_organ_has_intervals_scaling_bases_uncertainty_components_and_flags(content):
    lung, liver = content["organs"]
    assert lung["dose_mGy"] == 10.123456789
    assert lung["model_low_mGy"] < lung["dose_mGy"] < lung["total_high_mGy"]
    assert lung["by_route"] == {"ctdivol": 10.123456789, "mas": None}
    assert lung["budget"] == {"law": 0.06, "ctdivol_display": 0.1}
    assert lung["slice_dose_mGy"] == [None, *[10.123456789] * 3]
    assert liver["dose_mGy"] is None
    assert liver["flags"] == [
        {
            "code": "too_large",
            "severity": "refusal",
            "message": "The body is too large: WED 400 mm. Use SSDE.",
            "detail": "",
            "place": "organ liver",
            "mends": [],
            "consequence": "",
        }
    ]


def test_per_slice_arrays_have_one_entry_for_each_slice(content):
    slices = content["slices"]
    assert {len(column) for column in slices.values() if column is not None} == {4}
    assert slices["tube_current_mA"] == [200.0, 201.0, 202.0, None]
    assert all(wed > 0 for wed in slices["wed_mm"])
    assert len(content["structures"]["lung"]["mean_hu"]) == 4
    assert content["structures"]["lung"]["mean_hu"][0] is None


def test_an_acquisition_value_stands_beside_its_source(content):
    assert content["acquisition"]["kvp_kV"] == {"value": 120.0, "source": "image (0018,0060)"}
    assert content["acquisition"]["pitch"] == {"value": None, "source": None}


def test_the_geometry_is_exact(content):
    np.testing.assert_array_equal(content["geometry"]["affine_ijk_to_ras"], AFFINE)
    assert content["geometry"]["shape_kji"] == [4, 24, 32]


def test_size_is_summed_up_as_centre_mean_and_range(content):
    summary = content["size"]["summary"]
    wed = content["slices"]["wed_mm"]
    assert summary["centre_mm"] == wed[2]
    assert summary["mean_mm"] == pytest.approx(np.mean(wed))
    assert (summary["low_mm"], summary["high_mm"]) == (min(wed), max(wed))
    assert content["ssde"]["mean_mGy"] == pytest.approx(np.mean(content["slices"]["ssde_mGy"]))


def test_effective_dose_stands_with_every_input_or_its_reason(tmp_path):
    analysis = tiny_analysis()
    effective = effective_dose(analysis.series, analysis.measurements)
    content = strict(
        write_result_json(
            Result.of(replace(analysis, effective_dose=effective)), tmp_path / "result.json"
        )
    )["effective_dose"]
    assert content["effective_dose_mSv"] == pytest.approx(content["dlp"]["value_mGy_cm"] * 0.0153)
    assert content["coefficients"] == "ICRP 103"
    assert content["scanned_range"] == "abdomen"
    assert content["phantom_cm"] == 32
    assert content["dlp"]["source"].startswith("computed")
    assert "never the sum of organ doses" in content["note"]
    without = strict(write_result_json(Result.of(analysis), tmp_path / "result.json"))[
        "effective_dose"
    ]
    assert without["effective_dose_mSv"] is None


def test_the_scanner_profile_stands_in_the_result(content, tmp_path):
    assert content["scanner_profile"]["name"] == "generic"
    scanner = Scanner("SIEMENS X", 0.93, "2026-01-15", True, "scan", 44.0)
    analysis = replace(tiny_analysis(), scanner=scanner)
    written = strict(write_result_json(Result.of(analysis), tmp_path / "result.json"))[
        "scanner_profile"
    ]
    assert (written["name"], written["ctdivol_ratio"], written["overranging_mm"]) == (
        "SIEMENS X",
        0.93,
        44.0,
    )


def test_volumes_are_left_out_where_slices_are_irregular(tmp_path):
    content = strict(write_result_json(tiny_result(regular=False), tmp_path / "result.json"))
    assert content["structures"]["lung"]["volume_ml"] is None


def test_the_same_analysis_gives_the_same_bytes(tmp_path):
    first, second = (write_result_json(tiny_result(), tmp_path / name) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), np.float32("nan"), np.nan])
def test_what_is_not_a_number_is_null(value):
    assert plain({"x": [value]}) == {"x": [None]}


def test_what_json_cannot_hold_is_an_error_not_text():
    with pytest.raises(TypeError, match="set has no place"):
        plain({"x": {1, 2}})
