"""The label map as a DICOM segmentation (SEG) by highdicom.

BINARY by default, uncompressed, frames without the segment left out: what every reader that was
tried takes. LABELMAP with RLE is forty times smaller and read by fewer programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import __version__
from ...errors import InputError
from ...segmentation.labelmap import Atom, Labelmap
from ...segmentation.user import ORIGIN
from .identity import MANUFACTURER, MODEL, RESEARCH, SEG_SERIES, SERIAL_NUMBER, Producer
from .organ_codes import NO_SEGMENT, code_of, rgb, side_item

if TYPE_CHECKING:
    from .source import SourceCT

EXPLICIT, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"
_LONGEST_LABEL = 64
# PS3.16, CID 7162: family of the algorithm.
_LEARNED = ("123110", "Artificial Intelligence")
_MORPHOLOGICAL = ("123105", "Morphological Operations")
_BY_HAND = ("123109", "Manual Processing")


@dataclass(frozen=True, eq=False)
class Segmented:
    """A SEG and what names its segments.

    Attributes
    ----------
    dataset
        The object.
    atoms
        Of its segments, in the order of their numbers, from 1.
    """

    dataset: Any
    atoms: tuple[Atom, ...]

    def number_of(self, name: str) -> int | None:
        """Return the number of the segment of this name; None where there is none."""
        for number, atom in enumerate(self.atoms, start=1):
            if atom.name == name:
                return number
        return None


def tracking_uid(producer: Producer, name: str) -> str:
    """Return the UID by which the objects of one result mean the same organ."""
    return producer.uid("organ", name)


def make_seg(
    source: SourceCT, labelmap: Labelmap, producer: Producer, *, as_labelmap: bool = False
) -> Segmented:
    """Make the SEG of a label map: a segment for each organ that has a voxel.

    Couch, headrest and the rest of the body are left out.

    Parameters
    ----------
    source
        The CT, of the grid of the label map.
    labelmap
        What to write.
    producer
        Gives the UIDs.
    as_labelmap
        Write segmentation type LABELMAP with RLE; otherwise BINARY, uncompressed.

    Returns
    -------
    Segmented

    Raises
    ------
    InputError
        If no organ has a voxel, or slices share one position.
    """
    import highdicom as hd

    present = set(np.unique(labelmap.labels).tolist())
    atoms = tuple(
        atom for atom in labelmap.atoms if atom.value in present and atom.name not in NO_SEGMENT
    )
    if not atoms:
        raise InputError("The label map has no organ, so that there is no segment to write.")
    kind = "LABELMAP" if as_labelmap else "BINARY"
    try:
        dataset = hd.seg.Segmentation(
            list(source.images),
            _numbered(source, labelmap, atoms),
            kind,
            [_description(atom, n, producer) for n, atom in enumerate(atoms, start=1)],
            producer.uid(kind, "series"),
            SEG_SERIES,
            producer.uid(kind, "instance"),
            1,
            MANUFACTURER,
            MODEL,
            __version__,
            SERIAL_NUMBER,
            transfer_syntax_uid=RLE if as_labelmap else EXPLICIT,
            omit_empty_frames=True,
            content_label="ORGANS",
            content_description="Organs for the estimation of dose",
            series_description=f"CTDoseSeg organs {RESEARCH}",
        )
    except ValueError as error:
        raise InputError(
            f"No DICOM SEG can be made of this CT's slices ({str(error).rstrip('.')}); the label "
            "map is complete in its own file."
        ) from error
    _add_sides(dataset, atoms)
    _own_dimensions(dataset, producer)
    return Segmented(dataset, atoms)


def _numbered(source: SourceCT, labelmap: Labelmap, atoms: tuple[Atom, ...]) -> np.ndarray:
    """Return the numbers of the segments in the order of the image's frames."""
    table = np.zeros(int(max(labelmap.labels.max(), 1)) + 1, np.uint8 if len(atoms) < 256 else "u2")
    for number, atom in enumerate(atoms, start=1):
        table[atom.value] = number
    numbers = table[labelmap.labels]
    if len(source.images) == len(numbers):
        return numbers
    frames = np.zeros((int(source.first.NumberOfFrames), *numbers.shape[1:]), numbers.dtype)
    frames[source.frames] = numbers
    return frames


def _description(atom: Atom, number: int, producer: Producer) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    given = atom.origin == ORIGIN
    kinds = hd.seg.SegmentAlgorithmTypeValues
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=atom.name[:_LONGEST_LABEL],
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=code_of(atom.name),
        # How the user's own were drawn is not known.
        algorithm_type=kinds.SEMIAUTOMATIC if given else kinds.AUTOMATIC,
        algorithm_identification=_algorithm(atom),
        tracking_uid=tracking_uid(producer, atom.name),
        tracking_id=atom.name[:_LONGEST_LABEL],
        display_color=hd.color.CIELabColor.from_rgb(*rgb(atom.color)),
    )


def _algorithm(atom: Atom) -> Any:
    import highdicom as hd
    from highdicom.sr import CodedConcept

    name = atom.origin
    if name == ORIGIN:
        family, words = _BY_HAND, "the user's segmentation"
    elif any(network in name.lower() for network in ("unet", "totalsegmentator")):
        family, words = _LEARNED, f"CTDoseSeg with {name}"
    else:
        family, words = _MORPHOLOGICAL, f"CTDoseSeg with {name}"
    return hd.AlgorithmIdentificationSequence(
        name=words[:_LONGEST_LABEL],
        family=CodedConcept(family[0], "DCM", family[1]),
        version=__version__,
        source=MANUFACTURER,
    )


def _add_sides(dataset: Any, atoms: tuple[Atom, ...]) -> None:
    """Add left and right, which highdicom takes no argument for."""
    for item in dataset.SegmentSequence:
        # In a LABELMAP segment 0 is the background.
        name = atoms[item.SegmentNumber - 1].name if item.SegmentNumber else ""
        if (side := side_item(name)) is not None:
            kind = item.SegmentedPropertyTypeCodeSequence[0]
            kind.SegmentedPropertyTypeModifierCodeSequence = [side]


def _own_dimensions(dataset: Any, producer: Producer) -> None:
    """Replace the one UID that highdicom draws by chance."""
    uid = producer.uid(dataset.SegmentationType, "dimensions")
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
