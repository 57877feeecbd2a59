"""`slicer.packaging`: asks as Slicer does, records what would be installed, installs nothing."""

from __future__ import annotations

import importlib.metadata
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement


@dataclass
class Record:
    """What was asked for; a test sets what is to happen.

    `outcome` is "installed" (the names then count as there), "declined" (the user says no) or
    "failed".
    """

    outcome: str = "declined"
    requests: list[tuple[str, ...]] = field(default_factory=list)
    installed: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def clear(self) -> None:
        self.outcome = "declined"
        self.requests.clear()
        self.installed.clear()
        self.missing.clear()


record = Record()


def load_requirements(path):
    """Requirements of a file; refuses what Slicer's reader refuses."""
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text and not text.startswith(("#", "-")):
            found.append(Requirement(text))
    return found


def _as_requirements(requirements) -> list[Requirement]:
    if isinstance(requirements, str):
        requirements = requirements.split()
    elif isinstance(requirements, Requirement):
        requirements = [requirements]
    return [
        entry if isinstance(entry, Requirement) else Requirement(entry) for entry in requirements
    ]


def pip_check(requirement, *_rest):
    """True where all requirements are met here, or were installed in this test."""
    return all(_is_met(entry) for entry in _as_requirements(requirement))


def _is_met(requirement: Requirement) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.name in record.missing:
        return False
    if requirement.name in record.installed:
        return True
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
):
    """Ask and record; RuntimeError where the user declines, CalledProcessError where it fails."""
    import slicer

    missing = [entry for entry in _as_requirements(requirements) if not _is_met(entry)]
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return None
    if prompt_install and record.outcome == "declined":
        record.requests.append(tuple(str(entry) for entry in missing))
        raise RuntimeError("User declined package installation")
    return pip_install([str(entry) for entry in missing], constraints, skip_packages)


def pip_install(requirements, constraints=None, skip_packages=None, **_options):
    """Record; nothing is installed."""
    wanted = _as_requirements(requirements)
    record.requests.append(tuple(str(entry) for entry in wanted))
    if record.outcome != "installed":
        raise subprocess.CalledProcessError(1, ["pip", "install", *map(str, wanted)])
    names = {entry.name for entry in wanted}
    record.installed |= names
    record.missing -= names
    return list(skip_packages) if skip_packages else None


def pip_uninstall(requirements, **_options):
    """Record; nothing is removed."""
    names = {entry.name for entry in _as_requirements(requirements)}
    record.requests.append(tuple(f"-{name}" for name in sorted(names)))
    record.installed -= names
    record.missing |= names
