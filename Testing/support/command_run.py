"""The command as another program starts it, and what it promises to leave."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

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


def files_of(output: Path) -> set[str]:
    """What a run leaves: the UNet, which auto takes where it can run, its doubt as well."""
    engine = result_of(output)["segmentation"]["engine"]
    return FILES | ({"doubt.nii.gz"} if "unet" in engine else set())


def assert_refused(done: subprocess.CompletedProcess, *words: str) -> None:
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("ctdoseseg: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr
