"""Whether the values of a configuration are of the kind that their keys take."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from ...errors import InputError

_WHOLE, _NUMBER = "a whole number without quotes", "a number without quotes, with a point"
_WORDS: dict[Any, tuple[str, str]] = {
    int: (_WHOLE, "4"),
    float: (_NUMBER, "0.5"),
    bool: ("true or false without quotes", "true"),
    str: ("a text in quotes", '"name"'),
    tuple[str, ...]: ("texts in quotes between brackets", '["a", "b"]'),
    tuple[int, ...]: ("whole numbers between brackets", "[16, 32]"),
    tuple[tuple[float, float], ...]: ("pairs of numbers between brackets", "[[-160.0, 240.0]]"),
    Mapping[str, str]: ("texts in quotes between braces", '{ 1 = "bone" }'),
    Mapping[str, float]: ("numbers between braces", "{ bone = 2.0 }"),
}


def check_types(kind: type, values: Mapping[str, Any], place: str) -> None:
    """Refuse a value that is not of the type of its field, such as a number in quotes.

    Parameters
    ----------
    kind
        Dataclass whose annotations are the types; a field of several types is not looked at.
    values
        Of its fields, as TOML has them.
    place
        Table and file, for the sentence.

    Raises
    ------
    InputError
        With the key, its value, and what to write.

    Examples
    --------
    >>> from CTDoseSegLib.learning.unet.config import Training
    >>> check_types(Training, {"steps": 4, "learning_rate": 1}, "[training] of c.toml")
    """
    hints = get_type_hints(kind)
    for name, value in values.items():
        expected = hints.get(name)
        if expected in _WORDS and not _fits(value, expected):
            words, example = _WORDS[expected]
            raise InputError(
                f"{place}: {name} = {_shown(value)} is not of the right kind; write {words}, as "
                f"{name} = {example}."
            )


def _fits(value: Any, expected: Any) -> bool:
    if expected is float:
        return type(value) in (int, float) and math.isfinite(value)
    if expected in (int, bool, str):
        return type(value) is expected
    of = get_args(expected)
    if get_origin(expected) is Mapping:
        return isinstance(value, dict) and all(_fits(one, of[1]) for one in value.values())
    if not isinstance(value, list):
        return False
    if of[-1] is ...:
        return all(_fits(one, of[0]) for one in value)
    return len(value) == len(of) and all(map(_fits, value, of))


def _shown(value: Any) -> str:
    """Return a value as TOML writes it, near enough; a long one is cut."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
