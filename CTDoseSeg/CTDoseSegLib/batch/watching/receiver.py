"""The listener (C-STORE SCP): takes CT images and dose reports, and nothing from strangers."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ArchiveError, DependencyError
from ...outputs.dicom_objects.identity import MANUFACTURER
from .arrivals import Arrivals

if TYPE_CHECKING:
    import pydicom

# PS3.4, B.2.3: taken; out of resources; not what its class states; cannot be understood.
_TAKEN, _FULL, _MISMATCH, _FAILED = 0x0000, 0xA700, 0xA900, 0xC000
_REQUIRED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_WANTED = ("CT", "SR")
_NETWORK_TIMEOUT_S = 60.0


class Receiver:
    """Listens on a port while it is open; a context manager.

    Parameters
    ----------
    arrivals
        Keeps what comes.
    ae
        How we are called.
    address, port
        Where to listen; ``127.0.0.1`` hears this machine alone.
    callers
        Titles of those that may send.
    tls
        Encrypts; None: it does not.
    on_refusal
        Called with a sentence where something was not taken.

    Raises
    ------
    ArchiveError
        If the port cannot be listened on.
    DependencyError
        If pynetdicom is missing.
    """

    def __init__(
        self,
        arrivals: Arrivals,
        *,
        ae: str,
        address: str,
        port: int,
        callers: Sequence[str],
        tls: ssl.SSLContext | None = None,
        on_refusal: Callable[[str], None],
    ) -> None:
        try:
            from pynetdicom import (
                AE,
                ALL_TRANSFER_SYNTAXES,
                AllStoragePresentationContexts,
                evt,
            )
            from pynetdicom.pdu import A_RELEASE_RQ
        except ImportError as error:
            raise DependencyError(
                'Receiving needs the package pynetdicom: pip install "ctdoseseg[pacs]"'
            ) from error
        # Its log names patients at its finer levels.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        self._arrivals, self._on_refusal = arrivals, on_refusal
        self._release = A_RELEASE_RQ
        entity = AE(ae_title=ae)
        entity.require_called_aet = True
        entity.require_calling_aet = list(callers)
        entity.network_timeout = _NETWORK_TIMEOUT_S
        entity.add_supported_context("1.2.840.10008.1.1")
        # All kinds, so that a study is not refused for the sake of one; what is not wanted is
        # taken and dropped.
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_PDU_RECV, self._on_pdu),
            (evt.EVT_CONN_CLOSE, self._on_close),
            (evt.EVT_REJECTED, self._on_rejected),
        ]
        try:
            self._server = entity.start_server(
                (address, port), block=False, evt_handlers=handlers, ssl_context=tls
            )
        except OSError as error:
            raise ArchiveError(
                f"Port {port} of {address} cannot be listened on ({error.strerror}); choose "
                "another with --port, or end the program that has it."
            ) from error

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()

    def _on_store(self, event: Any) -> int:
        try:
            data = event.dataset
            data.file_meta = event.file_meta
            if any(not data.get(keyword) for keyword in _REQUIRED):
                self._on_refusal("An object without UIDs was refused.")
                return _MISMATCH
            if not _wanted(data):
                return _TAKEN
            if why := self._arrivals.full_for(data):
                self._on_refusal(f"An image was refused: {why}.")
                return _FULL
            self._arrivals.add(id(event.assoc), data)
        except OSError as error:
            self._on_refusal(f"An image was refused: it cannot be written ({error.strerror}).")
            return _FULL
        except Exception as error:  # noqa: BLE001 - of a damaged data set, by its reader
            self._on_refusal(f"An object was refused: it cannot be read ({type(error).__name__}).")
            return _FAILED
        return _TAKEN

    def _on_pdu(self, event: Any) -> None:
        # Before the answer goes out: a sender that has its answer need not send again.
        if isinstance(event.pdu, self._release):
            self._arrivals.ended(id(event.assoc), released=True)

    def _on_close(self, event: Any) -> None:
        self._arrivals.ended(id(event.assoc), released=False)

    def _on_rejected(self, _event: Any) -> None:
        self._on_refusal("A caller that is not among --callers was refused.")


def _wanted(data: pydicom.Dataset) -> bool:
    """Return whether an object may be analysed, or be its dose report; not what we made."""
    own = str(data.get("Manufacturer", "")) == MANUFACTURER
    return not own and str(data.get("Modality", "")) in _WANTED
