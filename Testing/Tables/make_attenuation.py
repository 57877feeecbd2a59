"""Make the table of attenuation by which compositions become HU.

    pip install -e .[tables]
    python Testing/Tables/make_attenuation.py [--output FOLDER]

For each element and tube voltage: attenuation per gram over that of water, as the centre of a
body shows it to a CT scanner's detector. The weights over photon energy are

    w(E) = N(E) exp(-mu_w(E) L) E A(E)

N is the tube's spectrum behind its filters (SpekPy), mu_w L the water that lies in the way, and
E A(E) the signal of a photon in an energy-integrating scintillator. An element's cell is
sum(w mu/rho) / sum(w mu_w/rho_w), coherent scattering included (xraylib). A CT scanner calibrates
water to 0 HU at every voltage, and that is what the division does.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import spekpy
import xraylib

OUT = Path(__file__).resolve().parents[2] / "CTDoseSeg" / "CTDoseSegLib" / "models" / "attenuation"
TABLE, CARD = "attenuation.csv", "attenuation.json"
VOLTAGES_KV = tuple(range(70, 151, 10))
# Of the body and what it eats, breathes and swallows before a CT; of implants, couch and clothes.
ELEMENTS = (
    *("H", "C", "N", "O", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca", "Ti", "V"),
    *("Cr", "Mn", "Fe", "Co", "Ni", "Mo", "I", "Ba"),
)
# Mass fractions of H2O by the standard atomic weights; xraylib's own are rounded.
WATER = {"H": 0.111894, "O": 0.888106}
LICENCES = {"xraylib": "BSD-3-Clause", "spekpy": "MIT"}


@dataclass(frozen=True)
class Beam:
    """What stands between the anode and the signal.

    Attributes
    ----------
    anode_angle_deg
        Of tungsten; 7 degrees are usual in CT.
    filter_mm_al
        Of tube, flat filter and the centre of a bowtie filter together. 10 mm give a half-value
        layer of about 8 mm Al at 120 kV, as scanners with 64 slices have it.
    water_cm
        In the ray: an adult's chest or abdomen. Contrast of iodine at 120 kV is 9 % more behind
        18 cm (a head), 23 % more behind 10 cm (a newborn) and 10 % less behind 35 cm.
    scintillator_mm
        Gd2O2S of 7.3 g/ml.
    step_keV
        Width of an energy bin.
    """

    anode_angle_deg: float = 7.0
    filter_mm_al: float = 10.0
    water_cm: float = 25.0
    scintillator_mm: float = 1.4
    step_keV: float = 0.5


def weights(kvp: int, beam: Beam) -> tuple[np.ndarray, np.ndarray, float]:
    """Return energies in keV, weights of sum 1, and the half-value layer in mm Al."""
    spectrum = spekpy.Spek(kvp=kvp, th=beam.anode_angle_deg, dk=beam.step_keV, physics="casim")
    spectrum.filter("Al", beam.filter_mm_al)
    half_value_mm_al = spectrum.get_hvl1()
    energies, photons = spectrum.get_spectrum(edges=False)
    stopped = np.array([xraylib.CS_Total_CP("Gd2O2S", e) for e in energies]) * 7.3
    absorbed = 1.0 - np.exp(-stopped * beam.scintillator_mm / 10.0)
    weight = photons * np.exp(-_water(energies) * beam.water_cm) * energies * absorbed
    return energies, weight / weight.sum(), float(half_value_mm_al)


def column(kvp: int, beam: Beam) -> tuple[dict[str, float], dict[str, float]]:
    """Return each element's ratio to water at a voltage, and what describes the beam."""
    energies, weight, half_value_mm_al = weights(kvp, beam)
    water = weight @ _water(energies)
    ratios = {element: float(weight @ _element(element, energies) / water) for element in ELEMENTS}
    about = {
        "half_value_layer_mm_Al": round(half_value_mm_al, 2),
        "mean_energy_keV": round(float(weight @ energies), 1),
        "water_cm2_g": round(float(water), 5),
    }
    return ratios, about


def _water(energies: np.ndarray) -> np.ndarray:
    """Return mu/rho of water in cm2/g."""
    return sum(share * _element(element, energies) for element, share in WATER.items())


def _element(element: str, energies: np.ndarray) -> np.ndarray:
    """Return mu/rho of an element in cm2/g, coherent scattering included."""
    number = xraylib.SymbolToAtomicNumber(element)
    return np.array([xraylib.CS_Total(number, energy) for energy in energies])


def write(folder: Path, beam: Beam) -> None:
    """Write the table and its card."""
    columns, about = {}, {}
    for kvp in VOLTAGES_KV:
        columns[kvp], about[kvp] = column(kvp, beam)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["element", *VOLTAGES_KV])
        for element in ELEMENTS:
            cells = (f"{columns[kvp][element]:.6g}" for kvp in VOLTAGES_KV)
            rows.writerow([element, *cells])
    card = {
        "name": "Attenuation of the elements per gram, over that of water",
        "made_by": "Testing/Tables/make_attenuation.py",
        "sha256": hashlib.sha256((folder / TABLE).read_bytes()).hexdigest(),
        "sources": {
            name: {"version": version(name), "licence": licence}
            for name, licence in LICENCES.items()
        },
        "beam": asdict(beam),
        "by_voltage_kV": about,
    }
    text = json.dumps(card, indent=1) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=OUT)
    write(parser.parse_args().output, Beam())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
