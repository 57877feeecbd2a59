"""Make the table of CTDI phantoms: the air kerma in their chambers by ray and photon energy.

    pip install -e .[montecarlo]
    python Testing/Tables/make_ctdi.py [--histories 2.5e7] [--output FOLDER]

For each phantom, distance of the ray from the axis, and photon energy: the 100 mm integral of air
kerma in the chamber at the centre and in those at the periphery, per photon, and its standard
error. A first run with few histories tells how widely each cell scatters; the second gives each
cell histories by that spread and by its share of the photons of CT beams (Neyman's allocation).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np

from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of
from CTDoseSegLib.dosimetry.montecarlo.ctdi import PHANTOMS_CM, CTDIResponse
from CTDoseSegLib.dosimetry.montecarlo.ctdi_simulation import (
    ENERGY_EDGES_KEV,
    OFFSET_BINS,
    simulate_response,
)

OUT = Path(__file__).resolve().parents[2] / "CTDoseSeg" / "CTDoseSegLib" / "models" / "montecarlo"
TABLE, CARD = "ctdi.npz", "beams.json"
# Beams whose photons decide where histories go: soft and hard, and one that is wide.
FOR_BEAMS = (("generic body", 80), ("generic body", 120), ("Siemens Force W3", 140))
PILOT = 60
LEAST = 20


def allocation(pilot: CTDIResponse, histories: float) -> np.ndarray:
    """Return histories by cell, [b, e]: in proportion to share of photons times spread."""
    spread = pilot.se_mGy_cm * np.sqrt(PILOT)
    wanted = np.zeros(spread.shape[1:])
    for name, voltage_kV in FOR_BEAMS:
        beam = beam_of(name, voltage_kV)
        share, ctdi = pilot.weights(beam), pilot.of(beam)
        relative = np.hypot(spread[0] / ctdi.centre, spread[1] / ctdi.periphery)
        wanted = wanted + share * relative
    # A pilot that saw nothing of what is rare must not starve it: half by its row's mean.
    wanted = 0.5 * wanted + 0.5 * wanted.mean(axis=0)
    counts = np.maximum(LEAST, histories * wanted / wanted.sum())
    return np.asarray(counts, np.int64)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--histories", type=float, default=2.5e7, help="for each phantom")
    parser.add_argument("--output", type=Path, default=OUT)
    args = parser.parse_args()
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, dict[str, float]] = {}
    for phantom_cm in PHANTOMS_CM:
        even = np.full((OFFSET_BINS, len(ENERGY_EDGES_KEV) - 1), PILOT)
        counts = allocation(simulate_response(phantom_cm, even, seed=7), args.histories)
        start = time.process_time()
        response = simulate_response(phantom_cm, counts, seed=1)
        seconds = time.process_time() - start
        arrays["energies_keV"] = response.energies_keV
        arrays[f"offset_edges_mm_{phantom_cm}"] = response.offset_edges_mm
        arrays[f"mean_mGy_cm_{phantom_cm}"] = response.mean_mGy_cm.astype(np.float32)
        arrays[f"se_mGy_cm_{phantom_cm}"] = response.se_mGy_cm.astype(np.float32)
        ctdi = response.of(beam_of("generic body", 120))
        about[f"{phantom_cm} cm"] = {
            "histories": int(counts.sum()),
            "relative_se_centre_120_kV": round(ctdi.centre_se / ctdi.centre, 5),
            "relative_se_periphery_120_kV": round(ctdi.periphery_se / ctdi.periphery, 5),
        }
        print(phantom_cm, "cm:", about[f"{phantom_cm} cm"], f"{seconds:.0f} CPU s", flush=True)
    write(args.output, arrays, about)
    return 0


def write(folder: Path, arrays: dict[str, np.ndarray], about: dict[str, dict[str, float]]) -> None:
    """Write the table and its entry in the card."""
    np.savez_compressed(folder / TABLE, **arrays)
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card["files"][TABLE] = {
        "content": "100 mm integral of air kerma in the chambers of CTDI phantoms per photon, mGy "
        "cm, by distance from the axis and energy",
        "made_by": "Testing/Tables/make_ctdi.py",
        "sha256": hashlib.sha256((folder / TABLE).read_bytes()).hexdigest(),
        "phantoms": about,
    }
    text = json.dumps(card, indent=1) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    raise SystemExit(main())
