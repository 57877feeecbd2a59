"""What was received and waits: a folder a series, with a mark once its sender was done.

``STUDY/SERIES/IMAGE.dcm`` by hashes of the UIDs, for UIDs are private and make no safe names.
Everything that counts stands on the disk, so that a kill at any moment loses nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pydicom

# Beside the images: every sender that sent to this series has ended as it should.
RELEASED = "released"
REPORTS = "reports"
_PART = ".part"


@dataclass(frozen=True)
class Arrived:
    """A series that is complete.

    Attributes
    ----------
    folder
        With its images alone, and the mark.
    reports
        Folder of the study's structured reports; need not exist.
    """

    folder: Path
    reports: Path

    @property
    def images(self) -> list[Path]:
        """Files of the images."""
        return sorted(self.folder.glob("*.dcm"))


class Arrivals:
    """Keeps what is received; called from the threads of several associations.

    Parameters
    ----------
    folder
        Made where it is missing.
    most_bytes
        More than this is not taken.
    most_series
        With so many series waiting no new one is taken.
    """

    def __init__(self, folder: Path, most_bytes: int, most_series: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._most_bytes, self._most_series = folder, most_bytes, most_series
        self._lock = threading.Lock()
        self._touched: dict[int, set[Path]] = {}
        for part in folder.rglob(f"*{_PART}"):
            part.unlink()
        self._bytes = sum(path.stat().st_size for path in folder.rglob("*.dcm"))

    def full_for(self, data: pydicom.Dataset) -> str:
        """Return why an object cannot be taken now; empty where it can."""
        free = shutil.disk_usage(self._folder).free
        if self._bytes >= self._most_bytes or free < self._most_bytes // 100:
            return "disk is full"
        if not self._series(data).is_dir() and len(self._all()) >= self._most_series:
            return "too many series wait"
        return ""

    def add(self, association: int, data: pydicom.Dataset) -> None:
        """Keep an object; it is there as a whole or not at all when this returns."""
        folder = self._series(data)
        with self._lock:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / RELEASED).unlink(missing_ok=True)
            self._touched.setdefault(association, set()).add(folder)
        path = folder / f"{_hashed(str(data.SOPInstanceUID))}.dcm"
        part = path.with_suffix(f".{association}{_PART}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data.save_as(part, enforce_file_format=True)
        with self._lock:
            replaced = path.stat().st_size if path.exists() else 0
            self._bytes += part.stat().st_size - replaced
            os.replace(part, path)

    def ended(self, association: int, *, released: bool) -> None:
        """Mark the series of an association that ended as it should, and of no other that runs."""
        with self._lock:
            touched = self._touched.pop(association, set())
            busy = set().union(*self._touched.values()) if self._touched else set()
            for folder in touched - busy if released else ():
                if folder.is_dir():
                    (folder / RELEASED).touch()

    def complete(self, quiet_s: float) -> Iterator[Arrived]:
        """Yield the series whose senders were done so many seconds ago."""
        for folder in self._all():
            mark = folder / RELEASED
            try:
                age_s = _age_s(mark)
            except FileNotFoundError:
                continue
            if age_s >= quiet_s and folder.name != REPORTS:
                yield Arrived(folder, folder.parent / REPORTS)

    def incomplete(self) -> int:
        """Return the number of series whose sender broke off, or still sends."""
        return sum(not (f / RELEASED).exists() for f in self._all() if f.name != REPORTS)

    def take(self, arrived: Arrived, target: Path) -> None:
        """Move a complete series to `target`, with a copy of its study's reports."""
        with self._lock:
            if target.exists():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._bytes -= _size(arrived.folder)
            os.rename(arrived.folder, target)
        for report in arrived.reports.glob("*.dcm"):
            shutil.copy2(report, target / f"report-{report.name}")
        self.forget_studies()

    def drop(self, arrived: Arrived) -> None:
        """Remove a series that is not to be analysed."""
        with self._lock:
            self._bytes -= _size(arrived.folder)
            shutil.rmtree(arrived.folder, ignore_errors=True)
        self.forget_studies()

    def forget_studies(self, age_s: float = 86400.0) -> None:
        """Remove studies without a series, and reports alone that came more than a day ago."""
        for study in self._folder.iterdir():
            with self._lock:
                left = list(study.iterdir())
                if not left:
                    study.rmdir()
                elif left[0].name == REPORTS and len(left) == 1 and _age_s(left[0]) > age_s:
                    self._bytes -= _size(left[0])
                    shutil.rmtree(study, ignore_errors=True)

    def _all(self) -> list[Path]:
        return [path for path in self._folder.glob("*/*") if path.is_dir()]

    def _series(self, data: pydicom.Dataset) -> Path:
        study = self._folder / _hashed(str(data.StudyInstanceUID))
        if str(data.get("Modality", "")) == "SR":
            return study / REPORTS
        return study / _hashed(str(data.SeriesInstanceUID))


def _hashed(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:24]


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.dcm"))
