"""The command ``ctdoseseg weights``: TotalSegmentator's networks on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import CTDoseSegError, DependencyError, InputError, ModelError, OutputError
from ..segmentation.totalsegmentator import weights as store
from ..segmentation.totalsegmentator.engine import WORKER
from ..segmentation.totalsegmentator.home import NO_LICENCE, check_licence, write_settings
from ..segmentation.totalsegmentator.phase import PHASE, check_phase, needed_plans
from ..segmentation.totalsegmentator.plan import Plan, Weights, offered_extras
from ..tasks.process import TEMPORARY, TaskProcess, module_command, write_to_stderr
from ..tasks.progress import Progress, Stage

FETCH_LIMIT_S = 4 * 3600.0
# A server that sends nothing for so long is away; unpacking and the start take less.
SILENCE_S = 120.0


def weights(
    action: str, names: Sequence[str], quality: str, extras: Sequence[str], progress: Progress
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
    progress
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
        found = [store.import_zip(Path(name), progress) for name in names]
        return _summary([_line(f) for f in found], found)
    if action == "remove":
        for name in names:
            store.remove(name)
        return _summary([f"{name} removed." for name in names], [])
    if action == "fetch":
        plans = needed_plans(quality, extras)
        for n, plan in enumerate(plans):
            _fetch(plan, Stage(progress, n / len(plans), (n + 1) / len(plans)))
    return _status(quality, extras, progress)


def _status(quality: str, extras: Sequence[str], progress: Progress) -> dict[str, Any]:
    lines = [f"Folder: {store.shown(store.weights_folder())}"]
    found = []
    present = store.present()
    for n, folder in enumerate(present):
        progress.update(n / len(present), "looking at the weights")
        try:
            found.append(store.look_at(folder))
            lines.append(_line(found[-1]))
        except ModelError as error:
            lines.append(f"{folder.name}: unusable. {error}")
    try:
        offered = [f"{e} (licence)" if needs else e for e, needs in offered_extras().items()]
        with contextlib.suppress(DependencyError):
            check_phase()
            offered.append(PHASE)
        lines.append(f"The installed TotalSegmentator has for --extra: {', '.join(offered)}.")
        plans = needed_plans(quality, extras)
        lacking = store.missing(*plans)
        wanted, version = " ".join([quality, *extras]), plans[0].version
        if plans[0].weights is None:
            lines.append(
                f"TotalSegmentator {version} does not say beforehand which weights it needs "
                f"for {wanted}; {store.fetch_command(quality, extras)} gets those that are missing."
            )
        elif lacking:
            lines.append(f"For {wanted}: {store.missing_sentence(lacking, quality, extras)}.")
        else:
            lines.append(f"For {wanted}: all weights are here.")
    except CTDoseSegError as error:
        lines.append(f"{error}.".replace("..", "."))
    return _summary(lines, found)


def _fetch(plan: Plan, progress: Progress) -> None:
    """Let the package download what a plan lacks, in a process that may use the network.

    It is downloaded beside the weights and moved there whole.
    """
    lacking = store.missing(plan)
    if plan.weights is not None and not lacking:
        return
    if plan.weights is None or any(network.licensed for network in lacking):
        check_licence(plan)
    place = store.weights_folder()
    if broken := [network.folder for network in lacking if (place / network.folder).exists()]:
        raise OutputError(
            f"The weights {broken[0]} are there already, but not whole; remove them first "
            f"(ctdoseseg weights remove {broken[0]})."
        )
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY))
    staging = folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=store.STAGING, dir=place))
        _download(plan, lacking, folder, staging, progress)
        labels = {network.folder: network.labels for network in lacking}
        for new in store.networks_in(staging):
            if not (place / new.name).exists():
                store.look_at(new, labels.get(new.name))
                os.rename(new, place / new.name)
    except OSError as error:
        raise OutputError(
            f"The weights cannot be written to {store.shown(place)}: {error.strerror}."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(staging, ignore_errors=True)


def _download(
    plan: Plan, lacking: Sequence[Weights], folder: Path, staging: Path, progress: Progress
) -> None:
    """Download the networks that are lacking, or what the package holds needed, to `staging`."""
    tasks: list[str] = []
    if plan.weights is None:
        # By the package's own command, which also knows the networks that find the place.
        tasks = [run.task if run.quality == "full" else f"{run.task}_fast" for run in plan.runs]
        if len(plan.runs) > 1:
            tasks.append("total_fast")
        for there in store.present():  # the package looks for the folder alone
            (staging / there.name).mkdir()
    request = {
        "folder": str(folder),
        "temporary": [str(folder), str(staging)],
        "network": True,
        "numbers": [network.number for network in lacking],
        "tasks": list(dict.fromkeys(tasks)),
        "passes": len(lacking) or 2 * len(tasks),
    }
    path = folder / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    environment = {
        "TOTALSEG_HOME_DIR": str(write_settings(folder / "home", plan)),
        "TOTALSEG_WEIGHTS_PATH": str(staging.absolute()),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
    }
    arguments = module_command(WORKER, str(path))
    with TaskProcess(arguments, environment, on_log=write_to_stderr) as worker:
        try:
            for report in worker.follow(progress.check_cancelled, FETCH_LIMIT_S, SILENCE_S):
                if report["event"] == "progress":
                    progress.update(report["fraction"], report["message"])
            if worker.code == 0:
                return
            error = worker.error or {"message": "the download ended"}
        except TimeoutError:
            error = {"message": f"the server sent nothing for {SILENCE_S:.0f} s"}
    kind, why = error.get("kind", ""), error["message"]
    if kind == "DiskFull":
        raise OutputError(
            f"The disk of {store.shown(store.weights_folder())} is full; free some space."
        )
    if kind == "SystemExit" and why == "1":
        raise ModelError(NO_LICENCE)
    by_hand = (
        store.without_network(lacking)
        if lacking
        else (
            "without a network copy the network's ZIP file of TotalSegmentator's releases here and "
            "run ctdoseseg weights import on it"
        )
    )
    raise ModelError(
        f"The weights could not be fetched ({why}); {by_hand}. The engines unet and classical "
        "need none."
    )


def _line(found: store.InstalledNetwork) -> str:
    return f"{found.folder}: {found.bytes / 1e6:.0f} MB, sha256 {found.sha256}"


def _summary(lines: list[str], found: list[store.InstalledNetwork]) -> dict[str, Any]:
    shown = [{"name": f.folder, "bytes": f.bytes, "sha256": f.sha256} for f in found]
    return {"lines": lines, "weights": shown}
