"""Very many very small DICOM files, for benchmarks of discovery.

`python small_dicom.py FOLDER COUNT` writes so many files, 100 of each study in a folder of its own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "CTDoseSeg"))

FILES_A_STUDY = 100
# Numbers of six digits, so that a file is another's bytes with other digits in the same places.
_FIRST = 100_000
_UID = "1.2.826.0.1.3680043.8.498.5"


def write_small_dicom(folder: Path, count: int) -> None:
    """Files of 8 x 8 pixels with all that a real header has."""
    template = _template()
    for number in range(count):
        study, place = divmod(number, FILES_A_STUDY)
        if not place:
            here = folder / f"{study:05d}"
            here.mkdir(parents=True)
            of_study = _with(template, study=study)
        data = of_study.replace(_uid(image=0), _uid(image=number)).replace(_z(0), _z(place * 5))
        (here / f"{place:03d}.dcm").write_bytes(data)


def _uid(**part: int) -> bytes:
    ((name, number),) = part.items()
    return f"{_UID}.{ {'study': 1, 'series': 2, 'image': 3}[name] }.{_FIRST + number}".encode()


def _z(z_mm: int) -> bytes:
    return f"0\\0\\{1000 + z_mm}.5".encode()


def _with(template: bytes, study: int) -> bytes:
    for name in ("study", "series"):
        template = template.replace(_uid(**{name: 0}), _uid(**{name: study}))
    return template


def _template() -> bytes:
    import pydicom

    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    with tempfile.TemporaryDirectory() as scratch:
        phantom = Phantom(variant="cylinder", shape=(8, 8, 1), spacing_mm=(50, 50, 5))
        write_dicom(phantom, scratch)
        (file,) = (Path(scratch) / "dicom").iterdir()
        data = pydicom.dcmread(file)
        data.StudyInstanceUID = _uid(study=0).decode()
        data.SeriesInstanceUID = _uid(series=0).decode()
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = _uid(image=0).decode()
        data.ImagePositionPatient = _z(0).decode().split("\\")
        data.save_as(file)
        return file.read_bytes()


if __name__ == "__main__":
    write_small_dicom(Path(sys.argv[1]), int(sys.argv[2]))
