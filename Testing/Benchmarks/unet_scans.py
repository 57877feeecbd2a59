"""Real scans with their machine-made labels, and what a network makes of them."""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
from recorded_agreement import recorded_agreement

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Training"))

from bundled_unet import FILES, REFERENCE
from drawn_labels import JUDGING, VALUES, draw_case

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.flags import Flag, organ_place
from CTDoseSegLib.learning.unet.metrics import dice
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.segmentation.segmenting import segment
from CTDoseSegLib.segmentation.unet.spec import SPEC_FILE, UNetSpec, bundled_folder

# Never trained on.
HELD = ("lungdx_A0002_thorax", "example_ct_dicom")
TRAINED = ("cptac_C3L-00189_upper_abdomen", "crlm_1006_abdomen", "lungdx_A0001_thorax")
EXAMPLE = "example_ct"
UNKNOWN = 255
LUNGS = ("lung_left", "lung_right")
KIDNEYS = ("kidney_left", "kidney_right")
ORGANS = (*LUNGS, "trachea", "bone", "liver", "spleen", *KIDNEYS, "stomach", "heart", "aorta")
ORGANS += ("vessels", "urinary_bladder")
ORGANS += ("gallbladder", "pancreas", "bowel", "esophagus", "thyroid_gland")
# Of these a part is drawn in chests: the rest of them is called body there.
PARTLY_DRAWN = ("vessels", "esophagus")
# A slice where an organ has less is not judged by itself.
LEAST_SLICE_MM2 = 100.0


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan with the older labels, which engines always were judged by, and the drawn ones."""

    name: str
    series: CTSeries
    older: np.ndarray
    drawn: np.ndarray

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        return abs(float(np.linalg.det(self.series.affine[:3, :3]))) / 1000


@dataclass(frozen=True, eq=False)
class Found:
    """What a network made of a scan."""

    labelmap: Labelmap
    agreement: dict[str, float]
    withheld: tuple[str, ...] = ()

    def mask(self, *organs: str) -> np.ndarray:
        """Return the mask of organs; those that were not drawn add nothing."""
        mask = np.zeros(self.labelmap.labels.shape, bool)
        for organ in organs:
            if organ in self.labelmap.groups:
                mask |= self.labelmap.mask(organ)
        return mask

    def flags(self, organ: str) -> tuple[Flag, ...]:
        """Return the flags at an organ."""
        return tuple(one for one in self.labelmap.flags if one.place == organ_place(organ))


@dataclass
class Network:
    """A network by its folder (None: the bundled one); each scan is segmented once."""

    name: str
    folder: Path | None
    made: dict[str, Found] = field(default_factory=dict)

    def found(self, name: str, series: CTSeries) -> Found:
        """Return what it makes of a series, checked against anatomy as every result is."""
        if name not in self.made:
            print(f"{self.name}: {name}", file=sys.stderr, flush=True)
            with recorded_agreement() as agreement:
                labelmap = segment(series, "unet", unet=self.folder, device="cpu")
            place = bundled_folder() if self.folder is None else self.folder
            spec = UNetSpec.from_json(place.joinpath(SPEC_FILE).read_text(encoding="utf-8"))
            self.made[name] = Found(labelmap, agreement, spec.withheld)
        return self.made[name]


def read_scan(data: Path, place: Path, name: str) -> Scan:
    """Return a scan; its labels are drawn once and kept below `place`."""
    ct = data / "ct"
    with tempfile.TemporaryDirectory() as temporary:
        if name == "example_ct_dicom":
            series = read_series(ct / REFERENCE / name)
        elif name in FILES:
            series = read_series(ct / FILES[name])
        else:
            (archive,) = ct.glob(f"{name}.tar.*")
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, filter="data")
            series = read_series(temporary)
    path = place / "labels" / f"{name}.nii.gz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(_drawn(data, series, name), path)
    older = nib.load(data / "labels" / f"{name}.nii.gz")
    return Scan(name, series, _array(older), _array(nib.load(path)))


def _drawn(data: Path, series: CTSeries, name: str) -> nib.Nifti1Image:
    """Draw the labels as for training; those for judging are never trained on."""
    source = Path(__file__).resolve().parents[1] / "Training" / "drawn_labels.json"
    entry = json.loads(source.read_text(encoding="utf-8"))[name]
    if (entry.get("for") == "judging") != (name in HELD):
        raise SystemExit(f"{name}: {JUDGING} and {HELD} contradict each other")
    reference = data / "ct" / REFERENCE
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        image = np.asarray(series.hu).transpose(2, 1, 0)
        nib.save(nib.Nifti1Image(image, series.affine), folder / f"{name}.nii.gz")
        totals = {"example_ct_dicom": reference / "example_seg_dicom.nii.gz"}
        totals[EXAMPLE] = data / "ct" / FILES["example_ct_total"]
        if name in totals:
            (folder / f"{name}_total.nii.gz").symlink_to(totals[name].resolve())
        return draw_case(entry, name, folder, data / "labels")


def _array(image: nib.Nifti1Image) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(image.dataobj).transpose(2, 1, 0)).astype(np.uint8)


# Figures ---------------------------------------------------------------------------------


def truth_mask(labels: np.ndarray, *organs: str) -> np.ndarray:
    """Return the mask of organs of a label map."""
    return np.isin(labels, [VALUES[organ] for organ in organs])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Dice coefficient; NaN where both are empty."""
    value = dice(int((a & b).sum()), int(a.sum()), int(b.sum()))
    return float("nan") if value is None else value


def agreements(found: Found, labels: np.ndarray) -> dict[str, float]:
    """Return Dice of the body and of each organ in the labels, where these are decided.

    Classes that the network withholds are left out.
    """
    known = labels != UNKNOWN
    inside = known & ~np.isin(labels, (0, VALUES["couch"]))
    values = {"body": overlap(found.mask("body") & known, inside)}
    for organ in ORGANS:
        truth = truth_mask(labels, organ)
        if truth.any() and organ not in found.withheld:
            values[organ] = overlap(found.mask(organ) & known, truth)
    return values


def slice_scores(scan: Scan, found: Found) -> list[tuple[float, int, str]]:
    """Return (Dice, slice, organ) of each slice and organ of which enough is drawn."""
    scores = []
    known = scan.drawn != UNKNOWN
    for organ in ORGANS:
        if organ in PARTLY_DRAWN or organ not in found.labelmap.groups:
            continue
        truth, mask = truth_mask(scan.drawn, organ), found.mask(organ) & known
        areas = truth.sum(axis=(1, 2)) * scan.series.pixel_area_mm2
        for k in np.flatnonzero(areas >= LEAST_SLICE_MM2):
            scores.append((overlap(mask[k], truth[k]), int(k), organ))
    return sorted(scores)


# What must not be taken for something else: title, true organs, what they are taken for, and the
# most in per cent (None: shown only).
MIX_UPS = (
    ("heart as liver, spleen", ("heart",), ("liver", "spleen"), 0.5),
    ("kidney as liver, spleen", KIDNEYS, ("liver", "spleen"), 0.5),
    ("heart, vessels as bone", ("heart", "aorta", "vessels"), ("bone",), 0.5),
    ("liver, spleen as heart, kidney", ("liver", "spleen"), ("heart", *KIDNEYS), None),
)


def mix_up(scan: Scan, found: Found, true: tuple[str, ...], taken: tuple[str, ...]) -> np.ndarray:
    """Return the mask of what of some organs was taken for others."""
    return truth_mask(scan.drawn, *true) & found.mask(*taken)
