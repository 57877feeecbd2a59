"""Where an archive is, as a person writes it; nothing heavy, for the command's parser."""

from __future__ import annotations

import re
from dataclasses import dataclass

OWN_AE = "CTDOSESEG"
# A secret stands in the environment, where no list of processes shows it.
TOKEN = "CTDOSESEG_DICOMWEB_TOKEN"
_ADDRESS = re.compile(r"([^@\s\\]{1,16})@([^@:\s/]+):(\d{1,5})")


@dataclass(frozen=True)
class Target:
    """Where files go.

    Attributes
    ----------
    ae, host, port
        Of a PACS; empty and 0 for DICOMweb.
    url
        Root of a DICOMweb service; empty for a PACS.
    """

    ae: str = ""
    host: str = ""
    port: int = 0
    url: str = ""

    @property
    def name(self) -> str:
        """What sentences call it."""
        return self.url or f"{self.ae} at {self.host}:{self.port}"


def target_of(text: str) -> Target:
    """Return where ``AE@HOST:PORT`` or ``https://.../dicom-web`` points to.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> target_of("ARCHIVE@pacs.example:104").port
    104
    """
    if text.startswith(("https://", "http://")):
        return Target(url=text.rstrip("/"))
    found = _ADDRESS.fullmatch(text)
    if not found or not 0 < int(found[3]) < 65536:
        raise ValueError(
            f"{text!r} is no archive; give AE@HOST:PORT, or https://... of a DICOMweb service"
        )
    return Target(found[1], found[2], int(found[3]))
