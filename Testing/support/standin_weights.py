"""Weights that stand in for TotalSegmentator's: real nnU-Net networks whose output is known.

A network without any learning: its first layer are hinge functions of HU, its last layer adds them
up to a tent over each organ's HU. So a voxel gets a label if its HU, on the network's own grid, is
within about 40 HU of the organ's, and the label must come back to that voxel. All the rest of the
way is the real package's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

# The HU that stand for an organ; 100 HU apart, above those of the body that is drawn around them.
HU = {
    "liver": 300,
    "spleen": 500,
    "aorta": 700,
    "stomach": 900,
    "heart": 1100,
    "lung_upper_lobe_left": 1300,
    "kidney_left": 1500,
    # Other tasks find these within those.
    "lung_vessels": 1700,
    "heart_myocardium": 1100,
    "body_trunc": 0,
    "breast": 1900,
    "eye_lens_left": 2100,
    "parotid_gland_right": 2300,
    "nasopharynx": 2500,
    "skull": 2700,
    "brain": 2900,
    "subcutaneous_fat": 0,
}
HALF_WIDTH = 60.0
TASKS = (
    *("total", "body", "lung_vessels_LEGACY", "heartchambers_highres"),
    *("breasts", "head_glands_cavities", "tissue_types"),
    "headneck_bones_vessels",  # of the contrast phase
)
STD = 100.0


def write_network(
    folder: Path,
    labels: Mapping[int, str],
    trainer: str,
    spacing_mm: float,
    model: str = "3d_fullres",
) -> None:
    """Write one network: ``<folder>/<trainer>__nnUNetPlans__<model>/...``.

    Parameters
    ----------
    folder
        Named as TotalSegmentator names it.
    labels
        Value to name.
    trainer, spacing_mm, model
        As TotalSegmentator's configuration has them.
    """
    import torch

    tents = {value: HU[name] for value, name in labels.items() if name in HU}
    if "body_trunc" in labels.values():
        tents = dict.fromkeys(tents, 0)
    knots = sorted({hu + step * HALF_WIDTH for hu in tents.values() for step in (-1, 0, 1)})
    width = max(2, len(knots))
    heads = len(labels) + 1
    architecture = _architecture(width)
    network = _build(architecture, heads)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        first = network.encoder.stages[0][0].convs[0].conv
        for n, knot in enumerate(knots):
            first.weight[n] = 1.0
            first.bias[n] = -knot / STD
        merge = network.decoder.stages[0].convs[0].conv
        skipped = merge.weight.shape[1] - width
        for n in range(width):
            merge.weight[n, skipped + n] = 1.0
        last = network.decoder.seg_layers[-1]
        last.bias[:] = -1.0
        last.bias[0] = 0.3
        slope = STD / HALF_WIDTH
        for value, hu in tents.items():
            last.bias[value] = 0.0
            for step, factor in ((-1, 1.0), (0, -2.0), (1, 1.0)):
                last.weight[value, knots.index(hu + step * HALF_WIDTH)] += factor * slope
        if "body_trunc" in labels.values():  # all that is denser than air
            _body(first, last, width)
    place = folder / f"{trainer}__nnUNetPlans__{model}"
    (place / "fold_0").mkdir(parents=True)
    dataset = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **{name: value for value, name in labels.items()}},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    (place / "dataset.json").write_text(json.dumps(dataset))
    (place / "plans.json").write_text(
        json.dumps(_plans(folder.name, architecture, spacing_mm, model))
    )
    checkpoint = {
        "network_weights": network.state_dict(),
        "trainer_name": trainer,
        "init_args": {"configuration": model},
        "inference_allowed_mirroring_axes": None,
    }
    torch.save(checkpoint, place / "fold_0" / "checkpoint_final.pth")


def _body(first, last, width: int) -> None:
    """Make label 1 what is denser than -500 HU: one hinge that rises from there."""
    first.weight[:width] = 1.0
    first.bias[:width] = 5.0
    last.weight[:] = 0.0
    last.weight[1, 0] = 1.0


def write_weights(folder: Path) -> Path:
    """All networks that the tasks of CTDoseSeg need, as the installed package names them."""
    from totalsegmentator.map_tasks_config import TASK_CONFIGS, TASK_ID_WEIGHTS_CONFIGS
    from totalsegmentator.map_to_binary import (
        class_map,
        class_map_5_parts,
        map_taskid_to_partname_ct,
    )

    for task in TASKS:
        config = TASK_CONFIGS[task]
        for mode in config.get("sub_modes", {"": config}).values():
            numbers = mode["task_id"] if isinstance(mode["task_id"], list) else [mode["task_id"]]
            for number in numbers:
                part = map_taskid_to_partname_ct.get(number)
                labels = class_map_5_parts[part] if part else class_map[task]
                name = TASK_ID_WEIGHTS_CONFIGS[number]["foldername"]
                # Tasks without a spacing of their own run on the scan's; 3 mm is quick.
                spacing = mode.get("resample") or 3.0
                if not isinstance(spacing, float):  # of x, y and z: their middle is near enough
                    spacing = sorted(spacing)[1]
                model = config.get("model", "3d_fullres")
                write_network(folder / name, labels, mode["trainer"], spacing, model)
    return folder


def _architecture(width: int) -> dict:
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": [width, 2],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[1, 1, 1], [1, 1, 1]],
            "strides": [[1, 1, 1], [2, 2, 2]],
            "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": None,
            "norm_op_kwargs": None,
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.ReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def _build(architecture: dict, heads: int):
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    return get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        1,
        heads,
        deep_supervision=False,
    )


def _plans(name: str, architecture: dict, spacing_mm: float, model: str = "3d_fullres") -> dict:
    resample = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    function = "resample_data_or_seg_to_shape"
    statistics = {
        "mean": 0.0,
        "std": STD,
        "percentile_00_5": -1024.0,
        "percentile_99_5": 3071.0,
    }
    configuration = {
        "data_identifier": f"nnUNetPlans_{model}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [32, 64, 64],
        "median_image_size_in_voxels": [64.0, 64.0, 64.0],
        "spacing": [spacing_mm] * 3,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": function,
        "resampling_fn_seg": function,
        "resampling_fn_data_kwargs": resample,
        "resampling_fn_seg_kwargs": {**resample, "is_seg": True},
        "resampling_fn_probabilities": function,
        "resampling_fn_probabilities_kwargs": resample,
        "architecture": architecture,
        "batch_dice": True,
    }
    return {
        "dataset_name": name,
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [spacing_mm] * 3,
        "original_median_shape_after_transp": [64, 64, 64],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {model: configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": statistics},
    }
