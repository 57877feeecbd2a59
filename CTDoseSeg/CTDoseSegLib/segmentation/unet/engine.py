"""Segmentation by a UNet: slice by slice with its neighbours, on a coarser grid and back.

The slices are seen along the patient's axes (`working_grid.Canonical`). In the plane they are
averaged to the network's pixel size on a grid with the same outer edges, and the network's logits
are interpolated back before the labels are decided, so that no label moves and edges stay finer
than the working pixel. Memory: the working volume and one slice's logits at a time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ...ct.organs import OUTSIDE_BODY
from ...ct.series import CTSeries
from ...errors import DependencyError, ModelError, SegmentationError
from ...flags import Flag, flag
from ...segmentation.atoms import groups_of, named_atom
from ...tasks.progress import Progress
from ..doubt import Doubt
from ..doubt_map import DoubtMap
from ..labelmap import BODY_REST, SKIN, Labelmap, counts
from ..morphology import CROSS, dilated_by
from ..slice_threads import for_each_slice, workers
from ..threshold.skin import air_around, skin_shell
from ..working_grid import Canonical, field_of_view
from .box import dense_box
from .certainty import Certainty, put_back, shown_again, unsure, varied
from .doubts import doubts
from .finer import Finer, decide
from .images import network_input, torch_threads, value_scale, working_volume
from .spec import SPEC_FILE, WEIGHTS_FILE, UNetSpec, bundled_folder, neighbours
from .surfaces import draw_surfaces, enlarged, fill_cavities, nearest_pixels

if TYPE_CHECKING:
    import torch

ENGINE = "unet"
# Slices that the network is shown at once, by all threads together.
BATCH = 8
# Less than this of a scan is not a body but noise.
LEAST_BODY_CM2 = 10.0
# The air around the body is looked for on pixels of about this size.
AIR_MM = 4.0


@dataclass(frozen=True)
class UNetEngine:
    """A UNet as an engine.

    Attributes
    ----------
    folder
        Of the network; None for the bundled one.
    device
        ``auto``, or ``cpu`` to leave a graphics card alone.
    """

    folder: str | Path | None = None
    device: str = "auto"
    name: str = ENGINE

    @property
    def weights_missing(self) -> str:
        """Why there is no network to run; empty where there is one. Needs no package."""
        place = bundled_folder() if self.folder is None else Path(self.folder)
        if place.joinpath(WEIGHTS_FILE).is_file():
            return ""
        if self.folder is None:
            return "the bundled UNet is missing (install CTDoseSeg again, or give one with --unet)"
        return f"there is no {WEIGHTS_FILE} in the folder of the UNet"

    @property
    def spec(self) -> UNetSpec:
        """What the network is; needs no package."""
        place = bundled_folder() if self.folder is None else Path(self.folder)
        return UNetSpec.from_json(place.joinpath(SPEC_FILE).read_text(encoding="utf-8"))

    def available(self) -> tuple[bool, str]:
        """Return whether it can run here, and why not, with the remedy in brackets."""
        if self.weights_missing:
            return False, self.weights_missing
        missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
        if missing:
            names = " and ".join(missing) + (" is" if len(missing) == 1 else " are")
            return False, f"{names} not installed (pip install ctdoseseg[networks])"
        return True, ""

    def segment(self, series: CTSeries, progress: Progress) -> Labelmap:
        """Segment a series.

        Parameters
        ----------
        series
            The CT.
        progress
            Receives progress; may cancel.

        Returns
        -------
        Labelmap
            On the grid of the series.

        Raises
        ------
        DependencyError
            If torch or safetensors is missing.
        ModelError
            If the network's files are missing or damaged.
        SegmentationError
            If no body is found though the network knows it.
        """
        able, reason = self.available()
        if not able:
            kind = DependencyError if "installed" in reason else ModelError
            raise kind(f"The UNet cannot be used: {reason}.")
        from .network import for_inference, load_unet

        network, spec, digest = load_unet(self.folder)
        device = best_device() if self.device == "auto" else self.device
        certainty: list[Certainty] = []
        labels = predict(for_inference(network, device), spec, series, progress, device, certainty)
        made = _labelmap(series, spec, labels, f"{ENGINE} {digest[:12]}")
        drawn = {atom.name for atom in made.atoms}
        flags = (*made.flags, *unsure(certainty[0], spec, drawn))
        tint = DoubtMap.of(certainty[0].doubt_map, series.hu.shape, series.affine)
        doubt = _doubt(series, spec, certainty[0])
        about = {
            "network": {
                "sha256": digest,
                "spec_sha256": hashlib.sha256(spec.to_json().encode()).hexdigest(),
                "classes": list(spec.shown),
                "temperature": spec.temperature,
                "device": device,
            }
        }
        return replace(made, flags=flags, doubt=doubt, doubt_map=tint, about=about)


def _doubt(series: CTSeries, spec: UNetSpec, certainty: Certainty) -> Doubt | None:
    """Return the network's doubt on the series' slices; None where it was shown other slices."""
    view = Canonical.of(series)
    if view.permutation[0] != 0:
        return None
    area = float(np.prod(view.spacing_mm[1:])) * view.hu.shape[1] * view.hu.shape[2]
    doubt = certainty.doubt(spec.classes, area / certainty.doubt_map[0].size)
    doubt = doubt.only(spec.shown)
    return doubt.reversed() if 0 in view.reversed_axes else doubt


def best_device() -> str:
    """Return the device on which torch computes fastest here."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def predict(
    network: torch.nn.Module,
    spec: UNetSpec,
    series: CTSeries,
    progress: Progress | None = None,
    device: str = "cpu",
    certainty: list[Certainty] | None = None,
) -> np.ndarray:
    """Return the labels of a series.

    Parameters
    ----------
    network
        From `network.for_inference`, on `device`.
    spec
        Of the network.
    series
        The CT.
    progress
        Receives progress; may cancel.
    device
        torch's name of it.
    certainty
        Receives how sure the network is, which takes a second look at slices 5 mm apart. Its
        doubt is along the axes of the series.

    Returns
    -------
    numpy.ndarray
        uint8 [k, j, i] on the series' own grid.
    """
    import torch

    progress = progress or Progress()
    view = Canonical.of(series)
    progress.update(0.02, "looking at the slices")
    small = working_volume(view.hu, view.spacing_mm[1:], spec)
    # A volume that was scanned along another axis has its own positions there.
    z = series.z_mm[:: -1 if 0 in view.reversed_axes else 1]
    if view.permutation[0] != 0 or len(z) != len(small):
        z = view.spacing_mm[0] * np.arange(len(small))
    shown = neighbours(np.asarray(z, float), spec.context, spec.context_mm)
    scale = value_scale(small, spec)
    labels = np.zeros(view.hu.shape, np.uint8)
    coarse = np.zeros(small.shape, np.uint8)
    box = dense_box(small, spec)
    seen, drawn = small[:, box[0], box[1]], coarse[:, box[0], box[1]]
    finer = Finer.of(small.shape[1:], view.hu.shape[1:], box)
    sums = Certainty.empty(len(small), len(spec.classes)) if certainty is not None else None
    again = shown_again(np.asarray(z, float))
    doubt = np.zeros(small.shape if sums is not None else (0, 0, 0), np.uint8)
    threads = workers(torch.get_num_threads()) if device == "cpu" else 1
    batch = max(1, BATCH // threads)

    def look(start: int) -> None:
        some = shown[start : start + batch]
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=half(device)):
            logits = network(network_input(seen, some, spec, scale).to(device)).cpu()
            decided = decide(logits[..., : seen.shape[1], : seen.shape[2]], spec.threshold)
            drawn[start : start + len(some)] = decided
            for k, (one, label) in enumerate(zip(logits, decided, strict=True), start=start):
                labels[k][finer.window] = finer.labels(one, label, spec.threshold)
            if sums is not None:
                logits = logits[..., : seen.shape[1], : seen.shape[2]]
                added = sums.add(start, logits, decided, spec.temperature)
                doubt[start : start + len(some), box[0], box[1]] = added
                _look_again(network, spec, seen, shown, start, decided, again, sums, device)

    def report(start: int) -> None:
        progress.update(0.05 + 0.85 * start / len(small), "finding organs (UNet)")

    report(0)
    # One thread a batch keeps all processors at work, also on what follows the network.
    with torch_threads(torch.get_num_threads() // threads):
        for_each_slice(look, range(0, len(small), batch), report, threads)
    if certainty is not None and sums is not None:
        certainty.append(replace(sums, doubt_map=view.restore(doubt)))
    progress.update(0.92, "removing islands")
    _withhold(labels, coarse, spec)
    remove_islands(labels, coarse, spec, _pixel_ml(view, small.shape))
    progress.update(0.95, "drawing surfaces")
    draw_surfaces(labels, coarse, small, view, spec)
    fill_cavities(labels, coarse, spec)
    return view.restore(labels)


def _look_again(network, spec, small, shown, start, decided, again, sums, device) -> None:
    """Show slices of a batch varied, and count how far the labels stay."""
    import torch

    chosen = [k for k in range(start, start + len(decided)) if again[k]]
    if not chosen:
        return
    scale, inputs = value_scale(small, spec), []
    for k in chosen:
        slices = varied(small[shown[k]], np.random.default_rng([k, 11]))
        inputs.append(network_input(slices, np.arange(len(slices))[None], spec, scale))
    logits = network(torch.cat(inputs).to(device)).cpu()
    other = decide(logits[..., : small.shape[1], : small.shape[2]], spec.threshold)
    for k, labels in zip(chosen, other, strict=True):
        sums.add_again(k, decided[k - start], put_back(labels))


def half(device: str) -> bool:
    """Return whether half precision is faster: on a GPU, or if the processor computes in it."""
    import torch

    if device != "cpu":
        return device == "cuda"
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(check())


def _withhold(labels: np.ndarray, coarse: np.ndarray, spec: UNetSpec) -> None:
    """Make withheld classes the rest of the body on both grids, in place.

    So becomes what is not on the working grid: between pixels a class can be the most probable
    that is so at no pixel.
    """
    rest = spec.classes.index(BODY_REST) + 1 if BODY_REST in spec.classes else 0
    on_grid = np.flatnonzero(counts(coarse))
    values = np.full(256, rest, np.uint8)
    values[on_grid] = on_grid
    values[0] = 0
    values[[spec.classes.index(name) + 1 for name in spec.withheld]] = rest
    for drawn in (labels, coarse):
        for image in drawn:
            image[:] = values[image]


def remove_islands(labels: np.ndarray, coarse: np.ndarray, spec: UNetSpec, pixel_ml: float) -> None:
    """Take small pieces, and all but the largest of `spec.single`, out of both grids in place.

    Pieces are determined on the working grid. What is taken out of the body becomes the rest of
    the body, everything else becomes 0.

    Parameters
    ----------
    labels
        uint8 [k, j, i].
    coarse
        uint8 on the working grid, [k, rows, columns].
    spec
        Of the network.
    pixel_ml
        Volume of a working pixel.
    """
    pixels = nearest_pixels(labels.shape[1:], coarse.shape[1:])
    rest = spec.classes.index(BODY_REST) + 1 if BODY_REST in spec.classes else 0
    outside = {BODY_REST, *OUTSIDE_BODY}
    windows = ndimage.find_objects(coarse, len(spec.classes))
    for value, name in enumerate(spec.classes, start=1):
        if windows[value - 1] is None:
            continue
        # An organ is looked at where it is, with a voxel around it.
        k, j, i = (slice(max(0, part.start - 1), part.stop + 1) for part in windows[value - 1])
        pieces, _ = ndimage.label(coarse[k, j, i] == value)
        sizes = np.bincount(pieces.ravel())[1:] * pixel_ml
        keep = sizes >= spec.least_ml
        if name in spec.single:
            keep &= sizes == sizes.max()
        if keep.all():
            continue
        kept = np.r_[False, keep][pieces]
        gone = (pieces > 0) & ~kept
        coarse[k, j, i][gone] = fill = 0 if name in outside else rest
        if fill:
            windows[fill - 1] = tuple(slice(0, n) for n in coarse.shape)
        gone = dilated_by(gone, CROSS) & ~kept
        for n in np.flatnonzero(gone.any(axis=(1, 2))):
            image = labels[k.start + n]
            here = np.zeros(coarse.shape[1:], bool)
            here[j, i] = gone[n]
            image[(image == value) & enlarged(here, pixels)] = fill


def _pixel_ml(view: Canonical, shape: tuple[int, int, int]) -> float:
    area = view.spacing_mm[1] * view.spacing_mm[2] * view.hu.shape[1] * view.hu.shape[2]
    return area / (shape[1] * shape[2]) * view.spacing_mm[0] / 1000.0


def _labelmap(series: CTSeries, spec: UNetSpec, labels: np.ndarray, origin: str) -> Labelmap:
    """Return the network's labels with the skin as the body's shell."""
    names: dict[int, str] = dict(enumerate(spec.classes, start=1))
    outside = {value for value, name in names.items() if name in OUTSIDE_BODY}
    rest = next((value for value, name in names.items() if name == BODY_REST), None)
    flags: tuple[Flag, ...] = () if series.regular else (flag("slices_not_regular"),)
    if rest is not None:
        area = (labels == rest).sum(axis=(1, 2)).max() * series.pixel_area_mm2 / 100.0
        if area < LEAST_BODY_CM2:
            raise SegmentationError(
                "The UNet found no body: check that the values are HU, or use another engine."
            )
        if spec.windows:
            flags += doubts(series, labels, outside)
        if SKIN not in spec.classes:
            skin = len(spec.classes) + 1
            names[skin] = SKIN
            _add_skin(series, labels, rest, skin, outside)
    present = np.flatnonzero(counts(labels))
    atoms = tuple(named_atom(int(v), names[int(v)], origin) for v in present if v)
    groups = groups_of(a.name for a in atoms)
    return Labelmap(labels, series.affine, atoms, groups, ENGINE, flags)


def _add_skin(
    series: CTSeries, labels: np.ndarray, rest: int, skin: int, outside: set[int]
) -> None:
    view = Canonical.of(series)
    drawn = np.flip(labels.transpose(view.permutation), view.reversed_axes)
    seen = field_of_view(view.hu)
    within = np.ones(256, bool)
    within[[0, *outside]] = False
    steps = [max(1, round(AIR_MM / size)) for size in view.spacing_mm[1:]]
    air = air_around(within[drawn[:, :: steps[0], :: steps[1]]])

    def add(k: int) -> None:
        image = drawn[k]
        near = air[k].repeat(steps[0], axis=0).repeat(steps[1], axis=1)
        near = near[: image.shape[0], : image.shape[1]]
        shell = skin_shell(within[image], view.hu[k], seen, near, view.spacing_mm[1:])
        image[shell & (image == rest)] = skin

    for_each_slice(add, range(len(drawn)))
