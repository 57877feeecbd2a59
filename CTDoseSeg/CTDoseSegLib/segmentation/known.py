"""What is known of a label map beside its file, where a task hands one to another.

Slicer's process analyses a label map in the scene by a task of its own, which must know what the
engine said of the organs that nobody edited. A label map that a person gives has no such file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ..flags import Flag
from .doubt import CHANGES, Doubt, OrganDoubt
from .edited import KEPT
from .labelmap import Labelmap

KNOWN_FILE = "ctdoseseg_known.json"


def write_known(labelmap: Labelmap, folder: Path) -> None:
    """Write flags and doubt that hold beyond an edit to the folder of the label map's file."""
    atoms = labelmap.doubt.atoms if labelmap.doubt else {}
    content = {
        "flags": [asdict(one) for one in labelmap.flags if one.code in KEPT],
        "doubt": {
            name: {key: np.asarray(value).tolist() for key, value in vars(one).items()}
            for name, one in atoms.items()
        },
    }
    folder.joinpath(KNOWN_FILE).write_text(json.dumps(content), encoding="utf-8")


def with_known(labelmap: Labelmap, folder: Path) -> Labelmap:
    """Return a label map with what `write_known` wrote beside its file; as it is without that."""
    path = folder / KNOWN_FILE
    if not path.is_file():
        return labelmap
    content = json.loads(path.read_text(encoding="utf-8"))
    flags = tuple(Flag.from_plain(one) for one in content["flags"])
    atoms = {}
    for name, one in content["doubt"].items():
        less, more, again = (np.array(one[change], float) for change in CHANGES)
        atoms[name] = OrganDoubt(one["drawn"], one["again"], one["both"], less, more, again)
    return replace(labelmap, flags=(*labelmap.flags, *flags), doubt=Doubt(atoms) if atoms else None)
