"""A batch as a whole: every study accounted for, killed at any moment, on a cluster."""

from __future__ import annotations

import functools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import batch_run
import kill_batch
import pytest
from batch_run import plan_of, states, table
from Corpus.base import IDENTITY, UID, Base, alter, write

import CTDoseSegLib.batch
from CTDoseSegLib.batch import runner, study
from CTDoseSegLib.batch.discovery import discover
from CTDoseSegLib.batch.ledger import Ledger
from CTDoseSegLib.batch.plan import PlannedScan, write_plan
from CTDoseSegLib.batch.runner import Choices, run_batch
from CTDoseSegLib.errors import Cancelled, InputError, OutputError
from CTDoseSegLib.tasks.process import LIB_PARENT
from CTDoseSegLib.tasks.progress import Collected

pytestmark = pytest.mark.system

HERE = Path(__file__).resolve().parents[1] / "support"
CLASSICAL = ("--engine", "classical")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return Base(tmp_path_factory.mktemp("phantoms"))


def examination(base, folder, number):
    """One study of its own, its folder named as the patient."""
    slices = alter(
        base.slices(),
        StudyInstanceUID=f"{UID}.{number}",
        SeriesInstanceUID=f"{UID}.{number}.1",
        FrameOfReferenceUID=f"{UID}.{number}.2",
        SOPInstanceUID=lambda k: f"{UID}.{number}.1.{k}",
    )
    return write(slices, folder / f"{IDENTITY[0]}_{number}")


@pytest.fixture(scope="module")
def finished(base, tmp_path_factory):
    """Three good studies and three bad ones, done."""
    root = tmp_path_factory.mktemp("batch")
    archive = root / "archive"
    for number in (1, 2, 3):
        examination(base, archive, number)
    cut = examination(base, archive, 4)
    for file in cut.iterdir():
        file.write_bytes(file.read_bytes()[:6000])
    (archive / "empty").mkdir()
    (archive / "empty" / f"{IDENTITY[0]}.dcm").write_bytes(b"")
    shutil.copytree(archive / f"{IDENTITY[0]}_1", archive / "copy")
    progress = Collected()
    counts = run_batch(archive, root / "out", Choices(CLASSICAL, workers=2), progress)
    return archive, root / "out", counts, progress.log


def test_every_good_study_is_done_and_every_bad_one_listed(finished):
    _, output, counts, log = finished
    assert counts == {"planned": 0, "running": 0, "done": 3, "failed": 1}
    listed = table(output / "failures.csv")
    assert any(row["state"] == "failed" and "pixel" in row["sentence"].lower() for row in listed)
    assert any("empty (0 bytes)" in row["sentence"] for row in listed)
    assert sum(event.get("state") == "done" for event in log) == 3
    assert any("a minute" in event.get("message", "") for event in log)


def test_results_are_those_of_analyze_one_by_one(finished, tmp_path):
    archive, output, _, _ = finished
    folder = archive / f"{IDENTITY[0]}_2"
    command = [sys.executable, "-m", "CTDoseSegLib", "analyze", folder, "--output", tmp_path]
    subprocess.run([*command, *CLASSICAL, "--events", "none"], cwd=LIB_PARENT, check=True)
    alone = (tmp_path / "organ_doses.csv").read_bytes()
    found = [
        path.parent
        for path in output.glob("studies/*/organ_doses.csv")
        if path.read_bytes() == alone
    ]
    same = found[0]  # the phantoms are alike
    for name in ("slices.csv", "organ_slices.csv", "segmentation.nii.gz", "wed.png"):
        assert (same / name).read_bytes() == (tmp_path / name).read_bytes()
    one, other = (json.loads((f / "result.json").read_text()) for f in (same, tmp_path))
    for key in ("organs", "size", "ssde", "effective_dose", "flags", "acquisition"):
        assert one[key] == other[key]


def test_tables_hold_a_row_an_organ_and_no_identity(finished):
    parquet = pytest.importorskip("pyarrow.parquet")
    _, output, _, _ = finished
    rows = table(output / "doses.csv")
    assert {row["organ"] for row in rows} >= {"lung", "skin"}
    assert len({row["scan_key"] for row in rows}) == 3
    assert parquet.read_table(output / "doses.parquet").num_rows == len(rows)
    assert "under 20" in (output / "summary.html").read_text()
    for path in output.rglob("*"):
        assert not any(word in str(path) for word in IDENTITY)
        if path.is_file() and "run" not in path.relative_to(output).parts:
            data = path.read_bytes()
            assert not any(word.encode() in data for word in (*IDENTITY, UID)), path.name


def test_the_same_study_under_two_names_is_one(finished):
    archive = finished[0]
    rows = [row for row in discover(archive) if row.study_uid == f"{UID}.1"]
    assert [row.include for row in rows] == ["yes"]
    assert "16 files are copies" in rows[0].reason


def test_a_finished_run_started_again_does_nothing(finished):
    archive, output, counts, _ = finished
    before = {p: p.stat().st_mtime_ns for p in output.glob("studies/*/*")}
    assert run_batch(archive, output, Choices(CLASSICAL)) == counts
    assert before == {p: p.stat().st_mtime_ns for p in output.glob("studies/*/*")}
    with pytest.raises(InputError, match="other choices"):
        run_batch(archive, output, Choices(("--engine", "unet")))


def test_phases_add_up_and_reconstructions_do_not(base, tmp_path):
    def series(number, event, **tags):
        return alter(
            base.slices(),
            **{"SeriesInstanceUID": f"{UID}.9.{number}", "StudyInstanceUID": f"{UID}.9"},
            **{"SOPInstanceUID": lambda k: f"{UID}.9.{number}.{k}", "SeriesNumber": number},
            IrradiationEventUID=f"{UID}.9.99.{event}",
            **tags,
        )

    write(series(1, 1), tmp_path / "a")
    write(series(2, 1, ConvolutionKernel="B70f"), tmp_path / "a", "sharp")
    write(series(3, 2), tmp_path / "b")
    rows = list(discover(tmp_path))
    assert [row.series_uid[-1] for row in rows if row.include == "yes"] == ["1", "3"]
    (left,) = [row for row in rows if row.include == "no"]
    assert "softer kernel" in left.reason


def test_killed_at_twenty_moments_nothing_is_lost_or_done_twice(tmp_path):
    plan, output = plan_of(tmp_path, 120), tmp_path / "out"
    command = [sys.executable, str(HERE / "batch_run.py"), str(plan), str(output)]
    chance = random.Random(7)
    for _ in range(20):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=HERE)
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.35))
        process.kill()
        process.wait()
        process.stdout.close()
    subprocess.run(command, check=True, capture_output=True, cwd=HERE)
    undisturbed = tmp_path / "undisturbed"
    subprocess.run([*command[:3], str(undisturbed)], check=True, capture_output=True, cwd=HERE)
    ends = sorted(state for state, _ in states(output).values())
    assert ends == sorted(state for state, _ in states(undisturbed).values())
    assert ends.count("done") == 108
    completed = (output / "completed.txt").read_text().split()
    assert len(completed) == len(set(completed))
    assert len(list((output / "studies").iterdir())) == 108
    assert not (output / "run" / "attempts").exists() or not list(
        (output / "run" / "attempts").iterdir()
    )
    assert len(table(output / "exams.csv")) == 108


def test_real_analyses_killed_at_random_are_as_undisturbed(tmp_path):
    killed, faults = kill_batch.compare(tmp_path, kills=3, studies=4, seed=47, longest_s=1.5)
    assert not faults
    assert sum(killed.values()) == 3


def test_a_killed_analysis_is_tried_again(base, tmp_path):
    examination(base, tmp_path / "archive", 1)
    killed = []

    class Killer(Collected):
        def update(self, fraction, message):
            super().update(fraction, message)
            for pid in children() if not killed and "scans" in message else ():
                os.kill(pid, 9)
                killed.append(pid)

    counts = run_batch(tmp_path / "archive", tmp_path / "out", Choices(CLASSICAL, 1), Killer())
    assert counts["done"] == 1
    if killed:
        with Ledger(tmp_path / "out" / "run" / "ledger.sqlite") as ledger:
            assert next(ledger.rows())["attempts"] == 2


def children():
    """Process IDs of analyses that this process has started."""
    own = f"/proc/{os.getpid()}/task"
    return [
        int(pid)
        for task in os.listdir(own)
        for pid in Path(own, task, "children").read_text().split()
        if b"analyze" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_a_study_that_hangs_is_ended_at_the_time_limit(base, tmp_path):
    examination(base, tmp_path / "archive", 1)
    choices = Choices(CLASSICAL, workers=1, time_limit_s=0.2)
    counts = run_batch(tmp_path / "archive", tmp_path / "out", choices)
    assert counts["failed"] == 1
    ((_, sentence),) = states(tmp_path / "out").values()
    assert "time limit" in sentence
    assert not list((tmp_path / "out" / "run" / "attempts").iterdir())


def test_a_second_process_is_refused(tmp_path):
    plan, output = plan_of(tmp_path, 400), tmp_path / "out"
    command = [sys.executable, str(HERE / "batch_run.py"), str(plan), str(output)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=HERE)
    try:
        while not (output / "studies").exists():
            assert process.poll() is None
            time.sleep(0.02)
        with pytest.raises(OutputError, match="is being written by process"):
            run_batch(plan, output, work=batch_run.work)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "LEAST_FREE_BYTES", 1 << 60)
    with pytest.raises(OutputError, match="disk of the output folder is full"):
        run_batch(plan_of(tmp_path, 3), tmp_path / "out", work=batch_run.nothing)
    monkeypatch.undo()
    assert run_batch(plan_of(tmp_path, 3), tmp_path / "out", work=batch_run.work)["done"] == 3


def test_a_result_that_the_disk_does_not_take_is_reported_and_made_when_it_does(base, tmp_path):
    examination(base, tmp_path / "archive", 1)
    write_plan(tmp_path / "plan.csv", discover(tmp_path / "archive"))
    command = [sys.executable, "-m", "CTDoseSegLib", "batch", tmp_path / "plan.csv", *CLASSICAL]
    command += ["--output", tmp_path / "out", "--workers", "1", "--events", "none"]
    # No file may grow beyond this: the ledger fits, a result does not.
    limit = 64 << 10
    small = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
    subprocess.run(command, cwd=LIB_PARENT, preexec_fn=small, check=True)
    ((state, sentence),) = states(tmp_path / "out").values()
    assert state == "failed"
    assert "cannot be written" in sentence
    assert list((tmp_path / "out").glob("studies/*")) == []
    assert list((tmp_path / "out" / "run" / "attempts").iterdir()) == []
    subprocess.run(command, cwd=LIB_PARENT, check=True)
    assert states(tmp_path / "out").popitem()[1][0] == "done"


def test_a_scan_taken_out_of_the_plan_is_in_no_table_and_keeps_its_result(tmp_path):
    output = tmp_path / "out"
    run_batch(plan_of(tmp_path, 3), output, work=batch_run.work)
    assert len(table(output / "exams.csv")) == 3
    run_batch(plan_of(tmp_path, 2), output, work=batch_run.work)
    assert len(table(output / "exams.csv")) == 2
    (row,) = table(output / "failures.csv")
    assert row["state"] == "left out"
    assert "its results are kept" in row["sentence"]
    assert (output / "studies" / row["scan_key"] / "result.json").exists()
    run_batch(plan_of(tmp_path, 3), output, work=batch_run.work)
    assert len(table(output / "exams.csv")) == 3
    assert len((output / "completed.txt").read_text().split()) == 3


def test_a_result_damaged_since_leaves_the_others_their_tables_and_is_done_anew(tmp_path):
    output = tmp_path / "out"
    plan = plan_of(tmp_path, 3)
    run_batch(plan, output, work=batch_run.work)
    damaged = table(output / "exams.csv")[0]["scan_key"]
    (output / "studies" / damaged / "result.json").write_text("{")
    run_batch(plan, output, work=batch_run.work)
    assert len(table(output / "exams.csv")) == 2
    (row,) = table(output / "failures.csv")
    assert (row["state"], row["scan_key"]) == ("unreadable", damaged)
    assert "start the same command again" in row["sentence"]
    shutil.rmtree(output / "studies" / damaged)
    run_batch(plan, output, work=batch_run.work)
    assert len(table(output / "exams.csv")) == 3
    assert table(output / "failures.csv") == []


def test_files_that_are_missing_are_reported_without_their_names(tmp_path):
    counts = run_batch(plan_of(tmp_path, 2), tmp_path / "out", Choices(workers=1))
    assert counts["failed"] == 2
    for row in table(tmp_path / "out" / "failures.csv"):
        assert "mount shared folders at the same path" in row["sentence"]
        assert "nowhere" not in row["sentence"]


def test_a_folder_without_ct_is_refused_and_leaves_its_plan(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="no CT that can be analysed"):
        run_batch(tmp_path, tmp_path.parent / "out-of-nothing")


def test_a_handle_follows_cancels_and_goes_on(base, tmp_path):
    examination(base, tmp_path / "archive", 1)
    options = {"engine": "classical", "workers": 1}
    run = CTDoseSegLib.batch.run(tmp_path / "archive", tmp_path / "out", **options)
    run.stop()  # and somebody who follows it
    with pytest.raises(Cancelled):
        run.wait(60)
    run = CTDoseSegLib.batch.run(tmp_path / "archive", tmp_path / "out", **options)
    run.cancel()
    assert not run.running
    run = CTDoseSegLib.batch.run(tmp_path / "archive", tmp_path / "out", **options)
    ended = run.wait(120)
    assert [state for state, _ in ended.values()].count("done") == len(ended) > 0
    assert run.progress == 1.0
    assert {state for state, _ in states(tmp_path / "out").values()} == {"done"}
    with pytest.raises(InputError, match="does not exist"):
        CTDoseSegLib.batch.run(tmp_path / "nowhere", tmp_path / "other").wait(60)


@pytest.mark.parametrize(("workers", "scans"), [(1, 3), (2, 3), (3, 3), (2, 1)])
def test_analyses_side_by_side_share_the_processor(tmp_path, workers, scans):
    choices = Choices(workers=workers)
    run_batch(plan_of(tmp_path, scans), tmp_path / "out", choices, work=batch_run.threads)
    share = str(max(1, os.cpu_count() // min(workers, scans)))
    assert {sentence for _, sentence in states(tmp_path / "out").values()} == {share}


@pytest.mark.parametrize(("said", "expected"), [(None, "3"), ("5", "5")])
def test_an_analysis_computes_with_its_share_unless_the_user_chose_otherwise(
    tmp_path, monkeypatch, said, expected
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    seen = tmp_path / "seen.txt"
    code = f"import os; open({str(seen)!r}, 'w').write(os.environ['OMP_NUM_THREADS'])"
    monkeypatch.setattr(study, "command", lambda arguments: ["-c", code])
    attempt = study.Attempt("a", PlannedScan("yes", 1, str(tmp_path)), 1)
    study.run_study(attempt, study.Settings(str(tmp_path / "out"), threads=3))
    assert seen.read_text() == expected
