"""On Windows no console window appears: what the supervisor starts processes with there."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from CTDoseSegLib.tasks import groups
from CTDoseSegLib.tasks.process import TaskProcess, command

LIB = Path(groups.__file__).resolve().parents[1]
# CREATE_NO_WINDOW and CREATE_NEW_PROCESS_GROUP as Windows defines them.
NO_WINDOW, NEW_GROUP = 0x08000000, 0x00000200


@pytest.fixture
def on_windows(monkeypatch):
    """As on Windows, as far as starting processes goes; returns what they were started with."""
    started = []

    def popen(arguments, **options):
        started.append((arguments, options))
        raise OSError("not started")

    monkeypatch.setattr(groups, "os", SimpleNamespace(name="nt", getpid=os.getpid))
    monkeypatch.setattr(groups, "NO_WINDOW", NO_WINDOW)
    monkeypatch.setattr(groups, "NEW_GROUP", NEW_GROUP)
    monkeypatch.setattr(subprocess, "Popen", popen)
    return started


def test_a_task_starts_without_a_console_window(on_windows):
    with pytest.raises(OSError, match="not started"):
        TaskProcess(command(["analyze", "x"]))
    ((_, options),) = on_windows
    assert options["creationflags"] == NO_WINDOW | NEW_GROUP
    assert "start_new_session" not in options


def test_a_task_is_ended_without_a_console_window(on_windows):
    groups.end_group(4711)  # what is not there is no error
    ((arguments, options),) = on_windows
    assert arguments == ["taskkill", "/F", "/T", "/PID", "4711"]
    assert options["creationflags"] == NO_WINDOW


def test_processes_are_started_by_the_supervisor_alone():
    others = []
    for path in sorted(LIB.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess."):
                others.append(path.relative_to(LIB).as_posix())
    assert others == ["tasks/groups.py", "tasks/process.py"]
