"""What a process writes, block by block as it comes: through a pipe, or a temporary file."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from io import BufferedReader
from typing import IO, Any, Protocol

BLOCK_BYTES = 1 << 16
# What a process left in a pipe is there at once; a helper that holds it open is waited for no
# longer than this.
LAST_BLOCKS_S = 1.0


class Output(Protocol):
    """Standard output or standard error of a process.

    Attributes
    ----------
    target
        What `Popen` takes for it.
    """

    target: Any

    def started(self, stream: IO[bytes] | None) -> None:
        """Take the stream that `Popen` made, if it made one."""

    def blocks(self) -> Iterator[bytes]:
        """Yield what was written since the last time, without waiting."""

    def ended(self) -> None:
        """Wait a moment for what the process, which has ended, left to be read."""

    def close(self) -> None:
        """Let go of it."""


class Pipe:
    """A pipe, which a thread reads."""

    def __init__(self) -> None:
        self.target = subprocess.PIPE
        self._blocks: deque[bytes] = deque()
        self._stream: BufferedReader | None = None
        self._reader: threading.Thread | None = None

    def started(self, stream: IO[bytes] | None) -> None:
        if isinstance(stream, BufferedReader):  # else the process did not start
            self._stream = stream
            self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
            self._reader.start()

    def blocks(self) -> Iterator[bytes]:
        while self._blocks:
            yield self._blocks.popleft()

    def ended(self) -> None:
        if self._reader is not None:
            self._reader.join(LAST_BLOCKS_S)

    def close(self) -> None:
        reading = self._reader is not None and self._reader.is_alive()
        if self._stream is not None and not reading:
            self._stream.close()

    def _read(self, stream: BufferedReader) -> None:
        while block := stream.read1(BLOCK_BYTES):
            self._blocks.append(block)


class Spool:
    """A temporary file, for a process that nobody may read for long: a pipe would be full.

    It needs no thread either: in Slicer threads stand still while no Python runs.
    """

    def __init__(self) -> None:
        handle, self._name = tempfile.mkstemp(prefix="ctdoseseg-")
        self.target = os.fdopen(handle, "wb", buffering=0)
        self._source = open(self._name, "rb", buffering=0)  # noqa: SIM115 - see close
        self._remove()

    def started(self, stream: IO[bytes] | None) -> None:
        self.target.close()

    def blocks(self) -> Iterator[bytes]:
        while not self._source.closed and (block := self._source.read(BLOCK_BYTES)):
            yield block

    def ended(self) -> None:
        pass

    def close(self) -> None:
        self.target.close()
        self._source.close()
        self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):  # Windows deletes no open file
            os.unlink(self._name)
