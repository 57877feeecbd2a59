"""Sends DICOM files to an archive: by C-STORE to a PACS, or by DICOMweb (STOW-RS).

Sending the same files again is harmless: an archive holds an object of one UID once.
"""

from __future__ import annotations

import os
import ssl
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dicom.elements import parse_errors
from ..errors import ArchiveError, DependencyError, InputError
from ..tasks.progress import Progress
from .archive_address import OWN_AE, TOKEN, Target

if TYPE_CHECKING:
    import pydicom

_TIMEOUT_S = 30.0
_MOST_CONTEXTS = 128
# PS3.4, table B.2-1: success; warnings, with which the file is stored all the same.
_TAKEN = (0x0000, 0xB000, 0xB006, 0xB007)
_BATCH_BYTES = 64 << 20
# Storage Commitment Push Model: class, and the UID that all its requests are about (PS3.4, J.3).
_COMMITMENT = "1.2.840.10008.1.20.1"
_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"


@dataclass(frozen=True)
class TLS:
    """How an association is encrypted.

    Attributes
    ----------
    ca
        Certificates that the archive's is signed by; None: those of this machine.
    certificate, key
        Our own, where the archive asks for one.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what a connection is made with.

        Raises
        ------
        InputError
            If a file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"The TLS certificates cannot be used ({error}); give PEM files."
            ) from error
        return context

    def listening(self) -> ssl.SSLContext:
        """Return what a listener is made with; callers must show a certificate that `ca` signed.

        Raises
        ------
        InputError
            If it has no certificate, or a file cannot be used.
        """
        if self.certificate is None:
            raise InputError("A listener with TLS needs --tls-certificate and --tls-key.")
        try:
            context = ssl.create_default_context(
                ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca) if self.ca else None
            )
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"The TLS certificates cannot be used ({error}); give PEM files."
            ) from error
        if self.ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def send(
    files: Sequence[Path],
    target: Target,
    *,
    own_ae: str = OWN_AE,
    tls: TLS | None = None,
    commit: tuple[str, int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Send DICOM files to an archive.

    Parameters
    ----------
    files
        DICOM files.
    target
        Where to.
    own_ae
        How we call ourselves to a PACS.
    tls
        Encrypts an association with a PACS; DICOMweb is encrypted by ``https``.
    commit
        Address and port on which we wait for the PACS to commit itself to keeping the files; None:
        it is not asked.
    progress
        Receives progress; may cancel.

    Returns
    -------
    int
        Number of files that were taken: all of them.

    Raises
    ------
    ArchiveError
        If the archive cannot be reached or does not take a file.
    InputError
        If a file is no DICOM file.
    DependencyError
        If a package is missing.
    """
    progress = progress or Progress()
    if target.url:
        return _send_by_web(files, target, progress)
    return _send_by_dimse(files, target, own_ae, tls, commit, progress)


def _read(path: Path) -> pydicom.Dataset:
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(path)
            if not data.get("SOPInstanceUID") or not data.get("SOPClassUID"):
                raise InputError(f"{path.name} has no UIDs, so that it cannot be sent.")
            return data
    except parse_errors() as error:
        raise InputError(f"{path.name} is not a readable DICOM file.") from error


# C-STORE ---------------------------------------------------------------------------------


def _send_by_dimse(
    files: Sequence[Path],
    target: Target,
    own_ae: str,
    tls: TLS | None,
    commit: tuple[str, int] | None,
    progress: Progress,
) -> int:
    # A listener that cannot be made is known before anything is sent.
    listening = tls.listening() if tls is not None and commit is not None else None
    headers = [_header(path) for path in files]
    contexts = list(dict.fromkeys((sop_class, syntax) for sop_class, syntax, _ in headers))
    sent = 0
    for start in range(0, len(contexts), _MOST_CONTEXTS):
        some = contexts[start : start + _MOST_CONTEXTS]
        chosen = [p for p, h in zip(files, headers, strict=True) if h[:2] in some]
        with _Association(target, own_ae, tls, some) as association:
            for path in chosen:
                progress.update(sent / len(files), f"sending file {sent + 1} of {len(files)}")
                association.store(_read(path), path.name, sent, len(files))
                sent += 1
    if commit is not None:
        progress.update(1.0, "asking the archive to keep the files")
        instances = [(sop_class, uid) for sop_class, _, uid in headers]
        _ask_for_commitment(instances, target, own_ae, tls, commit, listening)
    return sent


def _header(path: Path) -> tuple[str, str, str]:
    """Return class, transfer syntax and UID of a file."""
    import pydicom

    failures: tuple[type[Exception], ...] = (AttributeError, *parse_errors())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=["SOPClassUID", "SOPInstanceUID"]
            )
            syntax = str(data.file_meta.TransferSyntaxUID)
            return str(data.SOPClassUID), syntax, str(data.SOPInstanceUID)
    except failures as error:
        raise InputError(f"{path.name} is not a readable DICOM file.") from error


class _Association:
    """An association with a PACS; a context manager."""

    def __init__(
        self, target: Target, own_ae: str, tls: TLS | None, contexts: Sequence[tuple[str, str]]
    ) -> None:
        self._target = target
        entity = _entity(own_ae)
        for sop_class, syntax in contexts:
            entity.add_requested_context(sop_class, syntax)
        self._made = _associate(entity, target, tls)

    def __enter__(self) -> _Association:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._made.release()
        else:
            self._made.abort()

    def store(self, data: pydicom.Dataset, name: str, sent: int, all_files: int) -> None:
        """Send one file."""
        left = f"{sent} of {all_files} files were sent; send all again when it can take them"
        try:
            status = self._made.send_c_store(data)
        except ValueError as error:  # no context for this class and syntax was accepted
            raise ArchiveError(
                f"{self._target.name} does not take the kind of {name} "
                f"({data.SOPClassUID.name}); {left}."
            ) from error
        except RuntimeError as error:
            raise ArchiveError(f"{self._target.name} has ended the connection; {left}.") from error
        if "Status" not in status:
            raise ArchiveError(f"{self._target.name} does not answer any more; {left}.")
        if status.Status not in _TAKEN:
            why = str(status.get("ErrorComment", "") or "no reason given")
            raise ArchiveError(
                f"{self._target.name} refuses {name} (status 0x{status.Status:04X}, {why}); {left}."
            )


def _entity(own_ae: str) -> Any:
    try:
        from pynetdicom import AE
    except ImportError as error:
        raise DependencyError(
            'Sending to a PACS needs the package pynetdicom: pip install "ctdoseseg[pacs]"'
        ) from error
    entity = AE(ae_title=own_ae)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _TIMEOUT_S
    entity.connection_timeout = _TIMEOUT_S
    return entity


def _associate(entity: Any, target: Target, tls: TLS | None, **more: Any) -> Any:
    arguments = (tls.context(), target.host) if tls is not None else None
    try:
        made = entity.associate(
            target.host, target.port, ae_title=target.ae, tls_args=arguments, **more
        )
    except OSError as error:  # the name of the host is not known
        raise ArchiveError(
            f"{target.name} cannot be found ({error.strerror or error}); check the host's name."
        ) from error
    if made.is_established:
        return made
    if made.is_rejected:
        raise ArchiveError(
            f"{target.name} refuses the connection: it does not know {entity.ae_title}, or is not "
            f"called {target.ae}; enter us there, or correct --to or --aet."
        )
    if made.rejected_contexts:
        from pydicom.uid import UID

        kinds = dict.fromkeys(UID(one.abstract_syntax).name for one in made.rejected_contexts)
        raise ArchiveError(
            f"{target.name} takes none of what it is asked for ({', '.join(kinds)}); allow it "
            "there, or leave it out."
        )
    raise ArchiveError(
        f"{target.name} cannot be reached; check address and port, whether it runs, and whether it "
        "speaks TLS as you ask for."
    )


def _ask_for_commitment(
    instances: Sequence[tuple[str, str]],
    target: Target,
    own_ae: str,
    tls: TLS | None,
    listen: tuple[str, int],
    listening: ssl.SSLContext | None,
) -> None:
    """Ask the PACS to keep the files, and wait for its word, which may come by another way."""
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid
    from pynetdicom import evt

    answers: list[Any] = []
    answered = threading.Event()

    def on_report(event: Any) -> tuple[int, None]:
        if str(event.event_information.get("TransactionUID", "")) == str(request.TransactionUID):
            answers.append(event.event_information)
            answered.set()
        return 0x0000, None

    request = Dataset()
    request.TransactionUID = generate_uid(prefix=None)
    request.ReferencedSOPSequence = []
    for sop_class, uid in instances:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        request.ReferencedSOPSequence.append(item)
    handlers = [(evt.EVT_N_EVENT_REPORT, on_report)]
    listener = _entity(own_ae)
    listener.add_supported_context(_COMMITMENT, scu_role=True, scp_role=True)
    try:
        server = listener.start_server(
            listen, block=False, evt_handlers=handlers, ssl_context=listening
        )
    except OSError as error:
        raise ArchiveError(
            f"Port {listen[1]} cannot be listened on ({error.strerror}); give another to --commit."
        ) from error
    try:
        entity = _entity(own_ae)
        entity.add_requested_context(_COMMITMENT)
        association = _associate(entity, target, tls, evt_handlers=handlers)
        try:
            status, _ = association.send_n_action(request, 1, _COMMITMENT, _COMMITMENT_INSTANCE)
            if status.get("Status") != 0x0000:
                raise ArchiveError(f"{target.name} does not commit itself to keeping files.")
            waited = answered.wait(_TIMEOUT_S)
        finally:
            association.release()
    finally:
        server.shutdown()
    if not waited:
        raise ArchiveError(
            f"{target.name} has taken the files and not said within {_TIMEOUT_S:.0f} s that it "
            f"keeps them; it must know {own_ae} at this machine's port {listen[1]}."
        )
    if failed := answers[0].get("FailedSOPSequence"):
        raise ArchiveError(f"{target.name} does not keep {len(failed)} of the files; send again.")


# DICOMweb --------------------------------------------------------------------------------


def _send_by_web(files: Sequence[Path], target: Target, progress: Progress) -> int:
    try:
        import requests
        from dicomweb_client import DICOMwebClient
    except ImportError as error:
        raise DependencyError(
            'DICOMweb needs the package dicomweb-client: pip install "ctdoseseg[pacs]"'
        ) from error
    token = os.environ.get(TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else None
    sent = 0
    for batch in _batches(files):
        progress.update(sent / len(files), f"sending file {sent + 1} of {len(files)}")
        progress.check_cancelled()
        left = f"{sent} of {len(files)} files were sent; send all again when it can take them"
        try:
            client = DICOMwebClient(target.url, headers=headers)
            answer = client.store_instances([_read(path) for path in batch])
        except requests.HTTPError as error:
            code = error.response.status_code if error.response is not None else "no"
            hint = f"; set {TOKEN}" if code in (401, 403) else ""
            raise ArchiveError(
                f"{target.name} refuses the files (HTTP status {code}{hint}); {left}."
            ) from error
        except requests.RequestException as error:
            raise ArchiveError(
                f"{target.name} cannot be reached ({type(error).__name__}); {left}."
            ) from error
        if failed := answer.get("FailedSOPSequence"):
            raise ArchiveError(f"{target.name} refuses {len(failed)} files; {left}.")
        sent += len(batch)
    return sent


def _batches(files: Sequence[Path]) -> list[list[Path]]:
    """Return the files in parts of a bounded size."""
    batches: list[list[Path]] = [[]]
    size = 0
    for path in files:
        size += path.stat().st_size
        if batches[-1] and size > _BATCH_BYTES:
            batches.append([])
            size = path.stat().st_size
        batches[-1].append(path)
    return [batch for batch in batches if batch]
