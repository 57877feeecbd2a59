"""Which processes run, as the tests that end them ask (Linux: /proc)."""

from __future__ import annotations

from pathlib import Path


def _fields(pid: int) -> list[str] | None:
    """State, parent and more of a process; None where it is gone, or dead and not yet collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else fields


def is_alive(pid: int) -> bool:
    """True while a process runs."""
    return _fields(pid) is not None


def processes_below(pid: int) -> list[int]:
    """All processes that `pid` and those below it have started and that run."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found, more = [], [pid]
    while more:
        one = more.pop()
        below = [child for child, parent in parents.items() if parent == one]
        found += below
        more += below
    return found


def command_line(pid: int) -> bytes:
    """What a process was started with; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
