"""CTDoseSegLogic: all that the module does, for the Python console; nothing here needs the widget.

Packages of numbers are imported inside the methods, so that opening the module costs nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from ..errors import CTDoseSegError, InputError
from . import packages, staging
from .exposure_choices import with_choices
from .imports import import_next
from .job import CANCELLED, DONE, FAILED, Job, run_and_wait, turn_event_loop
from .logic_leaving import LeavingLogic
from .logic_simulation import SimulationLogic
from .nodes.results import NEW, Results
from .staging import BUNDLED, StagedAnalysis

if TYPE_CHECKING:
    from ..batch import Run
    from .running import RunningAnalysis


class CTDoseSegLogic(LeavingLogic, SimulationLogic, ScriptedLoadableModuleLogic):
    """From a CT volume of the scene to organ doses.

    Examples
    --------
    In Slicer's Python console::

        logic = slicer.util.getModuleLogic("CTDoseSeg")
        results = logic.analyze(slicer.util.getNode("CT"), engine="classical")
        print(results.doses())                     # organ -> mGy
        slicer.util.getNode("CT segmentation")     # edit it, then
        logic.recompute(results)
        logic.export(results, "/tmp/ct")

    Values that DICOM does not state have the names of the command line's ``--acquisition``::

        logic.analyze(volumeNode, acquisition={"ctdivol_mGy": 8.1, "phantom_cm": 32})
    """

    def __init__(self) -> None:
        SimulationLogic.__init__(self)
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> Any:
        """The parameter node of this scene, typed."""
        from .parameters import CTDoseSegParameterNode

        return CTDoseSegParameterNode(ScriptedLoadableModuleLogic.getParameterNode(self))

    # Analysis ------------------------------------------------------------------------------

    def analyze(
        self,
        volumeNode: Any,
        segmentationNode: Any = None,
        engine: str = "auto",
        region: str = "auto",
        doseModel: str = BUNDLED,
        acquisition: Mapping[str, Any] | None = None,
        onEvent: Callable[[dict[str, Any]], None] | None = None,
        unet: str = "",
        quality: str = "fast",
        extras: Sequence[str] = (),
        doseReport: str = "auto",
        scannerProfile: str = "",
        wait: bool = True,
        newResult: bool = False,
    ) -> Results | RunningAnalysis:
        """Segment, measure and predict doses; returns when all is in the scene.

        While it waits, the window redraws and answers.

        Parameters
        ----------
        volumeNode
            The CT, a scalar volume in HU.
        segmentationNode
            Organs that are drawn already; body, skin and couch are added where they are missing.
        engine
            ``auto``, ``classical``, ``unet`` or ``totalsegmentator``. With a segmentation and
            one of the networks, the network finds the organs that are not drawn.
        region
            ``auto``: every organ; else those of ``head``, ``chest``, ``abdomen``, ``pelvis`` or
            ``trunk`` alone.
        doseModel
            ``bundled``, or a folder: of the published models, or of ``ctdoseseg train-dose``.
        acquisition
            Typed values that replace those of DICOM.
        onEvent
            Called with each report of the command's `--events jsonl`, a dictionary.
        unet
            Folder of a UNet from ``ctdoseseg train-unet``; empty: the bundled one.
        quality, extras
            Of TotalSegmentator: ``full``, ``fast`` or ``fastest``; any of ``lung_vessels``,
            ``heart_chambers``, ``body``, ``breasts``, ``head_glands``, ``tissue_types`` and
            ``contrast_phase``.
        doseReport
            A file (X-Ray Radiation Dose SR) that adds what the images lack; ``auto``: that of the
            same study in Slicer's DICOM database; ``none``.
        scannerProfile
            JSON file of what was measured on the scanner; empty: none.
        wait
            False: return at once; the result comes into the scene when it is there.
        newResult
            Make another result of the CT beside those that it has, to compare them; else the
            newest one is replaced.

        Returns
        -------
        Results or RunningAnalysis
            The nodes of the result and its numbers; without waiting, the running analysis, which
            shows its progress and can be waited for or cancelled.

        Raises
        ------
        CTDoseSegError
            With one sentence: what was wrong and what to do.

        Examples
        --------
        Go on working while it runs::

            running = logic.analyze(volumeNode, wait=False)
            print(running.progress, running.message)
            results = running.wait()  # or running.cancel()
        """
        from .running import RunningAnalysis

        task = self.prepare(
            volumeNode,
            segmentationNode,
            engine,
            region,
            doseModel,
            acquisition,
            unet=unet,
            quality=quality,
            extras=extras,
            doseReport=doseReport,
            scannerProfile=scannerProfile,
            into=NEW if newResult else "",
        )
        running = RunningAnalysis(self.start, task, onEvent)
        return running.wait() if wait else running

    def start(
        self,
        task: StagedAnalysis,
        *,
        onEvent: Callable[[dict[str, Any]], None],
        onLog: Callable[[str], None],
        onEnd: Callable[[str, str, Results | None], None],
    ) -> Job:
        """Run a prepared task without blocking.

        Parameters
        ----------
        task
            From `prepare`.
        onEvent, onLog
            Called with every event and every line of the log.
        onEnd
            Called at the end with the state (done, failed, cancelled), a sentence and the
            results (None unless done).
        """

        def end(state: str) -> None:
            results, message = None, job.message
            try:
                if state == DONE and task.output is None:
                    with _wait_cursor():
                        results = self.finish(task)
            except CTDoseSegError as error:
                state, message = FAILED, str(error)
            except Exception:
                onEnd(FAILED, "The result could not be shown; see Slicer's error log.", None)
                raise
            onEnd(state, "" if state == CANCELLED else message, results)

        def event(report: dict[str, Any]) -> None:
            import_next()  # what the result will need
            onEvent(report)

        job = Job(task.arguments, on_event=event, on_log=onLog, on_end=end, on_cleanup=task.clear)
        job.start()
        return job

    def prepare(
        self,
        volumeNode: Any,
        segmentationNode: Any = None,
        engine: str = "auto",
        region: str = "auto",
        doseModel: str = BUNDLED,
        acquisition: Mapping[str, Any] | None = None,
        unet: str = "",
        quality: str = "fast",
        extras: Sequence[str] = (),
        doseReport: str = "auto",
        scannerProfile: str = "",
        into: str = "",
    ) -> StagedAnalysis:
        """Stage the input of an analysis: volume and user segmentation in a temporary folder.

        Parameters are those of `analyze`; `into` is as in `Results.create`.
        """
        from ..flags import scene
        from .nodes.segmentations import labelmap_of

        series = self.series(volumeNode, acquisition, doseReport, scannerProfile)
        if doseModel and doseModel != BUNDLED:
            doseModel = os.path.abspath(doseModel)  # the task has another working directory
        choices = {
            "engine": "given" if segmentationNode is not None else engine,
            "region": region,
            "dose_model": doseModel or BUNDLED,
        }
        arguments = ["--region", region, "--dose-model", doseModel or BUNDLED]
        arguments += ["--engine", engine, "--quality", quality]
        if extras:
            arguments += ["--extra", *extras]
        if segmentationNode is None:
            if unet:
                arguments += ["--unet", os.path.abspath(unet)]
            return staging.stage_input(volumeNode, series, None, arguments, choices, into=into)
        labelmap = labelmap_of(segmentationNode, volumeNode, series)
        # The staged label map no longer shows how its segments overlapped or were resampled.
        lay = tuple(f for f in labelmap.flags if f.code in scene.FLAGS)
        series = replace(series, flags=(*series.flags, *lay))
        drawn = segmentationNode.GetID()
        return staging.stage_input(
            volumeNode, series, labelmap, arguments, choices, givenID=drawn, into=into
        )

    def finish(self, task: StagedAnalysis) -> Results:
        """Bring the results of a task into the scene."""
        # Not by its ID, which a volume of another scene can have.
        volume = task.volume
        if volume.GetScene() is None:
            raise InputError(
                _("The volume was removed from the scene while it was analysed; nothing was added.")
            )
        folder = task.folder / staging.RESULT_FOLDER
        return self.show(volume, task.series, folder, task.choices, task.givenID, task.into)

    def series(
        self,
        volumeNode: Any,
        acquisition: Mapping[str, Any] | None = None,
        doseReport: str = "auto",
        scannerProfile: str = "",
    ) -> Any:
        """Return the volume as a CTSeries with all that is known of its exposure.

        Parameters are those of `analyze`: typed values replace those of DICOM and dose report, and
        the profile corrects the CTDIvol that comes of them.
        """
        from .nodes.exposures import series_of

        series = series_of(volumeNode, doseReport)
        return with_choices(series, volumeNode, acquisition, scannerProfile)

    # Files ---------------------------------------------------------------------------------

    def batch(self, folder: str | Path, output: str | Path, **options: Any) -> Run:
        """Analyse every CT of an archive in another process; returns a handle at once.

        Parameters
        ----------
        folder
            An archive, or a plan of ``ctdoseseg discover``.
        output
            Folder of the run; choose it again to continue the run.
        options
            Those of ``ctdoseseg batch``: ``engine="classical"``, ``workers=2``.

        Examples
        --------
        ::

            run = logic.batch("/data/archive", "/data/results", engine="classical")
            print(run.message)
            run.cancel()  # or run.wait()
        """
        from ..batch import run

        packages.ensure_nifti(packages.names_below(folder))
        return run(folder, output, keep_turning=turn_event_loop, **options)

    def loadStudy(self, output: str | Path, key: str) -> Results:
        """Load the CT and the result of a batch's scan into the scene.

        Parameters
        ----------
        output
            Folder of the run.
        key
            Of the scan, as in its tables.
        """
        from .batch_study import load_study

        return load_study(self, Path(output), key)

    def analyzeFolder(
        self,
        inputFolder: str | Path,
        outputFolder: str | Path,
        engine: str = "auto",
        onCase: Callable[[str, str], None] | None = None,
    ) -> dict[str, str]:
        """Analyse every CT below a folder: each subfolder of DICOM files, each volume file.

        The scene is not touched. Results go to numbered folders, for the names of folders can be
        those of patients.

        Returns
        -------
        dict
            Name of the case's output folder to "done" or the sentence with the reason why not.

        Examples
        --------
        ::

            logic.analyzeFolder("/data/cts", "/data/results", engine="classical", onCase=print)
        """
        endings = (".nii", ".nii.gz", ".nrrd", ".npy")
        cases = sorted(
            path
            for path in Path(inputFolder).iterdir()
            if path.is_dir() or path.name.lower().endswith(endings)
        )
        packages.ensure_nifti(cases)
        states = {}
        for n, path in enumerate(cases, start=1):
            name = f"case_{n:04d}"
            # The task has another working directory.
            ct, target = os.path.abspath(path), os.path.abspath(Path(outputFolder) / name)
            code, message = run_and_wait(["analyze", ct, "--output", target, "--engine", engine])
            states[name] = "done" if code == 0 else message
            if onCase is not None:
                onCase(name, states[name])
        return states


@contextlib.contextmanager
def _wait_cursor() -> Iterator[None]:
    import qt

    slicer.app.setOverrideCursor(qt.Qt.WaitCursor)
    try:
        yield
    finally:
        slicer.app.restoreOverrideCursor()
