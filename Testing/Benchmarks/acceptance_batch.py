"""A batch of phantoms, every real set, and a tenth as many damaged studies: nothing lost or wrong.

`python acceptance_batch.py [PHANTOMS [FOLDER]]`: 200 phantoms where nothing is said, the real sets
of `$CTDOSESEG_DATA/ct` (else `../shared/data/ct`), and one damaged study for every ten phantoms, by
the makers of `Testing/Corpus`. Runs ``ctdoseseg batch`` and then ``ctdoseseg analyze`` for every
scan that it planned, and returns 1 unless

- every phantom is done;
- every damaged study is listed with a sentence, and none is done;
- what `analyze` refuses the batch lists as failed, with its sentence, and what it does not is done;
- every row of ``doses.csv`` is that of `analyze`, and so is the rest of the result.

FOLDER is kept; without it a temporary one is used.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIB = ROOT / "CTDoseSeg"
sys.path[:0] = [str(LIB), str(ROOT / "Testing" / "support"), str(ROOT / "Testing" / "System")]

from Corpus.base import UID, Base, alter  # noqa: E402
from Corpus.cases import CASES  # noqa: E402
from phantom_archive import write_archive  # noqa: E402

from CTDoseSegLib.batch.ledger import Ledger  # noqa: E402
from CTDoseSegLib.batch.plan import PlannedScan, read_plan  # noqa: E402
from CTDoseSegLib.batch.study import hand_over, without_names  # noqa: E402

ENGINE = ("--engine", "classical")
# Refused where one folder must be one series; for a batch they are two studies.
NO_DAMAGE = ("two_patients",)
SAME = ("organ", "region", "dose_mGy", "model_low_mGy", "model_high_mGy", "volume_ml", "coverage")
# Made anew with each result: when, and from which files.
NOT_COMPARED = ("provenance",)


class OwnStudy(Base):
    """Slices of a study of its own, so that damaged studies are not taken for one."""

    number = 0

    def slices(self, kind: str = "trunk"):
        return alter(super().slices(kind), StudyInstanceUID=f"{UID}.{1000 + self.number}")


def damage(archive: Path, scratch: Path, count: int) -> list[tuple[str, Path]]:
    """So many damaged studies: name of the damage and the study's folder."""
    base = OwnStudy(scratch / "phantoms")
    made: list[tuple[str, Path]] = []
    refused = [c for c in CASES if c.says and not c.data and c.name not in NO_DAMAGE]
    for case in refused:
        if len(made) == count:
            break
        base.number += 1
        folder = archive / f"damaged_{case.name}"
        folder.mkdir()
        arguments = list(case.make(base, folder))
        if len(arguments) == 1 and any(folder.rglob("*.dcm")) and not any(folder.rglob("*.zip")):
            made.append((case.name, folder))
        else:  # no study, or one that options spoil
            folder.rename(scratch / folder.name)
    return made


def unpack_real(archive: Path) -> int:
    """Every real set into the archive; returns their number."""
    data = Path(os.environ.get("CTDOSESEG_DATA", ROOT.parent / "shared" / "data")) / "ct"
    count = 0
    for entry in sorted(data.iterdir()):
        count += 1
        if ".tar." in entry.name:
            with tarfile.open(entry) as tar:
                tar.extractall(archive / f"real_{entry.name.partition('.')[0]}", filter="data")
        else:
            place = archive / f"real_{entry.name.partition('.')[0]}"
            place.mkdir()
            (place / entry.name).symlink_to(entry)
    return count


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "CTDoseSegLib", *(str(a) for a in arguments), *ENGINE]
    return subprocess.run(command, cwd=LIB, capture_output=True, text=True, check=False)


@dataclasses.dataclass(frozen=True)
class Planned:
    """A scan of the batch: its plan, and what became of it."""

    key: str
    scan: PlannedScan
    state: str
    sentence: str


def planned(output: Path) -> list[Planned]:
    with Ledger(output / "run" / "ledger.sqlite") as ledger:
        return [
            Planned(row["key"], row["scan"], row["state"], row["sentence"] or "")
            for row in ledger.rows()
        ]


def analyse_alone(item: Planned, output: Path, doses: list[dict[str, str]]) -> list[str]:
    """What differs between the batch's account of a scan and `analyze` alone."""
    with tempfile.TemporaryDirectory() as scratch:
        given, names = hand_over(item.scan, Path(scratch))
        # The folder itself where it is one: the way that a person goes.
        sources = item.scan.sources
        given = Path(sources[0]) if len(sources) == 1 and Path(sources[0]).is_dir() else given
        series = ("--series", item.scan.series_uid) if item.scan.series_uid else ()
        alone = Path(scratch) / "alone"
        ended = run("analyze", given, "--output", alone, "--events", "none", *series)
        what = f"{item.scan.source}: "
        if ended.returncode:
            said = ended.stderr.strip().splitlines()[-1].removeprefix("ctdoseseg: ")
            if item.state != "failed":
                return [f"{what}{item.state}, but analyze says: {said}"]
            # As they are printed where they are no text.
            names |= {name.encode("utf-8", "backslashreplace").decode() for name in names}
            if item.sentence != without_names(said, names):
                return [f"{what}{item.sentence!r}, but analyze says: {said}"]
            return []
        if item.state != "done":
            return [f"{what}{item.state} ({item.sentence}), but analyze gives a result"]
        return [what + said for said in differences(output / "studies" / item.key, alone, doses)]


def differences(result: Path, alone: Path, doses: list[dict[str, str]]) -> Iterator[str]:
    wanted = table(alone / "organ_doses.csv")
    if [cells(row) for row in wanted] != [cells(row) for row in doses]:
        yield "its rows of doses.csv are others"
    one, other = (json.loads((f / "result.json").read_text("utf-8")) for f in (result, alone))
    for name in sorted(one.keys() | other.keys()):
        if name not in NOT_COMPARED and one.get(name) != other.get(name):
            yield f"{name} of result.json is another"


def cells(row: dict[str, str]) -> list[str]:
    return [row[column] for column in SAME]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def check(archive: Path, output: Path, phantoms: int, damaged: list[tuple[str, Path]]) -> list[str]:
    """What is missing or wrong; prints what became of the damaged studies on the way."""
    faults = []
    scans = planned(output)
    plan = list(read_plan(output / "run" / "plan.csv"))

    def below(folder: Path, source: str) -> bool:
        return any(Path(part).is_relative_to(folder) for part in source.split("|"))

    for n in range(phantoms):
        folder = archive / f"phantom_{n:03d}"
        if [item.state for item in scans if below(folder, item.scan.source)] != ["done"]:
            faults.append(f"{folder.name} was not done once.")
    for name, folder in damaged:
        said = [scan.reason for scan in plan if scan.include == "no" and below(folder, scan.source)]
        mine = [item for item in scans if below(folder, item.scan.source)]
        said += [item.sentence for item in mine]
        print(f"  {name}: {' / '.join(said)}")
        if not said or not all(said) or any(item.state == "done" for item in mine):
            faults.append(f"{folder.name}: not listed with a sentence, or done.")
    listed = {row["sentence"] for row in table(output / "failures.csv")}
    for item in scans:
        if item.state == "failed" and item.sentence not in listed:
            faults.append(f"{item.scan.source}: not in failures.csv.")
    doses: dict[str, list[dict[str, str]]] = {}
    for row in table(output / "doses.csv"):
        doses.setdefault(row["scan_key"], []).append(row)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [
            pool.submit(analyse_alone, item, output, doses.get(item.key, [])) for item in scans
        ]
        for task in tasks:
            faults += task.result()
    return faults


def main(phantoms: int, scratch: Path) -> int:
    archive, output = scratch / "archive", scratch / "output"
    began = time.monotonic()
    write_archive(archive, phantoms)
    damaged = damage(archive, scratch, max(1, phantoms // 10))
    real = unpack_real(archive)
    print(f"{phantoms} phantoms, {len(damaged)} damaged, {real} real sets: {took(began)}")
    began = time.monotonic()
    ended = run("batch", archive, "--output", output, "--events", "none")
    if ended.returncode:
        print(ended.stderr)
        return 1
    counts: dict[str, int] = {}
    for item in planned(output):
        counts[item.state] = counts.get(item.state, 0) + 1
    print(f"batch: {counts}: {took(began)}")
    began = time.monotonic()
    faults = check(archive, output, phantoms, damaged)
    print(f"each compared with analyze alone: {took(began)}")
    print(
        "\n".join(faults) or "Every good study is done, every bad one listed, every result equal."
    )
    return int(bool(faults))


def took(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    if len(sys.argv) > 2:
        sys.exit(main(count, Path(sys.argv[2]).absolute()))
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(count, Path(temporary)))
