"""The stage input of an analysis: a volume and its segmentation in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer

from ..errors import OutputError

BUNDLED = "bundled"
# What a result has of a dose model in a folder, whose name may be a patient's and is not kept.
FOLDER_MODELS = ("published", "trained")
REFUSAL = (
    "The volume cannot be written for the analysis: the folder for temporary files is full or "
    "cannot be written. Free some space, or choose another folder in Slicer's settings (Cache)."
)
NO_EDITS = (
    "Doses of a dose model in a folder do not follow edits: press Apply with this segmentation."
)
NO_BATCHES = (
    "Doses of a simulation whose batches were not kept do not follow edits: press Apply with this "
    "segmentation."
)
RESULT_FOLDER = "result"
# Where the simulated result of an export is staged.
SIMULATED_FOLDER = "simulated"


@dataclass
class StagedAnalysis:
    """One analysis in another process.

    Attributes
    ----------
    volume
        The CT, a node.
    givenID
        Node ID of the user segmentation; empty without one.
    folder
        Temporary folder with the stage input; nothing in its name is of the patient.
    arguments
        Of the command.
    series
        The CT as it was written there.
    choices
        What the user chose, for the provenance.
    output
        Where the user wants the files; None if the result comes into the scene.
    into
        Which result of the CT is filled, as in `Results.create`.
    """

    volume: Any
    givenID: str
    folder: Path
    arguments: list[str]
    series: Any
    choices: dict[str, Any] = field(default_factory=dict)
    output: str | Path | None = None
    into: str = ""

    def clear(self) -> None:
        """Remove the temporary folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def stage_input(
    volumeNode: Any,
    series: Any,
    labelmap: Any,
    arguments: list[str],
    choices: dict[str, Any],
    *,
    givenID: str = "",
    output: str | Path | None = None,
    into: str = "",
) -> StagedAnalysis:
    """Write the volume, and the label map if there is one, with the command that analyses them.

    Raises
    ------
    OutputError
        If the folder for temporary files is full or cannot be written.
    """
    from ..outputs.tables import SEGMENTATION, write_label_tables
    from ..reading.npy_volume import write_npy_array, write_npy_volume
    from ..segmentation.known import write_known

    folder = temporary_folder()
    with removed_on_failure(folder):
        write_npy_volume(series, folder / "volume.npy")
        command = ["analyze", str(folder / "volume.npy"), *arguments]
        # The task has another working directory.
        command += ["--output", os.path.abspath(output or folder / RESULT_FOLDER)]
        if labelmap is not None:
            segmentation = folder / "segmentation"
            segmentation.mkdir()
            labels = segmentation / f"{SEGMENTATION}.npy"
            write_npy_array(labelmap.labels, labelmap.affine, labels)
            write_label_tables(labelmap, segmentation)
            write_known(labelmap, segmentation)
            command += ["--segmentation", str(labels)]
    return StagedAnalysis(volumeNode, givenID, folder, command, series, choices, output, into)


def temporary_folder() -> Path:
    """Make the folder for the input of a task; nothing in its name is of the patient.

    Raises
    ------
    OutputError
        If the folder for temporary files is full or cannot be written.
    """
    application = getattr(slicer, "app", None)
    parent = application.temporaryPath if application is not None else None
    try:
        return Path(tempfile.mkdtemp(prefix="ctdoseseg-", dir=parent))
    except OSError as error:
        raise OutputError(REFUSAL) from error


@contextlib.contextmanager
def removed_on_failure(folder: Path) -> Iterator[None]:
    """Remove a task's folder where its input cannot be made: voxels of a patient lie in it.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    try:
        yield
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise OutputError(REFUSAL) from error
        raise
