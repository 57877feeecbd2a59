"""The command ``ctdoseseg weights``: TotalSegmentator's networks on this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import CTDoseSegError, InputError, ModelError
from .events import Events
from .segmentation import totalsegmentator_weights as store
from .segmentation.child_process import ChildProcess
from .segmentation.totalsegmentator import WORKER
from .segmentation.totalsegmentator_plan import make_plan

FETCH_LIMIT_S = 4 * 3600.0


def weights(
    action: str, names: Sequence[str], quality: str, extras: Sequence[str], events: Events
) -> dict[str, Any]:
    """Look at, fetch, import or remove weights.

    Parameters
    ----------
    action
        ``status``, ``fetch``, ``import`` or ``remove``.
    names
        ZIP files to import, or networks to remove.
    quality, extras
        For which run; as in `TotalSegmentatorEngine`.
    events
        Told of the progress.

    Returns
    -------
    dict
        ``lines`` for people; ``weights`` for programs.

    Raises
    ------
    CTDoseSegError
        If it cannot be done.
    """
    if (action in ("import", "remove")) != bool(names):
        what = {"import": "the ZIP files", "remove": "the networks that status lists"}.get(action)
        raise InputError(
            f"weights {action} needs {what}." if what else f"weights {action} takes no names."
        )
    if action == "import":
        found = [store.import_zip(Path(name), events) for name in names]
        return _summary([_line(f) for f in found], found)
    if action == "remove":
        for name in names:
            store.remove(name)
        return _summary([f"{name} removed." for name in names], [])
    if action == "fetch":
        _fetch(quality, extras, events)
    return _status(quality, extras, events)


def _status(quality: str, extras: Sequence[str], events: Events) -> dict[str, Any]:
    lines = [f"Folder: {store.shown(store.weights_folder())}"]
    found = []
    present = store.present()
    for n, folder in enumerate(present):
        events.progress(n / len(present), "looking at the weights")
        try:
            found.append(store.look_at(folder))
            lines.append(_line(found[-1]))
        except ModelError as error:
            lines.append(f"{folder.name}: unusable. {error}")
    try:
        plan = make_plan(quality, extras)
        lacking = store.missing(plan)
        wanted = " ".join([quality, *extras])
        lines.append(
            f"For {wanted}: {store.missing_sentence(lacking)}."
            if lacking
            else f"For {wanted}: all weights are here."
        )
    except CTDoseSegError as error:
        lines.append(f"{error}.".replace("..", "."))
    return _summary(lines, found)


def _fetch(quality: str, extras: Sequence[str], events: Events) -> None:
    """Let the package download what is missing, in a process that may use the network."""
    plan = make_plan(quality, extras)
    if plan.weights is None:
        raise ModelError(
            f"TotalSegmentator {plan.version} does not say which weights it needs; fetch them "
            "with its own command totalseg_download_weights, or install version 2.18."
        )
    lacking = store.missing(plan)
    if not lacking:
        return
    store.weights_folder().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="ctdoseseg-ts-"))
    try:
        request = {
            "folder": str(folder),
            "network": True,
            "numbers": [w.number for w in lacking],
            "passes": len(lacking),
        }
        path = folder / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        environment = {"TOTALSEG_WEIGHTS_PATH": str(store.weights_folder().absolute())}
        error = None
        with ChildProcess([WORKER, str(path)], environment) as child:
            for event in child.follow(events, FETCH_LIMIT_S):
                if event.get("event") == "progress":
                    events.progress(event["fraction"], "fetching weights")
                elif event.get("event") == "error":
                    error = event["message"]
            if child.wait() != 0:
                raise ModelError(
                    f"The weights could not be fetched ({error or 'the download ended'}). Without "
                    f"a network: copy {lacking[0].folder}.zip of TotalSegmentator's releases here "
                    "and run ctdoseseg weights import on it; licensed ones need "
                    "totalseg_set_license. The engines unet and classical need none."
                )
        for network in lacking:
            store.look_at(store.weights_folder() / network.folder, network.labels)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _line(found: store.Found) -> str:
    return f"{found.folder}: {found.bytes / 1e6:.0f} MB, sha256 {found.sha256}"


def _summary(lines: list[str], found: list[store.Found]) -> dict[str, Any]:
    shown = [{"name": f.folder, "bytes": f.bytes, "sha256": f.sha256} for f in found]
    return {"lines": lines, "weights": shown}
