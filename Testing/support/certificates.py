"""Certificates for tests of TLS, by the openssl program; valid on this machine for a day."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PROGRAM = shutil.which("openssl")


def make_certificates(folder: Path) -> Path:
    """An authority (`ca.pem`) and what it signed: `archive` and `ctdoseseg`, .pem and .key."""
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(folder, "req", "-x509", *_new("ca"), "-out", "ca.pem", "-days", "1")
    (folder / "names.txt").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("archive", "ctdoseseg"):
        _openssl(folder, "req", *_new(name), "-out", f"{name}.csr")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1")
        names = ("-extfile", "names.txt", "-in", f"{name}.csr", "-out", f"{name}.pem")
        _openssl(folder, "x509", "-req", *signed, *names)
    return folder


def _new(name: str) -> tuple[str, ...]:
    return ("-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-subj", f"/CN={name}")


def _openssl(folder: Path, *arguments: str) -> None:
    assert PROGRAM
    subprocess.run([PROGRAM, *arguments], cwd=folder, check=True, capture_output=True)
