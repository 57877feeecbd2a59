"""The headers of an archive, on disk: memory does not grow with the number of files.

The database lies in a temporary folder that only this user can read, and is gone afterwards: it
holds what distinguishes patients.
"""

from __future__ import annotations

import marshal
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..dicom.header import Header
from ..dicom.header_file import read_header
from ..dicom.identity import without_file_name
from ..errors import InputError
from .copies import file_mark
from .headers import is_named_as_slice, why_no_slice

_SCHEMA = """
CREATE TABLE files (
    source BLOB, folder BLOB, study BLOB, image TEXT, header BLOB, problem TEXT, number INTEGER
);
"""
_INDEX = """
CREATE INDEX by_study ON files (study);
CREATE INDEX by_folder ON files (folder);
"""
_WHOLE_FOLDER = """
SELECT 1 FROM files WHERE folder = ? AND study IS NOT NULL AND study != ? LIMIT 1
"""
_ROWS_AT_ONCE = 2000


@dataclass(frozen=True)
class Problem:
    """Files of a folder that cannot be read: how many, and the first one's sentence."""

    folder: str
    count: int
    sentence: str


@dataclass(frozen=True)
class StudyHeaders:
    """The files of one study.

    Attributes
    ----------
    uid
        Study instance UID; may be empty.
    headers
        One for each file; its path is the source that the file was added with.
    folders
        For each file the folder, or the archive, that it lies in; at least one.
    copies
        How many files are copies of others and are not among the headers.
    """

    uid: str
    headers: tuple[Header, ...]
    folders: tuple[str, ...]
    copies: int


class HeaderCache:
    """Headers on disk; a context manager. `finish` comes between adding and asking."""

    def __enter__(self) -> HeaderCache:
        self._folder = tempfile.TemporaryDirectory(prefix="ctdoseseg-")
        self._data = sqlite3.connect(Path(self._folder.name) / "headers.sqlite")
        self._data.execute("PRAGMA journal_mode = OFF")
        self._data.execute("PRAGMA synchronous = OFF")
        self._data.executescript(_SCHEMA)
        self._rows: list[tuple] = []
        self._added = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()
        self._folder.cleanup()

    def add_file(self, path: str, source: str, folder: str) -> None:
        """Add a file if it is DICOM, or if it should have been.

        Files are numbered in the order in which they are added.

        Parameters
        ----------
        path
            Where it can be read now.
        source
            What it is called afterwards: its path, or the member of an archive.
        folder
            The folder or archive that it lies in.
        """
        self._added += 1
        try:
            header = read_header(path)
            if header is None and is_named_as_slice(path):
                raise InputError(why_no_slice(path))
        except InputError as error:
            sentence = without_file_name(str(error), os.path.basename(path))
            self._add_problem(source, folder, f"{file_mark(path, self._added)}: {sentence}")
        except OSError as error:
            sentence = f"It cannot be read ({error.strerror}); check its permissions."
            self._add_problem(source, folder, sentence)
        else:
            if header is not None:
                self._add(source, folder, replace(header, file_number=self._added))

    def _add(self, source: str, folder: str, header: Header) -> None:
        """Add one DICOM file; without a study UID its folder stands for the study."""
        study = header.text("StudyInstanceUID") or f"folder {folder}"
        kept = [header.values, header.transfer_syntax, header.pixel_offset, header.pixel_bytes]
        image = header.text("SOPInstanceUID")
        if image:
            place = header.text("ImagePositionPatient")
            image = f"{image} {place} {header.text('InstanceNumber')} {header.pixel_bytes}"
        where = (_bytes(source), _bytes(folder), _bytes(study))
        self._append((*where, image, marshal.dumps(kept), "", header.file_number))

    def add_problem(self, source: str, folder: str, sentence: str) -> None:
        """Add a file that cannot be opened, with the reason."""
        self._added += 1
        self._add_problem(source, folder, sentence)

    def _add_problem(self, source: str, folder: str, sentence: str) -> None:
        row = (_bytes(source), _bytes(folder), None, "", None, sentence, self._added)
        self._append(row)

    def _append(self, row: tuple) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._data.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows)
        self._rows.clear()

    def finish(self) -> None:
        """Make the cache ready to be asked; nothing may be added afterwards."""
        self._flush()
        self._data.executescript(_INDEX)

    def studies(self) -> Iterator[StudyHeaders]:
        """Yield the studies in the order of their first sources."""
        names = self._data.execute(
            "SELECT study FROM files WHERE study IS NOT NULL GROUP BY study ORDER BY MIN(source)"
        )
        for (study,) in names:
            headers, folders, seen, copies = [], [], set(), 0
            rows = self._data.execute(
                "SELECT source, folder, image, header, number FROM files WHERE study = ? "
                "ORDER BY source",
                (study,),
            )
            for source, folder, image, kept, number in rows:
                if image and image in seen:
                    copies += 1
                    continue
                seen.add(image)
                header = Header(_text(source), *marshal.loads(kept))
                headers.append(replace(header, file_number=number))
                folders.append(_text(folder))
            uid = "" if study.startswith(b"folder ") else _text(study)
            yield StudyHeaders(uid, tuple(headers), tuple(folders), copies)

    def is_shared(self, folder: str, study: str) -> bool:
        """Return whether a folder (or archive) also holds files of another study than `study`."""
        asked = (_bytes(folder), _bytes(study or f"folder {folder}"))
        return self._data.execute(_WHOLE_FOLDER, asked).fetchone() is not None

    def problems(self) -> Iterator[Problem]:
        """Yield the folders with files that cannot be read."""
        # Beside MIN, SQLite gives the other columns of the row that has the minimum.
        rows = self._data.execute(
            "SELECT folder, COUNT(*), problem, MIN(number) FROM files WHERE problem != '' "
            "GROUP BY folder ORDER BY folder"
        )
        for folder, count, sentence, _ in rows:
            yield Problem(_text(folder), count, sentence)


# Names of files need not be text: what Python makes of such a name goes into no database as it is.
def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
