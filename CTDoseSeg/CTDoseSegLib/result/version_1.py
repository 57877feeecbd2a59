"""Results of version 0.1.0 (schema 1.0) in the layout of the present schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..flags import EFFECTIVE_DOSE, EXAMINATION, organ_place, slice_place

# Parts of the result whose flags stood in its list of all flags as well.
_PARTS = ("segmentation", "size", "ssde", "scanner_profile", "examination")


def from_version_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result of schema 1.0 with its flags in their places; it has no HU histogram."""
    content = dict(content)
    of_parts = [content.get("dose_flags") or ()]
    of_parts += [(content.get(part) or {}).get("flags", ()) for part in _PARTS]
    known = {flag["code"] for flags in of_parts for flag in flags}
    content["reading_flags"] = [f for f in content.get("flags", ()) if f["code"] not in known]
    content["slices"] = {
        **content["slices"],
        "flags": [
            _at(flags, slice_place(k)) for k, flags in enumerate(content["slices"].get("flags", ()))
        ],
    }
    content["organs"] = [
        {**organ, "flags": _at(organ["flags"], organ_place(organ["organ"]))}
        for organ in content["organs"]
    ]
    for part, place in (("effective_dose", EFFECTIVE_DOSE), ("examination", EXAMINATION)):
        if content.get(part):
            content[part] = {**content[part], "flags": _at(content[part]["flags"], place)}
    return content


def _at(flags: list[dict[str, Any]], place: str) -> list[dict[str, Any]]:
    return [{**flag, "place": place} for flag in flags]
