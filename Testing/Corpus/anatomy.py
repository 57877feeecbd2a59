"""Anatomy: who lies on the couch, and what of them is in the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .base import Base, Table, alter, copied, pixels, put_pixels, write
from .dose import by_ctdivol

ANATOMY = Table("anatomy")
case = ANATOMY.case


@case("a body cut by the field of view", flags="truncation_not_corrected|body_truncated")
def truncated_body(base: Base, folder: Path):
    return [write(base.slices("cut"), folder)]


def no_couch_in_the_body(folder: Path, result: dict) -> None:
    """The body is a body's size, the couch an atom of its own."""
    names = {atom["name"] for atom in result["segmentation"]["atoms"]}
    assert "couch" in names
    assert "couch" not in result["structures"]["body"]["atoms"]
    assert 180 < np.mean(result["slices"]["wed_mm"]) < 360


@case("couch, blanket, arms beside the trunk", check=no_couch_in_the_body)
def couch_blanket_arms(base: Base, folder: Path):
    return [write(base.slices("clothed"), folder)]


@case("two bodies", flags="several_bodies")
def two_bodies(base: Base, folder: Path):
    slices = base.slices()
    rows, columns = np.ogrid[:96, :96]
    for k, data in enumerate(slices):
        stored = np.full((96, 96), 24, "<i2")
        for centre in (26, 70):
            width = 18 - 0.5 * abs(k - 8)  # a body is no prism, a couch is
            inside = ((rows - 48) / 22) ** 2 + ((columns - centre) / width) ** 2 < 1
            stored[inside] = 1064
        noise = np.random.default_rng(3).normal(0, 10, stored.shape)
        put_pixels(data, (stored + noise).astype("<i2"))
    return [write(slices, folder)]


@case("a water cylinder", doses=None)
def cylinder(base: Base, folder: Path):
    slices = base.slices()
    rows, columns = np.ogrid[:96, :96]
    inside = (rows - 47.5) ** 2 + (columns - 47.5) ** 2 < 33**2
    for data in slices:
        put_pixels(data, np.where(inside, 1024, 24).astype("<i2"))
    return [write(alter(slices, BodyPartExamined=None), folder)]


@case("a child", check=by_ctdivol, doses=True)
def child(base: Base, folder: Path):
    return [write(alter(base.slices(), PatientAge="009Y"), folder)]


_NO_PHANTOM = ("CTDIPhantomTypeCodeSequence", "RevolutionTime", "ExposureTime")


@case(
    "a child by birth date and study date, the CTDI phantom not stated",
    flags=("ctdivol_phantom_of_child", "no_exposure"),
    doses=False,
)
def child_by_birth_date(base: Base, folder: Path):
    slices = alter(base.slices(), PatientAge=None, PatientBirthDate="20150601")
    return [write(alter(slices, **dict.fromkeys(_NO_PHANTOM)), folder)]


@case("no age", flags="age_unknown", doses=True)
def age_unknown(base: Base, folder: Path):
    return [write(alter(base.slices(), PatientAge=None, PatientBirthDate=None), folder)]


@case("pregnancy stated", flags="pregnancy", doses=True)
def pregnancy(base: Base, folder: Path):
    return [write(alter(base.slices(), PregnancyStatus=3), folder)]


@case("contrast agent", flags="contrast_unseen", doses=True)
def contrast(base: Base, folder: Path):
    return [write(alter(base.slices(), ContrastBolusAgent="Iomeprol 400"), folder)]


def brain_by_ctdivol(folder: Path, result: dict) -> None:
    """The brain has a dose, by CTDIvol."""
    by_ctdivol(folder, result)
    assert [o for o in result["organs"] if o["organ"] == "brain" and o["dose_mGy"] is not None]


@case("a head", check=brain_by_ctdivol, doses=True)
def head(base: Base, folder: Path):
    return [write(base.slices("head"), folder)]


@case("a head that is not called one", check=brain_by_ctdivol, doses=True)
def head_without_a_name(base: Base, folder: Path):
    return [write(alter(base.slices("head"), BodyPartExamined=None), folder)]


@case("a head called chest, 32 cm phantom", check=brain_by_ctdivol, doses=True)
def head_called_chest(base: Base, folder: Path):
    slices = alter(base.slices("head"), BodyPartExamined="CHEST")
    for data in slices:
        data.CTDIPhantomTypeCodeSequence[0].CodeValue = "113691"
    return [write(slices, folder)]


@case("a body too small for the models", flags="size_outside_training", doses=False)
def small_body(base: Base, folder: Path):
    return [write(alter(base.slices(), PixelSpacing=[1.0, 1.0]), folder)]


@case("a body too large for the models", flags="size_outside_training", doses=False)
def large_body(base: Base, folder: Path):
    return [write(alter(base.slices(), PixelSpacing=[9.0, 9.0]), folder)]


def _labelled(base: Base, folder: Path, change, slices=None) -> list[object]:
    """The phantom (or `slices` of it) with its label map, altered by `change(labels [k, j, i],
    values by name)`."""
    import SimpleITK as sitk

    image = sitk.ReadImage(str(base.truth()))
    labels = sitk.GetArrayFromImage(image)
    lines = (base.truth().parent / "labels.csv").read_text().splitlines()[1:]
    values = {line.split(",")[1]: int(line.split(",")[0]) for line in lines}
    altered = sitk.GetImageFromArray(change(labels, values))
    altered.CopyInformation(image)
    (folder / "labels").mkdir()
    sitk.WriteImage(altered, str(folder / "labels" / "organs.nii.gz"))
    for name in ("labels.csv", "groups.csv"):
        copied(base.truth().parent / name, folder / "labels")
    ct = write(slices or base.slices(), folder / "ct")
    return [ct, "--segmentation", folder / "labels" / "organs.nii.gz"]


def no_liver(folder: Path, result: dict) -> None:
    assert "liver" not in {organ["organ"] for organ in result["organs"]}


@case("an organ is absent", check=no_liver, doses=True)
def organ_absent(base: Base, folder: Path):
    def change(labels, values):
        labels[labels == values["liver"]] = values["body_rest"]
        return labels

    return _labelled(base, folder, change)


def one_voxel(folder: Path, result: dict) -> None:
    (liver,) = [organ for organ in result["organs"] if organ["organ"] == "liver"]
    assert liver["n_slices"] == 1
    assert abs(liver["volume_ml"] - 4.5 * 4.5 * 20 / 1000) < 1e-6


@case("an organ of one voxel", check=one_voxel)
def organ_of_one_voxel(base: Base, folder: Path):
    def change(labels, values):
        places = np.argwhere(labels == values["liver"])
        labels[labels == values["liver"]] = values["body_rest"]
        labels[tuple(places[len(places) // 2])] = values["liver"]
        return labels

    return _labelled(base, folder, change)


def liver_is_cut(folder: Path, result: dict) -> None:
    (liver,) = [organ for organ in result["organs"] if organ["organ"] == "liver"]
    assert "organ_cut" in {flag["code"] for flag in liver["flags"]}
    assert liver["coverage"] is None


@case("an organ that the last slice cuts", flags="organ_cut", check=liver_is_cut)
def organ_cut(base: Base, folder: Path):
    def change(labels, values):
        labels[0, 40:50, 40:50] = values["liver"]
        return labels

    return _labelled(base, folder, change)


@case("labels in the air", flags="labels_in_air")
def labels_in_air(base: Base, folder: Path):
    def change(labels, values):
        labels[labels == values["body_rest"]] = 0
        labels[:, :12, :] = values["liver"]
        return labels

    return _labelled(base, folder, change)


@case("a body outline without a voxel: no label but the couch", says="[Bb]ody|label", doses=None)
def no_body_label(base: Base, folder: Path):
    def change(labels, values):
        return np.zeros_like(labels)

    return _labelled(base, folder, change)


@case("labels of another grid", says=("organs.nii.gz", "grid"))
def labels_of_another_grid(base: Base, folder: Path):
    arguments = _labelled(base, folder, lambda labels, values: labels)
    ct = write(base.slices()[:12], folder / "shorter")
    return [ct, *arguments[1:]]


@case("a label map that is not there", says=("missing.nii.gz",))
def labels_missing(base: Base, folder: Path):
    return [write(base.slices(), folder), "--segmentation", folder / "missing.nii.gz"]


@case("a label map that is cut off", says=("organs.nii",))
def labels_cut_off(base: Base, folder: Path):
    import SimpleITK as sitk

    arguments = _labelled(base, folder, lambda labels, values: labels)
    plain = folder / "labels" / "organs.nii"
    sitk.WriteImage(sitk.ReadImage(str(arguments[-1])), str(plain))
    plain.write_bytes(plain.read_bytes()[:-60000])
    return [*arguments[:-1], plain]


@case("a packed label map that is cut off", says=("organs.nii.gz",))
def packed_labels_cut_off(base: Base, folder: Path):
    arguments = _labelled(base, folder, lambda labels, values: labels)
    arguments[-1].write_bytes(arguments[-1].read_bytes()[:-800])
    return arguments


@case("probabilities instead of labels", says=("organs.nii.gz", "labels"))
def probabilities(base: Base, folder: Path):
    return _labelled(base, folder, lambda labels, values: labels.astype("f4") / 7)


@case("the CT itself as label map", says=("ct.nii.gz", "labels"))
def ct_as_labels(base: Base, folder: Path):
    from CTDoseSegLib.ct.volume_files import write_nifti
    from CTDoseSegLib.reading.reader import read_series

    series = read_series(write(base.slices(), folder / "ct"))
    write_nifti(folder / "ct.nii.gz", series.hu, series.affine)
    return [folder / "ct", "--segmentation", folder / "ct.nii.gz"]


@case("a table of labels without a column of names", says=("labels.csv", "name"))
def labels_without_names(base: Base, folder: Path):
    arguments = _labelled(base, folder, lambda labels, values: labels)
    (folder / "labels" / "labels.csv").write_text("number,organ\n1,liver\n")
    return arguments


@case("values that the table does not name", flags="unknown_labels")
def unnamed_labels(base: Base, folder: Path):
    def change(labels, values):
        labels[8, 44:50, 44:50] = 250
        return labels

    return _labelled(base, folder, change)


def as_drawn(labels, values):
    return labels


def only_the_seen_part(folder: Path, result: dict) -> None:
    """The dose is that of the seen part; nothing is said of the whole."""
    (kidney,) = [organ for organ in result["organs"] if organ["organ"] == "kidney_right"]
    assert kidney["dose_mGy"] is not None
    assert kidney["whole_organ_dose_mGy"] is None


@case(
    "an organ that is cut, irradiated range not known",
    flags=("organ_cut", "whole_organ_range_unknown"),
    check=only_the_seen_part,
)
def organ_cut_range_unknown(base: Base, folder: Path):
    return _labelled(base, folder, as_drawn, alter(base.slices(), ScanLength=None))


def whole_beside_seen(folder: Path, result: dict) -> None:
    """The whole organ's dose stands beside that of its part, in a wider interval."""
    (kidney,) = [organ for organ in result["organs"] if organ["organ"] == "kidney_right"]
    assert 0 < kidney["whole_organ_dose_mGy"] <= kidney["dose_mGy"]
    seen = kidney["total_high_mGy"] / kidney["total_low_mGy"]
    assert kidney["whole_organ_high_mGy"] / kidney["whole_organ_low_mGy"] >= seen
    (skin,) = [organ for organ in result["organs"] if organ["organ"] == "skin"]
    assert skin["whole_organ_dose_mGy"] is None


@case(
    "an organ that is cut, irradiated range known",
    flags=("organ_cut", "whole_organ_estimated", "whole_organ_undefined"),
    check=whole_beside_seen,
)
def organ_cut_range_known(base: Base, folder: Path):
    return _labelled(base, folder, as_drawn)


def left_out_of_the_dose(folder: Path, result: dict) -> None:
    """A slice without a diameter gives no dose to any organ, and other slices theirs."""
    assert result["slices"]["wed_mm"][4] is None
    for organ in result["organs"]:
        assert organ["slice_dose_mGy"][4] is None
    (liver,) = [organ for organ in result["organs"] if organ["organ"] == "liver"]
    assert liver["slice_dose_mGy"][5] is not None


@case(
    "a feature that is no number: a slice lighter than a vacuum",
    flags=("slice_without_body", "slices_without_features"),
    check=left_out_of_the_dose,
)
def feature_not_a_number(base: Base, folder: Path):
    slices = base.slices()
    put_pixels(slices[4], np.full((96, 96), -600, "<i2"))  # -1624 HU
    return _labelled(base, folder, as_drawn, slices)


def liver_is_refused(folder: Path, result: dict) -> None:
    (liver,) = [organ for organ in result["organs"] if organ["organ"] == "liver"]
    assert liver["dose_mGy"] is None


@case(
    "an organ with features that are no numbers on all of its slices",
    flags="organ_not_measurable",
    check=liver_is_refused,
)
def organ_without_features(base: Base, folder: Path):
    slices = base.slices()
    put_pixels(slices[8], np.full((96, 96), -600, "<i2"))

    def change(labels, values):
        away = labels == values["liver"]
        away[8] = False
        labels[away] = values["body_rest"]
        return labels

    return _labelled(base, folder, change, slices)


@case("enhanced blood, contrast not stated", flags="contrast_by_hu", without=("contrast",))
def contrast_by_hu(base: Base, folder: Path):
    import SimpleITK as sitk

    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(base.truth())))
    lines = (base.truth().parent / "labels.csv").read_text().splitlines()
    (aorta,) = (int(line.split(",")[0]) for line in lines if ",aorta," in line)
    slices = base.slices()
    for k, data in enumerate(slices):
        stored = pixels(data)
        stored[labels[k] == aorta] = 1024 + 180
        put_pixels(data, stored)
    return _labelled(base, folder, as_drawn, slices)


@case("contrast agent: none", without=("contrast",), doses=True)
def contrast_none(base: Base, folder: Path):
    return [write(alter(base.slices(), ContrastBolusAgent="NONE"), folder)]


@case("possibly pregnant", flags="pregnancy", doses=True)
def possibly_pregnant(base: Base, folder: Path):
    return [write(alter(base.slices(), PregnancyStatus=2), folder)]


@case("an infant, its age in months", flags="effective_dose_child", check=by_ctdivol, doses=True)
def infant(base: Base, folder: Path):
    return [write(alter(base.slices(), PatientAge="018M"), folder)]


@case("a knee", flags="limb", doses=False)
def knee(base: Base, folder: Path):
    return [write(alter(base.slices(), BodyPartExamined="KNEE"), folder)]


@case("a neck", without=("limb",), doses=True)
def neck(base: Base, folder: Path):
    return [write(alter(base.slices(), BodyPartExamined="NECK"), folder)]


@case("rods of a calibration phantom beside the body", same_size=True, doses=True)
def phantom_beside(base: Base, folder: Path):
    slices = base.slices()
    rows, columns = np.ogrid[:96, :96]
    for data in slices:
        stored = pixels(data)
        for centre in (8, 88):
            rod = ((rows - 84) ** 2 + (columns - centre) ** 2 < 9) & (stored < 300)
            stored[rod] = 1024 + 120
        put_pixels(data, stored)
    return [write(slices, folder)]


@case("metal in the body and next to it", doses=None)
def implants(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        stored = pixels(data)
        stored[45:48, 30:33] = 9000
        stored[5:8, 5:8] = 9000
        put_pixels(data, stored)
    return [write(slices, folder)]
