"""`slicer.dicomDatabase`: patients, studies, series and instances of files that were indexed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pydicom
from PySide6 import QtCore
from PySide6.QtCore import Property, Signal


@dataclass(frozen=True)
class Instance:
    """One file of the database."""

    file: str
    instance: str
    series: str
    study: str
    patient: str


class ctkDICOMDatabase(QtCore.QObject):
    """An index in memory; it lives as long as the host."""

    databaseChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._instances: dict[str, Instance] = {}
        self._headers: dict[str, pydicom.Dataset] = {}

    isOpen = Property(bool, lambda self: True)
    databaseDirectory = Property(str, lambda self: "")

    def insert(self, path, *_options) -> None:
        """Index one file."""
        header = pydicom.dcmread(path, stop_before_pixels=True, force=False)
        uid = str(header.get("SOPInstanceUID", ""))
        if not uid:
            return
        self._headers[str(path)] = header
        self._instances[uid] = Instance(
            str(path),
            uid,
            str(header.get("SeriesInstanceUID", "")),
            str(header.get("StudyInstanceUID", "")),
            f"{header.get('PatientID', '')}|{header.get('PatientName', '')}",
        )

    def index_folder(self, folder) -> tuple[str, ...]:
        """Index all DICOM files below a folder; returns the UIDs of its series."""
        found = []
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                try:
                    self.insert(str(path))
                except pydicom.errors.InvalidDicomError:
                    continue
                found.append(str(path))
        self.databaseChanged.emit()
        series = {i.series: None for i in self._instances.values() if i.file in set(found)}
        return tuple(series)

    def _select(self, wanted: str, **fixed: str) -> tuple[str, ...]:
        values = {
            getattr(entry, wanted): None
            for entry in self._instances.values()
            if all(getattr(entry, name) == value for name, value in fixed.items())
        }
        return tuple(values)

    def patients(self) -> tuple[str, ...]:
        return self._select("patient")

    def studiesForPatient(self, patient, /) -> tuple[str, ...]:
        return self._select("study", patient=patient)

    def seriesForStudy(self, study, /) -> tuple[str, ...]:
        return self._select("series", study=study)

    def instancesForSeries(self, series, _limit=-1, /) -> tuple[str, ...]:
        return self._select("instance", series=series)

    def filesForSeries(self, series, _limit=-1, /) -> tuple[str, ...]:
        return self._select("file", series=series)

    def fileForInstance(self, uid, /) -> str:
        entry = self._instances.get(uid)
        return entry.file if entry else ""

    def instanceForFile(self, path, /) -> str:
        return next((e.instance for e in self._instances.values() if e.file == str(path)), "")

    def seriesForFile(self, path, /) -> str:
        return next((e.series for e in self._instances.values() if e.file == str(path)), "")

    def seriesForInstance(self, uid, /) -> str:
        entry = self._instances.get(uid)
        return entry.series if entry else ""

    def studyForSeries(self, series, /) -> str:
        return next((e.study for e in self._instances.values() if e.series == series), "")

    def fileValue(self, path, tag, /) -> str:
        """Value of a tag as "gggg,eeee"; several values are joined by a backslash, none is ""."""
        if path not in self._headers:
            return ""
        if not isinstance(tag, str) or len(tag) != 9 or tag[4] != ",":
            raise ValueError(f"A tag is written 'gggg,eeee', not {tag!r}.")
        element = self._headers[path].get((int(tag[:4], 16), int(tag[5:], 16)))
        if element is None or element.value is None or element.VR == "SQ":
            return ""
        value = element.value
        if isinstance(value, pydicom.multival.MultiValue):
            return "\\".join(str(part) for part in value)
        return str(value)

    def instanceValue(self, uid, tag, /) -> str:
        return self.fileValue(self.fileForInstance(uid), tag)

    def removeSeries(self, series, *_options) -> bool:
        for uid in self.instancesForSeries(series):
            self._headers.pop(self._instances.pop(uid).file, None)
        self.databaseChanged.emit()
        return True
