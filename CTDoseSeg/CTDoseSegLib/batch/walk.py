"""Every file below a folder, and every member of its zip archives, without holding a list of them.

Members are read by their number: no path is ever built from the name that an archive gives, so
that none can point outside of it.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..files.walking import LEFT_OUT, walk_files

MEMBER = "!"  # archive.zip!12 is the archive's entry number 12, from 0
# An entry that unpacks to more is no CT slice; one that was packed so well is a bomb.
LARGEST_MEMBER_BYTES = 1 << 30
HIGHEST_RATIO = 200
RATIO_FROM_BYTES = 10 << 20
MOST_MEMBERS = 500_000
_BLOCK = 1 << 20
_DAMAGED = (
    *(OSError, zipfile.BadZipFile, NotImplementedError, IndexError, ValueError, EOFError),
    zlib.error,
)


@dataclass(frozen=True)
class ArchivedFile:
    """One file, or one member of an archive; `problem` is why it cannot be read."""

    source: str
    folder: str
    problem: str = ""


def walk(root: Path) -> Iterator[ArchivedFile]:
    """Yield files below `root`, or `root` itself; hidden ones and DICOMDIR are left out."""
    if root.name.upper() == "DICOMDIR" and root.is_file():
        root = root.parent  # it names files of its own folder, all of which are looked at
    if not root.exists():
        raise InputError(f"{root.name} does not exist; check the path.")
    if root.is_file():
        yield from _file(os.path.abspath(root))
        return
    for path, problem in walk_files(os.path.abspath(root)):
        if not problem:
            yield from _file(path)
        elif problem != LEFT_OUT:
            yield ArchivedFile(path, path, problem)


def _file(path: str) -> Iterator[ArchivedFile]:
    if not path.lower().endswith(".zip"):
        yield ArchivedFile(path, os.path.dirname(path))
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                yield ArchivedFile(
                    path, path, f"The archive has over {MOST_MEMBERS} entries; unpack it."
                )
                return
            for number, member in enumerate(members):
                if not member.is_dir():
                    yield ArchivedFile(f"{path}{MEMBER}{number}", path, member_problem(member))
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        yield ArchivedFile(path, path, "The archive cannot be opened; copy it again or unpack it.")


def member_problem(member: zipfile.ZipInfo) -> str:
    """Return why an entry is not unpacked, or an empty string."""
    if member.flag_bits & 1:
        return "An entry of the archive is encrypted; unpack it."
    if member.file_size > LARGEST_MEMBER_BYTES:
        return "An entry of the archive unpacks to over 1 GiB; it is no CT image."
    if member.file_size > max(RATIO_FROM_BYTES, HIGHEST_RATIO * member.compress_size):
        return "An entry of the archive unpacks to over 200 times its size; it is no CT image."
    return ""


def unpack(source: str, target: Path) -> None:
    """Write the archive's member `source` (``archive.zip!12``) to the file `target`.

    Raises
    ------
    InputError
        If it cannot be unpacked, or is larger than it claims or than any slice is.
    """
    path, _, number = source.rpartition(MEMBER)
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.infolist()[int(number)]
            if problem := member_problem(member):
                raise InputError(problem)
            written = 0
            with archive.open(member) as stream, target.open("wb") as out:
                while block := stream.read(_BLOCK):
                    written += len(block)
                    if written > member.file_size:
                        raise InputError("An entry of the archive is larger than it claims.")
                    out.write(block)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.filename == str(target):
            raise  # it is the disk, not the archive
        raise InputError("An entry of the archive is damaged; copy the archive again.") from error


def is_member(source: str) -> bool:
    """Return whether a source is a member of an archive."""
    path, mark, number = source.rpartition(MEMBER)
    return bool(mark) and number.isdigit() and path.lower().endswith(".zip")
