"""The configuration of `ctdoseseg train-unet CONFIG.toml`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import InputError, ModelError
from ...segmentation.unet.spec import UNetSpec
from .value_types import check_types

MADE_HERE = ("phantoms", "bodies")
KINDS = ("volumes", "npz", "slices", *MADE_HERE)


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One table [[data]] of the configuration.

    Attributes
    ----------
    kind
        ``volumes``: `folder`/images and `folder`/labels with files (or, for images, folders of
        DICOM files) of the same stem; ``npz``: folders of DICOM files with one ``.npz`` each, or
        `folder`/Images with these folders and `folder`/Segmentations with the ``.npz``;
        ``slices``: `folder`/dicoms and `folder`/labels (or both in `folder`/train) with a file a
        slice of the same stem;
        ``phantoms``: made here, adults of simple shape; ``bodies``: made here, people of any age,
        sex and build, in any phase of contrast.
    folder
        Where the files are; relative to the configuration.
    values
        Label value (as text) to class; empty: value n is the n-th class.
    not_drawn
        Classes that nobody drew in this source although they may be there: what is labelled
        `drawn_as` may be one of them.
    drawn_as
        See `not_drawn`; empty: the background.
    key
        Array of the ``.npz``; empty: ``Masks`` or ``masks``.
    flip
        Turn label slices upside down (rows reversed) before use. ``"auto"``: masks of ``.npz``
        are brought into the form that explains their images best, upside down or with their
        slices in another order, and what was done is reported.
    weight
        How often its slices are drawn, relative to the other sources'.
    validate
        Names of cases that are never trained on.
    leave_out
        Names of cases that are not used at all.
    count, first_seed
        Of phantoms and bodies; seeds below 1000 are kept for tests and acceptance.
    """

    kind: str
    folder: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    not_drawn: tuple[str, ...] = ()
    drawn_as: str = ""
    key: str = ""
    flip: bool | str = False
    weight: float = 1.0
    validate: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    count: int = 40
    first_seed: int = 1000


@dataclass(frozen=True, kw_only=True)
class Training:
    """The table [training].

    Attributes
    ----------
    epochs, steps
        At most so many epochs of so many batches.
    batch
        Slices in one.
    learning_rate, weight_decay
        Of AdamW; the rate follows a cosine to a hundredth over all epochs.
    cross_entropy, dice
        Weights of the two parts of the loss.
    class_weights
        Class to its weight in the cross entropy; 1 where it is not named.
    validation
        Part of the patients that is kept for validation where none are named.
    patience
        Ends after so many epochs without a better validation.
    crop_px
        Rows and columns of the training pictures (a multiple of the network's); 0: the largest
        image.
    seed
        Of weights, batches and augmentation.
    minutes
        Ends after so long, with a whole schedule if it is known beforehand; 0: no limit.
    augment
        False: slices as they are.
    start_from
        Folder of a UNet to begin with (relative to the configuration), or ``bundled``; empty:
        random weights.
    workers
        Processes that make phantoms and batches ahead; 0: none, everything in turn.
    print_every
        A line about every so many epochs; 0: none.
    save_every
        The network is also kept after every so many epochs, in a folder with the epoch in its
        name; 0: the best one alone.
    """

    epochs: int = 40
    steps: int = 100
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    cross_entropy: float = 1.0
    dice: float = 1.0
    class_weights: Mapping[str, float] = field(default_factory=dict)
    validation: float = 0.15
    patience: int = 1000
    crop_px: int = 0
    seed: int = 0
    minutes: float = 0.0
    augment: bool = True
    start_from: str = ""
    workers: int = 0
    print_every: int = 0
    save_every: int = 0


@dataclass(frozen=True)
class Config:
    """All of a configuration; `folder` is what its paths are relative to."""

    network: UNetSpec
    data: tuple[DataSource, ...]
    training: Training
    folder: Path


def read_config(path: str | Path) -> Config:
    """Read a configuration.

    Raises
    ------
    InputError
        With the name of the table and key that is wrong.
    """
    path = Path(path)
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not valid TOML: {error}.") from error
    unknown = sorted(set(data) - {"network", "data", "training"})
    if unknown or "network" not in data or not isinstance(data.get("data"), list):
        raise InputError(
            f"{path.name} needs the tables [network], [[data]] and, if wanted, [training]"
            + (f", and nothing else: {', '.join(unknown)}." if unknown else ".")
        )
    if not isinstance(data["network"], dict):
        raise InputError(f"[network] of {path.name} is not a table.")
    check_types(UNetSpec, data["network"], f"[network] of {path.name}")
    try:
        network = UNetSpec.of(data["network"])
    except (ModelError, TypeError) as error:
        raise InputError(f"[network] of {path.name}: {error}") from error
    sources = tuple(_made(DataSource, v, "[[data]]", path.name) for v in data["data"])
    training = _made(Training, data.get("training", {}), "[training]", path.name)
    return checked(Config(network, sources, training, path.parent), path.name)


def _made(kind: type, values: Any, table: str, name: str) -> Any:
    known = {f.name for f in fields(kind)}
    if not isinstance(values, dict):
        raise InputError(f"{table} of {name} is not a table.")
    if unknown := sorted(set(values) - known):
        raise InputError(
            f"{table} of {name} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}."
        )
    check_types(kind, values, f"{table} of {name}")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except TypeError as error:
        raise InputError(f"{table} of {name}: {error}.") from error


def checked(config: Config, name: str) -> Config:
    """Return a configuration whose parts fit each other.

    Raises
    ------
    InputError
        With the table and key that is wrong; `name` is the configuration's.
    """
    classes = set(config.network.classes)
    for source in config.data:
        if source.kind not in KINDS:
            raise InputError(
                f"[[data]] of {name} has kind {source.kind!r}; it is one of {', '.join(KINDS)}."
            )
        if source.kind in MADE_HERE and source.values:
            raise InputError(
                f"[[data]] of {name}: {source.kind} take no values, their classes have names."
            )
        if source.flip not in (True, False, "auto"):
            raise InputError(f'[[data]] of {name}: flip is true, false or "auto".')
        named = {*source.values.values(), *source.not_drawn, *filter(None, [source.drawn_as])}
        if unknown := sorted(named - classes):
            raise InputError(
                f"[[data]] of {name} names {', '.join(unknown)}, which the network does not have "
                f"({', '.join(config.network.classes)})."
            )
        if bad := [v for v in source.values if not (v.isdigit() and int(v) < 255)]:
            raise InputError(f"[[data]] of {name}: {bad[0]!r} is not a label value from 0 to 254.")
    training = config.training
    numbers = (training.epochs, training.steps, training.batch, training.learning_rate)
    least = (training.workers, training.print_every, training.save_every)
    wrong = min(numbers) <= 0 or min(least) < 0
    if wrong or training.crop_px % config.network.multiple:
        raise InputError(
            f"[training] of {name}: epochs, steps, batch and learning_rate must be positive, "
            "workers, print_every and save_every not negative, crop_px a multiple of "
            f"{config.network.multiple}."
        )
    return config
