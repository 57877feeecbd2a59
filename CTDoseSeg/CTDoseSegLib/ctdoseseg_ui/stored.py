"""What an earlier result says of its CT and its organs, out of its `result.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ..ct.acquisition import Acquisition
from ..ct.series import CTSeries, SliceInfo
from ..errors import InputError
from ..flags import Flag
from ..segmentation.atoms import groups_of
from ..segmentation.labelmap import Labelmap
from .nodes.volumes import series_of


def stored_acquisition(result: Mapping[str, Any]) -> Acquisition:
    """The acquisition of a result."""
    known = {f.name for f in fields(Acquisition)} - {"sources"}
    entries = {name: e for name, e in result["acquisition"].items() if name in known}
    values = {name: entry["value"] for name, entry in entries.items()}
    if values.get("irradiated_range_mm") is not None:
        values["irradiated_range_mm"] = tuple(values["irradiated_range_mm"])
    sources = {name: e["source"] for name, e in entries.items() if e["source"]}
    return Acquisition(**values, sources=sources)


def series_with_stored_exposure(volumeNode: Any, result: Mapping[str, Any]) -> CTSeries:
    """The voxels of the volume with the exposure and the remarks of the result.

    Raises
    ------
    InputError
        If the volume has another number of slices than the result.
    """
    series = series_of(volumeNode)
    columns = result["slices"]
    if len(columns["z_mm"]) != len(series.slices):
        raise InputError(
            f"The volume has {len(series.slices)} slices, its result {len(columns['z_mm'])}: the "
            "volume was changed. Press Apply."
        )
    names = [f.name for f in fields(SliceInfo) if f.name in columns]
    slices = tuple(
        SliceInfo(**{name: columns[name][k] for name in names}) for k in range(len(series.slices))
    )
    parts = ("segmentation", "size", "ssde", "scanner_profile", "examination", "effective_dose")
    of_others = {f["code"] for part in parts for f in (result.get(part) or {}).get("flags", ())}
    of_others |= {f["code"] for f in result["dose_flags"]}
    flags = tuple(Flag.of(f) for f in result["flags"] if f["code"] not in of_others)
    return replace(
        series,
        acquisition=stored_acquisition(result),
        slices=slices,
        flags=flags,
        regular=result["geometry"]["regular"],
        description=result["provenance"]["series"]["description"],
    )


def same_atoms(known: Labelmap, found: Labelmap) -> bool:
    """Whether two label maps have the same labels by the same names."""
    return [(a.value, a.name) for a in known.atoms] == [(a.value, a.name) for a in found.atoms]


def groups_of_edited(result: Mapping[str, Any], labelmap: Labelmap) -> dict[str, tuple[str, ...]]:
    """Groups of the label map's atoms, with those of the result that are nobody's standard."""
    structures = result.get("structures", {})
    before = {name: tuple(entry["atoms"]) for name, entry in structures.items()}
    known = [atom["name"] for atom in result["segmentation"]["atoms"]]
    standard = groups_of(known)
    present = {atom.name for atom in labelmap.atoms}
    own = {
        name: members
        for name, members in before.items()
        if set(members) != set(standard.get(name, ())) and set(members) <= present
    }
    return groups_of(a.name for a in labelmap.atoms) | own
