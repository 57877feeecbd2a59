"""`ctdoseseg commission`: a profile with beams, residuals and a picture; one sentence otherwise."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
from measured_beams import as_json, measured_on, readings_of

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.ct.scanner_profile import read_scanner_profile
from CTDoseSegLib.dosimetry.montecarlo.beams import model_of

pytestmark = pytest.mark.slow
TRUE = replace(model_of("Siemens Definition Flash W3"), bowtie_scale=1.1)


@pytest.fixture
def measured(tmp_path):
    path = tmp_path / "measured.json"
    readings = readings_of(TRUE, voltages_kV=(120.0,))
    path.write_text(json.dumps(as_json(measured_on(TRUE, readings))), encoding="utf-8")
    return path


def commission(*arguments: object) -> int:
    return command_line.main(["commission", *map(str, arguments), "--events", "rich"])


def test_it_writes_a_profile_that_the_engine_takes(measured, tmp_path, capsys):
    assert commission(measured, "--output", tmp_path / "out") == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"scanner_profile.json", "residuals.csv", "commission.png"}
    profile = read_scanner_profile(tmp_path / "out" / "scanner_profile.json")
    (beam,) = profile.beams
    assert (profile.model, beam.name, beam.phantom_cm) == ("SOMATOM X", "body", 32)
    assert beam.hvl_mm == pytest.approx(TRUE.hvl_mm, abs=0.5)
    with (tmp_path / "out" / "residuals.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6
    assert {row["unit"] for row in rows} == {"mGy per 100 mAs", "mm Al"}
    assert all(abs(float(row["difference_percent"])) < 10 for row in rows)
    assert (tmp_path / "out" / "commission.png").stat().st_size > 20_000
    assert "body: half-value layer" in capsys.readouterr().out


def test_beams_are_added_to_a_profile_that_keeps_the_rest(measured, tmp_path):
    profile = tmp_path / "scanner.json"
    values = {"manufacturer": "Siemens", "model": "Somatom X", "overranging_mm": 40}
    profile.write_text(json.dumps(values), encoding="utf-8")
    for _ in range(2):
        assert commission(measured, "--output", tmp_path, "--scanner-profile", profile) == 0
        profile = tmp_path / "scanner_profile.json"
    read = read_scanner_profile(profile)
    assert read.overranging_mm == 40
    assert len(read.beams) == 1


def test_a_profile_of_another_scanner_is_refused(measured, tmp_path, capsys):
    profile = tmp_path / "scanner.json"
    profile.write_text('{"manufacturer": "SIEMENS", "model": "SOMATOM Y"}', encoding="utf-8")
    out = tmp_path / "out"
    assert commission(measured, "--output", out, "--scanner-profile", profile) == 3
    assert "is of the model SOMATOM Y, the measurements are of SOMATOM X" in (
        capsys.readouterr().err.replace("\n", " ")
    )
    assert not out.exists()


def test_contradictory_measurements_are_named_and_nothing_is_written(tmp_path, capsys):
    readings = list(readings_of(TRUE))
    readings[0] = replace(readings[0], value=1.4 * readings[0].value)
    path, out = tmp_path / "measured.json", tmp_path / "out"
    path.write_text(json.dumps(as_json(measured_on(TRUE, tuple(readings)))), encoding="utf-8")
    assert commission(path, "--output", out) == 3
    assert "the centre of the 32 cm phantom at 80 kV" in capsys.readouterr().err.replace("\n", " ")
    assert not out.exists()
