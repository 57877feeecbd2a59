"""Labelled scans for a UNet, as users have them; on the network's working grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...ct.series import CTSeries
from ...errors import CTDoseSegError, InputError
from ...segmentation.unet.spec import UNetSpec
from ...tasks.progress import Progress, Stage
from .case import Case, make_case
from .config import MADE_HERE, Config, DataSource
from .files import Pair, cut_series, find_pairs
from .made_cases import made_cases, made_scan
from .mask_form import MaskForm, best_form, explained, nearest
from .metrics import UNKNOWN
from .slice_files import first_header

# So many cases of a source show in which form its masks lie.
FORM_CASES = 4
_AUTO = "auto"


def read_cases(
    config: Config,
    progress: Progress | None = None,
    kept: Path | None = None,
    pairs: Sequence[list[Pair]] | None = None,
) -> tuple[list[Case], list[str]]:
    """Read all cases of a configuration; also return a sentence for each that is doubtful.

    Phantoms take seconds each to make: with a folder `kept` they are kept there, so that a run
    that goes on finds them again. `pairs` are those of `pairs_of`, where they were found before.

    Raises
    ------
    InputError
        If a label has a value or shape that it cannot have, a file lacks its partner, or no case
        is left.
    """
    progress = progress or Progress()
    cases: list[Case] = []
    sentences: list[str] = []
    if pairs is None:
        pairs = pairs_of(config, Stage(progress, 0.0, 0.1))
    for number, source in enumerate(config.data):
        part = _share(Stage(progress, 0.1, 1.0), number, len(config.data))
        if source.kind in MADE_HERE:
            cases += made_cases(config, number, part, kept)
            continue
        for name, patient, series, labels, _ in _labelled(
            config, source, pairs[number], part, sentences
        ):
            drawn = class_values(labels, source, config.network, name)
            cases.append(make_case(name, patient, number, series, drawn, config.network))
    if not cases:
        raise InputError("There is no labelled case in the data; " + " ".join(sentences))
    _check_classes(cases, config)
    return [replace(case, number=n) for n, case in enumerate(cases, start=1)], sentences


def pairs_of(config: Config, progress: Progress) -> list[list[Pair]]:
    """Return the pairs of each source, by name; none of what is made here."""
    pairs: list[list[Pair]] = []
    for number, source in enumerate(config.data):
        part = _share(progress, number, len(config.data))
        part.update(0.0, "finding labelled scans")
        pairs.append([] if source.kind in MADE_HERE else find_pairs(source, config.folder, part))
    return pairs


def _share(progress: Progress, number: int, count: int) -> Stage:
    return Stage(progress, number / count, (number + 1) / count)


def identities(pairs: Sequence[list[Pair]], progress: Progress | None = None) -> list[str]:
    """Return a sentence for each source whose DICOM files name patients, with its cases."""
    progress = progress or Progress()
    sentences = []
    for number, mine in enumerate(pairs):
        part, names = _share(progress, number, len(pairs)), []
        for n, pair in enumerate(mine):
            part.update(n / len(mine), "looking for names of patients")
            if pair.names_a_patient(part):
                names.append(pair.name)
        if names:
            sentences.append(
                f"The images of {', '.join(names)} name their patients "
                f"({len(names)} {'case' if len(names) == 1 else 'cases'}). Neither the network nor "
                "its pictures keep these names; write the images anew with: ctdoseseg deidentify."
            )
    return sentences


@dataclass(frozen=True)
class Scan:
    """One labelled scan on its own grid; labels are classes, uint8 [k, j, i].

    `progress` is the part of the whole that working on it is.
    """

    name: str
    series: CTSeries
    labels: np.ndarray
    source: DataSource
    progress: Progress


def labelled_scans(
    config: Config, spec: UNetSpec, progress: Progress, sentences: list[str]
) -> Iterator[Scan]:
    """Yield the scans of a configuration one by one, with the classes of `spec`.

    `sentences` receives one for each scan that is doubtful.

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
    pairs = pairs_of(config, Stage(progress, 0.0, 0.1))
    for number, source in enumerate(config.data):
        part = _share(Stage(progress, 0.1, 1.0), number, len(config.data))
        for name, _patient, series, labels, share in _labelled(
            config, source, pairs[number], part, sentences
        ):
            drawn = labels
            if source.kind not in MADE_HERE:  # whose labels are classes already
                drawn = class_values(labels, source, spec, name)
            yield Scan(name, series, drawn, source, share)


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
                f"{len(spec.classes)} classes: name the values under [[data]] (values), give the "
                "right number of labels, or use 255 for unknown."
            )
    for value, number in known.items():
        lookup[value] = number
    return lookup[labels]


def _labelled(
    config: Config,
    source: DataSource,
    pairs: Sequence[Pair],
    progress: Progress,
    sentences: list[str],
) -> Iterator[tuple[str, str, CTSeries, np.ndarray, Progress]]:
    """Yield name, patient, images, labels and part of the progress of each case not left out."""
    if source.kind in MADE_HERE:
        for n in range(source.count):
            progress.update(n / source.count, f"making {source.kind}")
            name, patient, series, labels = made_scan(source, n, config.network.classes)
            if name not in source.leave_out:
                yield name, patient, series, labels, _share(progress, n, source.count)
        return
    pairs = [pair for pair in pairs if pair.name not in source.leave_out]
    sentences += [f"{p.name} was left out: {p.unusable}." for p in pairs if p.unusable]
    pairs = [pair for pair in pairs if not pair.unusable]
    if source.kind == "slices":
        sentences += cut_series(pairs)
    form = _form(config, source, pairs, progress, sentences)
    for n, pair in enumerate(pairs):
        progress.update(n / max(len(pairs), 1), f"reading {source.kind}")
        series, labels = _read(pair, config)
        if source.kind == "npz":
            _doubt_form(pair.name, explained(series, labels), form, sentences)
        values = np.unique(labels)
        if values.tolist() in ([UNKNOWN], [0, UNKNOWN]):
            raise InputError(
                f"The labels of {pair.name} have no value but 0 and 255, and 255 is unknown: write "
                "the label as 1."
            )
        if values.tolist() == [0]:
            sentences.append(f"{pair.name} has no label at all and counts as background.")
        if pair.lossy:
            sentences.append(
                f"Labels of {pair.name} are JPG, which smears values along edges: they were "
                "repaired. Look at data_check.png, and better save them as .png or .npy."
            )
        if lost := len(set(map(str, pair.images)) - set(series.files)) * (source.kind == "slices"):
            sentences.append(
                f"{lost} of {len(pair.images)} images of {pair.name} lie where another one lies "
                "and are left out."
            )
        part = _share(progress, n, len(pairs))
        yield pair.name, pair.patient, series, form.of(labels, series), part


def _read(pair: Pair, config: Config) -> tuple[CTSeries, np.ndarray]:
    header = first_header(pair.images[0]) if config.network.windows else None
    if header is not None and header.text("Modality") == "MR":
        raise InputError(
            f"The images of {pair.name} are MR, whose values are no HU: set windows = [] under "
            "[network]."
        )
    try:
        series, labels = pair.read()
    except CTDoseSegError as error:
        raise InputError(f"Training case {pair.name}: {error}") from error
    if labels.shape != series.hu.shape:
        raise InputError(
            f"The labels of {pair.name} have the shape {labels.shape}, its image "
            f"{series.hu.shape}: labels must lie on the grid of their image."
        )
    return series, labels


def _form(
    config: Config,
    source: DataSource,
    pairs: list[Pair],
    progress: Progress,
    sentences: list[str],
) -> MaskForm:
    """Return the form of a source's masks: as stated, or the one that explains the images best.

    What was done is a note where that form is clear, and doubtful where another one is near it.
    """
    if source.flip != _AUTO:
        return MaskForm(bool(source.flip))
    if source.kind != "npz":  # pictures of slices lie on them; volumes have a geometry
        return MaskForm()
    together: dict[MaskForm, float] = {}
    for pair in pairs[:FORM_CASES]:
        for form, part in explained(*_read(pair, config)).items():
            together[form] = together.get(form, 0.0) + part
    form = best_form(together, MaskForm())
    if form != MaskForm():
        percent = {one: 100 * part / min(len(pairs), FORM_CASES) for one, part in together.items()}
        done = (
            f"The masks were taken as {form}: so they explain {percent[form]:.0f} % of the image "
            f"around them, as stored {percent[MaskForm()]:.0f} %."
        )
        if (near := nearest(together, form)) is None:
            progress.note(done)
        else:
            sentences.append(
                f"{done} As {near} it would be {percent[near]:.0f} %, which is near: look at "
                "data_check.png."
            )
    return form


def _doubt_form(
    name: str, scores: dict[MaskForm, float], form: MaskForm, sentences: list[str]
) -> None:
    better = best_form(scores, form)
    if better != form:
        here = scores.get(form, 0.0)
        sentences.append(
            f"The masks of {name} explain {100 * scores[better]:.0f} % of the image around them if "
            f"they are {better}, and {100 * here:.0f} % as they are used ({form}). "
            "Look at data_check.png; if they lie wrong, set flip = true or "
            'flip = "auto" under [[data]].'
        )


def _check_classes(cases: list[Case], config: Config) -> None:
    seen = np.zeros(256, bool)
    for case in cases:
        seen[np.unique(case.labels)] = True
    never = [c for n, c in enumerate(config.network.classes, start=1) if not seen[n]]
    if never:
        raise InputError(
            f"No case has {', '.join(never)}: take these out of the network's classes (or give a "
            "smaller number of labels), or give cases that have them."
        )
