"""What a training run did, epoch by epoch: a CSV and a curve."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ct.organs import organ
from ...errors import DependencyError
from ...reporting.figure import BLUE, INK, ORANGE, new_figure, save
from ..files import write_whole

if TYPE_CHECKING:
    from .validation import Agreement, Validation

HISTORY_FILE, CURVE_FILE = "history.csv", "training_curve.png"
COLUMNS = (
    *("epoch", "loss", "seconds", "validation_loss", "training_accuracy", "validation_accuracy"),
    *("training_dice", "validation_dice"),
)


@dataclass(frozen=True)
class Epoch:
    """One epoch. None: in no case, or not kept by the version that wrote it.

    Attributes
    ----------
    epoch
        From 1 on.
    loss, training_accuracy, training_dice
        Means over the varied slices of the epoch, as the weights were meanwhile; Dice is the mean
        over the classes.
    dice
        Of each class in validation, by the averaged weights.
    seconds
        Since the beginning of the run, without pictures.
    validation_loss, validation_accuracy
        As `dice`.
    """

    epoch: int
    loss: float
    dice: tuple[float | None, ...]
    seconds: float
    validation_loss: float | None = None
    training_accuracy: float | None = None
    validation_accuracy: float | None = None
    training_dice: float | None = None

    @property
    def validation_dice(self) -> float | None:
        """Mean Dice over the classes that could be validated."""
        known = [d for d in self.dice if d is not None]
        return float(np.mean(known)) if known else None

    @property
    def score(self) -> float:
        """Mean Dice of the validation; minus the loss where no class could be validated."""
        return -self.loss if self.validation_dice is None else self.validation_dice

    def line(self, epochs: int) -> str:
        """Return a line about it for a terminal."""
        minutes, seconds = divmod(round(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)

        def part(value: float | None) -> str:
            return "-" if value is None else f"{value:.3f}"

        return (
            f"epoch {self.epoch} of {epochs}: loss {part(self.loss)}, validation: loss "
            f"{part(self.validation_loss)}, accuracy {part(self.validation_accuracy)}, Dice "
            f"{part(self.validation_dice)}; {hours} h {minutes} min {seconds} s"
        )


class History:
    """All epochs of a run.

    Parameters
    ----------
    classes
        Of the network.
    validated_on
        What the validation is of, as `split.Split` says it.
    """

    def __init__(self, classes: Sequence[str], validated_on: str) -> None:
        self.classes, self.validated_on = tuple(classes), validated_on
        self.epochs: list[Epoch] = []

    @property
    def best(self) -> Epoch | None:
        """The epoch with the best validation, the earlier one of two."""
        return max(self.epochs, key=lambda e: (e.score, -e.epoch), default=None)

    def add(
        self, epoch: int, loss: float, trained: Agreement, judged: Validation, seconds: float
    ) -> Epoch:
        """Add an epoch and return it; it is `best` where no earlier one is as good."""
        values = tuple(None if np.isnan(d) else float(d) for d in judged.dice)
        there = trained.dice[~np.isnan(trained.dice)]
        self.epochs.append(
            Epoch(
                epoch,
                float(loss),
                values,
                float(seconds),
                validation_loss=judged.loss,
                training_accuracy=trained.accuracy,
                validation_accuracy=judged.accuracy,
                training_dice=float(there.mean()) if there.size else None,
            )
        )
        return self.epochs[-1]

    def to_list(self) -> list[dict[str, Any]]:
        """Return the epochs as JSON has them."""
        return [vars(e) for e in self.epochs]

    def restore(self, values: list[dict[str, Any]]) -> None:
        """Take over the epochs that `to_list` gave."""
        self.epochs = [Epoch(**{**v, "dice": tuple(v["dice"])}) for v in values]

    def write(self, folder: Path) -> None:
        """Write ``history.csv`` and, where matplotlib is installed, ``training_curve.png``."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow((*COLUMNS, *(f"dice_{c}" for c in self.classes), "validated_on"))
        for e in self.epochs:
            values = [e.epoch, f"{e.loss:.6f}", f"{e.seconds:.1f}"]
            values += [_written(getattr(e, name)) for name in COLUMNS[3:]]
            writer.writerow((*values, *map(_written, e.dice), self.validated_on))
        write_whole(folder / HISTORY_FILE, stream.getvalue().encode())
        try:
            self._draw(folder / CURVE_FILE)
        except DependencyError:
            return

    def _draw(self, path: Path) -> None:
        figure = new_figure(12, 4)
        left, middle, right = figure.subplots(1, 3)
        epochs = [e.epoch for e in self.epochs]
        for axes, title, trained, judged in (
            (left, "Loss", "loss", "validation_loss"),
            (middle, "Accuracy", "training_accuracy", "validation_accuracy"),
        ):
            axes.plot(epochs, self._column(trained), color=BLUE, label="training")
            axes.plot(epochs, self._column(judged), color=ORANGE, label="validation")
            axes.set(title=title, xlabel="epoch")
            axes.legend(fontsize=8)
        left.set_ylim(bottom=0)
        middle.set_ylim(top=1)
        for n, name in enumerate(self.classes):
            values = [np.nan if e.dice[n] is None else e.dice[n] for e in self.epochs]
            right.plot(epochs, values, color=organ(name).color, lw=1, label=name.replace("_", " "))
        right.plot(epochs, self._column("validation_dice"), color=INK, lw=2, label="mean")
        right.plot(epochs, self._column("training_dice"), color=BLUE, ls=":", label="training")
        right.set(title="Dice", xlabel="epoch", ylim=(0, 1))
        figure.suptitle(f"Validation on {self.validated_on}", fontsize=9, x=0.01, ha="left")
        # Twenty classes would hide the lines.
        figure.legend(*right.get_legend_handles_labels(), loc="outside right upper", fontsize=7)
        save(figure, path)

    def _column(self, name: str) -> list[float]:
        values = [getattr(e, name) for e in self.epochs]
        return [np.nan if v is None else v for v in values]


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"
