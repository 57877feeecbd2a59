"""Train a small network on heads alone, and draw what it does on the chest of a patient.

    python Testing/Training/heads_on_a_chest.py FOLDER PICTURE.png

FOLDER gets the heads, the configuration and the network; what is there is used again. The network
has one class, the headrest, as whoever begins with heads has drawn it. The chest is
`ct/lungdx_A0001_thorax` of the development data (CTDOSESEG_DATA; Lung-PET-CT-Dx, TCIA, CC BY 4.0).
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from development import development_data  # noqa: E402

from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.ct.volume_files import write_volume  # noqa: E402
from CTDoseSegLib.learning.unet.train import train  # noqa: E402
from CTDoseSegLib.phantom.bodies.body import Body  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series  # noqa: E402
from CTDoseSegLib.reading.reader import read_series  # noqa: E402
from CTDoseSegLib.reporting.figure import new_figure, save  # noqa: E402
from CTDoseSegLib.segmentation.unet.engine import predict  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import for_inference, load_unet  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

HEADS, FIRST_SEED = 16, 3000
CHEST = "lungdx_A0001_thorax"
CONFIG = f"""
[network]
classes = ["headrest"]
widths = [8, 16, 32, 64]
context = 0
pixel_mm = 2.0

[[data]]
kind = "volumes"
folder = "heads"
validate = ["head_{FIRST_SEED}", "head_{FIRST_SEED + 1}"]

[training]
epochs = 4
steps = 40
batch = 8
crop_px = 128
learning_rate = 3e-3
"""


def head(seed: int) -> tuple[CTSeries, np.ndarray]:
    """Return a head on its headrest, and where the headrest is, uint8 [k, j, i]."""
    rng = np.random.default_rng([seed, 17])
    body = Body(person=Person.drawn(rng, age_y=float(rng.uniform(16, 80))), seed=seed)
    phantom = Phantom.of_body(body, "head", pixels=160, slice_mm=8.0, seed=seed, arms="down")
    series, truth = phantom_series(phantom)
    return series, (truth.labels == truth.names["headrest"]).astype(np.uint8)


def write_heads(folder: Path) -> None:
    """Write the heads that are not there yet."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for seed in range(FIRST_SEED, FIRST_SEED + HEADS):
        if not (folder / "labels" / f"head_{seed}.nii.gz").exists():
            series, labels = head(seed)
            write_volume(folder / "images", f"head_{seed}", series.hu, series.affine)
            write_volume(folder / "labels", f"head_{seed}", labels, series.affine)


def read_chest(data: Path) -> CTSeries:
    """Return the patient's chest."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(data / "ct" / f"{CHEST}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        return read_series(folder)


def draw(axes, series: CTSeries, drawn: np.ndarray, title: str) -> None:
    """Draw a slice [j, i] at a window of -600 to 400 HU with the headrest in colour."""
    hu, found = drawn[0], drawn[1] > 0
    grey = np.clip((hu.astype(float) + 600) / 1000, 0, 1)[..., None].repeat(3, axis=2)
    grey[found] = 0.25 * grey[found] + 0.75 * np.array([1.0, 0.5, 0.1])
    axes.imshow(grey, aspect=series.spacing_mm[1] / series.spacing_mm[0])
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()


def main() -> None:
    data = development_data()
    if len(sys.argv) != 3 or data is None:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    write_heads(folder / "heads")
    config, network_folder = folder / "heads.toml", folder / "network"
    config.write_text(CONFIG, encoding="utf-8")
    if not (network_folder / "unet.json").exists():
        print(train(config, network_folder, progress=Progress())["dice"])
    network, spec, _ = load_unet(network_folder)
    network = for_inference(network)
    figure = new_figure(10.5, 3.9)
    panels = figure.subplots(1, 3)
    series, truth = head(FIRST_SEED)
    labels = predict(network, spec, series)
    k = int(truth.sum(axis=(1, 2)).argmax())
    both, of_both = int((labels & truth).sum()), int(labels.sum()) + int(truth.sum())
    words = f"a head it never saw\n(headrest in orange, Dice {2 * both / of_both:.2f})"
    draw(panels[0], series, np.stack([series.hu[k], labels[k]]), words)
    chest = read_chest(data)
    labels = predict(network, spec, chest)
    areas_cm2 = labels.sum(axis=(1, 2)) * chest.pixel_area_mm2 / 100
    for axes, k in zip(panels[1:], (len(labels) // 3, int(areas_cm2.argmax())), strict=True):
        words = f"a patient's chest, slice {k}\n({areas_cm2[k]:.0f} cm² drawn as headrest)"
        draw(axes, chest, np.stack([chest.hu[k], labels[k]]), words)
    share = (areas_cm2 > 1).mean()
    print(f"chest: {areas_cm2.mean():.1f} cm2 a slice, over 1 cm2 in {100 * share:.0f} % of slices")
    save(figure, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
