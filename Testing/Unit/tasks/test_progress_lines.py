"""Reports out of a stream of bytes: cut anywhere, mixed with rubbish, never trusted."""

from __future__ import annotations

import itertools
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from CTDoseSegLib.tasks.lines import LONGEST_LINE, LONGEST_SHOWN, LogLines, ProgressLines

REPORTS = [
    {"event": "started", "task": "analyze", "pid": 4242},
    {"event": "progress", "fraction": 0.5, "message": "läuft"},
    {"event": "warning", "code": "x", "message": "Vorsicht"},
    {"event": "error", "kind": "InputError", "message": "No body.", "exit_code": 3},
    {"event": "result", "folder": "/x"},
]
STREAM = b"".join(json.dumps(report).encode() + b"\n" for report in REPORTS)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_reports_survive_being_cut_anywhere(cuts):
    lines = ProgressLines()
    places = [0, *sorted(cuts), len(STREAM)]
    found = []
    for start, end in itertools.pairwise(places):
        found += lines.feed(STREAM[start:end])
    assert found == REPORTS
    assert (lines.pid, lines.error, lines.result) == (4242, REPORTS[3], REPORTS[4])


@given(st.binary(max_size=300))
def test_no_bytes_are_taken_for_a_report_or_raise(data):
    rubbish = []
    assert ProgressLines(rubbish.append).feed(data + b"\n") == []
    assert all(line and len(line) <= 200 for line in rubbish)


@pytest.mark.parametrize(
    "report",
    [
        {"event": "progress", "message": "no fraction"},
        {"event": "progress", "fraction": "0.5", "message": "a word"},
        {"event": "progress", "fraction": True, "message": "a truth"},
        {"event": ["progress"]},
        {"event": None},
    ],
)
def test_a_report_without_what_its_kind_has_is_rubbish(report):
    rubbish = []
    assert ProgressLines(rubbish.append).feed(json.dumps(report).encode() + b"\n") == []
    assert len(rubbish) == 1


@pytest.mark.parametrize(
    "line", [b'{"event": "error"}\n', b'{"event": "error", "message": null}\n']
)
def test_a_report_without_a_message_has_an_empty_one(line):
    (report,) = ProgressLines().feed(line)
    assert report["message"] == ""


@pytest.mark.parametrize("pid", [0, 1, -1, True, "77", 7.0, None, 1 << 40, "own"])
def test_a_process_id_that_may_not_be_ended_is_not_believed(pid):
    pid = os.getpid() if pid == "own" else pid
    lines = ProgressLines()
    (report,) = lines.feed(json.dumps({"event": "started", "pid": pid}).encode() + b"\n")
    assert report["event"] == "started"
    assert lines.pid is None


def test_a_task_starts_once():
    lines = ProgressLines()
    lines.feed(b'{"event": "started", "pid": 41}\n{"event": "started", "pid": 42}\n')
    assert lines.pid == 41


def test_lines_of_a_log_are_what_a_terminal_would_show():
    log = LogLines()
    assert log.feed(b"first\n\n  \nloading 1 %\rloading 9") == ["first"]
    assert log.feed(b"9 %\nWindows\r") == ["loading 99 %"]
    assert log.feed(b"\n\xff\n" + b"x" * 9999 + b"\n") == ["Windows", "\ufffd", "x" * LONGEST_SHOWN]


def test_a_line_without_end_does_not_fill_the_memory():
    lines, log = ProgressLines(), LogLines()
    for _ in range(30):
        lines.feed(b"x" * (1 << 17))
        log.feed(b"x" * (1 << 17))
    assert len(lines._rest) <= LONGEST_LINE
    assert len(log._rest) <= LONGEST_LINE
