"""Make the files of release 0.1.0 that later versions are tried on; runs on 0.1.0 alone.

    git worktree add --detach RELEASE f75220b
    python make_artefacts.py RELEASE [FOLDER]

RELEASE is a checkout of commit f75220b, whose code and test host are used, whatever is installed.
FOLDER is where the files go; else the script's own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RELEASE = Path(sys.argv[1]).resolve()
TARGET = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else HERE
LIB, TESTS = RELEASE / "CTDoseSeg", RELEASE / "Testing"
sys.path[:0] = [str(LIB), *(str(TESTS / part) for part in ("", "Host", "Module"))]

import numpy as np  # noqa: E402
from labelled_scans import training_config, write_scan  # noqa: E402

import CTDoseSegLib  # noqa: E402
from CTDoseSegLib.batch.ledger import Ledger  # noqa: E402
from CTDoseSegLib.batch.study import hashes  # noqa: E402
from CTDoseSegLib.ct.phantom import Phantom, write_dicom  # noqa: E402

ARCHIVE = "/archive"  # where the half-done batch believes its scans to lie
# Without noise the pictures pack well.
SMALL = {"shape": (48, 48, 16), "spacing_mm": (9.0, 9.0, 30.0), "noise_hu": 0.0}
PROFILE = {
    "manufacturer": "CTDoseSeg phantom",
    "model": "Analytic",
    "ctdivol_check_ratio": 0.95,
    "ctdivol_check_date": "2023-11-15",
    "overranging_mm": 38.4,
    "nctdiw_mGy_per_100mAs": {"120": 6.8},
}
PICTURES = ("*.png", "*.gif")


def run(*arguments: object) -> None:
    """Run the release's command."""
    subprocess.run(
        [sys.executable, "-m", "CTDoseSegLib", *map(str, arguments)], cwd=LIB, check=True
    )


def without_pictures(folder: Path) -> None:
    """Remove what is large and holds no number."""
    for pattern in PICTURES:
        for path in folder.rglob(pattern):
            path.unlink()


def make_archive(scratch: Path) -> Path:
    """Three examinations with their dose reports, and the truth of the first; also as archive."""
    for seed in range(3):
        write_dicom(Phantom(seed=seed, **SMALL), scratch / "made" / f"phantom_{seed}")
        truth = scratch / "made" / f"phantom_{seed}" / "truth"
        truth.rename(scratch / f"truth_{seed}")
    archive = TARGET / "archive.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as packed:
        for path in sorted((scratch / "made").rglob("*.dcm")):
            name = path.relative_to(scratch / "made").as_posix()
            packed.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_LZMA)
    return scratch / "made"


def make_result(scratch: Path) -> None:
    """Files of `analyze` with all organs, a dose report and a scanner profile."""
    profile = TARGET / "scanner_profile.json"
    profile.write_text(json.dumps(PROFILE, indent=1) + "\n")
    options = ("--segmentation", scratch / "truth_0" / "segmentation.nii.gz")
    run(
        *("analyze", scratch / "made" / "phantom_0", "--output", TARGET / "result"),
        *(*options, "--scanner-profile", profile),
    )
    without_pictures(TARGET / "result")


def make_batch(scratch: Path) -> None:
    """A batch that was cancelled after its first scan of three."""
    output = TARGET / "batch"
    (output / "run").mkdir(parents=True)
    (output / "run" / "salt.txt").write_text("salt of test data, which keeps no secret\n")
    arguments = ["batch", scratch / "made", "--output", output, "--engine", "classical"]
    arguments += ["--workers", "1", "--events", "jsonl"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "CTDoseSegLib", *map(str, arguments)],
        cwd=LIB,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        event = json.loads(line)
        if event.get("state") == "done":
            break
    process.stdin.close()  # which means: cancel
    process.stdout.read()
    assert process.wait() == 130
    without_pictures(output)
    plan = output / "run" / "plan.csv"
    plan.write_text(plan.read_text().replace(str(scratch / "made"), ARCHIVE))
    ledger = output / "run" / "ledger.sqlite"
    with Ledger(ledger) as opened:
        (done,) = (row["key"] for row in opened.rows("done"))
    data = sqlite3.connect(ledger)
    moved = "UPDATE scans SET scan = replace(scan, ?, ?), worker = replace(worker, ?, 'host')"
    data.execute(moved, (str(scratch / "made"), ARCHIVE, socket.gethostname()))
    inputs, outputs = hashes(output / "studies" / done)
    marks = "UPDATE scans SET input_sha256 = ?, output_sha256 = ? WHERE key = ?"
    data.execute(marks, (inputs, outputs, done))
    data.commit()
    data.execute("VACUUM")
    data.close()


def make_network(scratch: Path) -> None:
    """A network of two levels that was trained for seconds to tell body from air."""
    rng = np.random.default_rng(0)
    for name in "abc":
        hu = rng.normal(-1000, 10, (4, 48, 48)).astype(np.int16)
        top, left = rng.integers(6, 14, 2)
        hu[:, top : top + 26, left : left + 28] = rng.normal(30, 60, (4, 26, 28))
        write_scan(scratch / "set", name, hu, hu > -500, (9.0, 9.0, 30.0))
    config = scratch / "training.toml"
    config.write_text(
        training_config(["body_rest"], epochs=4, steps=60, learning_rate=0.02, augment="false")
    )
    run("train-unet", config, "--output", TARGET / "unet")
    without_pictures(TARGET / "unet")


def make_scene() -> None:
    """A scene with a result whose liver was edited, and the files that Apply handed over."""
    from slicerhost.host import Host

    with Host() as host:
        import slicer

        host.load_module(LIB / "CTDoseSeg.py")
        panel = host.open("CTDoseSeg")
        from module_steps import apply, warm

        from CTDoseSegLib.ctdoseseg_ui.parameters import Method
        from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

        parameters = panel._parameterNode
        parameters.inputVolume, parameters.inputSegmentation = load_phantom(seed=1, **SMALL)
        parameters.ctdivol_mGy, parameters.phantom_cm = "8.1", "32"
        parameters.method = Method.EXISTING
        task = panel._prepareAnalysis()
        shutil.copytree(task.folder, TARGET / "handover")
        task.clear()
        apply(host, panel)
        results = panel.results.results
        warm(host, panel)
        doses = {"edited": "liver", "before_mGy": results.doses()}
        segmentation = results.segmentation.GetSegmentation()
        liver = segmentation.GetSegment("liver")
        voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(results.segmentation, "liver")
        inside = voxels == liver.GetLabelValue()
        inside[:, : voxels.shape[1] // 2] = False
        voxels[inside] = 0
        liver.Modified()
        host.wait_until(lambda: "updated" in panel.ui.liveLabel.text, 20)
        parameters.showOverlay = True
        host.process_events()
        assert slicer.util.saveScene(str(TARGET / "scene.mrb"))
        doses["after_mGy"] = results.doses()
        (TARGET / "scene_doses.json").write_text(json.dumps(doses, indent=1) + "\n")


def main() -> None:
    """Make everything anew."""
    assert Path(CTDoseSegLib.__file__).is_relative_to(RELEASE), CTDoseSegLib.__file__
    assert CTDoseSegLib.__version__ == "0.1.0"
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in ("result", "batch", "unet", "handover"):
        shutil.rmtree(TARGET / name, ignore_errors=True)
    os.environ["PYTHONPATH"] = str(LIB)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        make_archive(scratch)
        make_result(scratch)
        make_batch(scratch)
        make_network(scratch)
    make_scene()


if __name__ == "__main__":
    main()
