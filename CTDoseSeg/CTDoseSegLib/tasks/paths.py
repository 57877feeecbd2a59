"""Values of options for another process, which has another working directory."""

from __future__ import annotations

import os
from pathlib import Path


def absolute_if_path(value: object, folder: str | Path = "") -> str:
    """Return the text of an option's value; a path is made absolute.

    Text that names a file is a path too: ``--labels`` takes a file or the name of a table.

    Parameters
    ----------
    value
        As the user wrote it.
    folder
        What a relative path starts from; else the working directory.

    Examples
    --------
    >>> absolute_if_path(Path("dose.json"), "/plans")
    '/plans/dose.json'
    >>> absolute_if_path("lungmask", "/plans")
    'lungmask'
    """
    path = os.path.join(folder, str(value))
    is_path = isinstance(value, os.PathLike) or os.path.isfile(path)
    return os.path.abspath(path) if is_path else str(value)
