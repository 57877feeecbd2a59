"""The command as other programs start it: exit codes, events, files, identity."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from command_run import (
    COLUMNS,
    LIB_PARENT,
    PICTURES,
    assert_refused,
    files_of,
    result_of,
    rows,
    run,
)
from Corpus.base import IDENTITY


def test_a_run_ends_with_0_and_leaves_the_promised_files_and_columns(finished):
    output, done = finished
    assert done.returncode == 0, done.stderr
    assert {path.name for path in output.iterdir()} == files_of(output)
    for name, promised in COLUMNS.items():
        first = (output / name).read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(promised), name
    assert [row["slice_index"] for row in rows(output / "slices.csv")] == list(map(str, range(16)))


def test_the_doses_and_the_notice_are_on_the_screen(finished):
    done = finished[1]
    assert "not for clinical use" in done.stdout
    assert "lung" in done.stdout
    assert done.stderr == ""


def test_no_file_and_nothing_printed_names_the_patient(finished):
    output, done = finished
    contents = {path.name: path.read_bytes() for path in output.iterdir()}
    contents["segmentation.nii.gz"] = gzip.decompress(contents["segmentation.nii.gz"])
    contents["printed"] = (done.stdout + done.stderr).encode()
    for name, content in contents.items():
        for part in IDENTITY:
            assert part.lower().encode() not in content.lower(), name
        assert str(output.parent).encode() not in content or name == "printed"


def test_pictures_name_the_program_that_drew_them_and_nothing_else(finished):
    from PIL import Image

    for name in PICTURES:
        with Image.open(finished[0] / name) as picture:
            assert set(picture.info) <= {"dpi", "Software"}
            assert picture.info["Software"] == "CTDoseSeg"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("analyse", "x"),
        ("analyze", "x"),
        ("analyze", "x", "--output", "y", "--region", "neck"),
        ("analyze", "x", "--output", "y", "--events", "xml"),
        ("analyze", "--output"),
        ("export", "x", "--output", "y", "--spacing", "one"),
    ],
)
def test_wrong_usage_ends_with_2(arguments, tmp_path):
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_input_ends_with_3_and_one_sentence_for_every_listener(tmp_path):
    for listener in ("rich", "jsonl", "none"):
        arguments = ("analyze", tmp_path / "nothing", "--output", tmp_path / "o")
        assert_refused(run(*arguments, "--events", listener), "nothing", "does not exist")
    assert list(tmp_path.iterdir()) == []


def test_events_are_ascii_json_lines_from_started_to_result(ct, tmp_path):
    done = run("analyze", ct, "--output", tmp_path / "Größe", "--events", "jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "started"
    assert isinstance(events[0]["pid"], int)
    assert events[-1]["event"] == "result"
    assert set(events[-1]["files"]) == files_of(tmp_path / "Größe")
    assert {event["event"] for event in events} <= {"started", "progress", "warning", "result"}
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_the_last_event_of_a_refused_input_is_the_error(tmp_path):
    done = run("analyze", tmp_path, "--output", tmp_path / "o", "--events", "jsonl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["started", "error"]
    assert events[-1]["exit_code"] == 3
    assert events[-1]["message"] in done.stderr


def test_what_libraries_print_goes_to_standard_error(tmp_path):
    noisy = (
        "import os, sys\n"
        "import CTDoseSegLib.reading.reader as reading\n"
        "from CTDoseSegLib.cli.command_line import main\n"
        "true = reading.read_series\n"
        "def loud(*a, **k):\n"
        "    print('from Python'); os.write(1, b'from C\\n'); return true(*a, **k)\n"
        "reading.read_series = loud\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    read, keep_open = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", noisy, "analyze", tmp_path, "--output", "o", "--events", "jsonl"],
        cwd=LIB_PARENT,
        stdin=read,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(read)
    os.close(keep_open)
    assert all(json.loads(line)["event"] for line in done.stdout.splitlines())
    assert "from Python" in done.stderr
    assert "from C" in done.stderr


def test_two_runs_give_the_same_tables_and_the_second_replaces_the_first(finished, ct, tmp_path):
    output = tmp_path / "output"
    shutil.copytree(finished[0], output)
    (output / "slices.csv").write_text("old")
    (output / "of the user.txt").write_text("mine")
    (output / ".ctdoseseg-killed").mkdir()
    assert run("analyze", ct, "--output", output, "--events", "none").returncode == 0
    assert {path.name for path in output.iterdir()} == files_of(output) | {"of the user.txt"}
    for name in (*COLUMNS, "segmentation.nii.gz"):
        assert (output / name).read_bytes() == (finished[0] / name).read_bytes(), name
    old, new = result_of(finished[0]), result_of(output)
    for result in (old, new):
        del result["provenance"]["created"]
    assert new == old


def test_segment_and_export_write_whole_folders_or_none(base, ct, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "doubt.nrrd").touch()  # of another CT
    done = run("segment", ct, "--output", tmp_path / "s", "--events", "none")
    assert done.returncode == 0, done.stderr
    names = {"segmentation.nii.gz", "labels.csv", "groups.csv"}
    assert {path.name for path in (tmp_path / "s").iterdir()} - {"doubt.nii.gz"} == names
    done = run("export", ct, "--output", tmp_path / "e", "--organ", "wing", "--events", "none")
    assert_refused(done, "wing")
    assert not (tmp_path / "e").exists()
    label = ("--segmentation", base.truth(), "--organ", "liver", "--events", "none")
    assert run("export", ct, "--output", tmp_path / "e", *label).returncode == 0
    assert {path.name for path in (tmp_path / "e").iterdir()} == {"hu.nii.gz", "hu_liver.nii.gz"}


def test_an_empty_output_is_wrong_usage(ct):
    done = run("analyze", ct, "--output", "")
    assert done.returncode == 2
    assert "--output" in done.stderr


def test_ssde_can_be_recomputed_from_its_own_row(finished):
    for row in rows(finished[0] / "slices.csv"):
        factor = 3.704369 * np.exp(-0.03671937 * float(row["wed_mm"]) / 10)
        assert float(row["ssde_mGy"]) == pytest.approx(
            factor * float(row["ctdivol_used_mGy"]), rel=1e-4
        )


def test_the_version_is_printed():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("ctdoseseg ")
