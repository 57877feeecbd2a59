"""Files that training and evaluation write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import OutputError


def write_whole(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a file is whole or as it was.

    Raises
    ------
    OutputError
        If the disk is full or cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(
            f"{path.name} cannot be written ({error.strerror}); the last one is kept. Free some "
            "space and start the same command again: it goes on where it was."
        ) from error


def write_files(folder: Path, texts: Mapping[str, bytes]) -> None:
    """Write each file whole, beside and renamed, in this order."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in texts.items():
            beside = folder / f".{name}.part"
            beside.write_bytes(content)
            os.replace(beside, folder / name)
    except OSError as error:
        raise OutputError(
            f"The files cannot be written to {folder}: {error.strerror}; choose another "
            "--output folder."
        ) from error
