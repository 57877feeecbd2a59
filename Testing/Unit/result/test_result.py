"""A result goes to a file and comes back whole; what was altered is refused with a sentence."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dose_scans import make
from tiny_analysis import WARNING, organ_dose, tiny_analysis, tiny_result

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.dosimetry.effective_dose import effective_dose
from CTDoseSegLib.dosimetry.fast.uncertainty import SHARED_BY
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.flags import Flag, organ_place
from CTDoseSegLib.outputs.result_json import write_result_json
from CTDoseSegLib.reporting import charts, terminal
from CTDoseSegLib.result import HUHistogram, Result, read_result

RELEASE_0_1_0 = Path(__file__).resolve().parents[2] / "Data" / "release_0_1_0" / "result"


def same(one, other) -> bool:
    """Whether two values are equal, arrays and NaN by their content."""
    if dataclasses.is_dataclass(one):
        names = [f.name for f in dataclasses.fields(one)]
        return type(one) is type(other) and all(
            same(getattr(one, n), getattr(other, n)) for n in names
        )
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (one != one and other != other)


def whole_result(**kind) -> Result:
    """A result with an effective dose of its own."""
    analysis = tiny_analysis(**kind)
    effective = effective_dose(analysis.series, analysis.measurements)
    return Result.of(replace(analysis, effective_dose=effective))


@pytest.fixture
def content():
    return json.loads(json.dumps(whole_result().to_json()))


def write(content, tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("kind", [{}, {"regular": False}, {"ctdivol": False}, {"slices": 1}])
def test_a_result_comes_back_as_it_was_written(tmp_path, kind):
    result = whole_result(**kind)
    write_result_json(result, tmp_path / "result.json")
    back = read_result(tmp_path)
    for field in dataclasses.fields(Result):
        assert same(getattr(result, field.name), getattr(back, field.name)), field.name
    assert back.to_json() == result.to_json()


def test_a_result_that_was_read_is_shown_as_the_one_that_was_made(tmp_path, capsys):
    result = whole_result()
    write_result_json(result, tmp_path / "result.json")
    terminal.print_result(result)
    made = capsys.readouterr().out
    terminal.print_result(read_result(tmp_path))
    assert capsys.readouterr().out == made
    names = [path.name for path in charts.write_charts(read_result(tmp_path), None, None, tmp_path)]
    assert sorted(names) == ["hu_histogram.png", "organ_doses.png", "wed.png"]


def test_flags_are_gathered_with_their_places():
    own = WARNING.at(organ_place("lung"))
    result = tiny_result(organs=(organ_dose("lung", 10.0, 4, own),))
    everything = list(result.all_flags())
    assert own in everything
    assert own not in result.flags
    assert set(result.flags) <= set(everything)
    assert len(set(result.flags)) == len(result.flags)


def test_flags_of_effective_dose_are_among_the_results():
    why = Flag("effective_dose_no_dlp", "refusal", "No DLP.", place="effective_dose")
    result = tiny_result()
    effective = replace(result.effective_dose, flags=(why,))
    assert why in replace(result, effective_dose=effective).flags


def test_a_dose_is_found_by_organ_and_region():
    chest = organ_dose("skin", 10.0)
    result = tiny_result(organs=(chest, replace(chest, region="abdomen", dose_mGy=8.0)))
    assert result.dose_of("skin").dose_mGy == 10.0
    assert result.dose_of("skin", "abdomen").dose_mGy == 8.0
    with pytest.raises(KeyError, match="no dose entry for liver; it has skin"):
        result.dose_of("liver")


def test_the_histogram_holds_every_voxel_of_the_body():
    analysis = tiny_analysis()
    histogram = HUHistogram.of(analysis.measurements)
    assert sum(histogram.counts["body"]) == analysis.measurements.of("body").count.sum()


@pytest.mark.parametrize(
    ("alter", "named"),
    [
        (lambda c: c["slices"].pop("wed_mm"), "slices.wed_mm is missing"),
        (lambda c: c["slices"]["wed_mm"].pop(), "slices.wed_mm has 3 values for 4 slices"),
        (lambda c: c["slices"].update(wed_mm="wide"), "slices.wed_mm is not a list of numbers"),
        (
            lambda c: c["organs"][0].update(dose_mGy="10 mGy"),
            r"organs\[0\].dose_mGy is not a number",
        ),
        (lambda c: c["organs"][0].update(n_slices=2.5), r"organs\[0\].n_slices is not a whole"),
        (lambda c: c.update(organs=None), "organs is not a list"),
        (lambda c: c["organs"][0]["slice_dose_mGy"].append(1.0), "slice_dose_mGy has 5 values"),
        (lambda c: c["structures"]["lung"].update(count=[0.5] * 4), "structures.lung.count is not"),
        (
            lambda c: c["geometry"].update(shape_kji=[4, 24]),
            "geometry.shape_kji is not a list of 3",
        ),
        (lambda c: c.pop("acquisition"), "acquisition is not an object"),
        (lambda c: c["acquisition"].update(kvp_kV=120), "acquisition.kvp_kV is not an object"),
        (lambda c: c["reading_flags"].append({"code": "x"}), r"reading_flags\[\d+\].severity"),
        (
            lambda c: c["reading_flags"].append({"code": "x", "severity": "bad", "message": ""}),
            "severity is not info or warning or refusal",
        ),
        (lambda c: c.pop("effective_dose"), "effective_dose is missing"),
        (lambda c: c.pop("organs"), "organs is missing"),
        (lambda c: c["organs"][0].update(dose_mGy=-8.7), "model interval of lung"),
        (lambda c: c["organs"][0].update(dose_mGy=None), "model interval of lung"),
        (lambda c: c["organs"][0].update(total_low_mGy=50.0), "total interval of lung"),
    ],
)
def test_what_was_altered_is_named(tmp_path, content, alter, named):
    alter(content)
    with pytest.raises(InputError, match=named) as found:
        read_result(write(content, tmp_path))
    assert "result.json was altered" in str(found.value)


@pytest.mark.parametrize("version", ["3.0", "0.9", "", None, 7, "new"])
def test_a_result_of_another_schema_is_refused(tmp_path, content, version):
    content["schema_version"] = version
    with pytest.raises(InputError, match="reads versions 1 to 2"):
        read_result(write(content, tmp_path))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "{}", "null", '"result"', "[" * 100_000])
def test_what_is_no_result_is_refused(tmp_path, text):
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"result\.json is (not JSON|no result)"):
        read_result(tmp_path)


def test_a_cut_file_is_refused(tmp_path, content):
    text = json.dumps(content)
    (tmp_path / "result.json").write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(InputError, match="not JSON, or cut off"):
        read_result(tmp_path)
    (tmp_path / "result.json").write_text(text.replace("null", "NaN", 1), encoding="utf-8")
    with pytest.raises(InputError, match="not JSON, or cut off"):
        read_result(tmp_path)
    (tmp_path / "result.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_result(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no result\.json to read"):
        read_result(tmp_path / "result.json")
    with pytest.raises(InputError, match=r"no result\.json to read"):
        read_result(tmp_path)


def test_what_is_not_known_comes_back_as_it_was(tmp_path):
    result = tiny_result(ctdivol=False)
    write_result_json(result, tmp_path / "result.json")
    back = read_result(tmp_path)
    assert np.isnan(back.ssde.mean_mGy)
    assert back.acquisition.ctdivol_mGy is None
    assert back.slices.infos()[0].ctdivol_mGy is None
    assert back.slices.infos() == result.slices.infos()


def test_a_result_of_version_0_1_0_is_read_with_every_number(tmp_path):
    """Its charts can be drawn but for the histogram, which it does not hold."""
    stored = json.loads((RELEASE_0_1_0 / "result.json").read_text(encoding="utf-8"))
    result = read_result(RELEASE_0_1_0)
    assert stored["schema_version"] == "1.0"
    assert result.hu_histogram is None
    now = result.to_json()
    for part in ("geometry", "slices", "organs", "structures", "examination", "effective_dose"):
        assert without_flags(now[part]) == without_flags(stored[part]), part
    for part in ("acquisition", "dose_model", "scanner_profile"):
        # What has been added since is not known of it.
        for name in set(now[part]) - set(stored[part]):
            added = now[part].pop(name)
            assert not (added["value"] if part == "acquisition" else added), name
        assert without_flags(now[part]) == without_flags(stored[part]), part
    assert now["size"]["summary"] == stored["size"]["summary"]
    assert now["ssde"]["mean_mGy"] == stored["ssde"]["mean_mGy"]
    codes = {flag["code"] for flag in stored["flags"]}
    assert codes <= {flag.code for flag in result.flags}
    assert {f.place for o in result.organs for f in o.flags} == {
        f"organ {o.organ}" for o in result.organs if o.flags
    }
    charts.write_charts(result, None, None, tmp_path)
    terminal.print_result(result)


def without_flags(value):
    """A value of a result file without its flags, which say more now than they did."""
    if isinstance(value, dict):
        known = {k: v for k, v in value.items() if k != "flags" and v is not None}
        return {k: without_flags(v) for k, v in known.items()}
    if isinstance(value, list):
        return [without_flags(v) for v in value]
    return value


def test_every_uncertainty_component_says_what_it_shares():
    known = {"model", "organ", "scanner", "scan", "patient"}
    assert all(set(shared) <= known for shared in SHARED_BY.values())
    series, labelmap = make()
    result = Result.of(analyze(series, labelmap))
    used = {name for organ in result.organs for name in organ.budget}
    assert used
    assert used <= result.uncertainty_shared_by.keys()


def test_a_cut_body_widens_the_interval_of_ssde_downwards():
    whole = tiny_analysis()
    one_side = np.full(len(whole.size.wed_mm), 1.0)
    cut = replace(
        whole.size,
        truncated_fraction=0.6 * one_side,
        asymmetry=one_side,
        wed_corrected_mm=np.nan * one_side,
    )
    before = Result.of(whole).ssde.mean_interval_mGy
    low, high = Result.of(replace(whole, size=cut)).ssde.mean_interval_mGy
    assert low < 0.97 * before[0]
    assert high == before[1]
