"""A batch on a Dask cluster: the same code, and a sentence for whatever a cluster can lack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import batch_run
import pytest
from batch_run import plan_of, states
from command_run import run, start
from phantom_archive import write_archive

from CTDoseSegLib.batch import cluster
from CTDoseSegLib.batch.ledger import Ledger
from CTDoseSegLib.batch.runner import Choices, run_batch
from CTDoseSegLib.batch.workers import LOST
from CTDoseSegLib.errors import SchedulerError
from CTDoseSegLib.tasks.progress import Collected

pytestmark = pytest.mark.system

pytest.importorskip("distributed")
SUPPORT = Path(__file__).resolve().parents[1] / "support"
# The same path in every process, and in each another folder: that it works in. So do mounts that
# differ from machine to machine look.
OWN = Path("/proc/self/cwd")


@pytest.fixture(autouse=True)
def workers_import_the_injected_task(monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")])
    )


class Cluster:
    """A scheduler and its workers as processes of their own, each with its working folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen] = []
        self.scheduler = self._start("scheduler", folder, "--host", "127.0.0.1", "--port", "0")

    def _start(self, kind: str, folder: Path, *options: str) -> subprocess.Popen:
        program = [sys.executable, "-m", f"distributed.cli.dask_{kind}"]
        arguments = ["--scheduler-file", str(self._file), "--no-dashboard", *options]
        process = subprocess.Popen(
            [*program, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)
        return process

    def add_worker(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._start("worker", folder, "--nthreads", "1", "--no-nanny")

    @property
    def address(self) -> str:
        """Of the scheduler, as soon as all workers have come."""
        import distributed

        deadline = time.monotonic() + 60
        while not self._file.exists() or not self._file.stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address = json.loads(self._file.read_text())["address"]
        with distributed.Client(address) as client:
            client.wait_for_workers(len(self._processes) - 1, timeout=60)
        return address

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture
def dask_cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.end()


def test_the_same_code_runs_on_a_cluster(tmp_path):
    choices = Choices(scheduler="local", workers=2)
    counts = run_batch(plan_of(tmp_path, 20), tmp_path / "out", choices, work=batch_run.work)
    assert (counts["done"], counts["failed"]) == (18, 2)


def test_a_task_whose_worker_dies_each_time_is_listed_and_may_pass_later(tmp_path):
    import dask

    choices, output = Choices(scheduler="local", workers=2), tmp_path / "out"
    # Dask suspects whatever the worker held; by default of the fourth time only.
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        counts = run_batch(plan_of(tmp_path, 12), output, choices, work=batch_run.die)
    assert counts["failed"] >= 2
    assert counts["done"] + counts["failed"] == 12
    sentences = {sentence for state, sentence in states(output).values() if state == "failed"}
    assert sentences == {"It is damaged.", LOST.sentence}
    counts = run_batch(plan_of(tmp_path, 12), output, Choices(workers=2), work=batch_run.work)
    assert (counts["done"], counts["failed"]) == (11, 1)


def test_when_the_scheduler_goes_what_is_finished_is_kept(dask_cluster, tmp_path):
    for name in ("one", "two"):
        dask_cluster.add_worker(tmp_path / name)
    plan, output = plan_of(tmp_path, 60), tmp_path / "out"

    class Killer(Collected):
        def emit(self, kind, /, **fields):
            super().emit(kind, **fields)
            if sum(event.get("state") == "done" for event in self.log) == 10:
                os.kill(dask_cluster.scheduler.pid, signal.SIGKILL)

    choices = Choices(scheduler=dask_cluster.address)
    with pytest.raises(SchedulerError, match=r"scheduler is gone; what is finished is kept"):
        run_batch(plan, output, choices, Killer(), batch_run.work)
    kept = [state for state, _ in states(output).values()].count("done")
    assert 10 <= kept < 54
    counts = run_batch(plan, output, Choices(workers=2), work=batch_run.work)
    assert (counts["done"], counts["failed"]) == (54, 6)
    completed = (output / "completed.txt").read_text().split()
    assert len(completed) == len(set(completed)) == 54


def test_the_command_reports_in_one_sentence_that_the_scheduler_went(dask_cluster, tmp_path):
    dask_cluster.add_worker(tmp_path / "worker")
    archive, output = write_archive(tmp_path / "archive", 5), tmp_path / "out"
    batch = ("batch", archive, "--output", output, "--engine", "classical", "--events", "jsonl")
    with start(*batch, "--scheduler", dask_cluster.address) as process:
        for line in process.stdout:
            if json.loads(line).get("state") == "done":
                os.kill(dask_cluster.scheduler.pid, signal.SIGKILL)
                break
        # Its standard input stays open: closed, it would mean cancel.
        words = process.stderr.read().decode()
        assert process.wait(60) == 3
    assert "scheduler is gone; what is finished is kept" in words
    assert "Traceback" not in words
    again = run(*batch, "--workers", "2")
    assert again.returncode == 0, again.stderr
    assert {state for state, _ in states(output).values()} == {"done"}


def test_workers_of_another_version_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "0.0.1")
    with pytest.raises(SchedulerError, match=r"this is 0\.0\.1; install the same version"):
        run_batch(plan_of(tmp_path, 2), tmp_path / "out", Choices(scheduler="local"))


def test_a_worker_with_another_output_folder_is_refused(dask_cluster, tmp_path, monkeypatch):
    dask_cluster.add_worker(tmp_path / "worker")
    (tmp_path / "main").mkdir()
    monkeypatch.chdir(tmp_path / "main")
    with pytest.raises(SchedulerError, match="cannot see the output folder"):
        run_batch(plan_of(tmp_path, 2), OWN / "out", Choices(scheduler=dask_cluster.address))


def test_a_worker_that_does_not_see_what_others_see_is_refused(dask_cluster, tmp_path):
    for name in ("sees", "blind"):
        dask_cluster.add_worker(tmp_path / name)
    (tmp_path / "sees" / "study").mkdir()
    plan = tmp_path / "plan.csv"
    plan.write_text(f"include,source\nyes,{OWN / 'study'}\n")
    with pytest.raises(SchedulerError, match="cannot see the studies' files, which other workers"):
        run_batch(plan, tmp_path / "out", Choices(scheduler=dask_cluster.address))


def test_studies_that_no_worker_sees_are_listed_and_tried_again(dask_cluster, tmp_path):
    dask_cluster.add_worker(tmp_path / "worker")
    plan = tmp_path / "plan.csv"
    plan.write_text(f"include,source\nyes,{OWN / 'study'}\n")
    choices = Choices(scheduler=dask_cluster.address)
    for attempts in (3, 6):  # the folder may have been mounted before the second run
        counts = run_batch(plan, tmp_path / "out", choices)
        assert counts["failed"] == 1
        with Ledger(tmp_path / "out" / "run" / "ledger.sqlite") as ledger:
            (row,) = ledger.rows()
        assert "seen from" in row["sentence"]
        assert "mount shared folders at the same path on every worker" in row["sentence"]
        assert row["attempts"] == attempts


def test_a_scheduler_that_cannot_be_reached_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    choices = Choices(scheduler="tcp://127.0.0.1:9")
    with pytest.raises(SchedulerError, match="cannot be reached"):
        run_batch(plan_of(tmp_path, 2), tmp_path / "out", choices)
