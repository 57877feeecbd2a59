"""CT and MR images as they are for a network: every stack of a folder, without any exposure.

`reader` takes the one series of a folder that is fit for dosimetry. Here every series of axial
images is taken, MR too, and nothing is read of how it was exposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..ct.acquisition import Acquisition
from ..ct.series import CTSeries, SliceInfo
from ..dicom.header import Header
from ..errors import InputError
from ..flags import flag
from ..tasks.progress import Progress
from .array_series import pixel_identity
from .choice import series_meant
from .dicom_volume import stack_volume
from .grouping import SliceGroup, group_slices
from .headers import read_headers
from .selection import PICTURES, SeriesCandidate, why_unusable
from .series_description import candidate_of, description
from .volume_file import is_volume_file

HEADERS_SHARE = 0.3  # of the progress: headers first, then pixels
# A pixel size that is typed may differ from the image's by this: it was rounded.
SAME_PIXEL = 0.01
_OF_HU = ("not_hu", "rescale_type")
_ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


@dataclass(frozen=True)
class FieldOfView:
    """What a user states of images whose pixel size is missing.

    Attributes
    ----------
    width_mm
        Width of a row of pixels.
    matrix
        Pixels in a row; None: as many as the image has.
    """

    width_mm: float
    matrix: int | None = None


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class ImageStack:
    """One stack of images.

    Attributes
    ----------
    series
        Values, geometry and slices; its acquisition is empty. Values of an MR are its own. Its
        flags state what is not regular about geometry and kind, and of a CT about values.
    modality
        ``CT`` or ``MR``.
    instances
        InstanceNumber of each slice, None where it has none.
    note
        What is to know about it, in sentences; may be empty.
    """

    series: CTSeries
    modality: str
    instances: tuple[int | None, ...]
    note: str = ""


@dataclass(frozen=True)
class ImageGroup:
    """Slices of one series that can be stacked, not yet read.

    Attributes
    ----------
    group
        The slices.
    label
        Number, description and size of the series; no identity.
    modality
        As written.
    unusable
        Why it is left out; empty where it can be read.
    note
        As of `ImageStack`.
    """

    group: SliceGroup
    label: str
    modality: str
    unusable: str = ""
    note: str = ""


def image_groups(
    path: str | Path,
    series_uid: str | None = None,
    view: FieldOfView | None = None,
    progress: Progress | None = None,
) -> tuple[ImageGroup, ...]:
    """Find the stacks of images in a folder.

    Parameters
    ----------
    path
        A DICOM folder (searched with its subfolders) or file.
    series_uid
        The one series to take, by its UID or the end of it; None: all of them.
    view
        Field of view of images that do not state their pixel size.
    progress
        Receives progress; may cancel.

    Returns
    -------
    tuple of ImageGroup
        Those that can be read and those that cannot, in the order of their series numbers.

    Raises
    ------
    InputError
        If there is no DICOM file, no such series, or the field of view contradicts the images.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path.name} does not exist; check the path.")
    if not path.is_dir() and is_volume_file(path):
        raise InputError(
            f"{path.name} is a volume file, and this takes a folder of DICOM images; segment the "
            "file by the network with: ctdoseseg segment FILE --engine unet --unet FOLDER"
        )
    headers = read_headers(path, progress or Progress(), 1.0).headers
    if series_uid is not None:
        uid = series_meant(series_uid, {h.text("SeriesInstanceUID") for h in headers})
        headers = tuple(h for h in headers if h.text("SeriesInstanceUID") == uid)
    return described_groups(headers, view)


def described_groups(
    headers: Sequence[Header], view: FieldOfView | None = None
) -> tuple[ImageGroup, ...]:
    """Return the stacks that images make, as `image_groups` does those of a folder."""
    groups = group_slices(headers)
    sizes: dict[object, set[tuple[int, int]]] = {}
    for group in groups:
        sizes.setdefault(group.series, set()).add(_size(group.headers[0]))
    found = [_described(group, n, len(sizes[group.series]), view) for n, group in enumerate(groups)]
    order = sorted(range(len(found)), key=lambda n: (found[n][0], n))
    return tuple(found[n][1] for n in order)


def read_stack(group: ImageGroup, progress: Progress | None = None) -> ImageStack:
    """Read the images of a group: HU of a CT, the stored values of an MR.

    Parameters
    ----------
    group
        One that is not unusable.
    progress
        Receives progress; may cancel.

    Returns
    -------
    ImageStack

    Raises
    ------
    GeometryError, PixelDataError
        If the slices make no volume; the sentence names the file.
    """
    progress = progress or Progress()
    volume = stack_volume(group.group, progress, (0.0, 1.0))
    headers, is_ct = volume.headers, group.modality == "CT"
    note = group.note
    if others := len(group.group.headers) - len(headers):
        note += f" {others} further images at the same positions were left out."
    flags = tuple(one for one in volume.flags if is_ct or one.code not in _OF_HU)
    if not volume.regular:
        flags += (flag("slices_not_regular"),)
    series = CTSeries(
        hu=volume.hu,
        affine=volume.affine,
        slices=tuple(SliceInfo(z_mm=z) for z in volume.z_mm),
        acquisition=Acquisition(),
        identity=headers[0].text("SeriesInstanceUID") or pixel_identity(volume.hu),
        regular=volume.regular,
        flags=flags,
        description=description(headers[0]),
        files=tuple(header.path for header in headers),
    )
    numbers = (header.number("InstanceNumber") for header in headers)
    instances = tuple(None if number is None else int(number) for number in numbers)
    return ImageStack(series, group.modality, instances, note.strip())


def _described(
    group: SliceGroup, index: int, sizes: int, view: FieldOfView | None
) -> tuple[int, ImageGroup]:
    """Return the series number, for the order, and the group with what speaks against it."""
    first = group.headers[0]
    candidate = candidate_of(group.headers, index=index)
    unusable, note = _why_unusable(first, candidate), ""
    if not unusable and view is not None:
        group = replace(group, headers=tuple(_with_pixel_size(h, view) for h in group.headers))
    elif not unusable and len(first.numbers("PixelSpacing")) != 2:
        unusable = (
            "PixelSpacing (0028,0030) is missing, so no area can be measured; give the field of "
            "view with --fov"
        )
    if sizes > 1:
        rows, columns = _size(first)
        note = (
            f"The series has images of {sizes} sizes; these are of {columns} x {rows} pixels, and "
            "each size is a stack of its own."
        )
    number = candidate.series_number
    described = ImageGroup(group, candidate.label, candidate.modality or "CT", unusable, note)
    return 10**9 if number is None else number, described


def _why_unusable(first: Header, candidate: SeriesCandidate) -> str:
    """Return why images cannot be shown to a network, or an empty string."""
    if first.integer("SamplesPerPixel", 1) != 1:
        return "its images are in colour, not values of a CT or MR"
    mr, sop_class = candidate.modality == "MR", candidate.sop_class
    if mr:  # what else speaks against a CT speaks against an MR too
        picture = sop_class if sop_class.startswith(PICTURES) else ""
        candidate = replace(candidate, modality="CT", sop_class=picture)
    if reason := why_unusable(candidate):
        return reason
    if mr and (first.integer("NumberOfFrames", 1) > 1 or sop_class == _ENHANCED_MR):
        return "it is a multi-frame MR; export it with one image a file"
    if candidate.axial is None:
        return "position or orientation is missing or impossible (0020,0032, 0020,0037)"
    if not candidate.axial:
        return "its images are not axial, and a network is shown axial slices"
    return ""


def _size(header: Header) -> tuple[int, int]:
    return header.integer("Rows"), header.integer("Columns")


def _with_pixel_size(header: Header, view: FieldOfView) -> Header:
    """Return the header with the pixel size that follows from the field of view.

    Raises
    ------
    InputError
        If the matrix is not the image's, or the image states another pixel size.
    """
    columns = header.integer("Columns")
    if not columns:
        return header
    if view.matrix is not None and view.matrix != columns:
        raise InputError(
            f"{header.name}: it has {columns} pixels in a row, not the {view.matrix} of --matrix; "
            "a pixel is the field of view divided by the pixels of the image: leave out --matrix."
        )
    pixel_mm = view.width_mm / columns
    stated = header.numbers("PixelSpacing")
    if len(stated) == 2 and abs(stated[1] - pixel_mm) > SAME_PIXEL * stated[1]:
        raise InputError(
            f"{header.name}: PixelSpacing (0028,0030) is {stated[1]:g} mm, and --fov means "
            f"{pixel_mm:.4g} mm; leave out --fov, or correct it to {stated[1] * columns:.4g} mm."
        )
    if len(stated) == 2:
        return header
    return replace(header, values={**header.values, "PixelSpacing": (pixel_mm, pixel_mm)})


def sentences(groups: Sequence[ImageGroup]) -> tuple[str, ...]:
    """Return one sentence for each group that is left out."""
    return tuple(
        f"{one.label[:1].upper()}{one.label[1:]} was left out: {one.unusable}."
        for one in groups
        if one.unusable
    )
