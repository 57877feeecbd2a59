"""What lies under TotalSegmentator's organs: body, skin and couch, and trachea and bone.

The bundled UNet draws it wherever it can run, else thresholds do, and a flag states why. On plain
scans both are as good, and on phantoms neither takes more than 0.06 % of couch into the body. Where
the couch touches the skin or a blanket lies on it, body and lungs of held-out scans agree with
their labels at 0.996 and 0.991 by the UNet, 0.977 and 0.962 by thresholds (its model card).

The UNet runs in a process of its own: this one may be Slicer's, where torch must not be imported,
and its memory is free again before TotalSegmentator starts.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..ct.series import CTSeries
from ..errors import SegmentationError
from ..flags import Flag, flag
from ..flags.places import organ_of
from ..segmentation.atoms import groups_of, named_atom
from ..tasks.process import TEMPORARY, TaskProcess, module_command, write_to_stderr
from ..tasks.progress import Progress, Stage
from .labelmap import BODY_REST, Labelmap
from .reasons import without_remedy
from .threshold import engine
from .unet.engine import ENGINE, UNetEngine

WORKER = "CTDoseSegLib.segmentation.unet.worker"
KEPT = tuple(name for name in engine.NAMES if name != engine.BRAIN)
# Seconds for a trunk; more than this is a hang.
TIME_LIMIT_S = 3600.0


def find_body_mask(series: CTSeries, progress: Progress, device: str = "auto") -> Labelmap:
    """Return body, skin, couch, trachea, bone and lungs of `series`.

    Parameters
    ----------
    series
        A regular volume.
    progress
        Receives progress; may cancel.
    device
        For the UNet, as `TotalSegmentatorEngine` has it.

    Returns
    -------
    Labelmap
        On the grid of the series.

    Raises
    ------
    SegmentationError
        If thresholds find no body either.
    """
    able, reason = UNetEngine().available()
    reason = without_remedy(reason)
    if able:
        try:
            return _by_unet(series, Stage(progress, 0.0, 0.7), device)
        except (SegmentationError, OSError) as error:
            reason = str(error) or type(error).__name__
    labelmap = engine.segment(series, Stage(progress, 0.7, 1.0) if able else progress)
    return replace(labelmap, flags=(*labelmap.flags, flag("outline_by_rules", reason)))


def _by_unet(series: CTSeries, progress: Progress, device: str) -> Labelmap:
    """Segment by the bundled UNet in another process; SegmentationError where it fails."""
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY))
    try:
        np.save(folder / "hu.npy", series.hu)
        request = {
            "folder": str(folder),
            "affine": series.affine.tolist(),
            "z_mm": series.z_mm.tolist(),
            "device": device,
        }
        path = folder / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        with TaskProcess(module_command(WORKER, str(path)), on_log=write_to_stderr) as worker:
            for report in worker.follow(progress.check_cancelled, TIME_LIMIT_S):
                if report["event"] == "progress":
                    progress.update(report["fraction"], "drawing body and couch (UNet)")
        result = worker.result
        if worker.code != 0 or result is None:
            words = worker.last_words if (worker.code or 0) > 0 else ()
            why = worker.error["message"] if worker.error else ""
            raise SegmentationError(
                why or (words[-1] if words else "it was ended, as it is where memory is short")
            )
        labels = np.load(folder / "labels.npy", allow_pickle=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    body_mask = _without_organs(labels, result["atoms"], series)
    flags = (Flag.from_plain(one) for one in result["flags"])
    return replace(body_mask, flags=tuple(one for one in flags if _is_of(one, body_mask)))


def _is_of(one: Flag, labelmap: Labelmap) -> bool:
    """Return whether a flag is of the scan, or of an organ that the label map has."""
    organ = organ_of(one.place)
    return organ is None or organ in labelmap.groups


def _without_organs(
    labels: np.ndarray, drawn: list[tuple[int, str, str]], series: CTSeries
) -> Labelmap:
    """Keep what thresholds find in any scan: other organs are left to TotalSegmentator."""
    values = {name: value for value, name, _ in drawn}
    kept = tuple(named_atom(v, name, of) for v, name, of in drawn if name in KEPT)
    lookup = np.zeros(256, np.uint8)
    for value, name, _ in drawn:
        lookup[value] = value if name in KEPT else values[BODY_REST]
    groups = groups_of(atom.name for atom in kept)
    return Labelmap(lookup[labels], series.affine, kept, groups, ENGINE)


@dataclass(frozen=True)
class LaidAside:
    """A label map in a few bytes, while others need the memory.

    Attributes
    ----------
    rest
        The label map with one voxel.
    labels, shape
        The voxels, packed, and their grid.
    """

    rest: Labelmap
    labels: bytes
    shape: tuple[int, ...]

    @classmethod
    def of(cls, labelmap: Labelmap) -> LaidAside:
        """Pack a label map."""
        one = np.zeros((1, 1, 1), labelmap.labels.dtype)
        packed = zlib.compress(np.ascontiguousarray(labelmap.labels).data, 1)
        return cls(replace(labelmap, labels=one), packed, labelmap.labels.shape)

    def taken_back(self) -> Labelmap:
        """Return the label map as it was."""
        labels = np.frombuffer(bytearray(zlib.decompress(self.labels)), self.rest.labels.dtype)
        return replace(self.rest, labels=labels.reshape(self.shape))
