"""TotalSegmentator in a process of its own: it sets global state, starts processes, may exit.

Run as ``python -m CTDoseSegLib.segmentation.totalsegmentator.worker REQUEST.json`` by
`engine.TotalSegmentatorEngine`. nnU-Net's helpers import this file again (they are
spawned), so that nothing happens at its import.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import multiprocessing
import os
import re
import socket
import sys
import tempfile
import threading
import time
import traceback
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn, TextIO

from ...tasks.progress import JsonLines, Progress
from ...tasks.standard_input import end_with_parent

# What the package prints at the start of a stage, and our message.
_STAGES = (
    ("Generating rough", "finding where the organs are"),
    ("Resampling", "resampling"),
    ("Predicting", "finding organs (TotalSegmentator)"),
    ("Saving", "saving"),
)
FETCHING = "fetching weights"
_DOWNLOAD = re.compile(r"Downloading model for Task (\S+)")
_TILES = re.compile(r"(\d+)/(\d+) \[")
_LOADED = re.compile(r"Downloading:\s+(\d+)%")


class NoDevice(Exception):
    """PyTorch does not find the device that was asked for."""


class Listener(io.TextIOBase):
    """Stands in for standard output and error: what is printed becomes progress and log.

    Parameters
    ----------
    progress
        Receives progress.
    log
        Where the lines go.
    passes
        How many times a network will run over the volume.
    """

    def __init__(self, progress: Progress, log: TextIO, passes: int) -> None:
        super().__init__()
        self._progress, self._log, self._passes = progress, log, max(1, passes)
        self._begun, self._fraction, self._line = 0, 0.0, ""
        self.wanted = ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Take what is printed; return its length."""
        for part in re.split(r"([\r\n])", text):
            if part in ("\r", "\n"):
                self._end_line(part)
            else:
                self._line += part
                self._look_for_tiles()
        return len(text)

    def flush(self) -> None:
        """Flush the log."""
        self._log.flush()

    def _end_line(self, ending: str) -> None:
        line, self._line = self._line.strip(), ""
        if not line:
            return
        if ending == "\n":
            self._log.write(line + "\n")
            self._log.flush()
        if download := _DOWNLOAD.search(line):
            self.wanted = download[1]
            self._begun += 1
            self._report(0.0, FETCHING)
        for start, message in _STAGES:
            if line.startswith(start):
                if start == "Predicting":
                    self._begun += 1
                self._report(0.0, message)

    def _look_for_tiles(self) -> None:
        if percent := _LOADED.search(self._line):
            self._report(int(percent[1]) / 100, FETCHING)
            self._line = ""
        elif tiles := _TILES.search(self._line):
            done, total = int(tiles[1]), int(tiles[2])
            self._report(done / max(1, total), _STAGES[2][1])
            self._line = ""

    def _report(self, part: float, message: str) -> None:
        whole = (max(0, self._begun - 1) + part) / self._passes
        self._fraction = max(self._fraction, min(0.99, whole))
        self._progress.update(self._fraction, message)


def main(path: str) -> int:
    """Carry out one request and return the exit code."""
    request = json.loads(Path(path).read_text(encoding="utf-8"))
    end_with_parent(*map(Path, request["temporary"]))
    util.get_temp_dir()  # for sockets, whose paths must be short: made now, below TMPDIR
    tempfile.tempdir = request["folder"]
    progress = JsonLines()
    listener = Listener(progress, sys.stderr, request["passes"])
    sys.stdout = sys.stderr = listener
    threading.Thread(target=_watch_helpers, args=(progress,), daemon=True).start()
    if not request.get("network"):
        _stay_offline()
    try:
        result = _fetch(request) if request.get("network") else _segment(request, progress)
        progress.result(**result)
        return 0
    except SystemExit as error:  # the package exits where a licence is missing
        progress.error("SystemExit", str(error), 3)
    except BaseException as error:  # noqa: BLE001 - reported to the parent, which decides
        refused = listener.wanted and not request.get("network")
        kind = "Weights" if refused else _kind(error)
        text = listener.wanted if refused else f"{type(error).__name__}: {error}"
        progress.error(kind, text[:LONGEST], 3)
    return 3


LONGEST = 500
KILLED = -9
# The quota's number is missing on Windows.
DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NO_MEMORY = ("out of memory", "can't allocate memory", "bad_alloc", "workers are no longer alive")


def _kind(error: BaseException) -> str:
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _NO_MEMORY):
        return "OutOfMemory"
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return "DiskFull"
    return type(error).__name__


def _watch_helpers(progress: Progress) -> NoReturn:
    """End where the system kills a helper, for want of memory: it would be waited for for ever."""
    seen: set[multiprocessing.process.BaseProcess] = set()
    while True:
        time.sleep(1.0)
        seen.update(multiprocessing.active_children())
        if any(helper.exitcode == KILLED for helper in seen):
            progress.error("OutOfMemory", "a helper was killed", 3)
            os._exit(3)


def _stay_offline() -> None:
    """Resolve no host name: no statistics, and no download that was not asked for."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise OSError("this process has no network")

    socket.getaddrinfo = socket.create_connection = refuse


def _segment(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    if request.get("contrast_phase"):
        # It brings xgboost, which must be loaded before torch.
        from totalsegmentator.bin.totalseg_get_phase import get_ct_contrast_phase
    import nibabel
    import numpy as np
    from totalsegmentator.python_api import totalsegmentator

    device = _device(request["device"])
    folder = Path(request["folder"])
    affines = []
    for n, run in enumerate(request["runs"]):
        options = {
            "fast": run["quality"] == "fast",
            "fastest": run["quality"] == "fastest",
            "roi_subset": sorted(run["names"].values()) if run["subset"] else None,
            "task": run["task"],
            "device": device,
            "quiet": False,
        }
        if run["task"] == "body":
            image, labels = _body(request["input"], folder / "body", options, totalsegmentator)
        else:
            image = totalsegmentator(Path(request["input"]), None, ml=True, **options)
            labels = np.asanyarray(image.dataobj)
            kept = np.zeros(256, np.uint8)
            values = [int(value) for value in run["names"]]
            kept[values] = values
            labels = kept[labels.astype(np.uint8, copy=False)]
        # [i, j, k] as NIfTI has it, to [k, j, i].
        np.save(folder / f"labels_{n}.npy", np.ascontiguousarray(labels.T))
        affines.append(np.asarray(image.affine, float).tolist())
        del image, labels
    result = {"affines": affines, "device": device, "nibabel": nibabel.__version__}
    if request.get("contrast_phase"):
        print("Predicting the contrast phase")
        try:
            steps = get_ct_contrast_phase(
                Path(request["input"]), f_type="nii", quiet=True, device=device
            )
            result["contrast_phase"] = [step for step in steps if "result" in step][-1]["result"]
        except Exception as error:  # noqa: BLE001 - the organs are there, and need no phase
            traceback.print_exc()
            result["why_no_contrast_phase"] = f"{type(error).__name__}: {error}"[:LONGEST]
    return result


def _body(input_path: str, folder: Path, options: dict[str, Any], totalsegmentator: Any) -> Any:
    """Segment body and skin, which the package writes as files only."""
    import nibabel
    import numpy as np

    folder.mkdir()
    # With one thread for saving no pool is forked.
    totalsegmentator(Path(input_path), folder, ml=False, nr_thr_saving=1, **options)
    image = nibabel.load(folder / "body.nii.gz")
    labels = (np.asanyarray(image.dataobj) > 0).astype(np.uint8)
    labels[np.asanyarray(nibabel.load(folder / "skin.nii.gz").dataobj) > 0] = 2
    return image, labels


def _device(wanted: str) -> str:
    """Return the device by the package's name for it; NoDevice if the machine lacks it.

    The package itself would go on with the processor, and report that in its log only.
    """
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "auto":
        return "gpu" if cuda else "mps" if mps else "cpu"
    number = int(wanted.partition(":")[2] or 0)
    if wanted.startswith("gpu") and not (cuda and number < torch.cuda.device_count()):
        raise NoDevice(wanted)
    if wanted == "mps" and not mps:
        raise NoDevice(wanted)
    return wanted


def _fetch(request: dict[str, Any]) -> dict[str, Any]:
    """Download networks by their numbers, or tasks by the package's own command (2.13)."""
    from totalsegmentator.libs import download_pretrained_weights

    for number in request["numbers"]:
        download_pretrained_weights(number)
    if request["tasks"]:
        from totalsegmentator.bin import totalseg_download_weights as command

        for task in request["tasks"]:
            sys.argv = [command.__name__, "--task", task]
            command.main()
    return {}


if __name__ == "__main__":
    code = main(sys.argv[1])
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    # Without waiting for threads of libraries that may hang.
    os._exit(code)
