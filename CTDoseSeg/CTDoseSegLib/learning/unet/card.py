"""The model card of a trained UNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import __version__
from .config import Config

if TYPE_CHECKING:
    from .case import Case
    from .history import Epoch
    from .split import Split


def write_card(
    sha256: str,
    config: Config,
    parts: Split,
    epoch: Epoch,
) -> str:
    """Return, as Markdown, what was trained on what and how an epoch did in validation."""
    spec, training, cases, held = config.network, config.training, parts.train, parts.held
    grid = f"pixels of {spec.pixel_mm:g} mm (0: the image's own)"
    if spec.input_shape:
        grid = f"every slice brought to {spec.input_shape} x {spec.input_shape} pixels"
    left_out = f"; dropout {spec.dropout:g}" if spec.dropout else ""
    lines = [
        "---",
        "name: CTDoseSeg UNet",
        f"sha256: {sha256}",
        "---",
        "# UNet",
        "",
        "Research software, not for clinical use. Written by `ctdoseseg train-unet` "
        f"(CTDoseSeg {__version__}).",
        "",
        f"**Network.** Widths {', '.join(map(str, spec.widths))}; {2 * spec.context + 1} slices "
        f"{spec.context_mm:g} mm apart; {grid}; threshold {spec.threshold:g}{left_out}.",
        "",
        "**Training.** "
        + "; ".join(_source(n, config, cases) for n in range(len(config.data)))
        + f". Validation: {_names(held)}. AdamW, learning rate {training.learning_rate:g}, "
        f"cosine schedule, {training.batch} slices a batch, {training.steps} batches an epoch, "
        f"cross entropy x {training.cross_entropy:g} + soft Dice x {training.dice:g}, seed "
        f"{training.seed}; averaged weights of epoch {epoch.epoch}.",
        "",
        *([f"**Caution.** {parts.warning}", ""] if parts.warning else []),
        f"**Validation** on {parts.validated_on} (working grid, all held slices together):",
        "",
        "| label | class | Dice |",
        "|---|---|---|",
    ]
    for n, (name, dice) in enumerate(zip(spec.classes, epoch.dice, strict=True), start=1):
        shown = "not in the held cases" if dice is None else f"{dice:.3f}"
        lines.append(f"| {n} | {name} | {shown} |")
    return "\n".join(lines) + "\n"


def _source(number: int, config: Config, cases: Sequence[Case]) -> str:
    mine = [c for c in cases if c.source == number]
    slices = sum(len(c.slices) for c in mine)
    return f"{len(mine)} cases ({config.data[number].kind}, {slices} slices)"


def _names(held: Sequence[Case]) -> str:
    # Names of folders can be those of patients.
    if any(case.part for case in held):
        return f"{sum(len(c.slices) for c in held)} slices that were not trained on"
    return (
        f"{len(held)} cases of {len({c.patient for c in held})} patients that were not trained on"
    )
