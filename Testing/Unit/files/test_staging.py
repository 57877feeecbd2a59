"""A folder of results appears whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tiny_analysis import tiny_analysis

from CTDoseSegLib.errors import Cancelled, OutputError
from CTDoseSegLib.files.staging import staged_folder
from CTDoseSegLib.result_folder import write_result
from CTDoseSegLib.tasks.progress import Collected

LIBRARY = Path(__file__).resolve().parents[3] / "CTDoseSeg"


def test_a_crash_in_the_middle_leaves_nothing(tmp_path):
    def half_a_run():
        with staged_folder(tmp_path / "a" / "b") as folder:
            (folder / "slices.csv").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_a_run()
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_run_leaves_the_former_result_untouched(tmp_path):
    write_result(tiny_analysis(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    progress = Collected()
    progress.cancel()
    with pytest.raises(Cancelled):
        write_result(tiny_analysis(slices=3), tmp_path, progress)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_files_of_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with staged_folder(tmp_path) as folder:
        (folder / "slices.csv").write_text("new")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "slices.csv").read_text() == "new"


def test_a_picture_of_an_earlier_run_does_not_stay_beside_a_new_result(tmp_path):
    (tmp_path / "overlay.png").write_bytes(b"old")
    with staged_folder(tmp_path, replaces=["overlay.png"]) as folder:
        (folder / "result.json").write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_two_runs_cannot_write_one_folder_at_once(tmp_path):
    with staged_folder(tmp_path) as folder:
        (folder / "slices.csv").write_text("first")
        with pytest.raises(OutputError, match=f"process {os.getpid()}"), staged_folder(tmp_path):
            pytest.fail("both runs were let in")
    assert [path.name for path in tmp_path.iterdir()] == ["slices.csv"]


def test_a_lock_left_by_a_killed_run_does_not_lock_the_folder(tmp_path):
    (tmp_path / ".ctdoseseg.lock").write_text("1\n")
    with staged_folder(tmp_path) as folder:
        (folder / "slices.csv").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["slices.csv"]


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="out cannot be written: a part of its path is a file"):
        write_result(tiny_analysis(), tmp_path / "out")
    with pytest.raises(OutputError, match="a part of its path is a file"):
        write_result(tiny_analysis(), tmp_path / "out" / "deeper")


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission"), (errno.EROFS, "read-only")],
)
def test_what_the_system_refuses_becomes_a_sentence(tmp_path, number, words):
    with pytest.raises(OutputError, match=words), staged_folder(tmp_path / "out"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on file size to run into")
def test_a_file_that_the_system_cuts_short_is_an_error_and_leaves_nothing(tmp_path):
    code = f"""
        import resource, signal, sys
        sys.path.insert(0, {str(LIBRARY)!r})
        import numpy as np
        from pathlib import Path
        from CTDoseSegLib.ct.volume_files import write_nifti
        from CTDoseSegLib.errors import OutputError
        from CTDoseSegLib.files.staging import staged_folder
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        noise = np.random.default_rng(0).integers(0, 255, (10, 100, 200), np.uint8)
        try:
            with staged_folder({str(tmp_path / "out")!r}) as folder:
                write_nifti(folder / "hu.nii.gz", noise, np.eye(4))
        except OutputError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert "takes no file of this size" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_files_in_folders_replace_those_of_an_earlier_run_and_no_others(tmp_path):
    for organ in ("liver", "spleen"):
        with staged_folder(tmp_path, replaces=["arrays/*/*.npy"]) as folder:
            (folder / "arrays" / organ).mkdir(parents=True)
            (folder / "arrays" / organ / "rows.npy").write_bytes(organ.encode())
        (tmp_path / "arrays" / "notes.txt").write_text("mine")
    written = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")}
    assert written == {"arrays", "arrays/notes.txt", "arrays/spleen", "arrays/spleen/rows.npy"}


def test_a_file_where_a_folder_of_results_belongs_is_refused_and_nothing_changes(tmp_path):
    (tmp_path / "arrays").write_text("mine")
    (tmp_path / "slices.csv").write_text("old")

    def run():
        with staged_folder(tmp_path) as folder:
            (folder / "arrays").mkdir()
            (folder / "arrays" / "rows.npy").write_bytes(b"new")
            (folder / "slices.csv").write_text("new")

    with pytest.raises(OutputError, match="a file has the name of a folder of the results, arrays"):
        run()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "arrays": "mine",
        "slices.csv": "old",
    }
