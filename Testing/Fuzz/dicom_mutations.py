"""Mutations of a DICOM series: tags, VRs, values, order, character sets, pixels, bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from dicom_files import make_slice, save

N_SLICES = 6
SECRET = "Secret"
# Values that no scanner writes, as text of a number.
NO_NUMBERS = ("", "0", "-1", "1e9", "NaN", "inf", "word", "1,x", "  ", "1\\2", "-0", "1e-9", "\\")
NUMBERS = (
    *("RescaleSlope", "RescaleIntercept", "KVP", "XRayTubeCurrent", "ExposureTime", "CTDIvol"),
    *("SpiralPitchFactor", "SliceThickness", "SliceLocation", "InstanceNumber"),
    *("AcquisitionNumber", "SeriesNumber"),
)
GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
SHAPE = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    "SamplesPerPixel",
)
WORDS = (
    *("ImageType", "Modality", "PhotometricInterpretation", "Manufacturer", "ConvolutionKernel"),
    *("SeriesDescription", "PatientName", "SOPInstanceUID", "SeriesInstanceUID"),
)
ALL = (*NUMBERS, *GEOMETRY, *SHAPE, *WORDS)
VRS = (b"FD", b"US", b"SQ", b"LO", b"UN", b"OB", b"IS", b"AT", b"UI")
SETS = ("ISO_IR 100", "ISO 2022 IR 87", "GB18030", "ISO_IR 192", "none such", "", "ISO 2022 IR 149")


def make(folder: Path) -> list[File]:
    """Write the series as it is; returns its files."""
    pixels = np.full((48, 48), 24, np.uint16)
    pixels[8:40, 6:42] = 1064
    paths = [
        save(
            make_slice(
                k,
                pixels,
                PixelSpacing=[8, 8],
                ImagePositionPatient=[-190, -190, 100 + 5 * k],
                SliceThickness=5,
                XRayTubeCurrent=200,
                RevolutionTime=0.5,
                SpiralPitchFactor=1.0,
                CTDIvol=9.0,
            ),
            folder / f"{k}.dcm",
        )
        for k in range(N_SLICES)
    ]
    return [File(path.read_bytes()) for path in paths]


def mutate(rng: np.random.Generator, files: list[File], folder: Path) -> str:
    """Replace files of `folder` by mutated ones; returns what was done."""
    chosen = MUTATIONS[rng.integers(len(MUTATIONS))]
    k = int(rng.integers(N_SLICES))
    return f"{chosen.__name__}, slice {k}, {chosen(rng, files, k, folder)}"


class File:
    """The elements of an explicit little-endian file without sequences, open to any damage.

    pydicom checks what it writes; here a value may be of no VR and of any bytes.
    """

    LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OD", b"OF", b"OL", b"OV")

    def __init__(self, data: bytes) -> None:
        self.start, self.elements = data[:132], {}
        place = 132
        while place < len(data):
            tag, vr = struct.unpack_from("<HH", data, place), data[place + 4 : place + 6]
            long = vr in self.LONG
            (length,) = struct.unpack_from("<I" if long else "<H", data, place + (8 if long else 6))
            place += 12 if long else 8
            self.elements[tag] = (vr, data[place : place + length])
            place += length

    def value(self, keyword: str) -> bytes:
        """Return the bytes of an element; none where it is absent."""
        return self.elements.get(tag_of(keyword), (b"", b""))[1]

    def with_(self, keyword: str, vr: bytes | None, value: bytes | None) -> bytes:
        """Return the file's bytes with another element; None: its own VR, or none at all."""
        tag = tag_of(keyword)
        changed = dict(self.elements)
        own = changed.pop(tag, (b"LO", b""))[0]
        if value is not None:
            changed[tag] = (vr or own, value)
        return self.start + b"".join(
            struct.pack("<HH", *tag) + vr + self._length(vr, value) + value
            for tag, (vr, value) in sorted(changed.items())
        )

    def _length(self, vr: bytes, value: bytes) -> bytes:
        long = vr in self.LONG
        return struct.pack("<HI" if long else "<H", *((0, len(value)) if long else (len(value),)))


def tag_of(keyword: str) -> tuple[int, int]:
    number = pydicom.datadict.tag_for_keyword(keyword)
    return number >> 16, number & 0xFFFF


def even(text: str) -> bytes:
    return text.encode() + b" " * (len(text.encode()) % 2)


def a_number_is_none(rng, files, k, folder) -> str:
    keyword, text = NUMBERS[rng.integers(len(NUMBERS))], NO_NUMBERS[rng.integers(len(NO_NUMBERS))]
    everywhere = bool(rng.integers(2))
    for n in range(N_SLICES) if everywhere else (k,):
        (folder / f"{n}.dcm").write_bytes(files[n].with_(keyword, b"DS", even(text)))
    return f"{keyword}={text!r}, {'all' if everywhere else 'one'}"


def a_tag_is_gone(rng, files, k, folder) -> str:
    keyword = ALL[rng.integers(len(ALL))]
    everywhere = bool(rng.integers(2))
    for n in range(N_SLICES) if everywhere else (k,):
        (folder / f"{n}.dcm").write_bytes(files[n].with_(keyword, None, None))
    return f"{keyword}, {'all' if everywhere else 'one'}"


def a_vr_is_wrong(rng, files, k, folder) -> str:
    keyword, vr = ALL[rng.integers(len(ALL))], VRS[rng.integers(len(VRS))]
    value = bytes(rng.integers(0, 256, int(rng.integers(0, 5)) * 2, dtype=np.uint8))
    (folder / f"{k}.dcm").write_bytes(files[k].with_(keyword, vr, value))
    return f"{keyword} as {vr.decode()}"


def geometry_is_torn(rng, files, k, folder) -> str:
    keyword = GEOMETRY[rng.integers(len(GEOMETRY))]
    values = files[k].value(keyword).decode().split("\\")
    n = int(rng.integers(len(values)))
    values[n] = NO_NUMBERS[rng.integers(len(NO_NUMBERS))]
    values = values[:n] if rng.integers(4) == 0 else values
    text = "\\".join(values)
    (folder / f"{k}.dcm").write_bytes(files[k].with_(keyword, None, even(text)))
    return f"{keyword}={text!r}"


def a_size_is_another(rng, files, k, folder) -> str:
    keyword = SHAPE[rng.integers(len(SHAPE))]
    value = int((0, 1, 3, 8, 12, 16, 32, 47, 49, 96, 512, 65535)[rng.integers(12)])
    (folder / f"{k}.dcm").write_bytes(files[k].with_(keyword, b"US", value.to_bytes(2, "little")))
    return f"{keyword}={value}"


def a_word_is_another(rng, files, k, folder) -> str:
    keyword = WORDS[rng.integers(len(WORDS))]
    value = bytes(rng.integers(0, 256, int(rng.integers(0, 12)) * 2, dtype=np.uint8))
    other = File(files[k].with_("SpecificCharacterSet", b"CS", even(SETS[rng.integers(len(SETS))])))
    (folder / f"{k}.dcm").write_bytes(other.with_(keyword, None, value))
    return f"{keyword}={value!r}"


def pixels_are_cut(rng, files, k, folder) -> str:
    pixels = files[k].value("PixelData")
    length = int(rng.integers(0, len(pixels) // 2)) * 2
    (folder / f"{k}.dcm").write_bytes(files[k].with_("PixelData", None, pixels[:length]))
    return f"{length} bytes"


def bytes_are_flipped(rng, files, k, folder) -> str:
    path = folder / f"{k}.dcm"
    data = bytearray(path.read_bytes())
    # In the header: a pixel that is another is no damage that could be seen.
    places = rng.integers(0, len(data) - 48 * 48 * 2 - 12, int(rng.integers(1, 4)))
    for place in places:
        data[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(bytes(data))
    return f"at {sorted(int(p) for p in places)}"


def a_file_is_cut(rng, files, k, folder) -> str:
    path = folder / f"{k}.dcm"
    length = int(rng.integers(0, path.stat().st_size))
    path.write_bytes(path.read_bytes()[:length])
    return f"after {length} bytes"


def bytes_are_inserted(rng, files, k, folder) -> str:
    path = folder / f"{k}.dcm"
    data = path.read_bytes()
    place = int(rng.integers(0, len(data) - 48 * 48 * 2))
    more = bytes(rng.integers(0, 256, int(rng.integers(1, 9)), dtype=np.uint8))
    path.write_bytes(data[:place] + more + data[place:])
    return f"{len(more)} at {place}"


def a_file_is_elsewhere(rng, files, k, folder) -> str:
    """Copy a slice, or take one of the inner ones away."""
    if rng.integers(2) or k in (0, N_SLICES - 1):
        (folder / f"copy{k}.dcm").write_bytes((folder / f"{k}.dcm").read_bytes())
        return "copied"
    (folder / f"{k}.dcm").unlink()
    return "removed"


MUTATIONS: tuple[Callable, ...] = (
    a_number_is_none,
    a_tag_is_gone,
    a_vr_is_wrong,
    geometry_is_torn,
    a_size_is_another,
    a_word_is_another,
    pixels_are_cut,
    bytes_are_flipped,
    a_file_is_cut,
    bytes_are_inserted,
    a_file_is_elsewhere,
)
