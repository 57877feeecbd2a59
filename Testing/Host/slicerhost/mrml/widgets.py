"""All widgets of the scene, by module, for the .ui loader and the namespace `slicer`."""

from __future__ import annotations

import types


def sources() -> tuple[types.ModuleType, ...]:
    """Modules that hold widgets named as in Slicer."""
    from slicerhost.mrml import (
        node_combo_box,
        plot_view,
        segments_table,
        slice_widget,
        table_view,
        threed_widget,
    )

    return node_combo_box, plot_view, segments_table, slice_widget, table_view, threed_widget
