"""Options of `analyze` that a plan gives for one scan, each in a column of its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..tasks.paths import absolute_if_path

# Those whose value is a file or a folder, and the others.
PATHS = ("segmentation", "acquisition", "rdsr", "scanner_profile", "unet")
OPTIONS = (*PATHS, "labels", "engine", "quality", "extra", "device", "region")


def options_of(row: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the options in a plan's row; paths are taken from the plan's own folder.

    Examples
    --------
    >>> options_of({"source": "/a", "engine": "classical", "rdsr": ""}, Path("/plans"))
    {'engine': 'classical'}
    """
    options = {}
    for name in OPTIONS:
        text = (row.get(name) or "").strip()
        if text:
            options[name] = absolute_if_path(Path(text) if name in PATHS else text, folder)
    return options


def as_arguments(options: Mapping[str, str]) -> list[str]:
    """Return the command's arguments; several values of one option stand side by side.

    Examples
    --------
    >>> as_arguments({"scanner_profile": "/a b.json", "extra": "body lung_vessels"})
    ['--scanner-profile', '/a b.json', '--extra', 'body', 'lung_vessels']
    """
    arguments: list[str] = []
    for name, text in options.items():
        values = text.split() if name == "extra" else [text]
        arguments += [f"--{name.replace('_', '-')}", *values]
    return arguments
