"""A simulated result in a folder, for the doses of organs that are edited later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..analysis import Analysis, analyze
from ..ct.series import CTSeries
from ..dosimetry.dose_map import DoseMap
from ..dosimetry.montecarlo.edits import EditedEngine
from ..dosimetry.montecarlo.engine import MonteCarloEngine
from ..dosimetry.scan import Scan
from ..errors import InputError
from ..files.staging import RESULT
from ..result import Result, read_result
from ..segmentation.user import read_labelmap
from .dose_maps import BATCHES, read_dose_map, write_dose_map
from .result_json import write_result_json
from .tables import write_labelmap


def is_simulated(result: Result) -> bool:
    """Return whether the doses of a result are those of a simulation."""
    return result.chosen("dose_engine") == MonteCarloEngine.name


def dose_map_in(folder: Path, result: Result) -> DoseMap | None:
    """Return the dose map beside a result; None where there is none.

    Raises
    ------
    InputError
        If its files cannot be read.
    """
    histories = result.dose_model.get("histories")
    return read_dose_map(folder, histories=int(histories)) if histories else None


def scan_of(analysis: Analysis) -> Scan:
    """Return what a dose engine was asked for, with labels of its own."""
    labelmap = replace(analysis.labelmap, labels=analysis.labelmap.labels.copy())
    measured = (analysis.measurements, analysis.size, analysis.scanner)
    return Scan.of(analysis.series, labelmap, *measured)


def engine_after(result: Result, dose_map: DoseMap, simulated: Scan) -> EditedEngine:
    """Return the engine that gives the doses of organs edited since a result.

    Parameters
    ----------
    result
        Of a simulation, or of one that was edited since.
    dose_map
        Of the simulation.
    simulated
        The scan with the label map of the result.
    """
    return EditedEngine(
        simulated=simulated,
        dose_map=dose_map,
        organs=result.organs,
        flags=result.dose_flags,
        model_card=result.dose_model,
        shared_by=result.uncertainty_shared_by,
        peak_skin_dose=result.peak_skin_dose,
    )


def write_simulation(analysis: Analysis, dose_map: DoseMap, folder: Path) -> None:
    """Write what `read_simulation` reads to an existing folder."""
    result = Result.of(analysis)
    file = write_labelmap(analysis.labelmap, folder)[0].name
    result = replace(result, segmentation=replace(result.segmentation, file=file))
    write_dose_map(dose_map, folder, batches=True)
    write_result_json(result, folder / RESULT)


def read_simulation(folder: Path, series: CTSeries) -> EditedEngine:
    """Read a simulated result; for another label map of its CT the engine gives the doses.

    Parameters
    ----------
    folder
        A result of ``analyze --dose-engine montecarlo --keep-batches``.
    series
        The CT that was simulated.

    Raises
    ------
    InputError
        If the folder holds no such result, or that of another CT.
    """
    result = read_result(folder)
    if not is_simulated(result):
        raise InputError(
            f"The doses in {folder.name} are not those of a simulation; give the result of "
            "--dose-engine montecarlo --keep-batches."
        )
    if tuple(result.geometry.shape_kji) != series.hu.shape:
        raise InputError(
            f"The result in {folder.name} is of a CT of {result.geometry.shape_kji} voxels, this "
            f"one has {series.hu.shape}: give the CT that was simulated."
        )
    dose_map = dose_map_in(folder, result)
    if dose_map is None or dose_map.soft_tissue_batches_mGy is None:
        raise InputError(
            f"The result in {folder.name} has no {BATCHES}; simulate again with --keep-batches."
        )
    # The name alone: a result may have been moved.
    labelmap = read_labelmap(folder / Path(result.segmentation.file).name, series)
    return engine_after(result, dose_map, scan_of(analyze(series, labelmap)))


def settings_of(result: Result) -> Mapping[str, Any]:
    """Return what was chosen for the simulation of a result, as its provenance has it."""
    names = ("relative_se", "max_minutes", "beam")
    return {name: result.chosen(name) for name in names if result.chosen(name) is not None}
