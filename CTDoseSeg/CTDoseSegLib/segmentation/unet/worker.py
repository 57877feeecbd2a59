"""The bundled UNet in a process of its own, for `body_mask`.

Run as ``python -m CTDoseSegLib.segmentation.unet.worker REQUEST.json``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...ct.acquisition import Acquisition
from ...ct.series import CTSeries, SliceInfo
from ...errors import CTDoseSegError, SegmentationError
from ...tasks.progress import JsonLines, Progress
from ...tasks.standard_input import end_with_parent
from .doubts import why_not_used
from .engine import UNetEngine

LONGEST = 500


def main(path: str) -> int:
    """Carry out one request and return the exit code."""
    request = json.loads(Path(path).read_text(encoding="utf-8"))
    folder = Path(request["folder"])
    end_with_parent(folder)
    progress = JsonLines()
    try:
        progress.result(**_segment(request, folder, progress))
        return 0
    except CTDoseSegError as error:
        text = str(error)
    except Exception as error:  # noqa: BLE001 - reported to the parent, which uses thresholds
        text = f"{type(error).__name__}: {error}"
    progress.error("unet", text[:LONGEST], 3)
    return 3


def _segment(request: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Write the labels; return value, name and origin of each atom, and the flags."""
    device = request["device"]
    if device.startswith("gpu:"):
        import torch

        torch.cuda.set_device(int(device.partition(":")[2]))
    hu = np.load(folder / "hu.npy", mmap_mode="c", allow_pickle=False)
    slices = tuple(SliceInfo(z_mm=z) for z in request["z_mm"])
    series = CTSeries(hu, np.array(request["affine"]), slices, Acquisition(), "")
    engine = UNetEngine(device="cpu" if device == "cpu" else "auto")
    labelmap = engine.segment(series, progress)
    if why := why_not_used(labelmap):
        raise SegmentationError(why)
    np.save(folder / "labels.npy", labelmap.labels)
    return {
        "atoms": [(atom.value, atom.name, atom.origin) for atom in labelmap.atoms],
        "flags": [asdict(flag) for flag in labelmap.flags],
    }


if __name__ == "__main__":
    code = main(sys.argv[1])
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    # Without waiting for threads of libraries that may hang.
    os._exit(code)
