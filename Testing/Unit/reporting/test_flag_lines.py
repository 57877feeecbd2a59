"""Flags in the terminal: at most eight notices, all of them on demand, remedies as options."""

from __future__ import annotations

import re

import pytest

from CTDoseSegLib.cli.command_line import main
from CTDoseSegLib.flags import FLAGS, MENDS, flag, organ_place, slice_place
from CTDoseSegLib.flags.summary import MOST_NOTICES, summarize
from CTDoseSegLib.reporting.flag_lines import ALL_FLAGS, every_flag, notice_lines
from CTDoseSegLib.reporting.remedies import WORDS

ALL = [
    *(flag(code) for code in FLAGS),
    *(flag("organ_cut").at(organ_place(organ)) for organ in ("liver", "lung_left")),
    *(flag("body_truncated").at(slice_place(k)) for k in (4, 5, 6, 9)),
]


def test_the_command_line_words_every_remedy():
    assert set(WORDS) == set(MENDS)


def test_options_that_remedies_name_are_options_of_analyze(capsys):
    worded = " ".join(way.format(what=called) for way, called in WORDS.values()) + " " + ALL_FLAGS
    named = set(re.findall(r"--[a-z-]+", worded))
    assert named
    with pytest.raises(SystemExit):
        main(["analyze", "--help"])
    assert named <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


def test_at_most_eight_notices_are_shown_and_how_many_more_there_are():
    lines = list(notice_lines(ALL))
    assert len(lines) == MOST_NOTICES + 1 == 9
    assert lines[-1] == f"{len(summarize(ALL)) - MOST_NOTICES} more: --all-flags"
    few = list(notice_lines([flag("contrast"), flag("mas_only"), flag("ctdivol_missing")]))
    assert len(few) == 2


def test_information_is_on_demand():
    (line,) = notice_lines([flag("age_unknown"), flag("mas_unusable")])
    assert line == "2 more: --all-flags"
    lines = list(notice_lines([flag("age_unknown"), flag("contrast")]))
    assert lines[0].startswith("warning: Contrast agent was given")
    assert lines[1:] == ["1 more: --all-flags"]
    assert "an adult is assumed" in " ".join(every_flag([flag("age_unknown")])).lower()


def test_a_notice_is_its_severity_its_text_and_its_remedy():
    (line,) = notice_lines([flag("ctdivol_missing", "2 of 6 slices")])
    assert line.replace("\n ", "") == (
        "warning: CTDIvol is not known: 2 of 6 slices. No SSDE without it. Type ctdivol_mGy in "
        "--acquisition, or give the dose report with --rdsr."
    )


def test_every_flag_is_there_on_demand():
    lines = [re.sub(r"\s+", " ", line) for line in every_flag(ALL)]
    shown = {line.split(": ")[0]: line for line in lines}
    missing = [
        code
        for code, entry in FLAGS.items()
        if entry.found not in shown.get(f" {entry.severity} {code}", "")
    ]
    assert not missing


def test_flags_on_demand_stand_under_their_place_and_slices_are_put_together():
    lines = list(every_flag(ALL))
    heads = [line for line in lines if not line.startswith(" ")]
    assert heads == ["scan:", "organ liver:", "organ lung left:", "slices 4-6, 9:"]
    assert "body_truncated" in lines[lines.index("slices 4-6, 9:") + 1]


def test_no_line_is_wider_than_the_terminal():
    lines = "\n".join([*notice_lines(ALL), *every_flag(ALL)]).splitlines()
    assert max(map(len, lines)) <= 100
