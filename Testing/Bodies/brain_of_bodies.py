"""How well thresholds draw the brain of bodies; seeds 0 to 11 were looked at while it was made.

    python Testing/Bodies/brain_of_bodies.py [--seeds 0 1 2] [--region head]

Each body is drawn by its seed, the first six with a child's age, and scanned once (192 x 192
pixels, 3 mm, noise of 15 HU, every third in the portal phase); labels are exact. Of a trunk the
row says whether any brain was drawn or flagged.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg")]

from CTDoseSegLib.learning.unet.metrics import dice  # noqa: E402
from CTDoseSegLib.phantom.bodies.body import Body  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.bodies.regions import REGIONS  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.segmentation.threshold.engine import segment  # noqa: E402

AGES_Y = dict(enumerate((0.0, 0.4, 1.0, 3.0, 7.0, 14.0)))


def row(seed: int, region: str) -> str:
    """Return the line of one body."""
    person = Person.drawn(np.random.default_rng(seed), AGES_Y.get(seed))
    phase = "portal" if seed % 3 == 2 else "none"
    body = Body(person=person, seed=seed, phase=phase)
    scan = Phantom.of_body(body, region, pixels=192, slice_mm=3.0, noise_hu=15.0)
    series, truth = phantom_series(scan)
    made = segment(series)
    true = truth.labels == truth.names.get("brain", -1)
    drawn = made.mask("brain") if "brain" in made.groups else np.zeros_like(true)
    reached = dice(int((drawn & true).sum()), int(drawn.sum()), int(true.sum()))
    words = "no brain in it" if reached is None else f"{reached:.3f}"
    flags = ", ".join(f"{one.code}: {one.detail}" for one in made.flags)
    return f"| {seed} | {person.age_y:.1f} | {person.sex} | {phase} | {words} | {flags} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--region", choices=tuple(REGIONS), default="head")
    args = parser.parse_args()
    print("| seed | age, y | sex | phase | brain, Dice | flags |\n|---|---|---|---|---|---|")
    for seed in args.seeds:
        print(row(seed, args.region), flush=True)


if __name__ == "__main__":
    main()
