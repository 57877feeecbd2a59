"""Draws the page of 24 bodies: a coronal and a sagittal plane, and axial planes of each.

python Testing/Bodies/bodies_sheet.py [--out Resources/Figures/bodies.png] [--processes 2]
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "CTDoseSeg"))

from CTDoseSegLib.phantom.bodies.body import Body, Pose  # noqa: E402
from CTDoseSegLib.phantom.bodies.person import Person  # noqa: E402
from CTDoseSegLib.phantom.canvas import Sampler  # noqa: E402

# Age, sex, body mass index (None: the reference's), phase, arms, more of the body.
BODIES = (
    (0, "female", None, "none", "down", {}),
    (0.5, "male", None, "none", "up", {}),
    (1, "female", None, "portal", "up", {}),
    (3, "male", None, "none", "up", {}),
    (5, "female", None, "portal", "up", {}),
    (5, "male", 22, "none", "up", {}),
    (8, "female", None, "none", "down", {}),
    (10, "male", None, "arterial", "up", {}),
    (10, "female", 27, "none", "up", {}),
    (13, "female", None, "portal", "up", {}),
    (15, "male", None, "none", "up", {}),
    (15, "female", 17, "none", "left_up", {}),
    (25, "female", 17, "portal", "up", {}),
    (30, "female", None, "none", "up", {}),
    (30, "male", None, "portal", "up", {}),
    (32, "female", None, "none", "up", {"pregnancy_week": 24.0}),
    (28, "female", None, "none", "up", {"pregnancy_week": 36.0}),
    (45, "male", 30, "arterial", "up", {}),
    (50, "female", 36, "portal", "up", {}),
    (55, "male", 42, "none", "down", {}),
    (60, "female", 48, "none", "up", {}),
    (65, "male", 20, "excretory", "up", {"implants": ("hip_prosthesis_left", "pacemaker")}),
    (75, "female", 26, "none", "right_up", {"implants": ("spinal_screws",)}),
    (80, "male", 24, "portal", "up", {}),
)
COLUMNS = 6
CELL = (470, 340)  # rows and columns of one body's cell
LEVELS = (385.0, 120.0, 30.0, -90.0, -200.0, -345.0)  # of the reference adult, mm
WINDOW_HU = (-200.0, 260.0)


def picture(entry: tuple) -> np.ndarray:
    """Return the cell of one body, uint8 [rows, columns]."""
    age, sex, bmi, phase, arms, more = entry
    person = Person.of(age, sex, bmi=bmi)
    painter = Body(person=person, seed=int(10 * age) + len(sex), phase=phase, **more).painted(
        Pose(arms, couch=False)
    )
    hu = np.array([m.hu for m in painter.canvas.materials])
    low, high = (float(v) for v in painter.frame.z(np.array([-1285.0, 495.0])))
    mm = (high - low) / 400
    low_w, high_w = WINDOW_HU

    def plane(origin: tuple, right: tuple, up: tuple, shape: tuple[int, int]) -> np.ndarray:
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = np.array(right) * mm, np.array(up) * mm
        affine[:3, 2] = np.cross(affine[:3, 0], affine[:3, 1]) / mm
        affine[:3, 3] = origin
        drawn = Sampler(painter.canvas, affine).plane(np.arange(shape[1]), np.arange(shape[0]), 0)
        grey = (hu[drawn] - low_w) / (high_w - low_w)
        return (255 * np.clip(grey, 0, 1)).astype(np.uint8)

    cell = np.zeros(CELL, np.uint8)
    y = -8.0 * painter.frame.scale(0.0)[1]
    half = 75 * mm
    cell[:400, :150] = plane((half, y, high), (-1, 0, 0), (0, 0, -1), (400, 150))
    half = 42 * mm
    cell[:400, 150:235] = plane((0.1, half, high), (0, -1, 0), (0, 0, -1), (400, 85))
    mm = 340.0 / 100 * painter.frame.scale(0.0)[0] * (1 + 0.012 * max(person.bmi - 24, 0))
    for n, level in enumerate(LEVELS):
        z = float(painter.frame.z(level))
        origin = (50 * mm, 36 * mm, z)
        cell[n * 76 : n * 76 + 72, 238:338] = plane(origin, (-1, 0, 0), (0, -1, 0), (72, 100))
    return cell


def main() -> None:
    """Draw the page."""
    from PIL import Image, ImageDraw

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "Resources/Figures/bodies.png")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    with ProcessPoolExecutor(args.processes) as pool:
        cells = list(pool.map(picture, BODIES))
    rows = -(-len(cells) // COLUMNS)
    page = Image.new("L", (COLUMNS * CELL[1], rows * CELL[0]))
    draw = ImageDraw.Draw(page)
    for n, (cell, entry) in enumerate(zip(cells, BODIES, strict=True)):
        x, y = n % COLUMNS * CELL[1], n // COLUMNS * CELL[0]
        page.paste(Image.fromarray(cell), (x, y))
        age, sex, bmi, phase, _, more = entry
        person = Person.of(age, sex, bmi=bmi)
        words = [f"{age:g} y {sex}, {person.weight_kg:.0f} kg, BMI {person.bmi:.0f}"]
        words += [phase] if phase != "none" else []
        words += [f"week {more['pregnancy_week']:g}"] if "pregnancy_week" in more else []
        words += [name.replace("_", " ") for name in more.get("implants", ())]
        draw.text((x + 4, y + 408), words[0], fill=255)
        draw.text((x + 4, y + 422), ", ".join(words[1:]), fill=255)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    page.save(args.out, optimize=True)
    print(f"{args.out}: {page.size[0]} x {page.size[1]}")


if __name__ == "__main__":
    main()
