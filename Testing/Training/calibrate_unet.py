"""Fit the temperature of a trained UNet on bodies that it was not trained on, and write it.

    python Testing/Training/calibrate_unet.py [FOLDER] [--bodies 8] [--processes 2]

FOLDER is the network's, as training wrote it; without one it is the bundled network's. Its spec
file gets the temperature, its card the figures. No label changes, only its doubt does.
"""

from __future__ import annotations

import argparse
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib.learning.unet.bodies import training_body  # noqa: E402
from CTDoseSegLib.learning.unet.calibration import (  # noqa: E402
    Pixels,
    Reliability,
    fit_temperature,
    judged_pixels,
)
from CTDoseSegLib.segmentation.unet.engine import best_device  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import for_inference, load_unet  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import CARD_FILE, SPEC_FILE  # noqa: E402

BUNDLED = ROOT / "CTDoseSeg" / "CTDoseSegLib" / "models" / "unet"
# Training takes bodies from 1000 on, judging those below 100.
FIRST_SEED = 3000
# Of scans as they are usual, HU, and the width of the noise's grain in pixels.
NOISE_HU, GRAIN_PX = (8.0, 30.0), (0.3, 0.9)
CARD_PART = re.compile(r"\n\*\*Calibration\*\*.*?```\n.*?```\n", re.DOTALL)


def scanned(seed: int, classes: tuple[str, ...]):
    """A body with the noise of a scan, and its true labels."""
    series, labels = training_body(seed, classes)
    rng = np.random.default_rng([seed, 17])
    hu = series.hu.astype(np.float32)
    sd, grain = rng.uniform(*NOISE_HU), rng.uniform(*GRAIN_PX)
    for image in hu:
        noise = ndimage.gaussian_filter(rng.normal(0, 1, image.shape), grain)
        image += sd * noise / noise.std()
    return replace(series, hu=np.rint(hu).astype(np.int16)), labels


def table(before: Reliability, after: Reliability) -> str:
    """Probability and share of right pixels in ten bins, before and after."""
    lines = [
        f"{'bin':>10} {'pixels':>8} {'p':>6} {'right':>6}    {'pixels':>8} {'p':>6} {'right':>6}"
    ]
    for n in range(len(before.count)):
        both = "    ".join(
            f"{one.count[n]:8d} {one.confidence[n]:6.3f} {one.right[n]:6.3f}"
            for one in (before, after)
        )
        lines.append(f"{n / 10:.1f} to {(n + 1) / 10:.1f} {both}".replace("nan", "  -"))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--bodies", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    network, spec, _ = load_unet(args.folder)
    device = best_device()
    network = for_inference(network, device)
    seeds = range(FIRST_SEED, FIRST_SEED + args.bodies)
    parts = []
    with ProcessPoolExecutor(args.processes) as pool:
        scans = pool.map(partial(scanned, classes=spec.classes), seeds)
        for seed, (series, labels) in zip(seeds, scans, strict=True):
            rng = np.random.default_rng([seed, 19])
            parts.append(judged_pixels(network, spec, series, labels, rng, device))
            print(f"body {seed}: {len(parts[-1].truth)} pixels", flush=True)
    pixels = Pixels.joined(parts)
    temperature = round(fit_temperature(pixels), 3)
    before, after = Reliability.of(pixels), Reliability.of(pixels, temperature)
    figures = (
        f"temperature {temperature:g}\n"
        f"expected calibration error {before.error:.4f} before, {after.error:.4f} after\n"
        f"{table(before, after)}"
    )
    print(figures)
    spec_file, card_file = args.folder / SPEC_FILE, args.folder / CARD_FILE
    spec_file.write_text(replace(spec, temperature=temperature).to_json(), encoding="utf-8")
    card = CARD_PART.sub("", card_file.read_text(encoding="utf-8"))
    card += (
        f"\n**Calibration** (`Testing/Training/calibrate_unet.py`): {args.bodies} bodies that were "
        f"not trained on.\n\n```\n{figures}\n```\n"
    )
    card_file.write_text(card, encoding="utf-8")
    load_unet(args.folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
