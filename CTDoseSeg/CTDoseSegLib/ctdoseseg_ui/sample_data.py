"""The phantom as sample data: a CT with its exposure, its dose report and its exact organs.

It is made on this computer, by a task in another process, when it is first asked for; its DICOM
files stay in Slicer's cache. They come into no DICOM database: what they state is kept with the
volume.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from .. import __version__
from ..errors import Cancelled, CTDoseSegError, InputError, OutputError

if TYPE_CHECKING:
    import numpy as np

    from ..ct.series import CTSeries
    from ..segmentation.labelmap import Labelmap

CATEGORY = "CTDoseSeg"
NAME = "CTDoseSegPhantom"
# The same files as an archive (Testing/Host/make_sample_archive.py): what
# `SampleData.downloadSample` of the console fetches; the button of the module needs no network.
ARCHIVE = f"{NAME}-{__version__}.zip"
ADDRESS = f"https://github.com/CTDoseSeg/SlicerCTDoseSeg/releases/download/SampleData/{ARCHIVE}"
CHECKSUM = "SHA256:ff112d44adaff7835690da5009be3b1e1bd8a42bfd3485ee6eb4cce40fd80e10"


def register(thumbnail: str | None = None) -> None:
    """Offer the phantom in Slicer's Sample Data module."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        uris=[ADDRESS],
        fileNames=[ARCHIVE],
        checksums=[CHECKSUM],
        customDownloader=lambda source: load_sample(_show_progress),
        thumbnailFileName=thumbnail,
    )


def load_sample(
    on_progress: Callable[[str], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    **options: int,
) -> list[Any]:
    """Make the phantom if it is not in the cache, and load it; the window stays alive.

    Parameters
    ----------
    on_progress
        Called with a sentence now and then.
    is_cancelled
        Asked many times a second; True ends the loading.
    options
        Of the command ``ctdoseseg phantom``, such as ``seed``.

    Returns
    -------
    list
        The volume node, which knows its exposure, and the segmentation node.

    Raises
    ------
    Cancelled
        If `is_cancelled` returned True.
    CTDoseSegError
        If it cannot be made or read; altered files are removed from the cache.
    """
    from . import job

    def turn() -> None:
        job.turn_event_loop()
        if is_cancelled is not None and is_cancelled():
            raise Cancelled(_("Cancelled; the scene is as it was."))

    say = on_progress or (lambda sentence: None)
    folder = _made(say, turn, options)
    say(_("Reading the phantom..."))
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(_read, folder)
        while not reading.done():
            turn()
        series, labelmap = reading.result()
    return _show(series, labelmap)


def _made(say: Callable[[str], None], turn: Callable[[], None], options: dict[str, int]) -> Path:
    """Return the folder with the phantom's files, made by a task where they are not there."""
    from ..files.staging import writing_to
    from .job import run_and_wait

    cache = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
    chosen = "".join(f"-{name}{value}" for name, value in sorted(options.items()))
    folder = cache / f"{NAME}-{__version__}{chosen}"
    if folder.is_dir():
        return folder

    def report(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            percent = round(100 * float(event.get("fraction", 0.0)))
            say(_("Making the phantom: {percent} %").format(percent=percent))

    say(_("Making the phantom..."))
    with writing_to(cache):
        cache.mkdir(parents=True, exist_ok=True)
        # Of this call alone: while it runs, the window lives, and it may be asked for again.
        unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=cache))
        try:
            arguments = ["phantom", str(unfinished / "made")]
            for name, value in options.items():
                arguments += [f"--{name}", str(value)]
            code, message = run_and_wait(arguments, report, turn)
            if code:
                text = _("The phantom could not be made: {why}")
                raise OutputError(text.format(why=message or code))
            if not folder.is_dir():
                (unfinished / "made").rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _read(folder: Path) -> tuple[CTSeries, Labelmap]:
    """Read the phantom's files; those that were altered go, so that they are made anew."""
    from ..outputs.tables import SEGMENTATION
    from ..reading.reader import read_series
    from ..segmentation.user import read_labelmap

    try:
        (report,) = (folder / "rdsr").glob("*")
        # Without nibabel the task wrote another kind of file.
        (labels,) = (folder / "truth").glob(f"{SEGMENTATION}.n*")
        series = read_series(folder / "dicom", rdsr=report)
        return series, read_labelmap(labels, series)
    except (CTDoseSegError, ValueError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(
            _(
                "The phantom's files in Slicer's cache were altered and are removed; try again, "
                "and they are made anew."
            )
        ) from error


def _show(series: CTSeries, labelmap: Labelmap) -> list[Any]:
    from .nodes.volumes import keep_stated

    nodes = _add(series.hu, labelmap)
    keep_stated(nodes[0], series)
    return nodes


def _add(hu: np.ndarray, labelmap: Labelmap) -> list[Any]:
    from .nodes.segmentations import fill_segmentation
    from .nodes.volumes import add_volume

    volume = add_volume(hu, labelmap.affine, "Phantom CT")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Phantom organs")
    fill_segmentation(segmentation, labelmap, volume)
    return [volume, segmentation]


def _show_progress(sentence: str) -> None:
    slicer.util.showStatusMessage(sentence, 5000)


def load_phantom(**parameters: Any) -> list[Any]:
    """Put a phantom's CT and its exact organs into the scene, without any exposure.

    Parameters
    ----------
    parameters
        Of `phantom.Phantom`.

    Returns
    -------
    list
        The volume node and the segmentation node.
    """
    from ..phantom.phantom import Phantom
    from ..segmentation.atoms import named_atom
    from ..segmentation.labelmap import Labelmap

    chosen = {"seed": 1, "shape": (192, 192, 60), "spacing_mm": (2.3, 2.3, 9.0), **parameters}
    phantom = Phantom(**chosen)
    hu, truth = phantom.render()
    atoms = tuple(named_atom(value, name, "phantom") for name, value in truth.names.items())
    labelmap = Labelmap(truth.labels, phantom.affine, atoms, dict(truth.groups), "phantom")
    return _add(hu, labelmap)
