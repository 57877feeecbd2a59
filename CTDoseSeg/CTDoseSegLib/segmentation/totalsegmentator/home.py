"""TotalSegmentator's own folder: its settings and the licence number that the user gave it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ...errors import ModelError
from .plan import Plan

NO_LICENCE = (
    "A task of TotalSegmentator that was asked for needs a licence, and no valid one is set. Its "
    "authors give a free one for research; set it with totalseg_set_license, or leave out the "
    "extra that needs it (heart_chambers, tissue_types)."
)


def home_folder() -> Path:
    """Return TotalSegmentator's own folder, which holds its settings and its licence number."""
    if home := os.environ.get("TOTALSEG_HOME_DIR"):
        return Path(home)
    user = Path.home()
    # As the package does: in a container without a home.
    return (Path("/tmp") if str(user) == "/" else user) / ".totalsegmentator"


def licence_number() -> str:
    """Return the licence number in TotalSegmentator's settings; empty if there is none."""
    try:
        settings = json.loads((home_folder() / "config.json").read_text(encoding="utf-8"))
        return str(settings.get("license_number") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def check_licence(plan: Plan) -> None:
    """Check for the licence before the first task; the package asks at the one that needs it.

    Parameters
    ----------
    plan
        The tasks.

    Raises
    ------
    ModelError
        If a task needs a licence and none is set.
    """
    if any(run.licensed for run in plan.runs) and not licence_number():
        raise ModelError(NO_LICENCE)


def write_settings(home: Path, plan: Plan) -> Path:
    """Make a folder of settings for one run: no statistics, the licence where it is needed."""
    home.mkdir()
    settings: dict[str, Any] = {
        "totalseg_id": "none",
        "send_usage_stats": False,
        "prediction_counter": 0,
        "statistics_disclaimer_shown": True,
    }
    if any(run.licensed for run in plan.runs) and (number := licence_number()):
        settings["license_number"] = number
    (home / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return home
