"""Pictures of held-out scans, true beside found, and sheets of whole scans to look through."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from unet_scans import MIX_UPS, ORGANS, UNKNOWN, Found, Scan, mix_up, slice_scores, truth_mask

from CTDoseSegLib.ct.organs import organ
from CTDoseSegLib.reporting.figure import new_figure, save
from CTDoseSegLib.reporting.overlay import draw_overlay

WINDOW_HU = (-160.0, 240.0)
FILL = 0.35
# What was mixed up is bright, so that a few pixels are seen.
MIXED = (255, 0, 255)
COLUMNS, PAGE_TILES, TILE_PX = 4, 12, 420
MARGIN_PX = 8


def worst_median_best(path: Path, pairs: Sequence[tuple[Scan, Found]]) -> list[str]:
    """Draw the worst, median and best slice of any organ; return a line about each."""
    scores = sorted(
        (score, n, k, name)
        for n, (scan, found) in enumerate(pairs)
        for score, k, name in slice_scores(scan, found)
    )
    chosen = {"worst": scores[0], "median": scores[len(scores) // 2], "best": scores[-1]}
    figure = new_figure(9.4, 9.6)
    lines = []
    for row, (word, (score, n, k, name)) in zip(figure.subplots(3, 2), chosen.items(), strict=True):
        scan, found = pairs[n]
        box = body_box(scan.drawn)
        title = f"{word}: {name.replace('_', ' ')}, Dice {score:.3f}"
        lines.append(f"{title} ({scan.name}, slice {k})")
        for axes, what in ((row[0], "labels"), (row[1], "found")):
            axes.imshow(grey(scan.series.hu[k][box]), cmap="gray", vmin=0, vmax=1)
            for other in ORGANS:
                mask = truth_mask(scan.drawn[k], other) if what == "labels" else None
                mask = found.mask(other)[k] if mask is None else mask
                if mask[box].any():
                    width = 1.8 if other == name else 0.7
                    axes.contour(mask[box], [0.5], colors=organ(other).color, linewidths=width)
            if what == "labels" and (scan.drawn[k][box] == UNKNOWN).any():
                unknown = (scan.drawn[k] == UNKNOWN)[box]
                axes.contourf(unknown, [0.5, 1.5], colors=["#ff00c8"], alpha=0.18)
            axes.set_title(f"{title}: {what}\n{scan.name}, slice {k}", fontsize=8)
            axes.set_axis_off()
    shown = {o for scan, _ in pairs for o in ORGANS if truth_mask(scan.drawn, o).any()}
    figure.legend(handles=handles(shown), loc="outside lower right", ncols=6, fontsize=7)
    save(figure, path)
    return lines


def handles(organs: set[str]) -> list:
    """Return the legend's entries."""
    from matplotlib.patches import Patch

    made = [Patch(color=organ(o).color, label=o.replace("_", " ")) for o in ORGANS if o in organs]
    return [*made, Patch(color="#ff00c8", alpha=0.3, label="undecided")]


def overlay(path: Path, scan: Scan, found: Found) -> None:
    """Draw what `analyze` draws of a scan."""
    save(draw_overlay(scan.series, found.labelmap), path)


def sheets(folder: Path, scan: Scan, found: Found, step: int) -> None:
    """Write pages of every `step`-th slice with what was found; what was mixed up is magenta."""
    from PIL import Image, ImageDraw

    masks = {name: found.mask(name) for name in ORGANS if name in found.labelmap.groups}
    # From the head down, as the pages are read.
    order = [int(k) for k in np.argsort([-one.z_mm for one in scan.series.slices])][::step]
    tiles = [_tile(scan, found, masks, k) for k in order]
    width, height = tiles[0].size
    for start in range(0, len(tiles), PAGE_TILES):
        some = tiles[start : start + PAGE_TILES]
        rows = -(-len(some) // COLUMNS)
        page = Image.new("RGB", (COLUMNS * width, rows * height + 24))
        for n, tile in enumerate(some):
            page.paste(tile, (n % COLUMNS * width, n // COLUMNS * height))
        place = 4
        for name in masks:
            words = ImageDraw.Draw(page)
            words.text((place, rows * height + 6), name, fill=organ(name).color)
            place += int(words.textlength(name)) + 10
        page.save(folder / f"{scan.name}_{1 + start // PAGE_TILES}.png")


def _tile(scan: Scan, found: Found, masks: dict[str, np.ndarray], k: int):
    """Return the picture of a slice."""
    from PIL import Image, ImageDraw

    picture = np.repeat(255 * grey(scan.series.hu[k])[..., None], 3, axis=2)
    for name, mask in masks.items():
        code = organ(name).color
        color = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)])
        picture[mask[k]] = (1 - FILL) * picture[mask[k]] + FILL * color
        picture[edges(mask[k])] = color
    mixed = np.any([mix_up(scan, found, true, taken)[k] for _, true, taken, _ in MIX_UPS], axis=0)
    picture[mixed] = MIXED
    tile = Image.fromarray(picture[body_box(scan.drawn)].astype(np.uint8))
    tile.thumbnail((TILE_PX, TILE_PX), Image.Resampling.BILINEAR)
    ml = mixed.sum() * scan.voxel_ml
    words = f"slice {k}" + (f", mixed up {ml:.1f} ml" if ml else "")
    ImageDraw.Draw(tile).text((4, 2), words, fill=(255, 255, 0))
    return tile


def grey(hu: np.ndarray) -> np.ndarray:
    """Return HU from black to white, 0 to 1."""
    low, high = WINDOW_HU
    return np.clip((hu.astype(np.float32) - low) / (high - low), 0, 1)


def edges(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask [j, i] at its edge."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return mask & ~inner


def body_box(labels: np.ndarray) -> tuple[slice, slice]:
    """Return rows and columns that hold the body in any slice."""
    body = np.isin(labels, (0, 2), invert=True).any(axis=0)
    ends = []
    for axis in (1, 0):
        where = np.flatnonzero(body.any(axis=axis))
        ends.append(slice(max(int(where[0]) - MARGIN_PX, 0), int(where[-1]) + MARGIN_PX))
    return ends[0], ends[1]
