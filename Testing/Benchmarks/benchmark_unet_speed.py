"""How fast the bundled UNet segments, beside a small network run slice by slice at full size.

    python Testing/Benchmarks/benchmark_unet_speed.py [UNET_FOLDER]

The baseline is the network of a lung coursework (widths 16, 32, 64, 128, one slice, two classes)
as it is usually run: every slice by itself, 512 x 512, float32, random weights (its time does not
depend on them). Ours is timed from the CT to labels on the CT's grid: resampling, the network on
neighbouring slices, islands, surfaces; for 40 slices, and for 300 as a clinical scan has them, the
latter also in float32 alone.

Target: at least 5 times faster than the baseline.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

try:
    import torch
except ImportError:
    print("torch is not installed: nothing measured")
    raise SystemExit(0) from None

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.segmentation.unet import engine
from CTDoseSegLib.segmentation.unet.engine import UNetEngine, half, predict
from CTDoseSegLib.segmentation.unet.network import UNet, for_inference, load_unet
from CTDoseSegLib.segmentation.unet.spec import UNetSpec

COURSEWORK = UNetSpec(classes=("lung",), widths=(16, 32, 64, 128), context=0, pixel_mm=0)
PIXEL_MM, STEP_MM = 0.8, 2.0
TARGET = 5.0


def make_series(slices: int) -> CTSeries:
    """A noisy elliptic body with two lungs."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:512, :512]
    body = ((x - 256) / 210) ** 2 + ((y - 256) / 145) ** 2 < 1
    lungs = (np.abs(np.abs(x - 256) - 95) / 70) ** 2 + ((y - 250) / 95) ** 2 < 1
    plain = np.where(lungs & body, -800, np.where(body, 40, -1000))
    hu = plain + rng.integers(-25, 26, (slices, 512, 512))
    infos = tuple(SliceInfo(z_mm=STEP_MM * k) for k in range(slices))
    affine = np.diag([-PIXEL_MM, -PIXEL_MM, STEP_MM, 1.0])
    return CTSeries(hu.astype(np.int16), affine, infos, Acquisition(), "benchmark")


def slice_by_slice(network: UNet, series: CTSeries) -> float:
    """Seconds of the baseline."""
    started = time.perf_counter()
    with torch.no_grad():
        for image in series.hu:
            scaled = torch.from_numpy(image.astype(np.float32))[None, None] / 1000.0
            network(scaled.repeat(1, network.down[0].first.in_channels, 1, 1)).argmax(1)
    return time.perf_counter() - started


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
    whole = make_series(300)
    long = {}
    for name, used in (("as here", half), ("float32", lambda device: False)):
        engine.half = used
        started = time.perf_counter()
        predict(network, spec, whole)
        long[name] = time.perf_counter() - started
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, 512 x 512")
    print(f"bfloat16 in hardware: {'yes, used' if half('cpu') else 'no, float32 is used'}")
    print(f"baseline, 40 slices  {theirs:7.2f} s (best of 2)")
    print(f"ours, 40 slices      {ours:7.2f} s   baseline / ours {theirs / ours:5.1f}")
    for name, seconds in long.items():
        print(f"ours, 300 slices     {seconds:7.2f} s   {name}")
    print("target reached" if theirs / ours >= TARGET else "TARGET MISSED")
    return 0 if theirs / ours >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
