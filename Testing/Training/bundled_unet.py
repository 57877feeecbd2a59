"""Train the bundled UNet from the development data.

python Testing/Training/bundled_unet.py DATA WORK

DATA is the development data (`ct/`, `labels/`), WORK a folder for the cases and the run; the run
goes on where it was ended. lungdx_A0002, example_ct_dicom and the single slices are never used.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = {
    "abdomen": ("crlm_1006_abdomen", "cptac_C3L-00189_upper_abdomen", "example_ct"),
    "thorax": ("lungdx_A0001_thorax", "acrin_flt_013_chest", "lidc_0314_thorax"),
}
FILES = {
    "example_ct": "totalsegmentator_reference/example_ct.nii.gz",
    "lidc_0314_thorax": "lidc_0314_thorax_derived.nii.gz",
}


def lay_out(data: Path, work: Path, leave_out: str = "") -> None:
    """Images and labels of all cases below `work`, as the configuration names them."""
    for group, names in CASES.items():
        images, labels = work / group / "images", work / group / "labels"
        if images.parent.exists():
            shutil.rmtree(images.parent)
        images.mkdir(parents=True)
        labels.mkdir()
        for name in names:
            if name == leave_out:
                continue
            if name in FILES:
                (images / f"{name}.nii.gz").symlink_to((data / "ct" / FILES[name]).resolve())
            else:
                (archive,) = (data / "ct").glob(f"{name}.tar.*")
                with tarfile.open(archive) as tar:
                    tar.extractall(images / name, filter="data")
            (labels / f"{name}.nii.gz").symlink_to((data / "labels" / f"{name}.nii.gz").resolve())


def main(data: str, work: str, leave_out: str = "") -> int:
    folder = Path(work)
    folder.mkdir(parents=True, exist_ok=True)
    lay_out(Path(data), folder, leave_out)
    config = folder / "bundled_unet.toml"
    config.write_text((HERE / config.name).read_text(encoding="utf-8"), encoding="utf-8")
    os.execv(
        sys.executable,
        [
            *(sys.executable, "-m", "CTDoseSegLib", "train-unet", str(config)),
            *("--output", str(folder / "run"), "--events", "jsonl"),
        ],
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
