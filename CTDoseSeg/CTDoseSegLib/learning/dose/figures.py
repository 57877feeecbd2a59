"""Pictures of the dose model on patients left out: `ctdoseseg train-dose --figures DIR`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...dosimetry.fast.model import WED_ORIGIN_MM, WED_SCALE_MM, RegionModel
from ...dosimetry.training_scans import ROTATION_TIME_S
from ...measurement.ssde import BODY_32, TABLES
from ...reporting.figure import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    STYLE,
    legend_below,
    new_figure,
)
from .held import Held

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"chest": BLUE, "abdomen": ORANGE}
_TERTILES = (("small", BLUE, "v"), ("middle", GREY, "o"), ("large", ORANGE, "^"))
_SLOPES = {"chest": ("heart_myocardium", "lung"), "abdomen": ("liver", "colon")}
_PALETTE = 64


def draw(
    held: Mapping[str, Mapping[str, Held]], models: Mapping[str, RegionModel], folder: Path
) -> list[Path]:
    """Write the three pictures; `held` has the doses of patients left out by region and organ.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    new_figure(1, 1)
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        return [
            _save(_predicted_and_simulated(held), folder / "dose_predicted.png"),
            _save(_coverage(held), folder / "dose_coverage.png"),
            _save(_size(held, models), folder / "dose_size.png"),
        ]


def _save(figure: Figure, path: Path) -> Path:
    """Save as a PNG with a palette: the repository with its history must stay small."""
    from io import BytesIO

    from PIL import Image

    stream = BytesIO()
    figure.savefig(stream, format="png")
    picture = Image.open(stream).convert("RGB").quantize(_PALETTE, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    return path


def _predicted_and_simulated(held: Mapping[str, Mapping[str, Held]]) -> Figure:
    figure = new_figure(9.0, 4.6)
    for axes, (region, organs) in zip(
        figure.subplots(1, len(held), sharex=True, sharey=True), held.items(), strict=True
    ):
        label = np.concatenate([h.label for h in organs.values()])
        predicted = np.concatenate([h.labelled for h in organs.values()])
        axes.plot(label, predicted, ".", ms=3, alpha=0.5, color=_COLOURS[region], mec="none")
        ends = np.array([0.9 * label.min(), 1.1 * label.max()])
        axes.plot(ends, ends, color=INK, lw=1, label="equal")
        axes.fill_between(ends, 0.9 * ends, 1.1 * ends, color=PALE, lw=0, label="within 10 %")
        median = np.mean([np.median(np.abs(h.error_pct)) for h in organs.values()])
        axes.set_title(f"{region.capitalize()}: {len(organs)} organs, median error {median:.1f} %")
        axes.set_xscale("log")
        axes.set_yscale("log")
        _plain_ticks(axes)
        axes.set_xlabel("Monte Carlo dose (mGy)")
        axes.grid(True)
    figure.axes[0].set_ylabel("Predicted dose, patient left out (mGy)")
    figure.axes[0].legend(loc="upper left")
    return figure


def _coverage(held: Mapping[str, Mapping[str, Held]]) -> Figure:
    figure = new_figure(9.0, 4.8)
    for axes, (region, organs) in zip(figure.subplots(1, len(held)), held.items(), strict=True):
        names = list(organs)[::-1]
        places = np.arange(len(names))
        axes.axvspan(86, 94, color=PALE, lw=0)
        axes.axvline(90, color=GREY, lw=1)
        for number, (name, colour, marker) in enumerate(_TERTILES):
            values = [_in_tertile(organs[o], number) for o in names]
            axes.plot(values, places, marker, ms=4, color=colour, label=name, ls="none")
        overall = [100 * organs[o].covered.mean() for o in names]
        axes.plot(overall, places, "|", ms=13, mew=2.5, color=INK, label="all patients", ls="none")
        axes.set_yticks(places, [name.replace("_", " ") for name in names], fontsize=8)
        axes.set_title(region.capitalize())
        axes.set_xlim(58, 102)
        axes.set_xlabel("Labels within the 90 % interval (%)")
    figure.axes[0].legend(loc="lower left", title="patients by size")
    return figure


def _size(held: Mapping[str, Mapping[str, Held]], models: Mapping[str, RegionModel]) -> Figure:
    figure = new_figure(9.0, 4.9)
    factor, per_cm = TABLES[BODY_32]
    for axes, (region, organs) in zip(
        figure.subplots(1, len(held), sharey=True), held.items(), strict=True
    ):
        model = models[region]
        for organ, colour in zip(
            [o for o in _SLOPES[region] if o in organs], (BLUE, GREEN), strict=False
        ):
            h, fitted = organs[organ], model.organs[organ]
            axes.plot(h.wed_mm, h.label / h.current_mA, ".", ms=5, alpha=0.6, color=colour)
            wed = np.linspace(h.wed_mm.min(), h.wed_mm.max(), 50)
            slope = fitted.coefficients["wed"] + fitted.coefficients["wed_wide"]
            line = fitted.coefficients["intercept"] + slope * (wed - WED_ORIGIN_MM) / WED_SCALE_MM
            axes.plot(
                wed,
                np.exp(line),
                color=colour,
                label=f"{organ.replace('_', ' ')}: {slope:.2f} per 100 mm",
            )
        wed = np.linspace(210, 380, 60)
        per_mA = model.ctdivol_per_mas * ROTATION_TIME_S
        axes.plot(
            wed,
            per_mA * factor * np.exp(-per_cm * wed / 10),
            "--",
            color=INK,
            label=f"SSDE: {-10 * per_cm:.2f} per 100 mm",
        )
        axes.set_yscale("log")
        _plain_ticks(axes)
        axes.set_title(region.capitalize())
        axes.set_xlabel("Water equivalent diameter (mm)")
        legend_below(axes, ncols=1)  # the points leave no corner free
        axes.grid(True)
    figure.axes[0].set_ylabel("Monte Carlo dose per tube current (mGy/mA)")
    return figure


def _in_tertile(h: Held, tertile: int) -> float:
    edges = np.quantile(h.wed_mm, (1 / 3, 2 / 3))
    return float(100 * h.covered[np.digitize(h.wed_mm, edges) == tertile].mean())


def _plain_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        if scale == "log":
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
