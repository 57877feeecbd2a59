"""Folders that can stand for a dose model: of train-dose, and of the published repository."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from pathlib import Path

from CTDoseSegLib.dosimetry.fast.model import CARD_FILE, MODEL_FILE, sha256


def trained_folder(folder: Path, *, factor: float = 2.0) -> Path:
    """The bundled model as train-dose writes one, all of its doses multiplied by `factor`."""
    folder.mkdir(parents=True)
    bundled = files("CTDoseSegLib.models").joinpath("dose")
    content = json.loads(bundled.joinpath(MODEL_FILE).read_bytes())
    for region in content["regions"].values():
        for organ in region["organs"].values():
            organ["coefficients"]["intercept"] += math.log(factor)
    text = json.dumps(content).encode()
    (folder / MODEL_FILE).write_bytes(text)
    (folder / CARD_FILE).write_text(f"sha256: {sha256(text)}\n", encoding="utf-8")
    return folder


def published_folder(folder: Path) -> Path:
    """The names of a published repository; its one network and the array are damaged."""
    (folder / "chest_models").mkdir(parents=True)
    (folder / "chest_models" / "heart_model.pth").write_bytes(b"damaged")
    arrays = folder / "training_arrays" / "chest_merged_training_arrays"
    arrays.mkdir(parents=True)
    (arrays / "heart_training_array.npy").write_bytes(b"damaged")
    return folder
