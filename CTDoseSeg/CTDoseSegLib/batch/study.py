"""One scan, analysed in a process of its own: what every worker does, here or elsewhere.

A process of its own can be ended when it hangs, and gives all of its memory back. Its results are
written to a folder of this attempt, which is then renamed: they appear whole or not at all, and
once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cancelled, CTDoseSegError, InputError
from ..files.walking import files_of
from ..reading.headers import FILE_LIST
from ..reading.volume_file import is_volume_file
from ..tasks.process import GRACE_S, TaskProcess, command
from .plan import PlannedScan
from .scan_options import as_arguments
from .walk import is_member, unpack

STUDIES, PRIVATE, ATTEMPTS, LOGS = "studies", "run", "attempts", "logs"
RESULT = "result.json"
THREADS = "OMP_NUM_THREADS"
_WRONG_USAGE = 2  # the exit code of a command whose arguments make no sense
# They repeat the result with the time at which it was made.
_FOR_PEOPLE = (".html", ".pdf", ".xlsx", ".dcm")
_TIMES = re.compile(rb'"created": "[^"]*"')


@dataclass(frozen=True)
class Attempt:
    """One attempt at one scan."""

    key: str
    scan: PlannedScan
    number: int


@dataclass(frozen=True)
class Settings:
    """What holds for all scans of a run: paths are absolute, arguments the command's own.

    `threads` is what a network may compute with, so that analyses side by side share the
    processor; 0 leaves it open, as on Dask, whose nannies hold each worker to one.
    """

    output: str
    arguments: tuple[str, ...] = ()
    time_limit_s: float = 3600.0
    threads: int = 0


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `may_pass` says that another try may do better."""

    done: bool
    sentence: str = ""
    kind: str = ""
    may_pass: bool = False
    seconds: float = 0.0
    input_sha256: str = ""
    output_sha256: str = ""
    worker: str = ""


def run_study(attempt: Attempt, settings: Settings, stop: threading.Event | None = None) -> Outcome:
    """Analyse one scan; never raises for what is wrong with it."""
    started = time.monotonic()
    worker = f"{socket.gethostname()}-{os.getpid()}"
    target = Path(settings.output) / STUDIES / attempt.key
    folder = attempt_folder(Path(settings.output), attempt)
    try:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
        if not (target / RESULT).exists():
            with tempfile.TemporaryDirectory(prefix="ctdoseseg-") as scratch:
                _analyse(attempt, settings, folder, Path(scratch), stop or threading.Event())
            publish(folder, target)
        found = hashes(target)
        outcome = Outcome(True, input_sha256=found[0], output_sha256=found[1])
    except _Failed as error:
        outcome = error.outcome
    except NotSeen as error:
        outcome = Outcome(False, str(error), "InputError", may_pass=True)
    except CTDoseSegError as error:
        outcome = Outcome(False, str(error), type(error).__name__)
    except OSError as error:
        said = f"The results cannot be written ({error.strerror}); free some space or check it."
        outcome = Outcome(False, said, "OutputError", True)
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(**{**vars(outcome), "seconds": time.monotonic() - started, "worker": worker})


def attempt_folder(output: Path, attempt: Attempt) -> Path:
    """Where one attempt writes; the process is in its name, for its predecessor may still end."""
    return output / PRIVATE / ATTEMPTS / f"{attempt.key}-{attempt.number}-{os.getpid()}"


def publish(folder: Path, target: Path) -> None:
    """Make the results of an attempt those of the scan, unless there are some already."""
    target.parent.mkdir(exist_ok=True)
    try:
        os.rename(folder, target)
    except OSError:
        if not (target / RESULT).exists():
            raise


def hashes(folder: Path) -> tuple[str, str]:
    """Of a study's inputs, and of its files but for what states the time they were made."""
    from ..result import read_result

    inputs = hashlib.sha256()
    for file in read_result(folder / RESULT).provenance.inputs:
        inputs.update(file.sha256.encode())
    outputs = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file())
    for path in sorted(path for path in files if path.suffix not in _FOR_PEOPLE):
        data = path.read_bytes()
        outputs.update(path.relative_to(folder).as_posix().encode())
        outputs.update(_TIMES.sub(b"", data) if path.name == RESULT else data)
    return inputs.hexdigest(), outputs.hexdigest()


class _Failed(Exception):
    def __init__(self, sentence: str, kind: str, may_pass: bool = False) -> None:
        self.outcome = Outcome(False, sentence, kind, may_pass)


def _analyse(
    attempt: Attempt, settings: Settings, folder: Path, scratch: Path, stop: threading.Event
) -> None:
    given, names = hand_over(attempt.scan, scratch)
    # The scan's own options stand behind those of the run, and count.
    own = as_arguments(attempt.scan.options)
    arguments = ["analyze", str(given), "--output", str(folder), *settings.arguments, *own]
    paths = [argument for argument in (*settings.arguments, *own) if os.path.isabs(argument)]
    names |= set(map(os.path.basename, paths))
    if attempt.scan.series_uid:
        arguments += ["--series", attempt.scan.series_uid]

    def check_stop() -> None:
        if stop.is_set():
            raise Cancelled("The run was cancelled.")

    reason = ""
    with TaskProcess(command(arguments), _share(settings.threads), grace_s=GRACE_S) as process:
        try:
            for _ in process.follow(check_stop, settings.time_limit_s):
                pass
        except Cancelled:
            reason = "stop"
        except TimeoutError:
            reason = "time"
    code, error = process.code, process.error
    if code == 0 and (folder / RESULT).exists():
        return
    if reason == "stop":
        raise _Failed("The run was cancelled.", "Cancelled", True)
    if reason == "time":
        limit = f"{settings.time_limit_s / 60:.3g}"
        raise _Failed(
            f"The analysis was ended after the time limit of {limit} min; raise --time-limit-min "
            "or analyse the study alone.",
            "TimeLimit",
        )
    if error and error.get("exit_code") != 1:
        kind = str(error.get("kind"))
        passing = kind in ("OutputError", "MemoryError", "Cancelled")
        raise _Failed(without_names(str(error.get("message")), names), kind, passing)
    if code == _WRONG_USAGE:
        usage = process.last_words[-1] if process.last_words else ""
        said = without_names(usage.rpartition("error: ")[2], names).rstrip(".")
        raise _Failed(f"The plan's columns of options cannot be used: {said}.", "InputError")
    paths += [*attempt.scan.sources, *map(os.path.dirname, attempt.scan.sources)]
    _keep_log(process.last_words, settings, attempt.key, names.union(paths))
    if error:
        said = "The analysis ended by a mistake of CTDoseSeg"
        raise _Failed(f"{said}; its log is in the run's folder, please report it.", "Mistake")
    raise _Failed(
        f"The analysis ended by itself (code {code}): killed, out of memory, or a library crashed.",
        "Crash",
        True,
    )


def _share(threads: int) -> dict[str, str]:
    """Return the environment that holds torch to so many threads, unless the user has set it."""
    return {THREADS: str(threads)} if threads and THREADS not in os.environ else {}


def _keep_log(lines: Iterable[str], settings: Settings, key: str, names: set[str]) -> None:
    """Write the last words of a crash to the private folder, without the names of files."""
    folder = Path(settings.output) / PRIVATE / LOGS
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{_without(line, names)}\n" for line in lines)
    (folder / f"{key}.txt").write_text(text, encoding="utf-8")


def hand_over(scan: PlannedScan, scratch: Path) -> tuple[Path, set[str]]:
    """What `analyze` is given for a scan, and the file names that its sentences may hold.

    Raises
    ------
    InputError
        If this machine cannot see the files.
    """
    sources = scan.sources
    if len(sources) == 1 and is_volume_file(Path(sources[0])):
        _see(sources[0])
        return Path(sources[0]), {os.path.basename(sources[0])}
    files: list[str] = []
    names: set[str] = set()
    for source in sources:
        if is_member(source):
            _see(source)
            target = scratch / f"{len(files):06d}.dcm"
            unpack(source, target)
            files.append(str(target))
        elif source.lower().endswith(".zip"):
            _see(source)
            files += _unpack_all(source, scratch, len(files))
        elif os.path.isdir(source):
            files += files_of(source)
            names.add(os.path.basename(source))
        else:
            _see(source)
            files.append(source)
    names |= {os.path.basename(file) for file in files}
    given = scratch / f"study{FILE_LIST}"
    given.write_bytes(b"\0".join(map(os.fsencode, files)))
    return given, names


def _unpack_all(source: str, scratch: Path, first: int) -> list[str]:
    from .walk import walk

    files: list[str] = []
    for found in walk(Path(source)):
        if not found.problem:
            target = scratch / f"{first + len(files):06d}.dcm"
            unpack(found.source, target)
            files.append(str(target))
    return files


def is_there(source: str) -> bool:
    """Whether this process sees a source of a plan, or the archive that holds it."""
    return os.path.exists(source.rpartition("!")[0] if is_member(source) else source)


class NotSeen(InputError):
    """This machine does not see a study's files; another may."""


def _see(source: str) -> None:
    if not is_there(source):
        raise NotSeen(
            f"The study's files are not there, seen from {socket.gethostname()}: check the path in "
            "the plan, and mount shared folders at the same path on every worker."
        )


def without_names(sentence: str, names: set[str]) -> str:
    """A sentence without the names of files and folders, which can be the patient's."""
    sentence = _without(sentence, names)
    return sentence[:1].upper() + sentence[1:]


def _without(text: str, names: set[str]) -> str:
    for name in sorted(names, key=len, reverse=True):
        if len(name) >= 3:
            text = text.replace(name, "a file")
    return text
