"""Draw the law beside the bodies that it is fitted to, and its checks.

    python Testing/Training/draw_law.py SIZES.png CHECKS.png [--table TABLE.npz]
        [--arrays FOLDER]

SIZES shows dose over CTDIvol by size and tube voltage. CHECKS shows the law against bodies left
out, against published arrays (of FOLDER; the panel is empty without), how often its 90 % intervals
hold, and its error outside the irradiated range. The law is fitted to the table for it, and eleven
times for bodies left out, which takes minutes.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE)]

from organ_groups import GROUPS, group_of  # noqa: E402

from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms  # noqa: E402
from CTDoseSegLib.dosimetry.fast.model import (  # noqa: E402
    CARD_FILE,
    MODEL_FILE,
    OrganModel,
    load_model,
    sha256,
)
from CTDoseSegLib.dosimetry.montecarlo.beams import (  # noqa: E402
    GENERIC_BODY,
    GENERIC_HEAD,
    model_of,
)
from CTDoseSegLib.learning.dose.beam_scores import score_beams  # noqa: E402
from CTDoseSegLib.learning.dose.evaluate import PATIENTS_FILE, evaluate  # noqa: E402
from CTDoseSegLib.learning.dose.fit import fit_organ, tissue_of  # noqa: E402
from CTDoseSegLib.learning.dose.model import Trained, model_json, train_law  # noqa: E402
from CTDoseSegLib.learning.dose.organs import REGIONS, bodies_of, with_marrow  # noqa: E402
from CTDoseSegLib.learning.dose.rows import Row, own_range, rows_of, whole_range  # noqa: E402
from CTDoseSegLib.learning.dose.scores import ALL, TARGETS, Score, score_law  # noqa: E402
from CTDoseSegLib.learning.dose.table import LearnedBody, read_table  # noqa: E402
from CTDoseSegLib.learning.dose.train import bundled_table  # noqa: E402

ORGANS = (
    *(("chest", "lung"), ("chest", "heart"), ("chest", "breast")),
    *(("abdomen", "liver"), ("abdomen", "kidney"), ("pelvis", "urinary_bladder")),
    *(("head", "brain"), ("head", "eye")),
)
# Of Okabe and Ito; markers and dashes tell the same without colour.
BLUE, ORANGE, GREEN, RED, BLACK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#000000"
GREY, PALE = "#8c8c8c", "#d0d0d0"
STYLES = dict(
    zip(
        GROUPS,
        ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (BLACK, "D"), (RED, "v")),
        strict=True,
    )
)
KINDS = {"trunk": (BLUE, "o"), "head and neck": (RED, "s")}
BINS_MM = (100, 140, 180, 220, 260, 300, 340, 400)
DISTANCES_MM = (10, 20, 40, 60, 80, 100)
_LEAST_IN_BIN, _FOLDS, _SHORTEST_MM = 8, 10, 100.0
WHO = ("trunk, adults", "trunk, children", "head and neck, adults", "head and neck, children")
BEAMS = {"": ("of the simulation", "o"), "beam known": ("known", "s"),
         "beam unknown": ("not known", "^")}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", type=Path)
    parser.add_argument("checks", type=Path)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--arrays", type=Path)
    options = parser.parse_args()
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    bodies = read_table(options.table or bundled_table())
    simulated = [body for body in bodies if not body.about.get("real")]
    trained = train_law(simulated)
    with tempfile.TemporaryDirectory() as place:
        write_model(trained, Path(place))
        draw_sizes(Path(place), bodies, options.sizes)
        arrays = array_errors(options.arrays, Path(place)) if options.arrays else {}
    scores = [*score_law(trained), *score_beams(trained)]
    draw_checks(trained, simulated, scores, arrays, options.checks)


def write_model(trained: Trained, folder: Path) -> None:
    """Write a law that `load_model` reads."""
    model = model_json(trained, {})
    (folder / MODEL_FILE).write_bytes(model)
    (folder / CARD_FILE).write_text(f"sha256: {sha256(model)}\n", encoding="ascii")


def draw_sizes(folder: Path, bodies: Sequence[LearnedBody], path: Path) -> None:
    """Draw dose over CTDIvol by size: the law of a folder, the bodies, real CT."""
    model = load_model(folder)
    figure, axes = plt.subplots(2, 4, figsize=(10, 5.2), constrained_layout=True)
    for axis, (region, organ) in zip(axes.flat, ORGANS, strict=True):
        one = model.regions[region].organs[organ]
        own = [b for b in bodies if b.about["region"] == bodies_of(region)]
        simulated = [b for b in own if not b.about.get("real")]
        tissue = float(np.exp(tissue_of(simulated, rows_of(simulated, organ))[0]))
        # Dose by the CTDIvol that reaches the organ: as if the range were endless.
        for chosen, style in (
            (simulated, {"marker": "o", "ms": 3, "color": GREY, "label": "simulated bodies"}),
            (
                [b for b in own if b.about.get("real")],
                {"marker": "^", "ms": 6, "mfc": "white", "mec": RED, "label": "real CT"},
            ),
        ):
            rows = rows_of(chosen, organ)
            dose = [tissue * row.dose(own_range(row)) / _reached(row, one) for row in rows]
            axis.plot([row.wed_mm / 10 for row in rows], dose, ls="", **style)
        sizes = np.linspace(one.bodies_wed_mm.low, one.bodies_wed_mm.high, 100)
        generic = model_of(GENERIC_HEAD if region == "head" else GENERIC_BODY)
        for voltage, dash, width in ((80.0, ":", 1.6), (120.0, "-", 2.2), (140.0, "--", 1.4)):
            terms = beam_terms(generic, voltage).values
            factor = np.exp(one.log_factor(np.column_stack((sizes, sizes)), terms))
            label = f"law, {voltage:.0f} kV"
            axis.plot(sizes / 10, factor, dash, color=BLUE, lw=width, label=label)
        axis.set_title(organ.replace("_", " "), fontsize=10)
        axis.set_ylim(0, 1.05 * axis.get_ylim()[1])
    for axis in axes[1]:
        axis.set_xlabel("water-equivalent diameter, cm")
    for axis in axes[:, 0]:
        axis.set_ylabel("dose / CTDIvol (32 cm)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _reached(row: Row, organ: OrganModel) -> float:
    return float(row.share @ row.reached(organ.kernels, own_range(row)))


def array_errors(arrays: Path, folder: Path) -> dict[tuple[str, str], np.ndarray]:
    """Return the errors in per cent, [patient], of the law of a folder, by region and organ."""
    found: dict[tuple[str, str], list[float]] = {}
    evaluate(arrays, folder / "arrays", model=folder)
    with (folder / "arrays" / PATIENTS_FILE).open(encoding="ascii") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["region"], row["organ"]), []).append(float(row["error_pct"]))
    return {key: np.array(values) for key, values in found.items()}


def draw_checks(
    trained: Trained,
    bodies: Sequence[LearnedBody],
    scores: Sequence[Score],
    arrays: dict[tuple[str, str], np.ndarray],
    path: Path,
) -> None:
    """Draw the four checks."""
    figure, axes = plt.subplot_mosaic("AB;AB;CB;CD;CD", figsize=(10, 9), layout="constrained")
    _left_out(axes["A"], trained, bodies)
    _arrays(axes["B"], arrays)
    _coverage(axes["C"], scores)
    _scatter(axes["D"], bodies)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _left_out(axis: Axes, trained: Trained, bodies: Sequence[LearnedBody]) -> None:
    """Draw the error on bodies left out by size and group: median and quartiles."""
    sizes: dict[str, list[float]] = {group: [] for group in GROUPS}
    errors: dict[str, list[float]] = {group: [] for group in GROUPS}
    for region in REGIONS:
        own = [with_marrow(b) for b in bodies if b.about["region"] == bodies_of(region)]
        for organ in REGIONS[region]:
            group = group_of(organ)
            if organ in TARGETS and group and (region, organ) in trained.held:
                sizes[group] += [row.wed_mm for row in rows_of(own, organ)]
                errors[group] += list(100 * np.expm1(trained.held[region, organ].errors))
    everything = [np.concatenate(list(of.values())) for of in (sizes, errors)]
    axis.plot(everything[0] / 10, everything[1], ".", color=PALE, ms=2, zorder=0, rasterized=True)
    for n, (group, (colour, marker)) in enumerate(STYLES.items()):
        size, error = np.array(sizes[group]), np.array(errors[group])
        places, quartiles = [], []
        for low, high in pairwise(BINS_MM):
            inside = (size >= low) & (size < high)
            if inside.sum() >= _LEAST_IN_BIN:
                places.append((low + high) / 20 + 0.7 * (n - 2))
                quartiles.append(np.percentile(error[inside], (25, 50, 75)))
        low, middle, high = np.array(quartiles).T
        bars = (middle - low, high - middle)
        axis.errorbar(
            places, middle, bars, fmt=marker, color=colour, ms=4.5, lw=1.3, capsize=2, label=group
        )
    axis.axhline(0, color=BLACK, lw=0.8)
    axis.set_ylim(-15, 15)
    axis.set_xlabel("water-equivalent diameter at the organ, cm")
    axis.set_ylabel("law over simulation, %")
    axis.set_title("(a) Bodies left out: median and quartiles by size", loc="left", fontsize=10)
    axis.legend(ncols=2, fontsize=8, frameon=False, loc="upper center")


def _arrays(axis: Axes, arrays: dict[tuple[str, str], np.ndarray]) -> None:
    """Draw the error on published arrays by organ: median and quartiles."""
    axis.set_title("(b) Published arrays, one scale for all", loc="left", fontsize=10)
    axis.set_xlabel("law over published simulation, %")
    if not arrays:
        axis.text(0.5, 0.5, "not at hand", ha="center", transform=axis.transAxes)
        return
    styles = {"chest": (BLUE, "o"), "abdomen": (RED, "s")}
    order = sorted(arrays, key=lambda key: (key[0] == "abdomen", -float(np.median(arrays[key]))))
    for place, (region, organ) in enumerate(order):
        low, middle, high = np.percentile(arrays[region, organ], (25, 50, 75))
        colour, marker = styles[region]
        first = region not in [other for other, _ in order[:place]]
        number = max(len(values) for (r, _), values in arrays.items() if r == region)
        axis.errorbar(
            middle, place, xerr=[[middle - low], [high - middle]], fmt=marker, color=colour,
            ms=5, lw=1.3, capsize=2, label=f"{region}, {number} patients" if first else None,
        )  # fmt: skip
    axis.set_yticks(range(len(order)), [organ.replace("_", " ") for _, organ in order], fontsize=8)
    axis.set_ylim(len(order) - 0.4, -0.6)
    axis.axvline(0, color=BLACK, lw=0.8)
    axis.grid(axis="x", color=PALE, lw=0.5)
    axis.legend(fontsize=8, frameon=False, loc="lower right")


def _coverage(axis: Axes, scores: Sequence[Score]) -> None:
    """Draw how often the 90 % interval holds, with the 95 % interval of that."""
    by_stratum = {one.stratum: one for one in scores if one.organ == ALL}
    for n, (beam, (label, marker)) in enumerate(BEAMS.items()):
        for place, who in enumerate(WHO):
            kind, age = who.split(", ")
            one = by_stratum.get(", ".join(part for part in (kind, beam, age) if part))
            if one is None:
                continue
            low, high = one.coverage_ends_pct
            middle = one.coverage_pct
            axis.errorbar(
                middle, place + 0.24 * (n - 1), xerr=[[middle - low], [high - middle]], fmt=marker,
                color=(BLACK, BLUE, RED)[n], ms=5, lw=1.3, capsize=2,
                label=f"beam {label}" if place == 0 else None,
            )  # fmt: skip
    axis.axvline(90, color=BLACK, lw=1, ls="--")
    axis.set_yticks(range(len(WHO)), [who.replace(", ", ",\n") for who in WHO])
    axis.set_ylim(len(WHO) - 0.4, -0.6)
    axis.set_xlim(60, 100.5)
    axis.set_xlabel("doses inside the 90 % interval, %")
    axis.set_title("(c) Coverage, bodies left out", loc="left", fontsize=10)
    axis.legend(fontsize=8, frameon=False, loc="upper left")


def _scatter(axis: Axes, bodies: Sequence[LearnedBody]) -> None:
    """Draw law over simulation by distance of the organ from the range."""
    found: dict[str, dict[int, list[float]]] = {}
    for region in REGIONS:
        if region == "trunk":  # skin, muscle and marrow end with the images
            continue
        own = [b for b in bodies if b.about["region"] == bodies_of(region)]
        of_kind = found.setdefault("head and neck" if region == "head" else "trunk", {})
        for organ in REGIONS[region]:
            if organ in TARGETS:
                for distance, ratio in _outside(own, rows_of(own, organ)):
                    of_kind.setdefault(distance, []).append(ratio)
    for n, (kind, (colour, marker)) in enumerate(KINDS.items()):
        for distance, ratios in found[kind].items():
            if len(ratios) < _LEAST_IN_BIN:
                continue
            place = distance + 3.0 * (n - 0.5)
            first, low, middle, high, last = np.percentile(ratios, (5, 25, 50, 75, 95))
            axis.plot([place, place], [first, last], color=colour, lw=1)
            axis.plot([place, place], [low, high], color=colour, lw=4, solid_capstyle="butt")
            axis.plot(place, middle, marker, color=colour, ms=7, mfc="white", mew=1.6)
        axis.plot([], [], marker, color=colour, ls="-", mfc="white", mew=1.6, label=kind)
    axis.axhline(1, color=BLACK, lw=0.8)
    axis.set_yscale("log")
    axis.set_ylim(0.5, 2.5)
    ticks = (0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5)
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.grid(axis="y", color=PALE, lw=0.5)
    axis.set_xlabel("distance from the end of the range, mm")
    axis.set_ylabel("law over simulation")
    axis.set_title("(d) Scatter alone: median, quartiles, 5 to 95 %", loc="left", fontsize=10)
    axis.legend(fontsize=8, frameon=False, loc="upper left")


def _outside(bodies: Sequence[LearnedBody], rows: Sequence[Row]) -> Iterator[tuple[int, float]]:
    """Yield distance and law over simulation, by laws that did not see the body."""
    fold = np.array([row.body for row in rows]) % _FOLDS
    for one in np.unique(fold):
        kept = [row for row, of in zip(rows, fold, strict=True) if of != one]
        tissue = tissue_of(bodies, kept)
        fit = fit_organ(bodies, kept, tissue)
        for row in (row for row, of in zip(rows, fold, strict=True) if of == one):
            low, high = row.extent_mm
            first, last = whole_range(row)
            factor = fit.log_factor(row) - tissue[0]
            for distance in DISTANCES_MM:
                for part in ((first, low - distance), (high + distance, last)):
                    if part[1] - part[0] > _SHORTEST_MM and row.dose(part) > 0:
                        yield distance, row.law(fit.kernels, factor, part) / row.dose(part)


if __name__ == "__main__":
    main()
