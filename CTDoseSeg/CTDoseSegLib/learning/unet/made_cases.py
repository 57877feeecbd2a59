"""Phantoms and bodies as cases: made by several processes, and kept for a run that goes on."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ... import __version__
from ...ct.series import CTSeries
from ...tasks.progress import Progress
from ..files import write_whole
from .bodies import BODY_FORM, training_body
from .case import Case, make_case
from .config import Config, DataSource
from .phantoms import PHANTOM_FORM, training_phantom

# What is made here: how, and in which form.
_MAKERS = {"phantoms": (training_phantom, PHANTOM_FORM), "bodies": (training_body, BODY_FORM)}


def made_scan(
    source: DataSource, n: int, classes: tuple[str, ...]
) -> tuple[str, str, CTSeries, np.ndarray]:
    """Make the n-th scan of a source: its name, its patient's, the images and their labels."""
    make, _ = _MAKERS[source.kind]
    return *_names(source, n), *make(source.first_seed + n, classes)


def made_cases(
    config: Config, number: int, progress: Progress, kept: Path | None
) -> Iterator[Case]:
    """Yield the cases of a source that is made, by the configuration's workers."""
    count, workers = config.data[number].count, config.training.workers
    if workers == 0:
        made: Iterator[Case] = (_made_case(config, number, n, kept) for n in range(count))
        yield from _counted(made, count, progress)
        return
    # Spawned, not forked: torch may have started threads.
    pool = ProcessPoolExecutor(min(workers, count), mp_context=get_context("spawn"))
    try:
        jobs = [pool.submit(_made_case, config, number, n, kept) for n in range(count)]
        yield from _counted((job.result() for job in jobs), count, progress)
    finally:
        pool.shutdown(cancel_futures=True)  # a cancelled run does not wait for the rest


def _counted(made: Iterator[Case], count: int, progress: Progress) -> Iterator[Case]:
    for n in range(count):
        progress.update(n / count, "making phantoms")
        yield next(made)


def _made_case(config: Config, number: int, n: int, kept: Path | None) -> Case:
    source, spec = config.data[number], config.network
    _make, number_of_form = _MAKERS[source.kind]
    pixels = f"{spec.pixel_mm} {spec.across}" + (f" {spec.input_shape}" if spec.input_shape else "")
    form = f"{__version__} {number_of_form} {spec.classes} {pixels} {spec.windows} voxel"
    form = hashlib.sha256(form.encode()).hexdigest()[:12]
    name, patient = _names(source, n)
    path = kept / f"{name.replace(' ', '_')}_{form}.npz" if kept is not None else None
    if path is not None and path.is_file():
        with np.load(path, allow_pickle=False) as arrays:
            k, row, column = (float(v) for v in arrays["voxel_mm"])
            return Case(
                name,
                patient,
                number,
                arrays["volume"],
                arrays["labels"],
                arrays["z_mm"],
                (k, row, column),
                str(arrays["digest"]),
            )
    _, _, series, labels = made_scan(source, n, spec.classes)
    case = make_case(name, patient, number, series, labels, spec)
    if path is not None:
        stream = io.BytesIO()
        np.savez_compressed(
            stream,
            volume=case.volume,
            labels=case.labels,
            z_mm=case.z_mm,
            voxel_mm=case.voxel_mm,
            digest=case.digest,
        )
        write_whole(path, stream.getvalue())
    return case


def _names(source: DataSource, n: int) -> tuple[str, str]:
    """Return the name of the n-th case that is made here, and of its patient."""
    one = "body" if source.kind == "bodies" else "phantom"
    return f"{one} {source.first_seed + n}", f"{one} {n}"
