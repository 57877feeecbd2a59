"""One scan of a batch, brought into the scene: its CT from the archive, its result from the run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..errors import InputError
from . import packages
from .staging import BUNDLED

if TYPE_CHECKING:
    from .nodes.results import Results


@dataclass(frozen=True)
class Study:
    """A scan as read: its series, the folder of its result, what that was made with."""

    series: Any
    folder: Path
    choices: dict[str, Any]


def source_names(output: Path, key: str) -> Sequence[str]:
    """Return the names of the scan's files, by which `packages.ensure_nifti` judges."""
    from ..batch.ledger import planned_scan
    from ..batch.runner import LEDGER
    from ..batch.study import PRIVATE

    return planned_scan(output / PRIVATE / LEDGER, key).sources


def read_study(output: Path, key: str) -> Study:
    """Read the scan `key` of the run in `output`; touches no scene, so that a thread may do it."""
    from ..batch.ledger import planned_scan
    from ..batch.runner import LEDGER
    from ..batch.study import PRIVATE, RESULT, STUDIES, hand_over
    from ..reading.reader import read_series

    scan = planned_scan(output / PRIVATE / LEDGER, key)
    folder = output / STUDIES / key
    if not (folder / RESULT).exists():
        raise InputError(
            _("The scan {key} has no result; failures.csv holds the reason.").format(key=key)
        )
    with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as scratch:
        source = hand_over(scan, Path(scratch))[0]
        series = read_series(source, series_uid=scan.series_uid or None)
    return Study(series, folder, _choices(folder / RESULT))


def show_study(logic: Any, study: Study, key: str) -> Results:
    """Bring a scan that was read into the scene; `logic` is a `CTDoseSegLogic`."""
    from .nodes.volumes import add_volume, keep_stated

    volume = add_volume(study.series.hu, study.series.affine, f"CT {key}")
    if study.series.acquisition.sources:  # no DICOM database knows it
        keep_stated(volume, study.series)
    return logic.show(volume, study.series, study.folder, study.choices)


def load_study(logic: Any, output: Path, key: str) -> Results:
    """Load the scan `key` of the run in `output`; returns when it is in the scene."""
    packages.ensure_nifti(source_names(output, key))
    return show_study(logic, read_study(output, key), key)


def _choices(path: Path) -> dict[str, Any]:
    """What the result was made with, so that it follows edits in the same way."""
    from ..result import read_result

    result = read_result(path)
    return {
        "region": result.chosen("region", "auto"),
        "dose_model": result.chosen("dose_model", BUNDLED),
        "engine": result.chosen("engine", "auto"),
    }
