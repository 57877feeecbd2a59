"""The shipped tables of the Monte Carlo engine, read only if they are what was shipped.

`models/montecarlo/tables.json` names each file with its SHA-256, what made it, and the licences of
its sources.
"""

from __future__ import annotations

import hashlib
import io
import json
from importlib.resources import files

import numpy as np

from ...errors import ModelError

CARD = "tables.json"


def table_bytes(name: str, card: str = CARD) -> bytes:
    """Return the content of a shipped file whose SHA-256 is the one that its card states.

    Line ends of a text file do not count: a checkout on Windows changes them.

    Parameters
    ----------
    name
        File name in `models/montecarlo`.
    card
        The JSON file beside it with `files: {name: {"sha256": ...}}`.

    Returns
    -------
    bytes

    Raises
    ------
    ModelError
        If a file is missing or is not the one that the card describes.

    Examples
    --------
    >>> table_bytes("materials.json")[:1]
    b'{'
    """
    folder = files("CTDoseSegLib.models").joinpath("montecarlo")
    try:
        stated = json.loads(folder.joinpath(card).read_text(encoding="utf-8"))
        content = folder.joinpath(name).read_bytes()
        digest = stated["files"][name]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the Monte Carlo table {name} or its card {card} is missing or cannot be read "
            f"({error}); install CTDoseSeg again"
        ) from error
    if name.endswith(".json"):
        content = content.replace(b"\r\n", b"\n")
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(
            f"the Monte Carlo table {name} is not the file that {card} describes (another "
            "SHA-256); install CTDoseSeg again"
        )
    return content


def table_arrays(name: str, card: str = CARD) -> dict[str, np.ndarray]:
    """Return the arrays of a shipped npz file, checked as `table_bytes` does.

    Parameters
    ----------
    name
        File name in `models/montecarlo`.
    card
        As in `table_bytes`.

    Returns
    -------
    dict
        Array by name.

    Raises
    ------
    ModelError
        As `table_bytes`.

    Examples
    --------
    >>> bool(table_arrays("photons.npz")["energies_keV"][0] == 5.0)
    True
    """
    with np.load(io.BytesIO(table_bytes(name, card)), allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}
