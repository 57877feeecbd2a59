"""The command cut short: cancelled, without permission, room or memory; nothing half-written."""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from command_run import LIB_PARENT, assert_refused, command, run, start
from Corpus.base import write

from CTDoseSegLib.files.staging import LOCK

pytestmark = pytest.mark.system

INPUT_CLOSED = "standard input closed"
# Seconds of work after the pictures: a test that reads an event late still comes in time.
AND_MORE = ("--report", "--dicom=seg,sr,pdf")


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        (INPUT_CLOSED, "looking at file"),
        (INPUT_CLOSED, "drawing surfaces"),
        (INPUT_CLOSED, "drawing pictures"),
        ("SIGTERM", "reading slice"),
        ("SIGTERM", "drawing pictures"),
        ("SIGINT", "drawing surfaces"),
        ("SIGINT", "drawing pictures"),
        ("all at once", "drawing pictures"),
    ],
)
def test_a_cancelled_run_ends_with_130_and_leaves_nothing(how, moment, large, tmp_path):
    output = tmp_path / "made" / "output"
    process = start("analyze", large, "--output", output, "--events", "jsonl", *AND_MORE)
    seen = b""
    for line in process.stdout:
        seen = line
        if moment.encode() in line:
            break
    assert moment.encode() in seen, process.communicate()[1]
    if moment == "drawing pictures":
        deadline = time.monotonic() + 10
        while not list(tmp_path.rglob("wed.png")) and time.monotonic() < deadline:
            time.sleep(0.01)
    if how in (INPUT_CLOSED, "all at once"):
        process.stdin.close()
    if how != INPUT_CLOSED:
        process.send_signal(signal.SIGINT if how == "SIGINT" else signal.SIGTERM)
    process.stdin = process.stdin if how in ("SIGTERM", "SIGINT") else None
    rest, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed.decode()
    assert b"Traceback" not in printed
    assert b'"result"' not in rest
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_held_results_keeps_them_when_the_next_run_is_cancelled(ct, large, tmp_path):
    output = tmp_path / "output"
    assert run("analyze", ct, "--output", output, "--events", "none").returncode == 0
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    process = start("analyze", large, "--output", output, "--events", "jsonl", *AND_MORE)
    for line in process.stdout:
        if b"drawing pictures" in line:
            break
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_with_standard_input_closed_from_the_start_the_task_ends_quietly(ct, tmp_path):
    arguments = command("analyze", ct, "--output", tmp_path / "o", "--events", "jsonl")
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@" <&-', *arguments],
        cwd=LIB_PARENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_a_folder_that_another_run_writes_is_refused(ct, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    with (output / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("analyze", ct, "--output", output, "--events", "none")
    assert_refused(done, "output", "being written")
    assert [path.name for path in output.iterdir()] == [LOCK]


def test_a_file_in_the_place_of_the_output_folder_is_refused(ct, tmp_path):
    (tmp_path / "output").write_text("mine")
    done = run("analyze", ct, "--output", tmp_path / "output", "--events", "none")
    assert_refused(done, "output")
    assert (tmp_path / "output").read_text() == "mine"


def test_a_folder_in_the_way_of_a_file_is_seen_before_anything_is_replaced(base, ct, tmp_path):
    output = tmp_path / "o"
    options = ("--segmentation", base.truth(), "--events", "none")
    assert run("analyze", ct, "--output", output, *options).returncode == 0
    (output / "wed.png").unlink()
    (output / "wed.png").mkdir()
    before = {p.name: p.stat().st_mtime_ns for p in output.iterdir()}
    assert_refused(run("analyze", ct, "--output", output, *options), "wed.png")
    assert {p.name: p.stat().st_mtime_ns for p in output.iterdir()} == before


def test_a_label_map_written_beside_a_result_leaves_it_there(base, ct, tmp_path):
    output = tmp_path / "o"
    options = ("--segmentation", base.truth(), "--events", "none")
    assert run("analyze", ct, "--output", output, *options).returncode == 0
    assert run("segment", ct, "--output", output, *options).returncode == 0
    assert (output / "result.json").is_file()


def _no_privileges() -> None:
    """Give up root's right to ignore permissions (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)."""
    drop_from_bounding_set = 24
    if os.getuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):
            if library.prctl(drop_from_bounding_set, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def test_a_folder_without_permission_to_write_is_refused(ct, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    arguments = ("analyze", ct, "--output", locked / "output", "--events", "none")
    assert_refused(run(*arguments, preexec_fn=_no_privileges), "output", "permission")
    assert list(locked.iterdir()) == []


def test_files_and_folders_without_permission_to_read_are_refused(base, tmp_path):
    series = write(base.slices(), tmp_path / "ct")
    for path in series.iterdir():
        path.chmod(0)
    arguments = ("analyze", series, "--output", tmp_path / "o", "--events", "none")
    assert_refused(run(*arguments, preexec_fn=_no_privileges), "slice_00.dcm", "permission")
    series.chmod(0)
    assert_refused(run(*arguments, preexec_fn=_no_privileges), "permission")
    series.chmod(0o700)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(ct, tmp_path):
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = run("analyze", ct, "--output", tmp_path / "o", "--events", "none", preexec_fn=limited)
    assert_refused(done, "cannot be written")
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_a_sentence(large, tmp_path):
    code = (
        "import sys, CTDoseSegLib.reading.reader as reading\n"
        "from CTDoseSegLib.cli.command_line import main\n"
        "def full(*a, **k): raise MemoryError\n"
        "reading.read_series = full\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["analyze", str(large), "--output", str(tmp_path / "o"), "--events", "none"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=LIB_PARENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(done, "memory")
