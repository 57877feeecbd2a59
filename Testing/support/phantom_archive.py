"""Archives of small phantoms that differ: what batches of real analyses are tried on."""

from __future__ import annotations

import tempfile
from pathlib import Path

from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom

VARIANTS = ("trunk", "chest", "abdomen")


def write_phantom(folder: Path, seed: int) -> Path:
    """One examination: 16 small slices and their dose report, no truth beside them."""
    variant = VARIANTS[seed % len(VARIANTS)]
    spacing_mm = (4.5, 4.5, 20.0 if variant == "trunk" else 15.0)
    phantom = Phantom(seed=seed, variant=variant, shape=(96, 96, 16), spacing_mm=spacing_mm)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        write_dicom(phantom, scratch)
        folder.mkdir()
        for part in ("dicom", "rdsr"):
            (Path(scratch) / part).rename(folder / part)
    return folder


def write_archive(folder: Path, count: int) -> Path:
    """So many examinations, each in a folder of its own."""
    folder.mkdir(parents=True)
    for seed in range(count):
        write_phantom(folder / f"phantom_{seed:03d}", seed)
    return folder
