"""Series that several tests of the command read, and one finished run."""

from __future__ import annotations

import pytest
from command_run import run
from Corpus.base import FAMILY_NAME, GIVEN_NAME, Base, write

from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return Base(tmp_path_factory.mktemp("phantoms"))


@pytest.fixture(scope="session")
def ct(base, tmp_path_factory):
    """A series whose folder and file names, too, name the patient."""
    folder = tmp_path_factory.mktemp("ct") / f"{FAMILY_NAME} {GIVEN_NAME}"
    return write(base.slices(), folder, f"{FAMILY_NAME}^{GIVEN_NAME}")


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A series that takes long enough to be cancelled."""
    folder = tmp_path_factory.mktemp("large")
    write_dicom(
        Phantom(seed=2, variant="cylinder", shape=(256, 256, 30), spacing_mm=(1.6, 1.6, 3.0)),
        folder,
    )
    return folder / "dicom"


@pytest.fixture(scope="session")
def finished(ct, tmp_path_factory):
    """Output folder and process of one run with the default listener."""
    output = tmp_path_factory.mktemp("finished") / "output"
    return output, run("analyze", ct, "--output", output)
