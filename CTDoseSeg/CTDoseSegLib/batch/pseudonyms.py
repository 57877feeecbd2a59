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


def read_salt(private: Path, given: Path | None = None) -> str:
    """The salt given, or the run's own, which is made where there is none."""
    if given is not None:
        try:
            salt = given.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The salt {given.name} cannot be read; give a text file.") from error
        if len(salt) < 16:
            raise InputError(f"The salt {given.name} is shorter than 16 characters; give more.")
        return salt
    path = private / SALT_FILE
    if not path.exists():
        temporary = path.with_name(f".{path.name}.part")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(secrets.token_hex(32) + "\n")
        os.replace(temporary, path)
    return path.read_text(encoding="utf-8").strip()


def study_key(scan: PlannedScan, salt: str) -> str:
    """Shared by the scans of one study."""
    return _hash(salt, "study", scan.study_uid or f"{scan.study} {scan.source}")


def scan_key(scan: PlannedScan, salt: str) -> str:
    """Names one scan: its row of the ledger and its folder of results."""
    return _hash(salt, "scan", scan.study_uid, scan.series_uid or scan.source)


def _hash(salt: str, *parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hmac.new(salt.encode(), text, hashlib.sha256).hexdigest()[:_LENGTH]
