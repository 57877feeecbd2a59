"""Train the bundled UNet from the development data.

    python Testing/Training/bundled_unet.py DATA WORK

DATA is the development data (`ct/`, `labels/`), WORK a folder for the cases and the run; the run
goes on where it was ended. lungdx_A0002, example_ct_dicom and the single slices are never used.
The labels are those of `drawn_labels.py`, made here from the data's own. The network begins with
the weights that the package ships when WORK is laid out.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "CTDoseSeg"
sys.path[:0] = [str(PACKAGE), str(HERE)]

import drawn_labels  # noqa: E402

from CTDoseSegLib.reading.reader import read_series  # noqa: E402

CASES = {
    "abdomen": ("crlm_1006_abdomen", "cptac_C3L-00189_upper_abdomen", "example_ct"),
    "thorax": ("lungdx_A0001_thorax", "acrin_flt_013_chest", "lidc_0314_thorax"),
    "heart": ("pulmonary_report_crop",),
}
# Volume files: images, and other programs' labels that the drawn ones take over.
REFERENCE = "totalsegmentator_reference"
FILES = {
    "example_ct": f"{REFERENCE}/example_ct.nii.gz",
    "example_ct_total": f"{REFERENCE}/example_seg_fast_force_split.nii.gz",
    "lidc_0314_thorax": "lidc_0314_thorax_derived.nii.gz",
    "pulmonary_report_crop": f"{REFERENCE}/pulmonary_report/models/ct_cropped.nii.gz",
    "pulmonary_report_crop_heart": f"{REFERENCE}/pulmonary_report/models/heart.nii.gz",
    "pulmonary_report_crop_pulmonary_artery": (
        f"{REFERENCE}/pulmonary_report/models/pulmonary_artery.nii.gz"
    ),
}
FORMER = "former"


def lay_out(data: Path, work: Path, leave_out: str = "") -> None:
    """Images and labels of all cases below `work`, as the configuration names them."""
    volumes = work / "ct"
    volumes.mkdir(exist_ok=True)
    for name, file in FILES.items():
        shutil.copy(data / "ct" / file, volumes / f"{name}.nii.gz")
    names = [name for group in CASES.values() for name in group]
    for name in names:
        if name not in FILES and not (volumes / f"{name}.nii.gz").exists():
            as_nifti(data / "ct", name, volumes / f"{name}.nii.gz")
    drawn_labels.main(str(volumes), str(data / "labels"), str(work / "labels"), *names)
    for group, cases in CASES.items():
        for kind, source in (("images", volumes), ("labels", work / "labels")):
            folder = work / group / kind
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in cases:
                if name != leave_out:
                    (folder / f"{name}.nii.gz").symlink_to((source / f"{name}.nii.gz").resolve())
    if not (work / FORMER).exists():
        shutil.copytree(PACKAGE / "CTDoseSegLib" / "models" / "unet", work / FORMER)


def as_nifti(folder: Path, name: str, path: Path) -> None:
    """Write an archive of DICOM files as a NIfTI file, voxel for voxel."""
    with tempfile.TemporaryDirectory() as place:
        (archive,) = folder.glob(f"{name}.tar.*")
        with tarfile.open(archive) as tar:
            tar.extractall(place, filter="data")
        series = read_series(place)
    nib.save(nib.Nifti1Image(np.asarray(series.hu).transpose(2, 1, 0), series.affine), path)


def main(data: str, work: str, leave_out: str = "") -> int:
    folder = Path(work)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / FORMER).exists() or leave_out:
        lay_out(Path(data), folder, leave_out)
    config = folder / "bundled_unet.toml"
    config.write_text((HERE / config.name).read_text(encoding="utf-8"), encoding="utf-8")
    os.execve(
        sys.executable,
        [
            *(sys.executable, "-m", "CTDoseSegLib", "train-unet", str(config)),
            *("--output", str(folder / "run"), "--events", "jsonl"),
        ],
        {**os.environ, "PYTHONPATH": str(PACKAGE)},
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
