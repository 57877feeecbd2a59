"""The published training arrays, put back together into patients.

An array holds the rows of one organ of all patients, without saying whose they are. The skin is on
nearly every slice, so its array is the backbone: a new patient starts where SliceLocation stops
advancing (upward in the chest file, downward in the abdomen file). Tube current, water equivalent
diameter and SliceLocation together, as float32, are an exact key of a slice, by which every other
organ's rows find their patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError

REGIONS = ("chest", "abdomen")
BACKBONE = "skin"
# The simulated beam starts inside the images, which no scanner does: rows this near to the
# chest's upper end, and to any other end, describe the simulation and are left out.
CHEST_TOP_MM = 60.0
END_MM = 30.0
_HU, _SD, _MA, _WED, _LOCATION, _DOSE = range(6)
_KEY = slice(_MA, _LOCATION + 1)
_ADVANCE = {"chest": 1.0, "abdomen": -1.0}


@dataclass(frozen=True)
class OrganRows:
    """The rows of one organ of one patient, foot to head.

    Attributes
    ----------
    slices
        Index of each row's slice in the patient's arrays, [n].
    hu, sd
        Mean and population standard deviation of the organ's HU on the slice, [n].
    dose_mGy
        Simulated mean dose of the organ on the slice, [n].
    """

    slices: np.ndarray
    hu: np.ndarray
    sd: np.ndarray
    dose_mGy: np.ndarray


@dataclass(frozen=True)
class Patient:
    """One examination.

    Attributes
    ----------
    z_mm
        SliceLocation, ascending foot to head, [k].
    tube_current_mA, wed_mm
        Of each slice, [k].
    interior
        False where a slice is too near to an end of the simulated beam, [k].
    organs
        Organ name to its rows.
    """

    z_mm: np.ndarray
    tube_current_mA: np.ndarray
    wed_mm: np.ndarray
    interior: np.ndarray
    organs: Mapping[str, OrganRows]


@dataclass(frozen=True)
class RegionArrays:
    """All patients of one region, with the count of what was left out and why.

    `counts` has, for the region, ``blocks``, ``patients``, ``merged_blocks``, ``slices``,
    ``nan_slices``, ``end_slices`` and, for each organ, ``rows:``, ``unmatched:``, ``ambiguous:``
    and ``nan:`` followed by its name.
    """

    region: str
    patients: tuple[Patient, ...]
    counts: Mapping[str, int]

    @property
    def organs(self) -> tuple[str, ...]:
        """Names of all organs, in alphabetical order."""
        return tuple(sorted({name for patient in self.patients for name in patient.organs}))


def load_region(folder: str | Path, region: str, *, any_backbone: bool = False) -> RegionArrays:
    """Read one region's arrays from the folder of the published training arrays.

    Parameters
    ----------
    folder
        Holds ``chest_merged_training_arrays`` and ``abdomen_merged_training_arrays``.
    region
        ``chest`` or ``abdomen``.
    any_backbone
        Where there is no skin, take the longest array as the backbone: patients whose organ ends
        higher than the next one's begins may then be merged, and the tube current beyond the organ
        is not known.

    Raises
    ------
    InputError
        If a file is missing or is not a table of six columns.
    """
    path = region_folder(folder, region)
    tables = {
        file.name.removesuffix("_training_array.npy"): _read(file)
        for file in sorted(path.glob("*_training_array.npy"))
    }
    backbone = BACKBONE
    if any_backbone and tables and BACKBONE not in tables:
        backbone = max(tables, key=lambda organ: len(tables[organ]))
    if backbone not in tables:
        raise InputError(
            f"No {BACKBONE}_training_array.npy in {path.name}; give the folder that holds the "
            "published chest_merged_training_arrays and abdomen_merged_training_arrays."
        )
    counts: dict[str, int] = {}
    slices = _backbone(tables[backbone], _ADVANCE[region], counts)
    if not any(slices):
        raise InputError(f"{backbone}_training_array.npy in {path.name} has no usable rows.")
    home = _home(slices)
    rows = {organ: _assign(table, home, organ, counts) for organ, table in tables.items()}
    patients = tuple(
        _patient(block, region, {organ: owned.get(p, []) for organ, owned in rows.items()})
        for p, block in enumerate(slices)
    )
    counts["slices"] = sum(len(p.z_mm) for p in patients)
    counts["end_slices"] = sum(int((~p.interior).sum()) for p in patients)
    return RegionArrays(region, patients, counts)


def region_folder(folder: str | Path, region: str) -> Path:
    """Return the folder where the published repository keeps a region's arrays."""
    return Path(folder) / f"{region}_merged_training_arrays"


def _read(file: Path) -> np.ndarray:
    try:
        table = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{file.name} cannot be read as a NumPy array: {error}.") from error
    if table.ndim != 2 or table.shape[1] != 6:
        raise InputError(
            f"{file.name} has shape {table.shape}; a training array has six columns: mean HU, SD "
            "HU, mA, WED, SliceLocation and dose."
        )
    if not np.issubdtype(table.dtype, np.number):
        raise InputError(f"{file.name} holds {table.dtype}, not numbers.")
    return table.astype(np.float32)


def _backbone(
    skin: np.ndarray, advance: float, counts: dict[str, int]
) -> list[dict[bytes, tuple[float, np.ndarray]]]:
    """Return each patient's slices, exact key to (SliceLocation, row); double blocks merged."""
    steps = advance * np.diff(skin[:, _LOCATION])
    blocks = np.split(skin, np.flatnonzero(steps <= 0) + 1)
    counts["blocks"] = len(blocks)
    counts["nan_slices"] = int(np.isnan(skin[:, _KEY]).any(axis=1).sum())
    patients: list[dict[bytes, tuple[float, np.ndarray]]] = []
    for block in blocks:
        block = block[~np.isnan(block[:, _KEY]).any(axis=1)]
        if not len(block):
            continue
        keyed = {row[_KEY].tobytes(): (float(row[_LOCATION]), row) for row in block}
        twin = next((p for p in patients if len(keyed.keys() & p.keys()) > len(keyed) / 2), None)
        if twin is None:
            patients.append(keyed)
        else:
            # A few slices of the second simulation differ in the last digits of WED; their
            # SliceLocation identifies the slice.
            twin.update({key: value for key, value in keyed.items() if key not in twin})
    counts["patients"] = len(patients)
    counts["merged_blocks"] = len(blocks) - len(patients)
    return patients


def _home(slices: list[dict[bytes, tuple[float, np.ndarray]]]) -> dict[bytes, list[int]]:
    home: dict[bytes, list[int]] = {}
    for patient, block in enumerate(slices):
        for key in block:
            home.setdefault(key, []).append(patient)
    return home


def _assign(
    table: np.ndarray, home: Mapping[bytes, list[int]], organ: str, counts: dict[str, int]
) -> dict[int, list[np.ndarray]]:
    """Return the rows of one organ by patient."""
    owned: dict[int, list[np.ndarray]] = {}
    tally = dict.fromkeys(("rows", "unmatched", "ambiguous", "nan"), 0)
    for row in table:
        owners = home.get(row[_KEY].tobytes(), [])
        if np.isnan(row).any():
            tally["nan"] += 1
        elif not owners:
            tally["unmatched"] += 1
        elif len(owners) > 1:
            tally["ambiguous"] += 1
        else:
            tally["rows"] += 1
            owned.setdefault(owners[0], []).append(row)
    counts.update({f"{what}:{organ}": number for what, number in tally.items()})
    return owned


def _patient(
    block: Mapping[bytes, tuple[float, np.ndarray]],
    region: str,
    rows: Mapping[str, list[np.ndarray]],
) -> Patient:
    by_location: dict[float, list[np.ndarray]] = {}
    for location, row in block.values():
        by_location.setdefault(location, []).append(row)
    z = np.array(sorted(by_location))
    mean = np.array([np.mean(by_location[location], axis=0, dtype=float) for location in z])
    top = CHEST_TOP_MM if region == "chest" else END_MM
    return Patient(
        z_mm=z,
        tube_current_mA=mean[:, _MA],
        wed_mm=mean[:, _WED],
        interior=(z - z[0] >= END_MM) & (z[-1] - z >= top),
        organs={organ: _rows(own, z) for organ, own in rows.items() if own},
    )


def _rows(rows: list[np.ndarray], z: np.ndarray) -> OrganRows:
    """Return rows foot to head; a slice that was simulated twice counts once, with the mean."""
    table = np.array(rows, dtype=float)
    where = np.searchsorted(z, table[:, _LOCATION])
    slices, inverse = np.unique(where, return_inverse=True)
    times = np.bincount(inverse)
    mean = [np.bincount(inverse, table[:, column]) / times for column in (_HU, _SD, _DOSE)]
    return OrganRows(slices, *mean)
