"""Small scans with labels, and the configuration of a UNet that is trained on them in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def write_scan(
    folder: Path,
    name: str,
    hu: np.ndarray,
    labels: np.ndarray | None,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 5.0),
) -> None:
    """Write one scan as a training of the kind ``volumes`` reads it; without labels if None."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    x, y, z = spacing_mm
    about = {"affine": np.diag([-x, -y, z, 1.0]).tolist()}
    (folder / "images" / f"{name}.json").write_text(json.dumps(about))
    np.save(folder / "images" / f"{name}.npy", hu)
    if labels is not None:
        np.save(folder / "labels" / f"{name}.npy", labels.astype(np.uint8))


def training_config(
    classes: list[str], *, context: int = 0, values: str = "", **training: float
) -> str:
    """A network of two levels, trained on the scans in the folder ``set`` beside the file."""
    schedule = {"batch": 2, "validation": 0.4} | training
    lines = [
        "[network]",
        f"classes = {json.dumps(classes)}",
        "widths = [4, 8]",
        f"context = {context}",
        "pixel_mm = 0",
        "[[data]]",
        'kind = "volumes"',
        'folder = "set"',
        *([f"values = {values}"] if values else []),
        "[training]",
        *(f"{name} = {value}" for name, value in schedule.items()),
    ]
    return "\n".join(lines) + "\n"
