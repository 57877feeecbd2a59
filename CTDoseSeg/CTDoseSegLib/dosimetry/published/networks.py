"""The published networks and the arrays that scale their input, from a copy of their repository.

Tzanis & Damilakis, European Radiology 2024: one small network for each organ and region, from
mean HU, SD of HU, tube current, water-equivalent diameter and slice location of a slice to the
organ's dose in it. None of it is part of this project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError  # what torch raises on a file that is not a state dict
from typing import TYPE_CHECKING

import numpy as np

from ...errors import DependencyError, ModelError
from .inference_rows import FEATURES

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

REGIONS = ("chest", "abdomen")
WIDTHS = (5, 512, 256, 128, 64, 1)
# Numbers of the linear layers in the state dicts; ReLU and dropout (inactive) are between them.
LAYERS = (0, 2, 5, 8, 11)
_MODEL_FILE = "_model.pth"
# What the reference mode needs beyond numpy: name to import, and to install.
PACKAGES = {"torch": "torch", "sklearn": "scikit-learn"}
ARRAY_FOLDERS = (
    "training_arrays/{}_merged_training_arrays",
    "training_arrays/{}_training_arrays",
    "{}_merged_training_arrays",
    "{}_training_arrays",
)


@dataclass(frozen=True)
class Network:
    """Fully connected network 5-512-256-128-64-1 with ReLU, in float32: (weight, bias) by layer."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def predict(self, scaled: np.ndarray) -> np.ndarray:
        """Return the dose in mGy, [n], of scaled features [n, 5]."""
        values = np.asarray(scaled, np.float32)
        for index, (weight, bias) in enumerate(self.layers):
            values = values @ weight.T + bias
            if index < len(self.layers) - 1:
                values = np.maximum(values, 0)
        return values[:, 0].astype(np.float64)


@dataclass(frozen=True)
class PublishedModels:
    """All networks of a folder, by (region, organ).

    Attributes
    ----------
    networks, scalers
        A model without an array has a network and no scaler, and cannot be used. Sums of the
        scalers are in float64, whatever the arrays are.
    sha256
        Of all files that were read, in order of their paths.
    """

    networks: Mapping[tuple[str, str], Network]
    scalers: Mapping[tuple[str, str], StandardScaler]
    sha256: str


def load_published(folder: str | Path, arrays: str | Path | None = None) -> PublishedModels:
    """Read every network and scaler of a copy of the published repository.

    Parameters
    ----------
    folder
        Holds ``chest_models`` and ``abdomen_models`` with ``<organ>_model.pth``.
    arrays
        Holds ``training_arrays/<region>_merged_training_arrays`` (or ``<region>_training_arrays``,
        also without the folder around them) with ``<organ>_training_array.npy``; None: `folder`.

    Raises
    ------
    ModelError
        If models or arrays are missing or damaged.
    DependencyError
        If torch or scikit-learn is not installed.
    """
    files = published_files(folder, arrays)
    networks, scalers, read = {}, {}, []
    for key, (model, array) in files.items():
        networks[key] = _read_network(model)
        read.append(model)
        if array is not None:
            scalers[key] = _read_scaler(array)
            read.append(array)
    return PublishedModels(networks, scalers, _digest(read))


def published_files(
    folder: str | Path, arrays: str | Path | None = None, region: str = "auto"
) -> dict[tuple[str, str], tuple[Path, Path | None]]:
    """Find the files of `load_published`, by (region, organ): network, and array if there is one.

    Nothing of them is read: what is missing is known before a CT is. With a `region`, its own
    arrays must be there.

    Raises
    ------
    ModelError
        If there are no networks, or no arrays for them.
    """
    folder = Path(folder)
    holder = folder if arrays is None else Path(arrays)
    if not holder.is_dir():
        raise ModelError(f"There is no folder {holder.name}, which should hold published arrays.")
    found = {}
    for one in REGIONS:
        for path in model_files(folder, one):
            organ = path.name.removesuffix(_MODEL_FILE)
            found[one, organ] = (path, _array_path(holder, one, organ))
    if not found:
        raise ModelError(
            f"The folder {folder.name} holds no published models "
            "(chest_models/<organ>_model.pth); give the folder of the published repository."
        )
    wanted = found if region == "auto" else {key: found[key] for key in found if key[0] == region}
    if wanted and not any(array for _, array in wanted.values()):
        if any(holder.glob("*_training_array.npy")):
            raise ModelError(
                f"The folder {holder.name} holds arrays of one region itself; give the folder "
                "above it, which holds those of chest and abdomen by their names."
            )
        name = REGIONS[0] if region == "auto" else region
        raise ModelError(
            f"The folder {holder.name} holds no published arrays for the models (training_arrays/"
            f"{name}_merged_training_arrays/<organ>_training_array.npy); give the folder that does."
        )
    return found


def missing_packages() -> str:
    """Return what the reference mode lacks, as a reason; empty where all is installed."""
    missing = [name for module, name in PACKAGES.items() if find_spec(module) is None]
    if not missing:
        return ""
    several = len(missing) > 1
    return (
        f"the package{'s' if several else ''} {' and '.join(missing)} "
        f"{'are' if several else 'is'} not installed"
    )


def model_files(folder: Path, region: str) -> list[Path]:
    """Return the network files of one region in a copy of the published repository."""
    return sorted((folder / f"{region}_models").glob(f"*{_MODEL_FILE}"))


def _array_path(folder: Path, region: str, organ: str) -> Path | None:
    for name in ARRAY_FOLDERS:
        path = folder / name.format(region) / f"{organ}_training_array.npy"
        if path.is_file():
            return path
    return None


def _read_scaler(path: Path) -> StandardScaler:
    try:
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise DependencyError(
            "The published dose models need the package scikit-learn, which is not installed; "
            "install it or use the bundled dose model."
        ) from error
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"The array {path.name} cannot be read; copy it again.") from error
    if rows.ndim != 2 or rows.shape[1] != len(FEATURES) + 1 or rows.dtype.kind != "f":
        raise ModelError(
            f"The array {path.name} holds {rows.dtype} {rows.shape}, not rows of five features "
            "and a dose; copy it again."
        )
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < 2 or not np.isfinite(rows).all():
        raise ModelError(f"The array {path.name} has no usable rows; copy it again.")
    return StandardScaler().fit(rows[:, : len(FEATURES)].astype(np.float64))


def _read_network(path: Path) -> Network:
    try:
        import torch
    except ImportError as error:
        raise DependencyError(
            "The published dose models need the package torch, which is not installed; "
            "install it or use the bundled dose model."
        ) from error
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        layers = tuple(
            (state[f"model.{n}.weight"].numpy(), state[f"model.{n}.bias"].numpy()) for n in LAYERS
        )
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise ModelError(f"The model {path.name} cannot be read; copy it again.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path.name} is not a published dose network.") from error
    shapes = [weight.shape for weight, _ in layers]
    if shapes != [(b, a) for a, b in pairwise(WIDTHS)]:
        raise ModelError(
            f"The network in {path.name} has layers {shapes}, not {WIDTHS}: it is another model."
        )
    return Network(layers)


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
