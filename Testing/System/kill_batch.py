"""kill -9 of a batch of real analyses at random moments: of the whole run, and of its workers.

`python kill_batch.py [KILLS [STUDIES [SEED]]]`, 20 kills and 30 studies where nothing is said.
Prints what was killed and how the ledger and the results compare with an undisturbed run's;
returns 1 where they differ, where a study was lost, or where one was done twice.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIB = HERE.parents[1] / "CTDoseSeg"
sys.path[:0] = [str(LIB), str(HERE.with_name("support"))]

from phantom_archive import write_archive  # noqa: E402

from CTDoseSegLib.batch.ledger import Ledger  # noqa: E402
from CTDoseSegLib.batch.study import hashes  # noqa: E402

LONGEST_S = 6.0  # between two kills: most analyses of these phantoms take less
MOST_RUNS = 5


class Disturbed:
    """A run that is killed and started again; it keeps account of every result it has seen.

    Attributes
    ----------
    killed
        How often the run itself and one of its workers was killed.
    faults
        Sentences: results that were made anew after they had been there, or are gone.
    """

    def __init__(self, archive: Path, output: Path, salt: Path) -> None:
        self._output = output
        said = ["--output", output, "--salt", salt, "--engine", "classical", "--workers", "2"]
        program = [sys.executable, "-m", "CTDoseSegLib", "batch", archive]
        self._command = [str(part) for part in (*program, *said, "--events", "jsonl")]
        self._seen: dict[str, tuple[int, int]] = {}
        self.killed = {"run": 0, "worker": 0}
        self.faults: list[str] = []

    def _start(self) -> subprocess.Popen:
        return subprocess.Popen(
            self._command,
            cwd=LIB,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def disturb(self, kills: int, longest_s: float, chance: random.Random) -> None:
        """Kill so often; by chance the run or one of its workers, if there is one."""
        process = self._start()
        while sum(self.killed.values()) < kills:
            # Half of the moments are just after a result: there a run has most to lose.
            if chance.random() < 0.5:
                self._wait_for_result(process)
                time.sleep(chance.uniform(0.0, 0.3))
            else:
                time.sleep(chance.uniform(0.1, longest_s))
            self._look()
            if process.poll() is not None:
                self.faults.append("The run was over before all kills; give more studies.")
                break
            workers = analyses(process.pid)
            if workers and chance.random() < 0.5:
                os.kill(chance.choice(workers), 9)
                self.killed["worker"] += 1
                continue
            process.kill()
            process.wait()
            self.killed["run"] += 1
            self._look()
            process = self._start()
        process.kill()
        process.wait()

    def _wait_for_result(self, process: subprocess.Popen) -> None:
        before = len(self._results())
        while process.poll() is None and len(self._results()) <= before:
            time.sleep(0.02)

    def _results(self) -> list[Path]:
        return list(self._output.glob("studies/*/result.json"))

    def finish(self) -> None:
        """Run until nothing is left that may pass."""
        for _ in range(MOST_RUNS):
            process = self._start()
            code = process.wait()
            self._look()
            if code == 0 and all(state == "done" for state, *_ in accounts(self._output).values()):
                return
        self.faults.append("Not all studies were done.")

    def _look(self) -> None:
        """Every result that is there must be the very file that was there before."""
        now = {}
        for path in self._results():
            status = path.stat()
            now[path.parent.name] = (status.st_ino, status.st_mtime_ns)
        for key, before in self._seen.items():
            if key not in now:
                self.faults.append(f"The result {key} is gone.")
            elif now[key] != before:
                self.faults.append(f"The study {key} was done again.")
        self._seen.update(now)


def analyses(pid: int) -> list[int]:
    """Process IDs of the analyses that the run `pid` has started."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                if b"analyze" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    except OSError:  # it ended meanwhile
        pass
    return found


def accounts(output: Path) -> dict[str, tuple]:
    """State, hash of input and hash of output of every study, by its key."""
    with Ledger(output / "run" / "ledger.sqlite") as ledger:
        return {
            row["key"]: (row["state"], row["input_sha256"], row["output_sha256"])
            for row in ledger.rows()
        }


def compare(
    scratch: Path, kills: int, studies: int, seed: int, longest_s: float = LONGEST_S
) -> tuple[dict[str, int], list[str]]:
    """Run an archive with kills and without; how many were killed, and what differs."""
    archive = write_archive(scratch / "archive", studies)
    salt = scratch / "salt.txt"
    salt.write_text("the same keys in both runs\n")
    disturbed = Disturbed(archive, scratch / "disturbed", salt)
    disturbed.disturb(kills, longest_s, random.Random(seed))
    disturbed.finish()
    undisturbed = Disturbed(archive, scratch / "undisturbed", salt)
    undisturbed.finish()
    faults = [*disturbed.faults, *undisturbed.faults]
    wanted, found = accounts(scratch / "undisturbed"), accounts(scratch / "disturbed")
    if len(wanted) != studies:
        faults.append(f"{len(wanted)} studies were planned, not {studies}.")
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            faults.append(f"{key}: {found.get(key)}, undisturbed {wanted.get(key)}.")
        elif hashes(scratch / "disturbed" / "studies" / key) != found[key][1:]:
            faults.append(f"{key}: the files are not those that the ledger knows.")
    if left := [p.name for p in (scratch / "disturbed" / "run" / "attempts").glob("*")]:
        faults.append(f"Attempts were left behind: {left}.")
    return disturbed.killed, faults


def main() -> int:
    kills, studies, seed = (int(v) for v in (*sys.argv[1:], *(20, 30, 1)[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        killed, faults = compare(Path(scratch), kills, studies, seed)
    print(f"{studies} studies, killed: {killed}, {time.monotonic() - began:.0f} s")
    print("\n".join(faults) or "Ledger and results are those of the undisturbed run.")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
