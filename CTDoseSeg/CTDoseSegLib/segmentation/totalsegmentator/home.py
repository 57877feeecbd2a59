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
    "authors give a free one for research; set it with totalseg_set_license, or leave "
    "heart_chambers out."
)


def home_folder() -> Path:
    """TotalSegmentator's own folder, which holds its settings and its licence number."""
    if home := os.environ.get("TOTALSEG_HOME_DIR"):
        return Path(home)
    user = Path.home()
    # As the package does: in a container without a home.
    return (Path("/tmp") if str(user) == "/" else user) / ".totalsegmentator"


def licence_number() -> str:
    """The licence number that the user has given to TotalSegmentator; empty if none."""
    try:
        settings = json.loads((home_folder() / "config.json").read_text(encoding="utf-8"))
        return str(settings.get("license_number") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def check_licence(plan: Plan) -> None:
    """Before the first task: the package itself asks when it comes to the one that needs it.

    Raises
    ------
    ModelError
        If a task needs a licence and the user has given none.
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
