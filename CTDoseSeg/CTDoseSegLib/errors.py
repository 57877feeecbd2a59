"""Errors that end a task: no honest result is possible (`flags` stand beside one that is).

The text of an error is a sentence for the person who can act: what was found, where, what to do.
"""

from __future__ import annotations


class CTDoseSegError(Exception):
    """Base of all errors raised on purpose; the text is one sentence for the user."""

    exit_code = 3


class InputError(CTDoseSegError):
    """The input cannot be read or used: the sentence names the file or tag and what to do."""


class SeveralPatientsError(InputError):
    """The folder holds more than one patient; the sentence lists the series to choose from."""


class GeometryError(InputError):
    """Slices or grids do not fit together (shape, spacing, orientation, affine)."""


class PixelDataError(InputError):
    """Pixels are missing, truncated, or in a compression that no installed decoder reads."""


class SegmentationError(InputError):
    """A label map cannot be used, or an engine could not make one."""


class AcquisitionError(InputError):
    """A value about the exposure, read or typed, is impossible."""


class CompositionError(InputError):
    """A substance is unknown, or its elements, density or contrast medium are impossible."""


class DoseReportError(InputError):
    """A dose report cannot be read, or the file is none."""


class ModelError(CTDoseSegError):
    """Model files are missing, damaged, or not of the expected form."""


class DoseEngineError(CTDoseSegError):
    """A dose engine is not available, failed, or gave no usable result; the sentence names it."""


class DoseEngineChoiceError(DoseEngineError):
    """The dose engine and the dose model that were chosen do not go together."""

    exit_code = 2


class UsageError(CTDoseSegError):
    """Options of a command that do not go together."""

    exit_code = 2


class DependencyError(CTDoseSegError):
    """An optional package is missing; the sentence names the feature and the package."""


class OutputError(CTDoseSegError):
    """A result cannot be written (permission, disk full, folder in use)."""


class SchedulerError(CTDoseSegError):
    """A cluster cannot be used or is gone; the sentence says which part of it and what to do."""


class ArchiveError(CTDoseSegError):
    """A PACS cannot be reached or refuses; the sentence says what was sent and what to do."""


class Cancelled(CTDoseSegError):
    """The user ended the task."""

    exit_code = 130
