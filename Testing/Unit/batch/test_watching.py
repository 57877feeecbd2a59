"""What was received waits on the disk; rules choose what is analysed."""

from __future__ import annotations

import pydicom
import pytest
from dicom_files import make_slice

from CTDoseSegLib.batch.watching.arrivals import REPORTS, Arrivals
from CTDoseSegLib.batch.watching.rules import EVERY_SERIES, read_rules, rule_for
from CTDoseSegLib.errors import InputError

MANY = 1 << 30


def keep(arrivals: Arrivals, association: int, *slices: int, **tags) -> None:
    for k in slices:
        arrivals.add(association, make_slice(k, **tags))


def test_a_series_is_complete_when_its_sender_was_done(tmp_path):
    arrivals = Arrivals(tmp_path, MANY, 10)
    keep(arrivals, 1, 0, 1)
    assert not list(arrivals.complete(0))
    assert arrivals.incomplete() == 1
    arrivals.ended(1, released=True)
    (arrived,) = arrivals.complete(0)
    assert len(arrived.images) == 2
    assert not list(arrivals.complete(60))  # it has just ended


def test_a_sender_that_broke_off_leaves_it_incomplete_until_another_is_done(tmp_path):
    arrivals = Arrivals(tmp_path, MANY, 10)
    keep(arrivals, 1, 0)
    arrivals.ended(1, released=False)
    assert not list(arrivals.complete(0))
    keep(arrivals, 2, 0, 1, 2)
    arrivals.ended(2, released=True)
    (arrived,) = arrivals.complete(0)
    assert len(arrived.images) == 3


def test_two_senders_of_one_series_are_both_waited_for(tmp_path):
    arrivals = Arrivals(tmp_path, MANY, 10)
    keep(arrivals, 1, 0)
    keep(arrivals, 2, 1)
    arrivals.ended(1, released=True)
    assert not list(arrivals.complete(0))
    arrivals.ended(2, released=True)
    assert len(list(arrivals.complete(0))) == 1


def test_an_image_more_makes_it_incomplete_again(tmp_path):
    arrivals = Arrivals(tmp_path, MANY, 10)
    keep(arrivals, 1, 0)
    arrivals.ended(1, released=True)
    keep(arrivals, 2, 1)
    assert not list(arrivals.complete(0))


def test_it_stands_on_the_disk_after_a_kill_and_what_was_half_written_goes(tmp_path):
    first = Arrivals(tmp_path, MANY, 10)
    keep(first, 1, 0, 1)
    first.ended(1, released=True)
    (folder,) = tmp_path.glob("*/*")
    (folder / "x.1.part").write_bytes(b"half")
    again = Arrivals(tmp_path, MANY, 10)
    (arrived,) = again.complete(0)
    assert len(arrived.images) == 2
    assert not list(folder.glob("*.part"))


def test_names_of_files_hold_no_uid(tmp_path):
    arrivals = Arrivals(tmp_path, MANY, 10)
    keep(arrivals, 1, 0, SeriesInstanceUID="../../1.2.3", PatientID="ID")
    names = " ".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert "1.2.3" not in names
    assert ".." not in names


def test_dose_reports_go_with_the_series_of_their_study(tmp_path):
    arrivals = Arrivals(tmp_path / "in", MANY, 10)
    keep(arrivals, 1, 0, 1)
    report = make_slice(9, Modality="SR", SeriesInstanceUID="1.2.9")
    arrivals.add(1, report)
    arrivals.ended(1, released=True)
    (arrived,) = arrivals.complete(0)
    arrivals.take(arrived, tmp_path / "taken")
    kinds = [pydicom.dcmread(path).Modality for path in (tmp_path / "taken").glob("*.dcm")]
    assert sorted(kinds) == ["CT", "CT", "SR"]
    assert next((tmp_path / "in").iterdir()).joinpath(REPORTS).is_dir()  # for the next series


def test_no_more_is_taken_than_fits(tmp_path):
    data = make_slice(0)
    small = Arrivals(tmp_path / "b", 1000, 10)
    assert small.full_for(data) == ""
    keep(small, 1, 0, 1)
    assert small.full_for(data) == "disk is full"
    small.ended(1, released=True)
    (arrived,) = small.complete(0)
    small.drop(arrived)
    assert small.full_for(data) == ""


def test_a_new_series_is_refused_while_too_many_wait(tmp_path):
    arrivals = Arrivals(tmp_path, MANY, 1)
    keep(arrivals, 1, 0)
    assert arrivals.full_for(make_slice(1)) == ""  # of the series that waits
    assert arrivals.full_for(make_slice(0, SeriesInstanceUID="1.2")) == "too many series wait"


def rules(tmp_path, text: str):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return read_rules(path)


def test_the_first_rule_that_fits_counts(tmp_path):
    made = rules(
        tmp_path,
        '[[rule]]\ndescription = "scout"\nanalyze = false\n'
        '[[rule]]\nbody_part = ["chest"]\nengine = "classical"\n'
        '[[rule]]\nbody_part = "ABDOMEN"\n',
    )
    chest = make_slice(0, BodyPartExamined="CHEST")
    assert rule_for(chest, 20, made).options == {"engine": "classical"}
    chest.SeriesDescription = "Chest Scout"
    assert rule_for(chest, 20, made) is None
    assert rule_for(make_slice(0, BodyPartExamined="ABDOMEN"), 20, made).options == {}
    assert rule_for(make_slice(0, BodyPartExamined="KNEE"), 20, made) is None


@pytest.mark.parametrize(
    ("kind", "images", "taken"),
    [
        (["ORIGINAL", "PRIMARY", "AXIAL"], 8, True),
        (["ORIGINAL", "PRIMARY", "AXIAL"], 7, False),
        (["ORIGINAL", "PRIMARY", "LOCALIZER"], 20, False),
        (["DERIVED", "SECONDARY", "MPR"], 200, False),
        ("DERIVED", 200, False),
        ("LOCALIZER", 200, False),
        ("ORIGINAL", 8, True),
        ("", 8, True),
    ],
)
def test_scouts_derived_and_short_series_are_left_out(kind, images, taken):
    rule = rule_for(make_slice(0, ImageType=kind), images, EVERY_SERIES)
    assert (rule is not None) == taken


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must hold tables"),
        ("[[rule]]\nbody_part = 3", "list of texts"),
        ('[[rule]]\ndescription = "("', "no regular expression"),
        ('[[rule]]\noutput = "x"', "output is no option"),
        ("[[rule]\n", "TOML"),
        ('[[rule]]\nanalyze = "no"', "true or false"),
    ],
)
def test_rules_that_make_no_sense_give_a_sentence(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        rules(tmp_path, text)
