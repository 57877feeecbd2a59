"""A CT as .npy with .json beside it: how a volume of a scene comes to the command, exact."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..ct.acquisition import Acquisition
from ..ct.dose_report import MatchedReport
from ..ct.scanner_profile import GENERIC, GENERIC_NAME, Scanner
from ..ct.series import CTSeries, SliceInfo
from ..errors import GeometryError, InputError
from ..files.codec import plain, read_as
from ..flags import Flag
from .array_series import series_from_array


def read_npy_volume(path: Path) -> CTSeries:
    """Read a volume as `write_npy_volume` writes it, or an array with its affine alone.

    Parameters
    ----------
    path
        ``.npy`` file with ``.json`` beside it.

    Returns
    -------
    CTSeries

    Raises
    ------
    InputError, PixelDataError, GeometryError
        If the files, values or geometry cannot be used; the sentence names the file.
    """
    values, about = _read_array(path)
    beside = path.with_suffix(".json")
    stated = read_stated(about, beside.name)
    if stated.slices and values.ndim == 3 and len(stated.slices) != values.shape[0]:
        raise GeometryError(
            f"{beside.name}: {len(stated.slices)} slices are described, the volume has "
            f"{values.shape[0]}."
        )
    series = series_from_array(
        values,
        _affine(about, beside.name),
        acquisition=stated.acquisition,
        slices=stated.slices,
        identity=stated.identity,
        description=stated.description,
        name=path.name,
        regular=stated.regular,
        flags=stated.flags,
        files=(os.fspath(path), os.fspath(beside)),
        copy=False,
    )
    return replace(series, dose_report=stated.dose_report, scanner=stated.scanner)


def read_npy_array(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read an array and its affine as `write_npy_array` writes them: a label map.

    Raises
    ------
    InputError, GeometryError
        As `read_npy_volume` does.
    """
    values, about = _read_array(path)
    return values, _affine(about, path.with_suffix(".json").name)


def write_npy_array(values: np.ndarray, affine: np.ndarray, path: Path) -> Path:
    """Write an array as .npy with its affine in .json beside it; returns `path`."""
    with open(path, "wb") as file:
        np.save(file, values, allow_pickle=False)
    text = json.dumps({"affine": affine.tolist()}, allow_nan=False)
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    return path


def write_npy_volume(series: CTSeries, path: str | Path) -> None:
    """Write `series` as .npy with .json beside it; `read_series` reads it back exactly.

    Both files appear whole or not at all; the .json, which readers need first, comes last.

    Parameters
    ----------
    series
        Any CT; the events of its folder are not written.
    path
        ``.npy`` file to write.
    """
    path = Path(path)
    about = {"affine": series.affine.tolist(), **stated_of(series)}
    array, text = path.with_suffix(".npy.part"), path.with_suffix(".json.part")
    with open(array, "wb") as file:
        np.save(file, series.hu, allow_pickle=False)
    text.write_text(json.dumps(about, ensure_ascii=True, allow_nan=False), encoding="utf-8")
    os.replace(array, path)
    os.replace(text, path.with_suffix(".json"))


def stated_of(series: CTSeries) -> dict[str, Any]:
    """Return what is known of a series besides its voxels, as JSON takes it.

    Parameters
    ----------
    series
        Any CT.
    """
    about = {
        "acquisition": {**asdict(series.acquisition), "sources": dict(series.acquisition.sources)},
        "slices": [asdict(item) for item in series.slices],
        "identity": series.identity,
        "regular": series.regular,
        "flags": [asdict(item) for item in series.flags],
        "description": series.description,
    }
    if series.dose_report is not None:
        about["dose_report"] = plain(series.dose_report.without_identity())
    if series.scanner.name != GENERIC_NAME:
        about["scanner"] = plain(series.scanner)
    return about


@dataclass(frozen=True)
class Stated:
    """What `stated_of` keeps of a series, by its names; None for what is not known."""

    acquisition: Acquisition
    slices: tuple[SliceInfo, ...] = ()
    identity: str = ""
    regular: bool | None = None
    flags: tuple[Flag, ...] | None = None
    description: str = ""
    dose_report: MatchedReport | None = None
    scanner: Scanner = GENERIC


def read_stated(about: Mapping[str, Any], name: str) -> Stated:
    """Return what `stated_of` gave.

    Parameters
    ----------
    about
        As `stated_of` returns it, or with its acquisition alone, or empty.
    name
        Of where it was kept, for the sentence of an error.

    Raises
    ------
    InputError
        If it is not as expected.
    """
    acquisition, slices = _exposure(about, name)
    report, scanner = about.get("dose_report"), about.get("scanner")
    return Stated(
        acquisition,
        slices,
        identity=str(about.get("identity") or ""),
        regular=bool(about["regular"]) if "regular" in about else None,
        flags=_flags(about, name),
        description=str(about.get("description") or ""),
        dose_report=read_as(MatchedReport, report, "dose_report") if report else None,
        scanner=read_as(Scanner, scanner, "scanner") if scanner else GENERIC,
    )


def _read_array(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the array and what the .json beside it holds."""
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path.name}: not a readable .npy file, or cut off.") from error
    return values, _read_json(path.with_suffix(".json"), path.name)


def _read_json(beside: Path, volume: str) -> dict[str, Any]:
    try:
        about = json.loads(beside.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{volume}: {beside.name}, which holds the geometry, cannot be read beside it; copy it "
            "there too, or export both again with ctdoseseg export --npy."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{beside.name}: not valid JSON.") from error
    if not isinstance(about, dict):
        raise InputError(f"{beside.name}: must hold an object with an affine.")
    return about


def _affine(about: Mapping[str, Any], name: str) -> np.ndarray:
    try:
        affine = np.array(about.get("affine"), dtype=np.float64)
    except (TypeError, ValueError):
        affine = np.empty(0)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError(f"{name}: affine must be four rows of four numbers.")
    return affine


def _flags(about: Mapping[str, Any], name: str) -> tuple[Flag, ...] | None:
    """Return the flags as they were written; None where the volume was not checked yet."""
    if "flags" not in about:
        return None
    try:
        return tuple(Flag.from_plain(item) for item in about["flags"])
    except (AttributeError, TypeError) as error:
        raise InputError(f"{name}: flags are not as expected.") from error


def _exposure(about: Mapping[str, Any], name: str) -> tuple[Acquisition, tuple[SliceInfo, ...]]:
    """Return acquisition and slices from the .json; empty where it states nothing."""
    stated = about.get("acquisition") or {}
    listed = about.get("slices") or []
    try:
        known = {f.name for f in fields(Acquisition)}
        if unknown := set(stated) - known:
            raise InputError(f"{name}: unknown names in acquisition: {', '.join(sorted(unknown))}.")
        values = dict(stated)
        _check_kinds(values, Acquisition)
        for item in listed:
            _check_kinds(item, SliceInfo)
        for name in ("irradiated_range_mm", "isocentre_mm"):
            if values.get(name) is not None:
                first, second = values[name]
                values[name] = (float(first), float(second))
        slices = tuple(SliceInfo(**item) for item in listed)
        stated_names = (n for n, v in values.items() if v is not None and n != "sources")
        sources = dict.fromkeys(stated_names, "volume file")
        values["sources"] = {**sources, **(values.get("sources") or {})}
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: acquisition or slices are not as expected.") from error
    return Acquisition(**values), slices


def _check_kinds(values: Mapping[str, Any], owner: type) -> None:
    """Raise TypeError if a value is of another kind than its field: text for a number."""
    for kind in fields(owner):
        value, wanted = dict(values).get(kind.name), str(kind.type)
        if value is None:
            continue
        if wanted.startswith("bool"):
            fits = isinstance(value, bool)
        elif wanted.startswith(("float", "int")):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            fits = number and math.isfinite(value)
        else:
            fits = isinstance(value, str) or not wanted.startswith("str")
        if not fits:
            raise TypeError(f"{kind.name} is no {wanted}")
