"""Dose engines: what estimates organ doses. One protocol, and the choice between them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import DoseEngineChoiceError, DoseEngineError, ModelError
from ..tasks.progress import Progress
from .doses import DoseResult
from .fast.engine import FastEngine, load_model
from .fast.model import MODEL_FILE
from .montecarlo.engine import MonteCarloEngine
from .published.engine import PublishedEngine
from .published.networks import REGIONS, missing_packages, model_files, published_files
from .scan import Scan

AUTO = "auto"
NAMES = (AUTO, FastEngine.name, PublishedEngine.name, MonteCarloEngine.name)
# What a dose model can be: that of this package, a folder of ``train-dose``, or one of the
# published repository.
BUNDLED, TRAINED, PUBLISHED = "bundled", "trained", "published"


@runtime_checkable
class DoseEngine(Protocol):
    """Estimate the organ doses of a scan.

    An engine of your own needs no base class, only these three members; give an instance of it as
    ``analyze(..., dose_engine=...)``. It returns every organ that it was made for. One that it
    does not know has `dose_mGy` None and a flag with the reason. An exposure that it cannot use is
    best refused in `available`, whose reason is shown.

    Where the examination has a dose report, an engine is also asked for its other events: for
    scans whose `own_exposure` is False, with the anatomy of the images and the exposure of another
    event. Doses of the events are added up. An engine that knows the exposure of the images alone
    returns False from `available` for such a scan.

    Examples
    --------
    The ten lines of an engine that gives the liver the CTDIvol of the scan:

    >>> from dataclasses import replace
    >>> from CTDoseSegLib.dosimetry.doses import DoseResult
    >>> from CTDoseSegLib.flags import flag
    >>> class CTDIvolEngine:
    ...     name = "ctdivol"
    ...     def available(self, scan):
    ...         return scan.series.acquisition.ctdivol_mGy is not None, "CTDIvol is not known"
    ...     def estimate(self, scan, progress=None):
    ...         dose_mGy = scan.series.acquisition.ctdivol_mGy
    ...         unknown = flag("no_dose_model", "the engine knows the liver alone")
    ...         heart = scan.without_dose("heart", [unknown])
    ...         liver = replace(scan.without_dose("liver"), dose_mGy=dose_mGy)
    ...         return DoseResult((liver, heart))

    A block of water with a liver and a heart in it, and its analysis by that engine:

    >>> import numpy as np
    >>> from CTDoseSegLib.analysis import analyze
    >>> from CTDoseSegLib.ct.acquisition import Acquisition
    >>> from CTDoseSegLib.ct.series import CTSeries, SliceInfo
    >>> from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap
    >>> labels = np.zeros((8, 64, 64), np.uint8)
    >>> labels[:, 8:56, 8:56] = 1
    >>> labels[2:6, 20:28, 20:28], labels[2:6, 40:48, 20:28] = 2, 3
    >>> affine = np.diag([5.0, 5.0, 5.0, 1.0])
    >>> slices = tuple(SliceInfo(z_mm=5.0 * k) for k in range(8))
    >>> hu = np.where(labels > 0, 0, -1000).astype(np.int16)
    >>> series = CTSeries(hu, affine, slices, Acquisition(ctdivol_mGy=9.0), "block")
    >>> names = ("body_rest", "liver", "heart")
    >>> atoms = tuple(Atom(n, name, "", "#aa0000", "") for n, name in enumerate(names, 1))
    >>> groups = {"body": names, "liver": ("liver",), "heart": ("heart",)}
    >>> labelmap = Labelmap(labels, affine, atoms, groups, "drawn")
    >>> analysis = analyze(series, labelmap, dose_engine=CTDIvolEngine())
    >>> [(organ.organ, organ.dose_mGy) for organ in analysis.doses.organs]
    [('liver', 9.0), ('heart', None)]
    >>> analysis.provenance.parameters["dose_engine"]
    'ctdivol'
    """

    @property
    def name(self) -> str:
        """What it is called in the provenance of a result and in messages; an attribute will do."""
        ...

    def available(self, scan: Scan) -> tuple[bool, str]:
        """Return whether the engine can run here on a scan.

        Parameters
        ----------
        scan
            The CT, its organs, what was measured of them, and its exposure.

        Returns
        -------
        bool
            True if it can.
        str
            The reason why not; empty where it can.
        """
        ...

    def estimate(self, scan: Scan, progress: Progress | None = None) -> DoseResult:
        """Return the organ doses of a scan.

        Parameters
        ----------
        scan
            The CT, its organs, what was measured of them, and its exposure.
        progress
            Takes reports of how far the engine is, and may cancel it: an engine that takes longer
            than a second calls `progress.progress(fraction, message)` several times a second.

        Returns
        -------
        DoseResult
            Every organ that the engine was made for and that is in the images, with its dose or
            with the reason in its flags.
        """
        ...


def choose_engine(
    dose_engine: str | DoseEngine = AUTO,
    dose_model: str | Path = BUNDLED,
    *,
    dose_arrays: str | Path | None = None,
    region: str = "auto",
) -> DoseEngine:
    """Return the engine of a name with its model, or the engine that was given.

    Parameters
    ----------
    dose_engine
        One of `NAMES`, or an engine of your own. ``auto`` is the published networks where
        `dose_model` is a folder of them, else the fast law; it is never Monte Carlo, which takes
        its time.
    dose_model
        ``bundled``, or a folder: of the published repository, or of ``ctdoseseg train-dose``.
    dose_arrays
        Folder of the published repository's arrays, where `dose_model` holds its networks alone.
    region
        ``auto``: every organ that the model knows; else those of one region: ``head``, ``chest``,
        ``abdomen``, ``pelvis`` or ``trunk``, of the published networks ``chest`` or ``abdomen``.

    Raises
    ------
    DoseEngineChoiceError
        If there is no such engine, or it cannot use that model.
    DoseEngineError
        If the published networks lack a package.
    ModelError
        If the folder holds no dose model, or a damaged one, or arrays are missing.
    InputError
        If there is no such region.

    Examples
    --------
    >>> choose_engine().name
    'fast'
    >>> choose_engine("published")
    Traceback (most recent call last):
    CTDoseSegLib.errors.DoseEngineChoiceError: The dose engine published needs a dose model: \
give the folder of the published repository, with its networks and training arrays.
    """
    if not isinstance(dose_engine, str):
        return _own(dose_engine, dose_model, dose_arrays, region)
    if dose_engine not in NAMES:
        raise DoseEngineChoiceError(
            f"There is no dose engine named {dose_engine!r}; choose one of {', '.join(NAMES)}."
        )
    kind = model_kind(dose_model)
    if dose_arrays is not None and kind != PUBLISHED:
        raise DoseEngineChoiceError(
            "Arrays go with the published networks; give the folder of those as the dose model, or "
            "leave the arrays out."
        )
    if dose_engine == MonteCarloEngine.name:
        if kind != BUNDLED or region != "auto":
            raise DoseEngineChoiceError(
                "The dose engine montecarlo has no dose model and no region; leave both out."
            )
        return MonteCarloEngine()
    wanted = PublishedEngine.name if kind == PUBLISHED else FastEngine.name
    if dose_engine not in (AUTO, wanted):
        raise DoseEngineChoiceError(_mismatch(dose_engine, kind, Path(dose_model).name))
    if wanted == PublishedEngine.name:
        published_files(dose_model, dose_arrays, region)
        if reason := missing_packages():
            raise DoseEngineError(
                f"The dose engine {wanted} cannot be used: {reason}; install what is missing, or "
                "choose another dose model."
            )
        return PublishedEngine(dose_model, region, dose_arrays)
    return FastEngine(load_model(None if kind == BUNDLED else dose_model), region)


def model_kind(dose_model: str | Path) -> str:
    """Return what a dose model is: ``bundled``, ``published`` or ``trained``.

    Raises
    ------
    ModelError
        If it is a folder without either.
    """
    if dose_model == BUNDLED:
        return BUNDLED
    folder = Path(dose_model)
    if any(model_files(folder, region) for region in REGIONS):
        return PUBLISHED
    if (folder / MODEL_FILE).is_file():
        return TRAINED
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder.name}, which should hold a dose model.")
    if any(folder.glob("*_model.pth")):
        raise ModelError(
            f"The folder {folder.name} holds the networks of one region itself; give the folder "
            "above it, which holds chest_models and abdomen_models."
        )
    raise ModelError(
        f"The folder {folder.name} holds no dose model; give the folder of the published "
        "repository (chest_models/<organ>_model.pth), or one that ctdoseseg train-dose wrote "
        f"({MODEL_FILE})."
    )


def _mismatch(dose_engine: str, kind: str, folder: str) -> str:
    if kind == BUNDLED:
        return (
            f"The dose engine {dose_engine} needs a dose model: give the folder of the published "
            "repository, with its networks and training arrays."
        )
    holds, other, instead = {
        PUBLISHED: (
            "the published networks",
            PublishedEngine.name,
            "the folder that ctdoseseg train-dose wrote",
        ),
        TRAINED: (
            "a model of ctdoseseg train-dose",
            FastEngine.name,
            "the folder of the published repository",
        ),
    }[kind]
    return (
        f"The dose engine {dose_engine} cannot use the folder {folder}, which holds {holds}; "
        f"choose the engine {other} for it, or give {instead}."
    )


def _own(
    engine: DoseEngine, dose_model: str | Path, dose_arrays: str | Path | None, region: str
) -> DoseEngine:
    """Return an engine that was given, after a look at what it can be."""
    if isinstance(engine, type) or not isinstance(engine, DoseEngine):
        raise DoseEngineChoiceError(
            f"{engine!r} is no dose engine; give one of {', '.join(NAMES)}, or an object with "
            "name, available and estimate."
        )
    if dose_model != BUNDLED or dose_arrays is not None or region != "auto":
        raise DoseEngineChoiceError(
            "dose_model, dose_arrays and region are for engines chosen by name; make the engine "
            f"{engine.name} with what it needs instead."
        )
    return engine
