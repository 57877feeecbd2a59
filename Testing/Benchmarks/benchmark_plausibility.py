"""What plausibility says of the organ doses on real scans that state their CTDIvol.

    python Testing/Benchmarks/benchmark_plausibility.py [--csv FILE]

For the upper abdomen with its label map (example_ct_dicom) and a whole thorax with the built-in
segmentation (lungdx_A0001): each organ's dose by either route, its ratio to the mean SSDE of the
organ's slices, the dose of the whole organ, and what the published networks say of the same slices.

No dose of these patients was ever measured or simulated. The ratio is a plausibility check: SSDE is
itself an estimate, and organs need not get it. Without the development data (CTDOSESEG_DATA)
nothing is printed but that.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.analysis import Analysis, analyze
from CTDoseSegLib.dosimetry.doses import OrganDose
from CTDoseSegLib.dosimetry.published.engine import PublishedEngine
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.errors import DependencyError
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.combining import combine
from CTDoseSegLib.segmentation.threshold.engine import segment
from CTDoseSegLib.segmentation.user import read_labelmap

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    *("scan", "organ", "region", "ssde_mGy", "ctdivol_route_mGy", "ctdivol_route_to_ssde"),
    *("mas_route_mGy", "mas_route_to_ssde", "total_low_mGy", "total_high_mGy"),
    *("whole_organ_mGy", "published_mGy", "published_to_ssde", "published_flags"),
)
WIDE_SD = "published_outside_training"


def scans(data: Path, scratch: Path) -> Iterator[tuple[str, Analysis]]:
    """The two scans, read, segmented and analysed."""
    slab = data / "ct" / "totalsegmentator_reference"
    series = read_series(slab / "example_ct_dicom")
    organs = read_labelmap(slab / "example_seg_dicom.nii.gz", series)
    yield "upper abdomen", analyze(series, combine(segment(series), organs))
    (archive,) = (data / "ct").glob("lungdx_A0001_thorax.tar.*")
    with tarfile.open(archive) as tar:
        tar.extractall(scratch / "thorax", filter="data")
    series = read_series(scratch / "thorax")
    yield "thorax", analyze(series, segment(series))


def published_doses(data: Path, scratch: Path, analysis: Analysis) -> dict[tuple, OrganDose]:
    """Doses by the published networks; none without torch. What refuses ours refuses theirs too."""
    folder = scratch / "published"
    if not folder.exists():
        folder.mkdir()
        for name in ("chest_models", "abdomen_models"):
            (folder / name).symlink_to(data / "dose" / "published" / name)
        (folder / "training_arrays").symlink_to(data / "dose" / "training_arrays")
    try:
        scan = Scan.of(analysis.series, analysis.labelmap, analysis.measurements, analysis.size)
        result = PublishedEngine(folder).estimate(scan)
    except DependencyError as error:
        print(error)
        return {}
    return {(organ.organ, organ.region): organ for organ in result.organs}


def rows(name: str, analysis: Analysis, published: dict[tuple, OrganDose]) -> Iterator[dict]:
    """One for each organ that either model gives a dose of."""
    ours = {(organ.organ, organ.region): organ for organ in analysis.doses.organs}
    for key in dict.fromkeys((*ours, *published)):
        organ, other = ours.get(key), published.get(key)
        if not any(o and o.dose_mGy is not None for o in (organ, other)):
            continue
        there = analysis.measurements.of(key[0]).count > 0
        ssde = float(np.nanmean(analysis.ssde.ssde_mGy[there]))
        row = {"scan": name, "organ": key[0], "region": key[1], "ssde_mGy": ssde}
        if organ is not None and organ.dose_mGy is not None:
            for route, dose in organ.by_route.items():
                row[f"{route}_route_mGy"] = dose
                row[f"{route}_route_to_ssde"] = None if dose is None else dose / ssde
            row["total_low_mGy"], row["total_high_mGy"] = organ.total_low_mGy, organ.total_high_mGy
            row["whole_organ_mGy"] = organ.whole_organ_dose_mGy
        if other is not None and other.dose_mGy is not None:
            row["published_mGy"], row["published_to_ssde"] = other.dose_mGy, other.dose_mGy / ssde
            far = any(flag.code == WIDE_SD for flag in other.flags)
            row["published_flags"] = "beyond 3 SD" if far else ""
        yield row


def show(found: list[dict]) -> None:
    def text(row: dict, name: str, form: str) -> str:
        value = row.get(name)
        return format(value, form) if value is not None else "-"

    print("dose in mGy, in brackets its ratio to the SSDE of the organ's slices")
    print(
        f"{'organ':26}{'SSDE':>6}{'by CTDIvol':>15}{'total 90 %':>14}{'by mAs':>15}{'whole':>7}"
        f"{'published':>15}"
    )
    for row in found:
        pair = {
            route: f"{text(row, f'{route}_mGy', '.1f')} ({text(row, f'{route}_to_ssde', '.2f')})"
            for route in ("ctdivol_route", "mas_route", "published")
        }
        ends = "-".join(text(row, name, ".1f") for name in ("total_low_mGy", "total_high_mGy"))
        ends = "" if row.get("total_low_mGy") is None else ends
        print(
            f"{row['organ'].replace('_', ' '):26}{row['ssde_mGy']:6.1f}{pair['ctdivol_route']:>15}"
            f"{ends:>14}{pair['mas_route']:>15}{text(row, 'whole_organ_mGy', '.1f'):>7}"
            f"{pair['published']:>15}  {row.get('published_flags', '')}"
        )


def spread(found: list[dict], name: str) -> str:
    values = [row[name] for row in found if row.get(name) is not None]
    if not values:
        return "none"
    return (
        f"{min(values):.2f} to {max(values):.2f}, median {np.median(values):.2f} (n {len(values)})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", type=Path, help="also write the table to this file")
    args = parser.parse_args()
    data = Path(os.environ.get("CTDOSESEG_DATA", ROOT.parent / "shared" / "data"))
    if not data.is_dir():
        print("The development data is not on this machine (set CTDOSESEG_DATA).")
        return 0
    everything = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, analysis in scans(data, Path(scratch)):
            found = list(rows(name, analysis, published_doses(data, Path(scratch), analysis)))
            everything += found
            acquisition, wed = analysis.series.acquisition, analysis.size.summary()
            print(
                f"\n{name}: {acquisition.manufacturer} {acquisition.model}, CTDIvol "
                f"{acquisition.ctdivol_mGy:.1f} mGy, WED {wed.mean_mm:.0f} mm, SSDE "
                f"{analysis.ssde.mean_mGy:.1f} mGy"
            )
            show(found)
            for title, column in (
                ("CTDIvol route / SSDE", "ctdivol_route_to_ssde"),
                ("mAs route / SSDE", "mas_route_to_ssde"),
                ("published / SSDE", "published_to_ssde"),
            ):
                print(f"{title:22}{spread(found, column)}")
            for why in analysis.flags:
                if why.code == "mas_unusable":
                    print(why.message)
    if args.csv:
        with args.csv.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(everything)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
