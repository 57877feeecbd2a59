"""TotalSegmentator as an engine: organs from its networks, body and couch from our own body mask.

The package runs in a process of its own (`worker`) with a private temporary
folder: its settings, so that it sends no statistics and two runs do not meet; our volume as
uncompressed NIfTI with its affine as it is; its results and whatever it leaves behind. The folder
goes in every case.

Sources: Wasserthal et al., Radiology: Artificial Intelligence 2023 (10.1148/ryai.230024).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...ct.series import CTSeries
from ...ct.volume_files import write_nifti
from ...errors import CTDoseSegError, DependencyError, ModelError, OutputError, SegmentationError
from ...flags import flag
from ...tasks.process import TEMPORARY, TaskProcess, module_command, write_to_stderr
from ...tasks.progress import Progress, Stage
from ..body_mask import LaidAside, find_body_mask
from ..combining import combine
from ..labelmap import BODY_REST, Labelmap
from . import weights as weights
from .home import NO_LICENCE, check_licence, write_settings
from .need import available_memory, estimate
from .phase import PHASE, needed_plans, with_phase
from .plan import QUALITIES, Plan, make_plan
from .result import ENGINE, as_labelmap, labels_of, with_couch

WORKER = "CTDoseSegLib.segmentation.totalsegmentator.worker"
# A whole trunk at 1.5 mm takes hours on few processor cores; more than this is a hang.
TIME_LIMIT_S = 12 * 3600.0
# Processes that share tensors make sockets below TMPDIR, and a socket's path has at most 104 bytes.
LONGEST_FOLDER = 60


class _OutOfMemory(Exception):
    """The run needs more memory than there is."""


@dataclass(frozen=True)
class TotalSegmentatorEngine:
    """The organs with a dose model, by TotalSegmentator.

    Attributes
    ----------
    quality
        ``full`` (1.5 mm), ``fast`` (3 mm) or ``fastest`` (6 mm).
    device
        ``auto``, ``cpu``, ``gpu``, ``gpu:N`` or ``mps``.
    extras
        What else to run, keys of `plan.EXTRAS`, and `phase.PHASE`.
    body_mask
        Finds body, skin and couch; None: `body_mask.find_body_mask`.
    time_limit_s
        After so long the run is ended.
    """

    quality: str = "fast"
    device: str = "auto"
    extras: Sequence[str] = ()
    body_mask: Callable[[CTSeries, Progress], Labelmap] | None = None
    time_limit_s: float = TIME_LIMIT_S
    name: str = ENGINE

    def available(self) -> tuple[bool, str]:
        """Return whether the package and all weights are installed, and what is missing."""
        try:
            plans = needed_plans(self.quality, self.extras)
        except CTDoseSegError as error:
            return False, str(error)
        if lacking := weights.missing(*plans):
            return False, weights.missing_sentence(lacking, self.quality, self.extras)
        if plans[0].weights is None and not weights.present():
            return False, weights.missing_sentence((), self.quality, self.extras)
        return True, ""

    def segment(self, series: CTSeries, progress: Progress) -> Labelmap:
        """Segment a series.

        Parameters
        ----------
        series
            A regular volume.
        progress
            Receives progress and warnings; may cancel.

        Returns
        -------
        Labelmap
            On the grid of the series.

        Raises
        ------
        DependencyError
            If the package is missing, too old or cannot be imported.
        ModelError
            If weights are missing or damaged, or a licence is missing.
        SegmentationError
            If the volume cannot be segmented, or the run failed.
        GeometryError
            If what came back is not on the grid of the series.
        OutputError
            If the disk is full.
        """
        _check_volume(series)
        plans = needed_plans(self.quality, self.extras)
        check_licence(plans[0])
        for plan in plans:
            weights.require(plan, self.extras)
        for plan in plans[1:]:  # those of the run itself follow when it is known which one fits
            weights.check(plan)
        find = self.body_mask or partial(find_body_mask, device=self.device)
        laid_aside = LaidAside.of(find(series, Stage(progress, 0.0, 0.1)))
        organs, lowered = self._with_less_if_needed(series, Stage(progress, 0.1, 0.95))
        body = laid_aside.taken_back()
        if lowered:
            organs = replace(organs, flags=(*organs.flags, flag("less_memory", lowered)))
        if not organs.atoms:  # they have a flag for it
            engine = organs.engine + " + " + body.engine
            flags = (*organs.flags, *body.flags)
            return replace(body, engine=engine, flags=flags, about=organs.about)
        own_body = BODY_REST in {atom.name for atom in organs.atoms}
        labelmap = with_couch(organs, body) if own_body else combine(body, organs)
        progress.update(1.0, "put together")
        return labelmap

    def _with_less_if_needed(self, series: CTSeries, progress: Progress) -> tuple[Labelmap, str]:
        """Return the organs, and what was lowered to get them; empty where nothing was."""
        rest = list(QUALITIES[QUALITIES.index(self.quality) :])
        while True:
            quality = rest.pop(0)
            plan = make_plan(quality, self.extras)
            present = weights.check(plan)
            self._warn_if_too_large(plan, series, progress)
            try:
                organs = self._run(plan, present, series, progress)
                lowered = "" if quality == self.quality else f"{quality} in place of {self.quality}"
                return organs, lowered
            except _OutOfMemory as error:
                rest = [q for q in rest if not weights.missing(make_plan(q, self.extras))]
                if not rest:
                    raise SegmentationError(
                        "The memory of this machine is too small for TotalSegmentator and this "
                        "scan, and no smaller network of it is installed (fast, fastest); fetch "
                        "one, close other programs, or choose the engine unet or classical."
                    ) from error
                progress.warning(
                    "less_memory",
                    f"TotalSegmentator ran out of memory; running again with {rest[0]}.",
                )

    def _warn_if_too_large(self, plan: Plan, series: CTSeries, progress: Progress) -> None:
        need = estimate(plan, series)
        free = available_memory()
        on_cpu = f", on this processor about {max(1.0, need.cpu_seconds / 60):.0f} min"
        text = f"TotalSegmentator will need about {need.memory_bytes / 1e9:.1f} GB{on_cpu}"
        if free is not None and need.memory_bytes > free:
            progress.warning(
                "memory_short",
                f"{text}; {free / 1e9:.1f} GB are free. If it fails, a run with less follows; "
                "choose quality fast or fastest, or crop the scan to the organs, to save the time.",
            )
        else:
            progress.update(0.0, text[0].lower() + text[1:])

    def _run(
        self,
        plan: Plan,
        present: Sequence[weights.InstalledNetwork],
        series: CTSeries,
        progress: Progress,
    ) -> Labelmap:
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY))
        sockets = folder
        try:
            if os.name == "posix" and len(os.fsencode(folder)) > LONGEST_FOLDER:
                sockets = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir="/tmp"))
            request = self._prepare(plan, series, folder, sockets)
            environment = {
                # Its own settings, and its temporary files in our folder.
                "TOTALSEG_HOME_DIR": str(folder / "home"),
                "TOTALSEG_WEIGHTS_PATH": str(weights.weights_folder().absolute()),
                **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(sockets)),
            }
            arguments = module_command(WORKER, str(request))
            with TaskProcess(arguments, environment, on_log=write_to_stderr) as worker:
                result = self._follow(worker, progress)
            labels = labels_of(plan, result, series, folder)
        except OSError as error:
            raise OutputError(
                f"The temporary folder of TotalSegmentator cannot be written: {error.strerror}; "
                "free some space, or set TMPDIR to another folder."
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(sockets, ignore_errors=True)
        labelmap = as_labelmap(plan, present, result["device"], labels, series)
        return with_phase(labelmap, result, plan.version)

    def _prepare(self, plan: Plan, series: CTSeries, folder: Path, sockets: Path) -> Path:
        write_settings(folder / "home", plan)
        write_nifti(folder / "ct.nii", series.hu, series.affine)
        request = {
            "folder": str(folder),
            "temporary": [str(folder), str(sockets)],
            "input": str(folder / "ct.nii"),
            "device": self.device,
            PHASE: PHASE in self.extras,
            "passes": sum(_passes(run.weights) for run in plan.runs) + (PHASE in self.extras),
            "runs": [
                {
                    "task": run.task,
                    "quality": run.quality,
                    "subset": run.subset,
                    "names": dict(run.names),
                }
                for run in plan.runs
            ],
        }
        path = folder / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        return path

    def _follow(self, worker: TaskProcess, progress: Progress) -> dict[str, Any]:
        try:
            for report in worker.follow(progress.check_cancelled, self.time_limit_s):
                if report["event"] == "progress":
                    progress.update(report["fraction"], report["message"])
        except TimeoutError as late:
            raise SegmentationError(
                f"TotalSegmentator was ended after {self.time_limit_s / 3600:.1f} h without a "
                "result; choose quality fast or fastest, or the engine unet or classical."
            ) from late
        if worker.result is not None and worker.code == 0:
            return worker.result
        raise _failure(worker.error, worker.code, list(worker.last_words))


def _check_volume(series: CTSeries) -> None:
    if not series.regular:
        raise SegmentationError(
            "The slices are not equally spaced or are sheared, and TotalSegmentator takes them "
            "for a regular volume; choose the engine classical, which goes slice by slice."
        )
    if series.hu.dtype == np.float32 and not np.isfinite(series.hu.sum(dtype=np.float64)):
        raise SegmentationError(
            "The volume holds voxels that are no numbers; export it again, or replace them by air."
        )


def _passes(needed: Sequence[weights.Weights] | None) -> int:
    return len(needed) if needed else 1


def _failure(error: dict[str, Any] | None, code: int | None, words: list[str]) -> Exception:
    """Return what ended a run, as an exception with a sentence."""
    kind, text = (error.get("kind"), error["message"]) if error else ("", "")
    if kind == "OutOfMemory" or (not error and code == -signal.SIGKILL):
        return _OutOfMemory(text)
    if kind == "Weights":
        return ModelError(
            f"TotalSegmentator's weights of task {text} are not installed; run ctdoseseg weights "
            "fetch."
        )
    if kind == "DiskFull":
        return OutputError(
            "The disk of the temporary folder is full, or takes no file of this size; free some "
            "space, or set TMPDIR to another folder."
        )
    if kind == "NoDevice":
        return SegmentationError(
            f"PyTorch finds no device {text.rpartition(' ')[2]} on this machine; choose device "
            "auto or cpu, or install a PyTorch that knows it."
        )
    if kind in ("ImportError", "ModuleNotFoundError"):
        return DependencyError(
            f"TotalSegmentator cannot be started ({text}); install it again: pip install "
            "ctdoseseg[totalsegmentator]."
        )
    if kind == "SystemExit":
        return ModelError(NO_LICENCE)
    why = text or (words[-1] if words else f"exit code {code}")
    return SegmentationError(
        f"TotalSegmentator failed ({why}); the log has the details. Choose another engine, or "
        "give a label map."
    )
