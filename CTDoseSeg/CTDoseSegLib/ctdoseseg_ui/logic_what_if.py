"""What another exposure would give to a result of the scene; nothing of it is written there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..errors import InputError
from .logic_results import ResultsLogic
from .nodes.results import Results

if TYPE_CHECKING:
    from ..dosimetry.what_if.answer import Hypothetical, WhatIf
    from ..dosimetry.what_if.change import Change
    from ..result import Result


@dataclass(frozen=True, eq=False)  # a scan has arrays, which have no single truth value
class Asked:
    """A result's scan that can be asked for other exposures, and which result it is of.

    Attributes
    ----------
    nodeID, text
        Of the result's node when the scan was made; another text has other numbers.
    scan
        To be asked.
    """

    nodeID: str
    text: str
    scan: WhatIf


class WhatIfLogic(ResultsLogic):
    """The part of `CTDoseSegLogic` that answers for other exposures."""

    def __init__(self) -> None:
        ResultsLogic.__init__(self)
        # The result last asked of alone: its scan holds the voxels of a CT.
        self._asked: Asked | None = None
        # Node ID of a result to its text and what was simulated for it, which is a few numbers.
        self._simulated: dict[str, tuple[str, dict[Change, Hypothetical]]] = {}

    def whatIf(self, results: Results) -> WhatIf:
        """Return a result's scan, to be asked for the doses of other exposures.

        Measures the organs where that was not done yet, which takes as long as the first edit.

        Examples
        --------
        ::

            from CTDoseSegLib.dosimetry.what_if.change import Change

            whatIf = logic.whatIf(results)
            other = whatIf.ask(Change(kvp_kV=100, pitch=1.2))
            print(other.ssde_mGy, other.dose_of("lung").dose_mGy)
        """
        return self.asked(results).scan

    def asked(self, results: Results) -> Asked:
        """Return the scan as `whatIf` does, with the result's text that it belongs to."""
        identifier, text = results.node.GetID(), results.node.GetText()
        if self._asked is None or (self._asked.nodeID, self._asked.text) != (identifier, text):
            self._asked = Asked(identifier, text, self._what_if_of(results))
        return self._asked

    def _what_if_of(self, results: Results) -> WhatIf:
        from ..dosimetry.doses import DoseResult
        from ..dosimetry.fast.engine import FastEngine, load_model
        from ..dosimetry.what_if.answer import WhatIf

        session, result = self.session(results), results.result
        if session.labelmap is None:
            self.look(results)
        doses = DoseResult(
            result.organs,
            result.dose_flags,
            result.dose_model,
            shared_by=result.uncertainty_shared_by,
        )
        law = FastEngine(load_model(), result.chosen("region", "auto"))
        return WhatIf(session.scan(result), doses, law)

    def answer(self, results: Results, change: Change) -> Hypothetical:
        """Return the doses of another exposure: simulated ones, where it was simulated."""
        return self._simulated_of(results).get(change) or self.whatIf(results).ask(change)

    def measuredForWhatIf(self, results: Results, seconds: float = 0.04) -> bool:
        """Measure the organs of a result for a moment; True when nothing is left."""
        session = self.session(results)
        if session.labelmap is None:
            self.look(results)
        return session.step(seconds)

    def keepSimulated(
        self, results: Results, change: Change, asked: Asked, simulated: Result
    ) -> None:
        """Remember the doses of a simulation with another exposure, while the result is as it is.

        They are in memory alone: a saved scene does not hold them.

        Parameters
        ----------
        results
            The result; another one may have been looked at meanwhile.
        change
            What was simulated.
        asked
            From `asked`, before the simulation.
        simulated
            What it gave.

        Raises
        ------
        InputError
            If the result was changed meanwhile.
        """
        from ..dosimetry.doses import DoseResult

        if (results.node.GetID(), results.node.GetText()) != (asked.nodeID, asked.text):
            raise InputError(
                _(
                    "The result was changed while another exposure of it was simulated: simulate "
                    "again."
                )
            )
        doses = DoseResult(simulated.organs, shared_by=simulated.uncertainty_shared_by)
        answers = self._simulated_of(results)
        answers[change] = asked.scan.simulated(asked.scan.ask(change), doses)
        self._simulated[asked.nodeID] = asked.text, answers

    def isSimulated(self, results: Results, change: Change) -> bool:
        """Whether the doses of a change were simulated for a result as it is now."""
        return change in self._simulated_of(results)

    def _simulated_of(self, results: Results) -> dict[Change, Hypothetical]:
        """Return what was simulated for a result; nothing where it was changed since."""
        text, answers = self._simulated.get(results.node.GetID(), ("", {}))
        return answers if text == results.node.GetText() else {}

    def forget(self, results: Results | None = None) -> None:
        """Release the voxels kept in memory of one result or of all.

        What was simulated for one result stays for the next look at it: it took minutes.
        """
        if results is None:
            self._simulated.clear()
        if results is None or (self._asked and self._asked.nodeID == results.node.GetID()):
            self._asked = None
        ResultsLogic.forget(self, results)

    def hypothetical(
        self,
        results: Results,
        tubeCurrent: float = 1.0,
        rotationTime: float = 1.0,
        ctdivol: float = 1.0,
        **other: Any,
    ) -> dict[str, float]:
        """Return organ doses in mGy if the exposure were another; the result stays.

        Parameters
        ----------
        results
            Of `analyze`.
        tubeCurrent, rotationTime
            Factors on tube current and rotation time.
        ctdivol
            What changes CTDIvol beyond that; no effect on a dose that was scaled with mAs alone.
        other
            Further fields of `dosimetry.what_if.change.Change`: ``kvp_kV``, ``pitch``,
            ``irradiated_range_mm``, ``target_ssde_mGy``.

        Returns
        -------
        dict
            Organ to dose in mGy. Doses of the published networks are not proportional to anything:
            for them there is none.

        Raises
        ------
        AcquisitionError
            If there can be no such exposure.

        Examples
        --------
        ::

            logic.hypothetical(results, kvp_kV=100, pitch=1.2)["lung"]
        """
        from ..dosimetry.what_if.change import Change

        change = Change(
            tube_current_factor=tubeCurrent,
            rotation_time_factor=rotationTime,
            ctdivol_factor=ctdivol,
            **other,
        )
        organs = self.answer(results, change).organs
        return {one.organ: one.dose_mGy for one in organs if one.dose_mGy is not None}
