"""Draws the page of 24 bodies: a coronal and a sagittal plane, and axial planes of each.

The body's right is on the left of the page, where R stands; sagittal planes look to the left, with
A in front. Coronal and sagittal planes have one scale, axial planes another: each has its bar.

python Testing/Bodies/bodies_sheet.py [--out Resources/Figures/bodies.png] [--processes 2]
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

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
CELL = (478, 340)  # rows and columns of one body's cell
LEVELS = (385.0, 120.0, 30.0, -90.0, -200.0, -345.0)  # of the reference adult, mm
WINDOW_HU = (-200.0, 260.0)
CAPTION_Y, BAR_Y = 404, 466
# Pixels per mm are chosen by the body: a bar is the longest of these that has so many pixels.
BARS_MM = (20, 50, 100, 200, 500)
LONGEST_BAR = 70


def bar_mm(mm: float) -> int:
    """Return the length of the scale bar of planes with pixels of `mm`."""
    return max(length for length in BARS_MM if length <= max(LONGEST_BAR * mm, BARS_MM[0]))


def mark(draw: Any, place: tuple[int, int], mm: float, axial_mm: float) -> None:
    """Write the sides, and the scale bars of long and axial planes, on the cell at `place`."""
    x, y = place
    for at, letter in (((2, 2), "R"), ((141, 2), "L"), ((152, 2), "A"), ((227, 2), "P")):
        draw.text((x + at[0], y + at[1]), letter, fill=255)
    for at, letter in (((240, 0), "R"), ((329, 0), "L")):
        draw.text((x + at[0], y + at[1]), letter, fill=255)
    for left, size in ((4, mm), (240, axial_mm)):
        length = bar_mm(size)
        end = x + left + round(length / size)
        draw.line((x + left, y + BAR_Y, end, y + BAR_Y), fill=255, width=2)
        draw.text((end + 4, y + BAR_Y - 6), f"{length // 10} cm", fill=255)


def caption(entry: tuple) -> tuple[str, str, str]:
    """Return the lines below a body: who it is; contrast, fetus and implants; the window."""
    age, sex, bmi, phase, _, more = entry
    person = Person.of(age, sex, bmi=bmi)
    words = [phase] if phase != "none" else []
    words += [f"week {more['pregnancy_week']:g}"] if "pregnancy_week" in more else []
    words += [name.replace("_", " ") for name in more.get("implants", ())]
    first = f"{age:g} y {sex}, {person.weight_kg:.0f} kg, BMI {person.bmi:.0f}"
    low, high = WINDOW_HU
    return first, ", ".join(words), f"{low:.0f} to {high:.0f} HU"


def picture(entry: tuple) -> tuple[np.ndarray, float, float]:
    """Return the cell of one body, uint8 [rows, columns], and mm of its long and axial pixels."""
    age, sex, bmi, phase, arms, more = entry
    person = Person.of(age, sex, bmi=bmi)
    painter = Body(person=person, seed=int(10 * age) + len(sex), phase=phase, **more).painted(
        Pose(arms, couch=False)
    )
    hu = np.array([m.hu for m in painter.canvas.materials])
    low, high = (float(v) for v in painter.frame.z(np.array([-1285.0, 495.0])))
    mm = long_mm = (high - low) / 400
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
    return cell, long_mm, mm


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
    for n, ((cell, mm, axial_mm), entry) in enumerate(zip(cells, BODIES, strict=True)):
        x, y = n % COLUMNS * CELL[1], n // COLUMNS * CELL[0]
        page.paste(Image.fromarray(cell), (x, y))
        for row, line in enumerate(caption(entry)):
            draw.text((x + 4, y + CAPTION_Y + 13 * row), line, fill=255)
        mark(draw, (x, y), mm, axial_mm)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    page.save(args.out, optimize=True)
    print(f"{args.out}: {page.size[0]} x {page.size[1]}")


if __name__ == "__main__":
    main()
