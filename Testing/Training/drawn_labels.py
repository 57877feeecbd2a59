"""Draw heart, vessels, kidneys and other organs into the machine-made label maps of real scans.

    python Testing/Training/drawn_labels.py CT_FOLDER LABELS_FOLDER OUT_FOLDER [CASE ...]

CT_FOLDER holds a NIfTI of each scan (`CASE.nii.gz`) and the maps that a case names in `maps`
(`FILE`, with the organ of each value or "total" for TotalSegmentator's own numbers), LABELS_FOLDER
the scan's older label map on the same grid, with the scan's name, if there is one.
`drawn_labels.json` says case by case what is drawn where. Written are `OUT_FOLDER/CASE.nii.gz` and
`OUT_FOLDER/labels.csv`; cases for judging, which nobody may train on, go to
`OUT_FOLDER/judging_only`.

These are labels drawn by a program, guided by the coarse polygons of somebody who is no expert.
No radiologist has seen them. They are for training; an overlap with them is no accuracy.

A part in the JSON has an organ (of `CLASSES`), shapes by slice, and may say

- `hu`: ranges of smoothed HU that belong to it (one or more pairs); default any;
- `open_mm`: pieces thinner than this are left out (default 0);
- `over`: the older values that it may replace; default body_rest and undecided;
- `grow_mm`: how far past its shape it may grow within `hu` (default 0);
- `close_mm`: gaps and holes up to this width within the shape are filled (default 0);
- `doubt_mm`: soft tissue this close to either side of an edge that no contrast shows becomes
  undecided (default 0).

A shape is a polygon [[column, row], ...] or an ellipse [column, row, half width, half height] in
pixels of the NIfTI's own array; between the slices that are named, polygons are interpolated by
their signed distance and ellipses by their numbers. Slices are counted as the NIfTI stores them.
Parts are drawn in their order.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from PIL import Image, ImageDraw
from scipy import ndimage

CLASSES = {
    1: "body_rest",
    2: "couch",
    3: "lung_left",
    4: "lung_right",
    5: "trachea",
    6: "bone",
    7: "liver",
    8: "spleen",
    9: "kidney_left",
    10: "kidney_right",
    11: "stomach",
    12: "urinary_bladder",
    13: "heart",
    14: "aorta",
    15: "vessels",
    16: "gallbladder",
    17: "pancreas",
    18: "bowel",
    19: "esophagus",
    20: "thyroid_gland",
    255: "undecided",
}
VALUES = {name: value for value, name in CLASSES.items()}
BODY, BONE, STOMACH, UNDECIDED = 1, 6, 11, 255
LUNGS_AND_BONE = (0, 2, 3, 4, 6)
# Thin parts, at whose cost a neighbour's band of doubt must not go.
THIN = tuple(VALUES[name] for name in ("aorta", "vessels", "esophagus"))
# TotalSegmentator's `total` task, version 2: what is not named here stays as it was.
TOTAL = {
    1: "spleen",
    2: "kidney_right",
    3: "kidney_left",
    4: "gallbladder",
    5: "liver",
    6: "stomach",
    7: "pancreas",
    15: "esophagus",
    16: "trachea",
    17: "thyroid_gland",
    18: "bowel",
    19: "bowel",
    20: "bowel",
    21: "urinary_bladder",
    23: "undecided",
    24: "undecided",
    51: "heart",
    52: "aorta",
    61: "heart",
} | dict.fromkeys((53, 54, 55, 56, 57, 58, 59, 60, *range(62, 69)), "vessels")
JUDGING = "judging_only"
SMOOTHING_MM = 1.2
BONE_HU, FILLED_BONE_HU, BONE_GAP_MM = 200.0, 110.0, 6.0
FAT_HU, GAS_HU = (-150.0, -40.0), -300.0
SOFT_HU = (-20.0, 250.0)
LUNG_RIM_MM = 4.0  # partial volume at a lung looks like fat
STOMACH_SHARE = 0.3  # of a bubble's edge


def shape_masks(shapes: dict[str, list], size: tuple[int, int]) -> dict[int, np.ndarray]:
    """Return a mask [row, column] for each slice from the first named to the last."""
    slices = sorted(int(k) for k in shapes)
    ellipses = all(np.ndim(shape) == 1 for shape in shapes.values())
    key = {k: np.array(shapes[str(k)]) if ellipses else None for k in slices}
    if not ellipses:
        key = {k: _depth(_filled(shapes[str(k)], size)) for k in slices}
    masks = {}
    for k in range(slices[0], slices[-1] + 1):
        below = max(s for s in slices if s <= k)
        above = min(s for s in slices if s >= k)
        share = (k - below) / max(above - below, 1)
        between = (1 - share) * key[below] + share * key[above]
        masks[k] = _ellipse(between, size) if ellipses else between > 0
    return masks


def _ellipse(shape: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    x, y, a, b = shape
    rows, columns = np.ogrid[: size[0], : size[1]]
    return ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 <= 1


def _filled(shape: list, size: tuple[int, int]) -> np.ndarray:
    if np.ndim(shape) == 1:
        return _ellipse(np.array(shape), size)
    page = Image.new("1", size[::-1])
    ImageDraw.Draw(page).polygon([tuple(point) for point in shape], fill=1)
    return np.array(page)


def _depth(mask: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)


def _disk(radius_mm: float, pixel_mm: float) -> np.ndarray:
    n = max(round(radius_mm / pixel_mm), 1)
    rows, columns = np.ogrid[-n : n + 1, -n : n + 1]
    return rows**2 + columns**2 <= n**2


def _near(mask: np.ndarray, reach_mm: float, pixel_mm: float) -> np.ndarray:
    near = np.zeros_like(mask)
    if mask.any():
        n = int(reach_mm / pixel_mm) + 2
        ends = [(max(int(v.min()) - n, 0), int(v.max()) + n) for v in np.nonzero(mask)]
        box = tuple(slice(*pair) for pair in ends)
        near[box] = ndimage.distance_transform_edt(~mask[box]) * pixel_mm <= reach_mm
    return near


def draw(labels: np.ndarray, hu: np.ndarray, parts: list[dict], pixel_mm: float) -> np.ndarray:
    """Return the label map with all parts drawn; arrays are [slice, row, column]."""
    sigma = (0, SMOOTHING_MM / pixel_mm, SMOOTHING_MM / pixel_mm)
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), sigma)
    made = labels.copy()
    _give_gas_to_stomach(made, smooth)
    _name_fat(made, smooth, pixel_mm)
    for part in parts:
        _draw_part(made, smooth, part, pixel_mm)
    for part in parts:
        if part.get("doubt_mm"):
            _doubt(made, smooth, part, pixel_mm)
    _mend_bone(made, smooth, pixel_mm)
    return made


def _draw_part(made: np.ndarray, smooth: np.ndarray, part: dict, pixel_mm: float) -> None:
    value = VALUES[part["organ"]]
    over = [VALUES[name] for name in part.get("over", ("body_rest", "undecided"))]
    for k, mask in shape_masks(part["shapes"], made.shape[1:]).items():
        inside = _in_range(smooth[k], part.get("hu"))
        if part.get("grow_mm"):
            reach = _near(mask, part["grow_mm"], pixel_mm)
            mask = ndimage.binary_propagation(mask & inside, mask=reach & inside)
        if part.get("close_mm"):
            disk = _disk(part["close_mm"], pixel_mm)
            closed = ndimage.binary_closing(np.pad(mask & inside, disk.shape[0]), disk)
            cut = slice(disk.shape[0], -disk.shape[0])
            inside = ndimage.binary_fill_holes(closed[cut, cut])
        drawn = mask & inside & np.isin(made[k], over)
        if part.get("open_mm"):
            drawn &= ndimage.binary_opening(drawn, _disk(part["open_mm"] / 2, pixel_mm))
        made[k][drawn] = value


def _in_range(hu: np.ndarray, ranges: list | None) -> np.ndarray:
    if ranges is None:
        return np.ones(hu.shape, bool)
    pairs = ranges if np.ndim(ranges) == 2 else [ranges]
    return np.any([(hu >= low) & (hu <= high) for low, high in pairs], axis=0)


def _doubt(made: np.ndarray, smooth: np.ndarray, part: dict, pixel_mm: float) -> None:
    """Undecide soft tissue along the part's edges, and body_rest in the slices next to its ends."""
    value, reach_mm = VALUES[part["organ"]], part["doubt_mm"]
    slices = sorted(shape_masks(part["shapes"], made.shape[1:]))
    for k in slices:
        own = made[k] == value
        soft = _in_range(smooth[k], SOFT_HU) & ~np.isin(made[k], LUNGS_AND_BONE)
        other = soft & ~own & ~np.isin(made[k], THIN)
        band = other & _near(own, reach_mm, pixel_mm)
        band |= own & _near(other, reach_mm / 2, pixel_mm)
        made[k][band] = UNDECIDED
    for end, beyond in ((slices[0], slices[0] - 1), (slices[-1], slices[-1] + 1)):
        if 0 <= beyond < len(made):
            soft = _in_range(smooth[beyond], SOFT_HU) & (made[beyond] == BODY)
            made[beyond][soft & _near(made[end] == value, reach_mm, pixel_mm)] = UNDECIDED


def _name_fat(made: np.ndarray, smooth: np.ndarray, pixel_mm: float) -> None:
    """Make undecided fat body_rest: it is none of the organs."""
    for k in np.flatnonzero((made == UNDECIDED).any(axis=(1, 2))):
        rim = _near(np.isin(made[k], (3, 4)) | (smooth[k] < GAS_HU), LUNG_RIM_MM, pixel_mm)
        made[k][(made[k] == UNDECIDED) & _in_range(smooth[k], FAT_HU) & ~rim] = BODY


def _give_gas_to_stomach(made: np.ndarray, smooth: np.ndarray) -> None:
    """Give a bubble to the stomach when much of its edge in the slice is the stomach's."""
    for k in np.flatnonzero((made == STOMACH).any(axis=(1, 2))):
        bubbles, count = ndimage.label((smooth[k] < GAS_HU) & np.isin(made[k], (BODY, UNDECIDED)))
        for number in range(1, count + 1):
            bubble = bubbles == number
            edge = ndimage.binary_dilation(bubble, iterations=3) & ~bubble
            if np.mean(made[k][edge] == STOMACH) >= STOMACH_SHARE:
                made[k][bubble | (edge & (smooth[k] < 0) & (made[k] == BODY))] = STOMACH


def _mend_bone(made: np.ndarray, smooth: np.ndarray, pixel_mm: float) -> None:
    """Give bone what is dense and hangs together with it, and its marrow within the slice."""
    dense = (made == BODY) & (smooth > BONE_HU)
    seeds = ndimage.binary_dilation(made == BONE, np.ones((3, 3, 3))) & dense
    made[ndimage.binary_propagation(seeds, np.ones((3, 3, 3)), dense)] = BONE
    disk = _disk(BONE_GAP_MM, pixel_mm)
    for k in np.flatnonzero((made == BONE).any(axis=(1, 2))):
        gaps = ndimage.binary_closing(made[k] == BONE, disk) & (smooth[k] > FILLED_BONE_HU)
        made[k][gaps & (made[k] == BODY)] = BONE


def name_maps(labels: np.ndarray, maps: list[dict], folder: Path, ct: nib.Nifti1Image) -> None:
    """Put organs of other label maps, resampled to the CT's grid, over body_rest and undecided."""
    free = np.isin(labels, (BODY, UNDECIDED))
    for entry in maps:
        values = TOTAL if entry["values"] == "total" else entry["values"]
        other = resample_from_to(nib.load(folder / entry["file"]), ct, order=0)
        other = np.asarray(other.dataobj).transpose(2, 1, 0)
        for value, organ in values.items():
            labels[free & (other == int(value))] = VALUES[organ]


def draw_case(entry: dict, case: str, scans: Path, older: Path) -> nib.Nifti1Image:
    """Return the label map of a case of the JSON; without an older map all starts undecided."""
    ct = nib.load(scans / f"{case}.nii.gz")
    hu = np.asarray(ct.dataobj).transpose(2, 1, 0)
    labels = np.full(hu.shape, UNDECIDED, np.uint8)
    if (older / f"{case}.nii.gz").exists():
        drawn = nib.load(older / f"{case}.nii.gz")
        if ct.shape != drawn.shape or not np.allclose(ct.affine, drawn.affine, atol=0.05):
            raise SystemExit(f"The label map of {case} does not lie on its CT.")
        labels = np.asarray(drawn.dataobj).copy().transpose(2, 1, 0)
    name_maps(labels, entry.get("maps", []), scans, ct)
    # Maps that name every organ are kept as they are.
    if entry["parts"]:
        labels = draw(labels, hu, entry["parts"], float(ct.header.get_zooms()[0]))
    return nib.Nifti1Image(labels.transpose(2, 1, 0), ct.affine)


def main(*arguments: str) -> None:
    if len(arguments) < 3:
        raise SystemExit(__doc__)
    scans, older, out = (Path(name) for name in arguments[:3])
    cases = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    for case in arguments[3:] or cases:
        made = draw_case(cases[case], case, scans, older)
        folder = out / JUDGING if cases[case].get("for") == "judging" else out
        folder.mkdir(parents=True, exist_ok=True)
        nib.save(made, folder / f"{case}.nii.gz")
        values, counts = np.unique(made.dataobj, return_counts=True)
        names = {
            CLASSES.get(int(v), "outside"): int(n) for v, n in zip(values, counts, strict=True)
        }
        print(case, names, flush=True)
    with open(out / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("value", "name"), *CLASSES.items()])


if __name__ == "__main__":
    main(*sys.argv[1:])
