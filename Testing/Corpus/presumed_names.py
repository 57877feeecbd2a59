"""Label maps whose values have names somewhere, or nowhere: none may be presumed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .base import Base, Make, Table, write
from .presumed import AFFINE, entry

PRESUMED_NAMES = Table("presumed")
# Volumes of the phantom's exact labels, from its own table.
LIVER_ML, SPLEEN_ML = 1374.6, 175.4
LUNG_RIGHT_ML, LUNG_LEFT_ML = 2059.8, 1937.5
KIDNEY_LEFT_ML, KIDNEY_RIGHT_ML = 141.3, 131.2
_LOBES = "lung_upper_lobe_{0} lung_middle_lobe_{0} lung_lower_lobe_{0}"


def truth(base: Base) -> tuple[np.ndarray, dict[str, int]]:
    """The exact labels [k, j, i], and the value of each name."""
    import SimpleITK as sitk

    path = base.truth()
    with path.with_name("labels.csv").open(encoding="utf-8") as table:
        values = {row["name"]: int(row["value"]) for row in csv.DictReader(table)}
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))), values


def only(base: Base, **values: int) -> np.ndarray:
    """Labels of these organs alone with these values; of a lung, of all its lobes."""
    labels, known = truth(base)
    new = np.zeros_like(labels, np.uint8)
    for name, value in values.items():
        side = name.removeprefix("lung_")
        for part in _LOBES.format(side).split() if side in ("left", "right") else [name]:
            new[labels == known.get(part, -1)] = value
    return new


def sizes(**expected_ml: float) -> Callable[[Path, dict], None]:
    """Return a check of volumes within 2 %; no other organ is there but by the rules."""

    def check(folder: Path, result: dict) -> None:
        found = result["structures"]
        for name, volume_ml in expected_ml.items():
            assert abs(found[name]["volume_ml"] / volume_ml - 1) < 0.02, (name, found[name])
        others = {"liver", "spleen", "kidney_left", "kidney_right", "pancreas"} - set(expected_ml)
        assert not others & set(found)

    check.__doc__ = "Volumes: " + ", ".join(f"{n} {v:g} ml" for n, v in expected_ml.items()) + "."
    return check


def with_map(write_map: Callable[[Base, Path], Path], *options: object) -> Make:
    """Return a maker of the phantom's images with a label map."""

    def make(base: Base, folder: Path):
        series = write(base.slices(), folder / "ct")
        return [series, "--segmentation", write_map(base, folder), *options]

    return make


def _nifti(labels: np.ndarray, path: Path) -> Path:
    import nibabel

    nibabel.Nifti1Image(labels.T, AFFINE).to_filename(path)
    return path


def _plain(**values: int) -> Callable[[Base, Path], Path]:
    return lambda base, folder: _nifti(only(base, **values), folder / "labels.nii.gz")


# Values without a name.

_LUNGS = {"lung_right": 1, "lung_left": 2}
_NAMELESS = ("unnamed_labels", "covered_by_unnamed")
entry(
    PRESUMED_NAMES,
    "lungmask_without_names",
    "a label map of lungmask, which has no names",
    with_map(_plain(**_LUNGS)),
    flags=_NAMELESS,
    check=sizes(label_1=LUNG_RIGHT_ML, label_2=LUNG_LEFT_ML),
)
entry(
    PRESUMED_NAMES,
    "lungmask_named_by_the_user",
    "the same with --labels lungmask",
    with_map(_plain(**_LUNGS), "--labels", "lungmask"),
    without=("unnamed_labels", "not_this_organ"),
    check=sizes(lung_right=LUNG_RIGHT_ML, lung_left=LUNG_LEFT_ML),
)
entry(
    PRESUMED_NAMES,
    "one_value_without_a_name",
    "a mask of the liver, 1",
    with_map(_plain(liver=1)),
    flags="unnamed_labels",
    check=sizes(label_1=LIVER_ML),
)


def _version_1(base: Base, folder: Path) -> Path:
    """A label map of TotalSegmentator 1 whose table another program dropped."""
    from CTDoseSegLib.ct.organs import label_table

    labels, known = truth(base)
    new = np.zeros_like(labels, np.uint8)
    for value, name in label_table("totalsegmentator-v1").items():
        if name in known:
            new[labels == known[name]] = value
    return _nifti(new, folder / "labels.nii.gz")


def no_organ_is_named(folder: Path, result: dict) -> None:
    """No value got the name of an organ."""
    assert not {"liver", "spleen", "kidney_left", "esophagus"} & set(result["structures"])
    assert "label_5" in result["structures"]


entry(
    PRESUMED_NAMES,
    "totalsegmentator_1_without_names",
    "a label map of TotalSegmentator 1 without its table",
    with_map(_version_1),
    flags=_NAMELESS,
    check=no_organ_is_named,
)


def liver_and_kidneys(folder: Path, result: dict) -> None:
    """Liver, spleen and kidneys have the phantom's volumes."""
    found = {name: entry["volume_ml"] for name, entry in result["structures"].items()}
    for name, volume_ml in (
        *(("liver", LIVER_ML), ("spleen", SPLEEN_ML)),
        *(("kidney_left", KIDNEY_LEFT_ML), ("kidney_right", KIDNEY_RIGHT_ML)),
    ):
        assert abs(found[name] / volume_ml - 1) < 0.02, (name, found[name])


entry(
    PRESUMED_NAMES,
    "totalsegmentator_1_named_by_the_user",
    "the same with --labels totalsegmentator-v1",
    with_map(_version_1, "--labels", "totalsegmentator-v1"),
    without=("unnamed_labels", "not_this_organ"),
    check=liver_and_kidneys,
    doses=True,
)
entry(
    PRESUMED_NAMES,
    "totalsegmentator_1_named_as_2",
    "the same with --labels totalsegmentator-v2, which is wrong",
    with_map(_version_1, "--labels", "totalsegmentator-v2"),
    flags="not_this_organ",
)


# Names in the file, or beside it.


def _slicer(base: Base, folder: Path, *segments: dict, layers: np.ndarray | None = None) -> Path:
    from label_files import write_slicer_segmentation

    array = only(base, liver=1, spleen=2) if layers is None else layers
    return write_slicer_segmentation(folder / "Segmentation.seg.nrrd", array, AFFINE, segments)


def _segment(name: str, value: int, layer: int = 0) -> dict:
    return {"Name": name, "LabelValue": value, "Layer": layer}


def _slicer_layers(base: Base, folder: Path) -> Path:
    liver = only(base, liver=1)
    lesion = np.zeros_like(liver)
    lesion[tuple(np.argwhere(liver)[1000:1010].T)] = 1
    layers = np.stack([liver, lesion], axis=-1)
    return _slicer(base, folder, _segment("Liver", 1), _segment("lesion", 1, 1), layers=layers)


entry(
    PRESUMED_NAMES,
    "slicer_names",
    "a segmentation of Slicer whose header names 1 Liver and 2 Spleen",
    with_map(lambda b, f: _slicer(b, f, _segment("Liver", 1), _segment("Spleen", 2))),
    without=("unnamed_labels", "not_this_organ"),
    check=sizes(liver=LIVER_ML, spleen=SPLEEN_ML),
    doses=True,
)
entry(
    PRESUMED_NAMES,
    "slicer_layers",
    "a segmentation of Slicer with a lesion in a layer of its own, in the liver",
    with_map(_slicer_layers),
    flags="segments_overlap",
    check=sizes(liver=LIVER_ML - 4.05, lesion=4.05),
)
entry(
    PRESUMED_NAMES,
    "slicer_names_exchanged",
    "a segmentation of Slicer whose Liver is the spleen and whose Spleen is the liver",
    with_map(lambda b, f: _slicer(b, f, _segment("Spleen", 1), _segment("Liver", 2))),
    flags="not_this_organ",
)
entry(
    PRESUMED_NAMES,
    "slicer_names_that_say_nothing",
    "a segmentation of Slicer with the names that it gives by itself",
    with_map(lambda b, f: _slicer(b, f, _segment("Segment_1", 1), _segment("Segment_2", 2))),
    flags="unknown_labels|unnamed_labels",
    check=sizes(Segment_1=LIVER_ML, Segment_2=SPLEEN_ML),
)


def _nnunet(labels: dict) -> Callable[[Base, Path], Path]:
    """A liver with a tumour of 16 voxels, and nnU-Net's table beside it."""

    def write_map(base: Base, folder: Path) -> Path:
        liver = only(base, liver=1)
        liver[tuple(np.argwhere(liver)[1000:1020].T)] = 2
        (folder / "dataset.json").write_text(json.dumps({"labels": labels}), encoding="utf-8")
        return _nifti(liver, folder / "liver_0.nii.gz")

    return write_map


for _name, _labels in {
    "2": {"background": 0, "liver": 1, "tumor": 2},
    "1": {"0": "background", "1": "liver", "2": "tumor"},
}.items():
    entry(
        PRESUMED_NAMES,
        f"dataset_json_of_nnunet_{_name}",
        f"liver and tumour with the dataset.json of nnU-Net {_name} beside the file",
        with_map(_nnunet(_labels)),
        without=("unnamed_labels", "not_this_organ"),
        check=sizes(liver=LIVER_ML - 8.1, tumor=8.1),
        doses=True,
    )


def _kidneys(base: Base, folder: Path) -> Path:
    (folder / "labels.csv").write_text("value,name\n1,kidney_left\n2,kidney_right\n")
    return _nifti(only(base, kidney_right=1, kidney_left=2), folder / "kidneys.nii.gz")


entry(
    PRESUMED_NAMES,
    "kidneys_exchanged",
    "a labels.csv that exchanges the kidneys",
    with_map(_kidneys),
    flags="not_this_organ",
)
