"""What the cases of the corpus are made of: a small phantom whose tags name a person."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom

# Every case carries these in its tags and in a folder's name; no result may hold any of them.
FAMILY_NAME, GIVEN_NAME, PATIENT_ID, BIRTH_DATE = "Musterfrau", "Erika", "MF-778231", "19500212"
IDENTITY = (FAMILY_NAME, GIVEN_NAME, PATIENT_ID, BIRTH_DATE)
UID = "1.2.826.0.1.3680043.8.498.77"

Make = Callable[["Base", Path], Iterable[object]]


@dataclass(frozen=True)
class Case:
    """One input and what `ctdoseseg analyze` must make of it.

    Attributes
    ----------
    name
        Stable identifier.
    family
        Part of the list of inputs: files, series, values, dose, anatomy, volumes, presumed or real.
    what
        The input in words.
    make
        Called with the base and an empty folder; returns the arguments after ``analyze``.
    says
        For a refused input (exit code 3): regular expressions that its sentence matches. Empty
        for an input that gives a result (exit code 0).
    flags
        Codes of flags that the result must have.
    without
        Codes that it must not have.
    doses
        False where no organ may have a dose, True where one must; None where either is right.
    same_size
        The water-equivalent diameters must be those of the phantom as it is.
    check
        Called with the output folder and the result for what only this case promises.
    data
        The input comes from the development data.
    """

    name: str
    family: str
    what: str
    make: Make
    says: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    doses: bool | None = None
    same_size: bool = False
    check: Callable[[Path, dict], None] | None = None
    data: bool = False


class Table(list):
    """The cases of one family; `case` is a decorator for the function that makes the input."""

    def __init__(self, family: str) -> None:
        super().__init__()
        self.family = family

    def case(self, what: str, **expected: object) -> Callable[[Make], Make]:
        says = expected.pop("says", ())
        says = (says,) if isinstance(says, str) else tuple(says)
        flags = expected.pop("flags", ())
        flags = (flags,) if isinstance(flags, str) else tuple(flags)

        def add(make: Make) -> Make:
            name = make.__name__
            self.append(Case(name, self.family, what, make, says, flags, **expected))
            return make

        return add


class Base:
    """The phantoms, made once, and the places of the other material.

    Parameters
    ----------
    folder
        Where the phantoms are written.
    data
        Folder of the development data, or None.
    unpack
        Gives the folder of an unpacked archive of the development data.
    """

    def __init__(
        self, folder: Path, data: Path | None = None, unpack: Callable[[str], Path] | None = None
    ) -> None:
        self._folder, self.data, self.unpack = folder, data, unpack
        self._made: dict[str, list[pydicom.Dataset]] = {}

    def slices(self, kind: str = "trunk") -> list[pydicom.Dataset]:
        """Own copies of a phantom's slices, foot to head.

        `kind` is ``trunk``, ``head``, ``cut`` (off centre) or ``clothed`` (arms down, blanket).
        """
        if kind not in self._made:
            self.truth(kind)
            files = sorted((self._folder / kind / "dicom").iterdir(), reverse=True)
            self._made[kind] = [_with_identity(pydicom.dcmread(file)) for file in files]
        return copy.deepcopy(self._made[kind])

    def report(self, kind: str = "trunk") -> pydicom.Dataset:
        """A phantom's dose report, of the same person as its slices."""
        self.truth(kind)
        data = pydicom.dcmread(self._folder / kind / "rdsr" / "dose_report.dcm")
        return _with_identity(data)

    def truth(self, kind: str = "trunk") -> Path:
        """The phantom's label map, with its tables beside it."""
        folder = self._folder / kind
        if not folder.exists():
            write_dicom(_PHANTOMS[kind], folder)
        return folder / "truth" / "segmentation.nii.gz"


_PHANTOMS = {
    "trunk": Phantom(seed=7, shape=(96, 96, 16), spacing_mm=(4.5, 4.5, 20.0)),
    "head": Phantom(seed=7, variant="head", shape=(96, 96, 16), spacing_mm=(2.6, 2.6, 12.0)),
    "cut": Phantom(
        seed=7, shape=(96, 96, 16), spacing_mm=(4.5, 4.5, 20.0), offset_mm=(-120.0, 0.0, 0.0)
    ),
    "clothed": Phantom(
        seed=7, shape=(96, 96, 16), spacing_mm=(5.5, 5.5, 20.0), arms="down", blanket=True
    ),
}


def _with_identity(data: pydicom.Dataset) -> pydicom.Dataset:
    data.PatientName = f"{FAMILY_NAME}^{GIVEN_NAME}"
    data.PatientID = PATIENT_ID
    data.PatientBirthDate = BIRTH_DATE
    data.PatientAge = "050Y"
    data.SeriesDescription = f"Trunk {FAMILY_NAME} {PATIENT_ID}"
    data.PatientComments = f"{GIVEN_NAME} {FAMILY_NAME}"
    return data


def write(slices: Iterable[pydicom.Dataset], folder: Path, prefix: str = "slice") -> Path:
    """Write data sets as files of `folder`, named by their order."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, data in enumerate(slices):
        data.save_as(folder / f"{prefix}_{n:02d}.dcm", enforce_file_format=True)
    return folder


def alter(slices: list[pydicom.Dataset], **tags: object) -> list[pydicom.Dataset]:
    """Set tags in all slices; None takes a tag out, a callable is called with k."""
    for k, data in enumerate(slices):
        for keyword, value in tags.items():
            value = value(k) if callable(value) else value
            if value is None:
                if keyword in data:
                    delattr(data, keyword)
            else:
                setattr(data, keyword, value)
    return slices


def pixels(data: pydicom.Dataset) -> np.ndarray:
    """Stored values [j, i], a copy."""
    return np.frombuffer(data.PixelData, "<i2").reshape(data.Rows, data.Columns).copy()


def put_pixels(data: pydicom.Dataset, stored: np.ndarray) -> pydicom.Dataset:
    """Replace the pixels; size, sign and bits follow the array."""
    data.Rows, data.Columns = stored.shape
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    data.BitsAllocated = data.BitsStored = 8 * stored.dtype.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelData = stored.tobytes()
    data["PixelData"].VR = "OW"
    return data


def new_series(slices: list[pydicom.Dataset], number: int, **tags: object) -> list:
    """The slices as another series of the same study."""
    return alter(
        slices,
        SeriesInstanceUID=f"{UID}.{number}",
        SeriesNumber=number,
        SOPInstanceUID=lambda k: f"{UID}.{number}.{k + 1}",
        **tags,
    )


def shipped(name: str) -> Path:
    """A test file that comes with pydicom."""
    return Path(pydicom.__file__).parent / "data" / "test_files" / name


def copied(source: Path, folder: Path, name: str | None = None) -> Path:
    """A copy of a file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(source, folder / (name or source.name)))
