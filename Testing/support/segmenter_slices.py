"""Slices of a simple body with six labels, as a file each: data/train/{dicoms,labels}."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from dicom_files import make_slice, save

SPACING_MM, STEP_MM = 4.0, 5.0
# Middle (column, row), half axes, HU: parts of the image's width.
BLOBS = (
    ((0.50, 0.52), (0.09, 0.08), 350),
    ((0.33, 0.50), (0.06, 0.08), 120),
    ((0.67, 0.50), (0.06, 0.08), 60),
    ((0.39, 0.68), (0.09, 0.05), 200),
    ((0.61, 0.68), (0.09, 0.05), -20),
)
RING = 1 + len(BLOBS)  # around all of them


def slice_and_labels(k: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """HU int16 and labels uint8, [j, i], of slice `k`; blobs move and shrink along the body."""
    y, x = np.mgrid[:size, :size] / size
    hu, labels = np.full((size, size), -1000.0), np.zeros((size, size), np.uint8)
    outer = ((x - 0.5) / 0.44) ** 2 + ((y - 0.5) / 0.34) ** 2 < 1
    inner = ((x - 0.5) / 0.37) ** 2 + ((y - 0.5) / 0.27) ** 2 < 1
    hu[outer], hu[inner] = -90, 20
    labels[outer & ~inner] = RING
    for value, ((column, row), (wide, high), density) in enumerate(BLOBS, start=1):
        blob = ((x - column - 0.002 * k) / wide) ** 2 + ((y - row) / high) ** 2 < 1
        hu[blob], labels[blob] = density, value
    return np.rint(hu + rng.normal(0, 8, hu.shape)).astype(np.int16), labels


def write_slices(
    folder: Path, count: int = 15, *, size: int = 96, ending: str = "png", seed: int = 0, **tags
) -> np.ndarray:
    """Write slices, the files numbered otherwise than they lie; return the labels [k, j, i]."""
    from PIL import Image

    for part in ("dicoms", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    drawn = []
    for k in range(count):
        hu, labels = slice_and_labels(k, size, rng)
        own = {
            "RescaleIntercept": 0,
            "PixelSpacing": [SPACING_MM, SPACING_MM],
            "SliceThickness": STEP_MM,
            "ImagePositionPatient": [-190, -190, 100 + STEP_MM * k],
            **tags,
        }
        name = f"slice_{1 + (7 * k) % count}"
        save(make_slice(k, hu, **own), folder / "dicoms" / f"{name}.dcm")
        path = folder / "labels" / f"{name}.{ending}"
        if ending == "npy":
            np.save(path, labels)
        else:
            Image.fromarray(labels).save(path, **({"quality": 95} if ending == "jpg" else {}))
        drawn.append(labels)
    return np.stack(drawn)
