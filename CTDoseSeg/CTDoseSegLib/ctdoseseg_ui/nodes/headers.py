"""The DICOM headers of one volume, read a few at a time and kept: a thousand take seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...errors import CTDoseSegError

if TYPE_CHECKING:
    from ...dicom.header import Header

# Own time of the thread, after which the event loop gets its turn.
STEP_S = 0.03
# File to its size and time, and its header; of the volume that was read last.
_kept: dict[str, tuple[tuple[int, int], Header | None]] = {}


def read_kept(file: str) -> Header | None:
    """Return the header of a file, read again only where the file is another."""
    from ...dicom.header_file import read_header

    try:
        about = os.stat(file)
        state = (about.st_size, about.st_mtime_ns)
    except OSError:
        return read_header(file)  # which says in a sentence what is wrong
    if file in _kept and _kept[file][0] == state:
        return _kept[file][1]
    header = read_header(file)
    _kept[file] = (state, header)
    return header


def forget_others(files: Sequence[str]) -> None:
    """Release the headers of all files but these: those of one volume are enough."""
    wanted = set(files)
    for other in [file for file in _kept if file not in wanted]:
        del _kept[other]


def read_steps(files: Sequence[str]) -> Iterator[int]:
    """Read and keep the headers of a volume; yields how many are read, at each rest."""
    forget_others(files)
    began = time.thread_time()
    for n, file in enumerate(files):
        if time.thread_time() - began > STEP_S:
            yield n
            began = time.thread_time()
        try:
            read_kept(file)
        except CTDoseSegError:
            return  # reading the exposure later raises this error with its reason
