"""A first run works with what Slicer 5.12 bundles: numpy, scipy, pydicom, SimpleITK."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from CTDoseSegLib.ct.phantom import Phantom, write_dicom

LIB_PARENT = Path(__file__).resolve().parents[2] / "CTDoseSeg"
BLOCKER = """
import sys

ALLOWED = {"numpy", "scipy", "pydicom", "SimpleITK", "CTDoseSegLib", "highdicom"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        root = name.split(".")[0]
        if root in ALLOWED or root in sys.stdlib_module_names or root.startswith("_"):
            return None
        raise ModuleNotFoundError(f"{root} is not bundled with Slicer", name=root)

sys.meta_path.insert(0, Blocker())
from CTDoseSegLib.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    write_dicom(Phantom(seed=1, shape=(128, 128, 24), spacing_mm=(3.2, 3.2, 12.0)), folder)
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", BLOCKER, *map(str, arguments)],
        cwd=LIB_PARENT,
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("given", [False, True], ids=["classical", "given segmentation"])
def test_analyze_needs_only_what_slicer_bundles(phantom, tmp_path, given):
    truth = ["--segmentation", phantom / "truth" / "segmentation.nii.gz"] if given else []
    done = run("analyze", phantom / "dicom", "--output", tmp_path / "out", *truth)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert any(organ["dose_mGy"] is not None for organ in result["organs"])
    assert (tmp_path / "out" / "organ_doses.csv").is_file()


def test_missing_picture_package_is_said_and_not_fatal(phantom, tmp_path):
    done = run("analyze", phantom / "dicom", "--output", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.png"))
    assert "matplotlib" in done.stderr
