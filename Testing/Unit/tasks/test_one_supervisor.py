"""One supervisor: processes are started in one place, and ended in one."""

from __future__ import annotations

import ast
from pathlib import Path

import CTDoseSegLib

LIB = Path(CTDoseSegLib.__file__).parent
# What starts, ends or watches a process, and the files that may.
ALLOWED = {
    "subprocess.Popen": {"tasks/process.py"},
    "subprocess.run": {"tasks/groups.py"},
    "os.kill": {"tasks/groups.py"},
    "os.killpg": {"tasks/groups.py"},
    "os.setpgid": {"tasks/groups.py"},
    "os.setsid": set(),
    "os.read": {"tasks/standard_input.py"},
    "qt.QProcess": {"ctdoseseg_ui/job.py"},
}
# Other ways to start one.
NEVER = {
    *(f"subprocess.{name}" for name in ("call", "check_call", "check_output", "getoutput")),
    *(f"os.{name}" for name in ("system", "popen", "fork", "forkpty", "posix_spawn")),
    *(f"os.{kind}{how}" for kind in ("spawn", "exec") for how in ("l", "le", "v", "ve", "vp")),
    "pty.spawn",
    "slicer.util.launchConsoleProcess",
}


def calls() -> list[tuple[str, str]]:
    """What is called in the package under a dotted name, and in which file."""
    found = []
    for path in sorted(LIB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found.append((ast.unparse(node.func), path.relative_to(LIB).as_posix()))
    return found


def test_processes_are_started_and_ended_in_one_place():
    offenders = [
        f"{file} calls {name}"
        for name, file in calls()
        if name in NEVER or file not in ALLOWED.get(name, {file})
    ]
    assert not offenders, "\n".join(offenders)


def test_there_is_one_popen():
    assert [file for name, file in calls() if name.endswith("Popen")] == ["tasks/process.py"]


def test_nothing_of_it_is_imported_under_another_name():
    offenders = []
    for path in sorted(LIB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in ("subprocess", "os", "qt"):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                offenders += [f"{path} imports {name}" for name in names & (NEVER | set(ALLOWED))]
            elif isinstance(node, ast.Import):
                offenders += [
                    f"{path} imports {alias.name} as {alias.asname}"
                    for alias in node.names
                    if alias.asname and alias.name in ("subprocess", "os", "qt")
                ]
    assert not offenders, "\n".join(offenders)
