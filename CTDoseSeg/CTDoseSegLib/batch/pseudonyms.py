"""Pseudonyms: a keyed hash, so that nobody without the salt can find a study by its UID."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from ..errors import InputError
from .plan import PlannedScan

SALT_FILE = "salt.txt"
_LENGTH = 16


def read_salt(private: Path, salt_file: Path | None = None) -> str:
    """Read the user's salt, or the run's own, which is made where there is none."""
    if salt_file is not None:
        try:
            salt = salt_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"The salt {salt_file.name} cannot be read; give a text file."
            ) from error
        if len(salt) < 16:
            raise InputError(f"The salt {salt_file.name} is shorter than 16 characters; give more.")
        return salt
    path = private / SALT_FILE
    if not path.exists():
        temporary = path.with_name(f".{path.name}.part")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(secrets.token_hex(32) + "\n")
        os.replace(temporary, path)
    return path.read_text(encoding="utf-8").strip()


def study_key(scan: PlannedScan, salt: str) -> str:
    """Return the pseudonym that the scans of one study share."""
    return _hash(salt, "study", scan.study_uid or f"{scan.study} {scan.source}")


def scan_key(scan: PlannedScan, salt: str) -> str:
    """Return the pseudonym of one scan: of its row in the ledger and its folder of results.

    With other options it is another: results made with those are none of this scan.
    """
    options = (f"{name}={value}" for name, value in sorted(scan.options.items()))
    return _hash(salt, "scan", scan.study_uid, scan.series_uid or scan.source, *options)


def series_key(series_uid: str, images: str, salt: str) -> str:
    """Return the pseudonym of a series with just these images, of which `images` is a digest."""
    return _hash(salt, "series", series_uid, images)


def _hash(salt: str, *parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hmac.new(salt.encode(), text, hashlib.sha256).hexdigest()[:_LENGTH]
