"""A training run that is killed goes on to the same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from labelled_scans import training_config, write_scan

pytestmark = pytest.mark.system

pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

LIB = Path(__file__).resolve().parents[2] / "CTDoseSeg"
CONFIG = training_config(["bone"], context=1, epochs=4, steps=12, batch=4)


@pytest.fixture
def config(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abcd":
        hu = rng.normal(-900, 20, (6, 48, 48)).astype(np.int16)
        j, i = rng.integers(4, 20, 2)
        hu[:, j : j + 15, i : i + 18] = 700
        write_scan(tmp_path / "set", name, hu, hu > 0)
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def start(config, folder):
    command = [sys.executable, "-m", "CTDoseSegLib", "train-unet", str(config)]
    return subprocess.Popen(
        [*command, "--output", str(folder), "--events", "jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(LIB)},
        start_new_session=True,
    )


def test_killed_and_started_again_gives_the_weights_of_an_undisturbed_run(config, tmp_path):
    whole = start(config, tmp_path / "whole")
    assert whole.wait(240) == 0
    killed = 0
    for wanted in (1, 2):
        run = start(config, tmp_path / "parts")
        state = tmp_path / "parts" / "checkpoint.json"
        ends = time.monotonic() + 240
        while time.monotonic() < ends and run.poll() is None:
            if state.is_file() and json.loads(state.read_text())["epoch"] >= wanted:
                break
            time.sleep(0.005)
        # In the middle of the epoch after it.
        time.sleep(0.02)
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            killed += 1
        run.wait(60)
    assert killed, "the run was over before it could be killed"
    last = start(config, tmp_path / "parts")
    assert last.wait(240) == 0
    for name in ("unet.safetensors", "checkpoint.safetensors"):
        parts, undisturbed = (tmp_path / f / name for f in ("parts", "whole"))
        assert parts.read_bytes() == undisturbed.read_bytes()
