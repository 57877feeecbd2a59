"""A volume and its segmentation, handed to another process through a temporary folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer

from ..errors import OutputError

BUNDLED = "bundled"
# What a result has of a dose model in a folder, whose name may be a patient's and is not kept.
FOLDER_MODELS = ("published", "trained")
NO_EDITS = (
    "Doses of a dose model in a folder do not follow edits: press Apply with this segmentation."
)
RESULT_FOLDER = "result"
SEGMENTATION_FILE = "segmentation.nii.gz"


@dataclass
class StagedAnalysis:
    """One analysis handed to another process.

    Attributes
    ----------
    volumeID, givenID
        Node IDs of the CT and of the segmentation that was given; the latter empty if none was.
    folder
        Temporary folder with what was handed over; its name says nothing about the patient.
    arguments
        Of the command.
    series
        The CT as it was handed over.
    choices
        What the user chose, for the provenance.
    output
        Where the user wants the files; None if the result comes into the scene.
    """

    volumeID: str
    givenID: str
    folder: Path
    arguments: list[str]
    series: Any
    choices: dict[str, Any] = field(default_factory=dict)
    output: str | Path | None = None

    def clear(self) -> None:
        """Remove the temporary folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def hand_over(
    volumeNode: Any,
    series: Any,
    labelmap: Any,
    arguments: list[str],
    choices: dict[str, Any],
    *,
    givenID: str = "",
    output: str | Path | None = None,
) -> StagedAnalysis:
    """Write the volume, and the label map if there is one, and say how to analyse them.

    Raises
    ------
    OutputError
        If the folder for temporary files is full or cannot be written.
    """
    from ..outputs.tables import write_labelmap
    from ..reading.npy_volume import write_npy_volume

    folder = None
    try:
        folder = _temporary_folder()
        write_npy_volume(series, folder / "volume.npy")
        command = ["analyze", str(folder / "volume.npy"), *arguments]
        # The task has another working directory.
        command += ["--output", os.path.abspath(output or folder / RESULT_FOLDER)]
        if labelmap is not None:
            given = folder / "given"
            given.mkdir()
            write_labelmap(labelmap, given)
            command += ["--segmentation", str(given / SEGMENTATION_FILE)]
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(_refusal()) from error
    return StagedAnalysis(volumeNode.GetID(), givenID, folder, command, series, choices, output)


def _refusal() -> str:
    return (
        "The volume cannot be handed over: the folder for temporary files is full or cannot be "
        "written. Free some space, or choose another folder in Slicer's settings (Cache)."
    )


def _temporary_folder() -> Path:
    application = getattr(slicer, "app", None)
    parent = application.temporaryPath if application is not None else None
    return Path(tempfile.mkdtemp(prefix="ctdoseseg-", dir=parent))
