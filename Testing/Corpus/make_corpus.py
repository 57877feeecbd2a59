"""Write the corpus of damaged inputs to a folder, or its table to `README.md`.

``python Testing/Corpus/make_corpus.py FOLDER`` makes every case in a folder of its own, with the
arguments of its command beside it in ``corpus.csv``; ``--readme`` writes the table of `README.md`
anew.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE.parent), str(HERE.parent / "support")]

from Corpus.base import Base  # noqa: E402
from Corpus.cases import CASES, expectation, table  # noqa: E402

START = "<!-- the table below is written by make_corpus.py --readme -->\n"


def write_readme() -> None:
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8").partition(START)[0]
    readme.write_text(text + START + table(), encoding="utf-8")


def write_corpus(folder: Path) -> None:
    """Make all cases below `folder`; those of the development data where that is there."""
    data = Path(os.environ.get("CTDOSESEG_DATA", HERE.parents[2] / "shared" / "data"))
    with tempfile.TemporaryDirectory() as unpacked:

        def unpack(name: str) -> Path:
            (archive,) = (data / "ct").glob(f"{name}.tar.*")
            if not (Path(unpacked) / name).exists():
                with tarfile.open(archive) as tar:
                    tar.extractall(Path(unpacked) / name, filter="data")
            return Path(unpacked) / name

        base = Base(folder / "phantoms", data, unpack)
        rows = []
        for case in CASES:
            if case.data and not data.is_dir():
                continue
            place = folder / case.family / case.name
            place.mkdir(parents=True)
            arguments = " ".join(str(argument) for argument in case.make(base, place))
            rows.append((case.name, case.what, expectation(case), arguments))
        with (folder / "corpus.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("case", "input", "must", "arguments"), *rows])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--readme", action="store_true")
    chosen = parser.parse_args()
    if not chosen.readme and chosen.folder is None:
        parser.error("name a folder, or --readme")
    if chosen.readme:
        write_readme()
    if chosen.folder is not None:
        write_corpus(chosen.folder)
