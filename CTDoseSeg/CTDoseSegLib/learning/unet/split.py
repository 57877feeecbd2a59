"""Which cases are trained on and which are kept for validation: whole patients, where there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..files import write_whole
from .case import Case
from .config import MADE_HERE, Config
from .metrics import UNKNOWN

SPLIT_FILE = "split.json"
OTHER_PATIENTS, SAME_PATIENT, SAME_SCAN = "other patients", "the same patient", "the same scan"
# Less than this of a class in the slices to train on is as good as none.
LEAST_PART = 0.1


@dataclass(frozen=True)
class Split:
    """The cases of a run.

    Attributes
    ----------
    train, held
        To train on and to validate with.
    validated_on
        ``other patients``, ``the same patient`` (other scans), or ``the same scan`` (other
        slices).
    """

    train: list[Case]
    held: list[Case]
    validated_on: str = OTHER_PATIENTS

    @property
    def warning(self) -> str:
        """What the user must know of the validation; empty where it is of other patients."""
        if self.validated_on == OTHER_PATIENTS:
            return ""
        if self.validated_on == SAME_PATIENT:
            what = "All scans are of one patient: validation is on other scans of that patient"
        else:
            part = self.held[0].slices
            what = (
                "There is one scan only: validation is on a block of its own slices (numbers "
                f"{part[0]} to {part[-1]} of {len(self.held[0].volume)}, from the feet)"
            )
        return (
            f"{what}. Its Dice says little about other patients; before you use the network on "
            "them, add labelled scans of at least one more."
        )


def split(cases: list[Case], config: Config) -> Split:
    """Return the cases to train on and those to validate with, by patient.

    Those that the sources name under `validate`, else a random part of the patients that are no
    phantoms (of the phantoms, where there is nothing else). Of one patient a random part of the
    scans; of one scan a block of neighbouring slices.

    Raises
    ------
    InputError
        If nothing is left to train on or to validate with.
    """
    named = {
        (number, name) for number, source in enumerate(config.data) for name in source.validate
    }
    if named:
        held = {c.patient for c in cases if (c.source, c.name) in named}
        if missing := named - {(c.source, c.name) for c in cases}:
            raise InputError(f"There is no case named {sorted(missing)[0][1]} to validate with.")
        return _by(cases, [c.patient in held for c in cases], OTHER_PATIENTS)
    rng = np.random.default_rng([config.training.seed, 7])
    if len({c.patient for c in cases}) > 1:
        people = sorted({c.patient for c in cases if config.data[c.source].kind not in MADE_HERE})
        people = people if len(people) > 1 else sorted({c.patient for c in cases})
        held = _some(people, config, rng)
        return _by(cases, [c.patient in held for c in cases], OTHER_PATIENTS)
    if len(cases) > 1:
        numbers = _some([str(n) for n in range(len(cases))], config, rng)
        return _by(cases, [str(n) in numbers for n in range(len(cases))], SAME_PATIENT)
    return _one_scan(cases[0], config)


def _some(names: list[str], config: Config, rng: np.random.Generator) -> set[str]:
    count = max(1, round(config.training.validation * len(names)))
    return set(rng.permutation(names)[:count].tolist())


def _by(cases: list[Case], held: list[bool], validated_on: str) -> Split:
    train = [c for c, kept in zip(cases, held, strict=True) if not kept]
    if not train:
        raise InputError("Every case is kept for validation; name fewer under validate.")
    return Split(train, [c for c, kept in zip(cases, held, strict=True) if kept], validated_on)


def _one_scan(case: Case, config: Config) -> Split:
    """Keep the block that has most classes of those that enough is left of to train on."""
    count = len(case.volume)
    if count < 2:
        raise InputError(
            "There is one labelled slice only, so that nothing is left to validate with: label "
            "more slices."
        )
    size = min(max(1, round(config.training.validation * count)), count - 1)
    classes = np.arange(1, UNKNOWN)
    pixels = np.stack([np.bincount(s.ravel(), minlength=256)[classes] for s in case.labels])
    there = pixels.sum(axis=0) > 0

    def worth(start: int) -> tuple[int, int, float]:
        inside = pixels[start : start + size].sum(axis=0)
        left = pixels.sum(axis=0) - inside
        trained = left >= LEAST_PART * pixels.sum(axis=0)
        middle = abs(start + (size - 1) / 2 - (count - 1) / 2)
        return int(trained[there].sum()), int(((inside > 0) & trained)[there].sum()), -middle

    start = max(range(count - size + 1), key=worth)
    block = tuple(range(start, start + size))
    rest = tuple(k for k in range(count) if k not in block)
    return Split([replace(case, part=rest)], [replace(case, part=block)], SAME_SCAN)


def write_split(folder: Path, parts: Split) -> None:
    """Write which scans were trained on, by the hash of their pixels, for the judging."""
    values = {
        "validated_on": parts.validated_on,
        "training": _digests(parts.train),
        "validation": _digests(parts.held),
    }
    write_whole(folder / SPLIT_FILE, json.dumps(values, indent=1).encode())


def _digests(cases: Sequence[Case]) -> dict[str, list[int]]:
    return {case.digest: list(case.part) for case in cases if case.digest}


def part_of_slices(folder: Path | None, digest: str, count: int) -> list[str]:
    """Return ``training``, ``validation`` or nothing for each slice of a scan, feet to head.

    Parameters
    ----------
    folder
        Of the network; None or one without a list gives nothing.
    digest
        Of the scan, `case.pixel_digest`.
    count
        Number of its slices.
    """
    try:
        if folder is None:
            return [""] * count
        values = json.loads((folder / SPLIT_FILE).read_text(encoding="utf-8"))
        parts = [""] * count
        for name in ("training", "validation"):
            if digest in values[name]:
                for k in values[name][digest] or range(count):
                    parts[k] = name
        return parts
    except FileNotFoundError:
        return [""] * count
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{SPLIT_FILE} of the network is damaged; remove it.") from error
