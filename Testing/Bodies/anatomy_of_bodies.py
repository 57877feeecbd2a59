"""What the check of anatomy finds: in true labels, where it must find nothing, and in a UNet's.

    python Testing/Bodies/anatomy_of_bodies.py

For the bodies of segmentation_of_bodies.py, the phantoms for acceptance and, with the development
data (CTDOSESEG_DATA), the real CT with their machine-made labels: the flags that `check_anatomy`
raises on the labels as they are, then those on the result of the bundled UNet and Dice of its
organs before and after. Organs that a machine-made label map leaves out (255) are not judged.
"""

from __future__ import annotations

import argparse
import os
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(Path(__file__).parent)]

from scanned_bodies import SCANS  # noqa: E402

from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.learning.unet.metrics import dice  # noqa: E402
from CTDoseSegLib.phantom.acceptance import ACCEPTANCE_SEEDS  # noqa: E402
from CTDoseSegLib.phantom.phantom import PhantomTruth, phantom_series  # noqa: E402
from CTDoseSegLib.reading.reader import read_series  # noqa: E402
from CTDoseSegLib.segmentation.anatomy.check import check_anatomy  # noqa: E402
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom  # noqa: E402
from CTDoseSegLib.segmentation.labelmap import Labelmap  # noqa: E402
from CTDoseSegLib.segmentation.unet.engine import UNetEngine  # noqa: E402
from CTDoseSegLib.segmentation.user import read_labelmap  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

ORGANS = ("liver", "spleen", "stomach", "bone", "lung", "kidney_left", "kidney_right", "heart")
IGNORED = "label_255"
Made = tuple[CTSeries, Labelmap]


def of_truth(series: CTSeries, truth: PhantomTruth) -> Made:
    """Return a phantom's image and its exact label map."""
    present = {int(value) for value in np.unique(truth.labels)}
    atoms = tuple(named_atom(v, n, "truth") for n, v in truth.names.items() if v in present)
    names = {atom.name for atom in atoms}
    known = {g: tuple(n for n in members if n in names) for g, members in truth.groups.items()}
    groups = groups_of(names) | {group: members for group, members in known.items() if members}
    return series, Labelmap(truth.labels, series.affine, atoms, groups, "truth")


def real(data: Path, scratch: Path) -> Iterator[tuple[str, Callable[[], Made]]]:
    """Yield the real CT that have labels."""
    for labels in sorted((data / "labels").glob("*.nii.gz")):
        name = labels.name.removesuffix(".nii.gz")

        def made(name: str = name, labels: Path = labels) -> Made:
            (path,) = [
                path
                for path in (*(data / "ct").iterdir(), *(data / "ct").glob("*/example_ct*"))
                if path.name.split(".")[0].removesuffix("_derived") == name
            ]
            if path.suffix == ".xz":
                with tarfile.open(path) as tar:
                    tar.extractall(scratch / name, filter="data")
                path = scratch / name
            series = read_series(path)
            return series, read_labelmap(labels, series)

        yield name, made


def cases(data: Path, scratch: Path) -> Iterator[tuple[str, Callable[[], Made]]]:
    """Yield name and maker of every scan."""
    yield from real(data, scratch)
    for phantom in ACCEPTANCE_SEEDS:
        yield f"acceptance {phantom.seed}", lambda p=phantom: of_truth(*phantom_series(p))
    for scan in SCANS:
        yield scan.name, lambda s=scan: of_truth(*s.made())


def raised(before: Labelmap, after: Labelmap) -> str:
    """Return what a check added, in a few words."""
    new = [one for one in after.flags if one not in before.flags]
    return "; ".join(f"{one.code} ({one.place}: {one.detail})" for one in new) or "nothing"


def changes(before: Labelmap, after: Labelmap, truth: Labelmap) -> Iterator[str]:
    """Yield the organs whose Dice changed."""
    judged = ~truth.mask(IGNORED) if IGNORED in truth.groups else np.ones(truth.labels.shape, bool)
    for organ in ORGANS:
        if organ not in before.groups or organ not in truth.groups:
            continue
        true = truth.mask(organ) & judged
        values = []
        for labelmap in (before, after):
            mask = labelmap.mask(organ) & judged
            values.append(dice(int((mask & true).sum()), int(mask.sum()), int(true.sum())))
        if values[0] != values[1]:
            yield f"{organ} {values[0]:.4f} -> {values[1]:.4f}"


def main() -> None:
    """Print two lines a scan."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    data = Path(os.environ.get("CTDOSESEG_DATA", ROOT.parent / "shared" / "data"))
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in cases(data, Path(scratch)):
            series, truth = make()
            print(f"{name}: labels: {raised(truth, check_anatomy(series, truth))}")
            found = UNetEngine(device="cpu").segment(series, Progress())
            checked = check_anatomy(series, found)
            better = ", ".join(changes(found, checked, truth)) or "as before"
            print(f"{name}: UNet: {raised(found, checked)}; Dice: {better}", flush=True)


if __name__ == "__main__":
    main()
