"""What a training run did: a CSV, a curve, and a picture of its first batch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...ct.organs import organ
from ...errors import DependencyError
from ...reporting.figure import BLUE, new_figure, save
from ...segmentation.unet.spec import UNetSpec
from ..files import write_whole

HISTORY_FILE, CURVE_FILE, PREVIEW_FILE = "history.csv", "training_curve.png", "first_batch.png"
EPOCHS_FILE = "epochs.gif"
# Slices of the first batch in the animation over the epochs, and how long each epoch is shown.
SHOWN, FRAME_MS = 4, 250


@dataclass(frozen=True)
class Epoch:
    """One epoch: its mean loss, and Dice of each class in validation (None: in no case)."""

    epoch: int
    loss: float
    dice: tuple[float | None, ...]
    seconds: float

    @property
    def score(self) -> float:
        """Mean Dice over the classes that could be validated; minus the loss where none could."""
        known = [d for d in self.dice if d is not None]
        return float(np.mean(known)) if known else -self.loss


class History:
    """All epochs of a run."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.epochs: list[Epoch] = []

    @property
    def best(self) -> Epoch | None:
        """The epoch with the best validation, the earlier one of two."""
        return max(self.epochs, key=lambda e: (e.score, -e.epoch), default=None)

    def add(self, epoch: int, loss: float, dice: np.ndarray, seconds: float) -> Epoch:
        """Add an epoch and return it; it is `best` where no earlier one is as good."""
        values = tuple(None if np.isnan(d) else float(d) for d in dice)
        self.epochs.append(Epoch(epoch, float(loss), values, float(seconds)))
        return self.epochs[-1]

    def to_list(self) -> list[dict[str, Any]]:
        """Return the epochs as JSON has them."""
        return [vars(e) for e in self.epochs]

    @classmethod
    def from_list(cls, classes: Sequence[str], values: list[dict[str, Any]]) -> History:
        """Return the history of which `to_list` gave `values`."""
        history = cls(classes)
        history.epochs = [Epoch(**{**v, "dice": tuple(v["dice"])}) for v in values]
        return history

    def write(self, folder: Path) -> None:
        """Write ``history.csv`` and, where matplotlib is installed, ``training_curve.png``."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("epoch", "loss", "seconds", *(f"dice_{c}" for c in self.classes)))
        for e in self.epochs:
            dice = ("" if d is None else f"{d:.5f}" for d in e.dice)
            writer.writerow((e.epoch, f"{e.loss:.6f}", f"{e.seconds:.1f}", *dice))
        write_whole(folder / HISTORY_FILE, stream.getvalue().encode())
        try:
            self._draw(folder / CURVE_FILE)
        except DependencyError:
            return

    def _draw(self, path: Path) -> None:
        figure = new_figure(9, 4)
        left, right = figure.subplots(1, 2)
        epochs = [e.epoch for e in self.epochs]
        left.plot(epochs, [e.loss for e in self.epochs], color=BLUE)
        left.set(title="Loss (training)", xlabel="epoch")
        left.set_ylim(bottom=0)
        for n, name in enumerate(self.classes):
            values = [np.nan if e.dice[n] is None else e.dice[n] for e in self.epochs]
            right.plot(epochs, values, color=organ(name).color, label=name.replace("_", " "))
        right.set(title="Dice (validation)", xlabel="epoch", ylim=(0, 1))
        # Twenty classes would hide the lines.
        figure.legend(loc="outside right upper", fontsize=7)
        save(figure, path)


def write_preview(
    folder: Path, inputs: np.ndarray, labels: np.ndarray, spec: UNetSpec
) -> Path | None:
    """Draw a batch as the network sees it, [n, channels, j, i], beside its labels [n, j, i]."""
    try:
        figure = new_figure(2.2 * min(len(inputs), 4), 2.2 * 2 * -(-len(inputs) // 4))
    except DependencyError:
        return None
    grid = figure.subplots(2 * -(-len(inputs) // 4), min(len(inputs), 4), squeeze=False)
    # The slice itself in the last window, the middle one of its neighbours.
    channel = inputs.shape[1] - 1 - spec.context
    for n, (image, drawn) in enumerate(zip(inputs, labels, strict=True)):
        above, below = grid[2 * (n // 4)][n % 4], grid[2 * (n // 4) + 1][n % 4]
        above.imshow(image[channel], cmap="gray", vmin=-1, vmax=1)
        below.imshow(colours(np.asarray(drawn), spec))
    for axes in grid.flat:
        axes.set_axis_off()
    return save(figure, folder / PREVIEW_FILE)


def add_frame(
    folder: Path,
    epoch: int,
    inputs: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    spec: UNetSpec,
) -> Path | None:
    """Add a frame to ``epochs.gif``: image, truth and result of a fixed batch, from above.

    Frames of `epoch` and later ones, of a run that was ended and goes on, are replaced. None
    where Pillow is missing.
    """
    try:
        from PIL import Image, ImageDraw, ImageSequence
    except ImportError:
        return None
    channel = inputs.shape[1] - 1 - spec.context
    rows, columns = labels.shape[1:]
    grey = np.clip((inputs[:SHOWN, channel, :rows, :columns] + 1) * 127.5, 0, 255)
    images = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=3)
    lines = (images, colours(labels[:SHOWN], spec), colours(predicted[:SHOWN], spec))
    frame = Image.fromarray(np.vstack([np.hstack(list(line)) for line in lines]))
    ImageDraw.Draw(frame).text((4, 2), f"epoch {epoch}", fill=(255, 255, 0))
    path = folder / EPOCHS_FILE
    frames = []
    if epoch > 1 and path.is_file():
        with Image.open(path) as before:
            frames = [f.convert("RGB") for f in ImageSequence.Iterator(before)][: epoch - 1]
    frames.append(frame)
    stream = io.BytesIO()
    frames[0].save(
        stream, "GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0
    )
    write_whole(path, stream.getvalue())
    return path


def colours(labels: np.ndarray, spec: UNetSpec) -> np.ndarray:
    """Return labels as a picture, uint8 [j, i, 3]; unknown is pink."""
    table = np.zeros((256, 3), np.uint8)
    for n, name in enumerate(spec.classes, start=1):
        code = organ(name).color
        table[n] = [int(code[i : i + 2], 16) for i in (1, 3, 5)]
    table[255] = (255, 0, 200)
    return table[labels.astype(np.uint8)]
