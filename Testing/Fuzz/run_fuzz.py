"""Mutate inputs and judge what becomes of them.

    python Testing/Fuzz/run_fuzz.py dicom --count 1000 --seed 1

Prints how often each outcome occurred, and every fault with its seed. The same seed gives the same
inputs: `--seed N --count 1` repeats one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parents[1] / "CTDoseSeg")]

from kinds import KINDS  # noqa: E402
from oracle import Tally  # noqa: E402


def run(kind_name: str, seed: int, count: int, scratch: str | None = None) -> Tally:
    """Judge `count` mutated inputs; the n-th is made with the seed `seed` + n."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=scratch) as folder:
        kind = KINDS[kind_name](Path(folder))
        for n in range(seed, seed + count):
            words, verdict = kind.judge(np.random.default_rng(n))
            tally.add(f"{kind_name} {n}: {words}", verdict)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=(*KINDS, "all"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", help="folder for the inputs; one in memory is fastest")
    arguments = parser.parse_args()
    faults = 0
    for name in KINDS if arguments.kind == "all" else (arguments.kind,):
        tally = run(name, arguments.seed, arguments.count, arguments.scratch)
        print(name, json.dumps(tally.outcomes, sort_keys=True))
        for fault in tally.faults:
            print(f"  {fault}")
        faults += len(tally.faults)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
