"""What another exposure would give to a result of the scene; nothing of it is written there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..errors import InputError
from .logic_results import ResultsLogic
from .nodes.results import Results

if TYPE_CHECKING:
    from ..dosimetry.what_if.answer import Hypothetical, WhatIf
    from ..dosimetry.what_if.change import Change
    from ..result import Result


class WhatIfLogic(ResultsLogic):
    """The part of `CTDoseSegLogic` that answers for other exposures."""

    def __init__(self) -> None:
        ResultsLogic.__init__(self)
        # The text of the result last asked of, its scan, and what was simulated for it.
        self._asked: tuple[str, WhatIf] | None = None
        self._simulated: dict[Change, Hypothetical] = {}

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
        text = results.node.GetText()
        if self._asked is None or self._asked[0] != text:
            self._asked = (text, self._what_if_of(results))
            self._simulated.clear()
        return self._asked[1]

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
        own = self.whatIf(results)
        return self._simulated.get(change) or own.ask(change)

    def measuredForWhatIf(self, results: Results, seconds: float = 0.04) -> bool:
        """Measure the organs of a result for a moment; True when nothing is left."""
        session = self.session(results)
        if session.labelmap is None:
            self.look(results)
        return session.step(seconds)

    def keepSimulated(
        self, results: Results, change: Change, asked: WhatIf, simulated: Result
    ) -> None:
        """Remember the doses of a simulation with another exposure, while the result is as it is.

        They are in memory alone: a saved scene does not hold them.

        Parameters
        ----------
        results
            As it was shown.
        change
            What was simulated.
        asked
            What was asked for it before the simulation.
        simulated
            What it gave.

        Raises
        ------
        InputError
            If the result was changed meanwhile.
        """
        from ..dosimetry.doses import DoseResult

        own = self.whatIf(results)
        if own is not asked:
            raise InputError(
                _(
                    "The result was changed while another exposure of it was simulated: simulate "
                    "again."
                )
            )
        doses = DoseResult(simulated.organs, shared_by=simulated.uncertainty_shared_by)
        self._simulated[change] = own.simulated(own.ask(change), doses)

    def isSimulated(self, change: Change) -> bool:
        """Whether the doses of a change were simulated."""
        return change in self._simulated

    def forget(self, results: Results | None = None) -> None:
        """Release what is kept in memory of one result or of all."""
        self._asked = None
        self._simulated.clear()
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
