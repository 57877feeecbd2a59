"""The supervisor of processes, held against real children that do as they please."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import is_alive

from CTDoseSegLib.errors import Cancelled
from CTDoseSegLib.tasks.output import Pipe
from CTDoseSegLib.tasks.process import GRACE_S, LAST_LINES, LIB_PARENT, TaskProcess, command

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the children are POSIX's")
LAUNCHER = Path(__file__).resolve().parents[2] / "Host" / "launcher"
REPORT = """
import json, os, signal, subprocess, sys, time
from CTDoseSegLib.tasks.groups import lead_group
def report(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
"""
# Neither a closed standard input nor SIGTERM ends it, nor the process that it starts.
STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code])
report("started", pid=os.getpid())
report("result", pids=[os.getpid(), child.pid])
time.sleep(600)
"""
# Ends at once when its standard input closes.
OBEDIENT = """
report("started", pid=os.getpid())
sys.stdin.read()
report("result", pids=[])
"""


def start(code: str, *, grace_s: float = GRACE_S, **options) -> TaskProcess:
    return TaskProcess(["-c", REPORT + code], grace_s=grace_s, **options)


@pytest.fixture(params=[False, True], ids=["piped", "spooled"])
def spooled(request):
    """Whether what a task writes goes to files."""
    return request.param


def wait_for(process: TaskProcess, event: str) -> dict:
    """The first report of a kind."""
    return next(one for one in process.follow(limit_s=20) if one["event"] == event)


def all_gone(pids, within_s: float = 5.0) -> bool:
    """Whether the processes end in time: who is killed is gone a moment later."""
    end = time.monotonic() + within_s
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(params=["python", "launcher"])
def program(request, monkeypatch):
    """What `sys.executable` is: Python, or as in Slicer a launcher that passes no signal on."""
    if request.param == "launcher":
        monkeypatch.setenv("SLICERHOST_PYTHON", sys.executable)
        monkeypatch.setattr(sys, "executable", str(LAUNCHER))
    return request.param


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder of its own for temporary files."""
    import tempfile

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def test_a_task_is_followed_to_its_result(program, spooled, temporary):
    code = """
report("started", pid=os.getpid())
for n in range(3):
    report("progress", fraction=n / 3, message="x")
print("Grüße", file=sys.stderr)
print("no report")
report("result", folder="/x")
"""
    with start(code, spooled=spooled) as process:
        reports = list(process.follow(limit_s=20))
        assert list(temporary.iterdir()) == [], "a parent that is killed would leave them"
    assert [report["event"] for report in reports] == ["started", *["progress"] * 3, "result"]
    assert process.code == 0
    assert process.result == reports[-1]
    assert process.error is None
    assert sorted(process.last_words) == ["Grüße", "no report"]
    assert list(temporary.iterdir()) == []


def test_the_last_words_need_no_line_end_and_are_the_last_ones(spooled):
    code = """
for n in range(1000):
    print(n, file=sys.stderr)
print("half a li", end="", file=sys.stderr, flush=True)
os._exit(7)
"""
    seen = []
    with start(code, on_log=seen.append, spooled=spooled) as process:
        assert list(process.follow(limit_s=20)) == []
    assert process.code == 7
    assert process.last_words[-1] == "half a li"
    assert len(process.last_words) == LAST_LINES
    assert seen[:2] == ["0", "1"]
    assert len(seen) == 1001


@pytest.mark.parametrize("group", ["", "lead_group()\n"], ids=["its group", "group of its own"])
def test_a_stubborn_child_is_ended_with_its_grandchild(program, group):
    with start(group + STUBBORN) as process:
        pids = wait_for(process, "result")["pids"]
        began = time.monotonic()
    assert time.monotonic() - began < GRACE_S + 1.0
    # A launcher whose child ended before it reports that as a shell does.
    as_a_shell = {128 + signal.SIGKILL} if program == "launcher" else set()
    assert process.code in {-signal.SIGKILL} | as_a_shell
    assert all_gone([process.pid, *pids])


def test_a_helper_that_has_left_the_group_and_holds_the_pipe_open_is_not_waited_for(program):
    code = """
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
)
report("result", pids=[child.pid])
"""
    began = time.monotonic()
    with start(code) as process:
        list(process.follow(limit_s=20))
    assert time.monotonic() - began < 10
    (helper,) = process.result["pids"]
    assert is_alive(helper), "it asked to be left alone"
    os.kill(helper, signal.SIGKILL)


def test_a_task_that_nobody_reads_goes_on_where_it_is_spooled(tmp_path):
    code = f"""
for n in range(3000):
    report("progress", fraction=0.5, message="x" * 100)
open({str(tmp_path / "done")!r}, "w").close()
report("result")
"""
    with start(code, spooled=True) as process:
        end = time.monotonic() + 20
        while not (tmp_path / "done").exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert (tmp_path / "done").exists()
        assert len(list(process.follow(limit_s=20))) == 3001


def test_a_task_whose_reports_nobody_has_read_is_ended_by_them(program, tmp_path):
    code = STUBBORN.replace(
        "time.sleep(600)\n", f'open({str(tmp_path / "ready")!r}, "w").close()\ntime.sleep(600)\n'
    )
    with start("lead_group()\n" + code, grace_s=0.0) as process:
        end = time.monotonic() + 60  # the processors are shared
        while not (tmp_path / "ready").exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert (tmp_path / "ready").exists()
    assert all_gone(process.result["pids"])


def test_what_a_slow_reader_had_not_read_is_read_before_a_task_is_given_up(
    program, tmp_path, monkeypatch
):
    read = Pipe._read

    def late(pipe, stream):
        time.sleep(0.5)
        read(pipe, stream)

    monkeypatch.setattr(Pipe, "_read", late)
    code = STUBBORN.replace("time.sleep(600)\n", f'open({str(tmp_path / "r")!r}, "w").close()\n')
    with start("lead_group()\n" + code + "time.sleep(600)\n", grace_s=0.0) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "r").exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert process.result is None
    assert all_gone(process.result["pids"])


def test_what_listens_is_cancelled_within_a_second(program):
    with start(OBEDIENT) as process:
        wait_for(process, "started")
        began = time.monotonic()
    assert time.monotonic() - began < 1.0
    assert process.code == 0
    assert process.result is not None, "it had its time to clean up"


def test_a_command_is_cancelled_within_a_second(program, tmp_path):
    (tmp_path / "archive").mkdir()
    for n in range(20_000):
        (tmp_path / "archive" / str(n)).touch()
    arguments = ["discover", str(tmp_path / "archive"), "--output", str(tmp_path / "plan.csv")]
    with TaskProcess(command(arguments), grace_s=GRACE_S) as process:
        wait_for(process, "progress")
        began = time.monotonic()
    assert time.monotonic() - began < 1.0 + 0.5  # the processors are shared
    assert process.code in (130, -signal.SIGKILL)
    assert not (tmp_path / "plan.csv").exists()


def test_what_is_raised_meanwhile_ends_the_task(program):
    def cancelled():
        if process.result is not None:
            raise Cancelled

    with pytest.raises(Cancelled), start(STUBBORN, grace_s=0.0) as process:
        for _ in process.follow(cancelled, limit_s=20):
            pass
    assert all_gone(process.result["pids"])


def test_an_event_loop_keeps_turning():
    turns = []
    code = 'time.sleep(1.0)\nreport("result")'
    with start(code) as process:
        list(process.follow(lambda: turns.append(time.monotonic()), limit_s=20))
    gaps = [later - earlier for earlier, later in itertools.pairwise(turns)]
    assert len(turns) >= 10
    assert sorted(gaps)[len(gaps) // 2] < 0.1


def test_a_silent_task_is_ended_though_its_log_goes_on(program):
    code = """
report("started", pid=os.getpid())
report("result", pids=[os.getpid()])
while True:
    print("still here", file=sys.stderr, flush=True)
    time.sleep(0.05)
"""
    began = time.monotonic()
    with pytest.raises(TimeoutError), start(code, grace_s=0.0) as process:
        list(process.follow(silence_s=0.7, limit_s=60))
    assert time.monotonic() - began < 30
    assert all_gone(process.result["pids"])


def test_a_task_that_reports_for_ever_is_ended_at_the_limit():
    code = """
while True:
    report("progress", fraction=0.5, message="as always")
    time.sleep(0.01)
"""
    with pytest.raises(TimeoutError), start(code, grace_s=0.0) as process:
        list(process.follow(limit_s=1.0, silence_s=30.0))
    assert process.code == -signal.SIGKILL


def test_a_helper_that_is_left_behind_delays_no_end_and_ends_too(program, spooled):
    code = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
report("result", pids=[child.pid])
"""
    began = time.monotonic()
    with start(code, spooled=spooled) as process:
        list(process.follow(limit_s=20))
    assert time.monotonic() - began < 10
    assert process.code == 0
    assert all_gone(process.result["pids"])


def test_a_task_whose_launcher_is_killed_ends_too(monkeypatch):
    monkeypatch.setenv("SLICERHOST_PYTHON", sys.executable)
    monkeypatch.setattr(sys, "executable", str(LAUNCHER))
    with start(STUBBORN) as process:
        pids = wait_for(process, "result")["pids"]
        assert process.pid not in pids
        os.kill(process.pid, signal.SIGKILL)
        list(process.follow(limit_s=20))
    assert process.code == -signal.SIGKILL
    assert all_gone(pids)


def test_stop_returns_at_once_and_reading_sees_to_the_end(program):
    with start(STUBBORN, grace_s=0.3) as process:
        pids = wait_for(process, "result")["pids"]
        began = time.monotonic()
        process.stop()
        assert time.monotonic() - began < 0.2
        while process.code is None and time.monotonic() - began < 10:
            process.read()
            time.sleep(0.01)
        assert all_gone(pids)


def test_a_program_that_is_not_there_leaves_no_file(monkeypatch, temporary, spooled):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        TaskProcess([], spooled=spooled)
    assert list(temporary.iterdir()) == []


def test_variables_are_set_and_removed(monkeypatch):
    monkeypatch.setenv("OF_THE_PARENT", "x")
    code = 'report("result", found={k: os.environ.get(k) for k in ("OF_THE_PARENT", "NEW")})'
    with start(code, environment={"OF_THE_PARENT": None, "NEW": "ä"}) as process:
        list(process.follow(limit_s=20))
    assert process.result["found"] == {"OF_THE_PARENT": None, "NEW": "ä"}


PARENT = f"""
import sys
sys.path.insert(0, {LIB_PARENT!r})
from CTDoseSegLib.tasks.process import TaskProcess
sys.executable, code, folder = sys.argv[1:]
process = TaskProcess(["-c", code, folder])
for report in process.follow():
    print(process.pid, *report["pids"], flush=True)
"""
WATCHES = """
from pathlib import Path
from CTDoseSegLib.tasks.standard_input import end_with_parent
end_with_parent(Path(sys.argv[1]))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code])
report("result", pids=[os.getpid(), child.pid])
time.sleep(600)
"""


def test_a_parent_killed_by_sigkill_takes_its_children_with_it(program, tmp_path):
    """The child watches its standard input: it ends its group and removes its folder."""
    folder = tmp_path / "of the task"
    folder.mkdir()
    python = sys.executable if program == "python" else os.environ["SLICERHOST_PYTHON"]
    parent = subprocess.Popen(
        [python, "-c", PARENT, sys.executable, REPORT + WATCHES, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    pids = {int(pid) for pid in parent.stdout.readline().split()}
    assert len(pids) == (2 if program == "python" else 3)
    assert all(is_alive(pid) for pid in pids)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert all_gone(pids)
    assert not folder.exists()
