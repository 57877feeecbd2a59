"""Associations are encrypted, both sides show certificates, and what is wrong is a sentence."""

from __future__ import annotations

import io

import certificates
import pydicom
import pytest
from dicom_study import dicom_analysis
from orthanc import PROGRAM, Orthanc, free_port

pytest.importorskip("pynetdicom", reason="an archive is spoken to with pynetdicom")

from CTDoseSegLib.batch.watching.arrivals import RELEASED, Arrivals
from CTDoseSegLib.batch.watching.receiver import Receiver
from CTDoseSegLib.errors import ArchiveError, InputError
from CTDoseSegLib.outputs.archive_address import target_of
from CTDoseSegLib.outputs.pacs import TLS, send

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(certificates.PROGRAM is None, reason="openssl is not installed"),
]


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    return certificates.make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ct")
    dicom_analysis(folder)
    return sorted(folder.glob("*.dcm"))


def ours(signed) -> TLS:
    return TLS(signed / "ca.pem", signed / "ctdoseseg.pem", signed / "ctdoseseg.key")


@pytest.fixture(scope="module")
def archive(tmp_path_factory, signed):
    if PROGRAM is None:
        pytest.skip("Orthanc is not installed (apt install orthanc)")
    one = Orthanc(tmp_path_factory.mktemp("orthanc"), tls=signed)
    yield one
    one.stop()


def test_an_archive_that_asks_for_a_certificate_gets_the_files(archive, signed, images):
    assert send(images, target_of(archive.address), tls=ours(signed)) == len(images)
    uid = str(pydicom.dcmread(images[0]).SOPInstanceUID)
    assert pydicom.dcmread(io.BytesIO(archive.file_of(uid))) == pydicom.dcmread(images[0])


@pytest.mark.parametrize("how", ["plain", "no_certificate", "other_authority"])
def test_a_connection_that_is_not_as_the_archive_asks_is_refused(
    archive, signed, images, tmp_path, how
):
    tls = {
        "plain": lambda: None,
        "no_certificate": lambda: TLS(signed / "ca.pem"),
        "other_authority": lambda: TLS(
            certificates.make_certificates(tmp_path) / "ca.pem",
            signed / "ctdoseseg.pem",
            signed / "ctdoseseg.key",
        ),
    }[how]()
    with pytest.raises(ArchiveError, match="speaks TLS"):
        send(images[:1], target_of(archive.address), tls=tls)


def listening(folder, port, tls=None) -> Receiver:
    return Receiver(
        Arrivals(folder, 1 << 30, 10),
        ae="US",
        address="127.0.0.1",
        port=port,
        callers=["CTDOSESEG"],
        tls=tls.listening() if tls is not None else None,
        on_refusal=lambda sentence: None,
    )


def test_our_listener_takes_series_by_tls_and_from_no_one_without_a_certificate(
    signed, images, tmp_path
):
    tls = TLS(signed / "ca.pem", signed / "archive.pem", signed / "archive.key")
    port = free_port()
    target = target_of(f"US@127.0.0.1:{port}")
    with listening(tmp_path, port, tls):
        for other in (None, TLS(signed / "ca.pem")):
            with pytest.raises(ArchiveError):
                send(images[:1], target, tls=other)
        assert not list(tmp_path.rglob("*.dcm"))
        send(images, target, tls=ours(signed))
    assert len(list(tmp_path.rglob("*.dcm"))) == len(images)
    assert len(list(tmp_path.rglob(RELEASED))) == 1


def test_files_that_are_no_certificates_are_named(images, tmp_path):
    other = tmp_path / "notes.pem"
    other.write_text("no certificate")
    target = target_of("ARCHIVE@127.0.0.1:104")
    with pytest.raises(InputError, match="give PEM files"):
        send(images[:1], target, tls=TLS(other))
    with pytest.raises(InputError, match="give PEM files"):
        send(images[:1], target, tls=TLS(tmp_path / "missing.pem"))


def test_waiting_for_commitment_by_tls_needs_a_certificate_before_anything_is_sent(images):
    target = target_of("ARCHIVE@127.0.0.1:104")
    with pytest.raises(InputError, match="needs --tls-certificate"):
        send(images[:1], target, tls=TLS(), commit=("127.0.0.1", free_port()))


def test_what_an_archive_takes_no_part_in_is_named(images, tmp_path):
    port = free_port()
    target = target_of(f"US@127.0.0.1:{port}")
    commit = ("127.0.0.1", free_port())
    refused = pytest.raises(ArchiveError, match="Storage Commitment Push Model")
    with listening(tmp_path, port), refused:
        send(images[:1], target, commit=commit)
