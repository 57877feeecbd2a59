"""Measured CTDI beside that of the fitted beam, and what the beam's bowtie filter does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..dosimetry.montecarlo.beams import REFERENCE_KV, BeamModel, model_of, usual_beam
from ..dosimetry.montecarlo.bowties import air_kerma_keV_cm2_g
from ..dosimetry.montecarlo.commission import CONTRADICTS, FittedBeam
from ..dosimetry.montecarlo.measured_ctdi import CENTRE, HVL, IN_AIR, PERIPHERY, Reading
from .figure import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    STYLE,
    legend_below,
    new_figure,
    save,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURE = "commission.png"
_COLORS = {CENTRE: BLUE, PERIPHERY: ORANGE, IN_AIR: GREEN, HVL: PURPLE}
_WORDS = {CENTRE: "centre", PERIPHERY: "periphery", IN_AIR: "in air", HVL: "half-value layer"}
_FAN_DEG = 26.0


def draw_commissioning(fits: Sequence[FittedBeam]) -> Figure:
    """Draw residuals and bowtie filters, a row for each fitted beam.

    Parameters
    ----------
    fits
        At least one.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown yet; `savefig` writes it.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    tallest = max(len(fit.residuals) for fit in fits)
    figure = new_figure(11, max(4.0, 1.8 + 0.24 * tallest) * len(fits))
    axes = figure.subplots(len(fits), 2, squeeze=False, width_ratios=(3, 2))
    for (left, right), fit in zip(axes, fits, strict=True):
        _residuals(left, fit)
        _bowtie(right, fit)
    return figure


def write_commission_chart(fits: Sequence[FittedBeam], folder: Path) -> Path:
    """Write `draw_commissioning` as ``commission.png`` and return its path.

    Raises
    ------
    DependencyError
        If matplotlib is missing; nothing is written then.
    """
    new_figure(1, 1)
    from matplotlib import rc_context

    with rc_context(STYLE):
        return save(draw_commissioning(fits), folder / PICTURE)


def _residuals(axes: Axes, fit: FittedBeam) -> None:
    beam = fit.beam
    axes.set_title(f"{beam.name}: measured over fitted, HVL {beam.hvl_mm:.2f} mm Al at 120 kV")
    axes.set_xlabel("Difference (%)")
    places = np.arange(len(fit.residuals))[::-1]
    axes.axvline(0, color=INK, lw=1.0)
    shown: set[str] = set()
    for place, residual in zip(places, fit.residuals, strict=True):
        quantity = residual.reading.quantity
        label = None if quantity in shown else _WORDS[quantity]
        shown.add(quantity)
        doubtful = abs(residual.studentized) > CONTRADICTS / 2
        axes.plot((0, residual.percent), (place, place), color=PALE, lw=2.0, zorder=1)
        axes.plot(
            residual.percent,
            place,
            "D" if doubtful else "o",
            color=_COLORS[quantity],
            label=label,
        )
    axes.set_yticks(places, [_short(residual.reading) for residual in fit.residuals], fontsize=8)
    widest = max(6.0, *(1.2 * abs(residual.percent) for residual in fit.residuals))
    axes.set_xlim(-widest, widest)
    axes.grid(axis="x")
    legend_below(axes, ncols=4)


def _short(reading: Reading) -> str:
    where = "" if reading.phantom_cm is None else f" {reading.phantom_cm} cm"
    return f"{reading.voltage_kV:g} kV{where} {_WORDS[reading.quantity]}"


def _bowtie(axes: Axes, fit: FittedBeam) -> None:
    beam = fit.beam
    axes.set_title("Air kerma behind the bowtie filter")
    axes.set_xlabel("Fan angle (degrees)")
    axes.set_ylabel("Over that of the central ray, 120 kV")
    generic = usual_beam(beam.phantom_cm)
    for name in generic.alternatives:
        axes.plot(*_profile(model_of(name)), color=PALE, lw=1.2)
    axes.plot([], [], color=PALE, label="published filters")
    axes.plot(*_profile(generic), color=GREY, lw=1.2, ls="--", label=generic.name)
    for number, variant in enumerate(fit.model.variants()[2:]):
        label = "fit nearly as well" if number == 0 else None
        axes.plot(*_profile(variant), color=SKY, lw=1.0, label=label)
    label = f"fitted: {beam.bowtie} x {beam.bowtie_scale:.2f}"
    axes.plot(*_profile(fit.model), color=BLUE, label=label)
    axes.set_xlim(0, _FAN_DEG)
    axes.set_ylim(0, 1.05)
    axes.grid()
    axes.legend(loc="upper right", fontsize=8)


def _profile(model: BeamModel) -> tuple[np.ndarray, np.ndarray]:
    """Return fan angles in degrees and the air kerma over that of the central ray."""
    beam = model.beam(REFERENCE_KV)
    middle = len(beam.photons) // 2
    tangents = (beam.fan_tangent_edges[1:] + beam.fan_tangent_edges[:-1])[middle:] / 2
    kerma = (beam.photons @ air_kerma_keV_cm2_g(beam.energies_keV))[middle:]
    return np.degrees(np.arctan(tangents)), kerma / kerma[0]
