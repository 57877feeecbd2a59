"""The values that the headers of a series state about its exposure, gathered with their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..dicom.header import Header
from ..flags import Flag


class TagValues:
    """Gather values, their sources and flags of one irradiation event.

    Attributes
    ----------
    headers, first
        Of the slices in order, and of the first of them.
    maker
        Manufacturer in capitals.
    values
        Fields of `Acquisition` by name, those that are known, each of its field's type.
    sources
        Where each came from.
    flags
        What is missing or contradicts itself.
    """

    def __init__(self, headers: Sequence[Header]) -> None:
        self.headers = headers
        self.first = headers[0]
        self.maker = self.first.text("Manufacturer").upper()
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.flags: list[Flag] = []

    def put(self, name: str, value: object, source: str) -> None:
        """Keep a value with its source, unless it is None or empty."""
        if value is not None and value != "":
            self.values[name] = value
            self.sources[name] = source

    def per_slice(self, *choices: tuple[str, float]) -> tuple[list[float | None], str]:
        """Return for each slice the first positive value, also of the exposure sequence.

        Parameters
        ----------
        *choices
            (keyword, factor) to look for, in this order.

        Returns
        -------
        values : list of float or None
        source : str
            Tag of the first one used; empty where there is none.
        """
        values: list[float | None] = []
        first_keyword = ""
        for header in self.headers:
            value = None
            nested = exposure_item(header)
            for keyword, factor in choices:
                number = header.number(keyword)
                if not number and nested.get(keyword):
                    number = nested[keyword][0]
                if number is not None and number > 0:
                    value, first_keyword = number * factor, first_keyword or keyword
                    break
            values.append(value)
        return values, tag_source(first_keyword) if first_keyword else ""

    def common(self, *choices: tuple[str, float]) -> tuple[float | None, str]:
        """Return the value if it is the same in all slices that have one, else None."""
        values, source = self.per_slice(*choices)
        different = {round(value, 6) for value in values if value is not None}
        if len(different) != 1:
            return None, source
        return next(value for value in values if value is not None), source


def exposure_item(header: Header) -> Mapping[str, tuple]:
    """Return the first item of the exposure sequence, which enhanced CT has; else an empty one."""
    return header.values.get("CTExposureSequence", ({},))[0]


def tag_source(keyword: str) -> str:
    """Return a tag as the source of a value: ``image (0018,0060)``."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    return f"image ({tag >> 16:04x},{tag & 0xFFFF:04x})"
