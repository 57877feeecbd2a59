"""Organ doses of real scans beside CTDIvol, SSDE and the fast law, and pictures of their maps.

    python Testing/MonteCarlo/real_scans.py DATA [--out FOLDER] [--relative-se 0.03]

DATA are the development data (CTDOSESEG_DATA, else `../shared/data`). Labels are machine-made, so
that an organ is what they say it is. Prints a Markdown table and draws each dose map to FOLDER
with `draw_dose_map.py`: look at them. There is no target.

Where a scan lacks CTDIvol, 10 mGy of the 32 cm phantom is typed, and the table says so: none of its
ratios depends on the number, only on the course along the scan, which follows the tube current.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from targets import table  # noqa: E402

TYPED_MGY = 10.0
# Name of the labels; the CT's place in the data; whether CTDIvol must be typed.
SCANS = (
    ("lungdx_A0001_thorax", "ct/lungdx_A0001_thorax.tar.xz", False),
    ("example_ct_dicom", "ct/totalsegmentator_reference/example_ct_dicom", False),
    ("cptac_C3L-00189_upper_abdomen", "ct/cptac_C3L-00189_upper_abdomen.tar.xz", True),
    ("acrin_flt_013_chest", "ct/acrin_flt_013_chest.tar.xz", True),
)
HEADS = ("scan", "organ", "ml", "dose, mGy", "SE", "/ CTDIvol", "/ SSDE", "/ fast law")


def images(data: Path, place: str, scratch: Path) -> Path:
    """Return the folder with a scan's files, unpacked where they are packed."""
    if not place.endswith(".tar.xz"):
        return data / place
    with tarfile.open(data / place) as archive:
        archive.extractall(scratch / "dicom", filter="data")
    return scratch / "dicom"


def analyze(ct: Path, labels: Path, out: Path, relative_se: float, typed: Path | None) -> None:
    """Run `ctdoseseg analyze` with the Monte Carlo engine."""
    command = [sys.executable, "-m", "CTDoseSegLib", "analyze", str(ct), "--output", str(out)]
    command += ["--segmentation", str(labels), "--dose-engine", "montecarlo", "--events", "none"]
    command += ["--relative-se", str(relative_se)]
    if typed is not None:
        command += ["--acquisition", str(typed)]
    subprocess.run(command, check=True, cwd=ROOT / "CTDoseSeg")


def rows(name: str, out: Path, typed: bool) -> Iterator[tuple[str, ...]]:
    """Yield the table's rows of one analysis."""
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    fast = result["dose_model"]["fast_law_mGy"]
    ssde = result["ssde"]["mean_mGy"]
    with (out / "slices.csv").open(encoding="utf-8") as file:
        ctdivol = np.mean([float(row["ctdivol_used_mGy"]) for row in csv.DictReader(file)])
    label = f"{name}, CTDIvol {ctdivol:.1f} mGy{' (typed)' if typed else ''}, SSDE {ssde:.1f} mGy"
    with (out / "organ_doses.csv").open(encoding="utf-8") as file:
        for organ in csv.DictReader(file):
            if not organ["dose_mGy"] or organ["organ"] in ("body", "body_rest"):
                continue
            dose = float(organ["dose_mGy"])
            # The model interval is the 90 % interval of the photons alone.
            low, high = float(organ["model_low_mGy"]), float(organ["model_high_mGy"])
            se = np.log(high / low) / (2 * 1.645)
            law = fast.get(organ["organ"], [None])[0]
            yield (
                label,
                organ["organ"],
                f"{float(organ['volume_ml']):.0f}" if organ["volume_ml"] else "-",
                f"{dose:.1f}",
                f"{100 * se:.1f} %",
                f"{dose / ctdivol:.2f}",
                f"{dose / ssde:.2f}",
                f"{dose / law:.2f}" if law else "-",
            )
            label = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("real_scans"))
    parser.add_argument("--relative-se", type=float, default=0.03)
    args = parser.parse_args()
    data = args.data.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    lines: list[tuple[str, ...]] = []
    for name, place, typed in SCANS:
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            ct, labels = images(data, place, scratch), data / "labels" / f"{name}.nii.gz"
            values = scratch / "typed.json"
            values.write_text(json.dumps({"ctdivol_mGy": TYPED_MGY, "phantom_cm": 32}))
            analyze(ct, labels, scratch / "out", args.relative_se, values if typed else None)
            lines += rows(name, scratch / "out", typed)
            draw(ct, scratch / "out", args.out.resolve() / f"{name}.png")
    print(*table(HEADS, lines), sep="\n")


def draw(ct: Path, out: Path, picture: Path) -> None:
    """Draw the dose map through the middle of what got a dose."""
    import nibabel

    image = nibabel.load(out / "dose_map.nii.gz")
    places = np.argwhere(np.asarray(image.dataobj) > 0)
    middle = image.affine @ [*np.median(places, axis=0), 1.0]
    script = str(HERE / "draw_dose_map.py")
    command = [sys.executable, script, str(ct), str(out), "--out", str(picture), "--mm"]
    places_mm = (f"{mm:.1f}" for mm in middle[:3])
    subprocess.run([*command, *places_mm], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
