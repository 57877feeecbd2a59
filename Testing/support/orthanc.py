"""A real Orthanc with DICOMweb on ports of its own; ended with the test that started it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("Orthanc") or (
    "/usr/sbin/Orthanc" if Path("/usr/sbin/Orthanc").exists() else None
)
PLUGINS = "/usr/share/orthanc/plugins"
AE = "ORTHANC"
_START_S = 30


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Orthanc:
    """Orthanc in a folder; `stop` and `start` keep what it holds.

    `tls`, a folder of `certificates.make_certificates`, makes it speak TLS and ask for a
    certificate.
    """

    def __init__(
        self, folder: Path, known: dict[str, tuple[str, int]] | None = None, tls: Path | None = None
    ) -> None:
        self.folder = folder
        self.dicom_port, self.http_port = free_port(), free_port()
        configuration = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "Plugins": [PLUGINS],
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "HttpBindAddresses": ["127.0.0.1"],
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": AE,
            "UnknownSopClassAccepted": True,
            "DicomAlwaysAllowStore": True,
            "StableAge": 1,
            "DicomModalities": {
                name: [name, host, port] for name, (host, port) in (known or {}).items()
            },
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        if tls is not None:
            configuration |= {
                "DicomTlsEnabled": True,
                "DicomTlsCertificate": str(tls / "archive.pem"),
                "DicomTlsPrivateKey": str(tls / "archive.key"),
                "DicomTlsTrustedCertificates": str(tls / "ca.pem"),
                "DicomTlsRemoteCertificateRequired": True,
            }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orthanc.json").write_text(json.dumps(configuration))
        self.process: subprocess.Popen | None = None
        self.start()

    @property
    def address(self) -> str:
        """As `ctdoseseg send --to` takes it."""
        return f"{AE}@127.0.0.1:{self.dicom_port}"

    @property
    def web(self) -> str:
        """Root of its DICOMweb service."""
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert PROGRAM
        log = (self.folder / "log.txt").open("ab")
        self.process = subprocess.Popen(
            [PROGRAM, str(self.folder / "orthanc.json")], stdout=log, stderr=log
        )
        log.close()
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            try:
                self.get("/system")
                return
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, (self.folder / "log.txt").read_text()
                time.sleep(0.1)
        raise TimeoutError("Orthanc does not answer.")

    def stop(self) -> None:
        """End it and wait until it has gone."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(_START_S)
            self.process = None

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """What its REST interface answers, as bytes or, where it is JSON, as values."""
        data = (
            None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        url = f"http://127.0.0.1:{self.http_port}{path}"
        with urllib.request.urlopen(
            urllib.request.Request(url, data, method=method), timeout=60
        ) as answer:
            content = answer.read()
            kind = answer.headers.get("Content-Type", "")
        return json.loads(content) if "json" in kind else content

    def get(self, path: str) -> Any:
        """GET."""
        return self.request("GET", path)

    def instances(self, modality: str | None = None) -> list[str]:
        """SOP instance UIDs that it holds, of one modality."""
        level = {"Level": "Instance", "Query": {}, "Expand": True, "RequestedTags": ["Modality"]}
        found = self.request(
            "POST", "/tools/find", {**level, "Query": {"Modality": modality} if modality else {}}
        )
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in found)

    def file_of(self, uid: str) -> bytes:
        """The file of an instance."""
        (found,) = self.request("POST", "/tools/lookup", uid.encode())
        return self.get(f"/instances/{found['ID']}/file")
