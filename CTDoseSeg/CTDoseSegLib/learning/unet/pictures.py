"""Pictures of an evaluation: slices as JPG, an animation, and the figures of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ct.organs import organ
from ...reporting.figure import BLUE, GREEN, GREY, ORANGE, new_figure, save
from ...segmentation.unet.spec import UNetSpec
from ...segmentation.working_grid import Canonical
from .judged import PART_WORDS
from .label_colours import blended, write_gif

if TYPE_CHECKING:
    from .judged import Judged, Page
    from .metrics import CaseScore

WINDOW_HU = (-160.0, 240.0)
# Of the worst slices, of those in the middle, and of the best.
SHOWN_EACH = 3
MOST_FRAMES, FRAME_MS = 120, 80
# Of the parts of a training, in the order in which there are any.
_PART_COLOURS = (BLUE, GREEN, ORANGE, GREY)


def _drawn(hu: np.ndarray, labels: np.ndarray, spec: UNetSpec) -> np.ndarray:
    """Return a slice with its labels in colour over it, uint8 [j, i, 3]."""
    if spec.windows:
        return blended(hu, labels, spec, WINDOW_HU)
    low, high = np.percentile(hu, (1, 99))
    return blended(hu, labels, spec, (float(low), float(max(high, low + 1e-6))))


def write_pictures(judged: Judged, spec: UNetSpec, folder: Path, name: str) -> None:
    """Write a JPG of every tenth slice or so, and a GIF through the stack."""
    from PIL import Image

    series = judged.series
    count = len(series.hu)
    for k in range(0, count, max(1, count // 10)):
        picture = Image.fromarray(_drawn(series.hu[k], judged.predicted[k], spec))
        picture.save(folder / f"{name}_{k:04d}.jpg", quality=88)
    step = max(1, count // MOST_FRAMES)
    frames = [
        Image.fromarray(_drawn(series.hu[k], judged.predicted[k], spec)).resize((256, 256))
        for k in range(0, count, step)
    ]
    write_gif(folder / f"{name}.gif", frames, FRAME_MS)


def write_figures(
    folder: Path,
    scores: Sequence[CaseScore],
    pages: Sequence[Page],
    coronal: Sequence[Judged],
    spec: UNetSpec,
) -> None:
    """Draw histograms of Dice, by case and by slice; worst, median, best slices; coronal views."""
    _histograms(folder / "dice_histograms.png", scores, spec)
    if pages:
        _slice_histograms(folder / "slice_histograms.png", pages)
    if any(page.dice is not None for page in pages):
        _worst_median_best(folder / "worst_median_best.png", pages, spec)
    if coronal:
        _coronal(folder / "coronal.png", coronal, spec)


def _histograms(path: Path, scores: Sequence[CaseScore], spec: UNetSpec) -> None:
    """Draw Dice of the cases by label, each part of the training in its own colour."""
    from matplotlib.patches import Patch

    names = [c for c in spec.classes if any(s.label == c and s.dice is not None for s in scores)]
    parts = [part for part in PART_WORDS if any(s.part == part for s in scores)]
    rows = max(1, -(-len(names) // 4))
    figure = new_figure(10, 1.9 * rows + 0.8)
    grid = figure.subplots(rows, 4, squeeze=False, sharex=True)
    for axes, name in zip(grid.flat, names, strict=False):
        of = [
            [s.dice for s in scores if (s.label, s.part) == (name, part) and s.dice is not None]
            for part in parts
        ]
        axes.hist(of, bins=np.linspace(0, 1, 21), color=_PART_COLOURS[: len(parts)], stacked=True)
        medians = " / ".join(f"{np.median(values):.3f}" if values else "-" for values in of)
        axes.set_title(f"{name.replace('_', ' ')}: {medians}", fontsize=9)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    words = "medians in the titles, as in the legend" if any(parts) else "median in the title"
    figure.supxlabel(f"Dice of a case; {words}", fontsize=9)
    if any(parts):
        handles = [
            Patch(color=color, label=PART_WORDS[part] or "not in the training")
            for part, color in zip(parts, _PART_COLOURS, strict=False)
        ]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(parts), fontsize=8)
    save(figure, path)


def _slice_histograms(path: Path, pages: Sequence[Page]) -> None:
    """Draw accuracy and Dice of the slices; those of training and of validation side by side."""
    words = {"training": "training", "validation": "validation (test)", "": "not in the training"}
    parts = [part for part in words if any(page.part == part for page in pages)]
    figure = new_figure(4.6 * len(parts) + 0.6, 6.6)
    grid = figure.subplots(2, len(parts), squeeze=False)
    lowest = min(page.accuracy for page in pages)
    for column, part in zip(grid.T, parts, strict=True):
        mine = [page for page in pages if page.part == part]
        dice = [page.dice for page in mine if page.dice is not None]
        column[0].hist([p.accuracy for p in mine], np.linspace(min(lowest, 0.9), 1, 26), color=BLUE)
        column[0].set(title=f"{words[part]}: {len(mine)} slices", xlabel="accuracy of a slice")
        column[1].hist(dice, bins=np.linspace(0, 1, 26), color=GREEN)
        without = len(mine) - len(dice)
        column[1].set_xlabel(
            f"Dice of a slice (mean over its labels)\n{without} slices have no label in truth or "
            "result: no Dice"
        )
    for row in grid:
        row[0].set_ylabel("slices")
        for axes in row:
            axes.yaxis.get_major_locator().set_params(integer=True)
    save(figure, path)


def _worst_median_best(path: Path, pages: Sequence[Page], spec: UNetSpec) -> None:
    """Draw the three worst, middle and best slices by Dice, image beside truth and result."""
    ordered = sorted((p for p in pages if p.dice is not None), key=lambda p: p.dice or 0.0)
    few = min(SHOWN_EACH, max(1, len(ordered) // SHOWN_EACH))
    middle = (len(ordered) - few) // 2
    chosen = [("worst", page) for page in ordered[:few]]
    chosen += [("median", page) for page in ordered[middle : middle + few]]
    chosen += [("best", page) for page in ordered[-few:]]
    figure = new_figure(7.2, 2.5 * len(chosen) + 0.5)
    grid = figure.subplots(len(chosen), 3, squeeze=False)
    for row, (word, page) in zip(grid, chosen, strict=True):
        nothing = np.zeros_like(page.truth)
        for axes, labels, title in (
            (row[0], nothing, f"{word}: {page.where}\n{PART_WORDS[page.part]}".rstrip()),
            (row[1], page.truth, "truth"),
            (row[2], page.predicted, f"Dice {page.dice:.3f}, accuracy {page.accuracy:.3f}"),
        ):
            axes.imshow(_drawn(page.hu, labels, spec))
            axes.set_title(title, fontsize=8, fontweight="normal")
            axes.set_axis_off()
    save(figure, path)


def _coronal(path: Path, judged: Sequence[Judged], spec: UNetSpec) -> None:
    """Draw image, truth and result from the front, in true proportions."""
    views = [Canonical.of(one.series) for one in judged]
    heights = [
        v.hu.shape[0] * v.spacing_mm[0] / (v.hu.shape[2] * v.spacing_mm[2]) + 0.1 for v in views
    ]
    figure = new_figure(10, sum(3.2 * h + 0.4 for h in heights) + 0.8)
    grid = figure.subplots(len(judged), 3, squeeze=False, gridspec_kw={"height_ratios": heights})
    for row, one, view in zip(grid, judged, views, strict=True):
        middle = view.hu.shape[1] // 2
        for axes, labels, word in (
            (row[0], np.zeros_like(one.truth), "image"),
            (row[1], one.truth, "truth"),
            (row[2], one.predicted, "predicted"),
        ):
            seen = np.flip(labels.transpose(view.permutation), view.reversed_axes)
            picture = _drawn(view.hu[:, middle], seen[:, middle], spec)
            axes.imshow(picture, origin="lower", aspect=view.spacing_mm[0] / view.spacing_mm[2])
            part = f"\n{PART_WORDS[one.part]}".rstrip() if word == "image" else ""
            axes.set_title(f"scan {one.number}, {word}{part}", fontsize=9)
            axes.set_axis_off()
    handles = [_patch(name) for name in spec.shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=7)
    save(figure, path)


def _patch(name: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=organ(name).color, label=name.replace("_", " "))
