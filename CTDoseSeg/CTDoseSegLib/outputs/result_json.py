"""All of a result in one file for programs: strict JSON, null for what is not known."""

from __future__ import annotations

import json
from pathlib import Path

from ..result import Result


def write_result_json(result: Result, path: Path) -> Path:
    """Write `result` as JSON to `path`; the same result gives the same bytes.

    Per-slice arrays have one entry for each k of the volume. File names and the series' identity
    stay out: they can name the patient.

    Parameters
    ----------
    result
        What to write.
    path
        File to write.

    Returns
    -------
    Path
        `path`.
    """
    text = json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    return path
