"""A batch with a small injected task, as a program to be killed; and what tests ask of a run."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from tiny_analysis import tiny_analysis

from CTDoseSegLib.batch.ledger import Ledger
from CTDoseSegLib.batch.runner import Choices, run_batch
from CTDoseSegLib.batch.study import STUDIES, Outcome, attempt_folder, publish
from CTDoseSegLib.result import Result

RESULT = Result.of(tiny_analysis(slices=1)).to_json()


def work(attempt, settings, stop=None):
    """Write a result as an analysis does, note it down, fail every tenth."""
    if attempt.scan.study % 10 == 3:
        return Outcome(False, "It is damaged.", "InputError")
    target = Path(settings.output) / STUDIES / attempt.key
    if not (target / "result.json").exists():
        folder = attempt_folder(Path(settings.output), attempt)
        folder.mkdir(parents=True)
        (folder / "slices.csv").write_text("a\n")
        time.sleep(0.03)
        (folder / ".part").write_text(json.dumps(RESULT))
        os.replace(folder / ".part", folder / "result.json")
        publish(folder, target)
        (Path(settings.output) / "completed.txt").open("a").write(f"{attempt.key}\n")
    return Outcome(True, output_sha256="x")


def nothing(attempt, settings, stop=None):
    """The smallest task."""
    return Outcome(True)


def threads(attempt, settings, stop=None):
    """How many threads an analysis may compute with."""
    return Outcome(False, str(settings.threads), "Test")


def sleep(attempt, settings, stop=None):
    """A task whose time is known."""
    time.sleep(0.5)
    return Outcome(False, str(os.getpid()), "Test")


def die(attempt, settings, stop=None):
    """A task that takes its worker with it, at one scan."""
    if attempt.scan.study == 5:
        os._exit(1)
    return work(attempt, settings)


def compute(attempt, settings, stop=None):
    """A task that keeps one processor busy for a while, about half a second."""
    hashlib.pbkdf2_hmac("sha256", b"ct", b"dose", 1_500_000)
    return Outcome(False, str(os.getpid()), "Test")


def plan_of(folder, count):
    """A plan of scans for an injected task."""
    path = folder / "plan.csv"
    rows = "".join(f"yes,{n},/nowhere/{n}\n" for n in range(count))
    path.write_text("include,study,source\n" + rows)
    return path


def states(output):
    """State and sentence of every scan of a run, by its key."""
    with Ledger(output / "run" / "ledger.sqlite") as ledger:
        return {row["key"]: (row["state"], row["sentence"]) for row in ledger.rows()}


def table(path):
    """The rows of a CSV."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    print("begun", flush=True)
    run_batch(sys.argv[1], sys.argv[2], Choices(workers=2), work=work)
