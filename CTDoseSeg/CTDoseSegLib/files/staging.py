"""A folder of results that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from ..errors import OutputError

# The sign of a whole result: it goes first and comes last.
RESULT = "result.json"
LOCK = ".ctdoseseg.lock"
STAGING = ".ctdoseseg-"
# Folders that this process is filling, each with those that it made for it.
_unfinished: dict[Path, list[Path]] = {}
REASONS = {
    errno.ENOSPC: "the disk is full; free some space and run again",
    errno.EDQUOT: "your disk quota is used up; free some space and run again",
    errno.EFBIG: "the file system takes no file of this size; choose another folder",
    errno.EACCES: "permission is denied; choose a folder that you may write to",
    errno.EPERM: "permission is denied; choose a folder that you may write to",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOTDIR: "a part of its path is a file; choose another folder",
    errno.EEXIST: "a file of that name is in the way; choose another folder",
    errno.ENAMETOOLONG: "its path is too long; choose a shorter one",
}


@contextmanager
def staged_folder(target: str | Path, *, replaces: Iterable[str] = ()) -> Iterator[Path]:
    """Give a folder whose files move to `target` when the block ends without an error.

    Files are moved one by one, each replacing its namesake, those in folders too; ``result.json``,
    the sign of a whole result, is taken away first and comes last. After an error `target` is as it
    was before.

    Parameters
    ----------
    target
        Folder to write; made with its parents where it is missing.
    replaces
        Names of files of an earlier run that must go even if this one does not write them; in
        folders by a pattern (``arrays/*.npy``).

    Yields
    ------
    Path
        Folder to write to.

    Raises
    ------
    OutputError
        If the folder cannot be written, or another run is writing it.
    """
    target = Path(target)
    made: list[Path] = []
    try:
        with ExitStack() as stack:
            stack.callback(_remove_empty, made)
            _make_folders(target, made)
            stack.enter_context(locked(target))
            # Inside the target, so that it is the same file system even on a mount point.
            _remove_stale(target)
            staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=target))
            stack.callback(_remove_staging, staging)
            _unfinished[staging] = made
            yield staging
            _move(staging, target, replaces)
    except OSError as error:
        if error.errno not in REASONS:
            raise
        raise OutputError(
            f"The folder {target.name} cannot be written: {REASONS[error.errno]}."
        ) from error


@contextmanager
def writing_to(target: str | Path) -> Iterator[None]:
    """Turn the system's error in writing `target` into an `OutputError` with a sentence.

    Parameters
    ----------
    target
        File or folder that the block writes.

    Raises
    ------
    OutputError
        If the block fails for one of `REASONS`.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REASONS:
            raise
        raise OutputError(
            f"{Path(target).name} cannot be written: {REASONS[error.errno]}."
        ) from error


def remove_unfinished() -> None:
    """Remove what runs of this process have not finished: it is about to end without unwinding."""
    for staging, made in list(_unfinished.items()):
        shutil.rmtree(staging, ignore_errors=True)
        (staging.parent / LOCK).unlink(missing_ok=True)
        _remove_empty(made)


def _remove_staging(staging: Path) -> None:
    shutil.rmtree(staging, ignore_errors=True)
    _unfinished.pop(staging, None)


def _remove_stale(target: Path) -> None:
    """Remove what killed runs left; the lock is held, so that none of them is alive."""
    for path in target.glob(f"{STAGING}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _make_folders(target: Path, made: list[Path]) -> None:
    missing = [folder for folder in (target, *target.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        made.append(folder)
    if not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder")


def _remove_empty(folders: list[Path]) -> None:
    for folder in reversed(folders):
        with suppress(OSError):  # holds results now, or somebody else's files
            folder.rmdir()


def _move(staging: Path, target: Path, replaces: Iterable[str]) -> None:
    written = {p.relative_to(staging) for p in staging.rglob("*") if p.is_file()}
    gone = {p.relative_to(target) for one in replaces for p in target.glob(one)} - written
    names = sorted(written, key=lambda name: name == Path(RESULT))
    # Seen before the first file moves, so that nothing is half replaced.
    for name in (*names, *gone):
        if (target / name).is_dir():
            raise OutputError(
                f"In the folder {target.name} a folder has the name of a result, {name.name}: "
                "rename it, or choose another folder."
            )
    folders = {folder for name in written for folder in name.parents}
    for folder in sorted(folders):
        if (target / folder).exists() and not (target / folder).is_dir():
            raise OutputError(
                f"In the folder {target.name} a file has the name of a folder of the results, "
                f"{folder.name}: rename it, or choose another folder."
            )
    with _undisturbed():
        if Path(RESULT) in written:
            (target / RESULT).unlink(missing_ok=True)
        for name in gone:
            (target / name).unlink(missing_ok=True)
        for folder in sorted(folders):
            (target / folder).mkdir(exist_ok=True)
        for name in names:
            os.replace(staging / name, target / name)
        _remove_empty([target / f for f in sorted({f for n in gone for f in n.parents if f.name})])


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back signals until the block is done; it takes milliseconds."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the folder's lock file; the system releases it when a process dies.

    Parameters
    ----------
    target
        Folder that this process writes to; it exists.

    Raises
    ------
    OutputError
        If another process holds it.
    """
    path = target / LOCK
    with path.open("a+", encoding="ascii") as stream:
        if not _lock(stream) or not _is_still(path, stream):
            stream.seek(0)
            owner = stream.read(20).strip()
            owner = f"process {owner}" if owner.isdigit() else "another process"
            raise OutputError(
                f"The folder {target.name} is being written by {owner}; wait for it to end, or "
                "choose another folder."
            )
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        try:
            yield
        finally:
            if os.name != "nt":  # Windows deletes no open file
                path.unlink(missing_ok=True)
    if os.name == "nt":
        with suppress(OSError):
            path.unlink()


def _lock(stream: IO[str]) -> bool:
    """Lock an open file; False where another holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(1 << 20)  # beyond the text, which others may read
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Network file systems without locks report that: writing there is as safe as it can be.
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True


def _is_still(path: Path, stream: IO[str]) -> bool:
    """Return whether the locked file still has its name: its last owner unlinks it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False
