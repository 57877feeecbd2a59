"""What a batch costs beside its analyses: overhead, memory, scaling on Dask, discovery.

`python benchmark_batch.py [FILES]`: FILES small DICOM files for discovery (default 20000).
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
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing"), str(ROOT / "Testing" / "System")]

import batch_run  # noqa: E402

from CTDoseSegLib.batch.ledger import Ledger  # noqa: E402
from CTDoseSegLib.batch.plan import PlannedScan  # noqa: E402
from CTDoseSegLib.batch.runner import Choices, _work_off  # noqa: E402
from CTDoseSegLib.batch.study import Settings  # noqa: E402
from CTDoseSegLib.events import Events  # noqa: E402


def work_off(folder: Path, count: int, work, scheduler: str | None = None, workers: int = 2):
    """Seconds for so many tasks, from a ledger that holds them."""
    (folder / "run").mkdir(parents=True)
    scan = PlannedScan("yes", 1, "/nowhere")
    with Ledger(folder / "run" / "l.sqlite") as ledger:
        ledger.add((f"{n:06d}", "s", scan) for n in range(count))
        choices = Choices(workers=workers, scheduler=scheduler)
        began = []

        class Clock(Events):
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
    times = {}
    for workers in (1, 2):
        _, times[workers] = work_off(
            folder / f"dask{workers}", 40, batch_run.sleep, "local", workers
        )
    print(f"Dask, 2 workers against 1: {times[1] / times[2]:.2f} times the throughput")


def discovery(folder: Path, count: int) -> None:
    from CTDoseSegLib.ct.phantom import Phantom, write_dicom

    write_dicom(Phantom(variant="cylinder", shape=(8, 8, 1), spacing_mm=(50, 50, 5)), folder / "p")
    (one,) = (folder / "p" / "dicom").iterdir()
    import pydicom

    data = pydicom.dcmread(one)
    for n in range(count):
        place = folder / "archive" / f"{n // 100:04d}"
        place.mkdir(parents=True, exist_ok=True)
        data.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.5.{n // 100}"
        data.SeriesInstanceUID = f"{data.StudyInstanceUID}.1"
        data.SOPInstanceUID = f"{data.StudyInstanceUID}.1.{n}"
        data.ImagePositionPatient = [0, 0, 5 * (n % 100)]
        data.save_as(place / f"{n}.dcm")
    code = (
        "import resource, sys, time\n"
        f"sys.path.insert(0, {str(ROOT / 'CTDoseSeg')!r})\n"
        "from CTDoseSegLib.batch.discovery import discover\n"
        "start = time.perf_counter()\n"
        "rows = sum(1 for _ in discover(sys.argv[1]))\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print(rows, time.perf_counter() - start, peak)\n"
    )
    shutil.rmtree(folder / "p")
    for part, files in (("archive/0000", 100), ("archive", count)):
        said = subprocess.run(
            [sys.executable, "-c", code, folder / part], capture_output=True, text=True, check=True
        ).stdout.split()
        rate = files / float(said[1])
        print(
            f"discovery: {files} files, {said[0]} scans, {rate:.0f} files a second, "
            f"peak {float(said[2]):.0f} MiB"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        overhead(Path(scratch))
        scaling(Path(scratch))
        discovery(Path(scratch), int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
