"""Results that leave Slicer: as files, and as DICOM objects of their CT's study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..errors import InputError, OutputError
from . import staging
from .job import run_and_wait
from .nodes.results import Results
from .staging import BUNDLED, FOLDER_MODELS, StagedAnalysis

if TYPE_CHECKING:
    from ..result import Result
    from .session import Session


class LeavingLogic:
    """The part of `CTDoseSegLogic` that stages results; needs the parts that make them."""

    session: Any
    look: Any
    recompute: Any
    stageSimulated: Any

    def prepareExport(self, results: Results, folder: str | Path) -> StagedAnalysis:
        """A task that writes the files of the command line's ``analyze`` to `folder`."""
        session = self.session(results)
        if session.dose_model in FOLDER_MODELS:
            raise InputError(
                _(
                    "The doses came from a dose model in a folder, which a saved scene does not "
                    "keep: choose it under Advanced, press Apply and export again."
                )
            )
        self._current(results)
        arguments = ["--region", session.region, "--dose-model", session.dose_model]
        task = staging.stage_input(
            results.volume,
            session.series,
            session.as_known(),
            [] if results.simulated else arguments,
            {},
            output=folder,
        )
        if results.simulated:
            self.stageSimulated(results, task)
        return task

    def export(self, results: Results, folder: str | Path) -> Path:
        """Write the files of the command line's ``analyze`` to `folder`; return the folder."""
        task = self.prepareExport(results, folder)
        try:
            code, message = run_and_wait(task.arguments)
        finally:
            task.clear()
        if code:
            raise OutputError(message)
        return Path(folder)

    def prepareDICOM(
        self, results: Results, pdf: Callable[[Result], bytes] | None = None
    ) -> StagedAnalysis:
        """A task that writes DICOM objects of a result, which carry the patient's identity.

        Parameters
        ----------
        results
            The result; its CT was loaded from Slicer's DICOM database.
        pdf
            Returns the report of a result as a PDF; None: without it.
        """
        from .leaving import stage_dicom

        session = self._current(results)
        # Drawn only now: the report has the doses that the other objects have.
        report = pdf(results.result) if pdf is not None else None
        return stage_dicom(results, session.as_known(), report)

    def saveToDICOM(self, results: Results) -> list[str]:
        """Put a result as SEG and SR into Slicer's DICOM database; return the files there.

        Raises
        ------
        InputError, OutputError, DependencyError
            With one sentence: what was wrong and what to do.
        """
        from .leaving import put_into_database

        task = self.prepareDICOM(results)
        try:
            code, message = run_and_wait(task.arguments)
            if code:
                raise OutputError(message)
            return put_into_database(Path(str(task.output)))
        finally:
            task.clear()

    def _current(self, results: Results) -> Session:
        """Return what is known of a result, up to date with its segmentation."""
        session = self.session(results)
        if session.labelmap is None:
            self.look(results)
        elif session.dose_model == BUNDLED:
            self.recompute(results)
        return session
