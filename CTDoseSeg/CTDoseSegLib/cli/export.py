"""The command `export`: volumes and surfaces of one CT as files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..flags.places import organ_of, organ_place
from ..flags.summary import summarize
from ..tasks.progress import Progress, Stage
from .arguments import Command, check_extras
from .scan import labelmap_of, reads_ct

if TYPE_CHECKING:
    from ..ct.series import CTSeries
    from ..outputs.couch_mask import MadeAir
    from ..segmentation.labelmap import Labelmap

# What the boundary between body and couch depends on, beside the flags of these organs.
_OF_THE_BODY = (
    *("several_bodies", "no_person", "tissue_left_out", "labels_in_air", "labels_scaled"),
    *("slices_not_regular", "segments_overlap"),
)
_ORGANS = ("couch", "headrest", "blanket", "body", "skin")


def export_command(args: argparse.Namespace, progress: Progress) -> None:
    """Export a CT: write HU volume, organ volume and surfaces."""
    from ..outputs.export import export
    from ..reading.reader import read_series

    check_extras(args)
    series = read_series(args.input, series_uid=args.series, progress=Stage(progress, 0.0, 0.4))
    labelmap = None
    chosen = args.engine != "auto" and args.threshold is not None
    if args.organ or args.segmentation or args.without or chosen:
        labelmap = labelmap_of(args, series, Stage(progress, 0.4, 0.7))
    made_air: list[MadeAir] = []
    written = export(
        series,
        labelmap,
        args.output,
        spacing_mm=args.spacing,
        organ=args.organ,
        mesh=args.mesh,
        npy=args.npy,
        threshold_hu=args.threshold,
        without=args.without,
        made_air=made_air,
        progress=Stage(progress, 0.7, 1.0),
    )
    about = _about(args, series, labelmap)
    if made_air:
        folders = [path.name for path in written if path.suffix == ""]
        about["made_air"] = {
            "label": args.without,
            "ml": round(made_air[0].ml, 3),
            "n_slices": made_air[0].slices,
            "dicom_folder": folders[0] if folders else None,
        }
    progress.result(folder=str(args.output), files=[path.name for path in written], **about)
    if args.events == "rich":
        for line in _lines(about):
            print(line)


def _about(args: argparse.Namespace, series: CTSeries, labelmap: Labelmap | None) -> dict[str, Any]:
    """Return grids as (slices, rows, columns), and what the threshold's surface holds."""
    from ..outputs.export import outside_body
    from ..outputs.irregular import one_affine_holds, reading_doubts
    from ..outputs.resampling import isotropic_shape

    about: dict[str, Any] = {
        "shape": list(series.hu.shape),
        "spacing_mm": [round(size, 6) for size in series.spacing_mm[::-1]],
    }
    if doubts := reading_doubts(series):
        about["doubts"] = doubts
    about["volume_file"] = one_affine_holds(series)
    if args.spacing:
        about["shape_iso"] = list(isotropic_shape(series, args.spacing))
        about["spacing_iso_mm"] = [args.spacing] * 3
    if args.threshold is not None:
        about["couch_in_surface"] = not outside_body(labelmap)
    if args.without and labelmap is not None:
        # Images that follow from a label map carry no flags.
        about["doubts"] = [*about.get("doubts", ()), *_doubts(labelmap)]
    return about


def _doubts(labelmap: Labelmap) -> list[str]:
    """Return what is doubtful about the couch and the body beside it; of doses nothing."""
    places = {organ_place(name) for name in _ORGANS}
    flags = (
        one
        for one in labelmap.flags
        if one.place in places or (organ_of(one.place) is None and one.code in _OF_THE_BODY)
    )
    return [
        f"{one.severity}: {' '.join(one.findings)} Look at the images."
        for one in summarize(flags)
        if one.severity != "info"
    ]


def _lines(about: dict[str, Any]) -> list[str]:
    lines = [f"Volume: {_grid(about['shape'], about['spacing_mm'])}"]
    if "shape_iso" in about:
        lines.append(f"Resampled: {_grid(about['shape_iso'], about['spacing_iso_mm'])}")
    if about.get("couch_in_surface"):
        lines.append(
            "The surface holds all that reaches the threshold, also of couch and headrest; "
            "--segmentation FILE or --engine NAME leaves out what it labels as these."
        )
    if air := about.get("made_air"):
        folder = air["dicom_folder"]
        lines.append(
            f"Made air in place of the {air['label']}: {air['ml']:.1f} ml in {air['n_slices']} "
            "slices" + (f"; as DICOM in {folder}." if folder else ".")
        )
    if not about["volume_file"]:
        lines.append(
            "No hu.nii.gz was written: NIfTI has one distance for all slices, and these have none. "
            "hu.npy with hu.json keeps each slice's place."
        )
    return [*lines, *about.get("doubts", ())]


def _grid(shape: list[int], spacing_mm: list[float]) -> str:
    voxels = " x ".join(str(n) for n in shape)
    sizes = " x ".join(f"{size:.4g}" for size in spacing_mm)
    return f"{voxels} voxels (slices, rows, columns) of {sizes} mm"


def add(command: Command) -> None:
    """Add the command to the parser."""
    sub = command("export", export_command, "write the HU volume, an organ's volume, and surfaces")
    reads_ct(sub)
    sub.add_argument(
        "--npy",
        action="store_true",
        help="also write the HU volumes as npy, with a json beside it that holds geometry and "
        "exposure; every command reads them",
    )
    sub.add_argument(
        "--spacing",
        type=float,
        metavar="MM",
        help="also resample to this isotropic spacing, and print both shapes",
    )
    sub.add_argument("--organ", metavar="NAME", help="also mask the volume to this organ")
    sub.add_argument(
        "--mesh",
        action="store_true",
        help="also the organ's surface: STL, PLY, and a page to turn it in a browser",
    )
    sub.add_argument(
        "--threshold",
        type=float,
        metavar="HU",
        help="also the surface of all that has at least so many HU, 350 for bone: STL, PLY, and a "
        "page to turn it in a browser; on the resampled grid where --spacing is given",
    )
    sub.add_argument(
        "--without",
        choices=("couch", "headrest"),
        help="air in its place in all volumes; a CT read from DICOM is also written as DICOM anew, "
        "with what its files state of the patient",
    )
