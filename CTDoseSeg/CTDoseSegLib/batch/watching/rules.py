"""Which series are analysed, and how: a table of rules in TOML, the first that fits counts.

[[rule]]
body_part = ["CHEST", "ABDOMEN"]
description = "thorax|abdomen"
engine = "classical"

[[rule]]
description = "scout"
analyze = false
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ..scan_options import OPTIONS

if TYPE_CHECKING:
    import pydicom

LEAST_IMAGES = 8


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes
    ----------
    body_part
        BodyPartExamined, one of these in capitals; empty: any.
    description
        A regular expression in SeriesDescription, whatever the case; empty: any.
    analyze
        False: what fits is left out.
    options
        Of `analyze`, by name.
    """

    body_part: tuple[str, ...] = ()
    description: str = ""
    analyze: bool = True
    options: Mapping[str, str] = field(default_factory=dict)

    def fits(self, image: pydicom.Dataset) -> bool:
        """Return whether a series, of which this is an image, fits."""
        part = str(image.get("BodyPartExamined", "")).strip().upper()
        text = str(image.get("SeriesDescription", ""))
        if self.body_part and part not in self.body_part:
            return False
        return not self.description or bool(re.search(self.description, text, re.IGNORECASE))


EVERY_SERIES = (Rule(),)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read rules.

    Raises
    ------
    InputError
        If the file cannot be read or a rule makes no sense; the sentence names the rule.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path.name} cannot be read as TOML ({error}).") from error
    rules = content.pop("rule", None)
    if content or not isinstance(rules, list) or not rules:
        raise InputError(f"{path.name} must hold tables [[rule]] and nothing else.")
    return tuple(_rule(one, f"{path.name}, rule {n}") for n, one in enumerate(rules, start=1))


def _rule(content: Any, where: str) -> Rule:
    values = dict(content) if isinstance(content, dict) else {}
    parts, text = values.pop("body_part", []), values.pop("description", "")
    analyze = values.pop("analyze", True)
    parts = [parts] if isinstance(parts, str) else parts
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InputError(f"{where}: body_part must be a list of texts.")
    if not isinstance(text, str) or not isinstance(analyze, bool):
        raise InputError(f"{where}: description must be a text, analyze true or false.")
    try:
        re.compile(text)
    except re.error as error:
        raise InputError(
            f"{where}: the description {text!r} is no regular expression ({error})."
        ) from error
    for name, value in values.items():
        if name not in OPTIONS or not isinstance(value, str):
            raise InputError(
                f"{where}: {name} is no option of a scan, or its value is no text; there are "
                f"{', '.join(OPTIONS)}."
            )
    return Rule(tuple(part.upper() for part in parts), text, analyze, values)


def rule_for(image: pydicom.Dataset, n_images: int, rules: tuple[Rule, ...]) -> Rule | None:
    """Return the rule by which a series is analysed; None: it is left out.

    Scouts, derived images and series of fewer than `LEAST_IMAGES` files with one frame each are
    left out whatever the rules.
    """
    values = image.get("ImageType") or ()  # pydicom gives a single value as a text
    kind = [str(one).upper() for one in ([values] if isinstance(values, str) else values)]
    several = "NumberOfFrames" in image
    if "LOCALIZER" in kind or "DERIVED" in kind or (n_images < LEAST_IMAGES and not several):
        return None
    rule = next((rule for rule in rules if rule.fits(image)), None)
    return rule if rule is not None and rule.analyze else None
