"""Train the bundled UNet from the development data.

    python Testing/Training/bundled_unet.py DATA WORK
    python Testing/Training/bundled_unet.py DATA WORK --leave-out SCAN [--made FOLDER] [--epochs N]

DATA is the development data (`ct/`, `labels/`), WORK a folder for the cases and the run; the run
goes on where it was ended. lungdx_A0002, example_ct_dicom and the single slices are never used.
The labels are those of `drawn_labels.py`, made here from the data's own. The network begins with
the weights that the package ships when WORK is laid out.

With --leave-out, a network for judging that scan is trained: shorter, with fewer phantoms, and from
random weights, because every network that ships, and those before it, saw the scan. FOLDER holds
the phantoms that another run made (its `phantoms`), which need not be made again. Then

    python Testing/Benchmarks/benchmark_unet_quality.py WORK/run --parts held --scans SCAN
"""

from __future__ import annotations

import argparse
import os
import re
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
# A run for judging one scan: epochs, bodies, phantoms.
SHORT = (6, 48, 8)


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


def short(recipe: str, epochs: int) -> str:
    """Return the recipe of a run for judging one scan: shorter, from random weights."""
    counts = iter(SHORT[1:])
    recipe = re.sub(r"(?m)^count = \d+", lambda _: f"count = {next(counts)}", recipe)
    recipe = re.sub(r"(?m)^epochs = \d+", f"epochs = {epochs}", recipe)
    return re.sub(r"(?m)^start_from = .*\n", "", recipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--leave-out", default="", choices=[n for g in CASES.values() for n in g])
    parser.add_argument("--made", type=Path, help="folder of phantoms that another run made")
    parser.add_argument("--epochs", type=int, default=SHORT[0], help="with --leave-out")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if not (args.work / FORMER).exists():
        lay_out(args.data, args.work, args.leave_out)
    if args.leave_out and list(args.work.glob(f"*/images/{args.leave_out}.*")):
        parser.error(f"{args.work} was laid out with {args.leave_out}; give another folder")
    if args.made and not (args.work / "run" / "phantoms").exists():
        shutil.copytree(args.made, args.work / "run" / "phantoms")
    config = args.work / "bundled_unet.toml"
    recipe = (HERE / config.name).read_text(encoding="utf-8")
    config.write_text(short(recipe, args.epochs) if args.leave_out else recipe, encoding="utf-8")
    os.execve(
        sys.executable,
        [
            *(sys.executable, "-m", "CTDoseSegLib", "train-unet", str(config)),
            *("--output", str(args.work / "run"), "--events", "jsonl"),
        ],
        {**os.environ, "PYTHONPATH": str(PACKAGE)},
    )


if __name__ == "__main__":
    main()
