"""The other process: its events, its end, and what it may do wrong."""

from __future__ import annotations

import json
import sys
import time

import pytest
from module_steps import MODULE
from processes import is_alive


@pytest.fixture
def job_module(host):
    import slicer  # noqa: F401 - the package is imported with the host's names in place

    sys.path.insert(0, str(MODULE.parent))
    from CTDoseSegLib.ctdoseseg_ui import job

    return job


def lines(job_module, data, step):
    rubbish = []
    reader = job_module.ProgressLines(rubbish.append)
    events = []
    for start in range(0, len(data), step):
        events += reader.feed(data[start : start + step])
    return events, rubbish


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_events_survive_being_cut_anywhere(job_module, step):
    data = b"".join(
        json.dumps({"event": "progress", "fraction": n / 10, "message": "x"}).encode() + b"\n"
        for n in range(10)
    )
    events, rubbish = lines(job_module, data, step)
    assert [event["fraction"] for event in events] == [n / 10 for n in range(10)]
    assert rubbish == []


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"[1, 2]",
        b'{"event": "nonsense"}',
        b'{"event": "result"',
        b"\xff\xfe\x00",
        b"[" * 9999,
    ],
)
def test_rubbish_is_logged_and_not_obeyed(job_module, line):
    events, rubbish = lines(job_module, line + b'\n{"event": "result"}\n', 5)
    assert events == [{"event": "result"}]
    assert len(rubbish) == 1
    assert len(rubbish[0]) <= 200


def test_a_line_without_end_does_not_fill_the_memory(job_module):
    reader = job_module.ProgressLines()
    for _ in range(30):
        reader.feed(b"x" * (1 << 17))
    assert len(reader._rest) <= 1 << 20


def run(host, job_module, code, *, cancel_after=None, timeout=15):
    """Run Python code in place of the command; the events, the log, the final state."""
    events, log, ends = [], [], []
    job = job_module.Job([], on_event=events.append, on_log=log.append, on_end=ends.append)
    kept = job_module.command
    job_module.command = lambda arguments: ["-u", "-c", code]
    try:
        job.start()
    finally:
        job_module.command = kept
    if cancel_after is not None:
        host.wait_until(lambda: cancel_after(events, log), 10)
        job.cancel()
    host.wait_until(lambda: not job.active, timeout)
    return job, events, log, ends


def test_a_task_that_tells_its_result_is_done(host, job_module):
    job, events, _, ends = run(host, job_module, 'print(\'{"event": "result", "folder": "x"}\')')
    assert ends == ["done"]
    assert events[-1]["folder"] == "x"
    assert not job.message


def test_a_task_that_ends_without_a_result_has_failed(host, job_module):
    job, _, _, ends = run(host, job_module, "pass")
    assert ends == ["failed"]
    assert "unexpectedly" in job.message


def test_a_task_that_dies_says_so_and_its_last_words_are_logged(host, job_module):
    code = "import os, sys; sys.stderr.write('out of memory\\n'); sys.stderr.flush(); os.abort()"
    _, _, log, ends = run(host, job_module, code)
    assert ends == ["failed"]
    assert any("out of memory" in line for line in log)


def test_an_error_event_is_the_message(host, job_module):
    code = (
        'print(\'{"event": "error", "kind": "InputError", "message": "No body was found.", '
        '"exit_code": 3}\'); raise SystemExit(3)'
    )
    job, _, _, ends = run(host, job_module, code)
    assert ends == ["failed"]
    assert job.message == "No body was found."


def test_printed_rubbish_goes_to_the_log(host, job_module):
    code = "print('hello'); print('\\udcff'.encode('utf-8', 'surrogateescape')); " + (
        'print(\'{"event": "result"}\')'
    )
    _, events, log, ends = run(host, job_module, code)
    assert ends == ["done"]
    assert "hello" in log
    assert len(events) == 1


HANGS = (
    "import os, signal, sys, time, json\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "{leader}"
    "print(json.dumps({{'event': 'started', 'pid': os.getpid()}}), flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.mark.parametrize("leader", ["os.setsid()\n", ""], ids=["own group", "launcher's group"])
def test_a_task_that_hangs_is_ended_within_two_seconds(host, job_module, leader):
    started = []

    def is_started(events, _log):
        started[:] = [time.monotonic()]
        return bool(events)

    _, events, _, ends = run(host, job_module, HANGS.format(leader=leader), cancel_after=is_started)
    assert ends == ["cancelled"]
    assert time.monotonic() - started[0] < 2.0
    assert not is_alive(events[0]["pid"])


def test_children_of_the_task_end_with_it(host, job_module):
    code = (
        "import json, os, subprocess, sys, time\n"
        "os.setsid()\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(json.dumps({'event': 'started', 'pid': os.getpid()}), flush=True)\n"
        "print(json.dumps({'event': 'progress', 'fraction': child.pid}), flush=True)\n"
        "time.sleep(600)\n"
    )
    _, events, _, ends = run(host, job_module, code, cancel_after=lambda e, _log: len(e) == 2)
    assert ends == ["cancelled"]
    host.wait(0.2)
    assert not is_alive(events[1]["fraction"])


def test_a_program_that_is_not_there_is_a_clear_failure(host, job_module, monkeypatch):
    ends = []
    job = job_module.Job([], on_event=print, on_log=print, on_end=ends.append)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    job.start()
    host.wait_until(lambda: not job.active, 5)
    assert ends == ["failed"]
    assert "could not be started" in job.message


TAKES_A_SECOND = """
import json, os, sys, time
print(json.dumps({"event": "started", "pid": os.getpid()}), flush=True)
print("a word for the log", file=sys.stderr, flush=True)
time.sleep(1.0)
print(json.dumps({"event": "error", "message": "No body was found."}), flush=True)
raise SystemExit(3)
"""


def test_the_window_stays_alive_while_the_console_waits(host, job_module, monkeypatch):
    import qt

    ticks, told = [], []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
    timer.start(20)
    monkeypatch.setattr(job_module, "command", lambda arguments: ["-u", "-c", TAKES_A_SECOND])
    assert job_module.run_and_wait([], told.append) == (3, "No body was found.")
    timer.stop()
    assert [report["event"] for report in told] == ["started", "error"]
    assert len(ticks) >= 8, "the event loop stood still"


def test_an_error_in_what_listens_ends_the_task_at_once(host, job_module, monkeypatch):
    pids = []

    def breaks(report):
        pids.append(report["pid"])
        raise KeyboardInterrupt

    code = HANGS.format(leader="")
    monkeypatch.setattr(job_module, "command", lambda arguments: ["-u", "-c", code])
    with pytest.raises(KeyboardInterrupt):
        job_module.run_and_wait([], breaks)
    host.wait_until(lambda: not is_alive(pids[0]), 5)


def test_last_words_stand_for_the_sentence_of_a_task_that_died(host, job_module, monkeypatch):
    code = "import sys; sys.stderr.write('out of memory\\n'); raise SystemExit(7)"
    monkeypatch.setattr(job_module, "command", lambda arguments: ["-u", "-c", code])
    assert job_module.run_and_wait([]) == (7, "out of memory")
