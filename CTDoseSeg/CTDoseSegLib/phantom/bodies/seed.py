"""The seed of a phantom or a body."""

from __future__ import annotations

from numbers import Integral

from ...errors import InputError


def check_seed(seed: int) -> None:
    """Refuse what no random generator takes.

    Raises
    ------
    InputError
        The seed is negative or no whole number.

    Examples
    --------
    >>> check_seed(7)
    """
    if not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"A seed is a whole number from 0, not {seed!r}.")
