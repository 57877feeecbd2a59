"""CTDoseSeg: from a CT examination to organ doses. Research software, not for clinical use.

Read a CT, segment it, analyse it, and look at the doses:

>>> from CTDoseSegLib import Result, analyze, draw_organ_doses, read_ct, segment, write_result
>>> series = read_ct("ct")
>>> labelmap = segment(series)
>>> analysis = analyze(series, labelmap)
>>> result = Result.of(analysis)
>>> print(f"lung {result.dose_of('lung').dose_mGy:.0f} mGy")
lung ... mGy
>>> draw_organ_doses(result).savefig("organ_doses.png")
>>> files = write_result(analysis, "results")

Names are imported when they are first used, so that the package itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
# Shown with every result.
NOTICE = "Research software, not for clinical use."

if TYPE_CHECKING:
    from .analysis import Analysis, analyze
    from .ct.acquisition import Acquisition
    from .ct.scanner_profile import ScannerProfile, read_scanner_profile
    from .ct.series import CTSeries, SliceInfo
    from .dosimetry.dose_map import DoseMap
    from .dosimetry.doses import DoseResult, OrganDose
    from .dosimetry.engines import DoseEngine
    from .dosimetry.montecarlo.engine import MonteCarloEngine
    from .errors import CTDoseSegError
    from .flags import Flag
    from .reading.reader import read_series as read_ct
    from .reporting.charts_dose import draw_organ_doses
    from .reporting.charts_hu import draw_histogram
    from .reporting.charts_slices import draw_size
    from .reporting.overlay import draw_overlay
    from .result import Comparison, Result, compare, read_result
    from .result_folder import write_result
    from .segmentation.labelmap import Atom, Labelmap
    from .segmentation.segmenting import segment
    from .segmentation.user import read_labelmap
    from .tasks.progress import Progress

# Public name to its module and, where that differs, its name there.
_DOORS = {
    "Acquisition": "ct.acquisition",
    "Analysis": "analysis",
    "Atom": "segmentation.labelmap",
    "CTDoseSegError": "errors",
    "CTSeries": "ct.series",
    "Comparison": "result",
    "DoseEngine": "dosimetry.engines",
    "DoseMap": "dosimetry.dose_map",
    "DoseResult": "dosimetry.doses",
    "Flag": "flags",
    "Labelmap": "segmentation.labelmap",
    "MonteCarloEngine": "dosimetry.montecarlo.engine",
    "OrganDose": "dosimetry.doses",
    "Progress": "tasks.progress",
    "Result": "result",
    "ScannerProfile": "ct.scanner_profile",
    "SliceInfo": "ct.series",
    "analyze": "analysis",
    "compare": "result",
    "draw_histogram": "reporting.charts_hu",
    "draw_organ_doses": "reporting.charts_dose",
    "draw_overlay": "reporting.overlay",
    "draw_size": "reporting.charts_slices",
    "read_ct": "reading.reader:read_series",
    "read_labelmap": "segmentation.user",
    "read_result": "result",
    "read_scanner_profile": "ct.scanner_profile",
    "segment": "segmentation.segmenting",
    "write_result": "result_folder",
}
__all__ = [
    "NOTICE",
    "Acquisition",
    "Analysis",
    "Atom",
    "CTDoseSegError",
    "CTSeries",
    "Comparison",
    "DoseEngine",
    "DoseMap",
    "DoseResult",
    "Flag",
    "Labelmap",
    "MonteCarloEngine",
    "OrganDose",
    "Progress",
    "Result",
    "ScannerProfile",
    "SliceInfo",
    "analyze",
    "compare",
    "draw_histogram",
    "draw_organ_doses",
    "draw_overlay",
    "draw_size",
    "read_ct",
    "read_labelmap",
    "read_result",
    "read_scanner_profile",
    "segment",
    "write_result",
]


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, its_name = _DOORS[name].partition(":")
    found = getattr(import_module(f"{__name__}.{module}"), its_name or name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_DOORS})
