"""A batch takes what an analysis takes: for all scans, or for one by a column of the plan."""

from __future__ import annotations

import argparse
import csv
import json

import pytest
from batch_run import states, table
from phantom_archive import write_archive

from CTDoseSegLib.batch.console import arguments
from CTDoseSegLib.batch.plan import read_plan, write_plan
from CTDoseSegLib.batch.scan_options import OPTIONS
from CTDoseSegLib.cli import command_line
from CTDoseSegLib.cli.arguments import chooses_doses, options_that_differ
from CTDoseSegLib.result import read_result

# What names one scan or its results, and what is printed.
OF_ONE_SCAN = {"--series", "--all-flags", "--simulated"}


def options(command: str) -> dict[str, tuple]:
    """Options of a command with what they accept."""
    (commands,) = (
        action
        for action in command_line.make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return {
        name: (action.type, action.choices, action.nargs, action.default)
        for action in commands.choices[command]._actions
        for name in action.option_strings
    }


def test_batch_has_every_option_of_analyze():
    of_batch, of_analyze = options("batch"), options("analyze")
    assert of_analyze.keys() - of_batch.keys() == OF_ONE_SCAN
    assert all(of_batch[name] == of_analyze[name] for name in of_analyze.keys() - OF_ONE_SCAN)


def test_a_switch_is_passed_on_without_a_value():
    parser = argparse.ArgumentParser()
    chooses_doses(parser)
    args = parser.parse_args(["--keep-batches", "--beam", "generic body"])
    assert options_that_differ(args, parser) == ["--beam", "generic body", "--keep-batches"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    write_archive(folder / "archive", 3)
    plan = folder / "plan.csv"
    assert command_line.main(["discover", str(folder / "archive"), "--output", str(plan)]) == 0
    (folder / "child.json").write_text(json.dumps({"age_years": 7}))
    (folder / "adult.json").write_text(json.dumps({"age_years": 40}))
    with plan.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    own = [("child.json", ""), ("", ""), ("", "finest")]
    rows = [
        {**row, "acquisition": acquisition, "quality": quality, "note": "ours"}
        for row, (acquisition, quality) in zip(rows, own, strict=True)
    ]
    with plan.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    command = ["batch", str(plan), "--output", str(folder / "run"), "--engine", "classical"]
    command += ["--acquisition", str(folder / "adult.json"), "--workers", "1"]
    assert command_line.main(command) == 0
    return folder


def test_a_scan_has_the_options_of_its_row_and_else_those_of_the_run(run):
    results = sorted((run / "run" / "studies").glob("*/result.json"))
    ages = sorted(read_result(path).acquisition.age_years for path in results)
    assert ages == [7, 40]
    assert sorted(float(row["age_years"]) for row in table(run / "run" / "exams.csv")) == [7, 40]


def test_a_value_that_analyze_does_not_take_fails_its_scan_with_a_sentence(run):
    (sentence,) = (text for state, text in states(run / "run").values() if state == "failed")
    assert "columns of options" in sentence
    assert "--quality" in sentence
    assert "finest" in sentence


def test_a_plan_keeps_its_columns_of_options_when_it_is_written_again(run, tmp_path):
    scans = list(read_plan(run / "plan.csv"))
    assert scans[0].options == {"acquisition": str(run / "child.json")}
    assert scans[1].options == {}
    assert set(scans[0].options) <= set(OPTIONS)
    write_plan(tmp_path / "plan.csv", scans, OPTIONS)
    assert list(read_plan(tmp_path / "plan.csv")) == scans


def test_another_option_makes_another_scan(run):
    """Results of other options would else stand for it."""
    before = set(states(run / "run"))
    text = (run / "plan.csv").read_text().replace("child.json", "adult.json")
    (run / "changed.csv").write_text(text)
    command = ["batch", str(run / "changed.csv"), "--output", str(run / "run"), "--workers", "1"]
    command += ["--engine", "classical", "--acquisition", str(run / "adult.json")]
    assert command_line.main(command) == 0
    assert len(set(states(run / "run")) - before) == 1
    assert {float(row["age_years"]) for row in table(run / "run" / "exams.csv")} == {40}


def test_a_file_that_is_not_there_is_refused_before_anything_runs(tmp_path, capsys):
    for option in ("--rdsr", "--acquisition", "--segmentation", "--unet", "--scanner-profile"):
        gone = str(tmp_path / "gone")
        command = ["batch", str(tmp_path), "--output", str(tmp_path / "out"), option, gone]
        assert command_line.main(command) == 3
        assert "gone does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_console_passes_lists_and_makes_paths_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "typed.json").write_text("{}")
    given = arguments("a", "b", extra=["body", "lung_vessels"], acquisition="typed.json")
    assert given[-5:] == [
        "--extra",
        "body",
        "lung_vessels",
        "--acquisition",
        f"{tmp_path}/typed.json",
    ]
