"""Simulate the bodies that organ doses are learned on; goes on where it was ended.

    python Testing/Training/dose_learning_set.py WORK [--bodies 300] [--histories 4e6]
        [--processes 2]
    python Testing/Training/dose_learning_set.py WORK --table TABLE.npz

WORK gets an ``.npz`` a body (0.5 to 2 MB), named by its seed: these are the ledger. The second
form gathers what is there into the table that the law is fitted to, and keeps the
bodies that an older table has and WORK has not: a run may go on on another machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE)]

from dose_bodies import learning_body  # noqa: E402
from dose_responses import read_responses, responses_of  # noqa: E402
from dose_summary import summary  # noqa: E402

from CTDoseSegLib.learning.dose.table import read_table, write_table  # noqa: E402


def one(work: Path, seed: int, histories: int) -> str:
    """Simulate the body of a seed, and return a line about it."""
    file = work / f"body_{seed:04d}.npz"
    if file.exists():
        return f"{seed}: done before"
    started = time.process_time()
    try:
        body = learning_body(seed)
        made = time.process_time()
        found = responses_of(body, histories, seed + 1)
        found.write(file)
    except Exception:  # noqa: BLE001 - a body that cannot be made must not end the run
        return f"{seed}: FAILED\n{traceback.format_exc()}"
    ended = time.process_time()
    about = found.about
    return (
        f"{seed}: {about['region']} {about['age_y']:.0f} y {about['weight_kg']:.0f} kg, "
        f"{len(found.names)} scores, {made - started:.0f} + {ended - made:.0f} s"
    )


def write(work: Path, table: Path) -> None:
    """Gather the bodies of a work folder, and of the table as it is, into a table."""
    bodies = {body.about["seed"]: body for body in read_table(table)} if table.exists() else {}
    for file in sorted(work.glob("body_????.npz")):
        found = summary(read_responses(file))
        bodies[found.about["seed"]] = found
    write_table(table, [bodies[seed] for seed in sorted(bodies)])
    print(f"{len(bodies)} bodies in {table}, {table.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--bodies", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--histories", type=float, default=4e6)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    if options.table:
        write(options.work, options.table)
        return
    os.environ["NUMBA_NUM_THREADS"] = "1"
    options.work.mkdir(parents=True, exist_ok=True)
    seeds = range(options.first, options.first + options.bodies)
    with ProcessPoolExecutor(options.processes) as pool:
        tasks = [pool.submit(one, options.work, seed, int(options.histories)) for seed in seeds]
        for task in tasks:
            print(task.result(), flush=True)


if __name__ == "__main__":
    main()
