"""What TotalSegmentator has to run for the doses, asked from the installed package.

Names, values and models come from the package's own tables (`totalsegmentator.map_to_binary`, and
`map_tasks_config` where it exists: 2.13 has none). They are plain data, so that nothing heavy is
imported here. A task or an organ that is not in them any more is an error, never another organ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from types import ModuleType

from ...ct.organs import organs
from ...errors import DependencyError, SegmentationError
from ..labelmap import BODY_REST, SKIN

PACKAGE = "totalsegmentator"
OLDEST = (2, 13)
# Resolution of the networks: 1.5, 3 and 6 mm.
QUALITIES = ("full", "fast", "fastest")
TOTAL, BODY_TASK, TISSUE_TASK = "total", "body", "tissue_types"
# What is run only when asked for. The skin of task body is a file of its own, not a label.
EXTRAS = {
    "lung_vessels": "lung_vessels_LEGACY",
    "heart_chambers": "heartchambers_highres",
    "body": BODY_TASK,
    "breasts": "breasts",
    "head_glands": "head_glands_cavities",
    "tissue_types": TISSUE_TASK,
}
# What fills the body, and so lies beneath the organs: the first the lowest.
BENEATH = (BODY_TASK, TISSUE_TASK)
BODY_LABELS = {1: BODY_REST, 2: SKIN}


@dataclass(frozen=True)
class Weights:
    """One network of a task.

    Attributes
    ----------
    folder
        Of the network, below the folder of all weights.
    labels
        How many labels it distinguishes, background not counted.
    licensed
        Whether it is given out to holders of a licence alone.
    number
        TotalSegmentator's number of it.
    """

    folder: str
    labels: int
    licensed: bool
    number: int


@dataclass(frozen=True)
class TaskRun:
    """One call of TotalSegmentator.

    Attributes
    ----------
    task
        Its name.
    names
        Label value to organ, of the organs that are kept.
    quality
        ``full``, ``fast`` or ``fastest``.
    subset
        Whether only the parts of the network that hold these organs are computed, on the part of
        the volume that holds them.
    weights
        The networks that it needs; None where the package does not list them (2.13).
    licensed
        Whether the task needs a licence.
    """

    task: str
    names: Mapping[int, str]
    quality: str
    subset: bool
    weights: tuple[Weights, ...] | None
    licensed: bool


@dataclass(frozen=True)
class Plan:
    """All calls of one segmentation, in the order in which later ones cover earlier ones."""

    version: str
    quality: str
    runs: tuple[TaskRun, ...]

    @property
    def weights(self) -> tuple[Weights, ...] | None:
        """All networks, each once; None where the package does not list them."""
        networks: dict[Weights, None] = {}
        for run in self.runs:
            if run.weights is None:
                return None
            networks.update(dict.fromkeys(run.weights))
        return tuple(networks)


def installed_version() -> str:
    """Return the version of the installed TotalSegmentator.

    Returns
    -------
    str

    Raises
    ------
    DependencyError
        If it is missing or too old.
    """
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise DependencyError(
            "TotalSegmentator is not installed (pip install ctdoseseg[totalsegmentator])"
        ) from error
    if tuple(int(n) for n in re.findall(r"\d+", version)[:2]) < OLDEST:
        oldest = ".".join(str(n) for n in OLDEST)
        raise DependencyError(
            f"TotalSegmentator {version} is too old, {oldest} or newer is needed "
            f"(pip install --upgrade TotalSegmentator)"
        )
    return version


def dose_organs() -> frozenset[str]:
    """Return the organs that TotalSegmentator is asked for by name, of tasks of many labels."""
    return frozenset().union(*_ORGANS.values())


def make_plan(quality: str = "fast", extras: Sequence[str] = ()) -> Plan:
    """Return the calls that segment the organs with a dose model.

    Parameters
    ----------
    quality
        One of `QUALITIES`.
    extras
        Keys of `EXTRAS`.

    Returns
    -------
    Plan

    Raises
    ------
    DependencyError
        If TotalSegmentator is missing or too old.
    SegmentationError
        If the installed version knows a task or an organ by another name.
    """
    version = installed_version()
    tables = _tables("map_to_binary", version)
    tasks = [EXTRAS[extra] for extra in EXTRAS if extra in extras]
    lower = [task for task in BENEATH if task in tasks]
    order = [*lower, TOTAL, *(task for task in tasks if task not in lower)]
    runs = tuple(_run(task, quality, tables, version) for task in order)
    return Plan(version, quality, runs)


def with_networks_of(plan: Plan, task: str) -> Plan:
    """Return a plan that needs the networks of one more task, of which no label is kept."""
    tables = _tables("map_to_binary", plan.version)
    licensed = task in getattr(tables, "commercial_models", {})
    run = TaskRun(task, {}, "full", False, _weights(task, "full", tables), licensed)
    return replace(plan, runs=(*plan.runs, run))


def offered_extras() -> dict[str, bool]:
    """Return the keys of `EXTRAS` that the installed package has, and whether they need a licence.

    Raises
    ------
    DependencyError
        If TotalSegmentator is missing or too old.
    """
    tables = _tables("map_to_binary", installed_version())
    classes = getattr(tables, "class_map", {})
    licensed = getattr(tables, "commercial_models", {})
    return {extra: task in licensed for extra, task in EXTRAS.items() if task in classes}


def _tables(name: str, version: str) -> ModuleType:
    try:
        return import_module(f"{PACKAGE}.{name}")
    except ImportError as error:
        raise DependencyError(
            f"TotalSegmentator {version} is damaged or of a kind that this version does not know, "
            f"{error.name} cannot be imported; install it again (pip install --force-reinstall "
            "TotalSegmentator)"
        ) from error


# What these tasks are asked for, of the organs with a dose model. Lungs are made from their lobes,
# and skin is its own task's. The other tasks are asked for all that the table of organs knows.
_ORGANS = {
    TOTAL: {
        *("brain", "thyroid_gland", "trachea", "esophagus", "spinal_cord"),
        *(f"lung_{part}_lobe_left" for part in ("upper", "lower")),
        *(f"lung_{part}_lobe_right" for part in ("upper", "middle", "lower")),
        *("heart", "aorta", "superior_vena_cava", "inferior_vena_cava"),
        *("liver", "portal_vein_and_splenic_vein", "spleen", "pancreas", "gallbladder"),
        *("kidney_left", "kidney_right", "adrenal_gland_left", "adrenal_gland_right"),
        *("stomach", "duodenum", "small_bowel", "colon", "urinary_bladder", "prostate"),
        *(f"iliac_{vessel}_{s}" for vessel in ("artery", "vena") for s in ("left", "right")),
        *("iliopsoas_left", "iliopsoas_right"),
    },
    "lung_vessels_LEGACY": {"lung_vessels"},
    "heartchambers_highres": {
        "heart_myocardium",
        "heart_atrium_left",
        "heart_ventricle_left",
        "heart_atrium_right",
        "heart_ventricle_right",
        "pulmonary_artery",
    },
}


def _run(task: str, quality: str, tables: ModuleType, version: str) -> TaskRun:
    classes = getattr(tables, "class_map", {}).get(task)
    if classes is None:
        raise SegmentationError(_renamed(version, f"has no task {task}"))
    if task == BODY_TASK:
        names: Mapping[int, str] = BODY_LABELS
    else:
        wanted = _ORGANS.get(task) or set(organs()) & set(classes.values())
        if not wanted:
            raise SegmentationError(_renamed(version, f"has no known label in task {task}"))
        if missing := sorted(wanted - set(classes.values())):
            problem = f"has no label {', '.join(missing)} in task {task}"
            raise SegmentationError(_renamed(version, problem))
        names = {value: name for value, name in classes.items() if name in wanted}
    own_quality = quality if task in (TOTAL, BODY_TASK) else "full"
    if task == BODY_TASK and quality == "fastest":
        own_quality = "fast"
    return TaskRun(
        task,
        names,
        own_quality,
        subset=task == TOTAL and quality == "full",
        weights=_weights(task, own_quality, tables),
        licensed=task in getattr(tables, "commercial_models", {}),
    )


def _renamed(version: str, problem: str) -> str:
    return (
        f"TotalSegmentator {version} {problem}: its names have changed since this version of "
        "CTDoseSeg was made. Install TotalSegmentator 2.18, update CTDoseSeg, or leave that task "
        "out"
    )


def _weights(task: str, quality: str, tables: ModuleType) -> tuple[Weights, ...] | None:
    """Return the networks of a task; None where the package does not list them."""
    try:
        config = import_module(f"{PACKAGE}.map_tasks_config")
        own = config.TASK_CONFIGS[task]
        mode = (
            own["sub_modes"]["default" if quality == "full" else quality]
            if ("sub_modes" in own)
            else own
        )
        numbers = mode["task_id"]
        total = config.TASK_CONFIGS[TOTAL]["sub_modes"]
        needed = [(n, task) for n in (numbers if isinstance(numbers, list) else [numbers])]
        # To crop, the package runs its 6 mm network first, or the 3 mm one where it must be sure.
        if own.get("crop") or (task == TOTAL and quality == "full"):
            rough = total["fast" if own.get("robust_crop") else "fastest"]
            needed.append((rough["task_id"], TOTAL))
        return tuple(_network(n, of, config, tables) for n, of in needed)
    except (ImportError, KeyError, TypeError):
        return None


def _network(number: int, task: str, config: ModuleType, tables: ModuleType) -> Weights:
    folder = config.TASK_ID_WEIGHTS_CONFIGS[number]["foldername"]
    part = tables.map_taskid_to_partname_ct.get(number)
    classes = tables.class_map_5_parts[part] if part else tables.class_map[task]
    licensed = number in tables.commercial_models.values()
    return Weights(folder, len(classes), licensed, number)
