"""Real CT, simulated as the bodies are: is the law that was learned on bodies theirs?

    python Testing/Training/dose_real.py DATA WORK [--histories 4e6]

DATA is the development data. Labels are those that the bundled UNet was trained with
(`bundled_unet.py` lays them out in a temporary folder), so that an organ is what they say it is.
WORK gets an ``.npz`` a scan, beside those of `dose_learning_set.py`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "CTDoseSeg"), str(HERE)]

import bundled_unet  # noqa: E402
from dose_bodies import LearningBody, scan_of  # noqa: E402
from dose_responses import responses_of  # noqa: E402

from CTDoseSegLib.ct.acquisition import Acquisition  # noqa: E402
from CTDoseSegLib.ct.series import CTSeries, SliceInfo  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap  # noqa: E402

# Seed in place of one, region of the law, whether contrast agent is in it.
SCANS = {
    "lungdx_A0001_thorax": (9001, "trunk", False),
    "acrin_flt_013_chest": (9002, "trunk", False),
    "lidc_0314_thorax": (9003, "trunk", False),
    "cptac_C3L-00189_upper_abdomen": (9004, "trunk", True),
    "crlm_1006_abdomen": (9005, "trunk", True),
}
_PAIRS = ("lung", "kidney")


def real_body(work: Path, name: str) -> LearningBody:
    """Return a scan with its labels, laid out in `work`."""
    seed, region, contrast = SCANS[name]
    image = nib.load(work / "ct" / f"{name}.nii.gz")
    labels = np.asarray(nib.load(work / "labels" / f"{name}.nii.gz").dataobj).astype(np.uint8)
    hu, labels = (
        np.ascontiguousarray(a.transpose(2, 1, 0)) for a in (np.asarray(image.dataobj), labels)
    )
    with (work / "labels" / "labels.csv").open(encoding="utf-8") as file:
        names = {int(row["value"]): row["name"] for row in csv.DictReader(file)}
    present = [v for v in np.unique(labels) if v]
    atoms = tuple(Atom(int(v), names[int(v)], "", "#888888", "drawn") for v in present)
    groups = {atom.name: (atom.name,) for atom in atoms}
    groups["body"] = tuple(atom.name for atom in atoms if atom.name != "couch")
    for pair in _PAIRS:
        sides = tuple(f"{pair}_{s}" for s in ("left", "right") if f"{pair}_{s}" in groups)
        if sides:
            groups[pair] = sides
    labelmap = Labelmap(labels, image.affine, atoms, groups, "drawn")
    slices = tuple(
        SliceInfo(z_mm=float(image.affine[2, 3] + image.affine[2, 2] * k)) for k in range(len(hu))
    )
    series = CTSeries(hu.astype(np.int16), image.affine, slices, Acquisition(), name)
    about = {"seed": seed, "region": region, "real": name, "age_y": None, "sex": None,
             "phase": "portal" if contrast else "none"}  # fmt: skip
    return LearningBody(scan_of(series, labelmap, None, None, contrast), about)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--histories", type=float, default=4e6)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        bundled_unet.lay_out(options.data, Path(place))
        for name, (seed, _, _) in SCANS.items():
            body = real_body(Path(place), name)
            found = responses_of(body, int(options.histories), seed)
            found.write(options.work / f"body_{seed:04d}.npz")
            print(f"{name}: {len(found.names)} scores", flush=True)


if __name__ == "__main__":
    main()
