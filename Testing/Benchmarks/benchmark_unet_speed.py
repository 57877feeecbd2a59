"""How fast the bundled UNet segments, beside a small network run slice by slice at full size.

    python Testing/Benchmarks/benchmark_unet_speed.py [UNET_FOLDER]

The baseline is the network of a lung coursework (widths 16, 32, 64, 128, one slice, two classes)
as it is usually run: every slice by itself, 512 x 512, float32, random weights (its time does not
depend on them). Ours is timed from the CT to labels on the CT's grid: resampling, the network on
neighbouring slices, islands, surfaces; for 40 slices.

Then a scan of 300 slices, 2 mm apart, is segmented as `ctdoseseg analyze --segmentation unet` does,
with the second look at slices and the check against anatomy: its time by the clock, the processor
seconds of its stages (a stage counts for those that call it, too), and the memory that it takes on
top of the scan. On a busy machine compare processor seconds, by the clock only on a quiet one.

Targets: at least 5 times faster than the baseline; 300 slices in at most 8 s on two processors.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

try:
    import torch
except ImportError:
    print("torch is not installed: nothing measured")
    raise SystemExit(0) from None

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.segmentation import segmenting
from CTDoseSegLib.segmentation.unet import engine
from CTDoseSegLib.segmentation.unet.certainty import Certainty
from CTDoseSegLib.segmentation.unet.engine import UNetEngine, half, predict
from CTDoseSegLib.segmentation.unet.finer import Finer
from CTDoseSegLib.segmentation.unet.network import UNet, for_inference, load_unet
from CTDoseSegLib.segmentation.unet.spec import UNetSpec

COURSEWORK = UNetSpec(classes=("lung",), widths=(16, 32, 64, 128), context=0, pixel_mm=0)
PIXEL_MM, STEP_MM = 0.8, 2.0
TARGET, TARGET_S = 5.0, 8.0
# What is timed of a whole segmentation, in the order in which it comes.
STAGES: tuple[tuple[Any, str], ...] = (
    (engine, "working_volume"),
    (engine, "network_input"),
    (UNet, "forward"),
    (engine, "decide"),
    (Finer, "labels"),
    (Certainty, "add"),
    (engine, "_look_again"),
    (engine, "remove_islands"),
    (engine, "draw_surfaces"),
    (engine, "fill_cavities"),
    (engine, "doubts"),
    (engine, "_add_skin"),
    (segmenting, "check_anatomy"),
)


def make_series(slices: int) -> CTSeries:
    """A noisy elliptic body with two lungs, on a couch."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:512, :512]
    body = ((x - 256) / 210) ** 2 + ((y - 256) / 145) ** 2 < 1
    lungs = (np.abs(np.abs(x - 256) - 95) / 70) ** 2 + ((y - 250) / 95) ** 2 < 1
    couch = (np.abs(np.hypot(x - 256, y + 100) - 503) < 2) & (y > 300)
    plain = np.where(lungs & body, -800, np.where(body, 40, np.where(couch, -100, -1000)))
    hu = np.empty((slices, 512, 512), np.int16)
    for image in hu:
        image[:] = plain + rng.integers(-25, 26, plain.shape)
    infos = tuple(SliceInfo(z_mm=STEP_MM * k) for k in range(slices))
    affine = np.diag([-PIXEL_MM, -PIXEL_MM, STEP_MM, 1.0])
    return CTSeries(hu, affine, infos, Acquisition(), "benchmark")


def slice_by_slice(network: UNet, series: CTSeries) -> float:
    """Seconds of the baseline."""
    started = time.perf_counter()
    with torch.no_grad():
        for image in series.hu:
            scaled = torch.from_numpy(image.astype(np.float32))[None, None] / 1000.0
            network(scaled.repeat(1, network.down[0].first.in_channels, 1, 1)).argmax(1)
    return time.perf_counter() - started


def timed(function: Callable, name: str, seconds: Counter) -> Callable:
    """Add the processor seconds of each call to `seconds`: of its thread, or of all from main."""
    lock = threading.Lock()

    def call(*args: Any, **kwargs: Any) -> Any:
        main = threading.current_thread() is threading.main_thread()
        clock = time.process_time if main else time.thread_time
        started = clock()
        try:
            return function(*args, **kwargs)
        finally:
            with lock:
                seconds[name] += clock() - started

    return call


def whole_segmentation(folder: str | None) -> float:
    """Print what 300 slices take, and return the seconds by the clock."""
    series = make_series(300)
    seconds: Counter = Counter()
    for place, name in STAGES:
        label = f"{place.__name__.rpartition('.')[2]}.{name}"
        setattr(place, name, timed(getattr(place, name), label, seconds))
    # What is resident now, not the most there was.
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    before = pages * resource.getpagesize() / 2**20
    clock, processor = time.perf_counter(), time.process_time()
    segmenting.segment(series, "unet", unet=folder)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    print(f"300 slices           {clock:7.2f} s by the clock, {processor:.2f} s of the processors")
    print(
        f"                     {more:7.0f} MiB more than with the scan ({series.hu.nbytes >> 20})"
    )
    for name, value in seconds.items():
        print(f"  {name:28}{value:7.2f} s")
    return clock


def main() -> int:
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    if not UNetEngine(folder).available()[0]:
        print("no bundled UNet: nothing measured")
        return 0
    torch.manual_seed(0)
    baseline = UNet(COURSEWORK).eval()
    network, spec, _ = load_unet(folder)
    network = for_inference(network)
    series = make_series(40)
    slice_by_slice(baseline, make_series(2))
    predict(network, spec, make_series(8))
    theirs = min(slice_by_slice(baseline, series) for _ in range(2))
    started = time.perf_counter()
    predict(network, spec, series)
    ours = time.perf_counter() - started
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, 512 x 512")
    print(f"bfloat16 in hardware: {'yes, used' if half('cpu') else 'no, float32 is used'}")
    print(f"baseline, 40 slices  {theirs:7.2f} s (best of 2)")
    print(f"ours, 40 slices      {ours:7.2f} s   baseline / ours {theirs / ours:5.1f}")
    whole = whole_segmentation(folder)
    reached = theirs / ours >= TARGET and whole <= TARGET_S
    print("targets reached" if reached else "TARGET MISSED")
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
