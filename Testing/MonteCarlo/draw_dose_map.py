"""Draws the dose map of an analysis: CT, dose and its standard deviation, in three planes.

    ctdoseseg phantom demo
    ctdoseseg analyze demo/dicom --output analysis --segmentation demo/truth/segmentation.nii.gz \\
        --dose-engine montecarlo
    python Testing/MonteCarlo/draw_dose_map.py demo/dicom analysis [--out FILE] [--mm X Y Z]

`Resources/Figures/monte_carlo_map.png` is made so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib import read_ct  # noqa: E402
from CTDoseSegLib.reporting.figure import STYLE, new_figure  # noqa: E402

OUT = ROOT / "Resources" / "Figures" / "monte_carlo_map.png"
PLACES_MM = (-40.0, 0.0, 20.0)  # x and y of the sagittal and coronal, z of the axial plane, RAS
WINDOW_HU = (-200.0, 300.0)
HIGHEST_SD = 10.0  # %
STRETCHED = 98.5  # percentile of dose at the end of the colours: bone lies above it
PLANES = ("coronal", "sagittal", "axial")


def main() -> None:
    import matplotlib
    import nibabel

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("analysis", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--mm", type=float, nargs=3, default=PLACES_MM, metavar=("X", "Y", "Z"))
    args = parser.parse_args()
    image = nibabel.load(args.analysis / "dose_map.nii.gz")
    dose = np.asarray(image.dataobj, np.float32)
    sd = np.asarray(nibabel.load(args.analysis / "dose_map_sd.nii.gz").dataobj, np.float32)
    hu = on_grid(read_ct(args.ct), image.affine, dose.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = 100 * sd / dose
    body = dose > 0
    shown = (
        ("HU", hu, "gray", WINDOW_HU),
        ("mGy", np.where(body, dose, np.nan), "inferno", (0, np.percentile(dose[body], STRETCHED))),
        ("SD, %", np.where(body, noise, np.nan), "viridis", (0, HIGHEST_SD)),
    )
    size_mm = np.linalg.norm(image.affine[:3, :3], axis=0)
    index = np.linalg.solve(image.affine, [*args.mm, 1.0])[:3]
    i, j, k = np.clip(np.rint(index).astype(int), 0, np.array(dose.shape) - 1)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(11, 11)
        axes = figure.subplots(3, 3)
        for row, (what, values, colours, (low, high)) in zip(axes, shown, strict=True):
            cuts = (values[:, j, :].T, values[i, :, :].T, values[:, :, k].T)
            for ax, cut, name in zip(row, cuts, PLANES, strict=True):
                # The first axis of the map goes to the left, the second to the back.
                across, down = {"coronal": (0, 2), "sagittal": (1, 2), "axial": (0, 1)}[name]
                picture = ax.imshow(
                    cut,
                    cmap=colours,
                    vmin=low,
                    vmax=high,
                    origin="upper" if name == "axial" else "lower",
                    aspect=size_mm[down] / size_mm[across],
                    interpolation="nearest",
                )
                ax.set_facecolor("black" if what == "HU" else "white")
                ax.set(xticks=[], yticks=[], title=name if what == "HU" else "")
            figure.colorbar(picture, ax=list(row), label=what, shrink=0.8, extend="max")
        args.out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(args.out, dpi=80)
    print(f"{args.out}: x {args.mm[0]:g}, y {args.mm[1]:g}, z {args.mm[2]:g} mm")


def on_grid(series: object, affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the HU at the middles of the map's voxels, [i, j, k]."""
    places = np.indices(shape).reshape(3, -1)
    to_ct = np.linalg.inv(series.affine) @ affine
    i, j, k = np.rint(to_ct[:3, :3] @ places + to_ct[:3, 3:]).astype(int)
    k, j, i = (np.clip(n, 0, size - 1) for n, size in zip((k, j, i), series.hu.shape, strict=True))
    return series.hu[k, j, i].reshape(shape).astype(float)


if __name__ == "__main__":
    main()
