"""Make the archive of the sample data for a release, and print its SHA-256.

    python Testing/Host/make_sample_archive.py DIR

DIR gets ``CTDoseSegPhantom-VERSION.zip`` with what ``ctdoseseg phantom`` writes. The same version
of this project and of pydicom makes the same bytes. Upload it to the release "SampleData" and write
the sum into `sample_data.CHECKSUM`.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib import __version__
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom

NAME = f"CTDoseSegPhantom-{__version__}.zip"


def make(folder: Path, phantom: Phantom) -> tuple[Path, str]:
    """Write the archive to a folder; return it with its SHA-256, hexadecimal."""
    with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as scratch:
        made = Path(scratch) / "phantom"
        write_dicom(phantom, made)
        target = folder / NAME
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for file in sorted(path for path in made.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(file.relative_to(made).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
    return target, hashlib.sha256(target.read_bytes()).hexdigest()


if __name__ == "__main__":
    path, digest = make(Path(sys.argv[1]), Phantom(seed=0))
    print(f"{path} {path.stat().st_size / 1e6:.1f} MB SHA256:{digest}")
