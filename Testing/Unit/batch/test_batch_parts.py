"""The batch's parts: plans that people edit, archives that lie, the ledger, the summary."""

from __future__ import annotations

import dataclasses
import os
import sys
import zipfile

import numpy as np
import pytest

from CTDoseSegLib.batch import pseudonyms, summary
from CTDoseSegLib.batch.discovery import discover
from CTDoseSegLib.batch.ledger import Ledger
from CTDoseSegLib.batch.plan import PlannedScan, read_plan, write_plan
from CTDoseSegLib.batch.study import Outcome
from CTDoseSegLib.batch.walk import unpack, walk
from CTDoseSegLib.ct.volume_files import write_nifti
from CTDoseSegLib.errors import InputError

SCAN = PlannedScan("yes", 1, "/archive/a|/archive/b.dcm", description="=chest", thickness_mm=1.5)


def plan_of(tmp_path, text):
    path = tmp_path / "plan.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "plan.csv"
    assert write_plan(path, [SCAN, dataclasses.replace(SCAN, include="no")]) == 1
    assert next(read_plan(path)) == SCAN
    assert ",'=chest," in path.read_text()


def test_a_plan_has_a_column_for_each_option_of_its_scans(tmp_path):
    path = tmp_path / "plan.csv"
    fine = dataclasses.replace(SCAN, source="/b", options={"quality": "fine", "rdsr": "/r.dcm"})
    write_plan(path, iter([SCAN, fine]), {"quality", "rdsr"})
    assert list(read_plan(path)) == [SCAN, fine]
    with pytest.raises(ValueError, match="quality"):  # never dropped in silence
        write_plan(path, [fine], {"rdsr"})


def test_a_name_that_is_no_text_goes_through_plan_and_list(tmp_path):
    name = os.fsdecode(b"M\xfcller\n1.dcm")  # Latin-1, and a line's end
    scan = dataclasses.replace(SCAN, source=f"/archive/{name}")
    write_plan(tmp_path / "plan.csv", [scan])
    assert next(read_plan(tmp_path / "plan.csv")) == scan


def test_a_plan_saved_by_a_spreadsheet_with_semicolons_is_read(tmp_path):
    path = plan_of(tmp_path, "\ufeffinclude;source;thickness_mm\r\nYES;/a;1,5\r\n;;\r\n")
    (scan,) = read_plan(path)
    assert (scan.include, scan.source, scan.thickness_mm) == ("yes", "/a", 1.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("include,study\nyes,1\n", "column source is missing"),
        ("", "column include is missing"),
        ("include,source\nmaybe,/a\n", "line 2: include is 'maybe'"),
        ("include,source\nyes,\n", "line 2: the source is empty"),
        ("include,source\nyes,/a\nyes,/a\n", "line 3: the same scan stands in line 2"),
        ("include,source\nyes,/a,b\n", "more cells than columns"),
        ("include,source,rows\nyes,/a,many\n", "line 2: rows is 'many'"),
        ("include,source,rows\nyes,/a,inf\n", "line 2: rows is 'inf'"),
    ],
)
def test_a_plan_edited_badly_is_refused_with_its_line(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        list(read_plan(plan_of(tmp_path, text)))


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert [os.path.basename(file.source) for file in walk(tmp_path)] == ["one"]


def test_nothing_of_an_archive_lands_where_its_names_say(tmp_path):
    archive = tmp_path / "in" / "slip.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("../../escaped.dcm", b"x" * 200)
        out.writestr("/tmp/absolute.dcm", b"x" * 200)
    members = list(walk(archive))
    assert [f.source for f in members] == [f"{archive}!0", f"{archive}!1"]
    unpack(members[0].source, tmp_path / "member")
    assert (tmp_path / "member").stat().st_size == 200
    assert list(discover(archive.parent)) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "member"]


def test_a_zip_bomb_is_listed_and_not_unpacked(tmp_path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a.dcm", bytes(40 << 20))
    (row,) = discover(tmp_path)
    assert row.include == "no"
    assert "over 200 times its size" in row.reason


def test_a_broken_archive_is_listed(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 no more")
    (row,) = discover(tmp_path)
    assert "cannot be opened" in row.reason


def test_pseudonyms_depend_on_the_salt_and_reveal_nothing(tmp_path):
    scan = dataclasses.replace(SCAN, study_uid="1.2.3", series_uid="1.2.3.4")
    salt = pseudonyms.read_salt(tmp_path)
    assert pseudonyms.read_salt(tmp_path) == salt
    one, other = pseudonyms.scan_key(scan, salt), pseudonyms.scan_key(scan, "another salt")
    assert one != other
    assert len(one) == 16
    assert pseudonyms.study_key(scan, salt) != one
    (tmp_path / "short").write_text("abc")
    with pytest.raises(InputError, match="shorter than 16"):
        pseudonyms.read_salt(tmp_path, tmp_path / "short")


def test_what_ran_or_may_pass_is_planned_again_and_the_rest_is_not(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.add([(k, "s", SCAN) for k in "abcd"])
        for attempt in ledger.claim(3):
            assert attempt.number == 1
        ledger.finish("a", Outcome(True))
        ledger.finish("b", Outcome(False, "No.", "InputError"))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.add([(k, "s", SCAN) for k in "abcd"])
        assert ledger.counts() == {"planned": 1, "running": 1, "done": 1, "failed": 1}
        ledger.release()
        assert ledger.counts() == {"planned": 2, "running": 0, "done": 1, "failed": 1}
        ledger.release(failed=True)
        assert ledger.counts()["planned"] == 3


def test_a_scan_that_left_the_plan_is_set_aside_and_comes_back_as_it_was(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.add([(k, "s", SCAN) for k in "ab"])
        ledger.claim(2)
        ledger.finish("a", Outcome(True))
        ledger.finish("b", Outcome(False, "No.", "InputError"))
        ledger.add([("b", "s", SCAN)])
        assert ledger.counts() == {"planned": 0, "running": 0, "done": 0, "failed": 1}
        assert [row["key"] for row in ledger.rows(in_plan=False)] == ["a"]
        with pytest.raises(InputError):
            ledger.add(_plan_that_breaks())
        assert [row["key"] for row in ledger.rows()] == ["b"]
        ledger.add([(k, "s", SCAN) for k in "ab"])
        assert ledger.counts() == {"planned": 0, "running": 0, "done": 1, "failed": 1}


def _plan_that_breaks():
    yield "c", "s", SCAN
    raise InputError("line 2 makes no sense")


def test_a_failed_scan_is_tried_again_when_the_plan_names_other_files(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.add([(k, "s", SCAN) for k in "ab"])
        ledger.claim(2)
        ledger.finish("a", Outcome(True))
        ledger.finish("b", Outcome(False, "No.", "InputError"))
        ledger.add([(k, "s", dataclasses.replace(SCAN, source="/elsewhere")) for k in "ab"])
        (attempt,) = ledger.claim(2)
        assert (attempt.key, attempt.scan.source) == ("b", "/elsewhere")


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("liver.nii.gz", np.uint8, "8 bits"),
        ("ct_seg.nii.gz", np.int16, "by its name"),
        ("total-labels.nii.gz", np.uint16, "by its name"),
        ("ct.nii.gz", np.int16, ""),
        ("segovia_chest.nii.gz", np.int16, ""),
        ("segmentation_denoised.nii.gz", np.float32, ""),
    ],
)
def test_label_maps_are_left_out_by_what_they_hold_and_their_name(tmp_path, name, kind, says):
    write_nifti(tmp_path / name, np.ones((2, 3, 4), kind), np.eye(4))
    (row,) = discover(tmp_path)
    assert (row.include, says in row.reason) == ("no" if says else "yes", True)


def exam(n, **other):
    return {
        **dict.fromkeys(("wed_mm", "dlp_mGy_cm", "ssde_mGy", "phantom_cm", "kvp_kV")),
        **{"study_key": f"s{n}", "scan_key": f"k{n}", "description": "2 chest"},
        **{"ctdivol_mGy": 8.0 + n / 10, "wed_mm": 262.0, **other},
    }


def test_reference_levels_are_kept_back_below_twenty_examinations():
    (few,) = summary.grouped([exam(n) for n in range(19)], summary.protocol_of)
    assert few["cells"] == [None, None, None]
    (many,) = summary.grouped([exam(n) for n in range(20)], summary.protocol_of)
    assert many["cells"][0].startswith("8.95 (8.47 to 9.4")
    # Three scans of one study are one examination.
    (again,) = summary.grouped([exam(n % 10) for n in range(30)], summary.protocol_of)
    assert again["n"] == 10
    assert again["cells"][0] is None


def test_an_outlier_is_linked_to_its_scan():
    exams = [exam(n) for n in range(25)] + [exam(99, ctdivol_mGy=80.0)]
    (found,) = summary.outliers(exams)
    assert found["key"] == "k99"


def test_html_in_a_description_is_escaped(tmp_path):
    pytest.importorskip("jinja2")
    exams = [exam(1, description="<script>alert(1)</script>")]
    counts = {"done": 1, "failed": 0, "planned": 0}
    summary.write_summary(tmp_path, exams, {"liver": [1.0]}, [], 0, counts)
    text = (tmp_path / "summary.html").read_text()
    assert "<script>" not in text
    assert "not for clinical use" in text


def test_importing_the_batch_loads_nothing_heavy():
    import subprocess

    code = (
        "import sys, CTDoseSegLib.batch, CTDoseSegLib.batch.runner\n"
        "print({'dask', 'distributed', 'pyarrow', 'jinja2', 'matplotlib', 'torch'} "
        "& set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
