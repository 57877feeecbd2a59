"""What our way of running TotalSegmentator costs over its own run, and how good the estimate is.

Stand-in weights (see `Testing/standin_weights.py`): real package, real nnU-Net, small networks with
the real number of labels. Three ways take turns, each round in another order: TotalSegmentator's
own run, the same through CTDoseSeg (body and couch given), and with body and couch by the UNet.
Prints the medians of time, processor time and the peak memory of all processes together
(proportional set size), and whether the goals hold: at most 5 % in time and one volume in memory.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Testing" / "support"))

from processes import processes_below  # noqa: E402

MIB = 2**20

OWN = """
import sys
from pathlib import Path
if __name__ == "__main__":
    from totalsegmentator.python_api import totalsegmentator
    import nibabel, numpy
    quality = sys.argv[2]
    image = totalsegmentator(Path(sys.argv[1]), None, ml=True, device="cpu",
                             fast=quality == "fast", fastest=quality == "fastest")
    numpy.save(Path(sys.argv[1]).with_name("own.npy"), numpy.asanyarray(image.dataobj))
"""
OURS = """
import sys
if __name__ == "__main__":
    import numpy
    from CTDoseSegLib.reading.reader import read_series
    from CTDoseSegLib.tasks.progress import Progress
    from CTDoseSegLib.segmentation.totalsegmentator import engine as totalsegmentator
    from CTDoseSegLib.segmentation.atoms import named_atom, groups_of
    from CTDoseSegLib.segmentation.labelmap import Labelmap
    def outline(series, progress):
        labels = numpy.zeros(series.hu.shape, numpy.uint8)
        labels[:, 0, 0] = 1
        atoms = (named_atom(1, "body_rest", "none"),)
        return Labelmap(labels, series.affine, atoms, groups_of(["body_rest"]), "none")
    given = outline if sys.argv[3] == "given" else None
    ours = totalsegmentator.TotalSegmentatorEngine(sys.argv[2], "cpu", body_mask=given)
    ours.segment(read_series(sys.argv[1]), Progress())
"""
WAYS = {"own": (OWN, ""), "ours": (OURS, "given"), "ours with UNet": (OURS, "found")}
TIME_GOAL = 0.05


class Peak(threading.Thread):
    """Most memory that a process and all below it hold at once, in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.bytes, self.over = pid, 0, False

    def run(self) -> None:
        while not self.over:
            self.bytes = max(self.bytes, sum(map(_pss, [self.pid, *processes_below(self.pid)])))
            time.sleep(0.05)


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def measured(code: str, arguments: list[str], environment: dict[str, str]) -> tuple[float, ...]:
    """Seconds, processor seconds and peak bytes of a script."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(code)
        script.flush()
        process = subprocess.Popen(
            [sys.executable, script.name, *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        peak = Peak(process.pid)
        peak.start()
        words = process.communicate()[1]
        peak.over = True
        peak.join()
    if process.returncode:
        raise SystemExit(words.decode()[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used, peak.bytes


def _judge(rows: dict[str, list[tuple[float, ...]]], voxels: int) -> None:
    """Print the medians and whether the goals hold."""
    median = {way: np.median(row, axis=0) for way, row in rows.items()}
    for way, (seconds, used, peak) in median.items():
        print(
            f"{way:>14}: {seconds:6.1f} s, {used:6.1f} s of processor, peak {peak / MIB:.0f} MiB"
            f" (from {min(r[0] for r in rows[way]):.1f} to {max(r[0] for r in rows[way]):.1f} s)"
        )
    # Of each round by itself: what else slows the machine slows both.
    ratios = [ours[0] / own[0] - 1 for own, ours in zip(rows["own"], rows["ours"], strict=True)]
    time_over = float(np.median(ratios))
    processor_over = median["ours"][1] / median["own"][1] - 1
    print(
        f"time: {100 * time_over:+.1f} % (median of the rounds), processor "
        f"{100 * processor_over:+.1f} %: {_held(time_over <= TIME_GOAL)} (at most 5 %)"
    )
    more = median["ours"][2] - median["own"][2]
    for kind, size in (("int16", 2), ("float32", 4)):
        volumes = more / (size * voxels)
        print(
            f"memory: {more / MIB:+.0f} MiB = {volumes:+.2f} volumes of {kind}, "
            f"{size * voxels / MIB:.0f} MiB each: {_held(volumes <= 1)} (at most one)"
        )


def _held(holds: bool) -> str:
    return "HOLDS" if holds else "MISSED"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--pixels", type=int, default=512)
    parser.add_argument("--quality", default="fastest", choices=("fast", "fastest"))
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    if importlib.util.find_spec("totalsegmentator") is None:
        print("TotalSegmentator is not installed: nothing is measured.")
        return 0
    from standin_weights import HU, write_weights

    from CTDoseSegLib.ct.volume_files import write_nifti
    from CTDoseSegLib.reading.array_series import series_from_array
    from CTDoseSegLib.segmentation.totalsegmentator.need import estimate
    from CTDoseSegLib.segmentation.totalsegmentator.plan import make_plan

    with tempfile.TemporaryDirectory(prefix="ts-") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        (home / "config.json").write_text(
            json.dumps({"totalseg_id": "", "send_usage_stats": False, "prediction_counter": 0})
        )
        environment = {
            **os.environ,
            "TOTALSEG_WEIGHTS_PATH": str(write_weights(folder / "weights")),
            "TOTALSEG_HOME_DIR": str(home),
        }
        n = args.pixels
        hu = np.full((args.slices, n, n), -1000, np.int16)
        hu[:, n // 6 : -n // 6, n // 8 : -n // 8] = 40
        hu[args.slices // 4 : -args.slices // 4, n // 3 : n // 2, n // 3 : n // 2] = HU["liver"]
        affine = np.diag([-400.0 / n, -400.0 / n, 2.5, 1.0])
        write_nifti(folder / "ct.nii", hu, affine)
        need = estimate(make_plan(args.quality), series_from_array(hu, affine))
        print(f"{n} x {n} x {args.slices}, quality {args.quality}, {args.repeats} rounds")
        rows: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
        for turn in range(args.repeats):
            order = list(WAYS)[turn % len(WAYS) :] + list(WAYS)[: turn % len(WAYS)]
            for way in order:
                code, outline = WAYS[way]
                arguments = [str(folder / "ct.nii"), args.quality, outline]
                rows[way].append(measured(code, arguments, environment))
                seconds, used, peak = rows[way][-1]
                print(
                    f"  {way}: {seconds:.1f} s, {used:.1f} s of processor, {peak / MIB:.0f} MiB",
                    flush=True,
                )
        _judge(rows, hu.size)
        print(
            f"estimated before the run: {need.memory_bytes / MIB:.0f} MiB (with real networks), "
            f"{need.cpu_seconds:.0f} s on this processor (with real networks)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
