"""What a batch costs beside its analyses: overhead, memory, scaling on Dask, discovery.

`python benchmark_batch.py [FILES...]`: so many small DICOM files for discovery, 10,000 and 100,000
where nothing is said.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [
    str(ROOT / "CTDoseSeg"),
    str(ROOT / "Testing" / "support"),
    str(ROOT / "Testing" / "System"),
]

import batch_run  # noqa: E402
from small_dicom import write_small_dicom  # noqa: E402

from CTDoseSegLib.batch.ledger import Ledger  # noqa: E402
from CTDoseSegLib.batch.plan import PlannedScan  # noqa: E402
from CTDoseSegLib.batch.runner import Choices, _work_off  # noqa: E402
from CTDoseSegLib.batch.study import Settings  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402


def work_off(folder: Path, count: int, work, scheduler: str | None = None, workers: int = 2):
    """Seconds for so many tasks, from a ledger that holds them."""
    (folder / "run").mkdir(parents=True)
    scan = PlannedScan("yes", 1, "/nowhere")
    with Ledger(folder / "run" / "l.sqlite") as ledger:
        ledger.add((f"{n:06d}", "s", scan) for n in range(count))
        choices = Choices(workers=workers, scheduler=scheduler)
        began = []

        class Clock(Progress):
            def emit(self, kind, /, **fields):
                if "key" in fields:
                    began.append(time.perf_counter())

        start = time.perf_counter()
        _work_off(ledger, Settings(str(folder)), choices, Clock(), work)
        # From a while after the beginning: starting workers and imports are not throughput.
        warm = len(began) // 4
        return time.perf_counter() - start, (began[-1] - began[warm]) / (len(began) - warm)


def overhead(folder: Path) -> None:
    for count in (100, 10_000):
        seconds, _ = work_off(folder / str(count), count, batch_run.nothing)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{count} tasks: {1000 * seconds / count:.2f} ms a task, peak {peak:.0f} MiB")


def scaling(folder: Path) -> None:
    """Two workers against one, with tasks that wait and with tasks that compute.

    The first is the runner alone, on however busy a machine; the second needs a free processor
    for each worker.
    """
    for name, work in (("waiting", batch_run.sleep), ("computing", batch_run.compute)):
        times = {}
        for workers in (1, 2):
            place = folder / f"{name}{workers}"
            _, times[workers] = work_off(place, 40, work, "local", workers)
        said = ", ".join(f"{1000 * seconds:.0f} ms" for seconds in times.values())
        ratio = times[1] / times[2]
        print(
            f"Dask, 1 and 2 workers, tasks {name}: {said} a task, {ratio:.2f} times the throughput"
        )


def discovery(folder: Path, count: int) -> None:
    write_small_dicom(folder / "archive", count)
    code = (
        "import sys, time\n"
        f"sys.path.insert(0, {str(ROOT / 'CTDoseSeg')!r})\n"
        "from CTDoseSegLib.batch.discovery import discover\n"
        "start = time.perf_counter()\n"
        "rows = sum(1 for _ in discover(sys.argv[1]))\n"
        # The peak of getrusage is the parent's where that had more.
        "(peak,) = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "peak = int(peak.split()[1]) / 1024\n"
        "print(rows, time.perf_counter() - start, peak)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, folder / "archive"], capture_output=True, text=True, check=True
    ).stdout.split()
    rate = count / float(said[1])
    print(
        f"discovery: {count} files, {said[0]} scans, {rate:.0f} files a second, "
        f"peak {float(said[2]):.0f} MiB"
    )
    shutil.rmtree(folder / "archive")


if __name__ == "__main__":
    counts = [int(said) for said in sys.argv[1:]] or [10_000, 100_000]
    with tempfile.TemporaryDirectory() as scratch:
        overhead(Path(scratch))
        scaling(Path(scratch))
        for files in counts:
            discovery(Path(scratch), files)
