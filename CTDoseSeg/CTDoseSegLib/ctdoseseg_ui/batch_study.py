"""One scan of a batch, brought into the scene: its CT from the archive, its result from the run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from ..errors import InputError
from . import packages
from .staging import BUNDLED

if TYPE_CHECKING:
    from .nodes.results import Results


def load_study(logic: Any, output: Path, key: str) -> Results:
    """Load the scan `key` of the run in `output`; `logic`, a `CTDoseSegLogic`, shows it."""
    from ..batch.ledger import planned_scan
    from ..batch.runner import LEDGER
    from ..batch.study import PRIVATE, RESULT, STUDIES, hand_over
    from ..reading.reader import read_series

    scan = planned_scan(output / PRIVATE / LEDGER, key)
    folder = output / STUDIES / key
    if not (folder / RESULT).exists():
        raise InputError(f"The scan {key} has no result; failures.csv holds the reason.")
    with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as scratch:
        source, _ = hand_over(scan, Path(scratch))
        packages.ensure_nifti([source])
        series = read_series(source, series_uid=scan.series_uid or None)
        volume = _volume(series, f"CT {key}")
        return logic.show(volume, series, folder, _choices(folder / RESULT))


def _choices(path: Path) -> dict[str, Any]:
    """What the result was made with, so that it follows edits in the same way."""
    from ..result import read_result

    result = read_result(path)
    return {
        "region": result.chosen("region", "auto"),
        "dose_model": result.chosen("dose_model", BUNDLED),
        "engine": result.chosen("engine", "auto"),
    }


def _volume(series: Any, name: str) -> Any:
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(volume, series.hu)
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(series.affine))
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(400, 40)
    return volume
