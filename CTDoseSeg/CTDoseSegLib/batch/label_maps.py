"""Which volume files of an archive are label maps, by their headers and names alone.

TotalSegmentator and others write label maps beside the CT with the same endings.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..reading.image_file import voxel_type

LABELS = "it is a label map (labels.csv is beside it)"
EIGHT_BITS = "it is a label map (its values have 8 bits, which hold no CT numbers)"
NAMED = "it is a label map by its name (seg, label or mask) and holds whole numbers"
_NAME = re.compile(r"(?:^|[^a-z])(?:totalseg|seg|segmentations?|labels?|labelmap|masks?)(?![a-z])")


def why_label_map(path: str) -> str:
    """Return why a volume file is no CT, or an empty string.

    One that cannot be read is for `analyze`.
    """
    if os.path.exists(os.path.join(os.path.dirname(path), "labels.csv")):
        return LABELS
    kind = voxel_type(Path(path))
    if kind in ("uint8", "int8", "bool"):
        return EIGHT_BITS
    whole = kind.startswith(("int", "uint"))
    return NAMED if whole and _NAME.search(os.path.basename(path).lower()) else ""
