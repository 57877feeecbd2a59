"""A stored result, back as a `Result`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files.staging import RESULT
from ..provenance import SCHEMA_VERSION
from .result import Result
from .version_1 import from_version_1

_AGAIN = "run the analysis again"


def read_result(path: str | Path) -> Result:
    """Read a stored result.

    Parameters
    ----------
    path
        ``result.json``, or the folder that holds it.

    Returns
    -------
    Result
        Without the voxels; those of version 0.1.0 have no HU histogram.

    Raises
    ------
    InputError
        If there is no such file, or it is cut off, altered, or of a newer version; the sentence
        names the file and the value.

    Examples
    --------
    >>> from CTDoseSegLib import read_result
    >>> result = read_result("results")
    >>> [organ.organ for organ in result.organs if organ.dose_mGy is not None]
    ['...lung...']
    """
    path = Path(path)
    if path.is_dir():
        path = path / RESULT
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text; {_AGAIN}.") from error
    except OSError as error:
        raise InputError(
            f"There is no {path.name} to read ({error.strerror}); give a folder that analyze wrote."
        ) from error
    return parse_result(text, path.name)


def parse_result(text: str, name: str = RESULT) -> Result:
    """Return the result in a JSON text.

    Parameters
    ----------
    text
        Content of a ``result.json``.
    name
        Begins the sentence of an error.

    Returns
    -------
    Result
        As `read_result`.

    Raises
    ------
    InputError
        As `read_result`.
    """
    try:
        content = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON, or cut off; {_AGAIN}.") from error
    if not isinstance(content, dict) or "schema_version" not in content:
        raise InputError(f"{name} is no result of CTDoseSeg; give the one that analyze wrote.")
    version = _version(content["schema_version"], name)
    try:
        if version == 1:
            content = from_version_1(content)
        return Result.from_json(content)
    except InputError as error:
        raise InputError(f"{name} was altered: {str(error).rstrip('.')}; {_AGAIN}.") from error
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise InputError(f"{name} was altered and cannot be read; {_AGAIN}.") from error


def _version(stated: Any, name: str) -> int:
    newest = int(SCHEMA_VERSION.partition(".")[0])
    number = str(stated).partition(".")[0]
    if not number.isdecimal() or not 1 <= int(number) <= newest:
        raise InputError(
            f"{name} has the schema version {str(stated)[:20]!r}, this CTDoseSeg reads versions 1 "
            f"to {newest}; update CTDoseSeg, or {_AGAIN}."
        )
    return int(number)


def _refuse(constant: str) -> None:
    """NaN and infinity are no JSON, and Python would take them."""
    raise ValueError(constant)
