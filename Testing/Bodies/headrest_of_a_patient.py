"""How well each engine finds the shell of the headrest in a patient's head CT.

    python Testing/Bodies/headrest_of_a_patient.py [PICTURE.png]

The scan is `ct/qa_ct_ge_tilt_variable_spacing` of the development data (CTDOSESEG_DATA; dcm_qa_ct,
BSD-2): gantry tilted, slices 1 to 7 mm apart. In six slices the shell is what is denser than -500
HU within `NEAR_PX` of lines that were drawn by hand along it, by nobody who is an expert. Of what
an engine drew only that is judged which is as dense; cushions of foam, lighter than that, are not.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "CTDoseSeg"), str(ROOT / "Testing" / "support")]

from development import development_data  # noqa: E402

from CTDoseSegLib.ct.series import CTSeries  # noqa: E402
from CTDoseSegLib.learning.unet.metrics import dice  # noqa: E402
from CTDoseSegLib.outputs.couch_mask import WITHOUT  # noqa: E402
from CTDoseSegLib.reading.reader import read_series  # noqa: E402
from CTDoseSegLib.reporting.figure import new_figure, save  # noqa: E402
from CTDoseSegLib.segmentation.segmenting import segment  # noqa: E402

SCAN = "qa_ct_ge_tilt_variable_spacing"
SHELL_HU, NEAR_PX = -500, 7
# Slice to the lines along the shell's two sides: (column, row), ...
LINES = {
    2: (
        ((55, 234), (57, 300), (60, 340), (66, 380), (72, 415), (81, 441)),
        ((453, 234), (453, 320), (450, 370), (445, 405), (435, 441)),
    ),
    7: (
        ((55, 237), (58, 340), (65, 403), (72, 426), (83, 443), (96, 456)),
        ((453, 235), (453, 312), (449, 369), (442, 409), (430, 438), (413, 458)),
    ),
    12: (
        ((55, 270), (56, 331), (62, 375), (71, 415), (83, 440), (95, 455)),
        ((453, 261), (452, 331), (447, 381), (439, 415), (429, 439), (416, 455)),
    ),
    17: (
        ((63, 386), (72, 415), (83, 441), (99, 458)),
        ((446, 381), (439, 409), (428, 435), (408, 461)),
    ),
    21: (
        ((63, 391), (71, 421), (83, 443), (95, 456)),
        ((443, 390), (436, 415), (424, 441), (407, 462)),
    ),
    25: (
        ((54, 209), (55, 312), (59, 364), (66, 403), (76, 429), (95, 455)),
        ((451, 212), (450, 341), (445, 382), (437, 415), (425, 439), (407, 462)),
    ),
}


def shell(image: np.ndarray, k: int) -> np.ndarray:
    """Return where the shell is in slice `k`, [j, i]."""
    near = Image.new("1", image.shape[::-1])
    for line in LINES[k]:
        ImageDraw.Draw(near).line(line, fill=1, width=2 * NEAR_PX, joint="curve")
    return np.asarray(near) & (image > SHELL_HU)


def read_scan(data: Path) -> CTSeries:
    """Return the scan."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(data / "ct" / f"{SCAN}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        return read_series(folder)


def main() -> None:
    data = development_data()
    if data is None:
        raise SystemExit(__doc__)
    series = read_scan(data)
    true = np.stack([shell(series.hu[k], k) for k in LINES])
    hu = series.hu[list(LINES)]
    rows = [true]
    for engine in ("classical", "unet"):
        labelmap = segment(series, engine)
        values = [atom.value for atom in labelmap.atoms if atom.name in WITHOUT]
        drawn = np.isin(labelmap.labels[list(LINES)], values) & (hu > SHELL_HU)
        overlap = dice(int((drawn & true).sum()), int(drawn.sum()), int(true.sum()))
        names = ", ".join(atom.name for atom in labelmap.atoms if atom.name in WITHOUT)
        right = 100 * (drawn == true).mean()
        beyond_mm2 = (drawn & ~true).sum(axis=(1, 2)) * series.pixel_area_mm2
        print(f"{engine}: {names}, {right:.2f} % of pixels right, Dice {overlap:.3f}")
        print("beyond the shell, mm2:", ", ".join(f"{area:.0f}" for area in beyond_mm2))
        rows.append(drawn)
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]), hu, rows)


def draw(path: Path, hu: np.ndarray, rows: list[np.ndarray]) -> None:
    """Draw the slices with the shell by hand, by thresholds and by the network."""
    figure = new_figure(11, 6.2)
    grid = figure.subplots(len(rows), len(hu))
    grey = np.clip((hu.astype(float) + 1000) / 1200, 0, 1)[..., None].repeat(3, axis=3)
    for axes, masks, word in zip(
        grid, rows, ("by hand", "thresholds", "bundled network"), strict=True
    ):
        for panel, image, mask, k in zip(axes, grey, masks, LINES, strict=True):
            shown = image.copy()
            shown[mask] = (1.0, 0.5, 0.1)
            panel.imshow(shown)
            panel.set_axis_off()
            panel.set_title(f"slice {k}, {word}", fontsize=7)
    save(figure, path)


if __name__ == "__main__":
    main()
