"""A DICOM structured report as a tree of plain values, and its numbers in the units wanted.

Only what dose reports need: containers, numbers, codes, texts, UIDs and times. Persons' names are
never read.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DoseReportError
from .elements import dataset_values, parse_errors, read_decimal
from .header_file import looks_like_dicom
from .identity import Identity
from .truncation import is_cut_off

# UCUM code to the factor that gives the unit of the first one. "mGycm" and the like are no UCUM,
# but what makers have written.
KV = {"kV": 1.0, "V": 1e-3}
MA = {"mA": 1.0, "uA": 1e-3, "A": 1e3}
MM = {"mm": 1.0, "cm": 10.0, "m": 1e3, "um": 1e-3}
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
MGY = {"mGy": 1.0, "uGy": 1e-3, "cGy": 10.0, "Gy": 1e3}
MGY_CM = {
    **dict.fromkeys(("mGy.cm", "mGycm", "mGy*cm", "cm.mGy"), 1.0),
    **{"Gy.cm": 1e3, "cGy.cm": 10.0, "uGy.cm": 1e-3, "mGy.mm": 0.1, "mGy.m": 100.0},
}
NO_UNIT = {"1": 1.0, "{ratio}": 1.0, "ratio": 1.0}

_TEXT_OF = {"TEXT": "TextValue", "UIDREF": "UID", "DATETIME": "DateTime"}
_LARGEST_BYTES = 64 << 20


@dataclass(frozen=True)
class Item:
    """One content item.

    Attributes
    ----------
    concept
        Code value of its name where the scheme is DCM, else ``scheme:value``.
    kind
        Value type: CONTAINER, NUM, CODE, TEXT, UIDREF, DATETIME.
    numbers
        Of a NUM: (number, unit) as written, one for each measured value; a unit that is not from
        UCUM or not there is empty.
    value, meaning
        Code value (``scheme:value``) and meaning of a CODE, else the text.
    children
        Items below it.
    """

    concept: str
    kind: str
    numbers: tuple[tuple[str, str], ...] = ()
    value: str = ""
    meaning: str = ""
    children: tuple[Item, ...] = ()

    def of(self, concept: str) -> tuple[Item, ...]:
        """Return the items directly below with this name."""
        return tuple(child for child in self.children if child.concept == concept)

    def first(self, concept: str) -> Item:
        """Return the first item directly below with this name, or an empty one."""
        return next(iter(self.of(concept)), NOTHING)

    def outermost(self, concept: str) -> Iterator[Item]:
        """Yield the items with this name at any depth, in order, but none inside of another.

        Some makers put a container of their own around those of the template.
        """
        for child in self.children:
            if child.concept == concept:
                yield child
            else:
                yield from child.outermost(concept)

    def below(self) -> Iterator[Item]:
        """Yield all items below, in order."""
        for child in self.children:
            yield child
            yield from child.below()


NOTHING = Item("", "")


def read_number(
    items: tuple[Item, ...], units: Mapping[str, float]
) -> tuple[float | None, str, str]:
    """Read the one number of content items of one name.

    Parameters
    ----------
    items
        What `Item.of` returns for the name.
    units
        UCUM code to factor.

    Returns
    -------
    value : float or None
        In the unit whose factor is 1; None where there is none, or none that can be trusted.
    problem, detail : str
        Code of the flag for the reason, and what is written instead; empty where all is well.
    """
    written = [pair for item in items for pair in item.numbers]
    numbers: list[float] = []
    for text, unit in written:
        if unit not in units:
            return None, "rdsr_unit", f'the unit is "{unit[:16]}"' if unit else "no UCUM unit"
        try:
            number = read_decimal(text)
        except ValueError:
            return None, "rdsr_not_a_number", ""
        if not abs(number) < 1e9:  # NaN too
            return None, "rdsr_not_a_number", ""
        numbers.append(number * units[unit])
    if not numbers:
        return None, "", ""
    if max(numbers) - min(numbers) > 1e-6 * max(abs(v) for v in numbers):
        return None, "rdsr_several_values", " and ".join(f"{v:g}" for v in numbers[:3])
    return numbers[0], "", ""


@dataclass(frozen=True)
class Document:
    """A structured report: bytes, content tree, code and words of its title, tags, identity."""

    root: Item
    content: bytes
    title_code: str
    title: str
    tags: dict[str, str]
    identity: Identity


_TAGS = (
    *("SOPClassUID", "Modality", "StudyInstanceUID", "Manufacturer", "ManufacturerModelName"),
    "DeviceSerialNumber",
)
_PICTURES = "1.2.840.10008.5.1.4.1.1.7"
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."


def read_document(path: str | Path) -> Document:
    """Read a structured report.

    Parameters
    ----------
    path
        DICOM file.

    Returns
    -------
    Document

    Raises
    ------
    DoseReportError
        If the file cannot be read, is cut off, or is something else; the sentence states which.
    """
    import pydicom

    name = os.path.basename(path)
    try:
        if Path(path).stat().st_size > _LARGEST_BYTES:
            raise DoseReportError(f"{name} is too large for a dose report; give the report itself.")
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no valid path"
        raise DoseReportError(f"The dose report {name} cannot be read ({reason}).") from error
    if not content:
        raise DoseReportError(f"{name} is empty (0 bytes); copy or export the report again.")
    if not looks_like_dicom(content[:132]):
        raise DoseReportError(f"{name} is not DICOM; give the X-Ray Radiation Dose SR itself.")
    damaged = f"{name}: the dose report is damaged or cut off; copy or export it again."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(
                pydicom.filebase.DicomBytesIO(content),
                stop_before_pixels=True,
                force=content[128:132] != b"DICM",
            )
            identity = Identity.of(dataset_values(dataset)[0])
            tags = {keyword: str(dataset.get(keyword, "") or "").strip() for keyword in _TAGS}
            _refuse_other_kinds(name, tags, identity)
            if is_cut_off(content):
                raise DoseReportError(damaged)
            title_code, title, _ = _code(dataset, "ConceptNameCodeSequence")
            root = Item("", "CONTAINER", children=_children(dataset))
    except RecursionError:
        raise DoseReportError(
            f"{name}: its content is nested too deeply to be read; the file is damaged, export it "
            "again."
        ) from None
    except parse_errors() as error:
        raise DoseReportError(damaged) from error
    return Document(root, content, title_code, title, tags, identity)


def _refuse_other_kinds(name: str, tags: dict[str, str], identity: Identity) -> None:
    kind = tags["SOPClassUID"]
    if kind.startswith(_REPORTS):
        return
    if kind.startswith(_PICTURES):
        raise DoseReportError(
            f"{name} is a picture of a dose page (Secondary Capture), whose numbers are not read; "
            "export the X-Ray Radiation Dose SR, or type ctdivol_mGy and phantom_cm in "
            "--acquisition."
        )
    modality = identity.removed_from(tags["Modality"])[:16]
    what = f"of modality {modality}" if modality else "of no known kind"
    raise DoseReportError(
        f"{name} is no structured report (it is {what}); give the X-Ray Radiation Dose SR of the "
        "examination."
    )


def _children(dataset: Any) -> tuple[Item, ...]:
    return tuple(_item(entry) for entry in dataset.get("ContentSequence", None) or ())


def _item(entry: Any) -> Item:
    kind = str(entry.get("ValueType", "") or "")
    code, _, scheme = _code(entry, "ConceptNameCodeSequence")
    numbers: tuple[tuple[str, str], ...] = ()
    value = meaning = ""
    if kind == "NUM":
        measured = entry.get("MeasuredValueSequence", None) or ()
        numbers = tuple(pair for one in measured for pair in _measured(one))
    elif kind == "CODE":
        code_value, meaning, own_scheme = _code(entry, "ConceptCodeSequence")
        value = f"{own_scheme}:{code_value}"
    elif kind in _TEXT_OF:
        value = str(entry.get(_TEXT_OF[kind], "") or "").strip()
    concept = code if scheme in ("DCM", "") else f"{scheme}:{code}"
    return Item(concept, kind, numbers, value, meaning, _children(entry))


def _measured(one: Any) -> list[tuple[str, str]]:
    """Return (number, unit) of a measured value, as written: damaged numbers exist.

    Where a maker leaves the decimal string empty, its floating point twin is read (PS3.3, C.18.1).
    """
    raw = one.get_item("NumericValue")
    written = getattr(raw, "value", None)
    if isinstance(written, bytes):
        texts = written.decode("ascii", "replace").split("\\")
    elif written is None or written == "":
        texts = []
    else:
        many = isinstance(written, (list, tuple)) or hasattr(written, "append")
        texts = [str(v) for v in (written if many else [written])]
    texts = [stripped for text in texts if (stripped := text.strip(" \0"))]
    if not texts and (exact := one.get("FloatingPointValue", None)) not in (None, ""):
        texts = [str(exact)]
    unit, _, scheme = _code(one, "MeasurementUnitsCodeSequence")
    unit = unit if scheme == "UCUM" else ""
    return [(text, unit) for text in texts]


def _code(entry: Any, keyword: str) -> tuple[str, str, str]:
    """Return value, meaning and scheme of the first code of a sequence; empty without one."""
    for item in entry.get(keyword, None) or ():
        names = ("CodeValue", "CodeMeaning", "CodingSchemeDesignator")
        value, meaning, scheme = (str(item.get(name, "") or "").strip() for name in names)
        value = value or str(item.get("LongCodeValue", "") or "").strip()
        return value, meaning, scheme
    return "", "", ""
