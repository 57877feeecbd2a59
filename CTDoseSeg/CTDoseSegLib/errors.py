"""What can be wrong with an input: errors that end a task, and flags that go with a result.

An error is raised where no honest result is possible. A flag stands beside a result that is
still valid in part. Both are sentences for the person who can act: what was found, where, and
what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .flags import FLAGS

Severity = Literal["info", "warning", "refusal"]


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


class DoseReportError(InputError):
    """A dose report cannot be read, or the file is none."""


class ModelError(CTDoseSegError):
    """Model files are missing, damaged, or not of the expected form."""


class DependencyError(CTDoseSegError):
    """An optional package is missing; the sentence names the feature and the package."""


class OutputError(CTDoseSegError):
    """A result cannot be written (permission, disk full, folder in use)."""


class SchedulerError(CTDoseSegError):
    """A cluster cannot be used or is gone; the sentence says which part of it and what to do."""


class Cancelled(CTDoseSegError):
    """The user ended the task."""

    exit_code = 130


@dataclass(frozen=True)
class Flag:
    """A remark that travels with a result.

    Attributes
    ----------
    code
        Stable name for programs, one of `FLAGS`.
    severity
        ``info`` (good to know), ``warning`` (the value may be off) or ``refusal`` (the value is
        not given, for this reason).
    message
        What was found and what to do about it; no patient identity.
    """

    code: str
    severity: Severity
    message: str


def flag(code: str, detail: str = "") -> Flag:
    """Make the flag `code`, with `detail` (what exactly, with units) after its first sentence.

    Raises
    ------
    KeyError
        If `code` is not in `FLAGS`: a programming error.
    """
    severity, found, advice = FLAGS[code]
    found = f"{found}: {detail}" if detail else found
    return Flag(code, severity, f"{found}. {advice.rstrip('.')}.")
