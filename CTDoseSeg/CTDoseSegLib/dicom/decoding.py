"""Stored pixel values of a slice: read where they lie uncompressed, else through a decoder."""

from __future__ import annotations

import warnings

import numpy as np

from ..errors import PixelDataError
from .elements import parse_errors
from .header import PIXELS, Header

# Larger than any CT matrix; a header that claims more is damaged.
MAX_SIDE = 4096
# Syntax UID to its name and the package whose decoder pydicom uses (where none, SimpleITK reads).
CODECS = {
    "1.2.840.10008.1.2.4.50": ("JPEG Baseline", "pylibjpeg-libjpeg"),
    "1.2.840.10008.1.2.4.51": ("JPEG Extended", "pylibjpeg-libjpeg"),
    "1.2.840.10008.1.2.4.53": ("JPEG Spectral Selection (Process 6 and 8)", ""),
    "1.2.840.10008.1.2.4.55": ("JPEG Full Progression (Process 10 and 12)", ""),
    "1.2.840.10008.1.2.4.57": ("JPEG Lossless", "pylibjpeg-libjpeg"),
    "1.2.840.10008.1.2.4.70": ("JPEG Lossless SV1", "pylibjpeg-libjpeg"),
    "1.2.840.10008.1.2.4.80": ("JPEG-LS Lossless", "pyjpegls"),
    "1.2.840.10008.1.2.4.81": ("JPEG-LS Near-Lossless", "pyjpegls"),
    "1.2.840.10008.1.2.4.90": ("JPEG 2000 Lossless", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.91": ("JPEG 2000", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.201": ("High-Throughput JPEG 2000 Lossless", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.202": ("High-Throughput JPEG 2000 RPCL", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.4.203": ("High-Throughput JPEG 2000", "pylibjpeg-openjpeg"),
    "1.2.840.10008.1.2.5": ("RLE Lossless", "pylibjpeg-rle"),
}
_RESCALE = {"RescaleSlope": "(0028,1053)", "RescaleIntercept": "(0028,1052)"}
# PS3.5: the JPEG processes that are not lossless, and those that may be either.
LOSSY = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55, 81)}
MAY_BE_LOSSY = {"1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"}


def is_lossy(header: Header) -> bool:
    """Return whether the pixels went through a lossy compression, now or before."""
    if header.text("LossyImageCompression") == "01":
        return True
    stated = header.text("LossyImageCompression")
    return header.transfer_syntax in LOSSY or (
        header.transfer_syntax in MAY_BE_LOSSY and stated != "00"
    )


def check_size(header: Header) -> None:
    """Refuse impossible sizes before anything is allocated.

    Parameters
    ----------
    header
        Of a slice.

    Raises
    ------
    PixelDataError
        If rows, columns or bits are not those of a CT slice, or the file is shorter than they need.
    """
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE):
        raise PixelDataError(
            f"{header.name}: Rows x Columns (0028,0010-0011) is {rows} x {columns}; a CT slice has "
            f"1 to {MAX_SIDE} of each, so the header is damaged: export the file again."
        )
    if header.integer("SamplesPerPixel", 1) != 1:
        raise PixelDataError(
            f"{header.name}: a colour picture, not CT numbers; give the CT series itself."
        )
    bits = header.integer("BitsAllocated", 16)
    if bits not in (8, 16, 32):
        raise PixelDataError(
            f"{header.name}: BitsAllocated (0028,0100) is {bits}, not 8, 16 or 32; export it again."
        )
    if header.pixel_offset is not None and header.pixel_bytes < rows * columns * bits // 8:
        raise PixelDataError(
            f"{header.name}: the pixels are cut off after {header.pixel_bytes} of "
            f"{rows * columns * bits // 8} bytes; copy or export the file again."
        )
    if PIXELS in header.problems:
        raise PixelDataError(
            f"{header.name}: its pixels (7FE0,0010) are fewer than their length states, so that "
            "they may be shifted; copy or export the file again."
        )


def rescale(header: Header) -> tuple[float, float, str]:
    """Return slope, intercept, and the tags of the two that the file does not state.

    Raises
    ------
    PixelDataError
        If one of them is there and is no number.
    """
    for keyword, tag in _RESCALE.items():
        if keyword in header.problems:
            raise PixelDataError(
                f"{header.name}: {keyword} {tag} is not a number, so there are no HU; export the "
                "original series."
            )
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    absent = [f"{name} {tag}" for name, tag in _RESCALE.items() if header.number(name) is None]
    return 1.0 if slope is None else slope, intercept or 0.0, " and ".join(absent)


class PixelReader:
    """Reads stored values, one slice after the other, into the same buffer.

    Parameters
    ----------
    rows, columns
        Of every slice.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self._buffer = np.empty((rows, columns), np.uint16)
        self._decoded: tuple[str, np.ndarray] | None = None

    def read(self, header: Header) -> np.ndarray:
        """Read the stored values of a slice; they are valid until the next call.

        Parameters
        ----------
        header
            Of a slice whose size was checked.

        Returns
        -------
        numpy.ndarray
            Integers, [j, i], before slope and intercept.

        Raises
        ------
        PixelDataError
            If the pixels cannot be read or decoded, or have another size than the header states.
        """
        bits = header.integer("BitsAllocated", 16)
        if header.pixel_offset is None or bits != 16:
            return self._decode(header)
        try:
            with open(header.path, "rb", buffering=0) as file:
                file.seek(header.pixel_offset)
                count = file.readinto(self._buffer.data.cast("B"))
        except OSError as error:
            raise PixelDataError(f"{header.name}: cannot be read ({error.strerror}).") from error
        if count != self._buffer.nbytes:
            raise PixelDataError(
                f"{header.name}: the pixels are cut off after {count} of {self._buffer.nbytes} "
                "bytes; copy or export the file again."
            )
        if header.transfer_syntax == "1.2.840.10008.1.2.2":
            self._buffer.byteswap(inplace=True)
        signed = header.integer("PixelRepresentation") == 1
        buffer = self._buffer.view(np.int16) if signed else self._buffer
        return stored_values(buffer, header)

    def _decode(self, header: Header) -> np.ndarray:
        """Decode a slice with pydicom's decoders; all frames of a file are decoded once."""
        if self._decoded is None or self._decoded[0] != header.path:
            self._decoded = (header.path, _decode_file(header))
        pixels = self._decoded[1]
        frame = pixels[header.frame] if pixels.ndim == 3 else pixels
        if frame.shape != self._buffer.shape:
            raise PixelDataError(
                f"{header.name}: {frame.shape[1]} x {frame.shape[0]} pixels were decoded where the "
                f"header says {self._buffer.shape[1]} x {self._buffer.shape[0]}; export it again."
            )
        return stored_values(frame.copy(), header)


def _decode_file(header: Header) -> np.ndarray:
    import pydicom

    if header.pixel_offset is None and _decoder_missing(header.transfer_syntax):
        return _decode_by_itk(header)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(header.path, force=True)
            if "PixelData" not in dataset:
                raise PixelDataError(
                    f"{header.name}: it has no pixels (7FE0,0010); export the images again."
                )
            if not getattr(dataset.file_meta, "TransferSyntaxUID", ""):
                dataset.file_meta.TransferSyntaxUID = header.transfer_syntax
            dataset.pixel_array_options(decoding_plugin=_plugin(header.transfer_syntax))
            return dataset.pixel_array
    except RecursionError:
        raise PixelDataError(f"{header.name}: its sequences are nested too deeply.") from None
    except PixelDataError:
        raise
    except BaseException as error:
        # The RLE decoder is written in Rust: its panics derive from BaseException and their class
        # cannot be imported.
        if not isinstance(error, (RuntimeError, *parse_errors())) and (
            type(error).__name__ != "PanicException"
        ):
            raise
        raise PixelDataError(
            f"{header.name}: the pixels are damaged or cut off; copy or export the file again."
        ) from error


def _plugin(transfer_syntax: str) -> str:
    """Return the decoder that this package brings; empty (any) where it has none for the syntax.

    Another one that happens to be installed (gdcm) would be taken first, and prints on its own.
    """
    from pydicom.pixels import get_decoder

    plugin = CODECS.get(transfer_syntax, ("", ""))[1].partition("-")[0]
    if not plugin:
        return ""
    try:
        return plugin if plugin in get_decoder(transfer_syntax).available_plugins else ""
    except NotImplementedError:
        return ""


def _decode_by_itk(header: Header) -> np.ndarray:
    """Decode with SimpleITK's own decoders, where pydicom has none for the syntax."""
    import SimpleITK

    codec, package = CODECS.get(
        header.transfer_syntax, (f"transfer syntax {header.transfer_syntax or 'unknown'}", "")
    )
    advice = f"install the package {package}" if package else "export it uncompressed"
    missing = PixelDataError(
        f"{header.name}: the pixels are compressed as {codec}, which no installed decoder reads, "
        f"or they are damaged; {advice}."
    )
    if header.integer("NumberOfFrames", 1) > 1:
        raise missing
    try:
        hu = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(header.path))
    except RuntimeError as error:
        raise missing from error
    slope, intercept, _ = rescale(header)
    # SimpleITK applies slope and intercept; the stored integers come back by rounding.
    return np.rint((hu[0] - intercept) / slope).astype(np.int32)


def _decoder_missing(syntax: str) -> bool:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return not get_decoder(UID(syntax)).is_available
    except NotImplementedError:
        return True


def stored_values(words: np.ndarray, header: Header) -> np.ndarray:
    """Return what the words of a slice mean by BitsStored, HighBit and PixelRepresentation.

    Parameters
    ----------
    words
        Integers, [j, i], as wide as BitsAllocated or wider; changed in place where they hold more
        than the value.
    header
        Of the slice.

    Returns
    -------
    numpy.ndarray
        The same array.

    Raises
    ------
    PixelDataError
        If HighBit contradicts BitsStored or the words.

    Notes
    -----
    The value lies in the BitsStored bits up to HighBit (PS3.5 section 8.1.1). What lies above was
    an overlay once (retired, section 8.1.2) and is no part of it; a sign is extended from the
    value's highest bit. A lossy decoder that oversteps the range has no overlay: it is clipped.
    """
    allocated = header.integer("BitsAllocated", 16)
    bits = header.integer("BitsStored", allocated)
    if not 0 < bits <= allocated:
        bits = allocated
    shift = header.integer("HighBit", bits - 1) + 1 - bits
    if shift < 0 or bits + shift > allocated:
        raise _wrong_high_bit(header, "cannot be")
    if shift:
        if (words & words.dtype.type((1 << shift) - 1)).any():
            raise _wrong_high_bit(header, "would leave out bits that are set")
        words >>= words.dtype.type(shift)
    if bits == 8 * words.dtype.itemsize:
        return words
    if header.integer("PixelRepresentation") == 1:
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    else:
        low, high = 0, (1 << bits) - 1
    if (not low or words.min() >= low) and words.max() <= high:
        return words
    if is_lossy(header):
        np.clip(words, low, high, out=words)
    elif low:
        above = words.dtype.type(8 * words.dtype.itemsize - bits)
        words <<= above
        words >>= above
    else:
        words &= words.dtype.type(high)
    return words


def _wrong_high_bit(header: Header, what: str) -> PixelDataError:
    return PixelDataError(
        f"{header.name}: HighBit (0028,0102) {header.integer('HighBit')} {what} with BitsStored "
        f"(0028,0101) {header.integer('BitsStored')} and BitsAllocated (0028,0100) "
        f"{header.integer('BitsAllocated', 16)}; export the file again."
    )
