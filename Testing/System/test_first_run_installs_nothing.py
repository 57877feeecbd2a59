"""A first run works with what Slicer 5.12 bundles: numpy, scipy, pydicom, SimpleITK."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK

from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.user import read_labelmap

LIB_PARENT = Path(__file__).resolve().parents[2] / "CTDoseSeg"
BLOCKER = """
import sys

ALLOWED = {"numpy", "scipy", "pydicom", "SimpleITK", "CTDoseSegLib", "highdicom"}

class Blocker:
    # Other packages are not there: nobody finds them.

    def __init__(self, finders):
        self.finders = finders

    def find_spec(self, name, path=None, target=None):
        root = name.split(".")[0]
        if root not in ALLOWED | sys.stdlib_module_names and not root.startswith("_"):
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *context):
        for finder in self.finders:
            for found in getattr(finder, "find_distributions", lambda *_: ())(*context):
                if found.metadata["Name"] in ALLOWED | {"ctdoseseg"}:
                    yield found

    def invalidate_caches(self):
        pass

sys.meta_path[:] = [Blocker(list(sys.meta_path))]
from CTDoseSegLib.cli.command_line import main
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
    truth = phantom / "truth" / "segmentation.nii.gz"
    image = SimpleITK.ReadImage(str(truth))
    SimpleITK.WriteImage(image, str(truth.with_name("segmentation.nrrd")))
    options = ["--segmentation", truth.with_name("segmentation.nrrd")] if given else []
    done = run("analyze", phantom / "dicom", "--output", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["segmentation"]["engine"].startswith("given" if given else "classical")
    assert any(organ["dose_mGy"] is not None for organ in result["organs"])
    assert (tmp_path / "out" / "organ_doses.csv").is_file()
    # The label map is written as NRRD, and the result names it.
    assert result["segmentation"]["file"] == "segmentation.nrrd"
    assert not (tmp_path / "out" / "segmentation.nii.gz").exists()
    written = read_labelmap(tmp_path / "out" / "segmentation.nrrd", read_series(phantom / "dicom"))
    if given:
        names = {atom.name: written.mask(atom.name).sum() for atom in written.atoms}
        meant = read_labelmap(truth, read_series(phantom / "dicom"))
        assert names == {atom.name: meant.mask(atom.name).sum() for atom in meant.atoms}


def test_a_nifti_file_is_refused_with_the_name_of_the_package(phantom, tmp_path):
    truth = phantom / "truth" / "segmentation.nii.gz"
    options = ["--output", tmp_path / "out", "--segmentation", truth]
    done = run("analyze", phantom / "dicom", *options)
    assert done.returncode != 0
    assert "nibabel: install it, or save the file as NRRD" in done.stderr
    assert not (tmp_path / "out" / "result.json").exists()


def test_the_phantom_is_written_without_nibabel(tmp_path):
    done = run("phantom", tmp_path / "made", "--variant", "head")
    assert done.returncode == 0, done.stderr
    series = read_series(tmp_path / "made" / "dicom")
    labelmap = read_labelmap(tmp_path / "made" / "truth" / "segmentation.nrrd", series)
    assert labelmap.mask("brain").any()


def test_a_missing_picture_package_is_a_warning_and_not_fatal(phantom, tmp_path):
    done = run("analyze", phantom / "dicom", "--output", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.png"))
    assert "matplotlib" in done.stderr
