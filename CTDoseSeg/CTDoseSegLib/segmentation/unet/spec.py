"""What a UNet of this project is: its classes, its size, and how images come to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ModelError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SCHEMA_VERSION = 1
# Not in the files of networks that do without, so that these stay as they were.
ADDED = ("input_shape", "dropout")
# What a network consists of, in a folder of its own.
WEIGHTS_FILE, SPEC_FILE, CARD_FILE = "unet.safetensors", "unet.json", "model_card.md"
# Of the working image outside the scan; air.
AIR_HU = -1024.0
CT_WINDOWS_HU = ((-1000.0, 1000.0), (-160.0, 240.0))


@dataclass(frozen=True, kw_only=True)
class UNetSpec:
    """A network's shape, and how HU become labels.

    Attributes
    ----------
    classes
        Name of each label from 1 on; 0 is what belongs to none.
    widths
        Channels of each level, the finest first: (16, 32, 64, 128) is a small network, (64, 128,
        256, 512, 1024) a large one.
    context
        Neighbours on each side that are shown with a slice; 0 for one slice by itself.
    context_mm
        Distance of the neighbours along the body; 0: whatever slices are next.
    pixel_mm
        Pixel size of the working grid; 0: the image's own pixels.
    input_shape
        Rows and columns of the working grid: every slice, of whatever size, is brought to a square
        of so many pixels, in training and wherever the network is used. 0: `pixel_mm`.
    across
        Pixels across a body: a small one, such as a child's or a head, is shown on pixels so much
        finer than `pixel_mm` that it has this many, as far as the image has them. 0: `pixel_mm`
        for every body.
    windows
        (low, high) in HU; each window is one channel of a slice, scaled to -1 to 1. Empty for MR,
        whose values are scaled by their own first and 99th percentile.
    threshold
        A pixel has a label where the labels together are more probable than this; among the
        labels the most probable one is taken.
    least_ml
        Connected pieces of a label smaller than this are removed.
    single
        Labels of which only the largest piece is kept.
    withheld
        Classes that the network tells apart, so that they are not taken for another, and that are
        not good enough to be shown: they become the rest of the body.
    dropout
        Part of the channels that is left out at random after each pooling while the network is
        trained (Tompson et al. 2015, arXiv 1411.4280); none is when it is used.
    temperature
        Logits are divided by it to become probabilities (Guo et al. 2017, arXiv 1706.04599), so
        that of the pixels drawn with 70 % as many are right; no label depends on it.
    """

    classes: tuple[str, ...]
    widths: tuple[int, ...] = (16, 32, 64, 128)
    context: int = 1
    context_mm: float = 5.0
    pixel_mm: float = 2.5
    input_shape: int = 0
    across: int = 0
    windows: tuple[tuple[float, float], ...] = CT_WINDOWS_HU
    threshold: float = 0.5
    least_ml: float = 0.5
    single: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    dropout: float = 0.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        problems = (
            (not self.classes, "it has no classes"),
            (len(set(self.classes)) != len(self.classes), "two classes share a name"),
            (len(self.classes) > 254, "it has more than 254 classes"),
            (len(self.widths) < 2 or min(self.widths) < 1, f"its widths are {self.widths}"),
            (self.context < 0, f"its context is {self.context}"),
            (self.input_shape < 0, f"its input shape is {self.input_shape}"),
            (0 < self.input_shape < self.multiple, f"its input is less than {self.multiple} wide"),
            (not 0 <= self.dropout < 1, f"its dropout is {self.dropout}"),
            (self.across < 0, f"a body is {self.across} pixels across"),
            (min(self.context_mm, self.pixel_mm, self.least_ml) < 0, "a length is negative"),
            (any(not low < high for low, high in self.windows), f"its windows are {self.windows}"),
            (not 0 < self.threshold < 1, f"its threshold is {self.threshold}"),
            (not 0 < self.temperature < np.inf, f"its temperature is {self.temperature}"),
            (not set(self.single) <= set(self.classes), f"{self.single} are not all classes"),
            (not set(self.withheld) < set(self.classes), f"{self.withheld} are not some classes"),
        )
        if reasons := [reason for wrong, reason in problems if wrong]:
            raise ModelError(f"This is not a possible UNet: {', '.join(reasons)}.")

    @property
    def shown(self) -> tuple[str, ...]:
        """The classes that a label map can hold."""
        return tuple(name for name in self.classes if name not in self.withheld)

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return (2 * self.context + 1) * max(len(self.windows), 1)

    @property
    def multiple(self) -> int:
        """Rows and columns of its input are a multiple of this."""
        return 2 ** (len(self.widths) - 1)

    def values(self) -> dict[str, Any]:
        """Return all that a file holds: without what later versions added, where it is not used."""
        added = {name: value for name in ADDED if (value := getattr(self, name))}
        return {k: v for k, v in asdict(self).items() if k not in ADDED} | added

    def to_json(self) -> str:
        """Return one JSON object."""
        return json.dumps({"schema_version": SCHEMA_VERSION, **self.values()}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> UNetSpec:
        """Read `to_json`'s text.

        Parameters
        ----------
        text
            JSON.

        Returns
        -------
        UNetSpec

        Raises
        ------
        ModelError
            If it is not a UNet of this version.
        """
        try:
            data = json.loads(text)
            version = data.pop("schema_version")
            if version != SCHEMA_VERSION:
                raise ModelError(
                    f"The UNet has schema version {version}, and this CTDoseSeg reads "
                    f"{SCHEMA_VERSION}; train it again."
                )
            return cls.of(data)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ModelError(
                f"The UNet's description cannot be read ({type(error).__name__}: {error}); train "
                "it again."
            ) from error

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> UNetSpec:
        """Make it of values as JSON or TOML has them; ModelError for one that is unknown.

        A number of ``labels`` may stand for ``classes``: label_1, label_2 and so on.
        """
        known = {f.name for f in fields(cls)}
        values = dict(values)
        if "labels" in values:
            if "classes" in values:
                raise ModelError("Give a UNet either classes or a number of labels, not both.")
            values["classes"] = numbered_classes(values.pop("labels"))
        if unknown := sorted(set(values) - known):
            raise ModelError(f"A UNet has no {', '.join(unknown)}; it has {', '.join(known)}.")
        arguments: dict[str, Any] = {
            name: _tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**arguments)


def numbered_classes(count: int) -> list[str]:
    """Return the names of so many labels of which nothing but the number is known."""
    if not isinstance(count, int) or not 1 <= count <= 254:
        raise ModelError(f"The number of labels is {count!r}; write 1 to 254, without background.")
    return [f"label_{n}" for n in range(1, count + 1)]


def _tuple(value: list) -> tuple:
    return tuple(_tuple(v) if isinstance(v, list) else v for v in value)


def neighbours(z_mm: np.ndarray, context: int, context_mm: float) -> np.ndarray:
    """Return the indices of the slices that are shown with each slice.

    With a distance, the slice nearest to it is taken; at the ends the last slice is repeated.

    Parameters
    ----------
    z_mm
        RAS superior coordinate of each slice, [k].
    context
        Neighbours on each side.
    context_mm
        Distance between them; 0: whatever slices are next.

    Returns
    -------
    numpy.ndarray
        [k, 2 context + 1].
    """
    count = len(z_mm)
    steps = np.arange(-context, context + 1)
    if context_mm <= 0 or count < 2:
        return np.clip(np.arange(count)[:, None] + steps, 0, count - 1)
    wanted = z_mm[:, None] + context_mm * steps * np.sign(z_mm[-1] - z_mm[0])
    return np.abs(wanted[..., None] - z_mm).argmin(axis=-1)


def mirrored_classes(classes: tuple[str, ...]) -> np.ndarray:
    """Return the class of each label after left and right have changed places, uint8 [256].

    Classes without names (`atoms.is_number`) have no known sides: no image of theirs is mirrored.
    """
    lookup = np.arange(256, dtype=np.uint8)
    for n, name in enumerate(classes, start=1):
        for side, other in (("left", "right"), ("right", "left")):
            partner = name.replace(side, other)
            if side in name and partner in classes:
                lookup[n] = classes.index(partner) + 1
    return lookup


def bundled_folder() -> Traversable:
    """Return where the bundled network lies; the folder may not hold one."""
    return files("CTDoseSegLib.models").joinpath("unet")
