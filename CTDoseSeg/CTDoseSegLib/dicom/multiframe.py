"""Enhanced (multi-frame) CT: each frame becomes a slice header of its own.

Position, orientation, pixel measures, rescaling and exposure come from the frame's own
functional groups, else from the shared ones, else from the file's top level (PS3.3, C.7.6.16).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import InputError
from .header import Header

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "NumberOfFrames")
# Enhanced CT has names of its own for what single-slice CT calls otherwise.
_SAME = {
    "FrameType": "ImageType",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "FrameAcquisitionDateTime": "AcquisitionDateTime",
}


def split_frames(header: Header) -> Iterator[Header]:
    """Yield slice headers of the frames of a multi-frame file.

    Parameters
    ----------
    header
        Of the file.

    Yields
    ------
    Header
        Of each frame, in their order.

    Raises
    ------
    InputError
        If the functional groups are missing or do not fit the number of frames.
    """
    shared = header.values.get("SharedFunctionalGroupsSequence", ())
    per_frame = header.values.get("PerFrameFunctionalGroupsSequence", ())
    count = header.integer("NumberOfFrames", 1)
    if len(per_frame) != count:
        raise InputError(
            f"{header.name}: {count} frames but functional groups for {len(per_frame)} "
            "(5200,9230); the file is damaged or not an enhanced CT, export it again."
        )
    top = {key: value for key, value in header.values.items() if key not in _GROUPS}
    size = _frame_bytes(header)
    for index, own in enumerate(per_frame):
        values = {**top, **(shared[0] if shared else {}), **own}
        values.update({new: values[old] for old, new in _SAME.items() if old in values})
        # One file has one instance number: the frame's own place keeps the order defined.
        values["InstanceNumber"] = (float(index + 1),)
        offset = None if header.pixel_offset is None else header.pixel_offset + index * size
        yield replace(
            header,
            values=values,
            frame=index,
            pixel_offset=offset,
            pixel_bytes=max(0, header.pixel_bytes - index * size),
        )


def _frame_bytes(header: Header) -> int:
    bits = header.integer("BitsAllocated", 16)
    return header.integer("Rows") * header.integer("Columns") * bits // 8
