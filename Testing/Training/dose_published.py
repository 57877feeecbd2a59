"""The law beside published organ doses, and beside the Monte Carlo engine on bodies it did not see.

    python Testing/Training/dose_published.py [--work FOLDER] [--simulate]

Five adults without random variation (`Testing/MonteCarlo/acceptance_published.py`), a chest and an
abdomen-pelvis scan each, generic body beam at 120 kV, CTDIvol of the 32 cm phantom; dose over
CTDIvol beside Duke's 58 patients, Li 2011 and Turner 2010 (simulations, with other beams: see
there). Then the change from 80 to 140 kV at equal CTDIvol beside Huda 2010. With --simulate the
same scans by the Monte Carlo engine to 1 %, which takes ten minutes.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
for folder in ("CTDoseSeg", "Testing/support", "Testing/MonteCarlo"):
    sys.path.insert(0, str(ROOT / folder))

from acceptance_published import (  # noqa: E402
    ADULTS,
    DUKE,
    HUDA,
    LI_LUNG,
    RED_MARROW,
    TURNER_STOMACH,
    law,
    trunk_scans,
)
from simulated_bodies import Simulated  # noqa: E402
from targets import table  # noqa: E402

from CTDoseSegLib.dosimetry.fast.engine import FastEngine, load_model  # noqa: E402

HEADS = ("body", "scan", "effective diameter / WED, cm", "organ", "law", "engine", "Duke", "others")


def doses(body: Simulated, range_mm: tuple[float, float], voltage_kV: float) -> dict[str, float]:
    """Return the law's dose per CTDIvol of every organ that it gives one."""
    series = body.scan.series
    acquisition = replace(
        series.acquisition,
        kvp_kV=voltage_kV,
        irradiated_range_mm=range_mm,
        sources={"irradiated_range_mm": "user"},
    )
    scan = body.scan.exposed_as(replace(series, acquisition=acquisition))
    organs = FastEngine(load_model()).estimate(scan).organs
    return {o.organ: o.dose_mGy for o in organs if o.dose_mGy is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "adults")
    parser.add_argument("--simulate", action="store_true")
    options = parser.parse_args()
    rows, off = [], []
    for subject in ADULTS:
        body = Simulated(subject, subject.images(options.work))
        scans = trunk_scans(body)
        simulated = {}
        if options.simulate:
            organs = {scan: tuple(DUKE[scan]) for scan in scans}
            simulated = body.doses(scans, organs, relative_se=0.01)
        for scan, exposure in scans.items():
            given = doses(body, exposure.range_mm, 120.0)
            effective, wed = (mm / 10 for mm in body.size_mm(exposure))
            for organ, (slope, constant) in DUKE[scan].items():
                if organ not in given:
                    continue
                engine, _ = simulated.get((scan, organ), (math.nan, 0.0))
                off.append(given[organ] / engine)
                other = {"stomach": (TURNER_STOMACH, "Turner"), "lung": (LI_LUNG, "Li")}.get(organ)
                rows.append(
                    [
                        subject.name,
                        scan,
                        f"{effective:.1f} / {wed:.1f}",
                        organ,
                        f"{given[organ]:.2f}",
                        "" if math.isnan(engine) else f"{engine:.2f}",
                        f"{math.exp(slope * effective + constant):.2f}",
                        "" if other is None else f"{law(other[0], effective):.2f} ({other[1]})",
                    ]
                )
    print("\n".join(table(HEADS, rows)))
    if options.simulate:
        away = 100 * (np.array(off) - 1)
        print(
            f"\nlaw against engine, {len(away)} doses: median {np.median(away):+.1f} %, median of "
            f"absolute values {np.median(np.abs(away)):.1f} %, largest {np.abs(away).max():.1f} %"
        )
    print("\nFrom 80 to 140 kV at equal CTDIvol, woman, chest scan:\n")
    body = Simulated(ADULTS[1], ADULTS[1].images(options.work))
    chest = trunk_scans(body)["chest"].range_mm
    low, high = (doses(body, chest, kV) for kV in (80.0, 140.0))
    changes = []
    for organ, published in HUDA.items():
        name = "red_marrow" if organ == RED_MARROW else organ
        if name in low:
            change = 100 * (high[name] / low[name] - 1)
            changes.append([organ, f"{change:+.0f} %", f"{published:+.0f} %"])
    print("\n".join(table(("organ", "law", "Huda 2010"), changes)))


if __name__ == "__main__":
    main()
