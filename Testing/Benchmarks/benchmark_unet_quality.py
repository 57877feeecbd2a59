"""How well the bundled UNet segments: phantoms, held-out real CT, and ten corrupted versions.

    python Testing/Benchmarks/benchmark_unet_quality.py [UNET_FOLDER]

The phantoms are those kept for acceptance, their labels exact. The real volumes
(lungdx_A0002_thorax, example_ct_dicom) were never trained on; their labels are machine-made, so
that the figures are agreement of two programs, not accuracy against experts. example_ct was
trained on: its figures are agreement in training. For the corrupted versions the labels are those
of the volume as it was; the score is the mean Dice of body and both lungs, of the network and of
the engine without a network (`classical`).

Couch and blanket are what of them lies in the body found, in per cent of it; the pixels that are
right are those of whole slices told to be body or not. WED is how far the water-equivalent diameter
of a slice is off for the body that was found, by the network and by rules.

Targets: on phantoms lungs 0.98, body 0.995, bone 0.90, couch in the body 0.1 % of the body (heads:
of the head, and 99.5 % of the pixels right); on real volumes lungs 0.97, body 0.99, liver and
spleen 0.88; of the ten versions the network is better on eight.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.ct.organs import OUTSIDE_BODY, is_bone
from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.errors import CTDoseSegError
from CTDoseSegLib.phantom.acceptance import ACCEPTANCE_SEEDS
from CTDoseSegLib.phantom.phantom import phantom_series
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.engines import ClassicalEngine
from CTDoseSegLib.segmentation.unet.engine import UNetEngine
from CTDoseSegLib.tasks.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CTDOSESEG_DATA", ROOT.parent / "shared" / "data"))
# Values of the machine-made label maps; 255 is undecided.
REAL = {"couch": 2, "lung_left": 3, "lung_right": 4, "trachea": 5, "bone": 6, "liver": 7}
REAL |= {"spleen": 8, "kidney_left": 9, "kidney_right": 10, "stomach": 11}
UNKNOWN = 255


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Dice coefficient; NaN where both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else float("nan")


def root_of_water(series: CTSeries, body: np.ndarray) -> np.ndarray:
    """What the water-equivalent diameter of each slice is proportional to [k] (AAPM 220)."""
    return np.sqrt((body * (series.hu / 1000.0 + 1.0)).sum(axis=(1, 2)))


# Phantoms --------------------------------------------------------------------------------


def phantoms(engine: UNetEngine) -> None:
    print(
        "\nphantoms, exact labels\n"
        f"{'phantom':16}body    lung L  lung R  bone    couch %  blanket %  pixels right %  "
        "WED %: mean, largest (rules)"
    )
    for phantom in ACCEPTANCE_SEEDS:
        series, truth = phantom_series(phantom)
        made = engine.segment(series, Progress())

        def true(names, truth=truth, phantom=phantom):
            return np.isin(truth.labels, [phantom.names[n] for n in names if n in phantom.names])

        body = made.mask("body")
        whole = true(phantom.groups["body"])
        values = [dice(body, whole)]
        for lung in ("lung_left", "lung_right"):
            found = made.mask(lung) if lung in made.groups else np.zeros(series.hu.shape, bool)
            values.append(dice(found, true(phantom.groups.get(lung, ()))))
        bone = made.mask("bone") if "bone" in made.groups else np.zeros(series.hu.shape, bool)
        values.append(dice(bone, true([n for n in phantom.names if is_bone(n)])))
        table = true([name for name in OUTSIDE_BODY if name != "blanket"])
        couch, blanket = (100 * (body & v).sum() / body.sum() for v in (table, true(["blanket"])))
        # Body, or not: what the removal of a headrest is judged by.
        right = 100 * (body == whole).mean()
        name = f"{phantom.variant} {phantom.seed}"
        figures = f"  {couch:.3f}    {blanket:.3f}      {right:.3f}          "
        shown = whole.any(axis=(1, 2))
        rules = ClassicalEngine().segment(series, Progress()).mask("body")
        for found, form in ((body, "{:.2f}, {:.2f} "), (rules, "({:.2f}, {:.2f})")):
            off = root_of_water(series, found)[shown] / root_of_water(series, whole)[shown] - 1
            off = 100 * np.abs(off)
            figures += form.format(off.mean(), off.max())
        print(f"{name:16}" + "  ".join(f"{v:6.4f}" for v in values) + figures)


# Real CT ---------------------------------------------------------------------------------


def read_real(name: str, folder: Path) -> tuple[CTSeries, np.ndarray]:
    """A volume and its machine-made labels."""
    import SimpleITK as sitk

    reference = DATA / "ct" / "totalsegmentator_reference"
    if name == "example_ct":
        series = read_series(reference / "example_ct.nii.gz")
    elif name == "example_ct_dicom":
        series = read_series(reference / name)
    else:
        (archive,) = (DATA / "ct").glob(f"{name}.tar.*")
        with tarfile.open(archive) as tar:
            tar.extractall(folder / name, filter="data")
        series = read_series(folder / name)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(DATA / "labels" / f"{name}.nii.gz")))
    return series, labels.astype(np.uint8)


def masks(made, labels: np.ndarray) -> dict[str, float]:
    """Dice of the body and of each organ that is in the labels."""
    decided = labels != UNKNOWN
    values = {"body": dice(made.mask("body") & decided, decided & ~np.isin(labels, (0, 2)))}
    for name, value in REAL.items():
        truth = labels == value
        if truth.any():
            found = made.mask(name) if name in made.groups else np.zeros(labels.shape, bool)
            values[name] = dice(found & decided, truth)
    return values


def real(engine: UNetEngine, volumes) -> None:
    for name, (series, labels) in volumes.items():
        values = masks(engine.segment(series, Progress()), labels)
        print(f"\n{name}: " + ", ".join(f"{k} {v:.3f}" for k, v in values.items()))


# Corrupted versions ----------------------------------------------------------------------


def corruptions() -> dict:
    """Name to a function of HU [k, j, i] (int16), labels, pixel size in mm and a generator."""

    def noise(hu, labels, pixel, rng):
        return hu + rng.normal(0, 70, hu.shape)

    def streaks(hu, labels, pixel, rng):
        y, x = np.mgrid[: hu.shape[1], : hu.shape[2]]
        _, cy, cx = (int(np.median(v)) for v in np.nonzero(labels > 2))
        angle = np.arctan2(y - cy - 40, x - cx)
        away = np.hypot(y - cy - 40, x - cx) * pixel
        rays = 500 * np.sin(9 * angle) * np.exp(-away / 80)
        out = hu + rays
        return np.where(away < 8, 3000, out)

    def contrast(hu, labels, pixel, rng):
        blobs = ndimage.gaussian_filter(rng.normal(0, 1, hu.shape), (2, 12, 12))
        bright = (blobs > 1.2 * blobs.std()) & (hu > 0) & (hu < 150)
        return hu + 220 * bright

    def truncation(hu, labels, pixel, rng):
        y, x = np.mgrid[: hu.shape[1], : hu.shape[2]]
        rows, columns = (np.nonzero((labels > 0).any(axis=(0, a)))[0] for a in (2, 1))
        radius = 0.42 * np.ptp(columns)
        seen = np.hypot(y - rows.mean(), x - columns.mean()) < radius
        return np.where(seen, hu, -1024)

    def couch_at_skin(hu, labels, pixel, rng):
        body = (labels > 0) & (labels != 2)
        out = hu.copy()
        for k in range(len(hu)):
            rows = np.nonzero(body[k].any(axis=1))[0]
            if rows.size:
                low = rows.max() - round(2 / pixel)
                slab = out[k, low : low + round(14 / pixel), hu.shape[2] // 6 : -hu.shape[2] // 6]
                there = slab < -200
                slab[there] = 60
        return out

    def second_object(hu, labels, pixel, rng):
        y, x = np.mgrid[: hu.shape[1], : hu.shape[2]]
        columns = np.nonzero((labels > 0).any(axis=(0, 1)))[0]
        near = np.hypot((y - hu.shape[1] / 2) * pixel, (x - columns.min()) * pixel + 30) < 35
        return np.where(near & (hu < -500), 20 + rng.normal(0, 10, hu.shape), hu)

    def thick(hu, labels, pixel, rng):
        count = 4 if len(hu) < 25 else 2
        return ndimage.uniform_filter1d(hu.astype(np.float32), count, axis=0)

    def offset(hu, labels, pixel, rng):
        return np.where(hu > -1000, hu + 80.0, hu)

    def blanket(hu, labels, pixel, rng):
        body = ndimage.binary_closing((labels > 0) & (labels != 2), iterations=2)
        away = np.stack([ndimage.distance_transform_edt(~one) for one in body]) * pixel
        cloth = (away > 6) & (away < 18) & (hu < -500)
        return np.where(cloth, -150 + rng.normal(0, 60, hu.shape), hu)

    def blur(hu, labels, pixel, rng):
        return ndimage.gaussian_filter(hu.astype(np.float32), (0, 3 / pixel, 3 / pixel))

    return {
        f.__name__: f
        for f in (
            *(noise, streaks, contrast, truncation, couch_at_skin),
            *(second_object, thick, offset, blanket, blur),
        )
    }


def corrupted(engine: UNetEngine, volumes) -> int:
    """How many of the versions the network is better on."""
    print(f"\n{'version':16}network  classical")
    better = 0
    for number, (name, change) in enumerate(corruptions().items()):
        scores = {"network": [], "classical": []}
        for series, labels in volumes.values():
            rng = np.random.default_rng([7, number])
            hu = change(series.hu, labels, series.spacing_mm[0], rng)
            altered = replace(series, hu=np.clip(np.rint(hu), -1024, 3071).astype(np.int16))
            seen = labels.copy()
            if name == "truncation":
                seen[altered.hu == -1024] = np.where(labels[altered.hu == -1024] > 0, UNKNOWN, 0)
            for which, one in (("network", engine), ("classical", ClassicalEngine())):
                try:
                    values = masks(one.segment(altered, Progress()), seen)
                except CTDoseSegError:
                    values = {"body": 0.0, "lung_left": 0.0, "lung_right": 0.0}
                wanted = ("body", "lung_left", "lung_right")
                scores[which].append(np.mean([values[w] for w in wanted if w in values]))
        mean = {which: float(np.mean(values)) for which, values in scores.items()}
        better += mean["network"] > mean["classical"]
        print(f"{name:16}{mean['network']:.4f}   {mean['classical']:.4f}")
    print(f"the network is better on {better} of 10")
    return better


def main() -> int:
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    engine = UNetEngine(folder)
    if not engine.available()[0]:
        print(f"nothing measured: {engine.available()[1]}")
        return 0
    phantoms(engine)
    if not (DATA / "labels").is_dir():
        print("the development data are not there: no real CT")
        return 0
    with tempfile.TemporaryDirectory() as place:
        held = {
            name: read_real(name, Path(place))
            for name in ("lungdx_A0002_thorax", "example_ct_dicom")
        }
        trained = {"example_ct (trained on)": read_real("example_ct", Path(place))}
        real(engine, held | trained)
        return 0 if corrupted(engine, held) >= 8 else 1


if __name__ == "__main__":
    raise SystemExit(main())
