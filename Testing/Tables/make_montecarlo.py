"""Make the tables of the Monte Carlo engine: photons in the elements, and spectra of the tube.

    pip install -e .[tables]
    python Testing/Tables/make_montecarlo.py [--output FOLDER]

`photons.npz` holds, for each element that `materials.json` names: coefficients of attenuation by
process, the energy that Compton scattering hands to electrons, the scattering function and the
form factor (xraylib), and the K fluorescence of elements from Z = 50 on. `spectra.npz` holds what
leaves a tungsten anode, bremsstrahlung and characteristic photons apart (SpekPy). `tables.json`
states SHA-256, licences and versions of what was used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import spekpy
import xraylib

OUT = Path(__file__).resolve().parents[2] / "CTDoseSeg" / "CTDoseSegLib" / "models" / "montecarlo"
MATERIALS, PHOTONS, SPECTRA, CARD = "materials.json", "photons.npz", "spectra.npz", "tables.json"
LICENCES = {"xraylib": "BSD-3-Clause", "spekpy": "MIT"}

ENERGIES_keV = np.arange(5.0, 150.01, 0.5)
# x = sin(angle / 2) / wavelength; 12.1 at 150 keV straight back.
X_PER_ANGSTROM = np.concatenate([[0.0], np.geomspace(1e-3, 13.0, 255)])
KEV_ANGSTROM = 12.398419843
ELECTRON_keV = 510.99895
# From here on K photons leave the voxel that they are made in: 28 keV in iodine, 2.4 cm in tissue.
FLUORESCES_FROM_Z = 50
# Lines of nearly one energy are one line.
K_LINES = (
    ("KL2_LINE",),
    ("KL3_LINE",),
    ("KM2_LINE", "KM3_LINE", "KM4_LINE", "KM5_LINE"),
    ("KN1_LINE", "KN2_LINE", "KN3_LINE", "KN4_LINE", "KN5_LINE", "KO_LINE"),
)

VOLTAGES_KV = tuple(range(60, 151, 10))
ANODE_ANGLE_DEG = 8.0


def elements_of(materials: dict) -> list[str]:
    """Return the chemical symbols that the materials need, by atomic number."""
    symbols = {cell for row in materials["materials"] for cell in row["mass_percent"].split()[::2]}
    return sorted(symbols | {"I"}, key=xraylib.SymbolToAtomicNumber)


def compton_transfer(z: int) -> np.ndarray:
    """Return the share of a photon's energy that Compton scattering hands to electrons.

    The mean of Klein and Nishina's cross section times the scattering function S(x), over 1,000
    steps of the cosine of the angle.
    """
    cosine = (np.arange(1000) + 0.5) / 500 - 1
    x_nodes, s_nodes = X_PER_ANGSTROM, scattering_function(z)
    shares = []
    for energy in ENERGIES_keV:
        kept = 1 / (1 + energy / ELECTRON_keV * (1 - cosine))
        bound = np.interp(energy / KEV_ANGSTROM * np.sqrt((1 - cosine) / 2), x_nodes, s_nodes)
        weight = kept**2 * (kept + 1 / kept - 1 + cosine**2) * bound
        shares.append(weight @ (1 - kept) / weight.sum())
    return np.array(shares)


def scattering_function(z: int) -> np.ndarray:
    """Return S(x) of an atom at `X_PER_ANGSTROM`, from 0 at x = 0 towards Z.

    It never falls: xraylib's spline does, by 1e-5.
    """
    bound = np.array([0.0, *(xraylib.SF_Compt(z, x) for x in X_PER_ANGSTROM[1:])])
    return np.maximum.accumulate(bound)


def form_factor(z: int) -> np.ndarray:
    """Return F(x) of an atom at `X_PER_ANGSTROM`; at x = 0 it is Z."""
    return np.array([xraylib.FF_Rayl(z, x) for x in X_PER_ANGSTROM])


def k_emission(z: int) -> np.ndarray:
    """Return the mean number of K photons for each photoelectric event, by photon energy."""
    edge_keV = xraylib.EdgeEnergy(z, xraylib.K_SHELL)
    emitted = np.zeros(len(ENERGIES_keV))
    if z < FLUORESCES_FROM_Z:
        return emitted
    for place, energy in enumerate(ENERGIES_keV):
        if energy > edge_keV:
            in_k = xraylib.CS_Photo_Partial(z, xraylib.K_SHELL, energy)
            emitted[place] = in_k / xraylib.CS_Photo_Total(z, energy)
    return emitted * xraylib.FluorYield(z, xraylib.K_SHELL)


def k_lines(z: int) -> tuple[np.ndarray, np.ndarray]:
    """Return energies in keV and shares of the four groups of K lines; zeros where none is kept."""
    energies, shares = np.zeros(len(K_LINES)), np.zeros(len(K_LINES))
    if z < FLUORESCES_FROM_Z:
        return energies, shares
    for place, names in enumerate(K_LINES):
        lines = [line for name in names if (line := _line(z, name))]
        shares[place] = sum(rate for _, rate in lines)
        energies[place] = sum(energy * rate for energy, rate in lines) / shares[place]
    return energies, shares / shares.sum()


def _line(z: int, name: str) -> tuple[float, float] | None:
    """Return energy in keV and relative rate of a line, or None where the element has none."""
    try:
        line = getattr(xraylib, name)
        return xraylib.LineEnergy(z, line), xraylib.RadRate(z, line)
    except ValueError:
        return None


def photons(elements: list[str]) -> dict[str, np.ndarray]:
    """Return the arrays of `photons.npz`: [element, energy] in cm2/g, [element, x] by the mole."""
    numbers = [xraylib.SymbolToAtomicNumber(element) for element in elements]

    def by_energy(function) -> np.ndarray:
        return np.array([[function(z, energy) for energy in ENERGIES_keV] for z in numbers])

    compton = by_energy(xraylib.CS_Compt)
    lines = [k_lines(z) for z in numbers]
    arrays = {
        "energies_keV": ENERGIES_keV,
        "x_per_angstrom": X_PER_ANGSTROM,
        "atomic_weight": np.array([xraylib.AtomicWeight(z) for z in numbers]),
        "photoelectric": by_energy(xraylib.CS_Photo),
        "rayleigh": by_energy(xraylib.CS_Rayl),
        "compton": compton,
        "compton_transfer": compton * np.array([compton_transfer(z) for z in numbers]),
        "scattering_function": np.array([scattering_function(z) for z in numbers]),
        "form_factor": np.array([form_factor(z) for z in numbers]),
        "k_emission": np.array([k_emission(z) for z in numbers]),
        "k_edge_keV": np.array([xraylib.EdgeEnergy(z, xraylib.K_SHELL) for z in numbers]),
        "k_line_keV": np.array([energies for energies, _ in lines]),
        "k_line_share": np.array([shares for _, shares in lines]),
    }
    return {"elements": np.array(elements)} | {
        name: array.astype(np.float32) for name, array in arrays.items()
    }


def spectra() -> dict[str, np.ndarray]:
    """Return the arrays of `spectra.npz`, [voltage, energy].

    Photons per cm2, mAs and bin of 0.5 keV at 1 m from the focal spot, behind no filter.
    """
    centres_keV = np.arange(5.25, 150.0, 0.5)
    kinds = {"bremsstrahlung": [], "characteristic": []}
    for voltage in VOLTAGES_KV:
        for kind, rows in kinds.items():
            tube = spekpy.Spek(
                kvp=voltage,
                th=ANODE_ANGLE_DEG,
                dk=0.5,
                physics="casim",
                brem=kind == "bremsstrahlung",
                char=kind == "characteristic",
            )
            energies, fluence = tube.get_spectrum(edges=False, diff=False)
            rows.append(np.interp(centres_keV, energies, fluence, right=0.0))
    return {
        "voltages_kV": np.array(VOLTAGES_KV, dtype=np.float32),
        "energies_keV": centres_keV.astype(np.float32),
    } | {kind: np.array(rows, dtype=np.float32) for kind, rows in kinds.items()}


def write(folder: Path) -> None:
    """Write the tables and their card; `materials.json` is kept by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    materials = (OUT / MATERIALS).read_bytes().replace(b"\r\n", b"\n")
    (folder / MATERIALS).write_bytes(materials)
    elements = elements_of(json.loads(materials))
    np.savez_compressed(folder / PHOTONS, **photons(elements))
    np.savez_compressed(folder / SPECTRA, **spectra())
    contents = {
        MATERIALS: "compositions of materials, with their sources; kept by hand",
        PHOTONS: "photons of 5 to 150 keV in the elements, from xraylib",
        SPECTRA: "unfiltered spectra of a tungsten anode, from SpekPy",
    }
    card = {
        "name": "Tables of the Monte Carlo engine",
        "made_by": "Testing/Tables/make_montecarlo.py",
        "files": {
            name: {
                "content": content,
                "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            }
            for name, content in contents.items()
        },
        "sources": {
            name: {"version": version(name), "licence": licence}
            for name, licence in LICENCES.items()
        },
        "elements": elements,
        "anode_angle_deg": ANODE_ANGLE_DEG,
        "voltages_kV": list(VOLTAGES_KV),
    }
    text = json.dumps(card, indent=1) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=OUT)
    write(parser.parse_args().output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
