"""Labelled scans for a UNet, as users have them; on the network's working grid."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ... import __version__
from ...ct.series import CTSeries
from ...dicom.deidentify import iter_identities
from ...errors import CTDoseSegError, InputError
from ...segmentation.unet.images import working_volume
from ...segmentation.unet.spec import UNetSpec
from ...segmentation.working_grid import Canonical
from ...tasks.progress import Progress
from ..files import write_whole
from .bodies import BODY_FORM, training_body
from .config import MADE_HERE, Config, DataSource
from .files import find_pairs
from .phantoms import PHANTOM_FORM, training_phantom

UNKNOWN = 255
# What is made here: how, and in which form.
_MAKERS = {"phantoms": (training_phantom, PHANTOM_FORM), "bodies": (training_body, BODY_FORM)}


@dataclass(frozen=True)
class Case:
    """One labelled scan on the working grid, seen along the patient's axes.

    Attributes
    ----------
    name
        Of the case; no patient identity is read for it.
    patient
        Cases of one patient stay together when some are kept for validation.
    source
        Index of its [[data]] table.
    volume
        HU, [k, rows, columns].
    labels
        uint8, [k, rows, columns]: classes from 1 on, 0 none, 255 unknown.
    z_mm
        Of each slice, [k].
    """

    name: str
    patient: str
    source: int
    volume: np.ndarray
    labels: np.ndarray
    z_mm: np.ndarray


def read_cases(
    config: Config, progress: Progress | None = None, kept: Path | None = None
) -> tuple[list[Case], list[str]]:
    """Read all cases of a configuration; also return a sentence for each without a label.

    Phantoms take seconds each to make: with a folder `kept` they are kept there, so that a run
    that goes on finds them again.

    Raises
    ------
    InputError
        If a label has a value or shape that it cannot have, a file lacks its partner, or no case
        is left.
    """
    progress = progress or Progress()
    cases: list[Case] = []
    without_label: list[str] = []
    for number, source in enumerate(config.data):
        if source.kind in MADE_HERE:
            cases += _phantom_cases(config, number, progress, kept)
            continue
        for name, patient, series, labels in _labelled(config, source, progress, without_label):
            if name in source.leave_out:
                continue
            drawn = class_values(labels, source, config.network, name)
            cases.append(make_case(name, patient, number, series, drawn, config.network))
    if not cases:
        raise InputError("There is no labelled case in the data; " + " ".join(without_label))
    _check_classes(cases, config, without_label)
    return cases, without_label


def identities(config: Config) -> list[str]:
    """Return a sentence for each source whose DICOM files name a patient."""
    sentences = []
    for source in config.data:
        folder = config.folder / source.folder
        if source.kind in MADE_HERE or not folder.is_dir():
            continue
        if next(iter_identities(folder), None) is not None:
            sentences.append(
                f"The training data in {Path(source.folder).name} name patients. The network does "
                "not keep them, pictures of the data show them as they are; write them anew with: "
                "ctdoseseg deidentify."
            )
    return sentences


@dataclass(frozen=True)
class Scan:
    """One labelled scan on its own grid; labels are classes, uint8 [k, j, i]."""

    name: str
    series: CTSeries
    labels: np.ndarray
    not_drawn: tuple[str, ...]


def labelled_scans(config: Config, spec: UNetSpec, progress: Progress) -> Iterator[Scan]:
    """Yield the scans of a configuration one by one, with the classes of `spec`.

    Raises
    ------
    InputError
        If the configuration's classes are not those of `spec`.
    """
    if config.network.classes != spec.classes:
        raise InputError(
            f"The configuration's classes ({', '.join(config.network.classes)}) are not those of "
            f"the network ({', '.join(spec.classes)}); write the network's, in its order."
        )
    for source in config.data:
        for name, _patient, series, labels in _labelled(config, source, progress, []):
            if name not in source.leave_out:
                drawn = labels
                if source.kind not in MADE_HERE:  # whose labels are classes already
                    drawn = class_values(labels, source, spec, name)
                yield Scan(name, series, drawn, source.not_drawn)


def make_case(
    name: str, patient: str, source: int, series: CTSeries, labels: np.ndarray, spec: UNetSpec
) -> Case:
    """Make a case on the working grid; labels by the pixel at each working pixel's centre."""
    view = Canonical.of(series)
    drawn = np.flip(labels.transpose(view.permutation), view.reversed_axes)
    volume = working_volume(view.hu, view.spacing_mm[1:], spec)
    z = series.z_mm if view.permutation[0] == 0 else view.spacing_mm[0] * np.arange(len(volume))
    if view.permutation[0] == 0 and 0 in view.reversed_axes:
        z = z[::-1]
    rows, columns = (
        ((np.arange(small) + 0.5) * fine / small).astype(int)
        for small, fine in zip(volume.shape[1:], drawn.shape[1:], strict=True)
    )
    small = np.ascontiguousarray(drawn[:, rows][:, :, columns])
    return Case(name, patient, source, volume, small, np.asarray(z, float))


def class_values(labels: np.ndarray, source: DataSource, spec: UNetSpec, name: str) -> np.ndarray:
    """Return label values as classes, uint8; 255 stays unknown.

    Raises
    ------
    InputError
        If a value is none of those that the source names.
    """
    lookup = np.zeros(256, np.uint8)
    lookup[UNKNOWN] = UNKNOWN
    if source.values:
        known = {int(v): spec.classes.index(c) + 1 for v, c in source.values.items()}
    else:
        known = {n: n for n in range(1, len(spec.classes) + 1)}
        beyond = [int(v) for v in np.unique(labels) if v > len(spec.classes) and v != UNKNOWN]
        if beyond:
            raise InputError(
                f"The labels of {name} have the value {beyond[0]}, and the network has "
                f"{len(spec.classes)} classes: name the values under [[data]] (values), or use 255 "
                "for unknown."
            )
    for value, number in known.items():
        lookup[value] = number
    return lookup[labels]


def _labelled(
    config: Config, source: DataSource, progress: Progress, without_label: list[str]
) -> Iterator[tuple[str, str, CTSeries, np.ndarray]]:
    if source.kind in MADE_HERE:
        make, _ = _MAKERS[source.kind]
        for n in range(source.count):
            progress.update(n / source.count, f"making {source.kind}")
            name, patient = _names(source, n)
            yield name, patient, *make(source.first_seed + n, config.network.classes)
        return
    pairs = find_pairs(source, config.folder)
    for n, pair in enumerate(pairs):
        progress.update(n / max(len(pairs), 1), f"reading {source.kind}")
        try:
            series, labels = pair.read()
        except CTDoseSegError as error:
            raise InputError(f"Training case {pair.name}: {error}") from error
        if labels.shape != series.hu.shape:
            raise InputError(
                f"The labels of {pair.name} have the shape {labels.shape}, its image "
                f"{series.hu.shape}: labels must lie on the grid of their image."
            )
        if not np.any((labels > 0) & (labels < UNKNOWN)):
            without_label.append(f"{pair.name} has no label at all and counts as background.")
        yield pair.name, pair.patient, series, labels[:, ::-1] if source.flip else labels


def _phantom_cases(
    config: Config, number: int, progress: Progress, kept: Path | None
) -> Iterator[Case]:
    """Yield the phantoms of a source, made by the configuration's workers."""
    count, workers = config.data[number].count, config.training.workers
    if workers == 0:
        made: Iterator[Case] = (_phantom_case(config, number, n, kept) for n in range(count))
        yield from _counted(made, count, progress)
        return
    # Spawned, not forked: torch may have started threads.
    pool = ProcessPoolExecutor(min(workers, count), mp_context=get_context("spawn"))
    try:
        jobs = [pool.submit(_phantom_case, config, number, n, kept) for n in range(count)]
        yield from _counted((job.result() for job in jobs), count, progress)
    finally:
        pool.shutdown(cancel_futures=True)  # a cancelled run does not wait for the rest


def _counted(made: Iterator[Case], count: int, progress: Progress) -> Iterator[Case]:
    for n in range(count):
        progress.update(n / count, "making phantoms")
        yield next(made)


def _phantom_case(config: Config, number: int, n: int, kept: Path | None) -> Case:
    source, spec = config.data[number], config.network
    make, number_of_form = _MAKERS[source.kind]
    pixels = f"{spec.pixel_mm} {spec.across}"
    form = f"{__version__} {number_of_form} {spec.classes} {pixels} {spec.windows}"
    form = hashlib.sha256(form.encode()).hexdigest()[:12]
    seed = source.first_seed + n
    name, patient = _names(source, n)
    path = kept / f"{name.replace(' ', '_')}_{form}.npz" if kept is not None else None
    if path is not None and path.is_file():
        with np.load(path, allow_pickle=False) as arrays:
            return Case(name, patient, number, arrays["volume"], arrays["labels"], arrays["z_mm"])
    series, labels = make(seed, spec.classes)
    case = make_case(name, patient, number, series, labels, spec)
    if path is not None:
        stream = io.BytesIO()
        np.savez_compressed(stream, volume=case.volume, labels=case.labels, z_mm=case.z_mm)
        write_whole(path, stream.getvalue())
    return case


def _names(source: DataSource, n: int) -> tuple[str, str]:
    """Return the name of the n-th case that is made here, and of its patient."""
    one = "body" if source.kind == "bodies" else "phantom"
    return f"{one} {source.first_seed + n}", f"{one} {n}"


def _check_classes(cases: list[Case], config: Config, without_label: list[str]) -> None:
    seen = np.zeros(256, bool)
    for case in cases:
        seen[np.unique(case.labels)] = True
    never = [c for n, c in enumerate(config.network.classes, start=1) if not seen[n]]
    if never:
        raise InputError(
            f"No case has {', '.join(never)}: take these out of the network's classes, or give "
            "cases that have them."
        )
    if len({case.patient for case in cases}) < 2:
        raise InputError(
            "All cases are of one patient, so that nothing is left to validate with: give at least "
            "two patients."
        )


def split(cases: list[Case], config: Config) -> tuple[list[Case], list[Case]]:
    """Return the cases to train on and those to validate with, by patient.

    Those that the sources name under `validate`, else a random part of the patients that are no
    phantoms (of the phantoms, where there is nothing else).
    """
    named = {
        (number, name) for number, source in enumerate(config.data) for name in source.validate
    }
    if named:
        held = {c.patient for c in cases if (c.source, c.name) in named}
        if missing := named - {(c.source, c.name) for c in cases}:
            raise InputError(f"There is no case named {sorted(missing)[0][1]} to validate with.")
    else:
        people = sorted({c.patient for c in cases if config.data[c.source].kind not in MADE_HERE})
        people = people if len(people) > 1 else sorted({c.patient for c in cases})
        rng = np.random.default_rng([config.training.seed, 7])
        count = max(1, round(config.training.validation * len(people)))
        held = set(rng.permutation(people)[:count].tolist())
    train = [c for c in cases if c.patient not in held]
    if not train:
        raise InputError("Every case is kept for validation; name fewer under validate.")
    return train, [c for c in cases if c.patient in held]
