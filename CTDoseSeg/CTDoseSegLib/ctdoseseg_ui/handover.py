"""A volume and its segmentation, handed to another process through a temporary folder."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer

from ..errors import CTDoseSegError, OutputError

BUNDLED = "bundled"
RESULT_FOLDER = "result"
SEGMENTATION_FILE = "segmentation.nii.gz"


@dataclass
class Task:
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
    segmentationNode: Any,
    series: Any,
    arguments: list[str],
    choices: dict[str, Any],
    output: str | Path | None = None,
) -> Task:
    """Write the volume, and the segmentation if there is one, and say how to analyse them.

    Raises
    ------
    OutputError
        If the folder for temporary files is full or cannot be written.
    SegmentationError
        If the segmentation is empty.
    """
    from ..ct.volume_file import write_npy_volume

    try:
        folder = _temporary_folder()
    except OSError as error:
        raise OutputError(_refusal()) from error
    try:
        write_npy_volume(series, folder / "volume.npy")
        command = ["analyze", str(folder / "volume.npy"), *arguments]
        command += ["--output", str(output or folder / RESULT_FOLDER)]
        if segmentationNode is not None:
            command += ["--segmentation", str(_write(segmentationNode, volumeNode, series, folder))]
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(_refusal()) from error
    except CTDoseSegError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    given = segmentationNode.GetID() if segmentationNode is not None else ""
    return Task(volumeNode.GetID(), given, folder, command, series, choices, output)


def _refusal() -> str:
    return (
        "The volume cannot be handed over: the folder for temporary files is full or cannot be "
        "written. Free some space, or choose another folder in Slicer's settings (Cache)."
    )


def _temporary_folder() -> Path:
    application = getattr(slicer, "app", None)
    parent = application.temporaryPath if application is not None else None
    return Path(tempfile.mkdtemp(prefix="ctdoseseg-", dir=parent))


def _write(segmentationNode: Any, volumeNode: Any, series: Any, folder: Path) -> Path:
    from ..reporting.tables import write_labelmap
    from .segmentations import labelmap_of

    labelmap = labelmap_of(segmentationNode, volumeNode, series)
    given = folder / "given"
    given.mkdir()
    write_labelmap(labelmap, given)
    return given / SEGMENTATION_FILE
