"""Fit the law of organ doses to the table of simulated bodies, or hold it against arrays.

    python Testing/Training/dose_law.py fit OUTPUT [--table TABLE.npz]
    python Testing/Training/dose_law.py arrays ARRAYS OUTPUT [--model FOLDER]

Without --table, the one that comes with CTDoseSeg. ARRAYS are simulated doses of patients in the
published format, OUTPUT a folder for the model or for two tables.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.learning.law.evaluate import BUNDLED, evaluate
from CTDoseSegLib.learning.law.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit")
    fit.add_argument("output", type=Path)
    fit.add_argument("--table", type=Path)
    arrays = commands.add_parser("arrays")
    arrays.add_argument("arrays", type=Path)
    arrays.add_argument("output", type=Path)
    arrays.add_argument("--model", default=BUNDLED)
    options = parser.parse_args()
    if options.command == "fit":
        summary = train(options.table, options.output)
    else:
        summary = evaluate(options.arrays, options.output, model=options.model)
    print("\n".join(summary["lines"]))


if __name__ == "__main__":
    main()
