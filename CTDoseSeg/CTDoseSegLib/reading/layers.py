"""Several masks or layers of one grid as one array of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def merge_layers(layers: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
    """Return one array of labels from layers that may overlap.

    Parameters
    ----------
    layers
        Labels of one shape, unsigned integers; no value is in two of them.

    Returns
    -------
    labels : numpy.ndarray
        Where layers overlap, a voxel has the label that has fewer voxels.
    overlap : int
        Voxels that lie in more than one.
    """
    labels = layers[0].copy()
    top = max(int(layer.max(initial=0)) for layer in layers)
    sizes = np.zeros(top + 1, np.int64)
    for layer in layers:
        sizes += np.bincount(layer.ravel(), minlength=top + 1)
    overlap = np.zeros(labels.shape, bool)
    for layer in layers[1:]:
        both = (labels > 0) & (layer > 0)
        overlap |= both
        above = (layer > 0) & (~both | (sizes[layer] <= sizes[labels]))
        np.copyto(labels, layer, where=above)
    return labels, int(overlap.sum())
