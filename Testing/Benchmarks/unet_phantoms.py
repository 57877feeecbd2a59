"""The phantoms kept for acceptance, segmented by a UNet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from targets import Reached, shown, table
from unet_scans import KIDNEYS, LUNGS, Network, overlap

from CTDoseSegLib.ct.organs import OUTSIDE_BODY, is_bone
from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.phantom.acceptance import ACCEPTANCE_SEEDS
from CTDoseSegLib.phantom.phantom import phantom_series
from CTDoseSegLib.segmentation.segmenting import segment

TARGETS = {"body": 0.995, "lung_left": 0.98, "lung_right": 0.98, "bone": 0.90}
TARGETS |= dict.fromkeys(("liver", "spleen", *KIDNEYS, "heart"), 0.93)
TARGETS |= {"aorta": 0.88, "couch": 0.1}


def root_of_water(series: CTSeries, body: np.ndarray) -> np.ndarray:
    """Return what the water-equivalent diameter of each slice is proportional to (AAPM 220)."""
    return np.sqrt((body * (series.hu / 1000.0 + 1.0)).sum(axis=(1, 2)))


def phantoms(network: Network) -> Iterator[Reached]:
    """Print a row for each phantom, and yield the worst of each figure."""
    organs = ("body", *LUNGS, "bone", "liver", "spleen", *KIDNEYS, "heart", "aorta")
    rows, worst = [], {}
    for phantom in ACCEPTANCE_SEEDS:
        name = f"{phantom.variant} {phantom.seed}"
        series, truth = phantom_series(phantom)
        found = network.found(name, series)

        def true(names, truth=truth, phantom=phantom):
            return np.isin(truth.labels, [phantom.names[n] for n in names if n in phantom.names])

        body, whole = found.mask("body"), true(phantom.groups["body"])
        values = {}
        for organ in organs:
            members = phantom.groups.get(organ, ())
            mask = true([n for n in phantom.names if is_bone(n)] if organ == "bone" else members)
            drawn = organ in found.labelmap.groups or organ == "body"
            values[organ] = overlap(found.mask(organ), mask) if mask.any() else float("nan")
            if mask.any() and (drawn or organ in LUNGS):
                worst.setdefault(organ, []).append((values[organ], name))
        table_, blanket = (
            100 * (body & mask).sum() / body.sum()
            for mask in (true([n for n in OUTSIDE_BODY if n != "blanket"]), true(["blanket"]))
        )
        worst.setdefault("couch", []).append((-table_, name))
        right = 100 * (body == whole).mean()
        wed = f"{_wed(series, whole, body)} ({_wed(series, whole, _by_rules(series))})"
        figures = (f"{table_:.3f}", f"{blanket:.3f}", f"{right:.3f}", wed)
        rows.append((name, *(shown(values[o], 4) for o in organs), *figures))
    heads = ("phantom", *(o.replace("_", " ") for o in organs), "couch, %", "blanket, %")
    print("\nPhantoms kept for acceptance, exact labels\n")
    heads += ("pixels right, %", "WED, %: mean, largest (by rules)")
    print("\n".join(table(heads, rows)))
    for organ, ones in worst.items():
        value, name = min(ones)
        most = organ == "couch"
        title = "couch in the body, %" if most else f"{organ}, Dice"
        target = TARGETS[organ]
        yield Reached(f"phantoms: {title}", -value if most else value, target, most, 3, name)


def _by_rules(series: CTSeries) -> np.ndarray:
    return segment(series, "classical").mask("body")


def _wed(series: CTSeries, whole: np.ndarray, body: np.ndarray) -> str:
    slices = whole.any(axis=(1, 2))
    off = root_of_water(series, body)[slices] / root_of_water(series, whole)[slices] - 1
    return f"{100 * np.abs(off).mean():.2f}, {100 * np.abs(off).max():.2f}"
