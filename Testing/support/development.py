"""Where the development data are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def development_data() -> Path | None:
    """Folder of the development data, or None on a machine that has none."""
    folder = Path(os.environ.get("CTDOSESEG_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None
