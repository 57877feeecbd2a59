"""Files of folders: those that may be read, and what is left out.

Symbolic links are followed; a folder already seen is not entered again, so that circles end.
Hidden files and DICOMDIR are left out, and so are pipes and devices: reading them could wait for
ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError

LEFT_OUT = "left out"


def walk_files(folder: str) -> Iterator[tuple[str, str]]:
    """Yield every file below a folder, folder by folder in the order of names.

    Parameters
    ----------
    folder
        Where to start.

    Yields
    ------
    path : str
    problem : str
        Empty; `LEFT_OUT`; or, for a folder that cannot be opened, a sentence.
    """
    seen: set[tuple[int, int]] = set()
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield current, f"The folder cannot be opened ({error.strerror}); check its permissions."
            continue
        folders = []
        for entry in entries:
            kind = _kind(entry)
            if kind == "folder":
                folders.append(entry.path)
            else:
                yield entry.path, "" if kind == "file" else LEFT_OUT
        pending += reversed(folders)


def _kind(entry: os.DirEntry) -> str:
    """Return ``file``, ``folder`` or an empty string; only links are looked up again."""
    if entry.name.startswith(".") or entry.name.upper() == "DICOMDIR":
        return ""
    try:
        return "file" if entry.is_file() else "folder" if entry.is_dir() else ""
    except OSError:  # a link to itself
        return ""


def files_of(folder: str) -> list[str]:
    """Return the files of a folder itself, sorted, without those of folders in it.

    Raises
    ------
    OSError
        If the folder cannot be opened.
    """
    with os.scandir(folder) as scan:
        return sorted(entry.path for entry in scan if _kind(entry) == "file")


def find_files(folder: Path) -> tuple[list[str], int]:
    """Return all files below `folder`, sorted, and the number of entries left out.

    Raises
    ------
    InputError
        If the folder itself cannot be opened.
    """
    root = os.fspath(folder)
    files: list[str] = []
    left_out = 0
    for path, problem in walk_files(root):
        if not problem:
            files.append(path)
        elif path == root:
            raise InputError(problem)
        else:
            left_out += 1
    return sorted(files), left_out
