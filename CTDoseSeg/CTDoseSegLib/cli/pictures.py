"""The command `pictures`: the voxels of a CT as histogram and montage, and lungs by k-means."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DependencyError, InputError
from ..tasks.progress import Progress, Stage
from .arguments import Command, output_folder, whole_number

if TYPE_CHECKING:
    import numpy as np

    from ..ct.series import CTSeries
    from ..reporting.slice_montage import Montage


# What `--lung-slice` writes beside its volumes.
_LUNG_FILES = ("lung_steps.png", "lung_montage.png", "hu_lungs.npy", "hu_lungs.json")


def pictures_command(args: argparse.Namespace, progress: Progress) -> None:
    """Draw the voxels of a CT: histogram, montage, lungs by k-means."""
    from ..ct.volume_files import ENDINGS
    from ..files.staging import staged_folder
    from ..outputs.irregular import one_affine_holds, reading_doubts
    from ..outputs.tables import write_histogram
    from ..reading.reader import read_series
    from ..reporting.figure import STYLE, new_figure, save
    from ..reporting.slice_montage import WINDOW_HU, Montage, draw_montage
    from ..reporting.voxel_histogram import draw_voxel_histogram, voxel_histogram

    new_figure(1, 1)  # states what to install where matplotlib is missing
    from matplotlib import rc_context

    series = read_series(args.input, series_uid=args.series, progress=Stage(progress, 0.0, 0.3))
    window = tuple(args.window or WINDOW_HU)
    montage = Montage(args.rows, args.columns, args.start, args.step, window)
    montage.slices(len(series.hu))
    _check_lung_slice(args.lung_slice, series)
    uneven = "" if series.regular else "The slices are uneven or sheared; they are shown in order."
    volumes = (f"{name}{end}" for name in ("lung_mask", "hu_lungs") for end in ENDINGS)
    # Where the CT lies there itself, it may be one of them.
    own = any(Path(file).resolve().parent == args.output.resolve() for file in series.files)
    replaces = () if own else (*_LUNG_FILES, *volumes)
    with staged_folder(args.output, replaces=replaces) as folder, rc_context(STYLE):
        progress.update(0.3, "counting voxels")
        histogram = voxel_histogram(series, args.bins)
        written = [
            write_histogram(folder / "histogram.csv", histogram.edges_hu, histogram.voxels),
            save(draw_voxel_histogram(histogram), folder / "histogram.png"),
        ]
        progress.update(0.4, "drawing slices")
        drawn = draw_montage(
            *(series.hu, montage, series.spacing_mm, "Slices", uneven), in_hu=not series.not_hu
        )
        written.append(save(drawn, folder / "montage.png"))
        sentences = [*histogram.sentences, *reading_doubts(series)]
        about: dict[str, Any] = {}
        if args.lung_slice is not None:
            stage = Stage(progress, 0.5, 1.0)
            files, about = _write_lungs(series, args.lung_slice, montage, folder, stage)
            written += files
            sentences.append(_empty_sentence(about["slices_without_lung"], len(series.hu)))
            if not one_affine_holds(series):
                sentences.append(
                    "The lungs were written as npy alone: NIfTI has one distance for all slices, "
                    "and these have none."
                )
        progress.check_cancelled()
    names = [path.name for path in written]
    progress.result(folder=str(args.output), files=names, sentences=sentences, **about)
    if args.events == "rich":
        for sentence in sentences:
            print(sentence)


def _check_lung_slice(k: int | None, series: CTSeries) -> None:
    if k is None:
        return
    if not 0 <= k < len(series.hu):
        raise InputError(
            f"Slice {k} is not in this stack, which has slices 0 to {len(series.hu) - 1}; give "
            "--lung-slice one of them."
        )
    if series.not_hu:
        raise InputError("The values are no Hounsfield units; leave out --lung-slice.")
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "Lungs by k-means need the package scikit-learn; install it with: pip install "
            "scikit-learn"
        ) from error


def _write_lungs(
    series: CTSeries, k: int, montage: Montage, folder: Path, progress: Progress
) -> tuple[list[Path], dict[str, Any]]:
    """Write the picture of one slice's steps, and mask and masked HU of all slices."""
    import numpy as np

    from ..ct.volume_files import write_volume
    from ..outputs.export import MASKED_HU, write_npy
    from ..outputs.irregular import one_affine_holds
    from ..reporting.figure import save
    from ..reporting.lung_steps import draw_lung_steps
    from ..reporting.slice_montage import draw_montage
    from ..segmentation.kmeans_lungs import lung_mask, lung_steps

    steps = draw_lung_steps(lung_steps(series.hu[k]), series.hu[k], series.spacing_mm, k)
    written = [save(steps, folder / "lung_steps.png")]
    mask = np.zeros(series.hu.shape, np.uint8)
    for n, hu in enumerate(series.hu):
        progress.update(0.1 + 0.7 * n / len(mask), f"lungs of slice {n}")
        mask[n] = lung_mask(hu)
    masked = np.where(mask, series.hu, series.hu.dtype.type(MASKED_HU))
    progress.update(0.8, "writing the lungs")
    drawn = draw_montage(masked, montage, series.spacing_mm, "Slices, lung mask applied")
    written.append(save(drawn, folder / "lung_montage.png"))
    if one_affine_holds(series):
        written.append(write_volume(folder, "lung_mask", mask, series.affine))
        written.append(write_volume(folder, "hu_lungs", masked, series.affine))
    written += write_npy(series, folder, "hu_lungs", masked)
    empty = np.flatnonzero(~mask.any(axis=(1, 2))).tolist()
    return written, {"slices_without_lung": empty, "lung_volume_ml": _volume_ml(series, mask)}


def _volume_ml(series: CTSeries, mask: np.ndarray) -> float | None:
    """Return the mask's volume; None where slices are uneven, so that there is none."""
    import numpy as np

    if not series.regular:
        return None
    return float(mask.sum() * abs(np.linalg.det(series.affine[:3, :3])) / 1000)


def _empty_sentence(empty: list[int], count: int) -> str:
    if not empty:
        return f"Lungs by k-means: a region in each of {count} slices."
    runs: list[list[int]] = []
    for k in empty:
        if runs and runs[-1][1] == k - 1:
            runs[-1][1] = k
        else:
            runs.append([k, k])
    listed = ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in runs)
    return (
        f"Lungs by k-means: no region that can be a lung in {len(empty)} of {count} slices "
        f"({listed}); their mask is empty."
    )


def add(command: Command) -> None:
    """Add the command to the parser."""
    sub = command(
        "pictures",
        pictures_command,
        "draw a CT's voxels: histogram, montage, lungs by k-means",
    )
    sub.add_argument(
        "input", type=Path, metavar="INPUT", help="DICOM folder or file, NIfTI, NRRD, npy"
    )
    sub.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder for the pictures"
    )
    sub.add_argument("--series", metavar="UID", help="series to take, by its instance UID")
    sub.add_argument(
        "--bins", type=whole_number, default=50, metavar="N", help="of the histogram of all voxels"
    )
    sub.add_argument(
        "--rows", type=whole_number, default=6, metavar="N", help="of the montage of slices"
    )
    sub.add_argument(
        "--columns", type=whole_number, default=6, metavar="N", help="of the montage of slices"
    )
    sub.add_argument(
        "--start", type=int, default=0, metavar="K", help="first slice of the montage, from 0"
    )
    sub.add_argument(
        "--step",
        type=whole_number,
        metavar="N",
        help="slices from one picture of the montage to the next (default: to the stack's end)",
    )
    sub.add_argument(
        "--window",
        type=float,
        nargs=2,
        metavar="HU",
        help="two values, shown black and white in the montage (default -1000 400)",
    )
    sub.add_argument(
        "--lung-slice",
        type=int,
        metavar="K",
        help="also the lungs by k-means: each step for this slice as one picture, and the mask of "
        "all slices as montage, NIfTI and npy",
    )
