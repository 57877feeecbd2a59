"""The command as other programs start it: exit codes, events, cancelling, files, identity."""

from __future__ import annotations

import csv
import ctypes
import fcntl
import gzip
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from Corpus.base import FAMILY_NAME, GIVEN_NAME, IDENTITY, UID, Base, alter, new_series, write

from CTDoseSegLib.ct.phantom import Phantom, write_dicom
from CTDoseSegLib.reporting.output import LOCK

LIB_PARENT = Path(__file__).resolve().parents[2] / "CTDoseSeg"
# What DESIGN and README promise to programs that read the results.
COLUMNS = {
    "slices.csv": (
        "slice_index,z_mm,slice_location_mm,tube_current_mA,ctdivol_mGy,body_area_mm2,body_mean_hu,"
        "wed_mm,truncated_fraction,wed_corrected_mm,ssde_mGy,flags"
    ),
    "organ_slices.csv": "organ,region,slice_index,area_mm2,mean_hu,sd_hu,dose_mGy",
    "organ_doses.csv": (
        "organ,region,dose_mGy,model_low_mGy,model_high_mGy,total_low_mGy,total_high_mGy,"
        "dose_slice_mean_mGy,volume_ml,n_slices,coverage,flags"
    ),
    "labels.csv": "value,name,snomed_code,color",
    "groups.csv": "group,atom",
}
PICTURES = {"wed.png", "organ_doses.png", "overlay.png", "hu_histogram.png"}
FILES = {*COLUMNS, *PICTURES, "result.json", "segmentation.nii.gz"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return Base(tmp_path_factory.mktemp("phantoms"))


@pytest.fixture(scope="module")
def ct(base, tmp_path_factory):
    """A series whose folder and file names, too, name the patient."""
    folder = tmp_path_factory.mktemp("ct") / f"{FAMILY_NAME} {GIVEN_NAME}"
    return write(base.slices(), folder, f"{FAMILY_NAME}^{GIVEN_NAME}")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A series that takes long enough to be cancelled."""
    folder = tmp_path_factory.mktemp("large")
    write_dicom(
        Phantom(seed=2, variant="cylinder", shape=(256, 256, 30), spacing_mm=(1.6, 1.6, 3.0)),
        folder,
    )
    return folder / "dicom"


@pytest.fixture(scope="module")
def finished(ct, tmp_path_factory):
    """Output folder and process of one run with the default listener."""
    output = tmp_path_factory.mktemp("finished") / "output"
    return output, run("analyze", ct, "--output", output)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-u", "-m", "CTDoseSegLib", *map(str, arguments)]


def run(*arguments: object, **options) -> subprocess.CompletedProcess:
    """Run the command with standard input open, as a parent that listens keeps it."""
    read, keep_open = os.pipe()
    try:
        return subprocess.run(
            command(*arguments),
            cwd=LIB_PARENT,
            stdin=read,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=120,
            **options,
        )
    finally:
        os.close(read)
        os.close(keep_open)


def start(*arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        command(*arguments),
        cwd=LIB_PARENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def result_of(output: Path) -> dict:
    return json.loads((output / "result.json").read_text(encoding="utf-8"))


def assert_refused(done: subprocess.CompletedProcess, *words: str) -> None:
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("ctdoseseg: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_a_run_ends_with_0_and_leaves_the_promised_files_and_columns(finished):
    output, done = finished
    assert done.returncode == 0, done.stderr
    assert {path.name for path in output.iterdir()} == FILES
    for name, promised in COLUMNS.items():
        first = (output / name).read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(promised), name
    assert [row["slice_index"] for row in rows(output / "slices.csv")] == list(map(str, range(16)))


def test_the_doses_and_the_notice_are_on_the_screen(finished):
    done = finished[1]
    assert "not for clinical use" in done.stdout
    assert "lung" in done.stdout
    assert done.stderr == ""


def test_no_file_and_nothing_printed_names_the_patient(finished):
    output, done = finished
    contents = {path.name: path.read_bytes() for path in output.iterdir()}
    contents["segmentation.nii.gz"] = gzip.decompress(contents["segmentation.nii.gz"])
    contents["printed"] = (done.stdout + done.stderr).encode()
    for name, content in contents.items():
        for part in IDENTITY:
            assert part.lower().encode() not in content.lower(), name
        assert str(output.parent).encode() not in content or name == "printed"


def test_pictures_say_who_drew_them_and_nothing_else(finished):
    from PIL import Image

    for name in PICTURES:
        with Image.open(finished[0] / name) as picture:
            assert set(picture.info) <= {"dpi", "Software"}
            assert picture.info["Software"] == "CTDoseSeg"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("analyse", "x"),
        ("analyze", "x"),
        ("analyze", "x", "--output", "y", "--region", "pelvis"),
        ("analyze", "x", "--output", "y", "--events", "xml"),
        ("analyze", "--output"),
        ("export", "x", "--output", "y", "--spacing", "one"),
    ],
)
def test_wrong_usage_ends_with_2(arguments, tmp_path):
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_input_ends_with_3_and_one_sentence_for_every_listener(tmp_path):
    for listener in ("rich", "jsonl", "none"):
        arguments = ("analyze", tmp_path / "nothing", "--output", tmp_path / "o")
        assert_refused(run(*arguments, "--events", listener), "nothing", "does not exist")
    assert list(tmp_path.iterdir()) == []


def test_events_are_ascii_json_lines_from_started_to_result(ct, tmp_path):
    done = run("analyze", ct, "--output", tmp_path / "Größe", "--events", "jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "started"
    assert isinstance(events[0]["pid"], int)
    assert events[-1]["event"] == "result"
    assert set(events[-1]["files"]) == FILES
    assert {event["event"] for event in events} <= {"started", "progress", "warning", "result"}
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_the_last_event_of_a_refused_input_is_the_error(tmp_path):
    done = run("analyze", tmp_path, "--output", tmp_path / "o", "--events", "jsonl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["started", "error"]
    assert events[-1]["exit_code"] == 3
    assert events[-1]["message"] in done.stderr


def test_what_libraries_print_goes_to_standard_error(tmp_path):
    noisy = (
        "import os, sys\n"
        "import CTDoseSegLib.ct.reading as reading\n"
        "from CTDoseSegLib.cli import main\n"
        "true = reading.read_series\n"
        "def loud(*a, **k):\n"
        "    print('from Python'); os.write(1, b'from C\\n'); return true(*a, **k)\n"
        "reading.read_series = loud\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    read, keep_open = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", noisy, "analyze", tmp_path, "--output", "o", "--events", "jsonl"],
        cwd=LIB_PARENT,
        stdin=read,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(read)
    os.close(keep_open)
    assert all(json.loads(line)["event"] for line in done.stdout.splitlines())
    assert "from Python" in done.stderr
    assert "from C" in done.stderr


INPUT_CLOSED = "standard input closed"


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        (INPUT_CLOSED, "looking at file"),
        (INPUT_CLOSED, "drawing the outlines"),
        (INPUT_CLOSED, "drawing pictures"),
        ("SIGTERM", "reading slice"),
        ("SIGTERM", "drawing pictures"),
        ("SIGINT", "drawing the outlines"),
        ("SIGINT", "drawing pictures"),
        ("all at once", "drawing pictures"),
    ],
)
def test_a_cancelled_run_ends_with_130_and_leaves_nothing(how, moment, large, tmp_path):
    output = tmp_path / "made" / "output"
    process = start("analyze", large, "--output", output, "--events", "jsonl")
    seen = b""
    for line in process.stdout:
        seen = line
        if moment.encode() in line:
            break
    assert moment.encode() in seen, process.communicate()[1]
    if moment == "drawing pictures":
        deadline = time.monotonic() + 10
        while not list(tmp_path.rglob("wed.png")) and time.monotonic() < deadline:
            time.sleep(0.01)
    if how in (INPUT_CLOSED, "all at once"):
        process.stdin.close()
    if how != INPUT_CLOSED:
        process.send_signal(signal.SIGINT if how == "SIGINT" else signal.SIGTERM)
    process.stdin = process.stdin if how in ("SIGTERM", "SIGINT") else None
    rest, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed.decode()
    assert b"Traceback" not in printed
    assert b'"result"' not in rest
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_held_results_keeps_them_when_the_next_run_is_cancelled(ct, large, tmp_path):
    output = tmp_path / "output"
    assert run("analyze", ct, "--output", output, "--events", "none").returncode == 0
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    process = start("analyze", large, "--output", output, "--events", "jsonl")
    for line in process.stdout:
        if b"drawing pictures" in line:
            break
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_two_runs_give_the_same_tables_and_the_second_replaces_the_first(finished, ct, tmp_path):
    output = tmp_path / "output"
    shutil.copytree(finished[0], output)
    (output / "slices.csv").write_text("old")
    (output / "of the user.txt").write_text("mine")
    (output / ".ctdoseseg-killed").mkdir()
    assert run("analyze", ct, "--output", output, "--events", "none").returncode == 0
    assert {path.name for path in output.iterdir()} == FILES | {"of the user.txt"}
    for name in (*COLUMNS, "segmentation.nii.gz"):
        assert (output / name).read_bytes() == (finished[0] / name).read_bytes(), name
    old, new = result_of(finished[0]), result_of(output)
    for result in (old, new):
        del result["provenance"]["created"]
    assert new == old


def test_a_folder_that_another_run_writes_is_refused(ct, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    with (output / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("analyze", ct, "--output", output, "--events", "none")
    assert_refused(done, "output", "being written")
    assert [path.name for path in output.iterdir()] == [LOCK]


def test_a_file_in_the_place_of_the_output_folder_is_refused(ct, tmp_path):
    (tmp_path / "output").write_text("mine")
    done = run("analyze", ct, "--output", tmp_path / "output", "--events", "none")
    assert_refused(done, "output")
    assert (tmp_path / "output").read_text() == "mine"


def _no_privileges() -> None:
    """Give up root's right to ignore permissions (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)."""
    drop_from_bounding_set = 24
    if os.getuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):
            if library.prctl(drop_from_bounding_set, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def test_a_folder_without_permission_to_write_is_refused(ct, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    arguments = ("analyze", ct, "--output", locked / "output", "--events", "none")
    assert_refused(run(*arguments, preexec_fn=_no_privileges), "output", "permission")
    assert list(locked.iterdir()) == []


def test_files_and_folders_without_permission_to_read_are_refused(base, tmp_path):
    series = write(base.slices(), tmp_path / "ct")
    for path in series.iterdir():
        path.chmod(0)
    arguments = ("analyze", series, "--output", tmp_path / "o", "--events", "none")
    assert_refused(run(*arguments, preexec_fn=_no_privileges), "slice_00.dcm", "permission")
    series.chmod(0)
    assert_refused(run(*arguments, preexec_fn=_no_privileges), "permission")
    series.chmod(0o700)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(ct, tmp_path):
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = run("analyze", ct, "--output", tmp_path / "o", "--events", "none", preexec_fn=limited)
    assert_refused(done, "cannot be written")
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_a_sentence(large, tmp_path):
    code = (
        "import sys, CTDoseSegLib.ct.reading as reading\n"
        "from CTDoseSegLib.cli import main\n"
        "def full(*a, **k): raise MemoryError\n"
        "reading.read_series = full\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["analyze", str(large), "--output", str(tmp_path / "o"), "--events", "none"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=LIB_PARENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(done, "memory")


def test_several_patients_are_listed_and_one_is_taken_by_its_series(base, tmp_path):
    write(base.slices(), tmp_path / "ct", "one")
    other = new_series(base.slices(), 5, PatientID="OTHER", PatientName="Doe^J", PatientAge="009Y")
    write(alter(other, SeriesDescription="second"), tmp_path / "ct", "two")
    arguments = ("analyze", tmp_path / "ct", "--output", tmp_path / "o", "--events", "none")
    done = run(*arguments)
    assert_refused(done, "2 patients", "second")
    assert not any(part in done.stderr for part in (*IDENTITY, "OTHER", "Doe"))
    assert run(*arguments, "--series", f"{UID}.5").returncode == 0
    assert result_of(tmp_path / "o")["acquisition"]["age_years"]["value"] == 9


def test_the_end_of_a_uid_as_the_list_shows_it_names_a_series(base, tmp_path):
    first, other = base.slices(), new_series(base.slices(), 5, PatientID="OTHER")
    write(first, tmp_path / "ct", "one")
    write(alter(other, SeriesDescription="second"), tmp_path / "ct", "two")
    arguments = ("analyze", tmp_path / "ct", "--output", tmp_path / "o", "--events", "none")
    assert "end of its UID" in run(*arguments).stderr
    shown = run(*arguments).stderr.split("UID ...")[1].split(";")[0].strip(" .\n")
    done = run(*arguments, "--series", shown)
    assert done.returncode == 0, done.stderr


def test_typed_values_replace_those_of_the_image_and_are_marked(ct, tmp_path):
    typed = {"ctdivol_mGy": 12.0, "pitch": 0.5, "age_years": 70}
    (tmp_path / "typed.json").write_text(json.dumps(typed))
    output = tmp_path / "o"
    arguments = ("--acquisition", tmp_path / "typed.json", "--events", "none")
    assert run("analyze", ct, "--output", output, *arguments).returncode == 0
    acquisition = result_of(output)["acquisition"]
    for name, value in typed.items():
        assert acquisition[name] == {"value": value, "source": "user"}
    assert acquisition["kvp_kV"]["source"].startswith("image")
    assert {row["ctdivol_mGy"] for row in rows(output / "slices.csv")} == {"12"}


@pytest.fixture(scope="module")
def volumes(ct, tmp_path_factory):
    """The same volume as NIfTI, NRRD and npy."""
    import SimpleITK as sitk

    from CTDoseSegLib.ct.nifti import write_nifti
    from CTDoseSegLib.ct.reading import read_series
    from CTDoseSegLib.ct.volume_file import write_npy_volume

    folder = tmp_path_factory.mktemp("volumes")
    series = read_series(ct)
    write_nifti(folder / "ct.nii.gz", series.hu, series.affine)
    sitk.WriteImage(sitk.ReadImage(str(folder / "ct.nii.gz")), str(folder / "ct.nrrd"))
    write_npy_volume(series, folder / "volume.npy")
    return folder


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nrrd", "volume.npy"])
def test_volume_files_give_the_sizes_of_the_dicom_series(name, volumes, finished, tmp_path):
    done = run("analyze", volumes / name, "--output", tmp_path / "o", "--events", "none")
    assert done.returncode == 0, done.stderr
    found, wanted = (
        sorted([float(row[name]) for name in ("z_mm", "wed_mm", "body_area_mm2")] for row in table)
        for table in (rows(tmp_path / "o" / "slices.csv"), rows(finished[0] / "slices.csv"))
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    doses = [organ["dose_mGy"] for organ in result_of(tmp_path / "o")["organs"]]
    assert any(doses) is (name == "volume.npy"), "only the .json states an exposure"


def test_the_published_networks_are_a_reference_mode(base, ct, published_models, tmp_path):
    models = published_models.rename(tmp_path / FAMILY_NAME)
    output = tmp_path / "o"
    arguments = ("--dose-model", models, "--segmentation", base.truth(), "--events", "none")
    done = run("analyze", ct, "--output", output, *arguments)
    assert done.returncode == 0, done.stderr
    result = result_of(output)
    given = [organ for organ in result["organs"] if organ["dose_mGy"] is not None]
    assert len(given) > 10
    assert {organ["route"] for organ in given} == {"published"}
    assert {organ["model_low_mGy"] for organ in given} == {None}
    assert FAMILY_NAME not in (output / "result.json").read_text(encoding="utf-8")


def test_a_missing_dose_model_is_refused_by_its_name(ct, tmp_path):
    arguments = ("--dose-model", tmp_path / "nowhere", "--events", "none")
    done = run("analyze", ct, "--output", tmp_path / "o", *arguments)
    assert_refused(done, "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_segment_and_export_write_whole_folders_or_none(base, ct, tmp_path):
    done = run("segment", ct, "--output", tmp_path / "s", "--events", "none")
    assert done.returncode == 0, done.stderr
    names = {"segmentation.nii.gz", "labels.csv", "groups.csv"}
    assert {path.name for path in (tmp_path / "s").iterdir()} == names
    done = run("export", ct, "--output", tmp_path / "e", "--organ", "wing", "--events", "none")
    assert_refused(done, "wing")
    assert not (tmp_path / "e").exists()
    label = ("--segmentation", base.truth(), "--organ", "liver", "--events", "none")
    assert run("export", ct, "--output", tmp_path / "e", *label).returncode == 0
    assert {path.name for path in (tmp_path / "e").iterdir()} == {"hu.nii.gz", "hu_liver.nii.gz"}


def test_a_label_map_written_beside_a_result_leaves_it_there(base, ct, tmp_path):
    output = tmp_path / "o"
    given = ("--segmentation", base.truth(), "--events", "none")
    assert run("analyze", ct, "--output", output, *given).returncode == 0
    assert run("segment", ct, "--output", output, *given).returncode == 0
    assert (output / "result.json").is_file()


def test_a_folder_in_the_way_of_a_file_is_seen_before_anything_is_replaced(base, ct, tmp_path):
    output = tmp_path / "o"
    given = ("--segmentation", base.truth(), "--events", "none")
    assert run("analyze", ct, "--output", output, *given).returncode == 0
    (output / "wed.png").unlink()
    (output / "wed.png").mkdir()
    before = {p.name: p.stat().st_mtime_ns for p in output.iterdir()}
    assert_refused(run("analyze", ct, "--output", output, *given), "wed.png")
    assert {p.name: p.stat().st_mtime_ns for p in output.iterdir()} == before


def test_an_empty_output_is_wrong_usage(ct):
    done = run("analyze", ct, "--output", "")
    assert done.returncode == 2
    assert "--output" in done.stderr


def test_with_standard_input_closed_from_the_start_the_task_ends_quietly(ct, tmp_path):
    arguments = command("analyze", ct, "--output", tmp_path / "o", "--events", "jsonl")
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@" <&-', *arguments],
        cwd=LIB_PARENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_ssde_can_be_recomputed_from_its_own_row(finished):
    for row in rows(finished[0] / "slices.csv"):
        factor = 3.704369 * np.exp(-0.03671937 * float(row["wed_mm"]) / 10)
        assert float(row["ssde_mGy"]) == pytest.approx(
            factor * float(row["ctdivol_used_mGy"]), rel=1e-4
        )


def test_a_formula_and_a_path_as_organ_names_stay_text(base, ct, tmp_path):
    labels = tmp_path / "labels"
    labels.mkdir()
    shutil.copy(base.truth(), labels / "organs.nii.gz")
    names = {1: "=cmd|'/c calc'!A0", 2: "../../escaped"}
    table = "".join(f"{v},{names.get(v, f'part_{v}')}\n" for v in range(1, 80))
    (labels / "labels.csv").write_text(f"value,name\n{table}")
    arguments = ("--segmentation", labels / "organs.nii.gz", "--events", "none")
    done = run("analyze", ct, "--output", tmp_path / "o", *arguments)
    assert done.returncode == 0, done.stderr
    for name in COLUMNS:
        for line in (tmp_path / "o" / name).read_text(encoding="utf-8").splitlines():
            assert not any(cell.startswith(("=", '"=')) for cell in line.split(",")), name
    organ = ("--organ", "../../escaped", *arguments)
    assert run("export", ct, "--output", tmp_path / "e", *organ).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"labels", "o", "e"}


def test_the_version_is_told():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("ctdoseseg ")
