"""The real TotalSegmentator and nnU-Net on stand-in weights: labels land where they belong.

The stand-in networks give each voxel the label of its HU (`standin_weights`); all the rest of the
way, from our volume to our label map, is the real one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from processes import command_line, is_alive, processes_below
from scipy import ndimage
from standin_weights import HU

from CTDoseSegLib.ct.volume_files import write_nifti
from CTDoseSegLib.errors import ModelError, OutputError
from CTDoseSegLib.reading.array_series import series_from_array
from CTDoseSegLib.reading.npy_volume import write_npy_volume
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.totalsegmentator.engine import TotalSegmentatorEngine
from CTDoseSegLib.segmentation.totalsegmentator.phase import PHASE
from CTDoseSegLib.segmentation.user import read_labelmap
from CTDoseSegLib.tasks.progress import Collected, Progress

LIB_PARENT = Path(__file__).resolve().parents[2] / "CTDoseSeg"
ROTATION = np.array([[0.96, -0.2, 0.196], [0.216, 0.974, -0.064], [-0.178, 0.104, 0.979]])
ROTATION = np.linalg.qr(ROTATION)[0] * -1.0
# Right-handed and left-handed grids, axis order and direction, and pixels that are not square.
GRIDS = {
    "head first": np.diag([-4.0, -4.0, 6.0]),
    "feet first": np.diag([4.0, -4.0, 6.0]),
    "prone": np.diag([4.0, 4.0, 6.0]),
    "reversed slices": np.diag([-4.0, -4.0, -6.0]),
    "pixels not square": np.diag([-3.2, -5.0, 7.0]),
    "oblique": ROTATION @ np.diag([-4.0, -4.0, 6.0]),
}


def scan(grid=GRIDS["head first"], organs=("liver", "spleen", "aorta", "stomach"), shape=None):
    """A body with cuboid organs at places that no reflection or turn maps onto each other."""
    shape = shape or (16, 56, 64)
    hu = np.full(shape, -1000, np.int16)
    j, i = (np.linspace(-1, 1, n) for n in shape[1:])
    inside = (j[:, None] / 0.85) ** 2 + (i[None] / 0.92) ** 2 < 1
    hu[:, inside] = 0
    places = {
        "liver": (slice(2, 12), slice(16, 28), slice(8, 26)),
        "spleen": (slice(5, 14), slice(12, 26), slice(34, 52)),
        "aorta": (slice(1, 15), slice(34, 44), slice(34, 46)),
        "stomach": (slice(4, 10), slice(32, 42), slice(14, 24)),
        "lung_upper_lobe_left": (slice(5, 14), slice(12, 26), slice(34, 52)),
        "lung_vessels": (slice(7, 12), slice(15, 23), slice(38, 48)),
        "heart": (slice(4, 10), slice(32, 42), slice(14, 24)),
        "skull": (slice(3, 13), slice(14, 44), slice(34, 52)),
        "breast": (slice(4, 12), slice(14, 24), slice(8, 20)),
        "eye_lens_left": (slice(5, 11), slice(18, 26), slice(37, 44)),
        "parotid_gland_right": (slice(5, 11), slice(30, 39), slice(37, 44)),
        "nasopharynx": (slice(5, 11), slice(18, 26), slice(46, 50)),
        "brain": (slice(4, 12), slice(18, 40), slice(36, 50)),
    }
    for name in organs:
        hu[places[name]] = HU[name]
    affine = np.eye(4)
    affine[:3, :3] = grid
    affine[:3, 3] = (31.0, -17.0, 402.0)
    return series_from_array(hu, affine)


def wrong(labelmap, series, name) -> str:
    """What is wrong with the label of an organ; empty if it is where its HU is.

    Looked at where HU are the same all around: between two structures the network's own grid has
    HU in between, which are those of other organs here.
    """
    low, high = (f(series.hu, (3, 5, 5)) for f in (ndimage.minimum_filter, ndimage.maximum_filter))
    calm = low == high
    truth = series.hu == HU[name]
    found = labelmap.mask(name) if name in labelmap.groups else np.zeros_like(truth)
    assert (truth & calm).any(), f"{name} is too small to be looked at"
    missed, outside = int((truth & ~found & calm).sum()), int((found & ~truth & calm).sum())
    return f"{name}: {missed} missed, {outside} outside. " if missed or outside else ""


def all_wrong(labelmap, series) -> str:
    return "".join(wrong(labelmap, series, n) for n in ("liver", "spleen", "aorta", "stomach"))


def rest(folder: Path) -> list[Path]:
    """What a run left in the folder of temporary files."""
    return [path for path in folder.iterdir() if path.name.startswith(("ctdoseseg-ts", "nnunet"))]


@pytest.mark.parametrize("pair", [("head first", "feet first"), ("prone", "reversed slices")])
def test_two_runs_at_once_put_each_label_on_its_voxels(totalsegmentator_here, pair):
    series = [scan(GRIDS[name]) for name in pair]
    engine = TotalSegmentatorEngine("fast", "cpu")
    with ThreadPoolExecutor(2) as pool:
        maps = list(pool.map(lambda one: engine.segment(one, Progress()), series))
    for name, one, labelmap in zip(pair, series, maps, strict=True):
        assert all_wrong(labelmap, one) == "", name
        assert (labelmap.affine == one.affine).all()
    assert rest(totalsegmentator_here) == []


@pytest.mark.parametrize("name", ["pixels not square", "oblique"])
def test_labels_land_on_their_voxels_on_uneven_grids(
    totalsegmentator_here, monkeypatch, tmp_path, name
):
    series = scan(GRIDS[name])
    if name == "oblique":  # and as on Windows, where no process can be forked
        code = "import multiprocessing\nmultiprocessing.set_start_method('spawn')\n"
        (tmp_path / "sitecustomize.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    labelmap = TotalSegmentatorEngine("fast", "cpu").segment(series, Progress())
    assert all_wrong(labelmap, series) == ""
    assert (labelmap.affine == series.affine).all()


def test_full_quality_runs_only_the_parts_with_these_organs(totalsegmentator_here):
    series = scan()
    progress = Collected()
    labelmap = TotalSegmentatorEngine("full", "cpu").segment(series, progress)
    assert all_wrong(labelmap, series) == ""
    assert {a.origin.split()[0] for a in labelmap.atoms} == {"totalsegmentator", "unet"}
    fractions = [e["fraction"] for e in progress.log if e["event"] == "progress"]
    assert fractions == sorted(fractions)
    messages = {e["message"] for e in progress.log if e["event"] == "progress"}
    assert "finding where the organs are" in messages


def test_all_tasks_become_one_map_with_an_origin_each(totalsegmentator_here):
    home = Path(os.environ["TOTALSEG_HOME_DIR"])
    home.mkdir()
    settings = {"license_number": "aca_" + 14 * "X", "send_usage_stats": True}
    (home / "config.json").write_text(json.dumps(settings))
    series = scan(organs=("liver", "lung_upper_lobe_left", "lung_vessels", "heart", "aorta"))
    engine = TotalSegmentatorEngine("fast", "cpu", ("lung_vessels", "heart_chambers", "body"))
    labelmap = engine.segment(series, Progress())
    origins = {a.name: a.origin for a in labelmap.atoms}
    assert origins["body_rest"] == origins["skin"] == "totalsegmentator body"
    assert origins["liver"] == origins["aorta"] == "totalsegmentator total"
    assert origins["lung_vessels"] == "totalsegmentator lung_vessels_LEGACY"
    assert origins["heart_myocardium"] == "totalsegmentator heartchambers_highres"
    names = ("liver", "lung_vessels", "heart_myocardium", "aorta")
    assert "".join(wrong(labelmap, series, n) for n in names) == ""
    assert {"lung_vessels", "lung_upper_lobe_left"} <= set(labelmap.groups["lung"])
    assert (labelmap.mask("body") == (series.hu > -500)).mean() > 0.97
    about = labelmap.about["totalsegmentator"]
    assert about["tasks"] == ["body", "total", "lung_vessels_LEGACY", "heartchambers_highres"]
    assert len(about["weights_sha256"]) == 5
    assert all(len(digest) == 64 for digest in about["weights_sha256"].values())
    # The user's own settings are read, never written.
    assert json.loads((home / "config.json").read_text()) == settings
    assert rest(totalsegmentator_here) == []


def test_breasts_and_glands_of_the_head_are_found_by_name_and_cavities_left_out(
    totalsegmentator_here,
):
    found = ("breast", "eye_lens_left", "parotid_gland_right")
    series = scan(organs=("skull", *found, "nasopharynx", "stomach"))
    engine = TotalSegmentatorEngine("fast", "cpu", ("breasts", "head_glands"))
    labelmap = engine.segment(series, Progress())
    assert "".join(wrong(labelmap, series, n) for n in (*found, "stomach")) == ""
    origins = {a.name: a.origin for a in labelmap.atoms}
    assert origins["breast"] == "totalsegmentator breasts"
    assert origins["eye_lens_left"] == "totalsegmentator head_glands_cavities"
    assert "nasopharynx" not in origins  # the table of organs does not know it
    tasks = labelmap.about["totalsegmentator"]["tasks"]
    assert tasks == ["total", "breasts", "head_glands_cavities"]


def test_glands_of_the_head_in_a_scan_without_a_head_are_none(totalsegmentator_here):
    series = scan()
    labelmap = TotalSegmentatorEngine("fast", "cpu", ("head_glands",)).segment(series, Progress())
    assert all_wrong(labelmap, series) == ""
    assert not {"eye_left", "parotid_gland_left"} & {a.name for a in labelmap.atoms}


def test_fat_and_muscle_lie_beneath_the_organs_and_need_the_licence(totalsegmentator_here):
    series = scan()
    engine = TotalSegmentatorEngine("fast", "cpu", ("tissue_types",))
    with pytest.raises(ModelError, match="needs a licence"):
        engine.segment(series, Progress())
    home = Path(os.environ["TOTALSEG_HOME_DIR"])
    home.mkdir()
    (home / "config.json").write_text(json.dumps({"license_number": "aca_" + 14 * "X"}))
    labelmap = engine.segment(series, Progress())
    assert all_wrong(labelmap, series) == ""
    origins = {a.name: a.origin for a in labelmap.atoms}
    assert origins["subcutaneous_fat"] == "totalsegmentator tissue_types"
    fat = labelmap.mask("subcutaneous_fat")
    assert fat.sum() > 0.5 * (series.hu == 0).sum()
    assert labelmap.about["totalsegmentator"]["tasks"] == ["tissue_types", "total"]


def test_the_contrast_phase_is_an_estimate_with_its_spread_and_a_flag(totalsegmentator_here):
    pytest.importorskip("xgboost", reason="TotalSegmentator's classifier runs on it")
    series = scan()
    plain = TotalSegmentatorEngine("fast", "cpu").segment(series, Progress())
    labelmap = TotalSegmentatorEngine("fast", "cpu", (PHASE,)).segment(series, Progress())
    np.testing.assert_array_equal(labelmap.labels, plain.labels)
    about = labelmap.about[PHASE]
    assert about["lowest_s"] <= about["after_injection_s"] <= about["highest_s"]
    assert about["sd_s"] >= 0
    assert 0 < about["certainty"] <= 1
    (found,) = (f for f in labelmap.flags if f.code == "contrast_phase")
    assert f"{about['after_injection_s']:.0f} s after injection" in found.detail
    assert found.severity == "info"
    assert "contrast_phase" not in [f.code for f in plain.flags]
    # The user's own folder gets no settings, and nothing is left.
    assert not Path(os.environ["TOTALSEG_HOME_DIR"]).exists()
    assert rest(totalsegmentator_here) == []


def test_the_contrast_phase_of_a_head_runs_the_heads_networks_and_its_failure_loses_no_organ(
    totalsegmentator_here, standin_weights, tmp_path, monkeypatch
):
    pytest.importorskip("xgboost", reason="TotalSegmentator's classifier runs on it")
    series = scan(organs=("brain", "liver"))
    engine = TotalSegmentatorEngine("fast", "cpu", (PHASE,))
    whole = engine.segment(series, Progress())
    assert whole.about[PHASE]["after_injection_s"] >= 0
    # The head's network cannot be built: what the package does then is its own.
    folder = tmp_path / "weights"
    shutil.copytree(standin_weights, folder)
    (plans,) = folder.glob("Dataset776*/*/plans.json")
    plans.write_text("{}")
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(folder))
    labelmap = engine.segment(series, Progress())
    np.testing.assert_array_equal(labelmap.labels, whole.labels)
    assert PHASE not in labelmap.about
    (found,) = (f for f in labelmap.flags if f.code == "contrast_phase_missing")
    assert "KeyError" in found.detail


def test_nothing_found_is_flagged_and_gives_no_organ(totalsegmentator_here):
    # The package then says so and ends without an error.
    series = scan(organs=(), shape=(9, 56, 64))
    labelmap = TotalSegmentatorEngine("full", "cpu").segment(series, Progress())
    assert "network_found_nothing" in [f.code for f in labelmap.flags]
    assert "liver" not in labelmap.groups
    assert "body_rest" in {a.name for a in labelmap.atoms}


def test_one_slice_and_cubes_of_6_mm_are_segmented(totalsegmentator_here):
    one = scan(np.diag([-6.0, -6.0, 6.0]), shape=(16, 56, 64))
    one = series_from_array(one.hu[6:7].copy(), one.affine)
    labelmap = TotalSegmentatorEngine("fastest", "cpu").segment(one, Progress())
    assert labelmap.labels.shape == one.hu.shape
    assert {"liver", "spleen"} <= set(labelmap.groups)


def test_a_disk_that_fills_up_during_the_run_is_told_and_nothing_is_left(
    totalsegmentator_here, monkeypatch, tmp_path
):
    """The system refuses what TotalSegmentator writes; our own volume was still taken."""
    pytest.importorskip("resource", reason="POSIX limits the size of files")
    code = (
        "import resource, sys\n"
        "if any('totalsegmentator.worker' in word for word in sys.orig_argv):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
    )
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OutputError, match="disk of the temporary folder is full"):
        TotalSegmentatorEngine("fastest", "cpu").segment(scan(), Progress())
    assert rest(totalsegmentator_here) == []


def start_command(folder: Path, *more: str) -> subprocess.Popen:
    write_npy_volume(scan(shape=(48, 112, 128)), folder / "ct.npy")
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "CTDoseSegLib", "segment", str(folder / "ct.npy")),
            *("--output", str(folder / "out"), "--engine", "totalsegmentator"),
            *("--device", "cpu", "--events", "jsonl", *more),
        ],
        cwd=LIB_PARENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def wait_for_network(process: subprocess.Popen, doing: str) -> list[int]:
    """Wait until a network runs; its processes."""
    for line in process.stdout:
        event = json.loads(line)
        assert event["event"] not in ("error", "result"), event
        if event["event"] == "progress" and doing in event["message"]:
            break
    if doing == "finding organs":
        time.sleep(2.0)  # nnU-Net's helpers are being started
    return processes_below(process.pid)


@pytest.mark.parametrize("doing", ["drawing body and couch", "finding organs"])
@pytest.mark.parametrize("how", ["standard input closes", "killed"])
def test_when_the_task_ends_midway_everything_ends_within_2_s(
    totalsegmentator_here, tmp_path, how, doing
):
    process = start_command(tmp_path)
    children = wait_for_network(process, doing)
    least = 2 if doing == "finding organs" else 1
    assert len(children) >= least, "the worker, and nnU-Net's helpers"
    start = time.monotonic()
    if how == "killed":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.stdin.close()
    process.wait(timeout=5)
    while any(is_alive(pid) for pid in children) and time.monotonic() - start < 5:
        time.sleep(0.02)
    assert not any(is_alive(pid) for pid in children)
    assert time.monotonic() - start < 2.0
    process.stdout.close()
    assert rest(totalsegmentator_here) == []
    assert not (tmp_path / "out").exists()


def test_a_helper_that_the_system_kills_is_a_want_of_memory_and_no_hang(
    totalsegmentator_here, tmp_path
):
    """nnU-Net itself would wait for it for ever."""
    process = start_command(tmp_path, "--quality", "fastest")
    children = wait_for_network(process, "finding organs")
    helpers = [pid for pid in children if b"spawn_main" in command_line(pid)]
    assert helpers, "nnU-Net's helpers"
    os.kill(helpers[0], signal.SIGKILL)
    (error,) = (e for e in map(json.loads, process.stdout) if e["event"] == "error")
    assert "memory of this machine is too small" in error["message"]
    assert process.wait(timeout=10) == 3
    assert not any(is_alive(pid) for pid in children)
    assert rest(totalsegmentator_here) == []


def test_the_real_dicom_set_with_a_liver_of_the_users_goes_all_the_way_from_the_command_line(
    totalsegmentator_here, data_dir, tmp_path
):
    """Body and couch by the UNet, organs by TotalSegmentator, the user's own on top."""
    folder = data_dir / "ct" / "totalsegmentator_reference"
    (dicom,) = (
        p for p in folder.rglob("*") if p.is_dir() and p.name.startswith("example_ct_dicom")
    )
    series = read_series(dicom)
    drawn = np.zeros(series.hu.shape, np.uint8)
    middle = tuple(slice(n // 2 - n // 12, n // 2 + n // 12) for n in drawn.shape)
    drawn[middle] = 1
    write_nifti(tmp_path / "mine.nii.gz", drawn, series.affine)
    (tmp_path / "mine.csv").write_text("value,name\n1,liver\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "CTDoseSegLib", "analyze", str(dicom), "--events", "none"),
            *("--output", str(tmp_path / "out"), "--engine", "totalsegmentator"),
            *("--segmentation", str(tmp_path / "mine.nii.gz"), "--device", "cpu"),
        ],
        cwd=LIB_PARENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    about = result["segmentation"]["about"]["totalsegmentator"]
    assert about["tasks"] == ["total"]
    provenance = result["provenance"]
    assert provenance["parameters"]["quality"] == "fast"
    assert provenance["parameters"]["segmentation"].startswith("sha256:")
    origins = {a["name"]: a["origin"] for a in result["segmentation"]["atoms"]}
    assert origins["liver"] == "given"
    assert origins["body_rest"] == origins["couch"] == origins["skin"]
    assert origins["body_rest"].startswith("unet ")
    assert "totalsegmentator total" in origins.values()
    assert provenance["engine"].startswith("given + totalsegmentator 2.")
    assert provenance["engine"].endswith("fast + unet")
    labels = read_labelmap(tmp_path / "out" / "segmentation.nii.gz", series)
    assert (labels.mask("liver") == (drawn > 0)).all()
    assert rest(totalsegmentator_here) == []
