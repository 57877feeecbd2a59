"""How well each engine finds the headrest of heads whose headrest is known exactly.

    python Testing/Bodies/headrest_of_heads.py [OUT.csv]

Four scans of bodies (`scanned_bodies`: 256 x 256 pixels, 5 mm) and four adult heads of simple
shapes (seeds 1 to 4, 256 x 256 pixels of 1.1 mm, 5 mm); no network was trained on them. The truth
is headrest and couch together, which the scans of bodies show both. A row an engine and scan:

- ``accuracy``: part of all pixels that are decided rightly, headrest or not.
- ``dice``: with the headrest as it is, the foam in its shell included.
- ``dice_shell``: with what of it is denser than -500 HU, of what was drawn and is as dense.
- ``dice_taken``: of what ``export --without headrest`` makes air, with the headrest as it is.
- ``body_taken_ml``, ``body_taken_pct``: what of the body it makes air.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from scanned_bodies import SCANS  # noqa: E402

from CTDoseSegLib.ct.organs import OUTSIDE_BODY  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.learning.unet.metrics import dice  # noqa: E402
from CTDoseSegLib.outputs.couch_mask import mask_without  # noqa: E402
from CTDoseSegLib.outputs.tables import write_csv  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, PhantomTruth, phantom_series  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import BODY, HEADREST  # noqa: E402
from CTDoseSegLib.segmentation.segmenting import segment  # noqa: E402

ENGINES = ("classical", "unet")
SHELL_HU = -500
COLUMNS = (
    *("scan", "engine", "name", "accuracy", "dice", "dice_shell", "dice_taken"),
    *("body_taken_ml", "body_taken_pct"),
)


def heads() -> Iterator[tuple[str, CTSeries, PhantomTruth]]:
    """Yield the heads with their names."""
    for scan in SCANS:
        if scan.region.startswith("head"):
            yield scan.name, *scan.made()
    for seed in range(1, 5):
        shape, spacing = (256, 256, 36), (1.1, 1.1, 5.0)
        phantom = Phantom(variant="head", seed=seed, shape=shape, spacing_mm=spacing)
        yield f"simple head {seed}", *phantom_series(phantom)


def row(name: str, engine: str, series: CTSeries, truth: PhantomTruth) -> tuple[object, ...]:
    """Return the figures of an engine on a head."""
    labelmap = segment(series, engine)
    called = next(
        (a.name for a in labelmap.atoms if a.name in ("couch", HEADREST)), "neither drawn"
    )
    drawn = labelmap.mask(called) if called in labelmap.groups else np.zeros(series.hu.shape, bool)
    beside = [truth.names[name] for name in OUTSIDE_BODY if name in truth.names]
    true = np.isin(truth.labels, beside)
    body = np.isin(truth.labels, [truth.names[atom] for atom in truth.groups[BODY]])
    dense = series.hu > SHELL_HU
    taken = mask_without(labelmap, "couch") if drawn.any() else drawn
    lost, voxel_ml = int((taken & body).sum()), float(np.prod(series.spacing_mm)) / 1000
    return (
        *(name, engine, called, float((drawn == true).mean())),
        *(overlap(drawn, true), overlap(drawn & dense, true & dense), overlap(taken, true)),
        *(lost * voxel_ml, 100 * lost / int(body.sum())),
    )


def overlap(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the Dice coefficient of two masks."""
    return dice(int((one & other).sum()), int(one.sum()), int(other.sum()))


def main() -> None:
    rows = []
    for name, series, truth in heads():
        for engine in ENGINES:
            rows.append(row(name, engine, series, truth))
            print(*(f"{v:.4f}" if isinstance(v, float) else v for v in rows[-1]), sep=", ")
            sys.stdout.flush()
    if len(sys.argv) > 1:
        write_csv(Path(sys.argv[1]), COLUMNS, rows)


if __name__ == "__main__":
    main()
