"""TotalSegmentator's weights: where they are, whether they are whole, import and removal.

A checkpoint is a pickle, and nnU-Net reads it without restriction: a prepared file could run code.
So the pickle inside is read here as a list of instructions, without carrying them out, and a file
that names anything but tensors, arrays and containers is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickletools
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import InputError, ModelError, OutputError
from ...tasks.progress import Progress
from .home import home_folder
from .plan import Plan, Weights

CHECKPOINT = "fold_0/checkpoint_final.pth"
DATASET = re.compile(r"Dataset\d{3}_\w+")
STAGING = ".ctdoseseg-weights-"
# Of several networks, in a sentence.
MOST_NAMES = 3
# More than any published network unpacks to.
LARGEST_BYTES = 8 << 30
# What a checkpoint may name: containers, tensors, numbers of numpy.
_HARMLESS = re.compile(
    r"collections OrderedDict|_codecs encode"
    r"|torch (\w+Storage|device|Size|dtype|float(16|32|64)|bfloat16)"
    r"|torch\._utils _rebuild_(tensor_v2|parameter|device_tensor_from_numpy)"
    r"|torch\.storage (_load_from_bytes_disabled|UntypedStorage|TypedStorage)"
    r"|torch\.serialization _get_layout"
    r"|numpy (dtype|ndarray)|numpy\.dtypes \w+DType"
    r"|numpy\.(core|_core)\.multiarray (scalar|_reconstruct)"
)


@dataclass(frozen=True)
class InstalledNetwork:
    """A network on this machine.

    Attributes
    ----------
    folder
        Its name.
    bytes
        Size on disk.
    sha256
        Of the checkpoint.
    """

    folder: str
    bytes: int
    sha256: str


def weights_folder() -> Path:
    """Return the folder where TotalSegmentator looks for its weights."""
    if folder := os.environ.get("TOTALSEG_WEIGHTS_PATH"):
        return Path(folder)
    return home_folder() / "nnunet" / "results"


def missing(*plans: Plan) -> tuple[Weights, ...]:
    """Return the networks of plans that are not installed; none if the package lists none."""
    needed = dict.fromkeys(network for plan in plans for network in plan.weights or ())
    return tuple(network for network in needed if not _checkpoints(network.folder))


def missing_sentence(
    lacking: Sequence[Weights], quality: str = "fast", extras: Sequence[str] = ()
) -> str:
    """Return what to do about missing networks of a run of this quality with these extras.

    `lacking` is empty if the package lists none.
    """
    command = fetch_command(quality, extras)
    if not lacking:
        return f"TotalSegmentator's weights are not installed (run {command})"
    names = _some([one.folder for one in lacking])
    return (
        f"TotalSegmentator's weights {names} are not in {shown(weights_folder())} (run {command}; "
        f"{without_network(lacking)})"
    )


def fetch_command(quality: str, extras: Sequence[str]) -> str:
    """Return the command that gets all weights of a run."""
    options = [f"--quality {quality}"] if quality != "fast" else []
    options += [f"--extra {' '.join(extras)}"] if extras else []
    return " ".join(["ctdoseseg weights fetch", *options])


def without_network(lacking: Sequence[Weights]) -> str:
    """Return how networks come to a machine without a network; licensed ones are not released."""
    ways = []
    if free := [f"{one.folder}.zip" for one in lacking if not one.licensed]:
        several = len(free) > 1
        ways.append(
            f"without a network copy {f'the {len(free)} files ' if several else ''}{_some(free)} "
            "of TotalSegmentator's releases here and run ctdoseseg weights import on "
            f"{'them' if several else 'it'}"
        )
    if licensed := [one.folder for one in lacking if one.licensed]:
        ways.append(
            f"{_some(licensed)} come from its authors' server, and need a network and the licence "
            "that totalseg_set_license sets"
        )
    return "; ".join(ways)


def _some(names: Sequence[str]) -> str:
    """Return at most three names, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def require(plan: Plan, extras: Sequence[str] = ()) -> None:
    """Raise ModelError if a network of the plan is not installed, before anything long begins."""
    lacking = missing(plan)
    if lacking or (plan.weights is None and not present()):
        why = missing_sentence(lacking, plan.quality, extras)
        raise ModelError(f"{why}. The engines unet and classical need none.")


def check(plan: Plan) -> tuple[InstalledNetwork, ...]:
    """Check and hash all networks of a plan.

    Parameters
    ----------
    plan
        The tasks.

    Returns
    -------
    tuple of InstalledNetwork

    Raises
    ------
    ModelError
        If one is missing, cut short, of another task, or names code to be run.
    """
    require(plan)
    if plan.weights is None:  # it may load any of them
        return tuple(look_at(folder) for folder in present())
    return tuple(look_at(weights_folder() / w.folder, w.labels) for w in plan.weights)


def look_at(folder: Path, labels: int | None = None) -> InstalledNetwork:
    """Check one network and hash it.

    Parameters
    ----------
    folder
        The ``Dataset...`` folder.
    labels
        How many labels it must have; None if that is not known.

    Returns
    -------
    InstalledNetwork

    Raises
    ------
    ModelError
        If it is not what it should be.
    """
    checkpoint = _only_checkpoint(folder)
    _check_labels(checkpoint.parents[1] / "dataset.json", folder.name, labels)
    _check_pickle(checkpoint, folder.name)
    digest = hashlib.sha256()
    with checkpoint.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return InstalledNetwork(folder.name, size, digest.hexdigest())


def present() -> list[Path]:
    """Return the folders of all networks on this machine."""
    return networks_in(weights_folder())


def networks_in(folder: Path) -> list[Path]:
    """Return the ``Dataset...`` folders in a folder."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and DATASET.fullmatch(p.name))


def import_zip(path: Path, progress: Progress | None = None) -> InstalledNetwork:
    """Unpack a network that was copied to this machine by hand.

    Nothing is written outside the folder of the weights, and the network appears whole or not at
    all.

    Parameters
    ----------
    path
        ZIP file of TotalSegmentator's releases.
    progress
        Receives progress; may cancel.

    Returns
    -------
    InstalledNetwork

    Raises
    ------
    InputError
        If the file is no such archive.
    ModelError
        If the network in it is damaged or names code to be run.
    OutputError
        If the network is installed already, or there is no room for it.
    """
    progress = progress or Progress()
    try:
        with zipfile.ZipFile(path) as archive:
            name = _network_name(archive, path.name)
            target = weights_folder() / name
            if target.exists():
                raise OutputError(
                    f"The weights {name} are there already; remove them first (ctdoseseg weights "
                    f"remove {name})."
                )
            return _unpack(archive, target, progress)
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, OSError) and path.is_file():
            raise OutputError(
                f"The weights cannot be unpacked to {shown(weights_folder())}: "
                f"{error.strerror or error}."
            ) from error
        raise InputError(
            f"{path.name} is not a whole ZIP file: copy it again from TotalSegmentator's releases."
        ) from error


def remove(name: str) -> None:
    """Remove one network.

    Parameters
    ----------
    name
        Of its ``Dataset...`` folder.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    folder = weights_folder() / name
    if not DATASET.fullmatch(name) or folder not in present():
        known = ", ".join(path.name for path in present()) or "none"
        raise InputError(f"There are no weights {name}; there are: {known}.")
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _checkpoints(name: str) -> list[Path]:
    return sorted((weights_folder() / name).glob(f"*/{CHECKPOINT}"))


def _only_checkpoint(folder: Path) -> Path:
    checkpoints = sorted(folder.glob(f"*/{CHECKPOINT}"))
    if not checkpoints:
        raise ModelError(
            f"The weights {folder.name} lack {CHECKPOINT}: remove them and fetch or import them "
            "again."
        )
    return checkpoints[0]


def _check_labels(path: Path, name: str, labels: int | None) -> None:
    try:
        count = len(json.loads(path.read_text(encoding="utf-8"))["labels"]) - 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The weights {name} have no readable dataset.json: remove them and fetch or import "
            "them again."
        ) from error
    if labels is not None and count != labels:
        raise ModelError(
            f"The weights {name} are those of another task: they distinguish {count} labels where "
            f"the task has {labels}; remove them and fetch or import the right ones."
        )


def _check_pickle(path: Path, name: str) -> None:
    """Raise ModelError if a checkpoint is cut short or names anything that is not plain data."""
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [info for info in archive.namelist() if info.endswith(".pkl")]
            contents = [archive.read(info) for info in pickles]
        imports = [word for content in contents for word in _imports(content)]
    except (OSError, zipfile.BadZipFile, ValueError, EOFError) as error:
        raise ModelError(
            f"The checkpoint of {name} is cut short or not a checkpoint: remove the weights and "
            "fetch or import them again."
        ) from error
    if not pickles or (strange := [word for word in imports if not _HARMLESS.fullmatch(word)]):
        content = strange[0] if pickles else "nothing that is known"
        raise ModelError(
            f"The checkpoint of {name} holds {content}, which weights need not: it may run code. "
            "Remove it, and take the weights from TotalSegmentator's own releases."
        )


def _imports(content: bytes) -> list[str]:
    """Return everything that a pickle would import, as "module name"."""
    imports = []
    for code, argument, _ in pickletools.genops(content):
        if code.name in ("GLOBAL", "INST"):
            imports.append(str(argument))
        elif code.name == "STACK_GLOBAL" or code.name.startswith("EXT"):
            # torch never writes these: what they name is known only when it is carried out.
            imports.append("a name made up at run time")
    return imports


def _network_name(archive: zipfile.ZipFile, shown: str) -> str:
    """Return the one ``Dataset...`` folder that an archive holds."""
    roots = set()
    for info in archive.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        link = stat.S_ISLNK(info.external_attr >> 16)
        if link or not parts or ".." in parts or parts[0].startswith("/") or ":" in info.filename:
            raise InputError(
                f"{shown} holds {info.filename!r}, which would be written elsewhere: it is not "
                "one of TotalSegmentator's archives, nothing was unpacked."
            )
        roots.add(parts[0])
    if len(roots) != 1 or not DATASET.fullmatch(next(iter(roots))):
        raise InputError(
            f"{shown} does not hold one folder Dataset<number>_<name>: give a ZIP file of "
            "TotalSegmentator's weights (version 2)."
        )
    size = sum(info.file_size for info in archive.infolist())
    if size > LARGEST_BYTES:
        raise InputError(f"{shown} would unpack to {size / 1e9:.0f} GB, which no weights need.")
    return roots.pop()


def _unpack(archive: zipfile.ZipFile, target: Path, progress: Progress) -> InstalledNetwork:
    target.parent.mkdir(parents=True, exist_ok=True)
    size = sum(info.file_size for info in archive.infolist())
    if size > shutil.disk_usage(target.parent).free:
        raise OutputError(
            f"The weights need {size / 1e6:.0f} MB, which the disk of {shown(target.parent)} "
            "does not have; free some space."
        )
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=target.parent))
    try:
        done = 0
        for info in archive.infolist():
            progress.update(0.9 * done / max(1, size), "unpacking")
            archive.extract(info, staging)
            done += info.file_size
        network = look_at(staging / target.name)
        os.rename(staging / target.name, target)
        return network
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def shown(folder: Path) -> str:
    """Return a folder's path without the user's name."""
    try:
        return str(Path("~") / folder.relative_to(Path.home()))
    except ValueError:
        return str(folder)
