"""Save a picture of six warped bodies: axial and coronal, HU from -160 to 240.

    python Testing/Training/show_warped_bodies.py PICTURE.png

The development data must be there (CTDOSESEG_DATA).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from development import development_data
from warped_anatomy import read_anatomy
from warped_bodies import rendered, warped

SHOWN_MM = 1.5
BODIES = (
    ("example_ct", {"size": (1.1, 1.15, 1.0), "fat_mm": 25.0}, "portal"),
    ("example_ct", {"size": (0.85, 0.8, 0.9), "fat_mm": -15.0}, "none"),
    ("lidc_0314_thorax", {"size": (0.7, 0.7, 0.7), "fat_mm": -8.0}, "none"),
    ("lungdx_A0001_thorax", {"size": (1.0, 1.0, 1.0), "fat_mm": 12.0}, "arterial"),
    ("crlm_1006_abdomen", {"size": (1.05, 1.0, 1.0), "fat_mm": -10.0}, "nephrographic"),
    ("cptac_C3L-00189_upper_abdomen", {"size": (0.95, 1.1, 1.0), "fat_mm": 15.0}, "portal"),
)


def picture(name: str, options: dict, phase: str, seed: int, data: Path) -> np.ndarray:
    """Return two axial slices and a coronal one of a warped body, in grey."""
    body = warped(read_anatomy(name, data), seed=seed, warp_mm=16.0, pixel_mm=SHOWN_MM, **options)
    series, truth = rendered(body, seed=seed, phase=phase)
    print(
        f"{name}: mean WED {truth.wed_mm.mean():.0f} mm, Jacobian {body.least_jacobian:.2f} or more"
    )
    grey = np.clip((series.hu + 160) / 400 * 255, 0, 255).astype(np.uint8)
    slices, rows, _ = grey.shape
    heights = (np.arange(0, slices, SHOWN_MM / body.spacing_mm[0])[::-1]).astype(int)
    planes = [grey[slices // 5], grey[4 * slices // 5], grey[heights, int(0.55 * rows)]]
    height = max(len(plane) for plane in planes)
    return np.hstack([np.pad(p, ((0, height - len(p)), (0, 0))) for p in planes])


def main() -> None:
    data = development_data()
    if len(sys.argv) != 2 or data is None:
        raise SystemExit(__doc__)
    rows = [picture(*body, seed=seed, data=data) for seed, body in enumerate(BODIES)]
    width = max(row.shape[1] for row in rows)
    page = np.vstack([np.pad(row, ((0, 6), (0, width - row.shape[1]))) for row in rows])
    Image.fromarray(page).save(sys.argv[1])


if __name__ == "__main__":
    main()
