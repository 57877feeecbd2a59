"""What the engine does with TotalSegmentator's result, and what it says when a run fails.

Where a run has to fail in a certain way, a module of a few lines stands in for the worker. Runs of
the real package are in `Testing/System`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from network_scans import body_mask, needs_package, series
from processes import is_alive

import CTDoseSegLib
from CTDoseSegLib.errors import (
    Cancelled,
    DependencyError,
    GeometryError,
    ModelError,
    OutputError,
    SegmentationError,
)
from CTDoseSegLib.segmentation.totalsegmentator import engine as engine_module
from CTDoseSegLib.segmentation.totalsegmentator import need, weights
from CTDoseSegLib.segmentation.totalsegmentator import worker as worker_module
from CTDoseSegLib.segmentation.totalsegmentator.engine import TotalSegmentatorEngine
from CTDoseSegLib.segmentation.totalsegmentator.plan import make_plan
from CTDoseSegLib.segmentation.totalsegmentator.weights import InstalledNetwork
from CTDoseSegLib.tasks.progress import Collected, Progress

pytestmark = pytest.mark.slow

WORKER = """
import json, os, sys, time
from pathlib import Path
request = json.loads(Path(sys.argv[1]).read_text())
folder = Path(request["folder"])
def say(**event):
    print(json.dumps(event), flush=True)
"""


@pytest.fixture
def worker(monkeypatch, tmp_path):
    """Give the engine a worker of a few lines; returns a function that takes its last lines."""
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(
        weights, "check", lambda plan: (InstalledNetwork("Dataset297_x", 1, "0" * 64),)
    )
    monkeypatch.setattr(weights, "missing", lambda plan: ())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"))
    (tmp_path / "code").mkdir()

    def write(lines: str) -> Path:
        (tmp_path / "code" / "standin_worker.py").write_text(WORKER + lines)
        monkeypatch.setattr(engine_module, "WORKER", "standin_worker")
        return tmp_path

    yield write
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("ctdoseseg-ts")] == []


RESULT = """
import numpy as np
def result(value=5, shape=None, shift=0.0):
    labels = np.zeros(shape or (4, 30, 30), np.uint8)
    labels[1:3, 8:12, 8:12] = value
    np.save(folder / "labels_0.npy", labels)
    affine = [[-4.0, 0, 0, shift], [0, -4.0, 0, 0], [0, 0, 5.0, 0], [0, 0, 0, 1]]
    say(event="result", affines=[affine], device="cpu")
"""


@needs_package
def test_labels_come_back_with_name_origin_and_hash(worker):
    worker(RESULT + "result()")
    made = TotalSegmentatorEngine(body_mask=body_mask).segment(series(), Progress())
    assert {a.name: (a.value, a.origin) for a in made.atoms if a.name != "body_rest"} == {
        "liver": (5, "totalsegmentator total")
    }
    assert made.about["totalsegmentator"]["weights_sha256"] == {"Dataset297_x": "0" * 64}
    assert made.engine.startswith("totalsegmentator 2.")
    assert made.engine.endswith("fast + body_mask")


@needs_package
def test_a_run_without_any_label_is_flagged_and_is_no_organ(worker):
    worker(RESULT + "result(0)")
    made = TotalSegmentatorEngine(body_mask=body_mask).segment(series(), Progress())
    assert [f.code for f in made.flags] == ["network_found_nothing"]
    assert {a.name for a in made.atoms} == {"body_rest"}


@needs_package
@pytest.mark.parametrize("wrong", ["shape=(30, 30, 4)", "shift=3.0"])
def test_another_grid_coming_back_is_an_error(worker, wrong):
    worker(RESULT + f"result({wrong})")
    with pytest.raises(GeometryError, match="another grid"):
        TotalSegmentatorEngine(body_mask=body_mask).segment(series(), Progress())


@needs_package
@pytest.mark.parametrize(
    "end",
    [
        'say(event="error", kind="OutOfMemory", message="DefaultCPUAllocator")',
        "import signal; os.kill(os.getpid(), signal.SIGKILL)",
        # Killed with a helper that outlives it and holds its pipe open.
        "import signal, subprocess\n"
        '    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])\n'
        "    os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_out_of_memory_runs_again_with_less_and_warns(worker, end):
    runs = RESULT + 'if request["runs"][0]["quality"] == "fastest":\n    result()\nelse:\n    '
    worker(runs + end)
    progress = Collected()
    made = TotalSegmentatorEngine("fast", body_mask=body_mask).segment(series(), progress)
    assert "liver" in made.groups
    assert [f.code for f in made.flags] == ["less_memory"]
    assert "fastest in place of fast" in made.flags[0].message
    assert [e["code"] for e in progress.log if e["event"] == "warning"] == ["less_memory"]
    assert made.about["totalsegmentator"]["quality"] == "fastest"


@needs_package
def test_out_of_memory_with_nothing_smaller_is_an_error_with_the_alternatives(worker):
    worker('say(event="error", kind="OutOfMemory", message="")')
    with pytest.raises(SegmentationError, match=r"too small for TotalSegmentator.*unet"):
        TotalSegmentatorEngine("fastest", body_mask=body_mask).segment(series(), Progress())


@needs_package
@pytest.mark.parametrize(
    ("kind", "error", "sentence"),
    [
        ("DiskFull", OutputError, "disk of the temporary folder is full"),
        ("ImportError", DependencyError, "cannot be started"),
        ("SystemExit", ModelError, "needs a licence"),
        ("Weights", ModelError, "weights of task 297"),
        ("NoDevice", SegmentationError, "finds no device 297"),
        ("RuntimeError", SegmentationError, r"TotalSegmentator failed \(297\)"),
    ],
)
def test_each_way_to_fail_has_its_sentence(worker, kind, error, sentence):
    worker(f'say(event="error", kind="{kind}", message="297"); sys.exit(3)')
    with pytest.raises(error, match=sentence):
        TotalSegmentatorEngine("fastest", body_mask=body_mask).segment(series(), Progress())


def test_a_gpu_that_is_not_there_is_an_error_and_not_a_slow_run(monkeypatch):
    torch = pytest.importorskip("torch", reason="it knows the devices")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert worker_module._device("auto") in ("cpu", "mps")
    for wanted in ("gpu", "gpu:1"):
        with pytest.raises(worker_module.NoDevice, match=wanted):
            worker_module._device(wanted)


@needs_package
def test_a_worker_that_dies_without_a_word_gives_its_last_line(worker):
    worker('print("segmentation fault in libx", file=sys.stderr); sys.exit(139)')
    with pytest.raises(SegmentationError, match="segmentation fault in libx"):
        TotalSegmentatorEngine(body_mask=body_mask).segment(series(), Progress())


@needs_package
def test_a_hanging_worker_is_ended_after_the_time_limit(worker):
    tmp = worker('(folder.parent / "pid").write_text(str(os.getpid())); time.sleep(600)')
    engine = TotalSegmentatorEngine(body_mask=body_mask, time_limit_s=2.0)
    with pytest.raises(SegmentationError, match=r"ended after 0\.0 h"):
        engine.segment(series(), Progress())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp / "pid").read_text()), 0)


@needs_package
def test_a_cancelled_task_ends_the_workers_own_children(worker):
    tmp = worker(
        "import subprocess\n"
        'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])\n'
        '(folder.parent / "pids").write_text(f"{os.getpid()} {child.pid}")\n'
        'say(event="progress", fraction=0.5, message="finding organs")\n'
        "time.sleep(600)\n"
    )

    class CancelInTheMiddle(Progress):
        def emit(self, kind, /, **fields):
            if fields.get("message") == "finding organs":
                self.cancel()

    with pytest.raises(Cancelled):
        TotalSegmentatorEngine(body_mask=body_mask).segment(series(), CancelInTheMiddle())
    for pid in (tmp / "pids").read_text().split():
        assert not is_alive(int(pid))


@needs_package
def test_a_disk_that_takes_no_more_of_the_volume_is_reported_and_leaves_nothing(worker):
    resource = pytest.importorskip("resource", reason="POSIX limits the size of files")
    worker(RESULT + "result()")
    large = series((40, 60, 60))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (large.hu.nbytes // 2, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot be written: File too large; free some"):
            TotalSegmentatorEngine(body_mask=body_mask).segment(large, Progress())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@needs_package
def test_settings_of_a_run_send_no_statistics_and_hold_no_licence_without_need(
    worker, monkeypatch, tmp_path
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.json").write_text(json.dumps({"license_number": "aca_secret"}))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(home))
    worker(
        RESULT + 'text = Path(os.environ["TOTALSEG_HOME_DIR"], "config.json").read_text()\n'
        '(folder.parent / "seen").write_text(text)\nresult()'
    )
    TotalSegmentatorEngine(body_mask=body_mask).segment(series(), Progress())
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen["send_usage_stats"] is False
    assert "license_number" not in seen


def test_the_worker_resolves_no_host_name():
    import subprocess

    code = (
        "from CTDoseSegLib.segmentation.totalsegmentator import worker as w\n"
        "w._stay_offline()\n"
        "import urllib.request\n"
        "try: urllib.request.urlopen('http://localhost:1')\n"
        "except OSError as e: print(e)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(CTDoseSegLib.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "this process has no network" in done.stdout


# Memory ------------------------------------------------------------------------------------


@needs_package
def test_a_volume_that_will_not_fit_is_warned_about_with_the_alternative(worker, monkeypatch):
    worker(RESULT + "result()")
    monkeypatch.setattr(engine_module, "available_memory", lambda: 1 << 30)
    progress = Collected()
    TotalSegmentatorEngine(body_mask=body_mask).segment(series(), progress)
    (warning,) = (e for e in progress.log if e["event"] == "warning")
    assert warning["code"] == "memory_short"
    assert "1.1 GB are free" in warning["message"]
    assert "fastest" in warning["message"]


@needs_package
def test_a_scan_of_2000_slices_is_warned_about_and_comes_back_on_its_grid(worker, monkeypatch):
    """Pixels of 12 mm keep it small here; TotalSegmentator's own grid has 11 million voxels."""
    long = replace(series((2000, 32, 32)), affine=np.diag([-12.0, -12.0, 1.0, 1.0]))
    worker(
        RESULT + "labels = np.zeros((2000, 32, 32), np.uint8)\nlabels[900:1100, 8:12, 8:12] = 5\n"
        'np.save(folder / "labels_0.npy", labels)\n'
        f'say(event="result", affines=[{long.affine.tolist()}], device="cpu")'
    )
    monkeypatch.setattr(engine_module, "available_memory", lambda: 8 << 30)
    progress = Collected()
    made = TotalSegmentatorEngine(body_mask=body_mask).segment(long, progress)
    assert made.labels.shape == (2000, 32, 32)
    assert made.mask("liver").sum() == 200 * 16
    (warning,) = (e for e in progress.log if e["event"] == "warning")
    gigabytes = float(re.search(r"about ([\d.]+) GB", warning["message"])[1])
    assert 12 < gigabytes < 25
    assert "crop the scan to the organs" in warning["message"]
    fewer = need.estimate(make_plan("fastest"), long)
    assert fewer.memory_bytes < 8 << 30, "the alternative that is named does fit"


@needs_package
def test_the_estimate_grows_with_the_volume_and_shrinks_with_the_quality():
    small, large = series((20, 64, 64)), series((200, 256, 256))
    needs = {
        (q, ct.hu.size): need.estimate(make_plan(q), ct)
        for q in ("full", "fast", "fastest")
        for ct in (small, large)
    }
    for quality in ("full", "fast", "fastest"):
        one, two = needs[quality, small.hu.size], needs[quality, large.hu.size]
        assert one.memory_bytes < two.memory_bytes
        assert one.cpu_seconds <= two.cpu_seconds
    memory = [needs[q, large.hu.size].memory_bytes for q in ("full", "fast", "fastest")]
    assert memory == sorted(memory, reverse=True)
