"""Files: damaged, foreign, hidden, cut off, or with names that lead elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from .base import Base, Table, alter, copied, pixels, shipped, write

FILES = Table("files")
case = FILES.case


def _plain(data: Dataset) -> Dataset:
    """The elements alone, without the encoding that they were read in."""
    plain = Dataset()
    for element in data:
        plain.add(element)
    return plain


def all_slices(folder: Path, result: dict) -> None:
    """Nothing of the series was lost."""
    assert result["geometry"]["shape_kji"][0] == 16


@case("an empty folder", says="empty")
def empty_folder(base: Base, folder: Path):
    return [folder]


@case("a path where nothing is", says=("nothing_here", "does not exist"))
def missing_path(base: Base, folder: Path):
    return [folder / "nothing_here"]


@case("an impossible path (a null character is cut by no shell but by programs)", says="path")
def impossible_path(base: Base, folder: Path):
    return [folder / ("x" * 5000)]


@case("a folder of text files", says=("None of the 2 files", "DICOM"))
def folder_of_text(base: Base, folder: Path):
    for name in ("notes.txt", "readme.md"):
        (folder / name).write_text("no images here\n" * 40)
    return [folder]


@case("a text file", says=("notes.txt", "neither DICOM"))
def text_file(base: Base, folder: Path):
    (folder / "notes.txt").write_text("no images here\n" * 40)
    return [folder / "notes.txt"]


@case("a zip of the series, with a path that climbs out", says=("series.zip", "neither DICOM"))
def zip_slip(base: Base, folder: Path):
    import zipfile

    with zipfile.ZipFile(folder / "series.zip", "w") as packed:
        packed.writestr("../../escaped.dcm", b"\0" * 200)
    return [folder / "series.zip"]


@case("a folder with a NIfTI file only", says=("ct.nii.gz", "give that file"))
def volume_in_folder(base: Base, folder: Path):
    copied(base.truth(), folder, "ct.nii.gz")
    return [folder]


@case("a DICOMDIR alone", says="DICOM")
def dicomdir_alone(base: Base, folder: Path):
    copied(shipped("dicomdirtests/DICOMDIR"), folder)
    return [folder]


@case("the DICOMDIR itself as input", says="DICOMDIR")
def dicomdir_as_input(base: Base, folder: Path):
    return [copied(shipped("dicomdirtests/DICOMDIR"), folder)]


@case(
    "text, hidden files and a DICOMDIR beside the series",
    check=all_slices,
    doses=True,
    same_size=True,
)
def foreign_files_beside(base: Base, folder: Path):
    write(base.slices(), folder)
    copied(shipped("dicomdirtests/DICOMDIR"), folder)
    (folder / ".DS_Store").write_bytes(b"\0" * 50)
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" * 50)
    (folder / "report.pdf").write_bytes(b"%PDF-1.4" * 50)
    return [folder]


@case("a file of zero bytes", says=("slice.dcm", "0 bytes"))
def zero_bytes(base: Base, folder: Path):
    (folder / "slice.dcm").touch()
    return [folder / "slice.dcm"]


@case("the last slice is a file of zero bytes", flags="files_unreadable")
def zero_bytes_among_slices(base: Base, folder: Path):
    write(base.slices(), folder)
    (folder / "slice_15.dcm").write_bytes(b"")
    return [folder]


@case("no preamble and no meta group", check=all_slices, doses=True, same_size=True)
def no_preamble(base: Base, folder: Path):
    for n, data in enumerate(base.slices()):
        bare = _plain(data)
        bare.save_as(folder / f"{n:02d}.dcm", implicit_vr=True, little_endian=True)
    return [folder]


@case("big endian", check=all_slices, doses=True, same_size=True)
def big_endian(base: Base, folder: Path):
    for n, data in enumerate(base.slices()):
        swapped = _plain(data)
        swapped.PixelData = pixels(data).byteswap().tobytes()
        swapped.file_meta = data.file_meta
        swapped.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        swapped.save_as(folder / f"{n:02d}.dcm", enforce_file_format=True)
    return [folder]


@case("implicit VR", check=all_slices, doses=True, same_size=True)
def implicit_vr(base: Base, folder: Path):
    for n, data in enumerate(base.slices()):
        bare = _plain(data)
        bare.file_meta = data.file_meta
        bare.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        bare.save_as(folder / f"{n:02d}.dcm", enforce_file_format=True)
    return [folder]


@case("pixels of one slice are cut off", says=("slice_07.dcm", "cut off"))
def truncated_pixels(base: Base, folder: Path):
    write(base.slices(), folder)
    _cut(folder / "slice_07.dcm", -1000)
    return [folder]


@case("the last slice ends within its header", flags="files_unreadable")
def truncated_header(base: Base, folder: Path):
    write(base.slices(), folder)
    _cut(folder / "slice_15.dcm", 900)
    return [folder]


@case("one slice alone ends within its header", says=("slice_00.dcm",))
def truncated_header_alone(base: Base, folder: Path):
    write(base.slices()[:1], folder)
    _cut(folder / "slice_00.dcm", 900)
    return [folder / "slice_00.dcm"]


@case("one slice alone ends in its meta group", says=("slice_00.dcm",))
def truncated_meta(base: Base, folder: Path):
    write(base.slices()[:1], folder)
    _cut(folder / "slice_00.dcm", 200)
    return [folder / "slice_00.dcm"]


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


@case("a slice without pixels", says=("slice_03.dcm", "no pixels|cut off|7FE0"))
def no_pixels(base: Base, folder: Path):
    slices = base.slices()
    del slices[3].PixelData
    return [write(slices, folder)]


@case("sequences nested 2,000 deep", says=("nested.dcm", "nested"))
def nested_sequences(base: Base, folder: Path):
    data = base.slices()[0]
    data.save_as(folder / "nested.dcm", enforce_file_format=True)
    raw = (folder / "nested.dcm").read_bytes()
    # ContrastBolusAgentSequence (0018,0012) of undefined length, each item with the next one.
    start = b"\x18\x00\x12\x00SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    where = raw.index(b"\x18\x00\x60\x00DS")  # in the place of KVP and all that follows
    (folder / "nested.dcm").write_bytes(raw[:where] + start * 2000)
    return [folder / "nested.dcm"]


@case("private sequences nested as pydicom's test file has them", says="nested_priv_SQ.dcm|CT")
def nested_private_sequences(base: Base, folder: Path):
    return [copied(shipped("nested_priv_SQ.dcm"), folder)]


@case("tube current with a word in it", flags=("tags_unreadable", "tube_current_missing"))
def word_for_a_number(base: Base, folder: Path):
    write(base.slices(), folder)
    for file in folder.iterdir():
        raw = file.read_bytes()
        where = raw.index(b"\x18\x00\x51\x11IS") + 8
        size = int.from_bytes(raw[where - 2 : where], "little")
        file.write_bytes(raw[:where] + b"many"[:size].ljust(size) + raw[where + size :])
    return [folder]


@case("CTDIvol written with another VR (DS instead of FD)", doses=True)
def wrong_vr(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        value = f"{data.CTDIvol:.3f}"
        del data["CTDIvol"]
        data.add_new(0x00189345, "DS", value)
    return [write(slices, folder)]


@case("rows of a wrong VR in pydicom's test file", says=("badVR.dcm|CT",))
def shipped_bad_vr(base: Base, folder: Path):
    return [copied(shipped("badVR.dcm"), folder)]


@case("a character set that does not exist", check=all_slices, doses=True, same_size=True)
def bad_character_set(base: Base, folder: Path):
    write(base.slices(), folder)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 999"))
    return [folder]


@case("a compression that no decoder reads", says=("slice_00.dcm", "compress|transfer syntax"))
def missing_codec(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        data.PixelData = pydicom.encaps.encapsulate([b"\0" * 64])
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG-2
    return [write(slices, folder)]


@case("compressed pixels that are noise", says=("slice_00.dcm", "damaged|cut off"))
def damaged_compression(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        data.PixelData = pydicom.encaps.encapsulate([bytes(range(256)) * 2])
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"  # JPEG 2000
    return [write(slices, folder)]


@case("a header that claims 65,535 x 65,535 pixels", says=(r"slice_0\d.dcm", "Rows x Columns"))
def huge_size(base: Base, folder: Path):
    return [write(alter(base.slices(), Rows=65535, Columns=65535), folder)]


@case("a colour picture as CT", says=("slice_00.dcm", "colour"))
def colour(base: Base, folder: Path):
    slices = alter(base.slices(), SamplesPerPixel=3, PhotometricInterpretation="RGB")
    for data in slices:
        data.PlanarConfiguration = 0
        data.PixelData = data.PixelData * 3
    return [write(slices, folder)]


@case("a loop of symbolic links in the folder", check=all_slices, doses=True, same_size=True)
def symlink_loop(base: Base, folder: Path):
    write(base.slices(), folder / "a" / "b")
    (folder / "a" / "b" / "back").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    return [folder]


@case("a pipe in the folder", check=all_slices, doses=True, same_size=True)
def named_pipe(base: Base, folder: Path):
    write(base.slices(), folder)
    os.mkfifo(folder / "pipe")
    return [folder]


@case("names in several scripts, and with spaces", check=all_slices, doses=True, same_size=True)
def non_ascii_path(base: Base, folder: Path):
    return [write(base.slices(), folder / "Größe 尺寸 حجم", "Schicht é")]


@case("a file name that is no valid UTF-8", says="cut off")
def undecodable_name(base: Base, folder: Path):
    write(base.slices(), folder)
    raw = (folder / "slice_03.dcm").read_bytes()[:-1000]
    (folder / "slice_03.dcm").unlink()
    (folder / os.fsdecode(b"bad\xff\xfe.dcm")).write_bytes(raw)
    return [folder]


@case(
    "paths that climb out, in UIDs and in the description",
    check=all_slices,
    doses=True,
    same_size=True,
)
def climbing_uids(base: Base, folder: Path):
    tags = {"SeriesInstanceUID": "../../escaped", "SeriesDescription": "../../escaped"}
    raw = alter(base.slices(), **tags)
    return [write(raw, folder)]


@case("label names that climb out and start a formula", check=None)
def climbing_labels(base: Base, folder: Path):
    write(base.slices(), folder / "ct")
    labels = copied(base.truth(), folder / "labels", "labels.nii.gz")
    names = ["=cmd|'/c calc'!A0", "../../escaped", "+1+1", "@SUM(A1)", "-2"]
    rows = [f'{v},"{names[v - 1] if v <= 5 else f"part_{v}"}"' for v in range(1, 80)]
    (labels.parent / "labels.csv").write_text("value,name\n" + "\n".join(rows) + "\n")
    return [folder / "ct", "--segmentation", labels]


@case("a formula and a script as series description", doses=True)
def formula_in_description(base: Base, folder: Path):
    said = "=cmd|'/c calc'!A0 <script>alert(1)</script>"
    return [write(alter(base.slices(), SeriesDescription=said), folder)]


@case("a .json that is no JSON as typed acquisition", says=("typed.json", "JSON"))
def typed_not_json(base: Base, folder: Path):
    (folder / "typed.json").write_text("{kVp: 120")
    return [write(base.slices(), folder / "ct"), "--acquisition", folder / "typed.json"]


@case("a typed acquisition that is not there", says=("typed.json", "cannot be read"))
def typed_missing(base: Base, folder: Path):
    return [write(base.slices(), folder / "ct"), "--acquisition", folder / "typed.json"]


@case("a folder as typed acquisition", says=("typed.json", "cannot be read"))
def typed_is_a_folder(base: Base, folder: Path):
    (folder / "typed.json").mkdir()
    return [write(base.slices(), folder / "ct"), "--acquisition", folder / "typed.json"]


def _typed(base: Base, folder: Path, **values: object) -> list[object]:
    (folder / "typed.json").write_text(json.dumps(values))
    return [write(base.slices(), folder / "ct"), "--acquisition", folder / "typed.json"]


@case("an unknown name in the typed acquisition", says=("kVp", "kvp_kV"))
def typed_unknown_name(base: Base, folder: Path):
    return _typed(base, folder, kVp=120)


@case("an impossible typed value", says=("ctdivol_mGy", "-3"))
def typed_impossible(base: Base, folder: Path):
    return _typed(base, folder, ctdivol_mGy=-3)


@case("typed values for another number of slices", says=("tube_current_mA", "2 values", "16"))
def typed_wrong_length(base: Base, folder: Path):
    return _typed(base, folder, tube_current_mA=[100, 120])


@case("a dose model folder that is not there", says=("no_models",))
def missing_dose_model(base: Base, folder: Path):
    return [write(base.slices(), folder / "ct"), "--dose-model", folder / "no_models"]


@case("random bytes after a DICOM preamble", says="noise.dcm")
def noise(base: Base, folder: Path):
    random = np.random.default_rng(5).bytes(20000)
    (folder / "noise.dcm").write_bytes(b"\0" * 128 + b"DICM" + random)
    return [folder / "noise.dcm"]
